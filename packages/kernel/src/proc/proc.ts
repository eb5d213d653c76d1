/**
 * /proc text of a kernel's tasks: calls the writers in this folder.
 */
import type { Mm } from '@vmarea/mm-core';
import { CAP_SYS_ADMIN } from '@vmarea/uapi';
import { hasCapability } from '@vmarea/mm-core';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import { showMaps, type ReadName } from './maps.ts';
import { memInfo, showMeminfo, type MemInfo } from './meminfo.ts';
import { readPagemap } from './pagemap.ts';
import { showSmaps, showSmapsRollup } from './smaps.ts';
import { mmFigures, showStatm, showStatus, type MmFigures } from './status.ts';
import type { TextWriter } from './text-writer.ts';

/** The number of bytes of a name of anonymous memory that are read (NAME_MAX). */
const NAME_MAX = 255;

/** The /proc of one kernel. */
export class Proc {
  private readonly kernel: Kernel;
  private readonly readName: ReadName;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.readName = (mm, address) => this.userText(mm, address);
  }

  /** Returns /proc/PID/maps as bytes in a buffer that may be reused. */
  mapsBytes(task: Task): TextWriter {
    return showMaps(task.mm, this.readName);
  }

  /** /proc/PID/maps. */
  maps(task: Task): string {
    return this.mapsBytes(task).toString();
  }

  /** /proc/PID/smaps. */
  smaps(task: Task): string {
    return showSmaps(task.mm, this.kernel.memory?.frames ?? null, this.readName).toString();
  }

  /** /proc/PID/smaps_rollup. */
  smapsRollup(task: Task): string {
    return showSmapsRollup(task.mm, this.kernel.memory?.frames ?? null).toString();
  }

  /** /proc/PID/status. */
  status(task: Task): string {
    const ended = task.exitStatus !== null;
    const subject = {
      comm: task.comm,
      pid: task.pid,
      tgid: task.tgid,
      threads: Math.max(task.signal.live, 1),
      ppid: task.parent?.pid ?? 0,
      uid: task.cur.cred.uid,
      gid: task.cur.cred.gid,
      state: ended ? 'Z (zombie)' : 'R (running)',
    };
    return showStatus(subject, ended ? null : task.mm).toString();
  }

  /** The figures of status. */
  figures(task: Task): MmFigures {
    return mmFigures(task.mm);
  }

  /** /proc/PID/statm. */
  statm(task: Task): string {
    return showStatm(task.mm);
  }

  /**
   * /proc/PID/pagemap, read by `reader`.
   *
   * @param start byte address, page-aligned
   * @param count pages
   */
  pagemap(task: Task, start: number, count: number, reader: Task = task): BigUint64Array {
    const { memory } = this.kernel;
    if (memory === null) return new BigUint64Array(count);
    return readPagemap(task.mm, memory.frames, start, count, hasCapability(reader.cur.cred, CAP_SYS_ADMIN));
  }

  /** The figures of /proc/meminfo. */
  memInfo(): MemInfo {
    return memInfo(this.kernel.system, this.kernel.memory?.frames ?? null, this.kernel.hugePool);
  }

  /** /proc/meminfo. */
  meminfo(): string {
    return showMeminfo(this.memInfo()).toString();
  }

  /** Reads the text at a user address, up to its zero byte; null when it is not in memory. */
  private userText(mm: Mm, address: number): string | null {
    const tables = mm.pageTables;
    const { memory, system } = this.kernel;
    if (tables === null || memory === null) return null;
    const byte = new Uint8Array(1);
    let text = '';
    for (let at = address; text.length < NAME_MAX; at++) {
      const page = at - (at & system.pageMask);
      const slot = tables.slot(page);
      if (slot < 0 || tables.entry(slot) === 0) return null;
      memory.physical.readBytes(tables.pfn(slot), at & system.pageMask, byte, 0, 1);
      if (byte[0] === 0) break;
      text += String.fromCharCode(byte[0]!);
    }
    return text;
  }
}
