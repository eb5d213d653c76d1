/**
 * The files of a log: inodes without contents, found by path, behind the descriptors that the log's calls returned.
 *
 * What a file call answered is an input here, so nothing can be refused but what mapping refuses: the kernel package sees
 * ordinary open files. Not here: what is in files, and whether they exist.
 */
import {
  FMODE_EXEC,
  FMODE_PATH,
  refuse,
  thpGetUnmappedArea,
  VM_FAULT_SIGBUS,
  VmOperations,
  type MmSystem,
  type VmFile,
} from '@vmarea/mm-core';
import {
  EIO,
  O_ACCMODE,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFREG,
  S_IFSOCK,
} from '@vmarea/uapi';
import {
  allocFile,
  Dentry,
  File,
  FileOperations,
  InodeOperations,
  iput,
  newInode,
  nullOperations,
  SuperBlock,
  zeroOperations,
  type Inode,
  PROC_NO_MMAP,
} from '@vmarea/vfs';
import type { FilePlacement } from '@vmarea/situation';

/** A file of the page cache has no pages here: there is no memory behind a replay. */
const vmOps = new VmOperations({ fault: () => VM_FAULT_SIGBUS });

const regularOperations = new FileOperations({
  mmap: (_cur, _file, vma) => {
    vma.vmOps = vmOps;
    return 0;
  },
});

/** The same on a file system that has its files placed at huge pages. */
const placedOperations = new FileOperations({
  mmap: (_cur, _file, vma) => {
    vma.vmOps = vmOps;
    return 0;
  },
  getUnmappedArea: thpGetUnmappedArea,
});

const procOperations = new FileOperations({ mmap: (cur) => refuse(cur, PROC_NO_MMAP, -EIO) });

/** Directories, pipes, sockets: nothing to map. */
const unmappable = new FileOperations({});
const inodeOperations = new InodeOperations({});

/** PATH_MAX, bytes: no path that a kernel took was longer. */
const PATH_MAX = 4096;

/** A path as maps shows it. What no kernel took is shortened in the middle: a log may hold a name of 16 MB. */
function mapsName(path: string): string {
  return path.length < PATH_MAX ? path : `${path.slice(0, 2048)}…${path.slice(-1024)}`;
}

/** What kind of thing a descriptor leads to. */
export type RecordedKind = 'file' | 'directory' | 'pipe' | 'socket' | 'other';

/** The files of one replay. */
export class RecordedFiles {
  readonly #sb: SuperBlock;
  /** Inodes in use, by path. */
  readonly #byPath = new Map<string, { readonly inode: Inode; readonly dentry: Dentry }>();
  #pseudo = 0;
  /** How the files of a path's mount are placed. */
  readonly #placementOf: (path: string) => FilePlacement;

