/**
 * Puts a function around every operation of a driver: the ground of the judge, and of the test suite's wrappers that delay
 * and that fail.
 *
 * The driver is not changed, only the tables of its inodes are replaced, each table once, so that the shape of objects and
 * the identity of tables stay as they were: what had one table still has one. Inodes are met where names are looked up or made.
 */
import { VM_HUGETLB, VmOperations, type Vma } from '@vmarea/mm-core';
import { AddressSpaceOperations, type AddressSpace } from '@vmarea/mm-core/memory';
import type { Dentry } from '../names/dentry.ts';
import {
  FileOperations,
  InodeOperations,
  type FileOperationsInit,
  type InodeOperationsInit,
} from '../files/operations.ts';
import type { Inode } from '../names/inode.ts';
import type { SuperBlock } from '../names/super-block.ts';

/** Every operation that can be intercepted. */
export type OperationName =
  | 'lookup'
  | 'create'
  | 'tmpfile'
  | 'link'
  | 'unlink'
  | 'symlink'
  | 'mkdir'
  | 'rmdir'
  | 'rename'
  | 'setattr'
  | 'open'
  | 'read'
  | 'write'
  | 'fsync'
  | 'fallocate'
  | 'mmap'
  | 'readPage'
  | 'writePage'
  | 'prepareWrite'
  | 'allocPage'
  | 'fault'
  | 'pageMkwrite';

/** One call of a driver. */
export interface DriverCall {
  readonly op: OperationName;
  /** The file, or the directory when it is about a name. */
  readonly inode: Inode;
  /** The name, for operations on names. */
  readonly name: string;
  /** The place: a byte position (read, write), a size (setattr), a page (readPage, writePage, fault), else 0. */
  readonly at: number;
  /** Bytes asked for (read, write, fallocate); else 0. */
  readonly length: number;
  /** The frame, for operations on pages; else -1. */
  readonly pfn: number;
}

/** Stands between the core and a driver: calls `inner`, or answers itself. For `fault` and `pageMkwrite` answers are VM_FAULT_ codes. */
export type Around = (call: DriverCall, inner: () => number) => number;

/** Has `around` called for every operation of a filesystem from now on. */
export function interceptDriver(sb: SuperBlock, around: Around): void {
  new Interceptor(around).adoptTree(sb.root!);
}

class Interceptor {
  private readonly around: Around;
  private readonly inodeTables = new Map<InodeOperations, InodeOperations>();
  private readonly fileTables = new Map<FileOperations, FileOperations>();
  private readonly pageTables = new Map<AddressSpaceOperations, AddressSpaceOperations>();
  private readonly vmTables = new Map<VmOperations, VmOperations>();
  private readonly adopted = new WeakSet<Inode>();

  constructor(around: Around) {
    this.around = around;
  }

  adoptTree(dentry: Dentry): void {
    if (dentry.dInode !== null) this.adopt(dentry.dInode);
    if (dentry.children !== null) for (const child of dentry.children.values()) this.adoptTree(child);
  }

  private adopt(inode: Inode): void {
    if (this.adopted.has(inode)) return;
    this.adopted.add(inode);
    inode.iOp = wrapped(this.inodeTables, inode.iOp, (ops) => this.wrapInode(ops));
    inode.iFop = wrapped(this.fileTables, inode.iFop, (ops) => this.wrapFile(ops));
    const pages = inode.iPages as { aOps: AddressSpaceOperations } | null;
    if (pages !== null) pages.aOps = wrapped(this.pageTables, pages.aOps, (ops) => this.wrapPages(ops));
  }

  /** Asks the one around for an operation; `what` says what it is about, as far as that is known. */
  private call(op: OperationName, inode: Inode, inner: () => number, what: Partial<DriverCall> = {}): number {
    const { name = '', at = 0, length = 0, pfn = -1 } = what;
    return this.around({ op, inode, name, at, length, pfn }, inner);
  }

  private wrapInode(ops: InodeOperations): InodeOperations {
    /** An operation that may leave an inode in the dentry. */
    const naming = (op: OperationName, dir: Inode, dentry: Dentry, inner: () => number): number => {
      const result = this.call(op, dir, inner, { name: dentry.dName });
      if (dentry.dInode !== null) this.adopt(dentry.dInode);
      return result;
    };
    const table: InodeOperationsInit = {
      readlink: ops.readlink ?? undefined,
      blocks: ops.blocks ?? undefined,
      setFlags: ops.setFlags ?? undefined,
    };
    const { lookup, create, tmpfile, link, unlink, symlink, mkdir, rmdir, rename, setattr } = ops;
    if (lookup !== null) table.lookup = (dir, dentry) => naming('lookup', dir, dentry, () => lookup(dir, dentry));
    if (create !== null) {
      table.create = (cred, dir, dentry, mode) => naming('create', dir, dentry, () => create(cred, dir, dentry, mode));
    }
    if (tmpfile !== null) {
      table.tmpfile = (cred, dir, dentry, mode) =>
        naming('tmpfile', dir, dentry, () => tmpfile(cred, dir, dentry, mode));
    }
    if (mkdir !== null) {
      table.mkdir = (cred, dir, dentry, mode) => naming('mkdir', dir, dentry, () => mkdir(cred, dir, dentry, mode));
    }
    if (symlink !== null) {
      table.symlink = (cred, dir, dentry, target) =>
        naming('symlink', dir, dentry, () => symlink(cred, dir, dentry, target));
    }
    if (link !== null) table.link = (old, dir, dentry) => naming('link', dir, dentry, () => link(old, dir, dentry));
    if (unlink !== null) table.unlink = (dir, dentry) => naming('unlink', dir, dentry, () => unlink(dir, dentry));
    if (rmdir !== null) table.rmdir = (dir, dentry) => naming('rmdir', dir, dentry, () => rmdir(dir, dentry));
    if (rename !== null) {
      table.rename = (oldDir, from, newDir, to) =>
        this.call('rename', oldDir, () => rename(oldDir, from, newDir, to), { name: from.dName });
    }
    if (setattr !== null) {
      table.setattr = (cur, inode, attributes) =>
        this.call('setattr', inode, () => setattr(cur, inode, attributes), { at: attributes.size ?? 0 });
    }
    return new InodeOperations(table);
  }

