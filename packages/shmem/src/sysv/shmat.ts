/**
 * shmat and shmdt: map a segment, and unmap what is left of it.
 *
 * Mirrors do_shmat and ksys_shmdt of ipc/shm.c.
 */
import {
  beginCall,
  doMmap,
  doMunmap,
  findVma,
  findVmaIntersection,
  mmapLock,
  mmapUnlock,
  refuse,
  type Caller,
  type VmFile,
} from '@vmarea/mm-core';
import {
  EACCES,
  EINVAL,
  fromRegister,
  MAP_FIXED,
  MAP_SHARED,
  O_RDONLY,
  O_RDWR,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  SHM_EXEC,
  SHM_RDONLY,
  SHM_REMAP,
  SHM_RND,
} from '@vmarea/uapi';
import { attachFile, isShmVma } from './attach.ts';
import type { ShmNamespace } from './namespace.ts';
import {
  SHM_ACCESS,
  SHM_NO_SEGMENT,
  SHMAT_OCCUPIED,
  SHMAT_REMAP_NO_ADDRESS,
  SHMAT_SECURITY,
  SHMAT_UNALIGNED,
  SHMAT_WRAPS,
  SHMDT_NOT_ATTACHED,
  SHMDT_UNALIGNED,
} from './reasons.ts';

const READ_ACCESS = 0o444;
const WRITE_ACCESS = 0o222;
const EXEC_ACCESS = 0o111;

/** The mapping that the flags of shmat request. */
interface Access {
  /** PROT_ bits. */
  readonly prot: number;
  /** Permission bits that the segment must grant. */
  readonly mode: number;
  /** O_ flags. */
  readonly open: number;
}

function accessOf(flags: number): Access {
  const writes = (flags & SHM_RDONLY) === 0;
  const executes = (flags & SHM_EXEC) !== 0;
  return {
    prot: PROT_READ | (writes ? PROT_WRITE : 0) | (executes ? PROT_EXEC : 0),
    mode: READ_ACCESS | (writes ? WRITE_ACCESS : 0) | (executes ? EXEC_ACCESS : 0),
    open: writes ? O_RDWR : O_RDONLY,
  };
}

/** The arguments of the mapping. */
interface Placement {
  readonly file: VmFile;
  readonly addr: number;
  /** Bytes. */
  readonly size: number;
  readonly prot: number;
  /** SHM_ flags. */
  readonly flags: number;
  /** Whether the program gave an address. */
  readonly fixed: boolean;
}

/** Maps the file of an attach, with the mmap lock. */
function mapSegment(cur: Caller, { file, addr, size, prot, flags, fixed }: Placement): number {
  const { mm } = cur;
  const mapFlags = MAP_SHARED | (fixed ? MAP_FIXED : 0);
  const error = mm.system.security.mmapFile(cur, file, prot, mapFlags);
  if (error !== 0) return refuse(cur, SHMAT_SECURITY, error);
  mmapLock(mm, 'shmat');
  try {
    if (addr !== 0 && (flags & SHM_REMAP) === 0) {
      if (addr < 0 && addr + size >= 0) return refuse(cur, SHMAT_WRAPS, -EINVAL);
      if (addr > 0 && findVmaIntersection(mm, addr, addr + size) !== null) return refuse(cur, SHMAT_OCCUPIED, -EINVAL);
    }
    const request = cur.call.mmap;
    request.file = file;
    request.addr = addr;
    request.len = size;
    request.prot = prot;
    request.flags = mapFlags;
    request.vmFlags = 0;
    request.pgoff = 0;
    return doMmap(cur, request);
  } finally {
    mmapUnlock(mm);
  }
}

/**
 * do_shmat: maps a segment. The caller then calls `finishPopulate`.
 *
 * @param address where; 0: the kernel chooses
 * @param flags SHM_RDONLY, SHM_RND, SHM_REMAP, SHM_EXEC; others are ignored
 * @returns the address; -EINVAL, -EIDRM, -EACCES; or an errno of do_mmap
 */
export function doShmat(ns: ShmNamespace, cur: Caller, id: number, address: number | bigint, flags: number): number {
  beginCall(cur);
  if (id < 0) return refuse(cur, SHM_NO_SEGMENT, -EINVAL);
  const given = fromRegister(address);
  const low = given & ns.system.pageMask;
  if (low !== 0 && (flags & SHM_RND) === 0) return refuse(cur, SHMAT_UNALIGNED, -EINVAL);
  const addr = given - low;
  if (addr === 0 && (flags & SHM_REMAP) !== 0) return refuse(cur, SHMAT_REMAP_NO_ADDRESS, -EINVAL);
  const access = accessOf(flags);
  const segment = ns.obtain(cur, id);
  if (typeof segment === 'number') return segment;
  if (!segment.permits(cur, access.mode)) return refuse(cur, SHM_ACCESS, -EACCES);
  segment.nattch++;
  const file = attachFile(ns, segment, access.open);
  const size = file.fInode.iSize;
  const result = mapSegment(cur, { file, addr, size, prot: access.prot, flags, fixed: given !== 0 });
  file.fput();
  segment.nattch--;
  ns.destroyIfUnused(segment);
  return result;
}

/**
 * ksys_shmdt: unmaps every piece of the segment that was attached at the address, also when munmap or mprotect have cut it.
 *
 * @returns 0 or -EINVAL. A piece that is sealed stays mapped, as in the kernel
 */
export function doShmdt(ns: ShmNamespace, cur: Caller, address: number | bigint): number {
  beginCall(cur);
  const { pageMask, perPage } = ns.system;
  const addr = fromRegister(address);
  if ((addr & pageMask) !== 0) return refuse(cur, SHMDT_UNALIGNED, -EINVAL);
  if (addr < 0) return refuse(cur, SHMDT_NOT_ATTACHED, -EINVAL);
  const { mm } = cur;
  mmapLock(mm, 'shmdt');
  try {
    let file: VmFile | null = null;
    let size = Infinity;
    for (let vma = findVma(mm, addr); vma !== null && vma.vmEnd - addr <= size;) {
      const next = vma.vmNext;
      if (isShmVma(vma) && (vma.vmStart - addr) * perPage === vma.vmPgoff && (file === null || vma.vmFile === file)) {
        if (file === null) {
          file = vma.vmFile!;
          size = Math.ceil(file.fInode.iSize * perPage) / perPage;
        }
        doMunmap(cur, vma.vmStart, vma.vmEnd - vma.vmStart);
      }
      vma = next;
    }
    if (file === null) return refuse(cur, SHMDT_NOT_ATTACHED, -EINVAL);
    cur.call.reason = 0;
    return 0;
  } finally {
    mmapUnlock(mm);
  }
}
