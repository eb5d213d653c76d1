/**
 * Size, attributes and allocation of files: fstat, truncate, fallocate, chmod, chown, FS_IOC_SETFLAGS.
 *
 * Mirrors fs/attr.c, fs/stat.c and parts of fs/open.c and fs/ioctl.c.
 */
import {
  CAP_CHOWN,
  CAP_LINUX_IMMUTABLE,
  EACCES,
  EBADF,
  EFBIG,
  EINVAL,
  EISDIR,
  ENODEV,
  ENOENT,
  ENOTTY,
  EOPNOTSUPP,
  EPERM,
  EROFS,
  ESPIPE,
  FALLOC_FL_COLLAPSE_RANGE,
  FALLOC_FL_INSERT_RANGE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  ETXTBSY,
  F_WRLCK,
  S_IFMT,
  S_ISDIR,
  S_ISFIFO,
  S_ISREG,
  wholeNumber,
} from '@vmarea/uapi';
import { hasCapability, makeCurrent, S_APPEND, type Caller } from '@vmarea/mm-core';
import { canWrite, type File } from '../files/file.ts';
import type { FileCaller } from '../files/files-struct.ts';
import { S_IMMUTABLE, type Inode } from './inode.ts';
import { locksVerifyArea, locksVerifyLocked } from '../files/locks.ts';
import { pathLookup } from './namei.ts';
import { inodePermission, MAY_WRITE, ownerOrCapable } from './permission.ts';

/** struct stat. */
export interface Stat {
  devMajor: number;
  devMinor: number;
  ino: number;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  rdevMajor: number;
  rdevMinor: number;
  /** Bytes. */
  size: number;
  /** Bytes of one block of this filesystem: the preferred I/O size. */
  blksize: number;
  /** Units of 512 bytes in use. */
  blocks: number;
  atime: number;
  mtime: number;
  ctime: number;
}

/** vfs_getattr. */
export function statInode(inode: Inode): Stat {
  return {
    devMajor: inode.devMajor,
    devMinor: inode.devMinor,
    ino: inode.ino,
    mode: inode.iMode,
    nlink: inode.iNlink,
    uid: inode.iUid,
    gid: inode.iGid,
    rdevMajor: inode.rdevMajor,
    rdevMinor: inode.rdevMinor,
    size: inode.iSize,
    blksize: inode.iSb.blockSize,
    blocks: inode.iOp.blocks === null ? inode.iBlocks : inode.iOp.blocks(inode),
    atime: inode.iAtime,
    mtime: inode.iMtime,
    ctime: inode.iCtime,
  };
}

/**
 * stat(2), lstat(2) and fstatat(2).
 *
 * @returns the attributes, or a negative errno or RETRY
 */
export function doStatat(cur: FileCaller, dirfd: number, path: string, follow: boolean): Stat | number {
  const found = pathLookup(cur, dirfd, path, follow);
  if (typeof found === 'number') return found;
  const inode = found.dentry.dInode;
  if (inode === null) return -ENOENT;
  if (found.trailingSlash && !S_ISDIR(inode.iMode)) return -ENOENT;
  return statInode(inode);
}

/** do_truncate: sets the size; removes pages beyond it, also from every mapping. Returns 0 or the driver's errno. */
export function doTruncate(cur: Caller, inode: Inode, length: number, file: File | null): number {
  wholeNumber('doTruncate', 'length', length);
  if (file !== null) file.lastCaller = cur;
  makeCurrent(cur);
  if (inode.iOp.setattr === null) return -EPERM;
  const error = inode.iOp.setattr(cur, inode, { size: length });
  if (error === 0) touchTimes(inode);
  return error;
}

/** inode_newsize_ok: checks growth against RLIMIT_FSIZE and the filesystem's limit. Returns 0 or -EFBIG. */
export function inodeNewsizeOk(cur: Caller, inode: Inode, size: number): number {
  if (size > inode.iSize && (size > cur.rlimits.fsize || size > inode.iSb.maxBytes)) return -EFBIG;
  return 0;
}

