/**
 * A file double: its data chooses what the driver does, and it records every call.
 *
 * Has no pages. Several files may share one inode, as descriptors do.
 */
import type { Caller } from '../space/caller.ts';
import { FileMapping } from '../shape/file-mapping.ts';
import { FMODE_READ, FMODE_WRITE, type FileOperations, type VmFile, type VmInode } from '../ports/file.ts';
import { VmOperations, type VmOperationsInit } from '../ports/vm-operations.ts';
import type { Vma } from '../areas/vma.ts';

/** An inode double. */
export class TestInode implements VmInode {
  iMode = 0o100644;
  iFlags = 0;
  iSize = 0;
  iWritecount = 0;
  devMajor = 0;
  devMinor = 1;
  iNlink = 1;
  readonly ino: number;
  readonly iMapping: FileMapping;

  constructor(ino: number) {
    this.ino = ino;
    this.iMapping = new FileMapping(this);
  }
}

/** The options of {@link TestFile}; every field has a default: a readable, writable regular file with vm_ops. */
export interface TestFileInit {
  /** d_path. */
  path?: string | undefined;
  /** The inode of another descriptor. */
  inode?: TestInode | undefined;
  /** FMODE_ bits. */
  fMode?: number | undefined;
  /** The mount is noexec. */
  noexec?: boolean | undefined;
  /** locks_verify_locked returns -EAGAIN. */
  mandatoryLock?: number | undefined;
  /** There is no f_op.mmap. */
  noMmap?: boolean | undefined;
  /** The result of f_op.mmap. */
  mmapError?: number | undefined;
  /** VM_ bits that f_op.mmap sets. */
  setFlags?: number | undefined;
  /** VM_ bits that f_op.mmap clears. */
  clearFlags?: number | undefined;
  /** The vm_ops that f_op.mmap sets; null leaves the VMA without (as /dev/zero does). */
  vmOps?: VmOperationsInit | null | undefined;
  /** Further work of f_op.mmap; an errno ends it. */
  onMmap?: ((cur: Caller, file: TestFile, vma: Vma) => number) | undefined;
  /** f_op.get_unmapped_area. */
  getUnmappedArea?: FileOperations['getUnmappedArea'] | undefined;
  /** f_op.fsync; absent: there is none. */
  fsyncResult?: number | undefined;
  /** f_op.fallocate; absent: there is none. */
  fallocateResult?: number | undefined;
  /** is_file_hugepages: bytes of a huge page. */
  hugePageSize?: number | undefined;
}

let lastIno = 1;

/** An open file. `calls` lists the engine's calls, in order. */
export class TestFile implements VmFile {
  fMode: number;
  fFlags = 0;
  fCount = 1;
  readonly fOp: FileOperations;
  readonly fInode: TestInode;
  readonly fMapping: FileMapping;
  readonly hugePageSize: number;
  /** `mmap`, `fsync`, `fallocate` with their arguments. */
  readonly calls: string[] = [];
  /** The operation table that f_op.mmap gives to VMAs. */
  readonly vmOps: VmOperations | null;
  private readonly init: TestFileInit;

  constructor(init: TestFileInit = {}) {
    this.init = init;
    this.fMode = init.fMode ?? FMODE_READ | FMODE_WRITE;
    this.fInode = init.inode ?? new TestInode(++lastIno);
    this.fMapping = this.fInode.iMapping;
    this.hugePageSize = init.hugePageSize ?? 0;
    this.vmOps = init.vmOps === null ? null : new VmOperations(init.vmOps ?? { fault: () => 0 });
    const { fsyncResult, fallocateResult } = init;
    this.fOp = {
      mmap: init.noMmap === true ? null : (cur, _file, vma) => this.mmap(cur, vma),
      getUnmappedArea: init.getUnmappedArea ?? null,
      fsync:
        fsyncResult === undefined
          ? null
          : (_file, start, end) => {
              this.calls.push(`fsync ${start} ${end}`);
              return fsyncResult;
            },
      fallocate:
        fallocateResult === undefined
          ? null
          : (_file, mode, offset, len) => {
              this.calls.push(`fallocate ${mode} ${offset} ${len}`);
              return fallocateResult;
            },
    };
  }

  private mmap(cur: Caller, vma: Vma): number {
    const { init } = this;
    this.calls.push(`mmap ${vma.vmStart} ${vma.vmEnd}`);
    if (init.mmapError !== undefined && init.mmapError !== 0) return init.mmapError;
    vma.vmOps = this.vmOps;
    vma.vmFlags = (vma.vmFlags | (init.setFlags ?? 0)) & ~(init.clearFlags ?? 0);
    return init.onMmap === undefined ? 0 : init.onMmap(cur, this, vma);
  }

  pathNoexec(): boolean {
    return this.init.noexec ?? false;
  }

  path(): string {
    return this.init.path ?? `/test/${this.fInode.ino}`;
  }

  locksVerifyLocked(): number {
    return this.init.mandatoryLock ?? 0;
  }

  getFile(): VmFile {
    this.fCount++;
    return this;
  }

  fput(): void {
    this.fCount--;
  }
}
