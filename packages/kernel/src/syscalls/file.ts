/**
 * The system calls about files: descriptors, reading and writing, sizes, names. They find the file and call vfs.
 *
 * Mirrors the SYSCALL_DEFINEs of fs/open.c, fs/read_write.c, fs/fcntl.c, mm/shmem.c (memfd_create).
 */

import { makeCurrent } from '@vmarea/mm-core';
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, EBADF, EINVAL, ENOSYS, ENOTTY, MFD_CLOEXEC, O_CLOEXEC } from '@vmarea/uapi';
import {
  doChdir,
  doFaccessat,
  doFcntl,
  doFlock,
  doFtruncate,
  doMkdirat,
  doPipe2,
  doRenameat,
  doRmdir,
  doStatat,
  doSymlinkat,
  doSysOpen,
  doTruncatePath,
  doUnlinkat,
  fsIocGetflags,
  fsIocSetflags,
  ksysPread,
  ksysPwrite,
  ksysRead,
  ksysWrite,
  statInode,
  vfsFallocate,
  vfsLlseek,
  type File,
  type Flock,
  type Stat,
} from '@vmarea/vfs';
import { openUserfaultfd } from './userfaultfd.ts';
import type { Task } from '../task/task.ts';

/** FS_IOC_GETFLAGS and FS_IOC_SETFLAGS of 64-bit architectures. */
export const FS_IOC_GETFLAGS = 0x80086601;
export const FS_IOC_SETFLAGS = 0x40086602;

/** The calls about files. */
export class FileCalls {
  /** The task that makes the calls. */
  private readonly task: Task;

  constructor(task: Task) {
    this.task = task;
  }

  private file(fd: number): File | null {
    return this.task.cur.files.fget(fd);
  }

  /** open(2): returns a descriptor. */
  open(path: string, flags: number, mode: number = 0): number {
    return doSysOpen(this.task.cur, AT_FDCWD, path, flags, mode);
  }

  /** openat(2). */
  openat(dirfd: number, path: string, flags: number, mode: number = 0): number {
    return doSysOpen(this.task.cur, dirfd, path, flags, mode);
  }

  /** close(2). */
  close(fd: number): number {
    return this.task.cur.files.close(fd);
  }

  /** dup(2). */
  dup(fd: number): number {
    const { cur } = this.task;
    return cur.files.dup(fd, cur.rlimits.nofile);
  }

  /** dup3(2). */
  dup3(fd: number, newFd: number, flags: number = 0): number {
    const { cur } = this.task;
    if ((flags & ~O_CLOEXEC) !== 0) return -EINVAL;
    return cur.files.dup3(fd, newFd, cur.rlimits.nofile, (flags & O_CLOEXEC) !== 0);
  }

  /**
   * pipe2(2).
   *
   * @param fds receives the read end and the write end
   */
  pipe2(fds: [number, number], flags: number = 0): number {
    return doPipe2(this.task.cur, this.task.kernel.pipeFs, fds, flags);
  }

  /** memfd_create(2). ENOSYS in a kernel without shared memory. */
  memfdCreate(name: string, flags: number): number {
    const { cur, kernel } = this.task;
    const driver = kernel.sharedMemory;
    if (driver?.memfdCreate === undefined) return -ENOSYS;
    const file = driver.memfdCreate(cur, name, flags);
    if (typeof file === 'number') return file;
    return cur.files.install(file, cur.rlimits.nofile, (flags & MFD_CLOEXEC) !== 0);
  }

  /** userfaultfd(2): returns a descriptor; -ENOSYS, -EPERM, -EINVAL. */
  userfaultfd(flags: number): number {
    return openUserfaultfd(this.task.cur, this.task.kernel.anonInodes, flags);
  }

  /** read(2) into target[offset, offset + length). */
  read(fd: number, target: Uint8Array, offset: number = 0, length: number = target.length - offset): number {
    const file = this.file(fd);
    return file === null ? -EBADF : ksysRead(this.task.cur, file, { bytes: target, offset, length });
  }

  /** write(2). */
  write(fd: number, source: Uint8Array, offset: number = 0, length: number = source.length - offset): number {
    const file = this.file(fd);
    return file === null ? -EBADF : ksysWrite(this.task.cur, file, { bytes: source, offset, length });
  }

