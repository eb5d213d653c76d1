/**
 * storeFs: builds a whole filesystem from a {@link Store}. The common part of hostfs, zenfs and httpfs.
 *
 * Names that were looked up stay in the dentry tree. Opening a file asks the store for its present description and drops
 * outdated pages, which gives close-to-open consistency with other users of the storage. store-pages.ts handles the pages of
 * files. Not here: directory listings, device files.
 */
import { EISDIR, EIO, ENOENT, EPERM, ESTALE, S_IFDIR, S_IFMT, S_IFREG, S_ISDIR, S_ISREG } from '@vmarea/uapi';
import { FMODE_WRITE, RETRY, type Caller, type MmSystem } from '@vmarea/mm-core';
import { genericFileReadonlyMmap as refuseSharedWrites, type AddressSpaceOperations } from '@vmarea/mm-core/memory';
import { Answers } from './answers.ts';
import { inodeNewsizeOk } from '../names/attr.ts';
import { dAdd, dDrop, dLink, dMakeRoot, type Dentry } from '../names/dentry.ts';
import { storeCapabilities, type Store, type StoreEntry } from './driver.ts';
import { FileOperations, InodeOperations, type Attributes } from '../files/operations.ts';
import type { File } from '../files/file.ts';
import { ihold, newInode, type Inode } from '../names/inode.ts';
import {
  attachPageCache,
  evictPages,
  genericFileMmap,
  genericFileRead,
  genericFileWrite,
  memoryOf,
  setattrCopy,
  truncateSetsize,
} from '../page-cache.ts';
import { storeAops, StoreInode, storeInode, whenIdle } from './store-pages.ts';
import { SuperBlock, type DriverManifest, type SuperBlockInit } from '../names/super-block.ts';

/** The options of a filesystem on a store. */
export interface StoreFsOptions extends Omit<SuperBlockInit, 'manifest' | 'operations'> {
  /** The allowed mappings: all (default), all except shared mappings that can be written, or none. */
  readonly mmap?: 'all' | 'no-shared-writes' | 'none' | undefined;
  /** The largest number of pages to read ahead when a file is read in order; 0 for none (default). */
  readonly readAhead?: number | undefined;
  /** Whether the store keeps written data when the machine ends. Default false. */
  readonly persistent?: boolean | undefined;
  /** Whether the store may return promises. Default true. */
  readonly asynchronous?: boolean | undefined;
  /** Permission bits of the root directory; default 0755. */
  readonly mode?: number | undefined;
  /** For the manifest: sentences about what users of the store must not rely on. */
  readonly notPromised?: readonly string[] | undefined;
}

/** Returns the manifest of a filesystem on a store. */
export function storeManifest<Node>(store: Store<Node>, options: StoreFsOptions = {}): DriverManifest {
  return {
    name: store.name,
    capabilities: storeCapabilities(store as Store<never>, {
      mmap: options.mmap ?? 'all',
      persistent: options.persistent ?? false,
      asynchronous: options.asynchronous ?? true,
    }),
    notPromised: options.notPromised,
  };
}

/** Creates a filesystem on a store. */
export function storeFs<Node>(system: MmSystem, store: Store<Node>, options: StoreFsOptions = {}): SuperBlock {
  const fs = new StoreFs(system, store, options);
  return fs.sb;
}

/** Connects a superblock and its store. */
class StoreFs<Node> {
  readonly sb: SuperBlock;
  private readonly store: Store<Node>;
  private readonly answers: Answers;
  private readonly aOps: AddressSpaceOperations;
  private readonly fileOps: FileOperations;
  private readonly inodeOps: InodeOperations;
  /** The inodes in use of files that may have several names. */
  private readonly byKey = new Map<string, Inode>();

