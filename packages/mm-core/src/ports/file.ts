/**
 * Port: files, as far as mapping them needs.
 *
 * mm-core reads these fields and calls these operations; a file layer (`@vmarea/vfs`, or an embedder's ten lines)
 * provides them. Fields are read often, so give every object of a kind the same shape. Operations return 0 or a positive
 * result, or a negative errno; none throws. An operation that has to wait for storage stores a promise in
 * `system.current.pending` and returns RETRY; the caller repeats the call after the promise has settled.
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
/** Another file is to be mapped in place of this one (sdcardfs). */
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
  /** > 0: the number of writers; < 0: minus the number of users that deny writing. */
  iWritecount: number;
  /** Device numbers as maps prints them: major and minor. */
  readonly devMajor: number;
  readonly devMinor: number;
  readonly ino: number;
  iNlink: number;
  readonly iMapping: FileMapping;
}

/** The operations of a file for the memory subsystem. Every field is always present; null means that it is not supported. */
export interface FileOperations {
  /**
   * Sets up a mapping: sets the VMA's `vmOps`, and may change its flags, file (with a new reference) or start. The VMA is not
   * yet linked. Must not map or unmap anything in the same address space.
   *
   * @returns 0, or a negative errno; the VMA is then freed
   */
  readonly mmap: ((cur: Caller, file: VmFile, vma: Vma) => number) | null;
  /** Chooses the address instead of the address space's own search. Returns an address or a negative errno. */
  readonly getUnmappedArea:
    ((cur: Caller, file: VmFile, addr: Addr, len: Bytes, pgoff: Pages, flags: number) => number) | null;
  /** Writes bytes [start, end) to storage. */
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
  /** The page cache: usually the inode's own. */
  readonly fMapping: FileMapping;
  /** The number of references. */
  fCount: number;
  /** Returns whether its mount or filesystem forbids executing from it. */
  pathNoexec(): boolean;
  /** d_path: returns the path that maps shows, including « (deleted)». */
  path(): string;
  /** locks_verify_locked: returns -EAGAIN when another owner holds a mandatory lock on the file, otherwise 0. */
  locksVerifyLocked(cur: Caller): number;
  /** get_file: adds a reference. */
  getFile(): VmFile;
  /** fput: drops a reference; the last one releases the file. */
  fput(): void;
  /** The huge page size in bytes when this is a hugetlbfs file, 0 otherwise (is_file_hugepages). */
  readonly hugePageSize: number;
}