/** ftruncate(2). */
export function doFtruncate(cur: Caller, file: File, length: number): number {
  if (length < 0) return -EINVAL;
  const inode = file.fInode;
  if (!S_ISREG(inode.iMode) || !canWrite(file)) return -EINVAL;
  if ((inode.iFlags & S_APPEND) !== 0) return -EPERM;
  let error = locksVerifyLocked(cur, file);
  if (error === 0) error = doTruncate(cur, inode, length, file);
  return error;
}

/** truncate(2). */
export function doTruncatePath(cur: FileCaller, dirfd: number, path: string, length: number): number {
  if (length < 0) return -EINVAL;
  const found = pathLookup(cur, dirfd, path, true);
  if (typeof found === 'number') return found;
  const inode = found.dentry.dInode;
  if (inode === null) return -ENOENT;
  if (S_ISDIR(inode.iMode)) return -EISDIR;
  if (!S_ISREG(inode.iMode)) return -EINVAL;
  if (found.mnt.readOnly) return -EROFS;
  let error = inodePermission(cur.cred, found.mnt, inode, MAY_WRITE);
  if (error < 0) return error;
  if ((inode.iFlags & S_APPEND) !== 0) return -EPERM;
  if (inode.iWritecount < 0) return -ETXTBSY;
  error = locksVerifyArea(cur, inode, null, { type: F_WRLCK, start: 0, end: Infinity });
  return error < 0 ? error : doTruncate(cur, inode, length, null);
}

const FALLOC_FL_SUPPORTED =
  FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE;

/** vfs_fallocate: checks in the kernel's order, then calls the driver. */
export function vfsFallocate(cur: Caller, file: File, mode: number, offset: number, len: number): number {
  wholeNumber('vfsFallocate', 'offset', offset);
  wholeNumber('vfsFallocate', 'len', len);
  if (offset < 0 || len <= 0) return -EINVAL;
  if ((mode & ~FALLOC_FL_SUPPORTED) !== 0) return -EOPNOTSUPP;
  const punch = (mode & FALLOC_FL_PUNCH_HOLE) !== 0;
  if (punch && (mode & FALLOC_FL_ZERO_RANGE) !== 0) return -EOPNOTSUPP;
  if (punch && (mode & FALLOC_FL_KEEP_SIZE) === 0) return -EOPNOTSUPP;
  if ((mode & FALLOC_FL_COLLAPSE_RANGE) !== 0 && mode !== FALLOC_FL_COLLAPSE_RANGE) return -EINVAL;
  if ((mode & FALLOC_FL_INSERT_RANGE) !== 0 && mode !== FALLOC_FL_INSERT_RANGE) return -EINVAL;
  if (!canWrite(file)) return -EBADF;
  const inode = file.fInode;
  if ((mode & ~FALLOC_FL_KEEP_SIZE) !== 0 && (inode.iFlags & S_APPEND) !== 0) return -EPERM;
  if ((inode.iFlags & S_IMMUTABLE) !== 0) return -EPERM;
  if (S_ISFIFO(inode.iMode)) return -ESPIPE;
  if (S_ISDIR(inode.iMode)) return -EISDIR;
  if (!S_ISREG(inode.iMode)) return -ENODEV;
  if (offset + len > inode.iSb.maxBytes) return -EFBIG;
  if (file.fOp.fallocate === null) return -EOPNOTSUPP;
  file.lastCaller = cur;
  makeCurrent(cur);
  const error = file.fOp.fallocate(file, mode, offset, len);
  if (error === 0) touchTimes(inode);
  return error;
}

/** FS_IOC_SETFLAGS values. */
export const FS_IMMUTABLE_FL = 0x10;
export const FS_APPEND_FL = 0x20;

