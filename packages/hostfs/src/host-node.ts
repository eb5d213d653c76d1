/**
 * A file of the host: where it is, and the descriptor by which it is read and written.
 *
 * Paths are made anew for every use, from a chain of names each of which has been seen not to be a symbolic link; before a
 * path is used its directory must be itself (realpath), and the last name is never followed. So nothing outside the root is
 * reached, also when somebody exchanges directories for links meanwhile.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, realpathSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';

/** What a file is known by: device, inode number, and birth, since inode numbers are used again. */
export function keyOf(stat: BigIntStats): string {
  return `${stat.dev}:${stat.ino}:${stat.birthtimeNs}`;
}

/** An error as the system would throw it. */
function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/** Errors of opening for writing after which it is opened for reading. */
const NOT_WRITABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ETXTBSY']);

/** A file or directory. */
export class HostNode {
  parent: HostNode | null;
  /** In its directory; for the root its absolute path. */
  name: string;
  readonly key: string;
  /** Its names are gone, or about to go: the descriptor is all that leads to it. */
  pinned = false;
  private fd = -1;

  constructor(parent: HostNode | null, name: string, key: string) {
    this.parent = parent;
    this.name = name;
    this.key = key;
  }

  private path(): string {
    return this.parent === null ? this.name : join(this.parent.path(), this.name);
  }

  /**
   * The path of this directory, or of a name in it.
   *
   * @throws ESTALE when it is not the directory any more that it was
   */
  place(name?: string): string {
    const path = this.path();
    if (realpathSync(path) !== path) throw systemError('ESTALE', path);
    return name === undefined ? path : join(path, name);
  }

  /** The path of the file itself, its directory checked. */
  where(): string {
    return this.parent === null ? this.place() : this.parent.place(this.name);
  }

  /**
   * The file as it is now.
   *
   * @throws ENOENT when the name is gone, ESTALE when it leads to another file
   */
  stat(): BigIntStats {
    if (this.pinned) return fstatSync(this.descriptor(), { bigint: true });
    const path = this.where();
    const stat = lstatSync(path, { bigint: true });
    if (keyOf(stat) !== this.key) throw systemError('ESTALE', path);
    return stat;
  }

  /** Takes over a descriptor that has just been made. */
  use(fd: number): void {
    this.fd = fd;
  }

  /** The descriptor, opened when it is not: for writing if that is allowed. */
  descriptor(readOnly = false): number {
    if (this.fd >= 0) return this.fd;
    const path = this.where();
    const { O_RDONLY, O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants;
    // some hosts have no such flags
    const careful = ((O_NOFOLLOW as number | undefined) ?? 0) | ((O_NONBLOCK as number | undefined) ?? 0);
    let fd: number;
    try {
      fd = openSync(path, (readOnly ? O_RDONLY : O_RDWR) | careful);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (readOnly || code === undefined || !NOT_WRITABLE.has(code)) throw error;
      fd = openSync(path, O_RDONLY | careful);
    }
    if (keyOf(fstatSync(fd, { bigint: true })) !== this.key) {
      closeSync(fd);
      throw systemError('ESTALE', path);
    }
    this.fd = fd;
    return fd;
  }

  /** Gives the descriptor back. */
  release(): void {
    if (this.fd >= 0) closeSync(this.fd);
    this.fd = -1;
  }
}
