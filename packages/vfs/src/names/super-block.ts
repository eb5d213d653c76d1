/**
 * struct super_block: one filesystem instance; and a driver's manifest.
 *
 * Mounts (mount.ts) attach an instance to the tree. Mirrors include/linux/fs.h and fs/super.c.
 */
import type { MmSystem } from '@vmarea/mm-core';
import type { Dentry } from './dentry.ts';
import type { Inode } from './inode.ts';

/** The capabilities of a driver. False means that the call fails with a defined errno. */
export interface DriverCapabilities {
  /** read(2). */
  readonly read: boolean;
  /** write(2), and creating files. */
  readonly write: boolean;
  readonly mmapPrivate: boolean;
  readonly mmapShared: boolean;
  /** Stores through a shared mapping change the file. */
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
  /** Contents exist after the machine ends. */
  readonly persistent: boolean;
  /** Calls may have to be repeated after `system.current.pending` has settled. */
  readonly asynchronous: boolean;
}

/** No capability: a driver that has few names them beside this. */
export const NO_CAPABILITIES: DriverCapabilities = {
  read: false,
  write: false,
  mmapPrivate: false,
  mmapShared: false,
  mmapSharedWrite: false,
  truncate: false,
  fallocate: false,
  punchHole: false,
  rename: false,
  link: false,
  symlink: false,
  mkdir: false,
  appendOnly: false,
  persistent: false,
  asynchronous: false,
};

/** A driver's description of itself. */
export interface DriverManifest {
  /** Its name in /proc/filesystems. */
  readonly name: string;
  readonly capabilities: DriverCapabilities;
  /** What users must not rely on: sentences without a full stop. */
  readonly notPromised?: readonly string[] | undefined;
}

/** The operations of a filesystem as a whole. */
export interface SuperOperations {
  /** Called when the last reference to an inode was dropped: with no link left, frees its pages and space. */
  evictInode(inode: Inode): void;
  /** Called when the last mount was removed. */
  putSuper?: ((sb: SuperBlock) => void) | undefined;
  /** Returns totals for statfs(2), in blocks of `blockSize`. */
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

/** The parts of a superblock. */
export interface SuperBlockInit {
  readonly manifest: DriverManifest;
  readonly operations: SuperOperations;
  /** Device number of the filesystem; without it, mounting assigns the next free one (major 0). */
  readonly device?: { readonly major: number; readonly minor: number } | undefined;
  /** SB_I_NOEXEC: no program on it can be executed (proc). */
  readonly noexec?: boolean | undefined;
  readonly readOnly?: boolean | undefined;
  /** MS_MANDLOCK: mandatory locking. */
  readonly mandatoryLocks?: boolean | undefined;
  /** Largest file size in bytes. */
  readonly maxBytes?: number | undefined;
  /** st_blksize. */
  readonly blockSize?: number | undefined;
  /** Returns seconds since 1970; always 0 without it. */
  readonly clock?: (() => number) | undefined;
}

/** Offsets are exact to 2^53; no file that fits in memory shows a difference to the kernel's 2^63 - 1. */
export const MAX_LFS_FILESIZE: number = Number.MAX_SAFE_INTEGER;

/** A filesystem instance. */
export class SuperBlock {
  readonly system: MmSystem;
  readonly manifest: DriverManifest;
  readonly sOp: SuperOperations;
  devMajor: number;
  devMinor: number;
  /** Whether the first mount has to assign the device number. */
  devAssigned: boolean;
  noexec: boolean;
  readOnly: boolean;
  mandatoryLocks: boolean;
  maxBytes: number;
  blockSize: number;
  /** The root directory; null until the driver has created it. */
  root: Dentry | null = null;
  /** Private data of the driver. */
  private_: unknown = null;
  /** The number of mounts. */
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