/** FS_IOC_SETFLAGS: returns 0, -ENOTTY (not supported by this filesystem), -EACCES, -EPERM, -EROFS, -EOPNOTSUPP. */
export function fsIocSetflags(cur: Caller, file: File, flags: number): number {
  const inode = file.fInode;
  if (inode.iOp.setFlags === null) return -ENOTTY;
  if (file.mnt?.readOnly === true || inode.iSb.readOnly) return -EROFS;
  if (!ownerOrCapable(cur.cred, inode)) return inode.system.profile.files.tmpfsSetflags ? -EPERM : -EACCES;
  const sensitive = FS_IMMUTABLE_FL | FS_APPEND_FL;
  if (((fsIocGetflags(file) ^ flags) & sensitive) !== 0 && !hasCapability(cur.cred, CAP_LINUX_IMMUTABLE)) return -EPERM;
  return inode.iOp.setFlags(cur, inode, flags);
}

/** FS_IOC_GETFLAGS: returns the flags, or -ENOTTY. */
export function fsIocGetflags(file: File): number {
  const inode = file.fInode;
  if (inode.iOp.setFlags === null) return -ENOTTY;
  return (
    ((inode.iFlags & S_IMMUTABLE) !== 0 ? FS_IMMUTABLE_FL : 0) | ((inode.iFlags & S_APPEND) !== 0 ? FS_APPEND_FL : 0)
  );
}

/** chmod_common: returns 0, -EPERM, -EROFS. */
export function chmodCommon(cur: Caller, inode: Inode, mode: number): number {
  if (inode.iSb.readOnly) return -EROFS;
  if ((inode.iFlags & (S_IMMUTABLE | S_APPEND)) !== 0 || !ownerOrCapable(cur.cred, inode)) return -EPERM;
  makeCurrent(cur);
  if (inode.iOp.setattr !== null)
    return inode.iOp.setattr(cur, inode, { mode: (inode.iMode & S_IFMT) | (mode & 0o7777) });
  inode.iMode = (inode.iMode & S_IFMT) | (mode & 0o7777);
  return 0;
}

/** chown_common: -1 keeps an id. Returns 0, -EPERM, -EROFS. */
export function chownCommon(cur: Caller, inode: Inode, uid: number, gid: number): number {
  if (inode.iSb.readOnly) return -EROFS;
  if ((inode.iFlags & (S_IMMUTABLE | S_APPEND)) !== 0) return -EPERM;
  const privileged = hasCapability(cur.cred, CAP_CHOWN);
  if (uid !== -1 && uid !== inode.iUid && !privileged) return -EPERM;
  if (gid !== -1 && gid !== inode.iGid && !privileged && (cur.cred.uid !== inode.iUid || gid !== cur.cred.gid))
    return -EPERM;
  makeCurrent(cur);
  if (inode.iOp.setattr !== null) {
    return inode.iOp.setattr(cur, inode, { uid: uid === -1 ? undefined : uid, gid: gid === -1 ? undefined : gid });
  }
  if (uid !== -1) inode.iUid = uid;
  if (gid !== -1) inode.iGid = gid;
  return 0;
}

/** access(2) with the caller's effective ids: returns 0 or -EACCES and the like. */
export function doFaccessat(cur: FileCaller, dirfd: number, path: string, mask: number): number {
  if ((mask & ~7) !== 0) return -EINVAL;
  const found = pathLookup(cur, dirfd, path, true);
  if (typeof found === 'number') return found;
  const inode = found.dentry.dInode;
  if (inode === null) return -ENOENT;
  if ((mask & 1) !== 0 && S_ISREG(inode.iMode) && (found.mnt.noexec || inode.iSb.noexec)) return -EACCES;
  return mask === 0 ? 0 : inodePermission(cur.cred, found.mnt, inode, mask);
}

/** file_update_time for a changed file. */
export function touchTimes(inode: Inode): void {
  const now = inode.iSb.now();
  inode.iMtime = now;
  inode.iCtime = now;
}
