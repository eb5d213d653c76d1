/**
 * hostfs: the store from which vfs's storeFs makes a filesystem. Reads and writes are positional and synchronous.
 *
 * Not here: file locks of the host, attributes that programs change (mode and owner exist in memory only), special files (they
 * are visible and cannot be opened). Changes by others are seen when an uncached page is read, and when a file is opened.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeSync,
  type BigIntStats,
} from 'node:fs';
import type { MmSystem } from '@vmarea/mm-core';
import { ENOTDIR, EOPNOTSUPP, S_ISDIR, S_ISLNK } from '@vmarea/uapi';
import {
  storeFs,
  storeManifest,
  type DriverManifest,
  type Store,
  type StoreEntry,
  type StoreFsOptions,
  type SuperBlock,
} from '@vmarea/vfs';
import { HostNode } from './host-node.ts';
import { DIRECTORY, keyOf, NOFOLLOW, PathPlaces, placesOf, systemError, type Places } from './places.ts';

/** The options of a hostfs. */
export interface HostfsOptions extends Omit<
  StoreFsOptions,
  'asynchronous' | 'persistent' | 'readAhead' | 'notPromised'
> {
  /** The directory of the host. No call leaves it; see `unconfined` for hosts other than Linux. */
  readonly root: string;
  /** Whether to change nothing on the host. */
  readonly readOnly?: boolean | undefined;
  /**
   * Allows writing on a host without `/proc/self/fd`, where another process that renames inside the root during a call can make
   * the call leave the root. Has no effect on Linux.
   */
  readonly unconfined?: boolean | undefined;
}

const NATURE = {
  asynchronous: false,
  persistent: true,
  notPromised: [
    'On a host without /proc/self/fd (all but Linux) the root confines nobody who renames directories inside it while a call runs; writing is refused there unless `unconfined` is set',
  ],
} as const;

/** Returns the manifest of hostfs. */
export function hostfsManifest(options: Omit<HostfsOptions, 'root'> = {}): DriverManifest {
  const places = new PathPlaces();
  const store: Store<HostNode> = new HostStore(places, new HostNode(places, null, '/', ''));
  return storeManifest(options.readOnly === true ? readOnlyStore(store) : store, { ...options, ...NATURE });
}

/**
 * Creates a filesystem that shows a directory of the host.
 *
 * On Linux it has one open descriptor, of the root, until it is unmounted.
 *
 * @throws the host's error when there is no such directory; an error with code ENOTSUP when it is writable and the host has no
 *   `/proc/self/fd` and `unconfined` is not set
 */
export function hostfs(system: MmSystem, options: HostfsOptions): SuperBlock {
  const path = realpathSync(options.root);
  const stat = lstatSync(path, { bigint: true });
  if (!stat.isDirectory())
    throw Object.assign(new Error(`hostfs: ${path} is no directory`), { code: 'ENOTDIR', errno: -ENOTDIR });
  const places = placesOf(path, keyOf(stat));
  if (!places.confined && options.readOnly !== true && options.unconfined !== true) {
    throw Object.assign(
      new Error(
        `hostfs: this host has no /proc/self/fd, so that calls could be led out of ${path} by somebody who renames inside it. ` +
          'Set readOnly, or unconfined when nobody else changes the directory.',
      ),
      { code: 'ENOTSUP', errno: -EOPNOTSUPP },
    );
  }
  const store = new HostStore(places, new HostNode(places, null, path, keyOf(stat)));
  return storeFs(system, options.readOnly === true ? readOnlyStore(store) : store, {
    mode: Number(stat.mode) & 0o7777,
    ...options,
    ...NATURE,
  });
}

class HostStore implements Required<Store<HostNode>> {
  readonly name = 'hostfs';
  readonly root: HostNode;
  private readonly places: Places;

  constructor(places: Places, root: HostNode) {
    this.places = places;
    this.root = root;
  }

  lookup(dir: HostNode, name: string): StoreEntry<HostNode> | null {
    return this.places.within(dir, (path) => {
      const stat = lstatSync(path(name), { bigint: true, throwIfNoEntry: false });
      if (stat === undefined) return null;
      const target = S_ISLNK(Number(stat.mode)) ? readlinkSync(path(name)) : undefined;
      return entryOf(new HostNode(this.places, dir, name, keyOf(stat)), stat, target);
    });
  }

  open(node: HostNode, write: boolean): StoreEntry<HostNode> {
    const entry = entryOf(node, node.stat());
    node.descriptor(write);
    node.inUse = true;
    return entry;
  }

  close(node: HostNode): void {
    node.inUse = false;
    if (!node.pinned) node.release();
  }

  forget(node: HostNode): void {
    node.release();
  }

  foundAgain(known: HostNode, found: HostNode): void {
    if (known.pinned) return;
    known.parent = found.parent;
    known.name = found.name;
  }

