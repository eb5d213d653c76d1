/**
 * zenfs: the store from which vfs's storeFs makes a filesystem. It uses a backend's `FileSystem` object, below ZenFS's own
 * descriptors and permissions, and only its asynchronous functions: one path for every backend.
 *
 * Backends read and write whole files in steps, so requests are made one after another. Backends have no files without names: a
 * file that is unlinked or replaced while it is open gets a hidden name in the root directory, and is removed after it was
 * closed.
 */
import type { FileSystem, InodeLike } from '@zenfs/core';
import type { MmSystem } from '@vmarea/mm-core';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, S_ISLNK, S_ISREG, shownValue } from '@vmarea/uapi';
import {
  storeFs,
  storeManifest,
  type DriverManifest,
  type Store,
  type StoreEntry,
  type StoreFsOptions,
  type SuperBlock,
} from '@vmarea/vfs';
import { entryProblem, type EntryProblem } from './archive-entry.ts';
import { ZenNode } from './zen-node.ts';

/** The options of a zenfs. */
export interface ZenfsOptions extends Omit<StoreFsOptions, 'asynchronous'> {
  /** The backend, from ZenFS's `resolveMountConfig`. No other program should write to it meanwhile. */
  readonly fs: FileSystem;
  /** Whether to change nothing. Backends that report that they are not writable are read-only in any case. */
  readonly readOnly?: boolean | undefined;
  /** The largest file in bytes: backends hold files in one piece. Larger entries of archives cannot be opened (EFBIG). Default 2^30. */
  readonly maxBytes?: number | undefined;
}

const MAX_BYTES: number = 2 ** 30;
/** The number of zero bytes that are written at a time. */
const ZERO_BYTES: number = 2 ** 16;

function storeOf(options: ZenfsOptions): Store<ZenNode> {
  const readOnly = options.readOnly === true || options.fs.attributes.has('no_write');
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  return readOnly ? new ZenStore(options.fs, maxBytes) : new WritableZenStore(options.fs, maxBytes);
}

/** Returns the manifest of a backend. */
export function zenfsManifest(options: ZenfsOptions): DriverManifest {
  return storeManifest(storeOf(options), options);
}

/** Creates a filesystem on a ZenFS backend. */
export function zenfs(system: MmSystem, options: ZenfsOptions): SuperBlock {
  return storeFs(system, storeOf(options), { maxBytes: MAX_BYTES, ...options, asynchronous: true });
}

/** Thrown for an invalid entry of an archive. */
class EntryError extends Error {
  override readonly name = 'EntryError';
  readonly code: 'EFBIG' | 'EIO';

  constructor(path: string, problem: EntryProblem) {
    super(`zenfs: ${shownValue(path)} is ${problem}`);
    this.code = problem === 'too big' ? 'EFBIG' : 'EIO';
  }
}

/** The store of a read-only backend. */
class ZenStore implements Store<ZenNode> {
  readonly name = 'zenfs';
  readonly root: ZenNode = new ZenNode(null, '');
  protected readonly fs: FileSystem;
  private readonly maxBytes: number;
  private last: Promise<unknown> = Promise.resolve();

  constructor(fs: FileSystem, maxBytes: number) {
    this.fs = fs;
    this.maxBytes = maxBytes;
  }

  /** Runs an action after all earlier requests. */
  protected inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.last.then(action);
    this.last = result.catch(() => undefined);
    return result;
  }

  lookup(dir: ZenNode, name: string): Promise<StoreEntry<ZenNode> | null> {
    return this.inTurn(async () => {
      let stat: InodeLike;
      try {
        stat = await this.fs.stat(dir.place(name));
      } catch (error) {
        if ((error as { code?: string }).code === 'ENOENT') return null;
        throw error;
      }
      return this.entry(new ZenNode(dir, name), stat);
    });
  }

  protected async entry(node: ZenNode, stat: InodeLike): Promise<StoreEntry<ZenNode>> {
    let target: string | undefined;
    if (S_ISLNK(stat.mode)) {
      const bytes = new Uint8Array(stat.size);
      await this.fs.read(node.path(), bytes, 0, stat.size);
      target = decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''));
    }
    return { node, mode: stat.mode, size: stat.size, mtime: stat.mtimeMs / 1000, uid: stat.uid, gid: stat.gid, target };
  }

  /** Returns EIO for an entry of an archive whose length or checksum is wrong, EFBIG for one larger than `maxBytes`. */
  open(node: ZenNode): Promise<StoreEntry<ZenNode>> {
    return this.inTurn(async () => {
      const entry = await this.entry(node, await this.fs.stat(node.path()));
      const problem = S_ISREG(entry.mode) ? await entryProblem(this.fs, node.path(), this.maxBytes) : null;
      if (problem !== null) throw new EntryError(node.path(), problem);
      node.open = true;
      return entry;
    });
  }

  close(node: ZenNode): void {
    node.open = false;
  }

  read(node: ZenNode, target: Uint8Array, pos: number): Promise<number> {
    return this.inTurn(async () => {
      await this.fs.read(node.path(), target, pos, pos + target.length);
      return target.length;
    });
  }
}

