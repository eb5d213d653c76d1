/**
 * struct file: an open file. dup and fork share it between descriptors; mappings have references to it.
 *
 * Mirrors fs/file_table.c.
 */
import {
  FMODE_LSEEK,
  FMODE_PATH,
  FMODE_READ,
  FMODE_WRITE,
  type Caller,
  type FileMapping,
  type VmFile,
} from '@vmarea/mm-core';
import { O_ACCMODE, S_ISDIR, S_ISREG } from '@vmarea/uapi';
import { dPath, type Dentry } from '../names/dentry.ts';
import type { FileOperations } from './operations.ts';
import { iput, type Inode } from '../names/inode.ts';
import { locksRemoveFile, locksVerifyLocked } from './locks.ts';
import { pathNoexec, type Mount } from '../names/mount.ts';

/** The parts of a file. */
export interface FileInit {
  /** The mount; null for a file on no mount. */
  readonly mnt: Mount | null;
  readonly dentry: Dentry;
  readonly inode: Inode;
  /** FMODE_ bits. */
  readonly fMode: number;
  /** O_ flags. */
  readonly fFlags: number;
  readonly fOp: FileOperations;
}

/** An open file. {@link allocFile} or open makes it with one reference; the last `fput` releases it. */
export class File implements VmFile {
  fMode: number;
  fFlags: number;
  /** A driver may replace it (replace_fops). */
  fOp: FileOperations;
  readonly fInode: Inode;
  fCount = 1;
  /** Position in bytes. */
  fPos = 0;
  readonly mnt: Mount | null;
  readonly dentry: Dentry;
  /** Private data of the driver. */
  private_: unknown = null;
  /** The caller of the last read, write, fallocate or truncate: a driver charges it for pages. */
  lastCaller: Caller | null = null;
  /** Whether this file counts in the inode's iWritecount. */
  countsAsWriter = false;

  constructor(init: FileInit) {
    const { mnt, inode } = init;
    this.mnt = mnt;
    this.dentry = init.dentry;
    this.fInode = inode;
    this.fMode = init.fMode;
    this.fFlags = init.fFlags;
    this.fOp = init.fOp;
    inode.iCount++;
    if (mnt !== null) mnt.count++;
  }

  get fMapping(): FileMapping {
    return this.fInode.iMapping;
  }

  get hugePageSize(): number {
    return this.fInode.hugePageSize;
  }

  pathNoexec(): boolean {
    return pathNoexec(this.mnt, this.fInode.iSb);
  }

  path(): string {
    return dPath(this.mnt, this.dentry);
  }

  locksVerifyLocked(cur: Caller): number {
    return locksVerifyLocked(cur, this);
  }

  getFile(): this {
    this.fCount++;
    return this;
  }

  fput(): void {
    if (--this.fCount > 0) return;
    const { taskWork } = this.fInode.system;
    if (taskWork === null) this.finish();
    else taskWork.push(() => this.finish());
  }

  /** __fput: releases the file. */
  private finish(): void {
    const inode = this.fInode;
    if ((this.fMode & FMODE_PATH) === 0) {
      locksRemoveFile(inode, this);
      this.fOp.release?.(inode, this);
    }
    if (this.countsAsWriter) inode.iWritecount--;
    if (this.mnt !== null) this.mnt.count--;
    iput(inode);
  }
}

/** OPEN_FMODE: returns the FMODE_ bits of an access mode. */
export function openFmode(flags: number): number {
  return (flags + 1) & O_ACCMODE;
}

/**
 * alloc_file: opens an inode that no path leads to (pipes, shared memory, memfd).
 *
 * It does not count as a writer, so a memfd may be executed while it is open. The dentry keeps its reference to the inode:
 * drop it with `iput` if nothing else needs it.
 *
 * @param flags O_RDONLY, O_WRONLY or O_RDWR, and other O_ flags
 */
export function allocFile(mnt: Mount | null, dentry: Dentry, inode: Inode, flags: number, fOp: FileOperations): File {
  let fMode = openFmode(flags);
  if (S_ISREG(inode.iMode) || S_ISDIR(inode.iMode)) fMode |= FMODE_LSEEK;
  return new File({ mnt, dentry, inode, fMode, fFlags: flags, fOp });
}

/** Returns whether the file was opened for reading. */
export function canRead(file: File): boolean {
  return (file.fMode & FMODE_READ) !== 0;
}

/** Returns whether the file was opened for writing. */
export function canWrite(file: File): boolean {
  return (file.fMode & FMODE_WRITE) !== 0;
}
