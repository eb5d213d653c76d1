/**
 * Builds the path with which a call of node:fs reaches a name in a directory of the host.
 *
 * On Linux the directory is opened name by name, without following symbolic links, and the path is `/proc/self/fd/N/name`.
 * Descriptor N refers to the same directory even after it was renamed, so a call with this path acts in that directory. Node has
 * no openat; this is its equivalent.
 *
 * Other hosts have no such path. {@link PathPlaces} checks that the directory's own path has no link in it, and then uses the
 * path: between the two steps, a process that renames inside the root can make the call leave the root.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  realpathSync,
  statSync,
  type BigIntStats,
} from 'node:fs';
import { join } from 'node:path';
import type { HostNode } from './host-node.ts';

/** Opens a directory without the right to read it (`asm-generic/fcntl.h`); node:fs does not name it. */
const O_PATH = 0o10000000;
/** 0 on hosts without this flag. */
export const NOFOLLOW: number = constants.O_NOFOLLOW ?? 0;
export const NONBLOCK: number = constants.O_NONBLOCK ?? 0;
export const DIRECTORY: number = constants.O_DIRECTORY ?? 0;

/** Returns the identity of a file: device, inode number, and birth time, since inode numbers are reused. */
export function keyOf(stat: BigIntStats): string {
  return `${stat.dev}:${stat.ino}:${stat.birthtimeNs}`;
}

/** Returns an error like the system's. */
export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/** Builds paths for names in directories. */
export interface Places {
  /** Whether no process can make a call leave the root by exchanging directories and links. */
  readonly confined: boolean;
  /**
   * Calls `act` with a function that builds a path for one call of node:fs from a name in `dir`. The paths are valid only
   * inside `act`.
   *
   * @throws ESTALE when `dir` is now another directory; ENOENT when it does not exist
   */
  within<T>(dir: HostNode, act: (path: (name: string) => string) => T): T;
  /** Returns the path with which an open descriptor is opened again, or null when the host has none. */
  reopen(fd: number): string | null;
  /** Closes the root's descriptor. */
  close(): void;
}

/** Paths with descriptors, for Linux. */
class DescriptorPlaces implements Places {
  readonly confined = true;
  private rootFd: number;

  constructor(rootFd: number) {
    this.rootFd = rootFd;
  }

  within<T>(dir: HostNode, act: (path: (name: string) => string) => T): T {
    const fd = this.open(dir);
    try {
      return act((name) => `/proc/self/fd/${fd}/${name}`);
    } finally {
      this.done(fd);
    }
  }

  /** Opens a directory. {@link done} closes the descriptor. */
  private open(dir: HostNode): number {
    const { parent } = dir;
    if (parent === null) {
      if (this.rootFd < 0) throw systemError('ESTALE', dir.name);
      return this.rootFd;
    }
    const above = this.open(parent);
    let fd: number;
    try {
      fd = openSync(`/proc/self/fd/${above}/${dir.name}`, O_PATH | DIRECTORY | NOFOLLOW);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // The name now belongs to a link or a file.
      throw code === 'ELOOP' || code === 'ENOTDIR' ? systemError('ESTALE', dir.name) : error;
    } finally {
      this.done(above);
    }
    if (keyOf(fstatSync(fd, { bigint: true })) === dir.key) return fd;
    closeSync(fd);
    throw systemError('ESTALE', dir.name);
  }

  private done(fd: number): void {
    if (fd !== this.rootFd) closeSync(fd);
  }

  reopen(fd: number): string {
    return `/proc/self/fd/${fd}`;
  }

  close(): void {
    if (this.rootFd >= 0) closeSync(this.rootFd);
    this.rootFd = -1;
  }
}

/** Paths with names, for hosts without /proc/self/fd. */
export class PathPlaces implements Places {
  readonly confined = false;

  within<T>(dir: HostNode, act: (path: (name: string) => string) => T): T {
    const path = pathOf(dir);
    if (realpathSync(path) !== path) throw systemError('ESTALE', path);
    if (keyOf(lstatSync(path, { bigint: true })) !== dir.key) throw systemError('ESTALE', path);
    return act((name) => join(path, name));
  }

  reopen(): null {
    return null;
  }

  close(): void {
    // There is no descriptor to close.
  }
}

function pathOf(node: HostNode): string {
  return node.parent === null ? node.name : join(pathOf(node.parent), node.name);
}

/**
 * Chooses how to build paths on this host.
 *
 * @param root an absolute path without links
 * @param key the directory's identity, from {@link keyOf}
 */
export function placesOf(root: string, key: string): Places {
  if (process.platform !== 'linux') return new PathPlaces();
  const fd = openSync(root, O_PATH | DIRECTORY | NOFOLLOW);
  try {
    // A host without /proc, or another directory in the meantime.
    if (keyOf(statSync(`/proc/self/fd/${fd}/.`, { bigint: true })) === key) return new DescriptorPlaces(fd);
  } catch {
    // This host has no /proc.
  }
  closeSync(fd);
  return new PathPlaces();
}