  constructor(system: MmSystem, store: Store<Node>, options: StoreFsOptions) {
    this.store = store;
    this.answers = new Answers(system, store.name);
    this.aOps = storeAops(store, options.readAhead ?? 0);
    this.sb = new SuperBlock(system, {
      ...options,
      readOnly: options.readOnly === true || store.write === undefined,
      manifest: storeManifest(store, options),
      operations: {
        evictInode: (inode) => this.evict(inode),
        putSuper: (sb) => {
          dropTree(sb.root!);
          store.unmount?.();
        },
      },
    });
    this.fileOps = this.makeFileOperations(options.mmap ?? 'all');
    this.inodeOps = this.makeInodeOperations();
    const root = newInode(this.sb, S_IFDIR | ((options.mode ?? 0o755) & ~S_IFMT), this.inodeOps, directoryOperations);
    root.iNlink = 2;
    root.iPrivate = new StoreInode(store.root);
    this.sb.root = dMakeRoot(root);
  }

  private node(inode: Inode): Node {
    return storeInode<Node>(inode).node;
  }

  /** Returns the inode of an entry, with a reference: the one in use for the same file, or a new one. */
  private inodeOf(entry: StoreEntry<Node>): Inode {
    const known = entry.key === undefined ? undefined : this.byKey.get(entry.key);
    if (known !== undefined) {
      this.store.foundAgain?.(this.node(known), entry.node);
      return ihold(known);
    }
    const isFile = S_ISREG(entry.mode);
    const inode = newInode(this.sb, entry.mode, this.inodeOps, isFile ? this.fileOps : directoryOperations);
    inode.iSize = entry.size;
    inode.iUid = entry.uid ?? 0;
    inode.iGid = entry.gid ?? 0;
    inode.iLink = entry.target ?? '';
    inode.iNlink = entry.nlink ?? (S_ISDIR(entry.mode) ? 2 : 1);
    const own = new StoreInode<Node>(entry.node);
    own.key = entry.key ?? null;
    inode.iPrivate = own;
    noteTime(inode, own, entry);
    if (isFile) attachPageCache(inode, this.aOps);
    if (entry.key !== undefined) this.byKey.set(entry.key, inode);
    return inode;
  }

  private evict(inode: Inode): void {
    const own = storeInode<Node>(inode);
    if (own.key !== null && this.byKey.get(own.key) === inode) this.byKey.delete(own.key);
    // Waits for operations in progress before the pages are removed.
    whenIdle(inode, () => this.store.forget?.(own.node));
    evictPages(inode);
  }

  // --- open files

  private makeFileOperations(mmap: 'all' | 'no-shared-writes' | 'none'): FileOperations {
    const { store } = this;
    return new FileOperations({
      read: genericFileRead,
      write: store.write === undefined ? undefined : genericFileWrite,
      mmap: mmap === 'none' ? undefined : mmap === 'all' ? genericFileMmap : mapWithoutSharedWrites,
      fsync: (file, start, end) => this.fsync(file.fInode, start, end),
      open: (_cur, inode, file) => this.open(inode, file),
      release: (inode, file) => this.release(inode, file),
    });
  }

  private open(inode: Inode, file: File): number {
    const { store } = this;
    const own = storeInode<Node>(inode);
    if (store.open !== undefined) {
      const write = (file.fMode & FMODE_WRITE) !== 0;
      const entry = this.answers.ask<StoreEntry<Node> | 0>(`open ${inode.ino} ${write ? 'w' : 'r'}`, '', () =>
        store.open!(own.node, write),
      );
      if (entry === -ESTALE || entry === -ENOENT) {
        dDrop(file.dentry);
        return -ESTALE;
      }
      if (typeof entry !== 'number') revalidate(inode, own, entry);
      else if (entry !== 0) return entry;
    }
    own.opens++;
    // A release without private data belongs to a file that failed to open.
    file.private_ = own;
    return 0;
  }

  private release(inode: Inode, file: File): void {
    const own = storeInode<Node>(inode);
    if (file.private_ !== own || --own.opens > 0) return;
    if (inode.iNlink > 0 && inode.iPages !== null) {
      const { pending } = inode.system.current;
      inode.iPages.writeback(0, Infinity, false);
      inode.system.current.pending = pending;
    }
    whenIdle(inode, () => {
      if (own.opens === 0) this.store.close?.(own.node);
    });
  }

  private fsync(inode: Inode, start: number, end: number): number {
    const error = inode.iPages === null ? 0 : inode.iPages.writeback(start, end, true);
    const { store } = this;
    if (error !== 0 || store.sync === undefined) return error;
    return this.answers.ask<number>(`sync ${inode.ino}`, '', () => store.sync!(this.node(inode)));
  }

