/**
 * Ports: security, audit, perf, uprobes, and the counters of the machine's RAM.
 *
 * Each has a default (no module loaded, no listener).
 */
import { CAP_SYS_ADMIN, CAP_SYS_RAWIO, EPERM } from '@vmarea/uapi';
import { hasCapability } from '../base/credentials.ts';
import type { Caller } from '../space/caller.ts';
import type { Vma } from '../areas/vma.ts';
import type { VmFile } from './file.ts';
import type { Addr } from '../base/units.ts';

/** Linux security module hooks that mmap calls. Each returns 0 or a negative errno. */
export interface SecurityHooks {
  /** security_mmap_file, called before the mmap lock is taken. */
  mmapFile(cur: Caller, file: VmFile | null, prot: number, flags: number): number;
  /** security_mmap_addr, called after an address was chosen. */
  mmapAddr(cur: Caller, addr: Addr): number;
  /** security_file_mprotect. */
  fileMprotect(cur: Caller, vma: Vma, reqprot: number, prot: number): number;
  /** The check of security_vm_enough_memory_mm: returns whether the caller may use the administrators' reserve. */
  capSysAdmin(cur: Caller): boolean;
  /** capable(). */
  capable(cur: Caller, cap: number): boolean;
}

/** The hooks of a kernel without a module: capabilities only. */
export const CAPABILITY_SECURITY: SecurityHooks = {
  mmapFile: () => 0,
  mmapAddr(cur, addr) {
    if (addr < cur.mm.system.sysctl.mmapMinAddr && !hasCapability(cur.cred, CAP_SYS_RAWIO)) return -EPERM;
    return 0;
  },
  fileMprotect: () => 0,
  capSysAdmin: (cur) => hasCapability(cur.cred, CAP_SYS_ADMIN),
  capable: (cur, cap) => hasCapability(cur.cred, cap),
};

/** The audit subsystem: audit_mmap_fd. */
export interface Audit {
  mmapFd(cur: Caller, fd: number, flags: number): void;
}

/** perf: records of mmap events. */
export interface PerfEvents {
  /** perf_event_mmap: receives the whole (perhaps merged) VMA. */
  mmap(vma: Vma): void;
}

/** uprobes. */
export interface Uprobes {
  /** uprobe_mmap: returns 0 or a negative errno, which is ignored, as in the kernel. */
  mmap(vma: Vma): number;
  munmap(vma: Vma, start: Addr, end: Addr): void;
}

/** The counters of RAM that __vm_enough_memory reads, in pages. */
export interface RamCounters {
  /** totalram_pages. */
  totalPages(): number;
  /** Free and reclaimable pages less totalreserve_pages, for the guess of 4.4; may be negative. */
  guessFreePages(): number;
  /** total_swap_pages. */
  swapPages(): number;
}
