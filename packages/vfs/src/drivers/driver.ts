/**
 * The driver port: how to plug a filesystem into vmarea.
 *
 * This file is a guide first, and types second. This package's README has the smallest useful driver; five real ones are
 * ramfs here and the packages shmem, hugetlbfs, hostfs, zenfs and httpfs. `@vmarea/fs-testkit` tests a driver, and
 * {@link judgeDriver} (judge.ts) checks one at run time.
 *
 * # Two ways
 *
 * **A store** is the short way. A driver that can look a name up and read bytes at a position implements {@link Store} (two
 * functions) and calls `storeFs(system, store)`, which provides the page cache, mapping, faults, read-ahead, write-back,
 * times, permissions and waiting. hostfs, zenfs and httpfs are stores.
 *
 * **The operation tables** are the long way: a driver creates a `SuperBlock`, its inodes with `newInode`, and gives each inode
 * an `InodeOperations` table and a `FileOperations` table, and each regular file an `AddressSpaceOperations` table through
 * `attachPageCache`. ramfs (one file) is an example; shmem replaces only the parts for limits and seals; hugetlbfs has no page
 * cache. `mmap: genericFileMmap` is the line that makes the files mappable.
 *
 * # What may be left out, and the result for users
 *
 * Every entry of a table may be left out. The system call then fails as in Linux:
 *
 * | left out                         | users get                                                                  |
 * | -------------------------------- | -------------------------------------------------------------------------- |
 * | `FileOperations.mmap`            | mmap: ENODEV                                                               |
 * | shared writes (`mmap: 'no-shared-writes'`, `genericFileReadonlyMmap`) | a shared mapping that could be written: EINVAL; read-only descriptors and private mappings work |
 * | `FileOperations.read`            | read: EINVAL                                                               |
 * | `FileOperations.write`           | write: EINVAL. A store without `write` is a read-only filesystem: opening for writing is EROFS, so a shared writable mapping is EACCES |
 * | `FileOperations.fsync`           | fsync: EINVAL; msync: 0, since there is nothing to write to                |
 * | `FileOperations.fallocate`       | EOPNOTSUPP, also for punching holes; MADV_REMOVE likewise                  |
 * | `FileOperations.ioctl`           | ENOTTY                                                                     |
 * | `FileOperations.llseek`          | the usual rules on the size; the whole file counts as data                 |
 * | `InodeOperations.lookup`         | only names that the driver has put into the dentry tree                    |
 * | `InodeOperations.create`         | open with O_CREAT: EACCES                                                  |
 * | `InodeOperations.tmpfile`        | O_TMPFILE: EOPNOTSUPP                                                      |
 * | `link`, `symlink`, `mkdir`, `rmdir`, `unlink`, `rename` | EPERM                                               |
 * | `InodeOperations.setattr`        | truncate: EPERM; mode and owner change in memory                           |
 * | `InodeOperations.setFlags`       | FS_IOC_SETFLAGS: ENOTTY, so no append-only files                           |
 * | `AddressSpaceOperations.readPage`| files with `zeroFill` are zero where nothing was written; others: ENOEXEC  |
 * | `AddressSpaceOperations.writePage` | stored pages stay in memory and are never dropped to free memory         |
 *
 * The manifest (`DriverCapabilities`) says the same to users and to the test suite, which also tests what is missing.
 *
 * # What the core promises
 *
 * - **One call at a time.** The library is synchronous: a driver's function is never called while another one of the same
 *   system runs, except by the driver itself. There are no locks to take.
 * - **Checked arguments.** Permissions, descriptors' modes, O_APPEND, RLIMIT_FSIZE, the largest file size, mandatory locks,
 *   immutable and append-only flags, read-only mounts and sealed files are checked before a driver is called. Positions and
 *   lengths are exact numbers of bytes, not negative, below 2^53. Names are neither empty nor «.» nor «..», have no slash,
 *   and at most 255 characters; whether a name exists has been looked up.
 * - **Pages.** `readPage` is called once for a page, also when several callers want it. `writePage` is called for a page that
 *   has been write-protected in every mapping, so a later store makes the page dirty again, and never twice at the same time
 *   for one page. While a promise is pending the page's frame has a reference, so the driver may fill it even after the file
 *   was truncated or removed. The core zeroes the bytes behind the end of the file.
 * - **Sizes.** `inode.iSize` is the size for all code; the driver sets it when it creates the inode, and the page cache
 *   changes it when a write extends the file. A mapping never shows a page that lies wholly behind it (SIGBUS).
 * - **Mappings belong to the inode.** A mapping has a reference to its open file, so `release` is called after the last mapping
 *   was removed, and `evictInode` after the last name, descriptor and mapping.
 *
 * # What a driver must guarantee
 *
 * - **Results are numbers**: 0 or a result, or a negative errno; operations do not throw. (A store may throw or reject: that
 *   becomes the errno of its `code`, else EIO.) Never a positive errno, NaN, or a number that is not whole.
 * - **No re-entrance.** An operation must make no system call, and map and unmap nothing. Page-cache functions of the same inode
 *   (`readahead`, `invalidate`, `truncate`) are allowed, but not from `readPage` for its own page.
 * - **`mmap` only sets up the VMA**: it sets its `vmOps`, and may change flags. The VMA is not in the index yet.
 *   `mmap`, `getUnmappedArea`, `release` and `evictInode` cannot wait.
 * - **One inode per file**, for all its names and descriptors; otherwise its mappings are not coherent.
 *
 * # Waiting
 *
 * A function that has to wait stores a promise in `system.current.pending` and returns RETRY, **before it changes anything that
 * a repetition would see**. No lock is held meanwhile; other calls continue. After the promise has settled, the whole system
 * call is repeated from its beginning, so the function is called again and must then have the result. (A store returns a
 * promise; the helper stores the result.) A promise for a page settles when the frame is filled; it fails when it resolves
 * with a negative errno or rejects (EIO): the first call that asks for the page again gets the error, later ones read anew. A
 * promise that never settles blocks its waiters and one frame, but no other call. A driver must not write to the frame after
 * the promise has settled or after an immediate result: the frame may have another owner by then.
 *
 * # Errors
 *
 * An error of reading a page raises SIGBUS in a faulting task, and is the errno of read(2). An error of writing back is stored
 * and returned by the next fsync or msync(MS_SYNC), once; the page then counts as clean, as in Linux. Return ENOSPC from
 * write(2) or fallocate (`allocPage`, `prepareWrite`); from `writePage` it appears at fsync. ESTALE from opening (the name now
 * leads to another file) makes open(2) look the name up once more.
 */
