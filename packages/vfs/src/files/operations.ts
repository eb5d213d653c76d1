/**
 * struct file_operations and struct inode_operations: the operations of a driver.
 *
 * One class each with every field, null for an operation that is not supported, so that all drivers' tables have one shape.
 * Make a table once per driver. Data only. Mirrors include/linux/fs.h.
 *
 * Every operation returns 0 or a positive result, or a negative errno; none throws. An operation that must wait for storage
 * stores a promise in `system.current.pending` and returns RETRY before it changes anything; it is called again after the
 * promise has settled.
 */
import type { Caller, Credentials, FileOperations as MappableOperations, Vma, VmFile } from '@vmarea/mm-core';
import type { Dentry } from '../names/dentry.ts';
import type { File } from './file.ts';
import type { Inode } from '../names/inode.ts';
import type { IoVec } from './iovec.ts';

/** The operations of an open file that a driver gives. Its files do not support those that it leaves out. */
export interface FileOperationsInit {
  /** See mm-core's port: without it mmap is ENODEV. */
  mmap?: ((cur: Caller, file: File, vma: Vma) => number) | undefined;
  /** Chooses addresses for mappings, when the default search is not suitable. */
  getUnmappedArea?:
    ((cur: Caller, file: File, addr: number, len: number, pgoff: number, flags: number) => number) | undefined;
  /** Called by open(2) when the file is otherwise ready. Returns 0 or a negative errno. */
  open?: ((cur: Caller, inode: Inode, file: File) => number) | undefined;
  /** Reads at byte `pos` into the iovec. Returns the bytes read, 0 at the end. Without it read is EINVAL. */
  read?: ((cur: Caller, file: File, iov: IoVec, pos: number) => number) | undefined;
  /** Writes the iovec at byte `pos`; the caller has set `pos` for O_APPEND and applied RLIMIT_FSIZE. Without it write is EINVAL. */
  write?: ((cur: Caller, file: File, iov: IoVec, pos: number) => number) | undefined;
  /** Handles ioctls of a device or filesystem: `arg` is a number or an object defined by the driver. Without it ENOTTY. */
  ioctl?: ((cur: Caller, file: File, command: number, arg: unknown) => number) | undefined;
  /** Sets the position (lseek). Returns the new one, or a negative errno. Without it: the usual rules on the file size. */
  llseek?: ((file: File, offset: number, whence: number) => number) | undefined;
  fsync?: ((file: File, start: number, end: number, datasync: boolean) => number) | undefined;
  /** A driver that charges for pages finds the caller in {@link File.lastCaller}. */
  fallocate?: ((file: File, mode: number, offset: number, len: number) => number) | undefined;
  /** Called by each close(2) of a descriptor. */
  flush?: ((file: File) => number) | undefined;
  /** Called when the last reference was dropped. */
  release?: ((inode: Inode, file: File) => void) | undefined;
  /** Lists the names in a directory without «.» and «..». Returns 0 or a negative errno. */
  readdir?: ((file: File, emit: (name: string, inode: Inode) => void) => number) | undefined;
}

/** The operation table of open files. */
export class FileOperations implements MappableOperations {
  readonly mmap: ((cur: Caller, file: VmFile, vma: Vma) => number) | null;
  readonly getUnmappedArea:
    ((cur: Caller, file: VmFile, addr: number, len: number, pgoff: number, flags: number) => number) | null;
  readonly fsync: ((file: VmFile, start: number, end: number, datasync: boolean) => number) | null;
  readonly fallocate: ((file: VmFile, mode: number, offset: number, len: number) => number) | null;
  readonly open: NonNullable<FileOperationsInit['open']> | null;
  readonly read: NonNullable<FileOperationsInit['read']> | null;
  readonly write: NonNullable<FileOperationsInit['write']> | null;
  readonly ioctl: NonNullable<FileOperationsInit['ioctl']> | null;
  readonly llseek: NonNullable<FileOperationsInit['llseek']> | null;
  readonly flush: NonNullable<FileOperationsInit['flush']> | null;
  readonly release: NonNullable<FileOperationsInit['release']> | null;
  readonly readdir: NonNullable<FileOperationsInit['readdir']> | null;

  constructor(init: FileOperationsInit) {
    // A table of this class is used for files of this package only, so the port's VmFile is a File here.
    this.mmap = (init.mmap ?? null) as FileOperations['mmap'];
    this.getUnmappedArea = (init.getUnmappedArea ?? null) as FileOperations['getUnmappedArea'];
    this.fsync = (init.fsync ?? null) as FileOperations['fsync'];
    this.fallocate = (init.fallocate ?? null) as FileOperations['fallocate'];
    this.open = init.open ?? null;
    this.read = init.read ?? null;
    this.write = init.write ?? null;
    this.ioctl = init.ioctl ?? null;
    this.llseek = init.llseek ?? null;
    this.flush = init.flush ?? null;
    this.release = init.release ?? null;
    this.readdir = init.readdir ?? null;
  }
}

