/**
 * For each decision of every package the system calls that lead to it. What no program can bring about is brought about by
 * fault injection, by a driver that misbehaves, or by asking the function that a driver would ask.
 */
import type { HugetlbfsSbInfo } from '@vmarea/hugetlbfs';
import { doProcmapQuery, doSyscall, procmapQuery } from '@vmarea/kernel';
import {
  HUGETLB_SHMFS_INODE,
  expandStack,
  installSpecialMapping,
  vmBrk,
  vmMmapPgoff,
  whyNotMerged,
  VM_MAYREAD,
  VM_NORESERVE,
  VM_READ,
} from '@vmarea/mm-core';
import { ACCESS_READ, accessProcessVm, accessTagged, takeTagFault } from '@vmarea/mm-core/memory';
import type { Shmem } from '@vmarea/shmem';
import {
  EACCES,
  EINVAL,
  F_ADD_SEALS,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_WRITE,
  LINUX_6_12,
  MADV_COLD,
  MADV_COLLAPSE,
  MADV_DODUMP,
  MADV_DOFORK,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_HWPOISON,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_REMOVE,
  MADV_WILLNEED,
  MADV_WIPEONFORK,
  MAP_ANONYMOUS,
  MAP_DENYWRITE,
  MAP_DROPPABLE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_SYNC,
  MFD_ALLOW_SEALING,
  MPOL_BIND,
  MPOL_MF_MOVE_ALL,
  MFD_HUGETLB,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  MSM_4_4,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  PROT_BTI,
  PROT_EXEC,
  PROT_GROWSDOWN,
  PROT_GROWSUP,
  PROT_MTE,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  PR_MDWE_NO_INHERIT,
  PR_MDWE_REFUSE_EXEC_GAIN,
  PR_MTE_TCF_ASYNC,
  PR_MTE_TCF_SYNC,
  PR_SET_MDWE,
  PR_SET_MM,
  PR_SET_TAGGED_ADDR_CTRL,
  PR_SET_VMA,
  RLIMIT_AS,
  RLIMIT_DATA,
  RLIMIT_MEMLOCK,
  syscallNumber,
} from '@vmarea/uapi';
import { SHM_CASES } from './shm-decisions.ts';
import { TASK_CASES } from './decision-cases-tasks.ts';
import { ANON, type Machine, RW, type BootOptions } from './machine.ts';
import { userfaultCases } from './uffd-cases.ts';

/** What a case ends with: a result or negative errno, or the name of a signal. */
export type Ending = number | string;

/** One case. */
export interface DecisionCase {
  readonly boot?: BootOptions;
  readonly run: (m: Machine) => Ending;
  /** What it ends with, when it is not the catalogue's errno. */
  readonly gives?: Ending;
  /** Another decision is the last one: this one led to it. */
  readonly inner?: boolean;
}

export const AT = 0x40000000;
export const P = 4096;
const HUGE = 2 ** 21;
const GIB = 2 ** 30;
const v4: BootOptions = { profile: MSM_4_4 };
const v612: BootOptions = { profile: LINUX_6_12 };
const numa: BootOptions = { config: { numa: true } };

function file(m: Machine, path: string, size: number, flags: number = O_RDWR): number {
  const { sys } = m.task;
  const fd = sys.open(path, O_RDWR | O_CREAT, 0o777);
  sys.ftruncate(fd, size);
  if (flags === O_RDWR) return fd;
  sys.close(fd);
  return sys.open(path, flags);
}

function mmapFile(m: Machine, path: string, prot: number, flags: number, openFlags: number = O_RDWR): number {
  return m.call('mmap', 0, P, prot, flags, file(m, path, 65536, openFlags), 0);
}

function device(m: Machine, name: string, flags: number = MAP_PRIVATE, addr: number = AT, off: number = 0): number {
  const fd = m.task.sys.open(`/drv/${name}`, O_RDWR);
  return m.call('mmap', addr, P, RW, flags | MAP_FIXED, fd, off);
}

/** Maps a device twice, side by side, through one descriptor. */
function twice(m: Machine, name: string): Ending {
  const fd = m.task.sys.open(`/drv/${name}`, O_RDWR);
  m.call('mmap', AT, P, RW, MAP_PRIVATE | MAP_FIXED, fd, 0);
  m.call('mmap', AT + P, P, RW, MAP_PRIVATE | MAP_FIXED, fd, P);
  return 0;
}

const DROPPABLE: number = MAP_DROPPABLE | MAP_ANONYMOUS;

/** A sealed page: its address. */
function sealed(m: Machine, prot: number = RW): number {
  m.call('mmap', AT, P, prot, ANON | MAP_FIXED, -1, 0);
  m.call('mseal', AT, P, 0);
  return AT;
}

function withoutRights(m: Machine): void {
  m.task.cur.cred.capLow = 0;
  m.task.cur.cred.capHigh = 0;
}

function memlock(m: Machine, bytes: number): void {
  withoutRights(m);
  m.task.limits.assign(RLIMIT_MEMLOCK, bytes, Infinity);
}

/** The signal of an access, or 0. */
function load(m: Machine, addr: number): Ending {
  const memory = m.memory();
  return memory.load8(addr) < 0 ? memory.signal : 0;
}

function adviseProcess(m: Machine, pid: number, advice: number, flags: number): Ending {
  return m.task.sys.processMadvise(pid, [{ addr: m.anon(AT, P), len: P }], advice, flags);
}

/** Memory with a protection key that denies access. */
function keyed(m: Machine): number {
  m.call('pkeyMprotect', m.anon(AT, P), P, RW, m.call('pkeyAlloc', 0, 1));
  return AT;
}

/** The signal of a load from memory with tag 0 through a pointer with another one. */
function loadTagged(m: Machine, tag: number): Ending {
  m.anon(AT, P, RW | PROT_MTE);
  return accessTagged(m.task.cur, AT, tag, ACCESS_READ) < 0 ? m.task.cur.call.refused.signal : 0;
}

function store(m: Machine, addr: number): Ending {
  const memory = m.memory();
  return memory.store8(addr, 1) < 0 ? memory.signal : 0;
}

function fetch(m: Machine, addr: number): Ending {
  const memory = m.memory();
  return memory.fetch32(addr) < 0 ? memory.signal : 0;
}

/** Huge pages at a fixed place. */
function hugeAt(m: Machine, addr: number, pages: number = 1, more: number = 0): number {
  return m.call('mmap', addr, pages * HUGE, RW, ANON | MAP_FIXED | MAP_HUGETLB | more, -1, 0);
}