  private setSize(cur: Caller, inode: Inode, size: number): number {
    const { store } = this;
    if (!S_ISREG(inode.iMode)) return -EISDIR;
    let error = inodeNewsizeOk(cur, inode, size);
    if (error < 0) return error;
    // A write in progress would restore the truncated bytes, so waits for it.
    const writes = inode.iPages?.writes;
    if (writes != null && writes.size > 0) {
      inode.system.current.pending = Promise.all(writes.values());
      return RETRY;
    }
    const own = storeInode<Node>(inode);
    error = this.answers.ask<number>(`truncate ${inode.ino} ${size}`, '', () => store.truncate!(own.node, size));
    if (error < 0) return error;
    own.changedHere = true;
    truncateSetsize(inode, size);
    return 0;
  }

  // --- names

  private makeInodeOperations(): InodeOperations {
    const { store, answers } = this;
    const make = (
      dir: Inode,
      dentry: Dentry,
      question: () => ReturnType<NonNullable<Store<Node>['create']>>,
      owner: { uid: number; gid: number },
    ): number => {
      const place = nameOf(dir, dentry.dName);
      const entry = answers.ask<StoreEntry<Node>>(`make ${place}`, place, question);
      if (typeof entry === 'number') return entry < 0 ? entry : -EIO;
      const inode = this.inodeOf(entry);
      if (entry.uid === undefined) inode.iUid = owner.uid;
      if (entry.gid === undefined) inode.iGid = owner.gid;
      if (S_ISDIR(inode.iMode)) dir.iNlink++;
      touchDirectory(dir);
      dAdd(dentry, inode);
      return 0;
    };
    const remove = (
      dir: Inode,
      dentry: Dentry,
      question: () => ReturnType<NonNullable<Store<Node>['unlink']>>,
    ): number => {
      const inode = dentry.dInode!;
      const error = answers.ask<number>(`remove ${nameOf(dir, dentry.dName)} ${inode.ino}`, '', question);
      if (error < 0) return error;
      loseName(dir, inode);
      touchDirectory(dir);
      return 0;
    };
    return new InodeOperations({
      lookup: (dir, dentry) => this.lookup(dir, dentry),
      setattr: (cur, inode, attributes) => this.setattr(cur, inode, attributes),
      create:
        store.create &&
        ((cred, dir, dentry, mode) =>
          make(dir, dentry, () => store.create!(this.node(dir), dentry.dName, S_IFREG | (mode & ~S_IFMT)), cred)),
      mkdir:
        store.mkdir &&
        ((cred, dir, dentry, mode) =>
          make(dir, dentry, () => store.mkdir!(this.node(dir), dentry.dName, S_IFDIR | (mode & ~S_IFMT)), cred)),
      symlink:
        store.symlink &&
        ((cred, dir, dentry, target) =>
          make(dir, dentry, () => store.symlink!(this.node(dir), dentry.dName, target), cred)),
      link: store.link && ((old, dir, dentry) => this.link(old.dInode!, dir, dentry)),
      unlink:
        store.unlink &&
        ((dir, dentry) =>
          remove(dir, dentry, () => store.unlink!(this.node(dir), dentry.dName, this.node(dentry.dInode!)))),
      rmdir:
        store.rmdir &&
        ((dir, dentry) =>
          remove(dir, dentry, () => store.rmdir!(this.node(dir), dentry.dName, this.node(dentry.dInode!)))),
      rename: store.rename && ((oldDir, from, newDir, to) => this.rename(oldDir, from, newDir, to)),
    });
  }

  private lookup(dir: Inode, dentry: Dentry): number {
    const place = nameOf(dir, dentry.dName);
    if (this.answers.making(place)) return 0;
    const { store } = this;
    const entry = this.answers.ask<StoreEntry<Node> | null>(`lookup ${place}`, '', () =>
      store.lookup(this.node(dir), dentry.dName),
    );
    if (typeof entry === 'number') return entry === -ENOENT ? 0 : entry < 0 ? entry : -EIO;
    if (entry !== null) dentry.dInode = this.inodeOf(entry);
    return 0;
  }

