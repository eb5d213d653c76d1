/**
 * Listeners for a machine's ports: perf's mmap records, uprobes on files, audit's record of a mapped descriptor.
 *
 * Set one with `kernel.system.perf = new PerfRecords(kernel)` and so on; without them nothing is recorded, at no cost.
 * Mirrors perf_event_mmap of kernel/events/core.c, kernel/events/uprobes.c and __audit_mmap_fd of kernel/auditsc.c.
 */
import {
  VM_DENYWRITE,
  VM_EXEC,
  VM_HUGETLB,
  VM_LOCKED,
  VM_MAYEXEC,
  VM_MAYSHARE,
  VM_SHARED,
  type Audit,
  type Caller,
  type PerfEvents,
  type Uprobes,
  type Vma,
  type VmInode,
} from '@vmarea/mm-core';
import {
  MAP_DENYWRITE,
  MAP_EXECUTABLE,
  MAP_HUGETLB,
  MAP_LOCKED,
  MAP_PRIVATE,
  MAP_SHARED,
  PERF_RECORD_MISC_MMAP_DATA,
  PERF_RECORD_MISC_USER,
  PERF_RECORD_MMAP2,
} from '@vmarea/uapi';
import type { Kernel } from './kernel.ts';
import type { Task } from './task/task.ts';

/** PERF_RECORD_MMAP2, as perf reads it. */
export interface PerfMmapRecord {
  readonly type: number;
  /** PERF_RECORD_MISC_USER, and PERF_RECORD_MISC_MMAP_DATA for a mapping that is not executable. */
  readonly misc: number;
  readonly pid: number;
  readonly tid: number;
  readonly addr: number;
  /** Bytes. */
  readonly len: number;
  /** Byte offset in the file. */
  readonly pgoff: number;
  readonly major: number;
  readonly minor: number;
  readonly ino: number;
  /** PROT_ and MAP_ bits. */
  readonly prot: number;
  readonly flags: number;
  /** The path, `[heap]`, `[stack]`, a special mapping's name, or `//anon`. */
  readonly filename: string;
}

/** Returns perf_event_mmap_event's name of a mapping without a file. */
function anonymousName(vma: Vma): string {
  const mm = vma.vmMm;
  const named = vma.vmOps?.name?.(vma) ?? null;
  if (named !== null) return named;
  if (vma.vmStart <= mm.startBrk && vma.vmEnd >= mm.brk) return '[heap]';
  if (vma.vmStart <= mm.startStack && vma.vmEnd >= mm.startStack) return '[stack]';
  return '//anon';
}

function mapFlags(flags: number): number {
  return (
    ((flags & VM_MAYSHARE) !== 0 ? MAP_SHARED : MAP_PRIVATE) |
    ((flags & VM_DENYWRITE) !== 0 ? MAP_DENYWRITE : 0) |
    ((flags & VM_EXEC) !== 0 ? MAP_EXECUTABLE : 0) |
    ((flags & VM_LOCKED) !== 0 ? MAP_LOCKED : 0) |
    ((flags & VM_HUGETLB) !== 0 ? MAP_HUGETLB : 0)
  );
}

/** A perf event with mmap records of every task: keeps them in order. */
export class PerfRecords implements PerfEvents {
  /** The records so far. Callers may remove them. */
  readonly records: PerfMmapRecord[] = [];
  private readonly kernel: Kernel;
  private readonly withData: boolean;

  /** @param withData attr.mmap_data: also records mappings that are not executable */
  constructor(kernel: Kernel, withData: boolean = true) {
    this.kernel = kernel;
    this.withData = withData;
  }

  mmap(vma: Vma): void {
    const { vmFlags, vmFile } = vma;
    const executable = (vmFlags & VM_EXEC) !== 0;
    if (!executable && !this.withData) return;
    const task = this.taskOf(vma);
    const { pageSize } = this.kernel.system;
    this.records.push({
      type: PERF_RECORD_MMAP2,
      misc: executable ? PERF_RECORD_MISC_USER : PERF_RECORD_MISC_USER | PERF_RECORD_MISC_MMAP_DATA,
      pid: task?.tgid ?? 0,
      tid: task?.pid ?? 0,
      addr: vma.vmStart,
      len: vma.vmEnd - vma.vmStart,
      pgoff: vma.vmPgoff * pageSize,
      major: vmFile?.fInode.devMajor ?? 0,
      minor: vmFile?.fInode.devMinor ?? 0,
      ino: vmFile?.fInode.ino ?? 0,
      prot: vmFlags & 7,
      flags: mapFlags(vmFlags),
      filename: vmFile === null ? anonymousName(vma) : vmFile.path(),
    });
  }

  /** Returns the task that makes the call, of those with the address space; undefined for one that exec is still building. */
  private taskOf(vma: Vma): Task | undefined {
    const { current } = this.kernel.system;
    let found: Task | undefined;
    for (const task of this.kernel.tasks.values()) {
      if (task.exitStatus !== null || task.mm !== vma.vmMm) continue;
      if (task.cur.call === current) return task;
      found ??= task;
    }
    return found;
  }
}

/** A breakpoint that was inserted into a mapping, or removed from one. */
export interface UprobeHit {
  readonly what: 'insert' | 'remove';
  /** Byte offset in the file. */
  readonly offset: number;
  readonly address: number;
  readonly vma: Vma;
}

/** Probes on instructions of files, inserted into every executable private mapping of the file. */
export class UprobeRegistry implements Uprobes {
  /** The insertions and removals, in order. */
  readonly hits: UprobeHit[] = [];
  private readonly byInode = new Map<VmInode, Set<number>>();
  private readonly pageSize: number;

  constructor(kernel: Kernel) {
    this.pageSize = kernel.system.pageSize;
  }

  /**
   * uprobe_register: adds a probe for mappings made later.
   *
   * @param offset byte offset in the file
   */
  register(inode: VmInode, offset: number): void {
    const offsets = this.byInode.get(inode) ?? new Set<number>();
    this.byInode.set(inode, offsets.add(offset));
  }

  unregister(inode: VmInode, offset: number): void {
    this.byInode.get(inode)?.delete(offset);
  }

  mmap(vma: Vma): number {
    this.visit(vma, vma.vmStart, vma.vmEnd, 'insert');
    return 0;
  }

  munmap(vma: Vma, start: number, end: number): void {
    this.visit(vma, start, end, 'remove');
  }

  /** build_probe_list: visits the probes of the file that lie in [start, end) of the mapping. */
  private visit(vma: Vma, start: number, end: number, what: UprobeHit['what']): void {
    const file = vma.vmFile;
    // valid_vma: private, and possibly executable.
    if (file === null || (vma.vmFlags & (VM_HUGETLB | VM_MAYEXEC | VM_MAYSHARE | VM_SHARED)) !== VM_MAYEXEC) return;
    const offsets = this.byInode.get(file.fInode);
    if (offsets === undefined) return;
    const base = vma.vmPgoff * this.pageSize;
    for (const offset of [...offsets].sort((a, b) => a - b)) {
      const address = vma.vmStart + offset - base;
      if (address >= start && address < end) this.hits.push({ what, offset, address, vma });
    }
  }
}

/** AUDIT_MMAP: the descriptor and the flags of an mmap of a file, as the audit context of a system call has them. */
export interface AuditMmapRecord {
  readonly caller: Caller;
  readonly fd: number;
  readonly flags: number;
}

/** An audit daemon that receives every record. */
export class AuditRecords implements Audit {
  readonly records: AuditMmapRecord[] = [];

  mmapFd(caller: Caller, fd: number, flags: number): void {
    this.records.push({ caller, fd, flags });
  }
}