/** Repeats an attempt with each allocation failing in turn, until the decision is left. */
function exhaust(m: Machine, decision: () => number, attempt: (m: Machine) => Ending): Ending {
  const { system, task, kernel } = m;
  for (let n = 1; n < 200; n++) {
    for (const frames of [false, true]) {
      task.cur.call.reason = 0;
      if (frames) kernel.memory!.frames.failNth = n;
      else system.failCountdown = n;
      const ending = attempt(m);
      kernel.memory!.frames.failNth = 0;
      system.failCountdown = 0;
      if (task.cur.call.reason === decision()) return ending;
    }
  }
  return 0;
}

const merge = (run: (m: Machine) => unknown, boot?: BootOptions): DecisionCase => ({
  ...(boot === undefined ? {} : { boot }),
  run: (m) => (run(m), 0),
  gives: 0,
  inner: true,
});

function stackAt(m: Machine, addr: number): void {
  m.anon(addr, P, RW, MAP_GROWSDOWN);
}

/** The cases by id. `number` tells the decision's number, for the search by fault injection. */
export function decisionCases(number: (id: string) => number): Record<string, DecisionCase> {
  const injected = (id: string, attempt: (m: Machine) => Ending, more: Partial<DecisionCase> = {}): DecisionCase => ({
    run: (m) => exhaust(m, () => number(id), attempt),
    ...more,
  });
  return {
    ...userfaultCases(injected),
    // --- the system calls themselves
    'sys_mmap.offset_unaligned': { run: (m) => m.call('mmap', 0, P, RW, ANON, -1, 1) },
    'sys_mmap.bad_descriptor': { run: (m) => m.call('mmap', 0, P, RW, MAP_PRIVATE, 99, 0) },
    'sys_mmap.no_huge_file': { run: (m) => mmapFile(m, '/ram/a', RW, MAP_PRIVATE | MAP_HUGETLB) },
    'sys_mmap.no_huge_pages': {
      boot: { withoutHugePages: true },
      run: (m) => m.call('mmap', 0, P, RW, ANON | MAP_HUGETLB, -1, 0),
    },
    'sys_mmap.no_huge_size': { run: (m) => m.call('mmap', 0, P, RW, ANON | MAP_HUGETLB | (13 << 26), -1, 0) },
    'mlock2.bad_flags': { run: (m) => m.call('mlock2', m.anon(AT, P), P, 2) },
    'mseal.unknown_call': { run: (m) => m.call('mseal', m.anon(AT, P), P, 0) },
    'prctl.unused_arguments': { boot: v612, run: (m) => m.call('prctl', PR_SET_MDWE, 1, 1, 0, null) },
    'prctl_set_mm.not_modelled': { run: (m) => m.call('prctl', PR_SET_MM, 14, AT, 0, null) },
    'prctl_set_mm.address': { run: (m) => m.call('prctl', PR_SET_MM, 7, P, 0, null) },
    'prctl_set_mm.privilege': { run: (m) => (withoutRights(m), m.call('prctl', PR_SET_MM, 7, AT, 0, null)) },
    'prctl_set_mm.order': { run: (m) => m.call('prctl', PR_SET_MM, 4, AT, 0, null) },
    'prctl_set_mm.no_vma': {
      run: (m) => {
        const { mm } = m.task;
        mm.endCode = 1;
        m.call('munmap', mm.taskSize - GIB, GIB);
        return m.call('prctl', PR_SET_MM, 5, mm.taskSize - P, 0, null);
      },
    },
    'pkey.alloc_arguments': { run: (m) => m.call('pkeyAlloc', 1, 0) },
    'pkey.none_free': { run: (m) => m.call('pkeyAlloc', 0, 0) },
    'pkey.not_allocated': { run: (m) => m.call('pkeyFree', 3) },
    'mempolicy.no_numa': { run: (m) => m.call('setMempolicy', 0, null) },
    'mempolicy.mode': { boot: numa, run: (m) => m.call('setMempolicy', 99, 1) },
    'mempolicy.nodes': { boot: numa, run: (m) => m.call('mbind', m.anon(AT, P), P, MPOL_BIND, 2, 0) },
    'mbind.flags': { boot: numa, run: (m) => m.call('mbind', m.anon(AT, P), P, MPOL_BIND, 1, 8) },
    'mbind.move_all': {
      boot: numa,
      run: (m) => (withoutRights(m), m.call('mbind', m.anon(AT, P), P, MPOL_BIND, 1, MPOL_MF_MOVE_ALL)),
    },
    'mbind.range': { boot: numa, run: (m) => m.call('mbind', m.anon(AT, P) + 1, P, MPOL_BIND, 1, 0) },
    'mbind.hole': { boot: numa, run: (m) => m.call('mbind', m.anon(AT, P), 2 * P, MPOL_BIND, 1, 0) },
    'process_madvise.unknown_call': { boot: v4, run: (m) => adviseProcess(m, m.task.pid, MADV_COLD, 0) },
    'process_madvise.flags': { run: (m) => adviseProcess(m, m.task.pid, MADV_COLD, 1) },
    'process_madvise.advice': { run: (m) => adviseProcess(m, m.task.pid, MADV_DONTNEED, 0) },
    'process_madvise.privilege': {
      run: (m) => (withoutRights(m), adviseProcess(m, m.task.pid, MADV_COLD, 0)),
    },
    'process_madvise.no_task': { run: (m) => adviseProcess(m, 999, MADV_COLD, 0) },
    'process_madvise.no_pidfd': { run: (m) => doSyscall(m.task, syscallNumber('process_madvise')!, [3, AT, 1, 20, 0]) },
    'procmap_query.flags': {
      run: (m) => doProcmapQuery(m.task.cur, m.task.mm, procmapQuery(m.anon(AT, P), 0x40), null),
    },
    'procmap_query.none': { run: (m) => doProcmapQuery(m.task.cur, m.task.mm, procmapQuery(AT), null) },
    'prctl.tagged_addr_bits': { run: (m) => m.call('prctl', PR_SET_TAGGED_ADDR_CTRL, PR_MTE_TCF_SYNC, 0, 0, null) },
    ...TASK_CASES,
    'prctl.unknown_option': { run: (m) => m.call('prctl', 1, 0, 0, 0, null) },

    // --- do_mmap
    'do_mmap.zero_len': { run: (m) => m.call('mmap', 0, 0, RW, ANON, -1, 0) },
    'do_mmap.len_wraps': { run: (m) => m.call('mmap', 0, -1, RW, ANON, -1, 0) },
    'do_mmap.pgoff_overflow': { boot: v4, run: (m) => m.call('mmap', 0, P, RW, ANON, -1, -P) },
    'do_mmap.max_map_count': {
      boot: { sysctl: { maxMapCount: 1 } },
      run: (m) => (m.anon(AT, P), m.call('mmap', 0, P, RW, ANON, -1, 0)),
    },
    'do_mmap.noreplace': { run: (m) => (m.anon(AT, P), m.call('mmap', AT, P, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0)) },
    'do_mmap.cannot_mlock': { run: (m) => (memlock(m, 0), m.call('mmap', 0, P, RW, ANON | MAP_LOCKED, -1, 0)) },
    'mlock_future_check.limit': { run: (m) => (memlock(m, P), m.call('mmap', 0, 2 * P, RW, ANON | MAP_LOCKED, -1, 0)) },
    'do_mmap.file_offset': {
      run: (m) => m.call('mmap', 0, P, RW, MAP_PRIVATE, file(m, '/ram/a', P), 2n ** 63n - 4096n),
    },
    'do_mmap.unknown_flag': { run: (m) => mmapFile(m, '/ram/a', RW, MAP_SHARED_VALIDATE | MAP_SYNC) },
    'do_mmap.shared_write_needs_fmode_write': { run: (m) => mmapFile(m, '/ram/a', RW, MAP_SHARED, O_RDONLY) },
    'do_mmap.shared_append_only': {
      run: (m) => {
        const fd = file(m, '/tmp/a', P);
        m.call('ioctl', fd, 0x40086602, 0x20);
        m.task.cur.files.fget(fd)!.fInode.iFlags |= 4;
        return m.call('mmap', 0, P, PROT_READ, MAP_SHARED, fd, 0);
      },
    },
    'do_mmap.mandatory_lock': {
      boot: v4,
      run: (m) => {
        const fd = m.task.sys.open('/tmp/a', O_RDWR | O_CREAT, 0o2666);
        m.task.sys.ftruncate(fd, P);
        const other = m.kernel.spawn();
        other.sys.fcntl(other.sys.open('/tmp/a', O_RDWR), 6, { type: 1, whence: 0, start: 0, len: 0, pid: 0 });
        return m.call('mmap', 0, P, PROT_READ, MAP_SHARED, fd, 0);
      },
    },
    'do_mmap.bad_type': { run: (m) => m.call('mmap', 0, P, RW, MAP_ANONYMOUS, -1, 0) },
    'do_mmap.needs_fmode_read': { run: (m) => mmapFile(m, '/ram/a', PROT_WRITE, MAP_PRIVATE, O_WRONLY) },
    'do_mmap.noexec': { run: (m) => mmapFile(m, '/ram-noexec/a', PROT_EXEC, MAP_PRIVATE) },
    'do_mmap.no_mmap_operation': {
      run: (m) => m.call('mmap', 0, P, PROT_READ, MAP_PRIVATE, m.task.sys.open('/ram', O_RDONLY), 0),
    },
    'do_mmap.file_growsdown': { run: (m) => mmapFile(m, '/ram/a', RW, MAP_PRIVATE | MAP_GROWSDOWN) },
    'do_mmap.shared_growsdown': {
      run: (m) => m.call('mmap', 0, P, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0),
    },
    'security_mmap_file.refused': {
      boot: { security: { mmapFile: () => -EACCES } },
      run: (m) => m.call('mmap', 0, P, RW, ANON, -1, 0),
    },
    'security_mmap_addr.refused': { run: (m) => (withoutRights(m), m.call('mmap', 0, P, RW, ANON | MAP_FIXED, -1, 0)) },
    'get_unmapped_area.len_over_task_size': { run: (m) => m.call('mmap', 0, 2 ** 50, PROT_NONE, ANON, -1, 0) },
    'get_unmapped_area.len_over_room': {
      run: (m) => m.call('mmap', 0, m.task.mm.taskSize - P, PROT_NONE, ANON, -1, 0),
    },
    'get_unmapped_area.no_gap': {
      run: (m) => {
        const half = m.task.mm.taskSize / 2;
        m.call('mmap', 0, half, PROT_NONE, ANON, -1, 0);
        return m.call('mmap', 0, half, PROT_NONE, ANON, -1, 0);
      },
    },
    'get_unmapped_area.beyond_task_size': {
      run: (m) => m.call('mmap', m.task.mm.taskSize - P, 2 * P, PROT_NONE, ANON | MAP_FIXED, -1, 0),
    },
    'get_unmapped_area.unaligned': { run: (m) => m.call('mmap', AT + 1, P, RW, ANON | MAP_FIXED, -1, 0) },
    'get_unmapped_area.owner_refused': { run: (m) => hugeAt(m, AT + P) },
    'get_unmapped_area.error_value': { run: (m) => m.call('mmap', -1, P, RW, ANON | MAP_FIXED, -1, 0) },

    // --- mmap_region
    'may_expand_vm.rlimit_as': {
      boot: { limits: (table) => table.assign(RLIMIT_AS, 2 ** 20, Infinity) },
      run: (m) => m.call('mmap', 0, 2 ** 20, PROT_NONE, ANON, -1, 0),
    },
    'may_expand_vm.rlimit_data': {
      run: (m) => (m.task.limits.assign(RLIMIT_DATA, P, Infinity), m.call('mmap', 0, 2 * P, RW, ANON, -1, 0)),
    },
    'mmap_region.clear_old_maps': {
      run: (m) => {
        m.anon(AT, 3 * P);
        m.system.sysctl.maxMapCount = m.task.mm.mapCount;
        return m.call('mmap', AT + P, P, PROT_READ, ANON | MAP_FIXED, -1, 0);
      },
    },
    'vm_enough_memory.guess': { run: (m) => m.call('mmap', 0, 2 * GIB, RW, ANON, -1, 0) },
    'vm_enough_memory.never': {
      boot: { sysctl: { overcommitMemory: 2, overcommitRatio: 1 } },
      run: (m) => m.call('mmap', 0, GIB, RW, ANON, -1, 0),
    },
    'kmem_cache.no_vma': { run: (m) => ((m.system.failCountdown = 1), m.call('mmap', 0, P, RW, ANON, -1, 0)) },
    'anon_vma.no_memory': injected('anon_vma.no_memory', (m) => {
      if (m.task.mm.tree.find(AT)?.vmStart !== AT) m.anon(AT, P);
      m.memory().store8(AT, 1);
      const child = m.task.sys.fork();
      if (typeof child === 'number') return child;
      child.sys.exit();
      return 0;
    }),
    // MAP_DENYWRITE is for the kernel's own callers: this is how exec asks.
    'mmap_region.deny_write': {
      boot: v4,
      run: (m) => {
        const opened = m.task.cur.files.fget(file(m, '/ram/prog', 65536))!;
        return vmMmapPgoff(m.task.cur, opened, AT, P, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_DENYWRITE, 0);
      },
    },
    'mmap_region.sealed': {
      run: (m) => {
        const fd = m.task.sys.memfdCreate('a', MFD_ALLOW_SEALING);
        m.task.sys.ftruncate(fd, P);
        m.task.sys.fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE);
        return m.call('mmap', 0, P, RW, MAP_SHARED, fd, 0);
      },
      boot: v4,
    },
    'mmap_region.tags': {
      boot: { config: { cpuMte: true } },
      run: (m) => m.call('mmap', 0, P, RW | PROT_MTE, MAP_PRIVATE, file(m, '/ram/a', P), 0),
    },
    'mmap_region.driver_refused': { run: (m) => device(m, 'refuse'), gives: -71 },
    'mmap_region.moved': { run: (m) => device(m, 'move') },
    'mmap_region.shared_memory': {
      boot: { sysctl: { overcommitMemory: 2, overcommitRatio: 1 } },
      run: (m) => m.call('mmap', 0, GIB, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
    },
    'mmap_region.no_shared_memory': {
      boot: { withoutSharedMemory: true },
      run: (m) => m.call('mmap', 0, P, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
    },

    // --- munmap and splits
    'do_munmap.unaligned': { run: (m) => m.call('munmap', AT + 1, P) },
    'do_munmap.beyond_task_size': { run: (m) => m.call('munmap', m.task.mm.taskSize, P) },
    'do_munmap.zero_len': { run: (m) => m.call('munmap', AT, 0) },
    'do_munmap.max_map_count': {
      run: (m) => {
        m.anon(AT, 3 * P);
        m.system.sysctl.maxMapCount = m.task.mm.mapCount;
        return m.call('munmap', AT + P, P);
      },
    },
    'split_vma.huge_unaligned': { boot: v4, run: (m) => (hugeAt(m, AT), m.call('munmap', AT, P)) },
    'split_vma.refused': {
      run: (m) => {
        installSpecialMapping(m.task.cur, AT, 2 * P, VM_READ | VM_MAYREAD, { name: '[test]', fault: null });
        return m.call('munmap', AT, P);
      },
    },
    'split_vma.max_map_count': {
      run: (m) => {
        m.anon(AT, 3 * P);
        m.system.sysctl.maxMapCount = m.task.mm.mapCount;
        return m.call('mprotect', AT + P, P, PROT_READ);
      },
    },

    // --- mprotect
    'mprotect.grows_both': { run: (m) => m.call('mprotect', AT, P, PROT_GROWSDOWN | PROT_GROWSUP) },
    'mprotect.unaligned': { run: (m) => m.call('mprotect', AT + 1, P, PROT_READ) },
    'mprotect.wraps': { run: (m) => m.call('mprotect', AT, -AT, PROT_READ) },
    'mprotect.bad_prot': { run: (m) => m.call('mprotect', m.anon(AT, P), P, PROT_BTI) },
    'mprotect.tags': {
      boot: { config: { cpuMte: true } },
      run: (m) => m.call('mprotect', mmapFile(m, '/ram/a', RW, MAP_SHARED), P, RW | PROT_MTE),
    },
    'mprotect.not_mapped': { run: (m) => m.call('mprotect', AT, P, PROT_READ) },
    'mprotect.hole': { run: (m) => m.call('mprotect', m.anon(AT, P), 2 * P, PROT_READ) },
    'mprotect.not_growsdown': { run: (m) => m.call('mprotect', m.anon(AT, P), P, PROT_READ | PROT_GROWSDOWN) },
    'mprotect.not_growsup': { run: (m) => m.call('mprotect', m.anon(AT, P), P, PROT_READ | PROT_GROWSUP) },
    'mprotect.may_bits': {
      run: (m) => m.call('mprotect', mmapFile(m, '/ram/a', PROT_READ, MAP_SHARED, O_RDONLY), P, RW),
    },
    'mprotect.data_limit': {
      run: (m) => {
        m.anon(AT, P, PROT_READ);
        m.task.limits.assign(RLIMIT_DATA, 1, Infinity);
        return m.call('mprotect', AT, P, RW);
      },
    },
    'security_file_mprotect.refused': {
      boot: { security: { fileMprotect: () => -EACCES } },
      run: (m) => m.call('mprotect', m.anon(AT, P), P, PROT_READ),
    },

    // --- mremap
    'mseal.flags': { boot: v612, run: (m) => m.call('mseal', m.anon(AT, P), P, 1) },
    'mseal.unaligned': { boot: v612, run: (m) => m.call('mseal', m.anon(AT, P) + 1, P, 0) },
    'mseal.wraps': { boot: v612, run: (m) => m.call('mseal', m.anon(AT, P), 2n ** 64n - 1n, 0) },
    'mseal.hole': { boot: v612, run: (m) => m.call('mseal', m.anon(AT, P), 2 * P, 0) },
    'munmap.sealed': { boot: v612, run: (m) => m.call('munmap', sealed(m), P) },
    'mremap.sealed': { boot: v612, run: (m) => m.call('mremap', sealed(m), P, 2 * P, MREMAP_MAYMOVE) },
    'mprotect.sealed': { boot: v612, run: (m) => m.call('mprotect', sealed(m), P, PROT_READ) },
    'madvise.sealed': { boot: v612, run: (m) => m.call('madvise', sealed(m, PROT_READ), P, MADV_DONTNEED) },
    'madvise.droppable': {
      boot: v612,
      run: (m) => m.call('madvise', m.call('mmap', AT, P, RW, DROPPABLE, -1, 0), P, MADV_DODUMP),
    },
    'do_mmap.droppable': { boot: v612, run: (m) => m.call('mmap', AT, P, RW, DROPPABLE | MAP_LOCKED, -1, 0) },
    'mmap_region.mdwe': {
      boot: v612,
      run: (m) => {
        m.call('prctl', PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, null);
        return m.call('mmap', 0, P, RW | PROT_EXEC, ANON, -1, 0);
      },
    },
    'mprotect.mdwe': {
      boot: v612,
      run: (m) => {
        m.call('prctl', PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, null);
        return m.call('mprotect', m.anon(AT, P), P, PROT_READ | PROT_EXEC);
      },
    },
    'prctl_set_mdwe.bits': { boot: v612, run: (m) => m.call('prctl', PR_SET_MDWE, PR_MDWE_NO_INHERIT, 0, 0, null) },
    'prctl_set_mdwe.is_set': {
      boot: v612,
      run: (m) => {
        m.call('prctl', PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, null);
        return m.call('prctl', PR_SET_MDWE, 0, 0, 0, null);
      },
    },
    'mremap.unknown_flag': {
      boot: v4,
      run: (m) => m.call('mremap', m.anon(AT, P), P, P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP),
    },
    'mremap.fixed_needs_maymove': { run: (m) => m.call('mremap', m.anon(AT, P), P, P, MREMAP_FIXED, AT + GIB) },
    'mremap.dontunmap_resizes': {
      run: (m) => m.call('mremap', m.anon(AT, P), P, 2 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP),
    },
    'mremap.unaligned': { run: (m) => m.call('mremap', AT + 1, P, P, MREMAP_MAYMOVE) },
    'mremap.zero_len': { run: (m) => m.call('mremap', m.anon(AT, P), P, 0, MREMAP_MAYMOVE) },
    'mremap.not_mapped': { run: (m) => m.call('mremap', AT, P, 2 * P, MREMAP_MAYMOVE) },
    'mremap.huge': { boot: v4, run: (m) => m.call('mremap', hugeAt(m, AT), HUGE, 2 * HUGE, MREMAP_MAYMOVE) },
    'mremap.huge_unaligned': { run: (m) => (hugeAt(m, AT), m.call('mremap', AT + P, HUGE, HUGE, MREMAP_MAYMOVE)) },
    'mremap.huge_grow': { run: (m) => m.call('mremap', hugeAt(m, AT), HUGE, 2 * HUGE, MREMAP_MAYMOVE) },
    'mremap.duplicate_private': { run: (m) => m.call('mremap', m.anon(AT, P), 0, P, MREMAP_MAYMOVE) },
    'mremap.dontunmap_special': {
      run: (m) => m.call('mremap', device(m, 'io', MAP_SHARED), P, P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP),
    },
    'mremap.crosses_vma': { run: (m) => m.call('mremap', m.anon(AT, P), 2 * P, 4 * P, MREMAP_MAYMOVE) },
    'mremap.special': { run: (m) => m.call('mremap', device(m, 'io', MAP_SHARED), P, 2 * P, MREMAP_MAYMOVE) },
    'mremap.new_unaligned': {
      run: (m) => m.call('mremap', m.anon(AT, P), P, P, MREMAP_MAYMOVE | MREMAP_FIXED, AT + GIB + 1),
    },
    'mremap.new_beyond_task_size': {
      run: (m) => m.call('mremap', m.anon(AT, P), P, P, MREMAP_MAYMOVE | MREMAP_FIXED, m.task.mm.taskSize),
    },
    'mremap.overlap': {
      run: (m) => m.call('mremap', m.anon(AT, 2 * P), 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, AT + P),
    },
    'mremap.max_map_count': {
      run: (m) => {
        m.anon(AT, P);
        m.system.sysctl.maxMapCount = m.task.mm.mapCount + 1;
        return m.call('mremap', AT, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, AT + GIB);
      },
    },
    'mremap.may_not_move': {
      run: (m) => (m.anon(AT, P), m.anon(AT + P, P, PROT_READ), m.call('mremap', AT, P, 2 * P, 0)),
    },
    'mremap.cannot_extend': injected('mremap.cannot_extend', (m) => {
      m.task.sys.munmap(AT, 3 * P);
      m.anon(AT + 2 * P, P);
      const keep = m.system.failCountdown;
      m.system.failCountdown = 0;
      m.memory().store8(AT + 2 * P, 1);
      m.anon(AT, P);
      m.system.failCountdown = keep;
      return m.call('mremap', AT, P, 2 * P, 0);
    }),
    'mremap.owner_refused': {
      run: (m) => m.call('mremap', device(m, 'nomove'), P, P, MREMAP_MAYMOVE | MREMAP_FIXED, AT + GIB),
    },
    'mremap.no_memory': injected('mremap.no_memory', (m) => {
      if (m.task.mm.tree.find(AT)?.vmStart !== AT) m.anon(AT, P);
      const keep = m.kernel.memory!.frames.failNth;
      m.kernel.memory!.frames.failNth = 0;
      m.memory().store8(AT, 1);
      m.kernel.memory!.frames.failNth = keep;
      return m.call('mremap', AT, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, AT + 64 * GIB);
    }),

    // --- brk: the refusal is the unchanged break
    'brk.no_heap': {
      run: (m) => ((m.task.mm.startBrk = m.task.mm.brk = 0), m.call('brk', 0x30000000)),
      gives: 0,
    },
    'brk.below_start': { run: (m) => m.call('brk', m.task.mm.startBrk - 1), gives: 0x30000000 },
    'brk.rlimit_data': {
      run: (m) => (m.task.limits.assign(RLIMIT_DATA, P, Infinity), m.call('brk', 0x30000000 + 2 * P)),
      gives: 0x30000000,
    },
    'brk.nothing_to_shrink': {
      run: (m) => {
        m.call('brk', 0x30000000 + 4 * P);
        m.call('munmap', 0x30000000, 4 * P);
        return m.call('brk', 0x30000000 + P);
      },
      gives: 0x30000000 + 4 * P,
    },
    'brk.no_room': {
      run: (m) => (m.anon(0x30000000 + 2 * P, P), m.call('brk', 0x30000000 + 2 * P)),
      gives: 0x30000000,
    },
    // What exec asks for the memory of a program without initial values.
    'brk.clear_old_maps': {
      run: (m) => {
        m.anon(AT, 3 * P);
        m.system.sysctl.maxMapCount = m.task.mm.mapCount;
        return vmBrk(m.task.cur, AT + P, P, 0);
      },
    },
    'brk.max_map_count': {
      run: (m) => {
        m.anon(AT, P);
        m.system.sysctl.maxMapCount = 1;
        return m.call('brk', 0x30000000 + P);
      },
      gives: 0x30000000,
    },

    // --- mlock
    'mlock.not_permitted': { run: (m) => (memlock(m, 0), m.call('mlock', m.anon(AT, P), P)) },
    'mlock.limit': { run: (m) => (memlock(m, P), m.call('mlock', m.anon(AT, 2 * P), 2 * P)) },
    'mlock.wraps': { run: (m) => m.call('mlock', m.anon(AT, P), -AT) },
    'mlock.not_mapped': { run: (m) => m.call('mlock', AT, P) },
    'mlock.hole': { run: (m) => m.call('mlock', m.anon(AT, P), 2 * P) },
    'mlock.cannot_populate': { run: (m) => m.call('mlock', m.anon(AT, P, PROT_NONE), P) },
    'mlock.out_of_memory': {
      run: (m) => {
        m.anon(AT, P);
        m.kernel.memory!.frames.failNth = 1;
        return m.call('mlock', AT, P);
      },
    },
    'mlockall.bad_flags': { run: (m) => m.call('mlockall', 64) },

    // --- madvise
    'madvise.unknown_advice': { run: (m) => m.call('madvise', AT, P, 999) },
    'madvise.unaligned': { run: (m) => m.call('madvise', AT + 1, P, MADV_DONTNEED) },
    'madvise.wraps': { run: (m) => m.call('madvise', AT, -1, MADV_DONTNEED) },
    'madvise.hole': { run: (m) => m.call('madvise', m.anon(AT, P), 2 * P, MADV_DONTNEED) },
    'madvise.dofork_io': { run: (m) => m.call('madvise', device(m, 'io', MAP_SHARED), P, MADV_DOFORK) },
    'madvise.wipeonfork_file': {
      run: (m) => m.call('madvise', mmapFile(m, '/ram/a', PROT_READ, MAP_PRIVATE), P, MADV_WIPEONFORK),
    },
    'madvise.dodump_special': { run: (m) => m.call('madvise', device(m, 'io', MAP_SHARED), P, MADV_DODUMP) },
    'madvise.huge': { boot: v4, run: (m) => m.call('madvise', hugeAt(m, AT), HUGE, MADV_DONTNEED) },
    'madvise.huge_unaligned': { run: (m) => (hugeAt(m, AT), m.call('madvise', AT + P, P, MADV_DONTNEED)) },
    'madvise.inject_not_permitted': {
      boot: { config: { memoryFailure: true } },
      run: (m) => (withoutRights(m), m.call('madvise', m.anon(AT, P), P, MADV_HWPOISON)),
    },
    'madvise.inject_unsupported': {
      boot: { config: { memoryFailure: true } },
      run: (m) => m.call('madvise', m.anon(AT, P), P, MADV_HWPOISON),
    },
    'madvise.locked': {
      run: (m) => (m.anon(AT, P), m.call('mlock', AT, P), m.call('madvise', AT, P, MADV_DONTNEED)),
    },
    'madvise.free_file': {
      run: (m) => m.call('madvise', mmapFile(m, '/ram/a', PROT_READ, MAP_PRIVATE), P, MADV_FREE),
    },
    'madvise.remove_locked': {
      run: (m) => {
        const at = mmapFile(m, '/tmp/a', RW, MAP_SHARED);
        m.call('mlock', at, P);
        return m.call('madvise', at, P, MADV_REMOVE);
      },
    },
    'madvise.remove_no_file': { run: (m) => m.call('madvise', m.anon(AT, P), P, MADV_REMOVE) },
    'madvise.remove_not_writable': {
      run: (m) => m.call('madvise', mmapFile(m, '/tmp/a', PROT_READ, MAP_PRIVATE), P, MADV_REMOVE),
    },
    'madvise.remove_unsupported': {
      run: (m) => m.call('madvise', mmapFile(m, '/ram/a', RW, MAP_SHARED), P, MADV_REMOVE),
    },
    'madvise.willneed_anon': {
      boot: { config: { swap: false } },
      run: (m) => m.call('madvise', m.anon(AT, P), P, MADV_WILLNEED),
    },
    'madvise.collapse': {
      boot: { config: { thp: true } },
      run: (m) => m.call('madvise', m.anon(AT, P), P, MADV_COLLAPSE),
    },

    // --- msync, mincore, remap_file_pages, prctl
    'msync.bad_flags': { run: (m) => m.call('msync', AT, P, 64) },
    'msync.unaligned': { run: (m) => m.call('msync', AT + 1, P, MS_SYNC) },
    'msync.both_modes': { run: (m) => m.call('msync', AT, P, MS_SYNC | MS_ASYNC) },
    'msync.wraps': { run: (m) => m.call('msync', AT, -AT, MS_SYNC) },
    'msync.hole': { run: (m) => m.call('msync', m.anon(AT, P), 2 * P, MS_SYNC) },
    'msync.locked': { run: (m) => (m.anon(AT, P), m.call('mlock', AT, P), m.call('msync', AT, P, MS_INVALIDATE)) },
    'mincore.unaligned': { run: (m) => m.call('mincore', AT + 1, P, new Uint8Array(1)) },
    'mincore.beyond_task_size': { run: (m) => m.call('mincore', m.task.mm.taskSize, P, new Uint8Array(1)) },
    'mincore.vec_short': { run: (m) => m.call('mincore', m.anon(AT, 2 * P), 2 * P, new Uint8Array(1)) },
    'mincore.hole': { run: (m) => m.call('mincore', AT, P, new Uint8Array(1)) },
    'remap_file_pages.prot': { run: (m) => m.call('remapFilePages', AT, P, PROT_READ, 0, 0) },
    'remap_file_pages.wraps': { run: (m) => m.call('remapFilePages', AT, 0, 0, 0, 0) },
    'remap_file_pages.not_shared': { run: (m) => m.call('remapFilePages', m.anon(AT, P), P, 0, 0, 0) },
    'remap_file_pages.range': {
      run: (m) => m.call('remapFilePages', mmapFile(m, '/ram/a', RW, MAP_SHARED), 4 * P, 0, 0, 0),
    },
    'prctl_set_vma.unaligned': { run: (m) => m.call('prctl', PR_SET_VMA, 0, AT + 1, P, 'name') },
    'prctl_set_vma.wraps': { run: (m) => m.call('prctl', PR_SET_VMA, 0, AT, -1, 'name') },
    'prctl_set_vma.file': {
      run: (m) => m.call('prctl', PR_SET_VMA, 0, mmapFile(m, '/ram/a', PROT_READ, MAP_PRIVATE), P, 'name'),
    },

    // --- stacks: an access below one ends in SIGSEGV
    'expand_stack.not_growsdown': { run: (m) => (m.anon(AT, P), expandStack(m.task.cur, m.vma(AT), AT - P)) },
    'expand_stack.gap_at_zero': { boot: v4, run: (m) => (stackAt(m, 0x100000), load(m, 0x80000)), gives: 'SIGSEGV' },
    'expand_stack.below_min_addr': {
      boot: { sysctl: { mmapMinAddr: 0x80000 } },
      run: (m) => (stackAt(m, 0x100000), load(m, 0x70000)),
      gives: 'SIGSEGV',
    },
    'expand_stack.guard_gap': {
      run: (m) => (
        m.anon(AT, P),
        stackAt(m, AT + 4 * GIB),
        m.anon(AT + 4 * GIB - 300 * P, P),
        load(m, AT + 4 * GIB - 200 * P)
      ),
      gives: 'SIGSEGV',
    },
    'expand_stack.pgoff': {
      run: (m) => {
        stackAt(m, 0x100000);
        store(m, 0x100000);
        m.call('mremap', 0x100000, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, AT);
        return load(m, AT - 0x101 * P);
      },
      gives: 'SIGSEGV',
    },
    'expand_stack.rlimit_stack': { run: (m) => (stackAt(m, AT), load(m, AT - 16 * 2 ** 20)), gives: 'SIGSEGV' },
    'expand_stack.rlimit_memlock': {
      run: (m) => {
        stackAt(m, AT);
        m.call('mlock', AT, P);
        memlock(m, P);
        return load(m, AT - P);
      },
      gives: 'SIGSEGV',
    },
    'fork.no_memory': injected('fork.no_memory', (m) => {
      const child = m.task.sys.fork();
      if (typeof child === 'number') return child;
      child.sys.exit();
      return 0;
    }),
    'insert_vm_struct.overlap': {
      run: (m) => {
        m.anon(AT, P);
        const made = installSpecialMapping(m.task.cur, AT, P, VM_READ | VM_MAYREAD, { name: '[test]', fault: null });
        return typeof made === 'number' ? made : 0;
      },
    },

    // --- neighbours that stay apart
    'vma_merge.not_adjacent': {
      run: (m) => {
        m.anon(AT, P);
        m.anon(AT + 2 * P, P);
        m.task.cur.call.reason = whyNotMerged(m.vma(AT), m.vma(AT + 2 * P));
        return 0;
      },
      gives: 0,
    },
    'vma_merge.special': merge((m) => twice(m, 'io')),
    'vma_merge.flags': merge((m) => (m.anon(AT, P), m.anon(AT + P, P, PROT_READ))),
    'vma_merge.file': merge((m) => {
      const one = file(m, '/ram/a', 2 * P);
      const two = m.task.sys.open('/ram/a', O_RDWR);
      m.call('mmap', AT, P, RW, MAP_PRIVATE | MAP_FIXED, one, 0);
      m.call('mmap', AT + P, P, RW, MAP_PRIVATE | MAP_FIXED, two, P);
    }),
    'vma_merge.close_op': merge((m) => twice(m, 'close')),
    'vma_merge.userfault': merge((m) => twice(m, 'watched')),
    'vma_merge.anon_name': merge((m) => {
      m.anon(AT, P);
      m.call('prctl', PR_SET_VMA, 0, AT, P, 'name');
      m.anon(AT + P, P);
    }),
    'vma_merge.policy': merge((m) => twice(m, 'policy')),
    'vma_merge.anon_vma': merge((m) => {
      m.anon(AT, P);
      m.anon(AT + 2 * P, P);
      store(m, AT);
      store(m, AT + 2 * P);
      m.anon(AT + P, P);
    }, v4),
    'vma_merge.pgoff': merge((m) => {
      const fd = file(m, '/ram/a', 8 * P);
      m.call('mmap', AT, P, RW, MAP_PRIVATE | MAP_FIXED, fd, 0);
      m.call('mmap', AT + P, P, RW, MAP_PRIVATE | MAP_FIXED, fd, 4 * P);
    }),

    // --- faults
    'fault.no_vma': { run: (m) => (m.anon(AT + P, P), load(m, AT)) },
    'fault.above_task_size': { run: (m) => load(m, m.task.mm.taskSize) },
    'fault.not_canonical': { boot: { canonicalEnd: 2 ** 48 }, run: (m) => load(m, 2 ** 48) },
    'fault.tag_mismatch': {
      boot: { config: { cpuMte: true } },
      run: (m) => (m.call('prctl', PR_SET_TAGGED_ADDR_CTRL, PR_MTE_TCF_SYNC, 0, 0, null), loadTagged(m, 3)),
    },
    'fault.tag_mismatch_later': {
      boot: { config: { cpuMte: true } },
      run: (m) => {
        m.call('prctl', PR_SET_TAGGED_ADDR_CTRL, PR_MTE_TCF_ASYNC, 0, 0, null);
        loadTagged(m, 3);
        return takeTagFault(m.task.cur) ? m.task.cur.call.refused.signal : 0;
      },
    },
    'fault.pkey': { boot: { protectionKeys: 16 }, run: (m) => load(m, keyed(m)) },
    'fault.not_readable': { run: (m) => load(m, m.anon(AT, P, PROT_NONE)) },
    'fault.not_writable': { run: (m) => store(m, m.anon(AT, P, PROT_READ)) },
    'fault.not_executable': { run: (m) => fetch(m, m.anon(AT, P, PROT_READ)) },
    'fault.beyond_eof': {
      run: (m) => load(m, m.call('mmap', 0, 2 * P, PROT_READ, MAP_PRIVATE, file(m, '/ram/a', 1), 0) + P),
    },
    'fault.owner_sigbus': {
      run: (m) => {
        const at = device(m, 'bus');
        m.vma(at).vmFile!.fInode.iSize = P;
        return load(m, at);
      },
    },
    'fault.owner_sigsegv': { run: (m) => load(m, device(m, 'segv')) },
    'fault.owner_out_of_memory': { run: (m) => load(m, device(m, 'oom')), gives: 'SIGKILL' },
    'fault.page_mkwrite': { run: (m) => store(m, device(m, 'frozen', MAP_SHARED)) },
    'fault.no_fault_operation': { run: (m) => load(m, device(m, 'nofault')) },
    'fault.shared_without_ops': { run: (m) => load(m, device(m, 'bare', MAP_SHARED)) },
    'fault.hugetlb': {
      run: (m) => {
        hugeAt(m, AT);
        m.system.hugePages!.fault = () => 2;
        return load(m, AT);
      },
    },
    'fault.no_frame': injected('fault.no_frame', (m) => (m.task.sys.munmap(AT, P), m.anon(AT, P), store(m, AT)), {
      gives: 'SIGKILL',
    }),
    'fault.no_table': injected('fault.no_table', (m) => (m.task.sys.munmap(AT, P), m.anon(AT, P), store(m, AT)), {
      gives: 'SIGKILL',
    }),
    'fault.no_anon_vma': {
      run: (m) => {
        m.anon(AT, P);
        m.system.failCountdown = 1;
        return store(m, AT);
      },
      gives: 'SIGKILL',
    },

    // --- copies: nothing is refused, and the tracer is told why
    'copy.of_file_page': {
      run: (m) => store(m, m.call('mmap', 0, P, RW, MAP_PRIVATE, file(m, '/ram/a', P), 0)),
      gives: 0,
      inner: true,
    },
    'copy.of_shared_page': {
      run: (m) => {
        store(m, m.anon(AT, P));
        m.call('fork');
        return store(m, AT);
      },
      gives: 0,
      inner: true,
    },
    'copy.of_zeroes': {
      run: (m) => {
        load(m, m.anon(AT, P));
        return store(m, AT);
      },
      gives: 0,
      inner: true,
    },
    'copy.of_device_memory': {
      run: (m) =>
        store(m, m.call('mmap', AT, P, RW, MAP_PRIVATE | MAP_FIXED, m.call('open', '/dev/mem', O_RDWR, 0), 64 * P)),
      gives: 0,
      inner: true,
    },

    // --- memory of somebody else, and memory that is to be there
    'gup.no_vma': { run: (m) => accessProcessVm(m.task.cur, m.task.mm, AT, new Uint8Array(1), 0) },
    'gup.device_memory': {
      run: (m) => m.call('madvise', device(m, 'io', MAP_SHARED), P, MADV_POPULATE_READ),
      gives: -EINVAL,
    },
    'gup.not_readable': {
      run: (m) => m.call('madvise', m.anon(AT, P, PROT_NONE), P, MADV_POPULATE_READ),
      gives: -EINVAL,
    },
    'gup.not_writable': {
      run: (m) => m.call('madvise', m.anon(AT, P, PROT_READ), P, MADV_POPULATE_WRITE),
      gives: -EINVAL,
    },

    // --- devices and /proc
    'proc.no_mmap': {
      run: (m) => m.call('mmap', 0, P, PROT_READ, MAP_PRIVATE, m.task.sys.open('/proc/version', O_RDONLY), 0),
      inner: true,
    },
    'zero.no_shared_memory': {
      boot: { withoutSharedMemory: true },
      run: (m) => m.call('mmap', 0, P, RW, MAP_SHARED, m.task.sys.open('/dev/zero', O_RDWR), 0),
      inner: true,
    },
    'mem.beyond_physical_addresses': {
      run: (m) => m.call('mmap', 0, P, PROT_READ, MAP_SHARED, m.task.sys.open('/dev/mem', O_RDWR), 2 ** 48),
      inner: true,
    },
    'mem.range_not_allowed': {
      run: (m) => m.call('mmap', 0, P, PROT_READ, MAP_SHARED, m.task.sys.open('/dev/mem', O_RDWR), 2 ** 40),
      inner: true,
    },
    'mem.no_page_table': {
      run: (m) => {
        const fd = m.task.sys.open('/dev/mem', O_RDWR);
        m.kernel.memory!.frames.failNth = 1;
        return m.call('mmap', AT, P, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
      },
      inner: true,
    },

    // --- System V shared memory
    ...SHM_CASES,

    // --- shared memory
    'shmem.size': {
      run: (m) => {
        const made = (m.kernel.sharedMemory as unknown as Shmem).fileSetup(m.task.cur, 'a', -1, false);
        return typeof made === 'number' ? made : 0;
      },
    },
    'shmem.commit': {
      boot: { sysctl: { overcommitMemory: 2, overcommitRatio: 1 } },
      run: (m) => m.call('mmap', 0, GIB, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
      inner: true,
    },
    'shmem.inodes': {
      run: (m) => {
        const shmem = m.kernel.sharedMemory as unknown as { readonly sb: { readonly private_: unknown } };
        const limits = shmem.sb.private_ as { maxInodes: number; readonly usedInodes: number };
        limits.maxInodes = limits.usedInodes;
        return m.call('mmap', 0, P, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
      },
      inner: true,
    },
    'shmem.sealed_write': {
      run: (m) => {
        const fd = m.task.sys.memfdCreate('a', MFD_ALLOW_SEALING);
        m.task.sys.ftruncate(fd, P);
        m.task.sys.fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
        return m.call('mmap', 0, P, RW, MAP_SHARED, fd, 0);
      },
      inner: true,
    },

    // --- huge pages
    'hugetlb.no_size': { run: (m) => m.call('memfdCreate', 'a', MFD_HUGETLB | (13 << 26)) },
    'hugetlb.shm_not_permitted': {
      run: (m) => {
        memlock(m, 0);
        m.task.cur.cred.gid = 7;
        const made = m.system.hugePages!.fileSetup(m.task.cur, {
          name: 'SYSV',
          size: HUGE,
          vmFlags: VM_NORESERVE,
          kind: HUGETLB_SHMFS_INODE,
          log: 0,
        });
        return typeof made === 'number' ? made : 0;
      },
    },
    'hugetlb.no_inode': {
      run: (m) => {
        const { mounts } = m.system.hugePages as unknown as { readonly mounts: readonly { private_: unknown }[] };
        (mounts[0]!.private_ as HugetlbfsSbInfo).freeInodes = 0;
        return m.call('mmap', 0, HUGE, RW, ANON | MAP_HUGETLB, -1, 0);
      },
    },
    'hugetlb.reserve_exhausted': {
      run: (m) => m.call('mmap', 0, 8 * HUGE, RW, ANON | MAP_HUGETLB, -1, 0),
      inner: true,
    },
    'hugetlb.offset_unaligned': {
      run: (m) => m.call('mmap', 0, HUGE, RW, MAP_SHARED, file(m, '/huge/a', HUGE), P),
      inner: true,
    },
    'hugetlb.offset_overflow': {
      // The offset check of do_mmap comes first for a program; the driver has its own.
      run: (m) => {
        const opened = m.task.cur.files.fget(file(m, '/huge/a', HUGE))!;
        const { vmas } = m.task.mm;
        const vma = vmas.allocVma()!;
        vma.vmEnd = HUGE;
        vma.vmPgoff = 2 ** 51;
        const result = opened.fOp.mmap!(m.task.cur, opened, vma);
        vmas.release(vma.id);
        return result;
      },
    },
    'hugetlb.length_unaligned': { run: (m) => hugeAt(m, AT + P), inner: true },
    'hugetlb.length_too_long': {
      // So has its search for an address.
      run: (m) => {
        const opened = m.task.cur.files.fget(file(m, '/huge/a', HUGE))!;
        return opened.fOp.getUnmappedArea!(m.task.cur, opened, 0, 2 ** 50, 0, 0);
      },
    },
    'hugetlb.sealed_write': {
      run: (m) => {
        const fd = m.task.sys.memfdCreate('a', MFD_HUGETLB | MFD_ALLOW_SEALING);
        m.task.sys.ftruncate(fd, HUGE);
        m.task.sys.fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
        return m.call('mmap', 0, HUGE, RW, MAP_SHARED, fd, 0);
      },
      inner: true,
    },
    'hugetlb.fault_beyond_end': {
      run: (m) => {
        const fd = file(m, '/huge/a', HUGE);
        const at = m.call('mmap', 0, HUGE, RW, MAP_SHARED, fd, 0);
        m.task.sys.ftruncate(fd, 0);
        return load(m, at);
      },
      gives: 'SIGBUS',
    },
    'hugetlb.fault_pool_exhausted': {
      boot: { config: { hugePages: [{ size: HUGE, pages: 0 }] } },
      run: (m) => (hugeAt(m, AT, 1, MAP_NORESERVE), load(m, AT)),
      gives: 'SIGBUS',
    },
    'hugetlb.fault_page_taken_back': {
      boot: { config: { hugePages: [{ size: HUGE, pages: 1 }] } },
      run: (m) => {
        hugeAt(m, AT);
        store(m, AT);
        const child = m.task.sys.fork();
        if (typeof child === 'number') return child;
        store(m, AT);
        const memory = m.memory(child);
        const ending = memory.load8(AT) < 0 ? memory.signal : 0;
        m.task.cur.call.reason = child.cur.call.reason;
        return ending;
      },
      gives: 'SIGBUS',
    },
    'hugetlb.fault_no_table': {
      run: (m) => {
        hugeAt(m, AT);
        m.kernel.memory!.frames.failNth = 1;
        return store(m, AT);
      },
      gives: 'SIGKILL',
    },
  };
}