  private setattr(cur: Caller, inode: Inode, attributes: Attributes): number {
    if (attributes.size !== undefined && attributes.size !== inode.iSize) {
      if (this.store.truncate === undefined) return -EPERM;
      const error = this.setSize(cur, inode, attributes.size);
      if (error !== 0) return error;
    }
    setattrCopy(inode, attributes);
    return 0;
  }

  private link(inode: Inode, dir: Inode, dentry: Dentry): number {
    const { store } = this;
    const place = nameOf(dir, dentry.dName);
    const error = this.answers.ask<number>(`make ${place}`, place, () =>
      store.link!(this.node(inode), this.node(dir), dentry.dName),
    );
    if (error < 0) return error;
    inode.iNlink++;
    touchDirectory(dir);
    dLink(dentry, inode);
    return 0;
  }

  private rename(oldDir: Inode, from: Dentry, newDir: Inode, to: Dentry): number {
    const { store } = this;
    const inode = from.dInode!;
    const place = nameOf(newDir, to.dName);
    const error = this.answers.ask<number>(`rename ${nameOf(oldDir, from.dName)} ${place}`, place, () => {
      const replaced = to.dInode === null ? null : this.node(to.dInode);
      return store.rename!(this.node(inode), this.node(oldDir), from.dName, this.node(newDir), to.dName, replaced);
    });
    if (error < 0) return error;
    if (to.dInode !== null) loseName(newDir, to.dInode);
    if (S_ISDIR(inode.iMode) && oldDir !== newDir) {
      oldDir.iNlink--;
      newDir.iNlink++;
    }
    touchDirectory(oldDir);
    touchDirectory(newDir);
    return 0;
  }
}

/** Directories and links: neither readable nor mappable. */
const directoryOperations = new FileOperations({ fsync: () => 0 });

function mapWithoutSharedWrites(...args: Parameters<NonNullable<FileOperations['mmap']>>): number {
  // The memory makes the check; a machine without memory has nothing to protect.
  const error = memoryOf(args[0].mm.system) === null ? 0 : refuseSharedWrites(...args);
  return error < 0 ? error : genericFileMmap(...args);
}

/** Returns the key of a name in a directory, for requests about it. */
function nameOf(dir: Inode, name: string): string {
  return `${dir.ino}/${name}`;
}

function loseName(dir: Inode, inode: Inode): void {
  inode.iNlink--;
  if (!S_ISDIR(inode.iMode)) return;
  inode.iNlink--;
  dir.iNlink--;
}

function touchDirectory(dir: Inode): void {
  dir.iMtime = dir.iCtime = dir.iSb.now();
}

function noteTime<Node>(inode: Inode, own: StoreInode<Node>, entry: StoreEntry<Node>): void {
  own.mtime = entry.mtime ?? null;
  if (entry.mtime === undefined) return;
  const seconds = Math.floor(entry.mtime);
  inode.iAtime = inode.iMtime = inode.iCtime = seconds;
}

/** Compares the store's description at opening with the one from which the page cache was filled. */
function revalidate<Node>(inode: Inode, own: StoreInode<Node>, entry: StoreEntry<Node>): void {
  const pages = inode.iPages;
  const changed = own.mtime !== (entry.mtime ?? null) || inode.iSize !== entry.size;
  const busy = pages !== null && (pages.nrDirty > 0 || (pages.writes !== null && pages.writes.size > 0));
  if (!changed || busy) return;
  if (own.changedHere && inode.iSize === entry.size) {
    // This machine made the change.
    own.changedHere = false;
    noteTime(inode, own, entry);
    return;
  }
  own.changedHere = false;
  if (pages !== null) pages.invalidate(0, Infinity);
  if (entry.size < inode.iSize) truncateSetsize(inode, entry.size);
  else inode.iSize = entry.size;
  noteTime(inode, own, entry);
}

/** Removes every name; files keep their link counts, so the store keeps their contents. */
function dropTree(dentry: Dentry): void {
  for (const child of [...(dentry.children?.values() ?? [])]) {
    dropTree(child);
    dDrop(child);
  }
}
