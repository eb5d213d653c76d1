/**
 * The files of a log: inodes without contents, found by path, for the descriptors that the log's calls returned.
 *
 * The recorded results of file calls are inputs here, so only mapping can refuse: the kernel package sees ordinary open files.
 * Not here: the contents of files, and whether they exist.
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
  NO_CAPABILITIES,
  SuperBlock,
  zeroOperations,
  type Inode,
  PROC_NO_MMAP,
} from '@vmarea/vfs';
import type { FilePlacement } from '@vmarea/situation';

/** A replay has no memory, so a file has no pages. */
const vmOps = new VmOperations({ fault: () => VM_FAULT_SIGBUS });

const regularOperations = new FileOperations({
  mmap: (_cur, _file, vma) => {
    vma.vmOps = vmOps;
    return 0;
  },
});

/** The same on a filesystem that places files at huge-page boundaries. */
const placedOperations = new FileOperations({
  mmap: (_cur, _file, vma) => {
    vma.vmOps = vmOps;
    return 0;
  },
  getUnmappedArea: thpGetUnmappedArea,
});

const procOperations = new FileOperations({ mmap: (cur) => refuse(cur, PROC_NO_MMAP, -EIO) });

/** The operations of directories, pipes and sockets: they cannot be mapped. */
const unmappable = new FileOperations({});
const inodeOperations = new InodeOperations({});

/** PATH_MAX, bytes: no path that a kernel took was longer. */
const PATH_MAX = 4096;

/** A path as maps shows it. What no kernel took is shortened in the middle: a log may hold a name of 16 MB. */
function mapsName(path: string): string {
  return path.length < PATH_MAX ? path : `${path.slice(0, 2048)}…${path.slice(-1024)}`;
}

/** The kind of file of a descriptor. */
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
          ...NO_CAPABILITIES,
          mmapPrivate: true,
          mmapShared: true,
          mmapSharedWrite: true,
          rename: true,
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

  /** Returns whether an inode was created here, so that its device and number are not those of the recording. */
  owns(file: VmFile): boolean {
    return file instanceof File && file.fInode.iSb === this.#sb;
  }

  /** The number of open or mapped files. */
  get size(): number {
    return this.#byPath.size;
  }

  /**
   * Opens a file. Returns it with one reference.
   *
   * @param path its path in maps
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
      // The open file has a reference to the inode; no name has one.
      iput(inode);
      return file;
    }
    return this.#file(known.dentry, known.inode, flags, known.inode.iFop);
  }

  /** Opens the same file as a plain one, for a file whose own driver is not modelled. */
  asPlain(file: File): File {
    file.fInode.iFop = regularOperations;
    const plain = allocFile(null, file.dentry, file.fInode, O_RDWR, regularOperations);
    plain.fFlags = file.fFlags;
    return plain;
  }

  /** Whether a file is a regular one, whose mount decides on its placement. */
  isPlaced(file: VmFile): file is File {
    return file instanceof File && (file.fOp === regularOperations || file.fOp === placedOperations);
  }

  /** Sets a regular file's placement: `placement`, or else that of its mount. */
  place(file: VmFile, placement?: FilePlacement): void {
    if (!this.isPlaced(file)) return;
    file.fOp = (placement ?? this.#placementOf(file.path())) === 'huge' ? placedOperations : regularOperations;
  }

  /** Registers a file of the map before under its path, so that the log opens the same file. */
  adopt(path: string, file: File): void {
    file.fInode.iFop = regularOperations;
    if (!this.#byPath.has(path)) this.#byPath.set(path, { inode: file.fInode, dentry: file.dentry });
  }

  /** Called after a file of a map was released. */
  forget(inode: Inode): void {
    for (const [path, known] of this.#byPath) if (known.inode === inode) this.#byPath.delete(path);
  }

  /** Opens a pipe, a socket, or another file without a name. */
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

  /** Opens a program's file, as exec does. */
  openExec(path: string): File {
    const file = this.open(path, O_RDONLY);
    file.fMode |= FMODE_EXEC;
    return file;
  }

  /** Removes the name: mappings show « (deleted)»; a file created under it later is another one. */
  unlink(path: string): void {
    const known = this.#byPath.get(path);
    if (known === undefined) return;
    this.#byPath.delete(path);
    known.inode.iPrivate = null;
    known.inode.iNlink = 0;
    known.dentry.dynamicName = `${mapsName(path)} (deleted)`;
  }

  /** Renames the file; a file with the new name is deleted. */
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