  private wrapFile(ops: FileOperations): FileOperations {
    const table: FileOperationsInit = {
      getUnmappedArea: ops.getUnmappedArea ?? undefined,
      ioctl: ops.ioctl ?? undefined,
      llseek: ops.llseek ?? undefined,
      flush: ops.flush ?? undefined,
      release: ops.release ?? undefined,
      readdir: ops.readdir ?? undefined,
    };
    const { mmap, open, read, write, fsync, fallocate } = ops;
    if (open !== null) table.open = (cur, inode, file) => this.call('open', inode, () => open(cur, inode, file));
    if (read !== null) {
      table.read = (cur, file, iov, pos) => {
        const inner = (): number => read(cur, file, iov, pos);
        return this.call('read', file.fInode, inner, { at: pos, length: iov.length });
      };
    }
    if (write !== null) {
      table.write = (cur, file, iov, pos) => {
        const inner = (): number => write(cur, file, iov, pos);
        return this.call('write', file.fInode, inner, { at: pos, length: iov.length });
      };
    }
    if (fsync !== null) {
      table.fsync = (file, start, end, datasync) =>
        this.call('fsync', file.fInode, () => fsync(file, start, end, datasync), { at: start });
    }
    if (fallocate !== null) {
      table.fallocate = (file, mode, offset, len) =>
        this.call('fallocate', file.fInode, () => fallocate(file, mode, offset, len), { at: offset, length: len });
    }
    if (mmap !== null) {
      table.mmap = (cur, file, vma) => {
        const result = this.call('mmap', file.fInode, () => mmap(cur, file, vma), { at: vma.vmPgoff });
        if (result === 0) this.wrapVma(vma);
        return result;
      };
    }
    return new FileOperations(table);
  }

  /** The operations of a mapping. Huge pages are served past them. */
  private wrapVma(vma: Vma): void {
    const { vmOps } = vma;
    if (vmOps === null || vmOps.fault === null || (vma.vmFlags & VM_HUGETLB) !== 0) return;
    vma.vmOps = wrapped(this.vmTables, vmOps, (ops) => {
      const { fault, pageMkwrite } = ops;
      return new VmOperations({
        open: ops.open ?? undefined,
        close: ops.close ?? undefined,
        mapPage: ops.mapPage ?? undefined,
        pfnMkwrite: ops.pfnMkwrite ?? undefined,
        mremap: ops.mremap ?? undefined,
        maySplit: ops.maySplit ?? undefined,
        name: ops.name ?? undefined,
        pageSize: ops.pageSize ?? undefined,
        fault:
          fault === null
            ? undefined
            : (one, vmf) => this.call('fault', inodeOf(one), () => fault(one, vmf), { at: vmf.pgoff }),
        pageMkwrite:
          pageMkwrite === null
            ? undefined
            : (one, vmf) => this.call('pageMkwrite', inodeOf(one), () => pageMkwrite(one, vmf), { at: vmf.pgoff }),
      });
    });
  }

  private wrapPages(ops: AddressSpaceOperations): AddressSpaceOperations {
    const { readPage, writePage, prepareWrite, allocPage } = ops;
    const host = (mapping: AddressSpace): Inode => {
      const inode: unknown = mapping.host;
      return inode as Inode;
    };
    return new AddressSpaceOperations({
      freePage: ops.freePage ?? undefined,
      zeroFill: ops.zeroFill,
      readSkipsHoles: ops.readSkipsHoles,
      swapBacked: ops.swapBacked,
      readPage:
        readPage === null
          ? undefined
          : (mapping, index, pfn) =>
              this.call('readPage', host(mapping), () => readPage(mapping, index, pfn), { at: index, pfn }),
      writePage:
        writePage === null
          ? undefined
          : (mapping, index, pfn) =>
              this.call('writePage', host(mapping), () => writePage(mapping, index, pfn), { at: index, pfn }),
      prepareWrite:
        prepareWrite === null
          ? undefined
          : (mapping, pos, len) =>
              this.call('prepareWrite', host(mapping), () => prepareWrite(mapping, pos, len), { at: pos, length: len }),
      allocPage:
        allocPage === null
          ? undefined
          : (mapping, index) => this.call('allocPage', host(mapping), () => allocPage(mapping, index), { at: index }),
    });
  }
}

/** Files of this package's filesystems have inodes of this package. */
function inodeOf(vma: Vma): Inode {
  const inode: unknown = vma.vmFile!.fInode;
  return inode as Inode;
}

function wrapped<T extends object>(tables: Map<T, T>, table: T, wrap: (table: T) => T): T {
  let made = tables.get(table);
  if (made === undefined) {
    made = wrap(table);
    tables.set(table, made);
    // a wrapped table that is met again stays as it is
    tables.set(made, made);
  }
  return made;
}