  /** pread64(2). */
  pread(
    fd: number,
    target: Uint8Array,
    pos: number,
    offset: number = 0,
    length: number = target.length - offset,
  ): number {
    const file = this.file(fd);
    return file === null ? -EBADF : ksysPread(this.task.cur, file, { bytes: target, offset, length }, pos);
  }

  /** pwrite64(2). */
  pwrite(
    fd: number,
    source: Uint8Array,
    pos: number,
    offset: number = 0,
    length: number = source.length - offset,
  ): number {
    const file = this.file(fd);
    return file === null ? -EBADF : ksysPwrite(this.task.cur, file, { bytes: source, offset, length }, pos);
  }

  /** lseek(2). */
  lseek(fd: number, offset: number, whence: number): number {
    const file = this.file(fd);
    return file === null ? -EBADF : vfsLlseek(file, offset, whence);
  }

  /** ftruncate(2). */
  ftruncate(fd: number, length: number): number {
    const file = this.file(fd);
    if (length < 0) return -EINVAL;
    return file === null ? -EBADF : doFtruncate(this.task.cur, file, length);
  }

  /** truncate(2). */
  truncate(path: string, length: number): number {
    return doTruncatePath(this.task.cur, AT_FDCWD, path, length);
  }

  /** fallocate(2). */
  fallocate(fd: number, mode: number, offset: number, len: number): number {
    const file = this.file(fd);
    return file === null ? -EBADF : vfsFallocate(this.task.cur, file, mode, offset, len);
  }

  /** fsync(2). */
  fsync(fd: number): number {
    const file = this.file(fd);
    if (file === null) return -EBADF;
    makeCurrent(this.task.cur);
    return file.fOp.fsync === null ? -EINVAL : file.fOp.fsync(file, 0, Number.MAX_SAFE_INTEGER, false);
  }

  /** fstat(2): returns the attributes, or a negative errno. */
  fstat(fd: number): Stat | number {
    const file = this.task.cur.files.fgetRaw(fd);
    return file === null ? -EBADF : statInode(file.fInode);
  }

  /** stat(2). */
  stat(path: string): Stat | number {
    return doStatat(this.task.cur, AT_FDCWD, path, true);
  }

  /** fstatat(2). */
  fstatat(dirfd: number, path: string, flags: number): Stat | number {
    return doStatat(this.task.cur, dirfd, path, (flags & AT_SYMLINK_NOFOLLOW) === 0);
  }

  /** access(2). */
  access(path: string, mode: number): number {
    return doFaccessat(this.task.cur, AT_FDCWD, path, mode);
  }

  /** unlink(2). */
  unlink(path: string): number {
    return doUnlinkat(this.task.cur, AT_FDCWD, path);
  }

  /** rmdir(2). */
  rmdir(path: string): number {
    return doRmdir(this.task.cur, AT_FDCWD, path);
  }

  /** mkdir(2). */
  mkdir(path: string, mode: number): number {
    return doMkdirat(this.task.cur, AT_FDCWD, path, mode);
  }

  /** rename(2). */
  rename(from: string, to: string): number {
    return doRenameat(this.task.cur, AT_FDCWD, from, AT_FDCWD, to, 0);
  }

  /** symlink(2). */
  symlink(target: string, path: string): number {
    return doSymlinkat(this.task.cur, target, AT_FDCWD, path);
  }

  /** chdir(2). */
  chdir(path: string): number {
    return doChdir(this.task.cur, path);
  }

  /** fcntl(2). */
  fcntl(fd: number, cmd: number, arg: number | Flock = 0): number {
    return doFcntl(this.task.cur, fd, cmd, arg, this.task.pid);
  }

  /** flock(2). */
  flock(fd: number, operation: number): number {
    return doFlock(this.task.cur, fd, operation);
  }

  /** ioctl(2): FS_IOC_GETFLAGS (returns the flags), FS_IOC_SETFLAGS, and the commands of drivers. */
  ioctl(fd: number, command: number, arg: unknown = 0): number {
    const file = this.file(fd);
    if (file === null) return -EBADF;
    if (command === FS_IOC_GETFLAGS) return fsIocGetflags(file);
    if (command === FS_IOC_SETFLAGS) return typeof arg === 'number' ? fsIocSetflags(this.task.cur, file, arg) : -EINVAL;
    return file.fOp.ioctl === null ? -ENOTTY : file.fOp.ioctl(this.task.cur, file, command, arg);
  }
}
