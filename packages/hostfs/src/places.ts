/**
 * How a name in a directory of the host is reached: the path that a call of node:fs is given.
 *
 * On Linux the directory is opened name by name, none of them followed when it is a symbolic link, and the path is
 * `/proc/self/fd/N/name`. The descriptor N stays the directory that was seen, whatever becomes of its names, so a call made
 * through it acts in that directory. Node has no openat; this is its equivalent.
 *
 * Elsewhere there is no such path. {@link PathPlaces} checks that the directory's own path has no link in it, and then uses
 * the path: between the two, somebody who can rename inside the root can lead the call out of it.
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
/** Some hosts have no such flags. */
export const NOFOLLOW: number = constants.O_NOFOLLOW ?? 0;
export const NONBLOCK: number = constants.O_NONBLOCK ?? 0;
export const DIRECTORY: number = constants.O_DIRECTORY ?? 0;

/** What a file is known by: device, inode number, and birth, since inode numbers are used again. */
export function keyOf(stat: BigIntStats): string {
  return `${stat.dev}:${stat.ino}:${stat.birthtimeNs}`;
}

/** An error as the system would throw it. */
export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/** Makes names in directories reachable. */
export interface Places {
  /** Nobody can lead a call out of the root by exchanging directories and links meanwhile. */
  readonly confined: boolean;
  /**
   * Calls `act` with a function that turns a name in `dir` into a path for one call of node:fs. The paths are valid only
   * inside `act`.
   *
   * @throws ESTALE when `dir` is not the directory any more that it was; ENOENT when it is gone
   */
  within<T>(dir: HostNode, act: (path: (name: string) => string) => T): T;
  /** The path by which an open descriptor is opened once more, or null where the host has none. */
  reopen(fd: number): string | null;
  /** Gives the root's descriptor back. */
  close(): void;
}

/** Paths through descriptors: Linux. */
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

  /** A descriptor of a directory; ended by {@link done}. */
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
      // a link or a file has its name now
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

/** Paths by name: hosts without /proc/self/fd. */
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
    // nothing is held
  }
}

function pathOf(node: HostNode): string {
  return node.parent === null ? node.name : join(pathOf(node.parent), node.name);
}

/**
 * The way into a directory.
 *
 * @param root an absolute path without links
 * @param key the directory's, as {@link keyOf} gives it
 */
export function placesOf(root: string, key: string): Places {
  if (process.platform !== 'linux') return new PathPlaces();
  const fd = openSync(root, O_PATH | DIRECTORY | NOFOLLOW);
  try {
    // a host without /proc, or another directory by now
    if (keyOf(statSync(`/proc/self/fd/${fd}/.`, { bigint: true })) === key) return new DescriptorPlaces(fd);
  } catch {
    // no /proc here
  }
  closeSync(fd);
  return new PathPlaces();
}
