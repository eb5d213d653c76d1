/**
 * The driver port: how a filesystem is plugged into vmarea.
 *
 * This file is a guide first, and types second. The smallest driver that is of use is in this package's README; five real
 * ones are ramfs here and the packages shmem, hugetlbfs, hostfs, zenfs and httpfs. `@vmarea/fs-testkit` tells whether a
 * driver is right, and {@link judgeDriver} (judge.ts) watches one at run time.
 *
 * # Two ways in
 *
 * **A store** is the short way. Whoever can look a name up and read bytes at a position implements {@link Store} (two
 * functions) and calls `storeFs(system, store)`: the page cache, mapping, faults, read-ahead, write-back, times, permissions
 * and waiting come with it. hostfs, zenfs and httpfs are stores.
 *
 * **The operation tables** are the long way: a driver makes a `SuperBlock`, its inodes with `newInode`, and gives each inode
 * an `InodeOperations` table and a `FileOperations` table, and each regular file an `AddressSpaceOperations` table through
 * `attachPageCache`. ramfs (one file) shows it; shmem shows how little of the plain case has to be replaced for limits and
 * seals; hugetlbfs has no page cache at all. `mmap: genericFileMmap` is the line that makes the files mappable.
 *
 * # What may be left out, and what users get then
 *
 * Every entry of a table may be left out. Nobody crashes on it; the system call answers as Linux does:
 *
 * | left out                         | users get                                                                  |
 * | -------------------------------- | -------------------------------------------------------------------------- |
 * | `FileOperations.mmap`            | mmap: ENODEV                                                               |
 * | shared writes (`mmap: 'no-shared-writes'`, `genericFileReadonlyMmap`) | a shared mapping that could be written: EINVAL; read-only descriptors and private mappings work |
 * | `FileOperations.read`            | read: EINVAL                                                               |
 * | `FileOperations.write`           | write: EINVAL. A store without `write` is a read-only filesystem: opening for writing is EROFS, so a shared writable mapping is EACCES |
 * | `FileOperations.fsync`           | fsync: EINVAL; msync: 0, since nothing can be brought anywhere             |
 * | `FileOperations.fallocate`       | EOPNOTSUPP, punching holes too; MADV_REMOVE likewise                       |
 * | `FileOperations.ioctl`           | ENOTTY                                                                     |
 * | `FileOperations.llseek`          | the usual rules on the size; the whole file counts as data                 |
 * | `InodeOperations.lookup`         | only names that the driver put into the dentry tree itself                 |
 * | `InodeOperations.create`         | open with O_CREAT: EACCES                                                  |
 * | `InodeOperations.tmpfile`        | O_TMPFILE: EOPNOTSUPP                                                      |
 * | `link`, `symlink`, `mkdir`, `rmdir`, `unlink`, `rename` | EPERM                                               |
 * | `InodeOperations.setattr`        | truncate: EPERM; mode and owner change in memory                           |
 * | `InodeOperations.setFlags`       | FS_IOC_SETFLAGS: ENOTTY, so no append-only files                           |
 * | `AddressSpaceOperations.readPage`| files with `zeroFill` are zero where nothing was written; others: ENOEXEC  |
 * | `AddressSpaceOperations.writePage` | what is stored stays in memory, and is never dropped to make room        |
 *
 * The manifest (`DriverCapabilities`) says the same to users and to the test suite, which tries what is missing as well.
 *
 * # What the core promises
 *
 * - **One call at a time.** The library is synchronous: a driver's function is never entered while another one of the same
 *   system runs, except through what the driver itself calls. There are no locks to take.
 * - **Checked arguments.** Permissions, descriptors' modes, O_APPEND, RLIMIT_FSIZE, the largest file size, mandatory locks,
 *   immutable and append-only flags, read-only mounts and sealed files are judged before a driver is asked. Positions and
 *   lengths are exact numbers of bytes, not negative, below 2^53. Names are neither empty nor «.» nor «..», have no slash,
 *   and at most 255 characters; whether a name exists has been looked up.
 * - **Pages.** `readPage` is called once for a page however many want it. `writePage` is called for a page that has been
 *   write-protected in every mapping, so a later store makes the page dirty again, and never twice at the same time for one
 *   page. While a promise is pending the page's frame has a reference: the driver may fill it whatever became of the file.
 *   Bytes behind the end of the file are made zero by the core.
 * - **Sizes.** `inode.iSize` is the truth for everybody; the driver sets it first when it makes the inode, and the page
 *   cache moves it when a write extends the file. A mapping never shows a page that lies wholly behind it (SIGBUS).
 * - **Mappings belong to the inode.** Descriptors come and go; a mapping holds a reference to its open file, so `release`
 *   comes after the last mapping has gone, and `evictInode` after the last name, descriptor and mapping.
 *
 * # What a driver promises
 *
 * - **Answers are numbers**: 0 or a result, or a negative errno; nothing is thrown. (A store may throw or reject: that becomes
 *   the errno of its `code`, else EIO.) Never a positive errno, NaN, or a number that is not whole.
 * - **No re-entrance.** From inside an operation no system call may be made and nothing mapped or unmapped. Page-cache
 *   functions of the same inode (`readahead`, `invalidate`, `truncate`) are allowed, but not from `readPage` for its own page.
 * - **`mmap` sets up, and no more**: it gives the VMA its `vmOps`, and may change flags. The VMA is not in the tree yet.
 *   `mmap`, `getUnmappedArea`, `release` and `evictInode` cannot wait.
 * - **One inode for a file**, whatever names or descriptors lead to it; otherwise mappings of it would not be coherent.
 *
 * # Waiting
 *
 * A function that cannot answer now leaves a promise in `system.current.pending` and returns RETRY, **before it has changed anything
 * that a repetition would see**. Nobody holds a lock meanwhile; other calls go on. When the promise has settled the whole
 * system call is made again from its beginning, so the function is asked again and now must know. (A store just returns a
 * promise; the helper remembers the answer.) A promise for a page settles when the frame is filled: resolved with a negative
 * errno or rejected (EIO), it failed; the first who comes back is told, later ones read anew. A promise that never settles
 * keeps its waiters waiting, and one frame, but nobody else. Answering a second time, after the promise has settled or after
 * an immediate answer, is forbidden: the frame may belong to somebody else by then.
 *
 * # Errors
 *
 * An error of reading a page is SIGBUS for who faults, and the errno itself for read(2). An error of writing back is kept
 * and told by the next fsync or msync(MS_SYNC), once; the page is then considered clean, as in Linux. ENOSPC is best told by
 * write(2) or fallocate (`allocPage`, `prepareWrite`); told by `writePage`, it comes out at fsync. ESTALE from opening (the
 * file that the name led to is another one now) makes open(2) look the name up once more.
 */
