/**
 * hostfs: the store that vfs's storeFs turns into a filesystem. Reads and writes are positional and synchronous.
 *
 * Not here: file locks of the host, attributes that programs change (mode and owner live in memory), special files (they
 * are seen and cannot be opened). What others change is seen when a page is read that is not cached, and when a file is opened.
 */
import {
  chmodSync,
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
import { ENOTDIR, S_ISDIR, S_ISLNK, S_ISREG } from '@vmarea/uapi';
import {
  storeFs,
  storeManifest,
  type DriverManifest,
  type Store,
  type StoreEntry,
  type StoreFsOptions,
  type SuperBlock,
} from '@vmarea/vfs';
import { HostNode, keyOf } from './host-node.ts';

/** How a hostfs is made. */
export interface HostfsOptions extends Omit<StoreFsOptions, 'asynchronous' | 'persistent' | 'readAhead'> {
  /** The directory of the host. Nothing outside it is ever reached. */
  readonly root: string;
  /** Nothing of the host is changed. */
  readonly readOnly?: boolean | undefined;
}

/** What hostfs can do. */
export function hostfsManifest(options: Omit<HostfsOptions, 'root'> = {}): DriverManifest {
  const store: Store<HostNode> = new HostStore(new HostNode(null, '/', ''));
  return storeManifest(options.readOnly === true ? readOnlyStore(store) : store, { ...options, ...NATURE });
}

const NATURE = { asynchronous: false, persistent: true } as const;

/**
 * A filesystem that shows a directory of the host.
 *
 * @throws the host's error when there is no such directory
 */
export function hostfs(system: MmSystem, options: HostfsOptions): SuperBlock {
  const path = realpathSync(options.root);
  const stat = lstatSync(path, { bigint: true });
  if (!stat.isDirectory())
    throw Object.assign(new Error(`hostfs: ${path} is no directory`), { code: 'ENOTDIR', errno: -ENOTDIR });
  const store = new HostStore(new HostNode(null, path, keyOf(stat)));
  return storeFs(system, options.readOnly === true ? readOnlyStore(store) : store, {
    mode: Number(stat.mode) & 0o7777,
    ...options,
    ...NATURE,
  });
}

class HostStore implements Required<Store<HostNode>> {
  readonly name = 'hostfs';
  readonly root: HostNode;

  constructor(root: HostNode) {
    this.root = root;
  }

  lookup(dir: HostNode, name: string): StoreEntry<HostNode> | null {
    const path = dir.place(name);
    const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return null;
    return this.entry(new HostNode(dir, name, keyOf(stat)), stat);
  }

  private entry(node: HostNode, stat: BigIntStats): StoreEntry<HostNode> {
    const mode = Number(stat.mode);
    return {
      node,
      mode,
      size: Number(stat.size),
      mtime: Number(stat.mtimeNs) / 1e9,
      // directories have one name, whatever their link count says
      key: S_ISDIR(mode) ? undefined : node.key,
      nlink: Number(stat.nlink),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      target: S_ISLNK(mode) ? readlinkSync(node.where()) : undefined,
    };
  }

  open(node: HostNode): StoreEntry<HostNode> {
    const entry = this.entry(node, node.stat());
    node.descriptor();
    return entry;
  }

  close(node: HostNode): void {
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
    const fd = node.descriptor(true);
    let done = 0;
    while (done < target.length) {
      const n = readSync(fd, target, done, target.length - done, pos + done);
      if (n === 0) break;
      done += n;
    }
    return done;
  }

  write(node: HostNode, source: Uint8Array, pos: number): number {
    const fd = node.descriptor();
    for (let done = 0; done < source.length;) done += writeSync(fd, source, done, source.length - done, pos + done);
    return 0;
  }

  truncate(node: HostNode, size: number): number {
    ftruncateSync(node.descriptor(), size);
    return 0;
  }

  sync(node: HostNode): number {
    fsyncSync(node.descriptor());
    return 0;
  }

  create(dir: HostNode, name: string, mode: number): StoreEntry<HostNode> {
    const { O_CREAT, O_EXCL, O_RDWR } = constants;
    const fd = openSync(dir.place(name), O_CREAT | O_EXCL | O_RDWR, mode & 0o7777);
    // the umask of the process that runs the machine is none of its business
    fchmodSync(fd, mode & 0o7777);
    const stat = fstatSync(fd, { bigint: true });
    const node = new HostNode(dir, name, keyOf(stat));
    node.use(fd);
    return this.entry(node, stat);
  }

  mkdir(dir: HostNode, name: string, mode: number): StoreEntry<HostNode> {
    const path = dir.place(name);
    mkdirSync(path);
    chmodSync(path, mode & 0o7777);
    return this.lookup(dir, name)!;
  }

  symlink(dir: HostNode, name: string, target: string): StoreEntry<HostNode> {
    symlinkSync(target, dir.place(name));
    return this.lookup(dir, name)!;
  }

  link(node: HostNode, dir: HostNode, name: string): number {
    linkSync(node.where(), dir.place(name));
    return 0;
  }

  unlink(dir: HostNode, name: string, node: HostNode): number {
    const path = dir.place(name);
    pin(node);
    unlinkSync(path);
    return 0;
  }

  rmdir(dir: HostNode, name: string): number {
    rmdirSync(dir.place(name));
    return 0;
  }

  rename(
    node: HostNode,
    oldDir: HostNode,
    oldName: string,
    newDir: HostNode,
    newName: string,
    replaced: HostNode | null,
  ): number {
    const from = oldDir.place(oldName);
    const to = newDir.place(newName);
    if (replaced !== null) pin(replaced);
    renameSync(from, to);
    node.parent = newDir;
    node.name = newName;
    return 0;
  }
}

/** A name is about to go: who has the file open keeps it by its descriptor. */
function pin(node: HostNode): void {
  if (node.pinned) return;
  try {
    const stat = node.stat();
    if (!S_ISREG(Number(stat.mode))) return;
    node.descriptor();
    node.pinned = true;
  } catch {
    // it cannot be opened, so nobody has it open
  }
}

/** The same store without anything that changes the host. */
function readOnlyStore(store: Store<HostNode>): Store<HostNode> {
  return {
    name: store.name,
    root: store.root,
    lookup: (dir, name) => store.lookup(dir, name),
    read: (node, target, pos) => store.read(node, target, pos),
    open: (node) => store.open!(node),
    close: (node) => store.close!(node),
    forget: (node) => store.forget!(node),
    foundAgain: (known, found) => store.foundAgain!(known, found),
  };
}