import type { DriverCapabilities } from '../names/super-block.ts';

/** A store's result: a value, a negative errno, or a promise of either. Throwing and rejecting count as errors. */
export type Answer<T> = T | number | Promise<T | number>;

/** A store's description of a file. */
export interface StoreEntry<Node> {
  /** The store's own identification of the file; only passed back to the store. */
  readonly node: Node;
  /** Type and permissions, as in st_mode. */
  readonly mode: number;
  /** Bytes. */
  readonly size: number;
  /** Seconds since 1970. A changed time or size means that the file has changed outside. */
  readonly mtime?: number | undefined;
  /** Equal for every name of one file (hard links); a file without a key has one name. */
  readonly key?: string | undefined;
  /** The target of a symbolic link. */
  readonly target?: string | undefined;
  /** The number of names of the file; default 1 (2 for a directory). */
  readonly nlink?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** The source of a filesystem's files: the short form of a driver. Only the first four are required. */
export interface Store<Node> {
  /** Its name in /proc/filesystems. */
  readonly name: string;
  /** The root directory. */
  readonly root: Node;
  /** Returns the file of a name in a directory, or null when there is none. */
  lookup(dir: Node, name: string): Answer<StoreEntry<Node> | null>;
  /**
   * Fills `target` with the bytes from `pos` on. Returns how many were read: fewer than requested only at the end of the file.
   * Called only for bytes within the file's size.
   */
  read(node: Node, target: Uint8Array, pos: number): Answer<number>;

  /** Writes bytes to storage. Returns 0 when all are written. Without it the filesystem is read-only. The store may keep `source`. */
  write?(node: Node, source: Uint8Array, pos: number): Answer<number>;
  /** Sets the size. Without it truncate fails with EPERM. */
  truncate?(node: Node, size: number): Answer<number>;
  /** Makes written data survive a power loss. Without it fsync ends when everything has been written. */
  sync?(node: Node): Answer<number>;

  /**
   * Called when the file is opened. Returns its present description, so that changes made outside are detected; 0 if that is not
   * needed; -ESTALE when the name now leads to another file, -ENOENT when it leads to none. With `write` it is opened for
   * writing: a file that the storage does not allow to write must fail here (-EACCES), since write-back happens later.
   */
  open?(node: Node, write: boolean): Answer<StoreEntry<Node> | 0>;
  /** Called when the file is no longer open or mapped. Dirty pages have been written. */
  close?(node: Node): void;
  /** Called when the last reference was dropped: no more calls for this node follow. */
  forget?(node: Node): void;

  /** Creates a regular file. */
  create?(dir: Node, name: string, mode: number): Answer<StoreEntry<Node>>;
  mkdir?(dir: Node, name: string, mode: number): Answer<StoreEntry<Node>>;
  symlink?(dir: Node, name: string, target: string): Answer<StoreEntry<Node>>;
  /** Adds a name to a file. Returns 0. */
  link?(node: Node, dir: Node, name: string): Answer<number>;
  /** Removes a name. Returns 0. Descriptors that have the file open can still read and write it. */
  unlink?(dir: Node, name: string, node: Node): Answer<number>;
  rmdir?(dir: Node, name: string, node: Node): Answer<number>;
  /** Renames a file, replacing the file with the new name (null: none is known). Returns 0. */
  rename?(
    node: Node,
    oldDir: Node,
    oldName: string,
    newDir: Node,
    newName: string,
    replaced: Node | null,
  ): Answer<number>;
  /** Called when a name has led to a file with a known key: `found` is dropped; the store may update `known` from it. */
  foundAgain?(known: Node, found: Node): void;
  /** Called after the last unmount: cancels requests in progress and closes handles. */
  unmount?(): void;
}

/** Returns the capabilities of a store, as its functions imply. */
export function storeCapabilities(
  store: Store<never>,
  options: {
    readonly mmap: 'all' | 'no-shared-writes' | 'none';
    readonly persistent: boolean;
    readonly asynchronous: boolean;
  },
): DriverCapabilities {
  const write = store.write !== undefined;
  const maps = options.mmap !== 'none';
  return {
    read: true,
    write: write && store.create !== undefined,
    mmapPrivate: maps,
    mmapShared: maps,
    mmapSharedWrite: write && options.mmap === 'all',
    truncate: write && store.truncate !== undefined,
    fallocate: false,
    punchHole: false,
    rename: store.rename !== undefined,
    link: store.link !== undefined,
    symlink: store.symlink !== undefined,
    mkdir: store.mkdir !== undefined,
    appendOnly: false,
    persistent: options.persistent,
    asynchronous: options.asynchronous,
  };
}
