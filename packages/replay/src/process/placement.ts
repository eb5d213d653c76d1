/**
 * Where files of a PMD huge page (2 MiB) and more are placed, which depends on the file system that they are on. No log names
 * that, but the first such mapping shows it: what is assumed of its mount is confirmed, or corrected.
 */
import { findVma } from '@vmarea/mm-core';
import { formatBytes, fromLog, isAssumed, mountOf, type FilePlacement, type Situation } from '@vmarea/situation';
import type { Call, MmapOp } from '@vmarea/strace';
import { fromRegister, MAP_ANONYMOUS, MAP_FIXED, MAP_FIXED_NOREPLACE } from '@vmarea/uapi';
import type { File } from '@vmarea/vfs';
import { callText } from '../report/answer-text.ts';
import type { Replay } from '../replay.ts';
import { makeCall } from './memory-calls.ts';
import type { Process } from './process.ts';

/** The file whose mount decides where a mapping goes; null when none does. */
export function fileThatDecides(replay: Replay, process: Process, op: MmapOp): File | null {
  const { system } = replay.kernel;
  if ((op.flags & (MAP_ANONYMOUS | MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0) return null;
  if (!system.profile.layout.filesAlignToPmd || !system.config.thp) return null;
  const file = process.task.cur.files.fgetRaw(op.fd);
  if (file === null || !replay.files.isPlaced(file)) return null;
  const size = system.arch.pmdSize;
  const offset = Number(op.offset);
  const first = Math.ceil(offset / size) * size;
  return offset + Math.ceil(fromRegister(op.len) / system.pageSize) * system.pageSize - first >= size ? file : null;
}

/** A mapping went where it is: what was assumed of the mount is known from now on. */
export function confirmPlacement(replay: Replay, file: File, call: Call): void {
  const { mounts } = replay.situation;
  const path = file.path();
  const directory = mountOf(mounts, path);
  const fact = mounts.get(directory);
  if (fact !== undefined && isAssumed(fact)) tell(replay, directory, fact.value, call, path);
}

/**
 * A mapping went elsewhere in the log: makes it with the other placement, unless an option or an earlier line tells how the
 * files of its mount are placed.
 *
 * @param result the answer that differs from the recorded one, `ret`
 * @returns the answer that counts
 */
export function correctPlacement(replay: Replay, process: Process, call: Call, op: MmapOp, ret: number): number | null {
  const file = fileThatDecides(replay, process, op);
  if (file === null) return null;
  const path = file.path();
  const { mounts } = replay.situation;
  const mount = mountOf(mounts, path);
  const fact = mounts.get(mount);
  if (fact?.evidence.kind === 'option') return null;
  const other: FilePlacement = fact?.value === 'huge' ? 'page' : 'huge';
  replay.files.place(file, other);
  const result = makeCall(process, op);
  if (result !== ret) {
    if (result >= 0 && findVma(process.task.mm, result) !== null) process.task.sys.munmap(result, op.len);
    replay.files.place(file);
    return null;
  }
  // One file of a mount that is known lies elsewhere: on a mount of its own.
  const directory = fact === undefined || isAssumed(fact) ? mount : path.slice(0, Math.max(1, path.lastIndexOf('/')));
  tell(replay, directory, other, call, path);
  const size = formatBytes(replay.kernel.system.arch.pmdSize);
  const where =
    other === 'huge' ? `congruent to ${size}, as on ext4, xfs and btrfs` : 'at any page, as on tmpfs and overlay';
  replay.learned.push(
    `files of ${size} and more below ${directory} are placed ${where}: line ${call.line}, ${callText(call)}`,
  );
  return result;
}

function tell(replay: Replay, directory: string, placement: FilePlacement, call: Call, path: string): void {
  const what = `where ${path} was mapped`;
  const mounts: Situation['mounts'] = new Map([
    ...replay.situation.mounts,
    [directory, fromLog(placement, call.line, what)],
  ]);
  replay.situation = { ...replay.situation, mounts };
}
