/**
 * httpfs: the store that vfs's storeFs turns into a filesystem. It is read-only, and everything in it waits.
 *
 * A name is looked up with a HEAD request. Opening a file asks again: when the server has another version (another ETag, or
 * without one another modification time or size) the name leads to a new inode, and who has the old one mapped keeps the
 * pages that were read, and gets SIGBUS for others. Not here: directories that can be listed, caches on disk.
 */
import { EIO, ENOENT, ESTALE, S_IFDIR, S_IFREG } from '@vmarea/uapi';
import type { MmSystem } from '@vmarea/mm-core';
import {
  storeFs,
  storeManifest,
  type DriverManifest,
  type Store,
  type StoreEntry,
  type StoreFsOptions,
  type SuperBlock,
} from '@vmarea/vfs';
import { discard, hostFetch, type Fetch } from './fetch.ts';
import { errnoOfStatus, RemoteFile, request, type Transport } from './remote-file.ts';

/** How an httpfs is made. */
export interface HttpfsOptions extends Omit<StoreFsOptions, 'asynchronous' | 'persistent'> {
  /** Files by name and URL. */
  readonly files?: Readonly<Record<string, string>> | undefined;
  /** Every other name is looked up below this URL, which ends in a slash. */
  readonly base?: string | undefined;
  /** Default: the host's. */
  readonly fetch?: Fetch | undefined;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Pages read ahead at most when a file is read in order; 32 when left out. */
  readonly readAhead?: number | undefined;
  /** How often a request is made before it has failed; 3 when left out. */
  readonly attempts?: number | undefined;
  /** Awaited before a request is made again; not at all when left out. */
  readonly wait?: ((attempt: number) => Promise<void>) | undefined;
  /** Bytes that one request asks for at most; 4 MiB when left out. */
  readonly maxRequest?: number | undefined;
  /** Bytes up to which a file is taken whole from a server that knows no ranges; 16 MiB when left out. */
  readonly maxWhole?: number | undefined;
}

const READ_AHEAD = 32;

/** What httpfs can do. */
export function httpfsManifest(options: HttpfsOptions = {}): DriverManifest {
  return storeManifest<Place>(
    new HttpStore({ ...options, fetch: options.fetch ?? (() => Promise.reject(new Error())) }),
    {
      ...options,
      persistent: true,
    },
  );
}

/**
 * A filesystem of remote files.
 *
 * @throws TypeError when there is no fetch, or `base` does not end in a slash
 */
export function httpfs(system: MmSystem, options: HttpfsOptions): SuperBlock {
  if (options.base !== undefined && !options.base.endsWith('/')) {
    throw new TypeError(`httpfs: the base ${options.base} does not end in a slash`);
  }
  return storeFs(system, new HttpStore(options), {
    readAhead: READ_AHEAD,
    mode: 0o555,
    ...options,
    asynchronous: true,
    persistent: true,
  });
}

/** A directory (a URL that ends in a slash, or the root), or a file. */
type Place = { readonly dir: string | null } | { readonly url: string; readonly file: RemoteFile };

class HttpStore implements Store<Place> {
  readonly name = 'httpfs';
  readonly root: Place;
  private readonly files: Readonly<Record<string, string>>;
  private readonly transport: Transport;

  constructor(options: HttpfsOptions) {
    this.root = { dir: options.base ?? null };
    this.files = options.files ?? {};
    this.transport = {
      fetch: options.fetch ?? hostFetch(),
      headers: options.headers ?? {},
      attempts: Math.max(1, options.attempts ?? 3),
      wait: options.wait ?? (() => Promise.resolve()),
      maxRequest: options.maxRequest ?? 2 ** 22,
      maxWhole: options.maxWhole ?? 2 ** 24,
    };
  }

  async lookup(dir: Place, name: string): Promise<StoreEntry<Place> | number | null> {
    if (!('dir' in dir)) return -EIO;
    const named = dir === this.root && Object.hasOwn(this.files, name) ? this.files[name]! : null;
    if (named === null && dir.dir === null) return null;
    const url = named ?? dir.dir! + encodeURIComponent(name);
    const file = await RemoteFile.open(url, this.transport);
    if (typeof file !== 'number') {
      // servers lead from a directory to the same with a slash
      return file.url.endsWith('/') ? directory(file.url) : this.entry(url, file);
    }
    if (file !== -ENOENT || named !== null) return file === -ENOENT ? null : file;
    const response = await request(`${url}/`, { method: 'HEAD' }, this.transport);
    if (typeof response === 'number') return response;
    await discard(response);
    if (response.ok) return directory(`${url}/`);
    const error = errnoOfStatus(response.status);
    return error === -ENOENT ? null : error;
  }

  private entry(url: string, file: RemoteFile): StoreEntry<Place> {
    return { node: { url, file }, mode: S_IFREG | 0o444, size: file.size, mtime: file.mtime };
  }

  async open(node: Place): Promise<StoreEntry<Place> | number> {
    if ('dir' in node) return -EIO;
    const now = await RemoteFile.open(node.url, this.transport);
    if (typeof now === 'number') return now;
    if (now.validator !== node.file.validator || now.size !== node.file.size) return -ESTALE;
    return this.entry(node.url, node.file);
  }

  read(node: Place, target: Uint8Array, pos: number): Promise<number> | number {
    return 'dir' in node ? -EIO : node.file.read(target, pos);
  }
}

function directory(url: string): StoreEntry<Place> {
  return { node: { dir: url }, mode: S_IFDIR | 0o555, size: 0 };
}
