/**
 * httpfs: the store from which vfs's storeFs makes a filesystem. It is read-only, and every operation waits.
 *
 * A name is looked up with a HEAD request. Opening a file repeats it: when the server has another version (another ETag, or
 * without one another modification time or size) the name gets a new inode; mappings of the old one keep the pages that were
 * read, and raise SIGBUS for others. Not here: directory listings, caches on disk.
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
import { discard, type Exchange, GivenUp, timeLimits, type TimeLimits } from './exchange.ts';
import { hostFetch, hostTimer, type Fetch, type Timer } from './fetch.ts';
import { RemoteFile } from './remote-file.ts';
import { errnoOfStatus, originOf, request, type Transport } from './transport.ts';

/** The options of an httpfs. */
export interface HttpfsOptions extends Omit<StoreFsOptions, 'asynchronous' | 'persistent'> {
  /** Files by name and URL. */
  readonly files?: Readonly<Record<string, string>> | undefined;
  /** The URL below which every other name is looked up; it ends with a slash. */
  readonly base?: string | undefined;
  /** Default: the host's. */
  readonly fetch?: Fetch | undefined;
  /** Headers for every request to the origin of the file's URL (or of `base`), never to another. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The largest number of pages to read ahead when a file is read in order; default 32. */
  readonly readAhead?: number | undefined;
  /**
   * Redirects: 'same-origin' (default) follows those with the same scheme, host and port; 'follow' all of them, to other origins
   * without `headers`; 'error' none. A redirect that is not followed is EACCES. If the host hides the target of a redirect, as
   * browsers do, requests with `headers` follow none.
   */
  readonly redirect?: 'same-origin' | 'follow' | 'error' | undefined;
  /** Time limits of a request, in milliseconds. A request beyond them fails: ETIMEDOUT after the last attempt. */
  readonly timeLimits?: TimeLimits | undefined;
  /** Measures the time limits; default the host's setTimeout. */
  readonly timer?: Timer | undefined;
  /** The number of attempts of a request; default 3. */
  readonly attempts?: number | undefined;
  /** Awaited before a request is repeated; default: no wait. */
  readonly wait?: ((attempt: number) => Promise<void>) | undefined;
  /** The largest number of bytes of one request; default 4 MiB. */
  readonly maxRequest?: number | undefined;
  /** The largest file that is read whole from a server without ranges; default 16 MiB. */
  readonly maxWhole?: number | undefined;
}

const READ_AHEAD = 32;

/** Returns the manifest of httpfs. */
export function httpfsManifest(options: HttpfsOptions = {}): DriverManifest {
  return storeManifest<Place>(
    new HttpStore({ ...options, fetch: options.fetch ?? (() => Promise.reject(new Error())) }, () => undefined),
    {
      ...options,
      persistent: true,
    },
  );
}

/**
 * Creates a filesystem of remote files.
 *
 * Reports what a server should change through `onWarning` of the system.
 *
 * @throws TypeError when there is no fetch, or `base` does not end in a slash; RangeError for a time limit that is not positive
 */
export function httpfs(system: MmSystem, options: HttpfsOptions): SuperBlock {
  if (options.base !== undefined && !options.base.endsWith('/')) {
    throw new TypeError(`httpfs: the base ${options.base} does not end in a slash`);
  }
  return storeFs(system, new HttpStore(options, (kind, text) => system.warnOnce(kind, text)), {
    readAhead: READ_AHEAD,
    mode: 0o555,
    ...options,
    asynchronous: true,
    persistent: true,
  });
}

/** A directory (a URL that ends in a slash, or the root), or a file. */
type Place =
  { readonly dir: string | null; readonly home: string } | { readonly url: string; readonly file: RemoteFile };

class HttpStore implements Store<Place> {
  readonly name = 'httpfs';
  readonly root: Place;
  private readonly files: Readonly<Record<string, string>>;
  private readonly transport: Transport;

  constructor(options: HttpfsOptions, warn: Transport['warn']) {
    this.root = { dir: options.base ?? null, home: originOf(options.base ?? '') };
    this.files = options.files ?? {};
    this.transport = {
      fetch: options.fetch ?? hostFetch(),
      headers: options.headers ?? {},
      redirect: options.redirect ?? 'same-origin',
      limits: timeLimits(options.timeLimits),
      timer: options.timer ?? hostTimer(),
      open: new Set<Exchange>(),
      warn,
      closed: false,
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
    const home = named === null ? dir.home : originOf(named);
    const file = await RemoteFile.open(url, home, this.transport);
    if (typeof file !== 'number') {
      // Servers redirect from a directory to the same URL with a slash.
      return file.url.endsWith('/') ? directory(file.url, home) : this.entry(url, file);
    }
    if (file !== -ENOENT || named !== null) return file === -ENOENT ? null : file;
    const answered = await request({ url: `${url}/`, home, method: 'HEAD' }, this.transport);
    if (typeof answered === 'number') return answered;
    const { response, exchange } = answered;
    discard(response);
    exchange.end();
    if (response.ok) return directory(`${url}/`, home);
    const error = errnoOfStatus(response.status);
    return error === -ENOENT ? null : error;
  }

  private entry(url: string, file: RemoteFile): StoreEntry<Place> {
    return { node: { url, file }, mode: S_IFREG | 0o444, size: file.size, mtime: file.mtime };
  }

  async open(node: Place): Promise<StoreEntry<Place> | number> {
    if ('dir' in node) return -EIO;
    const now = await RemoteFile.open(node.url, node.file.home, this.transport);
    if (typeof now === 'number') return now;
    if (now.validator !== node.file.validator || now.size !== node.file.size) return -ESTALE;
    return this.entry(node.url, node.file);
  }

  read(node: Place, target: Uint8Array, pos: number): Promise<number> | number {
    return 'dir' in node ? -EIO : node.file.read(target, pos);
  }

  unmount(): void {
    this.transport.closed = true;
    for (const exchange of this.transport.open)
      exchange.giveUp(new GivenUp('EIO', 'the filesystem has been unmounted'));
  }
}

function directory(url: string, home: string): StoreEntry<Place> {
  return { node: { dir: url, home }, mode: S_IFDIR | 0o555, size: 0 };
}