  read(node: HostNode, target: Uint8Array, pos: number): number {
    const fd = node.descriptor(false);
    let done = 0;
    while (done < target.length) {
      const n = readSync(fd, target, done, target.length - done, pos + done);
      if (n === 0) break;
      done += n;
    }
    return done;
  }

  write(node: HostNode, source: Uint8Array, pos: number): number {
    const fd = node.descriptor(true);
    for (let done = 0; done < source.length;) done += writeSync(fd, source, done, source.length - done, pos + done);
    return 0;
  }

  truncate(node: HostNode, size: number): number {
    ftruncateSync(node.descriptor(true), size);
    // truncate(2) of a file that is not open.
    if (!node.inUse && !node.pinned) node.release();
    return 0;
  }

  sync(node: HostNode): number {
    fsyncSync(node.descriptor(false));
    return 0;
  }

  create(dir: HostNode, name: string, mode: number): StoreEntry<HostNode> {
    const { O_CREAT, O_EXCL, O_RDWR } = constants;
    const fd = this.places.within(dir, (path) =>
      openSync(path(name), O_CREAT | O_EXCL | O_RDWR | NOFOLLOW, mode & 0o7777),
    );
    // Sets the mode again, since the umask of the host's process must not apply.
    fchmodSync(fd, mode & 0o7777);
    const stat = fstatSync(fd, { bigint: true });
    const node = new HostNode(this.places, dir, name, keyOf(stat));
    node.use(fd);
    return entryOf(node, stat);
  }

  mkdir(dir: HostNode, name: string, mode: number): StoreEntry<HostNode> {
    return this.places.within(dir, (path) => {
      mkdirSync(path(name), 0o700);
      // Uses a descriptor: another process may have replaced the name by a link.
      const fd = openSync(path(name), constants.O_RDONLY | DIRECTORY | NOFOLLOW);
      try {
        fchmodSync(fd, mode & 0o7777);
        const stat = fstatSync(fd, { bigint: true });
        return entryOf(new HostNode(this.places, dir, name, keyOf(stat)), stat);
      } finally {
        closeSync(fd);
      }
    });
  }

  symlink(dir: HostNode, name: string, target: string): StoreEntry<HostNode> {
    this.places.within(dir, (path) => symlinkSync(target, path(name)));
    const made = this.lookup(dir, name);
    if (made === null) throw systemError('ESTALE', name);
    return made;
  }

  link(node: HostNode, dir: HostNode, name: string): number {
    const { parent } = node;
    if (parent === null || node.pinned) throw systemError('ENOENT', node.name);
    this.places.within(parent, (from) => {
      this.places.within(dir, (to) => linkSync(from(node.name), to(name)));
    });
    return 0;
  }

  unlink(dir: HostNode, name: string, node: HostNode): number {
    keep(node);
    this.places.within(dir, (path) => unlinkSync(path(name)));
    return 0;
  }

  rmdir(dir: HostNode, name: string): number {
    this.places.within(dir, (path) => rmdirSync(path(name)));
    return 0;
  }

  /** The parameters are those of `Store.rename`. */
  rename(
    node: HostNode,
    oldDir: HostNode,
    oldName: string,
    newDir: HostNode,
    newName: string,
    replaced: HostNode | null,
  ): number {
    this.places.within(oldDir, (from) => {
      this.places.within(newDir, (to) => {
        if (replaced !== null) keep(replaced);
        renameSync(from(oldName), to(newName));
      });
    });
    node.parent = newDir;
    node.name = newName;
    return 0;
  }

  unmount(): void {
    this.places.close();
  }
}

/** Opens a file whose name is about to be removed, so that it stays accessible through its descriptor. */
function keep(node: HostNode): void {
  if (!node.inUse || node.pinned) return;
  try {
    node.pin();
  } catch {
    // Its name already leads to another file.
  }
}

function entryOf(node: HostNode, stat: BigIntStats, target?: string): StoreEntry<HostNode> {
  const mode = Number(stat.mode);
  return {
    node,
    mode,
    size: Number(stat.size),
    mtime: Number(stat.mtimeNs) / 1e9,
    // Directories have one name, with any link count.
    key: S_ISDIR(mode) ? undefined : node.key,
    nlink: Number(stat.nlink),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    target,
  };
}

/** Returns the same store without the functions that change the host. */
function readOnlyStore(store: Store<HostNode>): Store<HostNode> {
  return {
    name: store.name,
    root: store.root,
    lookup: (dir, name) => store.lookup(dir, name),
    read: (node, target, pos) => store.read(node, target, pos),
    open: (node, write) => store.open!(node, write),
    close: (node) => store.close!(node),
    forget: (node) => store.forget!(node),
    foundAgain: (known, found) => store.foundAgain!(known, found),
    unmount: () => store.unmount!(),
  };
}