/** struct iattr: the attributes to change in an inode; an absent field stays as it is. */
export interface Attributes {
  size?: number | undefined;
  mode?: number | undefined;
  uid?: number | undefined;
  gid?: number | undefined;
}

/** The operations of an inode that a driver gives. */
export interface InodeOperationsInit {
  /**
   * Looks a name up: sets `dentry.dInode` (with a reference) if the name exists, and leaves it null otherwise. Not called for
   * names in the dentry tree (in-memory filesystems).
   */
  lookup?: ((dir: Inode, dentry: Dentry) => number) | undefined;
  /** Creates a regular file and sets it in the dentry. Without it EACCES. */
  create?: ((cred: Credentials, dir: Inode, dentry: Dentry, mode: number) => number) | undefined;
  /** Creates an unnamed file for O_TMPFILE. Without it EOPNOTSUPP. */
  tmpfile?: ((cred: Credentials, dir: Inode, dentry: Dentry, mode: number) => number) | undefined;
  link?: ((old: Dentry, dir: Inode, dentry: Dentry) => number) | undefined;
  unlink?: ((dir: Inode, dentry: Dentry) => number) | undefined;
  symlink?: ((cred: Credentials, dir: Inode, dentry: Dentry, target: string) => number) | undefined;
  mkdir?: ((cred: Credentials, dir: Inode, dentry: Dentry, mode: number) => number) | undefined;
  rmdir?: ((dir: Inode, dentry: Dentry) => number) | undefined;
  /** Renames; `newDentry.dInode` is the file to replace, if any. */
  rename?: ((oldDir: Inode, oldDentry: Dentry, newDir: Inode, newDentry: Dentry) => number) | undefined;
  /** Returns the target of a symbolic link. Without it `iLink` of the inode. */
  readlink?: ((inode: Inode) => string | number) | undefined;
  /** Changes attributes; a size truncates or extends. Without it: mode and owner change, size is EPERM. */
  setattr?: ((cur: Caller, inode: Inode, attributes: Attributes) => number) | undefined;
  /** Returns the number of blocks of 512 bytes in use. Without it `iBlocks`. */
  blocks?: ((inode: Inode) => number) | undefined;
  /** Sets the FS_..._FL flags (FS_IOC_GETFLAGS and SETFLAGS). Without it ENOTTY. */
  setFlags?: ((cur: Caller, inode: Inode, flags: number) => number) | undefined;
}

/** The operation table of inodes. */
export class InodeOperations {
  readonly lookup: NonNullable<InodeOperationsInit['lookup']> | null;
  readonly create: NonNullable<InodeOperationsInit['create']> | null;
  readonly tmpfile: NonNullable<InodeOperationsInit['tmpfile']> | null;
  readonly link: NonNullable<InodeOperationsInit['link']> | null;
  readonly unlink: NonNullable<InodeOperationsInit['unlink']> | null;
  readonly symlink: NonNullable<InodeOperationsInit['symlink']> | null;
  readonly mkdir: NonNullable<InodeOperationsInit['mkdir']> | null;
  readonly rmdir: NonNullable<InodeOperationsInit['rmdir']> | null;
  readonly rename: NonNullable<InodeOperationsInit['rename']> | null;
  readonly readlink: NonNullable<InodeOperationsInit['readlink']> | null;
  readonly setattr: NonNullable<InodeOperationsInit['setattr']> | null;
  readonly blocks: NonNullable<InodeOperationsInit['blocks']> | null;
  readonly setFlags: NonNullable<InodeOperationsInit['setFlags']> | null;

  constructor(init: InodeOperationsInit) {
    this.lookup = init.lookup ?? null;
    this.create = init.create ?? null;
    this.tmpfile = init.tmpfile ?? null;
    this.link = init.link ?? null;
    this.unlink = init.unlink ?? null;
    this.symlink = init.symlink ?? null;
    this.mkdir = init.mkdir ?? null;
    this.rmdir = init.rmdir ?? null;
    this.rename = init.rename ?? null;
    this.readlink = init.readlink ?? null;
    this.setattr = init.setattr ?? null;
    this.blocks = init.blocks ?? null;
    this.setFlags = init.setFlags ?? null;
  }
}
