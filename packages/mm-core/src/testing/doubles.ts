/**
 * Doubles of the engine's other ports: each does the least that its port requires, and records its arguments.
 */
import { ENOMEM } from '@vmarea/uapi';
import type { Caller } from '../space/caller.ts';
import type { VmFile } from '../ports/file.ts';
import { CAPABILITY_SECURITY, type Audit, type PerfEvents, type SecurityHooks, type Uprobes } from '../ports/hooks.ts';
import type { HugeFileSetup, HugePages, HugeState, SharedMemory } from '../ports/huge-pages.ts';
import type { UserfaultContext } from '../ports/userfault.ts';
import type { Vma } from '../areas/vma.ts';
import type { VmOperationsInit } from '../ports/vm-operations.ts';
import { TestFile } from './test-file.ts';

/** A security module with configurable refusals, on top of the capability rules. */
export class RecordingSecurity implements SecurityHooks {
  readonly calls: string[] = [];
  /** The result of each hook instead of its rule; 0: by the rule. */
  mmapFileError = 0;
  mmapAddrError = 0;
  fileMprotectError = 0;

  mmapFile(_cur: Caller, file: VmFile | null, prot: number, flags: number): number {
    this.calls.push(`mmapFile ${file === null ? '-' : file.path()} ${prot} ${flags}`);
    return this.mmapFileError;
  }

  mmapAddr(cur: Caller, addr: number): number {
    return this.mmapAddrError === 0 ? CAPABILITY_SECURITY.mmapAddr(cur, addr) : this.mmapAddrError;
  }

  fileMprotect(_cur: Caller, _vma: Vma, reqprot: number, prot: number): number {
    this.calls.push(`fileMprotect ${reqprot} ${prot}`);
    return this.fileMprotectError;
  }

  capSysAdmin(cur: Caller): boolean {
    return CAPABILITY_SECURITY.capSysAdmin(cur);
  }

  capable(cur: Caller, cap: number): boolean {
    return CAPABILITY_SECURITY.capable(cur, cap);
  }
}

/** Records the arguments of audit_mmap_fd. */
export class RecordingAudit implements Audit {
  readonly calls: { fd: number; flags: number }[] = [];

  mmapFd(_cur: Caller, fd: number, flags: number): void {
    this.calls.push({ fd, flags });
  }
}

/** Records the range of each mmap record. */
export class RecordingPerf implements PerfEvents {
  readonly calls: { start: number; end: number }[] = [];

  mmap(vma: Vma): void {
    this.calls.push({ start: vma.vmStart, end: vma.vmEnd });
  }
}

/** Records the calls of uprobes. */
export class RecordingUprobes implements Uprobes {
  readonly calls: string[] = [];

  mmap(vma: Vma): number {
    this.calls.push(`mmap ${vma.vmStart} ${vma.vmEnd}`);
    return 0;
  }

  munmap(_vma: Vma, start: number, end: number): void {
    this.calls.push(`munmap ${start} ${end}`);
  }
}

/** Shared anonymous memory: a new file for each mapping, without accounting. */
export class TestSharedMemory implements SharedMemory {
  /** The files created, in order. */
  readonly files: TestFile[] = [];
  /** The result of the next set-ups. */
  error = 0;

  zeroSetup(_cur: Caller, vma: Vma): number {
    if (this.error !== 0) return this.error;
    // The first reference of the file is the VMA's.
    const file = new TestFile({ path: '/dev/zero (deleted)' });
    this.files.push(file);
    vma.vmFile = file;
    vma.vmOps = file.vmOps;
    return 0;
  }
}

/** Returns the VMA operations that make a file's mappings huge: pages of `size` bytes. */
export function hugeVmOps(size: number): VmOperationsInit {
  return { fault: () => 0, open: () => undefined, close: () => undefined, pageSize: () => size };
}

/** Huge pages of one size without memory. */
export class TestHugePages implements HugePages {
  readonly calls: string[] = [];
  private readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  hstateSizelog(log: number): HugeState | null {
    return log === 0 || 2 ** log === this.size ? { size: this.size } : null;
  }

  fileSetup(_cur: Caller, { name }: HugeFileSetup): VmFile | number {
    return new TestFile({ path: `/${name} (deleted)`, hugePageSize: this.size, vmOps: hugeVmOps(this.size) });
  }

  totalPages(): number {
    return 0;
  }

  fault(): number {
    return -ENOMEM;
  }

  unmapRange(vma: Vma, start: number, end: number): void {
    this.calls.push(`unmapRange ${start} ${end} of ${vma.vmStart}`);
  }

  changeProtection(vma: Vma, start: number, end: number): void {
    this.calls.push(`changeProtection ${start} ${end} of ${vma.vmStart}`);
  }

  copyPageRange(): number {
    return 0;
  }

  movePageTables(_vma: Vma, _oldAddr: number, _newVma: Vma, _newAddr: number, len: number): number {
    return len;
  }

  clearReservation(vma: Vma): void {
    this.calls.push(`clearReservation ${vma.vmStart}`);
  }
}

/** A userfaultfd that watches a range: an identity only. */
export class TestUserfaultContext implements UserfaultContext {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** The child's areas are not registered. */
  forked(): null {
    return null;
  }
}
