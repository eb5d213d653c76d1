/**
 * struct inode: one file with any number of names. Data, and its reference count.
 *
 * The pages are in `iMapping` when the machine has memory; without memory a file has a size and mappings, but no contents.
 * Mirrors include/linux/fs.h and fs/inode.c.
 */
import { FileMapping, type MmSystem, type VmInode } from '@vmarea/mm-core';
import type { AddressSpace } from '@vmarea/mm-core/memory';
import type { FileOperations, InodeOperations } from '../files/operations.ts';
import type { LockContext } from '../files/locks.ts';
import type { SuperBlock } from './super-block.ts';

/** i_flags, in addition to mm-core's S_APPEND. */
export const S_IMMUTABLE = 8;
/** The directory has been removed. */
export const S_DEAD = 16;

/** A file. Drivers create it with {@link newInode}; {@link iput} frees it. */
export class Inode implements VmInode {
  readonly iSb: SuperBlock;
  /** Set once; who restores a map gives the number that the map shows. */
  ino: number;
  iMode: number;
  iUid: number;
  iGid: number;
  iNlink = 1;
  iFlags = 0;
  /** Bytes. */
  iSize = 0;
  /** 512-byte blocks in use, for drivers that count them. */
  iBlocks = 0;
  iWritecount = 0;
  /** References: hashed dentries and open files. */
  iCount = 1;
  /** Device numbers of a device file. */
  rdevMajor = 0;
  rdevMinor = 0;
  /** Seconds since 1970, by the superblock's clock. */
  iAtime: number;
  iMtime: number;
  iCtime: number;
  iOp: InodeOperations;
  iFop: FileOperations;
  iMapping: FileMapping;
  /** The same object as `iMapping` when the file has a page cache. */
  iPages: AddressSpace | null = null;
  /** Bytes of a page of the file when it is a hugetlbfs file. */
  hugePageSize = 0;
  /** Target of a symbolic link. */
  iLink = '';
  /** POSIX and flock locks, null until the first. */
  iFlctx: LockContext | null = null;
  /** Private data of the driver. */
  iPrivate: unknown = null;

  constructor(sb: SuperBlock, ino: number, mode: number, iOp: InodeOperations, iFop: FileOperations) {
    this.iSb = sb;
    this.ino = ino;
    this.iMode = mode;
    this.iUid = 0;
    this.iGid = 0;
    const now = sb.now();
    this.iAtime = now;
    this.iMtime = now;
    this.iCtime = now;
    this.iOp = iOp;
    this.iFop = iFop;
    this.iMapping = new FileMapping(this);
  }

  get devMajor(): number {
    return this.iSb.devMajor;
  }

  get devMinor(): number {
    return this.iSb.devMinor;
  }

  get system(): MmSystem {
    return this.iSb.system;
  }
}

/**
 * Creates an inode with the superblock's next number, one link and one reference.
 *
 * @param mode type and permissions, as in st_mode
 */
export function newInode(sb: SuperBlock, mode: number, iOp: InodeOperations, iFop: FileOperations): Inode {
  return new Inode(sb, sb.nextIno(), mode, iOp, iFop);
}

/** Takes a reference. */
export function ihold(inode: Inode): Inode {
  inode.iCount++;
  return inode;
}

/** Drops a reference; after the last one the driver frees the inode's pages and space. */
export function iput(inode: Inode): void {
  if (--inode.iCount > 0) return;
  inode.iSb.sOp.evictInode(inode);
}
