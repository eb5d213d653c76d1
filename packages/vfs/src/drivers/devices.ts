/**
 * Device files: /dev/null, /dev/zero, /dev/full, and devices that map physical memory, such as /dev/mem.
 *
 * Mirrors drivers/char/mem.c.
 */
import { CAP_SYS_RAWIO, EAGAIN, EFAULT, EINVAL, ENODEV, ENOSPC, EPERM, S_IFCHR } from '@vmarea/uapi';
import {
  FMODE_UNSIGNED_OFFSET,
  hasCapability,
  PTE_SPECIAL,
  PTE_WRITE,
  refuse,
  VM_DONTDUMP,
  VM_DONTEXPAND,
  VM_IO,
  VM_PFNMAP,
  VM_SHARED,
  VM_WRITE,
  VmOperations,
  zeroGetUnmappedArea,
  type MmSystem,
} from '@vmarea/mm-core';
import type { Dentry } from '../names/dentry.ts';
import { FileOperations, InodeOperations } from '../files/operations.ts';
import type { IoVec } from '../files/iovec.ts';
import { newInode, type Inode } from '../names/inode.ts';
import { addNode } from './libfs.ts';
import { memoryOf } from '../page-cache.ts';
import { ramfs, type RamfsOptions } from './ramfs.ts';
import {
  MEM_BEYOND_PHYSICAL_ADDRESSES,
  MEM_NO_PAGE_TABLE,
  MEM_RANGE_NOT_ALLOWED,
  ZERO_NO_SHARED_MEMORY,
} from './reasons.ts';
import type { SuperBlock } from '../names/super-block.ts';

/** /dev/null: writes succeed and store nothing, reads return 0; it cannot be mapped. */
export const nullOperations: FileOperations = new FileOperations({
  read: () => 0,
  write: (_cur, _file, { length }) => length,
  llseek: () => 0,
});

function readZero(_cur: unknown, _file: unknown, { bytes: target, offset, length }: IoVec): number {
  target.fill(0, offset, offset + length);
  return length;
}

/** /dev/zero: a private mapping is anonymous memory with a name, a shared mapping is shared memory. */
export const zeroOperations: FileOperations = new FileOperations({
  read: readZero,
  write: (_cur, _file, { length }) => length,
  llseek: () => 0,
  getUnmappedArea: zeroGetUnmappedArea,
  mmap(cur, _file, vma) {
    if ((vma.vmFlags & VM_SHARED) === 0) return 0;
    const shared = cur.mm.system.sharedMemory;
    if (shared === null) return refuse(cur, ZERO_NO_SHARED_MEMORY, -ENODEV);
    return shared.zeroSetup(cur, vma);
  },
});

/** /dev/full: reads zeroes, writes fail with ENOSPC; it cannot be mapped. */
export const fullOperations: FileOperations = new FileOperations({
  read: readZero,
  write: (_cur, _file, { length }) => (length === 0 ? 0 : -ENOSPC),
  llseek: () => 0,
});

/** The options of {@link memDeviceOperations}. */
export interface MemDeviceOptions {
  /** Returns whether bytes [start, start + length) of physical memory may be mapped. Default: the machine's own memory. */
  readonly allow?: ((start: number, length: number) => boolean) | undefined;
}

/** No operations: mmap enters all pages, so there are no faults. */
const windowOps = new VmOperations({});

/** The first physical address beyond those of arm64 with 48 bits. */
const PHYS_LIMIT = 2 ** 48;

/**
 * /dev/mem: mappings show physical memory. They are VM_IO, VM_PFNMAP, VM_DONTEXPAND and VM_DONTDUMP; mmap enters all their
 * pages, and Rss does not count them.
 */
