/**
 * read, write, pread, pwrite, lseek: the checks before a driver's read and write.
 *
 * Mirrors fs/read_write.c. Buffers are Uint8Arrays; the kernel package copies to and from user memory.
 */
import {
  EBADF,
  EFBIG,
  EINVAL,
  EISDIR,
  ENXIO,
  EOVERFLOW,
  EPERM,
  ESPIPE,
  F_RDLCK,
  F_WRLCK,
  MisuseError,
  O_APPEND,
  S_ISDIR,
  S_ISREG,
  SEEK_CUR,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
  SEEK_SET,
  wholeNumber,
} from '@vmarea/uapi';
import { FMODE_LSEEK, makeCurrent, S_APPEND, type Caller } from '@vmarea/mm-core';
import { canRead, canWrite, type File } from './file.ts';
import { S_IMMUTABLE } from '../names/inode.ts';
import { iovHead, type IoVec } from './iovec.ts';
import { locksVerifyArea } from './locks.ts';

/** Returns the largest number of bytes of one read or write: INT_MAX rounded down to a page. */
export function maxRwCount(pageSize: number): number {
  return 0x7fffffff - (0x7fffffff % pageSize);
}

/** The first value above every position of type loff_t. */
const LOFF_LIMIT = 2 ** 63;

/** Checks the arguments of a transfer. @throws MisuseError when a number is not whole, or the array is too short */
function checkTransfer(call: string, { bytes, offset, length }: IoVec, pos: number): void {
  wholeNumber(call, 'length', length);
  wholeNumber(call, 'offset', offset);
  wholeNumber(call, 'pos', pos);
  if (offset >= 0 && (length < 0 || offset + length <= bytes.length)) return;
  throw new MisuseError(call, 'length', `is ${length} from offset ${offset}; the array holds ${bytes.length} bytes`);
}

/**
 * vfs_read at a position.
 *
 * @param pos bytes
 * @returns bytes read into the iovec, or -EBADF, -EISDIR, -EINVAL, -EAGAIN (mandatory lock), RETRY, the driver's errno
 */
export function vfsRead(cur: Caller, file: File, iov: IoVec, pos: number): number {
  const { length } = iov;
  if (!canRead(file)) return -EBADF;
  if (S_ISDIR(file.fInode.iMode)) return -EISDIR;
  if (file.fOp.read === null) return -EINVAL;
  checkTransfer('vfsRead', iov, pos);
  if (length < 0 || pos < 0 || pos + length >= LOFF_LIMIT) return -EINVAL;
  const denied = locksVerifyArea(cur, file.fInode, file, { type: F_RDLCK, start: pos, end: pos + length - 1 });
  if (denied < 0) return denied;
  const count = Math.min(length, maxRwCount(file.fInode.system.pageSize));
  file.lastCaller = cur;
  makeCurrent(cur);
  return file.fOp.read(cur, file, iovHead(iov, count), pos);
}

/**
 * vfs_write at a position, with generic_write_checks: the end of the file for O_APPEND, RLIMIT_FSIZE and the filesystem's
 * largest file size.
 *
 * @returns bytes written, or -EBADF, -EINVAL, -EFBIG, -EPERM (immutable), -EAGAIN, RETRY, the driver's errno
 */
export function vfsWrite(cur: Caller, file: File, iov: IoVec, pos: number): number {
  const { length } = iov;
  if (!canWrite(file)) return -EBADF;
  if (file.fOp.write === null) return -EINVAL;
  checkTransfer('vfsWrite', iov, pos);
  if (length < 0 || pos < 0 || pos + length >= LOFF_LIMIT) return -EINVAL;
  const inode = file.fInode;
  const denied = locksVerifyArea(cur, inode, file, { type: F_WRLCK, start: pos, end: pos + length - 1 });
  if (denied < 0) return denied;
  let count = Math.min(length, maxRwCount(inode.system.pageSize));
  file.lastCaller = cur;
  makeCurrent(cur);
  if (S_ISREG(inode.iMode)) {
    if ((inode.iFlags & S_IMMUTABLE) !== 0) return -EPERM;
    if (count === 0) return 0;
    const at = writePosition(file, pos);
    const limit = Math.min(cur.rlimits.fsize, inode.iSb.maxBytes);
    if (at >= limit) return -EFBIG;
    if (count > limit - at) count = limit - at;
    return file.fOp.write(cur, file, iovHead(iov, count), at);
  }
  return file.fOp.write(cur, file, iovHead(iov, count), pos);
}

function writePosition(file: File, pos: number): number {
  const appends = (file.fFlags & O_APPEND) !== 0 || (file.fInode.iFlags & S_APPEND) !== 0;
  return appends ? file.fInode.iSize : pos;
}

/** read(2): reads at the file's position and moves it. */
export function ksysRead(cur: Caller, file: File, iov: IoVec): number {
  const count = vfsRead(cur, file, iov, file.fPos);
  if (count > 0) file.fPos += count;
  return count;
}

/** write(2): writes at the file's position, or at its end for O_APPEND; moves the position behind the written bytes. */
export function ksysWrite(cur: Caller, file: File, iov: IoVec): number {
  const at = S_ISREG(file.fInode.iMode) ? writePosition(file, file.fPos) : file.fPos;
  const count = vfsWrite(cur, file, iov, file.fPos);
  if (count > 0) file.fPos = at + count;
  return count;
}

/** pread64(2): -ESPIPE for files without positions. */
export function ksysPread(cur: Caller, file: File, iov: IoVec, pos: number): number {
  if (pos < 0) return -EINVAL;
  if ((file.fMode & FMODE_LSEEK) === 0) return -ESPIPE;
  return vfsRead(cur, file, iov, pos);
}

/** pwrite64(2). Appends with O_APPEND, as Linux does. */
export function ksysPwrite(cur: Caller, file: File, iov: IoVec, pos: number): number {
  if (pos < 0) return -EINVAL;
  if ((file.fMode & FMODE_LSEEK) === 0) return -ESPIPE;
  return vfsWrite(cur, file, iov, pos);
}

/** lseek(2): returns the new position, or -ESPIPE, -EINVAL, -EOVERFLOW, -ENXIO. */
export function vfsLlseek(file: File, offset: number, whence: number): number {
  wholeNumber('vfsLlseek', 'offset', offset);
  if (whence < SEEK_SET || whence > SEEK_HOLE) return -EINVAL;
  if ((file.fMode & FMODE_LSEEK) === 0) return -ESPIPE;
  if (file.fOp.llseek !== null) {
    const answer = file.fOp.llseek(file, offset, whence);
    if (answer >= 0) file.fPos = answer;
    return answer;
  }
  return genericFileLlseek(file, offset, whence, file.fInode.iSize);
}

/**
 * generic_file_llseek_size: allows positions within the largest file; the whole file counts as data.
 *
 * @param eof the size that SEEK_END counts from
 */
export function genericFileLlseek(file: File, offset: number, whence: number, eof: number): number {
  let pos = offset;
  if (whence === SEEK_CUR) pos += file.fPos;
  else if (whence === SEEK_END) pos += eof;
  else if (whence === SEEK_DATA || whence === SEEK_HOLE) {
    if (offset < 0 || offset >= eof) return -ENXIO;
    if (whence === SEEK_HOLE) pos = eof;
  }
  if (pos < 0) return -EINVAL;
  if (pos > file.fInode.iSb.maxBytes) return whence === SEEK_SET ? -EINVAL : -EOVERFLOW;
  file.fPos = pos;
  return pos;
}
