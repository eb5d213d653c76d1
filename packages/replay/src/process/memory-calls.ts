/**
 * Makes one memory call of a log on the kernel: with its own arguments, or at the address that the log's kernel chose.
 */
import { findVma } from '@vmarea/mm-core';
import type { Register, Sys } from '@vmarea/kernel';
import type { MemoryOp } from '@vmarea/strace';
import {
  ENOSYS,
  fromRegister,
  IPC_STAT,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  newShmidDs,
  PR_SET_VMA,
  PR_SET_VMA_ANON_NAME,
  SHM_REMAP,
  SHM_STAT,
  SHM_STAT_ANY,
  type ShmidDs,
} from '@vmarea/uapi';
import type { Process, Space } from './process.ts';

/** mincore's vector is not in a log, and no page is resident here. */
const NO_BYTES = new Uint8Array(0);

/** Makes a call with the log's arguments. */
export function makeCall(process: Process, op: MemoryOp): number {
  return makeMemoryCall(process.task.sys, op);
}

/**
 * Makes a decoded call on a task.
 *
 * @returns the result of the kernel package: a value or a negative errno; -ENOSYS for prctl other than PR_SET_VMA, and for
 *   System V shared memory without its driver
 */
export function makeMemoryCall(sys: Sys, op: MemoryOp): number {
  switch (op.op) {
    case 'mmap':
      return sys.mmap(op.addr, op.len, op.prot, op.flags, op.fd, op.offset);
    case 'munmap':
      return sys.munmap(op.addr, op.len);
    case 'brk':
      return sys.brk(op.addr);
    case 'mprotect':
      return sys.mprotect(op.addr, op.len, op.prot);
    case 'mremap':
      return sys.mremap(op.addr, op.oldLen, op.newLen, op.flags, op.newAddr);
    case 'madvise':
      return sys.madvise(op.addr, op.len, op.advice);
    case 'mlock':
      return op.flags === null ? sys.mlock(op.addr, op.len) : sys.mlock2(op.addr, op.len, op.flags);
    case 'munlock':
      return sys.munlock(op.addr, op.len);
    case 'mlockall':
      return sys.mlockall(op.flags);
    case 'munlockall':
      return sys.munlockall();
    case 'msync':
      return sys.msync(op.addr, op.len, op.flags);
    case 'mincore':
      return sys.mincore(op.addr, op.len, NO_BYTES);
    case 'remapFilePages':
      return sys.remapFilePages(op.addr, op.len, op.prot, op.pgoff, op.flags);
    case 'setVmaName':
      return sys.prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, op.addr, op.len, op.name);
    case 'shmget':
      return sys.shmget(Number(op.key), op.size, op.flags);
    case 'shmat':
      return sys.shmat(op.id, op.addr, op.flags);
    case 'shmdt':
      return sys.shmdt(op.addr);
    case 'shmctl':
      return sys.shmctl(op.id, op.cmd, structureOf(op.cmd));
    case 'prctl':
      return -ENOSYS;
  }
}

/** The structure of a command of shmctl; null where it has none, or reads it: its contents are not in a log. */
function structureOf(cmd: number): ShmidDs | null {
  return cmd === IPC_STAT || cmd === SHM_STAT || cmd === SHM_STAT_ANY ? newShmidDs() : null;
}

/**
 * Makes the call so that its mapping gets the log's address. Errors are returned.
 *
 * @param recorded the log's answer
 */
export function makeCallAt(process: Process, op: MemoryOp, recorded: number): number {
  const { sys } = process.task;
  if (recorded >= 0) {
    if (op.op === 'mmap') {
      return sys.mmap(recorded, op.len, op.prot, (op.flags & ~MAP_FIXED_NOREPLACE) | MAP_FIXED, op.fd, op.offset);
    }
    if (op.op === 'mremap' && recorded !== Number(op.addr)) {
      const flags = (op.flags & MREMAP_DONTUNMAP) | MREMAP_MAYMOVE | MREMAP_FIXED;
      return sys.mremap(op.addr, op.oldLen, op.newLen, flags, recorded);
    }
    if (op.op === 'shmat') return sys.shmat(op.id, recorded, op.flags | SHM_REMAP);
  }
  return makeCall(process, op);
}

/** Notes the memory that a successful call returned, so that it counts as written before the next call. */
export function noteGiven(space: Space, process: Process, op: MemoryOp, result: number, oldBrk: number): void {
  switch (op.op) {
    case 'mmap':
      space.given(result, result + pagesUp(process, op.len));
      return;
    case 'brk':
      if (result > oldBrk) space.given(oldBrk, result);
      return;
    case 'mprotect':
      space.given(Number(op.addr), Number(op.addr) + pagesUp(process, op.len));
      return;
    case 'mremap':
      space.given(result, result + pagesUp(process, op.newLen));
      return;
    default:
      return;
  }
}

function pagesUp(process: Process, len: Register): number {
  const { pageSize } = process.task.kernel.system;
  return Math.ceil(fromRegister(len) / pageSize) * pageSize;
}

/** Returns whether a call uses memory that is unknown in a replay with recorded addresses. */
export function reachesUnknown(process: Process, op: MemoryOp): boolean {
  if (!('addr' in op)) return false;
  const start = Number(op.addr);
  const len = 'len' in op ? Number(op.len) : 'oldLen' in op ? Number(op.oldLen) : 0;
  let at = start;
  for (let vma = findVma(process.task.mm, start); at < start + len; vma = vma.vmNext) {
    if (vma === null || vma.vmStart > at) return true;
    at = vma.vmEnd;
  }
  return false;
}
