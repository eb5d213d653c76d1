/**
 * fcntl(2) and flock(2).
 *
 * Mirrors fs/fcntl.c and the system calls of fs/locks.c. Seals are operations of the driver: see {@link SealOperations}.
 */
import {
  EBADF,
  EINVAL,
  EOVERFLOW,
  EPERM,
  F_ADD_SEALS,
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_GETFL,
  F_GETLK,
  F_GET_SEALS,
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_RDLCK,
  F_SETFD,
  F_SETFL,
  F_SETLK,
  F_SETLKW,
  F_UNLCK,
  F_WRLCK,
  FD_CLOEXEC,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  O_APPEND,
  O_DIRECT,
  O_NOATIME,
  O_NONBLOCK,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
  FASYNC,
} from '@vmarea/uapi';
import { FMODE_PATH, makeCurrent, S_APPEND, type Caller } from '@vmarea/mm-core';
import { canRead, canWrite, type File } from './file.ts';
import type { FileCaller } from './files-struct.ts';
import { flockLockFile, posixLockFile, posixTestLock } from './locks.ts';
import { ownerOrCapable } from '../names/permission.ts';

/** struct flock: `len` 0 means to the end of the file. F_GETLK writes its result into it. */
export interface Flock {
  type: number;
  whence: number;
  start: number;
  len: number;
  pid: number;
}

/** The operations that a driver with seals (memfd) stores in `iPrivate` of its inodes. */
export interface SealOperations {
  /** F_SEAL_ bits; F_SEAL_SEAL from the start unless memfd_create allows sealing. */
  seals: number;
  /** F_ADD_SEALS: returns 0 or a negative errno. */
  addSeals(cur: Caller, file: File, seals: number): number;
  /** F_GET_SEALS: returns the seals, or -EINVAL. */
  getSeals(file: File): number;
}

const SETFL_MASK = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC;

/**
 * fcntl(2).
 *
 * @param arg a number, or a {@link Flock} for the lock commands
 * @param pid the pid that F_GETLK of other processes returns
 */
export function doFcntl(cur: FileCaller, fd: number, cmd: number, arg: number | Flock, pid = 0): number {
  const file = cur.files.fgetRaw(fd);
  if (file === null) return -EBADF;
  const value = typeof arg === 'number' ? arg : 0;
  switch (cmd) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
      if (value < 0 || value >= cur.rlimits.nofile) return -EINVAL;
      return cur.files.dup(fd, cur.rlimits.nofile, value, cmd === F_DUPFD_CLOEXEC);
    case F_GETFD:
      return cur.files.getCloexec(fd) ? FD_CLOEXEC : 0;
    case F_SETFD:
      cur.files.setCloexec(fd, (value & FD_CLOEXEC) !== 0);
      return 0;
    case F_GETFL:
      return file.fFlags;
    default:
  }
  if ((file.fMode & FMODE_PATH) !== 0) return -EBADF;
  switch (cmd) {
    case F_SETFL:
      return setfl(cur, file, value);
    case F_ADD_SEALS:
    case F_GET_SEALS: {
      const ops = file.fInode.iPrivate as Partial<SealOperations> | null;
      if (ops === null || typeof ops.addSeals !== 'function' || typeof ops.getSeals !== 'function') return -EINVAL;
      return cmd === F_ADD_SEALS ? ops.addSeals(cur, file, value) : ops.getSeals(file);
    }
    case F_GETLK:
    case F_OFD_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
      return typeof arg === 'number' ? -EINVAL : fcntlLock(cur, file, cmd, arg, pid);
    default:
      return -EINVAL;
  }
}

function setfl(cur: FileCaller, file: File, flags: number): number {
  if ((file.fInode.iFlags & S_APPEND) !== 0 && (flags & O_APPEND) === 0 && (file.fFlags & O_APPEND) !== 0)
    return -EPERM;
  if ((flags & ~file.fFlags & O_NOATIME) !== 0 && !ownerOrCapable(cur.cred, file.fInode)) return -EPERM;
  file.fFlags = (flags & SETFL_MASK) | (file.fFlags & ~SETFL_MASK);
  return 0;
}

function fcntlLock(cur: FileCaller, file: File, cmd: number, lock: Flock, pid: number): number {
  const ofd = cmd === F_OFD_GETLK || cmd === F_OFD_SETLK || cmd === F_OFD_SETLKW;
  if (ofd && lock.pid !== 0) return -EINVAL;
  let start = lock.start;
  if (lock.whence === SEEK_CUR) start += file.fPos;
  else if (lock.whence === SEEK_END) start += file.fInode.iSize;
  else if (lock.whence !== SEEK_SET) return -EINVAL;
  let end = Infinity;
  if (lock.len > 0) end = start + lock.len - 1;
  else if (lock.len < 0) {
    end = start - 1;
    start += lock.len;
  }
  if (start < 0) return -EINVAL;
  if (end !== Infinity && end > Number.MAX_SAFE_INTEGER) return -EOVERFLOW;
  const owner = ofd ? file : cur.files;
  if (cmd === F_GETLK || cmd === F_OFD_GETLK) {
    if (lock.type !== F_RDLCK && lock.type !== F_WRLCK) return -EINVAL;
    const found = posixTestLock(file.fInode, owner, lock.type, start, end);
    if (found === null) {
      lock.type = F_UNLCK;
      return 0;
    }
    lock.type = found.type;
    lock.whence = SEEK_SET;
    lock.start = found.start;
    lock.len = found.end === Infinity ? 0 : found.end - found.start + 1;
    lock.pid = found.pid;
    return 0;
  }
  if (lock.type === F_RDLCK) {
    if (!canRead(file)) return -EBADF;
  } else if (lock.type === F_WRLCK) {
    if (!canWrite(file)) return -EBADF;
  } else if (lock.type !== F_UNLCK) return -EINVAL;
  const wait = cmd === F_SETLKW || cmd === F_OFD_SETLKW;
  makeCurrent(cur);
  return posixLockFile(file.fInode, { type: lock.type, start, end, owner, pid: ofd ? -1 : pid }, wait);
}

/** flock(2): returns 0, -EBADF, -EINVAL, -EAGAIN, RETRY. */
export function doFlock(cur: FileCaller, fd: number, operation: number): number {
  const file = cur.files.fget(fd);
  if (file === null) return -EBADF;
  const what = operation & ~LOCK_NB;
  const type = what === LOCK_SH ? F_RDLCK : what === LOCK_EX ? F_WRLCK : what === LOCK_UN ? F_UNLCK : -1;
  if (type < 0) return -EINVAL;
  if (type !== F_UNLCK && (file.fMode & 3) === 0) return -EBADF;
  makeCurrent(cur);
  return flockLockFile(file, type, (operation & LOCK_NB) === 0);
}