export function memDeviceOperations(system: MmSystem, options: MemDeviceOptions = {}): FileOperations {
  const allowed =
    options.allow ??
    ((start: number, length: number): boolean => {
      const core = memoryOf(system);
      return core === null || start + length <= core.physical.nrFrames * system.pageSize;
    });
  return new FileOperations({
    open(cur, _inode, file) {
      if (!hasCapability(cur.cred, CAP_SYS_RAWIO)) return -EPERM;
      file.fMode |= FMODE_UNSIGNED_OFFSET;
      return 0;
    },
    read(_cur, _file, { bytes: target, offset, length }, pos) {
      const core = memoryOf(system);
      if (core === null) return -EFAULT;
      if (!allowed(pos, length)) return -EPERM;
      for (let done = 0; done < length;) {
        const at = (pos + done) % system.pageSize;
        const part = Math.min(length - done, system.pageSize - at);
        core.physical.readBytes(Math.floor((pos + done) / system.pageSize), at, target, offset + done, part);
        done += part;
      }
      return length;
    },
    write(_cur, _file, { bytes: source, offset, length }, pos) {
      const core = memoryOf(system);
      if (core === null) return -EFAULT;
      if (!allowed(pos, length)) return -EPERM;
      for (let done = 0; done < length;) {
        const at = (pos + done) % system.pageSize;
        const part = Math.min(length - done, system.pageSize - at);
        core.physical.writeBytes(Math.floor((pos + done) / system.pageSize), at, source, offset + done, part);
        done += part;
      }
      return length;
    },
    mmap(cur, _file, vma) {
      const mm = cur.mm;
      const size = vma.vmEnd - vma.vmStart;
      const start = vma.vmPgoff * system.pageSize;
      if (start < 0 || start + size > PHYS_LIMIT) return refuse(cur, MEM_BEYOND_PHYSICAL_ADDRESSES, -EINVAL);
      if (!allowed(start, size)) return refuse(cur, MEM_RANGE_NOT_ALLOWED, -EPERM);
      vma.vmFlags |= VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP;
      vma.vmOps = windowOps;
      const tables = mm.pageTables;
      if (tables === null) return 0;
      const bits = PTE_SPECIAL | ((vma.vmFlags & (VM_SHARED | VM_WRITE)) === (VM_SHARED | VM_WRITE) ? PTE_WRITE : 0);
      for (let addr = vma.vmStart, pfn = vma.vmPgoff; addr < vma.vmEnd; addr += system.pageSize, pfn++) {
        const slot = tables.slotAlloc(addr);
        if (slot < 0) return refuse(cur, MEM_NO_PAGE_TABLE, -EAGAIN);
        tables.setEntry(slot, pfn, vma.vmPageProt, bits);
      }
      return 0;
    },
  });
}

const nodeOperations = new InodeOperations({});

/** A character device, as mknod creates it. */
export interface DeviceNode {
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly mode: number;
  readonly fop: FileOperations;
}

/** mknod for a driver: creates a character device in a directory. */
export function addDevice(parent: Dentry, name: string, node: DeviceNode): Inode {
  const { major, minor, mode, fop } = node;
  const inode = newInode(parent.dInode!.iSb, S_IFCHR | mode, nodeOperations, fop);
  inode.rdevMajor = major;
  inode.rdevMinor = minor;
  const error = addNode(parent, name, inode);
  if (error < 0) throw new RangeError(`addDevice: ${name} exists already`);
  return inode;
}

/** The options of {@link devfs}. */
export interface DevfsOptions extends RamfsOptions {
  /** Whether to create `mem`, and its options. */
  readonly mem?: MemDeviceOptions | undefined;
}

/** Creates a /dev with null, zero, full, and mem if requested. More devices: {@link addDevice} on its root. */
export function devfs(system: MmSystem, options: DevfsOptions = {}): SuperBlock {
  const sb = ramfs(system, options);
  const root = sb.root!;
  addDevice(root, 'null', { major: 1, minor: 3, mode: 0o666, fop: nullOperations });
  addDevice(root, 'zero', { major: 1, minor: 5, mode: 0o666, fop: zeroOperations });
  addDevice(root, 'full', { major: 1, minor: 7, mode: 0o666, fop: fullOperations });
  if (options.mem !== undefined)
    addDevice(root, 'mem', { major: 1, minor: 1, mode: 0o640, fop: memDeviceOperations(system, options.mem) });
  return sb;
}
