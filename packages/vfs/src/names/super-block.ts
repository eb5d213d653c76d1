/**
 * struct super_block: one filesystem instance; and what a driver tells about itself.
 *
 * Mounts (mount.ts) put an instance somewhere in the tree. Mirrors include/linux/fs.h and fs/super.c.
 */
import type { MmSystem } from '@vmarea/mm-core';
import type { Dentry } from './dentry.ts';
import type { Inode } from './inode.ts';

/** What a driver can do. A false cell means a clean errno, not a surprise. */
export interface DriverCapabilities {
  /** read(2). */
  readonly read: boolean;
  /** write(2), and creating files. */
  readonly write: boolean;
  readonly mmapPrivate: boolean;
  readonly mmapShared: boolean;
  /** Stores through a shared mapping reach the file. */
  readonly mmapSharedWrite: boolean;
  readonly truncate: boolean;
  readonly fallocate: boolean;
  readonly punchHole: boolean;
  readonly rename: boolean;
  readonly link: boolean;
  readonly symlink: boolean;
  readonly mkdir: boolean;
  /** FS_IOC_SETFLAGS with the append-only flag. */
  readonly appendOnly: boolean;
  /** Contents outlive the machine. */
  readonly persistent: boolean;
  /** Operations may have to be repeated after `system.current.pending`. */
  readonly asynchronous: boolean;
}

/** A driver's description of itself. */
export interface DriverManifest {
  /** As /proc/filesystems names it. */
  readonly name: string;
  readonly capabilities: DriverCapabilities;
  /** What users must not rely on, a sentence each without its full stop. */
  readonly notPromised?: readonly string[] | undefined;
}

/** What a filesystem does as a whole. */
export interface SuperOperations {
  /** The last reference to an inode has gone: with no link left its pages and space are given back. */
  evictInode(inode: Inode): void;
  /** The last mount has gone. */
  putSuper?: ((sb: SuperBlock) => void) | undefined;
  /** Totals for statfs(2), in blocks of `blockSize`. */
  statfs?: ((sb: SuperBlock) => Statfs) | undefined;
}

/** Totals of a filesystem. */
export interface Statfs {
  readonly type: number;
  readonly blockSize: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly files: number;
  readonly filesFree: number;
}

/** What a superblock is made of. */
export interface SuperBlockInit {
  readonly manifest: DriverManifest;
  readonly operations: SuperOperations;
  /** Device number of the filesystem; when left out, mounting assigns the next free one (major 0). */
  readonly device?: { readonly major: number; readonly minor: number } | undefined;
  /** SB_I_NOEXEC: no program is ever executed from it (proc). */
  readonly noexec?: boolean | undefined;
  readonly readOnly?: boolean | undefined;
  /** MS_MANDLOCK: mandatory locking. */
  readonly mandatoryLocks?: boolean | undefined;
  /** Largest file size in bytes. */
  readonly maxBytes?: number | undefined;
  /** st_blksize. */
  readonly blockSize?: number | undefined;
  /** Seconds since 1970; always 0 when left out. */
  readonly clock?: (() => number) | undefined;
}

/** Offsets are exact to 2^53; the kernel's 2^63 - 1 cannot be told from it by any file that fits in memory. */
export const MAX_LFS_FILESIZE: number = Number.MAX_SAFE_INTEGER;

/** A filesystem instance. */
export class SuperBlock {
  readonly system: MmSystem;
  readonly manifest: DriverManifest;
  readonly sOp: SuperOperations;
  devMajor: number;
  devMinor: number;
  /** Whether the device number is still to be assigned by the first mount. */
  devAssigned: boolean;
  noexec: boolean;
  readOnly: boolean;
  mandatoryLocks: boolean;
  maxBytes: number;
  blockSize: number;
  /** The root directory; null until the driver has made it. */
  root: Dentry | null = null;
  /** What the driver keeps. */
  private_: unknown = null;
  /** Mounts of it. */
  active = 0;
  private lastIno = 0;
  private readonly clock: () => number;

  constructor(system: MmSystem, init: SuperBlockInit) {
    this.system = system;
    this.manifest = init.manifest;
    this.sOp = init.operations;
    this.devMajor = init.device?.major ?? 0;
    this.devMinor = init.device?.minor ?? 0;
    this.devAssigned = init.device !== undefined;
    this.noexec = init.noexec ?? false;
    this.readOnly = init.readOnly ?? false;
    this.mandatoryLocks = init.mandatoryLocks ?? false;
    this.maxBytes = init.maxBytes ?? MAX_LFS_FILESIZE;
    this.blockSize = init.blockSize ?? system.pageSize;
    this.clock = init.clock ?? (() => 0);
  }

  nextIno(): number {
    return ++this.lastIno;
  }

  now(): number {
    return this.clock();
  }
}
