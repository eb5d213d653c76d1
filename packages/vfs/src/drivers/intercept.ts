/**
 * Wraps every operation of a driver in a function: the basis of the judge, and of the test suite's wrappers that delay or
 * fail operations.
 *
 * Replaces only the tables of the driver's inodes, each table once, so that the shapes of objects and the identity of tables
 * stay as they were. Wraps an inode when its name is looked up or created.
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
  /** The file, or the directory for operations on names. */
  readonly inode: Inode;
  /** The name, for operations on names. */
  readonly name: string;
  /** The position: a byte position (read, write), a size (setattr), a page (readPage, writePage, fault), else 0. */
  readonly at: number;
  /** Bytes requested (read, write, fallocate); else 0. */
  readonly length: number;
  /** The frame, for operations on pages; else -1. */
  readonly pfn: number;
}

/** Called instead of a driver's operation: calls `inner`, or returns a result itself. For `fault` and `pageMkwrite` results are VM_FAULT_ codes. */
export type Around = (call: DriverCall, inner: () => number) => number;

/** Makes every later operation of a filesystem call `around`. */
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

  /** Calls `around` for an operation; `what` has the known parts of the call. */
  private call(op: OperationName, inode: Inode, inner: () => number, what: Partial<DriverCall> = {}): number {
    const { name = '', at = 0, length = 0, pfn = -1 } = what;
    return this.around({ op, inode, name, at, length, pfn }, inner);
  }

  private wrapInode(ops: InodeOperations): InodeOperations {
    /** Wraps an operation that may set an inode in the dentry. */
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

  /** Wraps the operations of a mapping. Huge pages do not use them. */
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
    // A wrapped table maps to itself, so it is not wrapped twice.
    tables.set(made, made);
  }
  return made;
}