import type { DriverCapabilities } from '../names/super-block.ts';

/** An answer of a store: a result, a negative errno, or a promise of either. Throwing and rejecting count as errors. */
export type Answer<T> = T | number | Promise<T | number>;

/** What a store tells about a file. */
export interface StoreEntry<Node> {
  /** What the store itself calls the file; handed back to it, never looked at. */
  readonly node: Node;
  /** Type and permissions, as in st_mode. */
  readonly mode: number;
  /** Bytes. */
  readonly size: number;
  /** Seconds since 1970. With the size it tells whether a file has changed outside. */
  readonly mtime?: number | undefined;
  /** The same for every name of one file (hard links); a file without a key has one name. */
  readonly key?: string | undefined;
  /** Target, when it is a symbolic link. */
  readonly target?: string | undefined;
  /** Names of the file; 1 when left out (2 for a directory). */
  readonly nlink?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** Where files come from: what the short way into the port asks of a driver. Only the first four are needed. */
export interface Store<Node> {
  /** As /proc/filesystems would name it. */
  readonly name: string;
  /** The root directory. */
  readonly root: Node;
  /** The file of a name in a directory, or null when there is none. */
  lookup(dir: Node, name: string): Answer<StoreEntry<Node> | null>;
  /**
   * Fills `target` with what stands at byte `pos`: how many bytes were read. Fewer than asked only at the end of the file.
   * Only asked for what lies within the file's size.
   */
  read(node: Node, target: Uint8Array, pos: number): Answer<number>;

  /** Brings bytes to storage: 0 when all of them are there. Without it the filesystem is read-only. `source` is the store's to keep. */
  write?(node: Node, source: Uint8Array, pos: number): Answer<number>;
  /** Sets the size. Without it truncate is EPERM. */
  truncate?(node: Node, size: number): Answer<number>;
  /** What has been written outlives a loss of power. Without it fsync ends when everything has been written. */
  sync?(node: Node): Answer<number>;

  /**
   * The file is being opened: what it is now, so that changes made outside are noticed; 0 when that is of no interest;
   * -ESTALE when the name now leads to another file, -ENOENT when it leads nowhere. With `write` it is opened for writing: a
   * file that the storage does not let be written answers so here (-EACCES), since pages are written back when nobody listens.
   */
  open?(node: Node, write: boolean): Answer<StoreEntry<Node> | 0>;
  /** Nobody has the file open or mapped any more. What was dirty has been written. */
  close?(node: Node): void;
  /** The last reference has gone: no more calls for this node. */
  forget?(node: Node): void;

  /** Makes a regular file. */
  create?(dir: Node, name: string, mode: number): Answer<StoreEntry<Node>>;
  mkdir?(dir: Node, name: string, mode: number): Answer<StoreEntry<Node>>;
  symlink?(dir: Node, name: string, target: string): Answer<StoreEntry<Node>>;
  /** Another name for a file: 0. */
  link?(node: Node, dir: Node, name: string): Answer<number>;
  /** Takes a name away: 0. The file is still read and written by those who have it open. */
  unlink?(dir: Node, name: string, node: Node): Answer<number>;
  rmdir?(dir: Node, name: string, node: Node): Answer<number>;
  /** Gives a file another name, replacing what has it (null: nothing that is known): 0. */
  rename?(
    node: Node,
    oldDir: Node,
    oldName: string,
    newDir: Node,
    newName: string,
    replaced: Node | null,
  ): Answer<number>;
  /** A name has led to a file that is known already, by its key: `found` is forgotten, and may tell `known` where it is now. */
  foundAgain?(known: Node, found: Node): void;
  /** The filesystem has been unmounted for the last time: requests that are under way are given up, handles given back. */
  unmount?(): void;
}

/** What a store of which nothing else is known can do: what its functions say. */
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