/** The store of a writable backend. */
class WritableZenStore extends ZenStore {
  private removals = 0;

  write(node: ZenNode, source: Uint8Array, pos: number): Promise<number> {
    return this.inTurn(async () => {
      await this.fs.write(node.path(), source, pos);
      return 0;
    });
  }

  truncate(node: ZenNode, size: number): Promise<number> {
    return this.inTurn(async () => {
      const path = node.path();
      // Backends only store the new size, so this zeroes the bytes: they must not reappear when the file grows.
      const { size: old } = await this.fs.stat(path);
      for (let at = size; at < old; at += ZERO_BYTES) {
        await this.fs.write(path, new Uint8Array(Math.min(ZERO_BYTES, old - at)), at);
      }
      await this.fs.touch(path, { size, mtimeMs: Date.now() });
      return 0;
    });
  }

  sync(): Promise<number> {
    return this.inTurn(async () => {
      await this.fs.sync();
      return 0;
    });
  }

  create(dir: ZenNode, name: string, mode: number): Promise<StoreEntry<ZenNode>> {
    return this.inTurn(() => this.make(dir, name, S_IFREG | (mode & ~S_IFMT), null));
  }

  symlink(dir: ZenNode, name: string, target: string): Promise<StoreEntry<ZenNode>> {
    return this.inTurn(() => this.make(dir, name, S_IFLNK | 0o777, target));
  }

  private async make(dir: ZenNode, name: string, mode: number, target: string | null): Promise<StoreEntry<ZenNode>> {
    const path = dir.place(name);
    await this.fs.createFile(path, { uid: 0, gid: 0, mode });
    if (target !== null) await this.fs.write(path, utf8(target), 0);
    return this.made(await this.entry(new ZenNode(dir, name), await this.fs.stat(path)));
  }

  /** Sets the owner of a new file. */
  private made(entry: StoreEntry<ZenNode>): StoreEntry<ZenNode> {
    return { ...entry, uid: undefined, gid: undefined };
  }

  mkdir(dir: ZenNode, name: string, mode: number): Promise<StoreEntry<ZenNode>> {
    return this.inTurn(async () => {
      const path = dir.place(name);
      await this.fs.mkdir(path, { uid: 0, gid: 0, mode: S_IFDIR | (mode & ~S_IFMT) });
      return this.made(await this.entry(new ZenNode(dir, name), await this.fs.stat(path)));
    });
  }

  unlink(dir: ZenNode, name: string, node: ZenNode): Promise<number> {
    return this.inTurn(async () => {
      if (node.open) await this.hide(node);
      else await this.fs.unlink(dir.place(name));
      return 0;
    });
  }

  rmdir(dir: ZenNode, name: string): Promise<number> {
    return this.inTurn(async () => {
      await this.fs.rmdir(dir.place(name));
      return 0;
    });
  }

  /** The parameters are those of `Store.rename`. */
  rename(
    node: ZenNode,
    oldDir: ZenNode,
    oldName: string,
    newDir: ZenNode,
    newName: string,
    replaced: ZenNode | null,
  ): Promise<number> {
    return this.inTurn(async () => {
      if (replaced?.open === true) await this.hide(replaced);
      await this.fs.rename(oldDir.place(oldName), newDir.place(newName));
      node.move(newDir, newName);
      return 0;
    });
  }

  forget(node: ZenNode): void {
    if (!node.removed) return;
    // No caller could get an error.
    void this.inTurn(() => this.fs.unlink(node.path())).catch(() => undefined);
  }

  private async hide(node: ZenNode): Promise<void> {
    const name = `.vmarea-removed-${this.removals++}`;
    await this.fs.rename(node.path(), this.root.place(name));
    node.move(this.root, name);
    node.removed = true;
  }
}

/** Encodes UTF-8 with encodeURIComponent. */
function utf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const [piece] of encodeURIComponent(text).matchAll(/%..|./g)) {
    bytes.push(piece.length === 1 ? piece.charCodeAt(0) : parseInt(piece.slice(1), 16));
  }
  return Uint8Array.from(bytes);
}
