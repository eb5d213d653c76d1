/**
 * A file of the host: its directory and name, and the descriptor with which it is read and written.
 *
 * places.ts builds a path from the directory and the name. The last name is never followed when it is a symbolic link.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, type BigIntStats } from 'node:fs';
import { keyOf, NOFOLLOW, NONBLOCK, systemError, type Places } from './places.ts';

/** Errors of opening for writing that leave a file that can be read. */
const NOT_WRITABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ETXTBSY']);

/** A file or directory. */
export class HostNode {
  parent: HostNode | null;
  /** In its directory; for the root its absolute path. */
  name: string;
  readonly key: string;
  /** Its names are gone, or about to go: the descriptor is all that leads to it. */
  pinned = false;
  /** The machine has it open or mapped. */
  inUse = false;
  private readonly places: Places;
  private fd = -1;
  private writable = false;

  constructor(places: Places, parent: HostNode | null, name: string, key: string) {
    this.places = places;
    this.parent = parent;
    this.name = name;
    this.key = key;
  }

  /**
   * The file as it is now.
   *
   * @throws ENOENT when the name is gone, ESTALE when it leads to another file
   */
  stat(): BigIntStats {
    if (this.pinned) return fstatSync(this.descriptor(false), { bigint: true });
    const { parent, name } = this;
    if (parent === null) return this.places.within(this, (path) => lstatSync(path('.'), { bigint: true }));
    const stat = this.places.within(parent, (path) => lstatSync(path(name), { bigint: true }));
    if (keyOf(stat) !== this.key) throw systemError('ESTALE', name);
    return stat;
  }

  /** Takes over a descriptor that has just been made, which reads and writes. */
  use(fd: number): void {
    this.fd = fd;
    this.writable = true;
  }

  /**
   * The descriptor, opened when it is not, or when it must write and does not.
   *
   * @throws the host's error when the host does not let it be opened so: nothing is written that could not reach the host
   */
  descriptor(write: boolean): number {
    if (this.fd >= 0 && (this.writable || !write)) return this.fd;
    const fd = this.open((write ? constants.O_RDWR : constants.O_RDONLY) | NOFOLLOW | NONBLOCK);
    if (this.fd >= 0) closeSync(this.fd);
    this.fd = fd;
    this.writable = write;
    return fd;
  }

  private open(flags: number): number {
    const { parent, name } = this;
    const again = this.fd < 0 ? null : this.places.reopen(this.fd);
    // the path of a descriptor is a link that only the host makes
    if (again !== null) return openSync(again, flags & ~NOFOLLOW);
    if (this.pinned || parent === null) throw systemError('EACCES', name);
    return this.places.within(parent, (path) => {
      const fd = openSync(path(name), flags);
      if (keyOf(fstatSync(fd, { bigint: true })) === this.key) return fd;
      closeSync(fd);
      throw systemError('ESTALE', name);
    });
  }

  /** Its names are about to go: opens it as far as the host lets it be opened, and keeps it so. */
  pin(): void {
    try {
      this.descriptor(true);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined || !NOT_WRITABLE.has(code)) throw error;
      this.descriptor(false);
    }
    this.pinned = true;
  }

  /** Gives the descriptor back. */
  release(): void {
    if (this.fd >= 0) closeSync(this.fd);
    this.fd = -1;
    this.writable = false;
  }
}
