/**
 * Port: files, as far as mapping them needs.
 *
 * mm-core reads these fields and calls these operations; a file layer (`@vmarea/vfs`, or an embedder's ten lines)
 * provides them. Fields are read often, so give every object of a kind the same shape. Operations return 0 or a
 * positive result, or a negative errno; none throws. Where an operation may have to wait for storage it returns RETRY
 * after leaving a promise in `system.current.pending`; the caller repeats the call when that has settled.
 */
import type { FileMapping } from '../shape/file-mapping.ts';
import type { Caller } from '../space/caller.ts';
import type { Vma } from '../areas/vma.ts';
import type { Addr, Bytes, Pages } from '../base/units.ts';

export const FMODE_READ = 0x1;
export const FMODE_WRITE = 0x2;
export const FMODE_LSEEK = 0x4;
export const FMODE_EXEC = 0x20;
/** Offsets are unsigned 64-bit: /dev/mem and /proc/PID/mem. */
export const FMODE_UNSIGNED_OFFSET = 0x2000;
export const FMODE_PATH = 0x4000;
/** The file stands for another one that is to be mapped (sdcardfs). */
export const FMODE_NONMAPPABLE = 0x40000000;

/** i_flags: the inode is append-only. */
export const S_APPEND = 4;

/** An inode, as mapping it needs. */
export interface VmInode {
  /** File type and permissions, as in st_mode. */
  iMode: number;
  /** S_APPEND and others. */
  iFlags: number;
  /** Bytes. */
  iSize: number;
  /** > 0: writers; < 0: those who deny writing. */
  iWritecount: number;
  /** As maps prints it: major and minor. */
  readonly devMajor: number;
  readonly devMinor: number;
  readonly ino: number;
  iNlink: number;
  readonly iMapping: FileMapping;
}

/** What a file can do for the memory subsystem. Every field is always there; null means «cannot». */
export interface FileOperations {
  /**
   * Sets up a mapping: gives the VMA its `vmOps`, may change its flags, file (a new reference) or start.
   * Called with the VMA not yet linked. Must not map or unmap anything in the same address space.
   *
   * @returns 0 or a negative errno: the VMA is then thrown away
   */
  readonly mmap: ((cur: Caller, file: VmFile, vma: Vma) => number) | null;
  /** Chooses the address instead of the address space's own search. An address or a negative errno. */
  readonly getUnmappedArea:
    ((cur: Caller, file: VmFile, addr: Addr, len: Bytes, pgoff: Pages, flags: number) => number) | null;
  /** Makes bytes [start, end) reach storage. */
  readonly fsync: ((file: VmFile, start: number, end: number, datasync: boolean) => number) | null;
  /** Allocates or punches bytes [offset, offset + len). */
  readonly fallocate: ((file: VmFile, mode: number, offset: number, len: Bytes) => number) | null;
}

/** An open file. */
export interface VmFile {
  /** FMODE_ bits. */
  fMode: number;
  /** O_ flags of open. */
  fFlags: number;
  readonly fOp: FileOperations;
  readonly fInode: VmInode;
  /** The pages: usually the inode's own. */
  readonly fMapping: FileMapping;
  /** References. */
  fCount: number;
  /** Whether executing from it is forbidden by its mount or filesystem. */
  pathNoexec(): boolean;
  /** d_path: what maps shows, « (deleted)» included. */
  path(): string;
  /** Whether a mandatory lock of somebody else covers the file: 0 or -EAGAIN (locks_verify_locked). */
  locksVerifyLocked(cur: Caller): number;
  /** get_file: one more reference. */
  getFile(): VmFile;
  /** fput: one reference less; the last one releases the file. */
  fput(): void;
  /** The huge page size in bytes when this is a hugetlbfs file, 0 otherwise (is_file_hugepages). */
  readonly hugePageSize: number;
}