  constructor(system: MmSystem, placementOf: (path: string) => FilePlacement) {
    this.#placementOf = placementOf;
    this.#sb = new SuperBlock(system, {
      manifest: {
        name: 'recorded',
        capabilities: {
          read: false,
          write: false,
          mmapPrivate: true,
          mmapShared: true,
          mmapSharedWrite: true,
          truncate: false,
          fallocate: false,
          punchHole: false,
          rename: true,
          link: false,
          symlink: false,
          mkdir: false,
          appendOnly: false,
          persistent: false,
          asynchronous: false,
        },
      },
      operations: {
        evictInode: (inode) => {
          const path = inode.iPrivate as string | null;
          if (path !== null && this.#byPath.get(path)?.inode === inode) this.#byPath.delete(path);
        },
      },
      device: { major: 0, minor: 2 },
    });
  }

  /** Whether an inode was made here, so that its device and number are not those of the recording. */
  owns(file: VmFile): boolean {
    return file instanceof File && file.fInode.iSb === this.#sb;
  }

  /** Files that are open or mapped. */
  get size(): number {
    return this.#byPath.size;
  }

  /**
   * An open file with one reference.
   *
   * @param path as maps shows it
   * @param flags O_ flags
   */
  open(path: string, flags: number, given: RecordedKind = 'file'): File {
    const kind =
      given === 'file' && (flags & O_DIRECTORY) !== 0 && (flags & O_TMPFILE) !== O_TMPFILE ? 'directory' : given;
    let known = this.#byPath.get(path);
    let fop = regularOperations;
    if (kind !== 'file') fop = unmappable;
    else if (path === '/dev/zero') fop = zeroOperations;
    else if (path === '/dev/null' || path === '/dev/full' || path === '/dev/tty') fop = nullOperations;
    else if (path.startsWith('/proc/') || path.startsWith('/sys/')) fop = procOperations;
    if (known === undefined) {
      const type = path.startsWith('/dev/') && fop !== regularOperations ? S_IFCHR : modeOf(kind);
      const inode = newInode(this.#sb, type | 0o755, inodeOperations, fop);
      inode.iPrivate = path;
      const dentry = new Dentry(path, null, inode);
      dentry.dynamicName = mapsName(path);
      known = { inode, dentry };
      this.#byPath.set(path, known);
      const file = this.#file(known.dentry, inode, flags, fop);
      // The open file holds the inode; no name does.
      iput(inode);
      return file;
    }
    return this.#file(known.dentry, known.inode, flags, known.inode.iFop);
  }

  /** The same file, opened as a plain one: a driver of its own maps it, which is not modelled. */
  asPlain(file: File): File {
    file.fInode.iFop = regularOperations;
    const plain = allocFile(null, file.dentry, file.fInode, O_RDWR, regularOperations);
    plain.fFlags = file.fFlags;
    return plain;
  }

  /** Whether a file is a plain one, which is placed as its mount says. */
  isPlaced(file: VmFile): file is File {
    return file instanceof File && (file.fOp === regularOperations || file.fOp === placedOperations);
  }

  /** Has a plain file placed as its mount says now, or as it is told. */
  place(file: VmFile, placement?: FilePlacement): void {
    if (!this.isPlaced(file)) return;
    file.fOp = (placement ?? this.#placementOf(file.path())) === 'huge' ? placedOperations : regularOperations;
  }

  /** Takes a file of the map before under its path, so that the log opens the same one. */
  adopt(path: string, file: File): void {
    file.fInode.iFop = regularOperations;
    if (!this.#byPath.has(path)) this.#byPath.set(path, { inode: file.fInode, dentry: file.dentry });
  }

  /** A file of a map has gone. */
  forget(inode: Inode): void {
    for (const [path, known] of this.#byPath) if (known.inode === inode) this.#byPath.delete(path);
  }

  /** A pipe, a socket, or something else that has no name of its own. */
  openPseudo(kind: RecordedKind, label: string): File {
    this.#pseudo++;
    return this.open(`${label}:[${this.#pseudo}]`, O_RDWR, kind);
  }

  #file(dentry: Dentry, inode: Inode, flags: number, fop: FileOperations): File {
    const file = allocFile(null, dentry, inode, flags & O_ACCMODE, fop);
    file.fFlags = flags;
    this.place(file);
    if ((flags & O_PATH) !== 0) file.fMode = FMODE_PATH;
    return file;
  }

  /** A program's file, as exec opens it. */
  openExec(path: string): File {
    const file = this.open(path, O_RDONLY);
    file.fMode |= FMODE_EXEC;
    return file;
  }

  /** The name has gone: mappings show « (deleted)»; a file made under it later is another one. */
  unlink(path: string): void {
    const known = this.#byPath.get(path);
    if (known === undefined) return;
    this.#byPath.delete(path);
    known.inode.iPrivate = null;
    known.inode.iNlink = 0;
    known.dentry.dynamicName = `${mapsName(path)} (deleted)`;
  }

  /** The file has another name now; what was there before is deleted. */
  rename(from: string, to: string): void {
    this.unlink(to);
    const known = this.#byPath.get(from);
    if (known === undefined) return;
    this.#byPath.delete(from);
    known.inode.iPrivate = to;
    known.dentry.dynamicName = mapsName(to);
    this.#byPath.set(to, known);
  }
}

function modeOf(kind: RecordedKind): number {
  if (kind === 'directory') return S_IFDIR;
  if (kind === 'pipe') return S_IFIFO;
  if (kind === 'socket') return S_IFSOCK;
  return kind === 'other' ? S_IFCHR : S_IFREG;
}
