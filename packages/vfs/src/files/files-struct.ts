/**
 * struct files_struct: the descriptor table of one or more tasks; and struct fs_struct: their root and working directory.
 *
 * Mirrors fs/file.c and fs/fs_struct.c.
 */
import { EBADF, EINVAL, EMFILE } from '@vmarea/uapi';
import { FMODE_PATH, type Caller, type Rlimits } from '@vmarea/mm-core';
import type { File } from './file.ts';
import { locksRemovePosix } from './locks.ts';
import type { MountTree, Path } from '../names/mount.ts';

/** Limits of a process that opens files: mm-core's, and RLIMIT_NOFILE. */
export interface FileRlimits extends Rlimits {
  /** Soft RLIMIT_NOFILE: the first descriptor that is too large. */
  nofile: number;
}

/** A caller with files, for the functions of this package that take paths or descriptors. */
export interface FileCaller extends Caller {
  readonly rlimits: FileRlimits;
  readonly files: FilesStruct;
  readonly fs: FsStruct;
}

/** The root and working directory of a process. */
export class FsStruct {
  readonly tree: MountTree;
  root: Path;
  cwd: Path;
  umask = 0o022;

  constructor(tree: MountTree) {
    this.tree = tree;
    this.root = tree.rootPath;
    this.cwd = tree.rootPath;
  }

  /** Returns a copy for fork without CLONE_FS. */
  copy(): FsStruct {
    const copy = new FsStruct(this.tree);
    copy.root = this.root;
    copy.cwd = this.cwd;
    copy.umask = this.umask;
    return copy;
  }
}

/** Smaller descriptors are in an array, the others in a map, so that a high descriptor costs as much as a low one. */
const DENSE = 4096;
/** sysctl_nr_open_max: the largest effective RLIMIT_NOFILE (fs/file.c). */
const NR_OPEN_MAX = 0x7fffffff & -64;

/** A descriptor table. */
export class FilesStruct {
  /** Descriptors below {@link DENSE}. */
  private readonly fds: (File | null)[] = [];
  /** The other open descriptors. */
  private readonly high = new Map<number, File>();
  private readonly cloexec = new Set<number>();
  /** The lowest descriptor that may be free. */
  private nextFd = 0;
  /** The number of tasks that share it. */
  count = 1;

  /** Returns the open file of a descriptor, also an O_PATH one; null when it is closed. Takes no reference. */
  fgetRaw(fd: number): File | null {
    return fd < DENSE ? (this.fds[fd] ?? null) : (this.high.get(fd) ?? null);
  }

  /** Returns the open file of a descriptor, or null when it is closed or O_PATH. Takes no reference. */
  fget(fd: number): File | null {
    const file = this.fgetRaw(fd);
    return file !== null && (file.fMode & FMODE_PATH) === 0 ? file : null;
  }

  /**
   * Installs a file at the lowest free descriptor. Takes over the caller's reference, and drops it on failure.
   *
   * @param nofile soft RLIMIT_NOFILE
   * @param from lowest descriptor allowed
   * @returns the descriptor or -EMFILE
   */
  install(file: File, nofile: number, cloexec: boolean, from = 0): number {
    let fd = Math.max(from, this.nextFd);
    while (this.fgetRaw(fd) !== null) fd++;
    if (fd >= Math.min(nofile, NR_OPEN_MAX)) {
      file.fput();
      return -EMFILE;
    }
    if (from <= this.nextFd) this.nextFd = fd + 1;
    this.set(fd, file, cloexec);
    return fd;
  }

  /**
   * Installs a file at a given descriptor, closing the file there. Takes over the caller's reference.
   *
   * @returns `fd`, or -EBADF beyond the limit (the reference is dropped)
   */
  installAt(file: File, fd: number, nofile: number, cloexec: boolean): number {
    if (fd < 0 || fd >= Math.min(nofile, NR_OPEN_MAX)) {
      file.fput();
      return -EBADF;
    }
    if (this.fgetRaw(fd) !== null) this.close(fd);
    this.set(fd, file, cloexec);
    return fd;
  }

  private set(fd: number, file: File, cloexec: boolean): void {
    if (fd >= DENSE) this.high.set(fd, file);
    else {
      while (this.fds.length <= fd) this.fds.push(null);
      this.fds[fd] = file;
    }
    if (cloexec) this.cloexec.add(fd);
    else this.cloexec.delete(fd);
  }

  /** close(2): returns 0, -EBADF, or the errno of the driver's flush (the descriptor is closed in any case). */
  close(fd: number): number {
    const file = this.fgetRaw(fd);
    if (file === null) return -EBADF;
    if (fd >= DENSE) this.high.delete(fd);
    else this.fds[fd] = null;
    this.cloexec.delete(fd);
    if (fd < this.nextFd) this.nextFd = fd;
    return filpClose(file, this);
  }

  /** dup(2), F_DUPFD: returns a descriptor >= `from`, or -EBADF, -EINVAL, -EMFILE. */
  dup(fd: number, nofile: number, from = 0, cloexec = false): number {
    const file = this.fgetRaw(fd);
    if (file === null) return -EBADF;
    if (from < 0 || from >= nofile) return from === 0 ? -EMFILE : -EINVAL;
    return this.install(file.getFile(), nofile, cloexec, from);
  }

  /** dup3(2): returns `newFd`, or -EINVAL when both are the same, or -EBADF. */
  dup3(fd: number, newFd: number, nofile: number, cloexec: boolean): number {
    if (fd === newFd) return -EINVAL;
    if (newFd < 0 || newFd >= nofile) return -EBADF;
    const file = this.fgetRaw(fd);
    if (file === null) return -EBADF;
    return this.installAt(file.getFile(), newFd, nofile, cloexec);
  }

  getCloexec(fd: number): boolean {
    return this.cloexec.has(fd);
  }

  setCloexec(fd: number, on: boolean): void {
    if (on) this.cloexec.add(fd);
    else this.cloexec.delete(fd);
  }

  /** dup_fd: returns a copy for fork; every file gets a reference. */
  copy(): FilesStruct {
    const copy = new FilesStruct();
    for (const fd of this.openFds()) copy.set(fd, this.fgetRaw(fd)!.getFile(), this.cloexec.has(fd));
    copy.nextFd = this.nextFd;
    return copy;
  }

  /** do_close_on_exec. */
  closeOnExec(): void {
    for (const fd of [...this.cloexec].sort((a, b) => a - b)) this.close(fd);
  }

  /** put_files_struct: called when a task ends; the last one closes every descriptor. */
  put(): void {
    if (--this.count > 0) return;
    for (const fd of this.openFds()) this.close(fd);
  }

  /** Returns the descriptors in use, in order. */
  openFds(): number[] {
    const open: number[] = [];
    for (let fd = 0; fd < this.fds.length; fd++) if (this.fds[fd] !== null) open.push(fd);
    for (const fd of [...this.high.keys()].sort((a, b) => a - b)) open.push(fd);
    return open;
  }
}

/** filp_close: drops a descriptor's reference, and the process's POSIX locks on the file. */
export function filpClose(file: File, owner: object): number {
  let error = 0;
  if ((file.fMode & FMODE_PATH) === 0) {
    if (file.fOp.flush !== null) error = file.fOp.flush(file);
    locksRemovePosix(file.fInode, owner);
  }
  file.fput();
  return error;
}
