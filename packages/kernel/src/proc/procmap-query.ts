/**
 * ioctl(PROCMAP_QUERY) of /proc/PID/maps: finds one mapping by address.
 *
 * Mirrors do_procmap_query in fs/proc/task_mmu.c.
 */
import {
  findVma,
  refuse,
  VM_EXEC,
  VM_MAYSHARE,
  VM_READ,
  VM_WRITE,
  type Caller,
  type Mm,
  type Vma,
} from '@vmarea/mm-core';
import { EFAULT, EINVAL, ENOENT, ENOTTY } from '@vmarea/uapi';
import type { ProcEntry } from '@vmarea/vfs';
import { PROCMAP_QUERY_FLAGS, PROCMAP_QUERY_NONE } from '../syscalls/reasons.ts';
import { showMaps, vmaName, type ReadName } from './maps.ts';

/** _IOWR('f', 17, struct procmap_query). */
export const PROCMAP_QUERY = 0xc0686611;

/** Bits of `queryFlags`, and of `vmaFlags` the first four. */
export const PROCMAP_QUERY_VMA_READABLE = 0x1;
export const PROCMAP_QUERY_VMA_WRITABLE = 0x2;
export const PROCMAP_QUERY_VMA_EXECUTABLE = 0x4;
export const PROCMAP_QUERY_VMA_SHARED = 0x8;
export const PROCMAP_QUERY_COVERING_OR_NEXT_VMA = 0x10;
export const PROCMAP_QUERY_FILE_BACKED_VMA = 0x20;
const ACCESS = 0xf;
const KNOWN = 0x3f;

/** struct procmap_query: the question, and after 0 the answer. Addresses and sizes are bytes. */
export interface ProcmapQuery {
  queryFlags: number;
  queryAddr: number;
  vmaStart: number;
  vmaEnd: number;
  vmaFlags: number;
  vmaPageSize: number;
  /** Offset in the file; 0 for memory without one. */
  vmaOffset: number;
  inode: number;
  devMajor: number;
  devMinor: number;
  /** As maps prints it; '' for none. */
  vmaName: string;
}

/** Returns a question. */
export function procmapQuery(queryAddr: number, queryFlags: number = 0): ProcmapQuery {
  return {
    queryFlags,
    queryAddr,
    vmaStart: 0,
    vmaEnd: 0,
    vmaFlags: 0,
    vmaPageSize: 0,
    vmaOffset: 0,
    inode: 0,
    devMajor: 0,
    devMinor: 0,
    vmaName: '',
  };
}

function accessOf(vma: Vma): number {
  const { vmFlags } = vma;
  return (
    ((vmFlags & VM_READ) !== 0 ? PROCMAP_QUERY_VMA_READABLE : 0) |
    ((vmFlags & VM_WRITE) !== 0 ? PROCMAP_QUERY_VMA_WRITABLE : 0) |
    ((vmFlags & VM_EXEC) !== 0 ? PROCMAP_QUERY_VMA_EXECUTABLE : 0) |
    ((vmFlags & VM_MAYSHARE) !== 0 ? PROCMAP_QUERY_VMA_SHARED : 0)
  );
}

/** query_matching_vma: returns the mapping that the question asks for, or null. */
function matching(mm: Mm, addr: number, flags: number): Vma | null {
  const orNext = (flags & PROCMAP_QUERY_COVERING_OR_NEXT_VMA) !== 0;
  for (let vma = findVma(mm, addr); vma !== null; vma = vma.vmNext) {
    const backed = (flags & PROCMAP_QUERY_FILE_BACKED_VMA) === 0 || vma.vmFile !== null;
    if (backed && (flags & ACCESS & ~accessOf(vma)) === 0 && (orNext || vma.vmStart <= addr)) return vma;
    if (!orNext) return null;
  }
  return null;
}

/**
 * do_procmap_query.
 *
 * @param mm the address space of the file
 * @param query receives the answer
 * @returns 0; -EINVAL for an unknown flag; -ENOENT
 */
export function doProcmapQuery(cur: Caller, mm: Mm, query: ProcmapQuery, readName: ReadName | null): number {
  if ((query.queryFlags & ~KNOWN) !== 0) return refuse(cur, PROCMAP_QUERY_FLAGS, -EINVAL);
  const vma = matching(mm, query.queryAddr, query.queryFlags);
  if (vma === null) return refuse(cur, PROCMAP_QUERY_NONE, -ENOENT);
  const { system } = mm;
  const inode = vma.vmFile === null ? null : vma.vmFile.fInode;
  query.vmaStart = vma.vmStart;
  query.vmaEnd = vma.vmEnd;
  query.vmaFlags = accessOf(vma);
  query.vmaPageSize = vma.vmOps?.pageSize?.(vma) ?? system.pageSize;
  query.vmaOffset = inode === null ? 0 : vma.vmPgoff * system.pageSize;
  query.inode = inode?.ino ?? 0;
  query.devMajor = inode?.devMajor ?? 0;
  query.devMinor = inode?.devMinor ?? 0;
  query.vmaName = vmaName(mm, vma, readName);
  return 0;
}

/**
 * Returns the file `self/maps` for `procCreate`: its text, and PROCMAP_QUERY with a {@link ProcmapQuery} as argument.
 *
 * @param readName for names that are user addresses
 */
export function mapsEntry(readName: ReadName | null = null): ProcEntry {
  return {
    read: (cur) => showMaps(cur.mm, readName).toString(),
    ioctl(cur, command, arg) {
      if (command !== PROCMAP_QUERY || !cur.mm.system.profile.proc.procmapQuery) return -ENOTTY;
      if (typeof arg !== 'object' || arg === null) return -EFAULT;
      return doProcmapQuery(cur, cur.mm, arg as ProcmapQuery, readName);
    },
  };
}
