/**
 * The rows of docs/support.md: calls with one flag or value each, made on a process of its own.
 *
 * A row says what is asked for; what the answer is, the machine says. `but` is what a call that succeeds does not do here.
 */
import type { Task } from '@vmarea/kernel';
import * as abi from '@vmarea/uapi';

/** A process with memory to act on. */
export interface Ground {
  readonly task: Task;
  /** Four private anonymous pages, readable and writable, the first one written. */
  readonly anon: number;
  /** Two pages of a file on tmpfs, mapped shared. */
  readonly shared: number;
  /** The file's descriptor. */
  readonly fd: number;
  /** A memfd that may be sealed. */
  readonly memfd: number;
}

/** A call. */
export interface Row {
  readonly call: string;
  readonly flag: string;
  /** Makes the call: a result or a negative errno. */
  readonly make: (ground: Ground) => number;
  /** What to know beside the answer. */
  readonly note: Note;
}

/** A note on a row. */
export interface Note {
  /** What the kernel does and vmarea does not. */
  readonly missing?: string;
  /** The first kernel that has it; default: every one. */
  readonly since?: string;
  /** What the kernel, too, makes of the flag. */
  readonly asKernel?: string;
}

const ONE_NODE: Note = { missing: 'nodes other than 0' };
const PAGE = 4096;
const RW: number = abi.PROT_READ | abi.PROT_WRITE;
const ANON: number = abi.MAP_PRIVATE | abi.MAP_ANONYMOUS;
const FREE = 0x10000000;

const anon =
  (flags: number, { prot = RW, at = 0, len = 2 * PAGE } = {}) =>
  ({ task }: Ground): number =>
    task.sys.mmap(at, len, prot, ANON | flags, -1, 0);
const file =
  (flags: number, prot: number = RW) =>
  ({ task, fd }: Ground): number =>
    task.sys.mmap(0, PAGE, prot, flags, fd, 0);
const advise =
  (advice: number, on: 'anon' | 'shared' = 'anon') =>
  (ground: Ground): number =>
    ground.task.sys.madvise(ground[on], PAGE, advice);

const pidOf = (child: Task | number): number => (typeof child === 'number' ? child : child.pid);
const errnoOf = (result: unknown): number => (typeof result === 'number' ? result : 0);

const row = (call: string, flag: string, make: Row['make'], note: Note = {}): Row => ({ call, flag, make, note });

const NO_RECLAIM: Note = { missing: 'reclaim: there is no swap, pages stay' };
const NO_THP: Note = { missing: 'transparent huge pages: the area has its flag, pages stay small' };
const NO_KSM: Note = { missing: 'merging of equal pages (KSM): the area has its flag' };
const NOT_HERE: Note = { asKernel: 'arm64 has no such flag: it is ignored' };
const IGNORED: Note = { asKernel: 'accepted without effect' };

/** Registers memory with a userfaultfd, and makes an ioctl on its second page. */
function registered({ task, anon: at, shared }: Ground, mode: number, command: number): number {
  const fd = task.sys.userfaultfd(0);
  if (fd < 0) return fd;
  task.sys.ioctl(fd, abi.UFFDIO_API, { api: abi.UFFD_API, features: 0, ioctls: 0n });
  const start = mode === abi.UFFDIO_REGISTER_MODE_MINOR ? shared : at;
  const error = task.sys.ioctl(fd, abi.UFFDIO_REGISTER, { start, len: 2 * PAGE, mode, ioctls: 0 });
  return error < 0 ? error : task.sys.ioctl(fd, command, { start: start + PAGE, len: PAGE, mode: 0 });
}

/** All rows, in the order of the page. */
export const ROWS: readonly Row[] = [
  row('mmap', 'MAP_PRIVATE | MAP_ANONYMOUS', anon(0)),
  row('mmap', 'MAP_SHARED | MAP_ANONYMOUS', ({ task }) =>
    task.sys.mmap(0, PAGE, RW, abi.MAP_SHARED | abi.MAP_ANONYMOUS, -1, 0),
  ),
  row('mmap', 'MAP_PRIVATE, a file', file(abi.MAP_PRIVATE)),
  row('mmap', 'MAP_SHARED, a file', file(abi.MAP_SHARED)),
  row('mmap', 'MAP_SHARED_VALIDATE', file(abi.MAP_SHARED_VALIDATE)),
  row('mmap', 'MAP_SYNC', file(abi.MAP_SHARED_VALIDATE | abi.MAP_SYNC)),
  row('mmap', 'MAP_DROPPABLE', ({ task }) => task.sys.mmap(0, PAGE, RW, abi.MAP_DROPPABLE | abi.MAP_ANONYMOUS, -1, 0)),
  row('mmap', 'MAP_FIXED', anon(abi.MAP_FIXED, { at: FREE })),
  row('mmap', 'MAP_FIXED_NOREPLACE', anon(abi.MAP_FIXED_NOREPLACE, { at: FREE })),
  row(
    'mmap',
    'MAP_FIXED_NOREPLACE, on a mapping',
    ({ task, anon: at }) => task.sys.mmap(at, PAGE, RW, ANON | abi.MAP_FIXED_NOREPLACE, -1, 0),
    { asKernel: '4.4 takes the address as a hint' },
  ),
  row('mmap', 'MAP_32BIT', anon(abi.MAP_32BIT), NOT_HERE),
  row('mmap', 'MAP_ABOVE4G', anon(abi.MAP_ABOVE4G), NOT_HERE),
  row('mmap', 'MAP_GROWSDOWN', anon(abi.MAP_GROWSDOWN)),
  row('mmap', 'MAP_STACK', anon(abi.MAP_STACK)),
  row('mmap', 'MAP_LOCKED', anon(abi.MAP_LOCKED)),
  row('mmap', 'MAP_NORESERVE', anon(abi.MAP_NORESERVE)),
  row('mmap', 'MAP_POPULATE', anon(abi.MAP_POPULATE)),
  row('mmap', 'MAP_POPULATE | MAP_NONBLOCK', anon(abi.MAP_POPULATE | abi.MAP_NONBLOCK), {
    asKernel: 'MAP_NONBLOCK stops the population',
  }),
  row('mmap', 'MAP_DENYWRITE', file(abi.MAP_PRIVATE | abi.MAP_DENYWRITE), IGNORED),
  row('mmap', 'MAP_EXECUTABLE', file(abi.MAP_PRIVATE | abi.MAP_EXECUTABLE), IGNORED),
  row('mmap', 'MAP_UNINITIALIZED', anon(abi.MAP_UNINITIALIZED), IGNORED),
  row('mmap', 'MAP_HUGETLB', anon(abi.MAP_HUGETLB, { len: 2 ** 21 })),
  row('mmap', 'MAP_HUGETLB | MAP_HUGE_2MB', anon(abi.MAP_HUGETLB | abi.MAP_HUGE_2MB, { len: 2 ** 21 })),
  row('mmap', 'MAP_HUGETLB | MAP_HUGE_64KB', anon(abi.MAP_HUGETLB | abi.MAP_HUGE_64KB, { len: 2 ** 16 })),
  row('mmap', 'MAP_HUGETLB | MAP_HUGE_32MB', anon(abi.MAP_HUGETLB | abi.MAP_HUGE_32MB, { len: 2 ** 25 })),
  row('mmap', 'MAP_HUGETLB | MAP_HUGE_1GB', anon(abi.MAP_HUGETLB | abi.MAP_HUGE_1GB, { len: 2 ** 30 })),
  row('mmap', 'PROT_NONE', anon(0, { prot: abi.PROT_NONE })),
  row('mmap', 'PROT_EXEC', anon(0, { prot: abi.PROT_EXEC })),
  row('mmap', 'PROT_WRITE | PROT_EXEC', anon(0, { prot: abi.PROT_WRITE | abi.PROT_EXEC })),
  row('mmap', 'PROT_SEM', anon(0, { prot: RW | abi.PROT_SEM }), IGNORED),
  row('mmap', 'PROT_BTI', anon(0, { prot: RW | abi.PROT_BTI }), {
    asKernel: 'without BTI in the processor the bit is ignored',
  }),
  row('mmap', 'PROT_MTE', anon(0, { prot: RW | abi.PROT_MTE }), {
    asKernel: 'without MTE in the processor the bit is ignored',
  }),
  row('munmap', '', ({ task, anon: at }) => task.sys.munmap(at + PAGE, PAGE)),
  row('mprotect', '', ({ task, anon: at }) => task.sys.mprotect(at + PAGE, PAGE, abi.PROT_READ)),
  row('mprotect', 'PROT_GROWSDOWN', ({ task, anon: at }) => task.sys.mprotect(at, PAGE, RW | abi.PROT_GROWSDOWN)),
  row('mprotect', 'PROT_GROWSUP', ({ task, anon: at }) => task.sys.mprotect(at, PAGE, RW | abi.PROT_GROWSUP)),
  row('mremap', 'shrink', ({ task, anon: at }) => task.sys.mremap(at, 4 * PAGE, PAGE, 0, 0)),
  row('mremap', 'MREMAP_MAYMOVE', ({ task, anon: at }) =>
    task.sys.mremap(at, 4 * PAGE, 2 ** 21, abi.MREMAP_MAYMOVE, 0),
  ),
  row('mremap', 'MREMAP_FIXED', ({ task, anon: at }) =>
    task.sys.mremap(at, PAGE, PAGE, abi.MREMAP_MAYMOVE | abi.MREMAP_FIXED, FREE),
  ),
  row('mremap', 'MREMAP_DONTUNMAP', ({ task, anon: at }) =>
    task.sys.mremap(at, PAGE, PAGE, abi.MREMAP_MAYMOVE | abi.MREMAP_DONTUNMAP, 0),
  ),
  row('mremap', 'old length 0, shared', ({ task, shared }) => task.sys.mremap(shared, 0, PAGE, abi.MREMAP_MAYMOVE, 0)),
  row('brk', '', ({ task }) => task.sys.brk(task.sys.brk(0) + PAGE)),
  row('remap_file_pages', '', ({ task, shared }) => task.sys.remapFilePages(shared, PAGE, 0, 1, 0)),
  row('mincore', '', ({ task, anon: at }) => task.sys.mincore(at, PAGE, new Uint8Array(1))),
  row('msync', 'MS_ASYNC', ({ task, shared }) => task.sys.msync(shared, PAGE, abi.MS_ASYNC)),
  row('msync', 'MS_SYNC', ({ task, shared }) => task.sys.msync(shared, PAGE, abi.MS_SYNC)),
  row('msync', 'MS_INVALIDATE', ({ task, shared }) => task.sys.msync(shared, PAGE, abi.MS_INVALIDATE)),
  row('mlock', '', ({ task, anon: at }) => task.sys.mlock(at, PAGE)),
  row('mlock2', 'MLOCK_ONFAULT', ({ task, anon: at }) => task.sys.mlock2(at, PAGE, abi.MLOCK_ONFAULT)),
  row('munlock', '', ({ task, anon: at }) => task.sys.munlock(at, PAGE)),
  row('mlockall', 'MCL_CURRENT', ({ task }) => task.sys.mlockall(abi.MCL_CURRENT)),
  row('mlockall', 'MCL_FUTURE', ({ task }) => task.sys.mlockall(abi.MCL_FUTURE)),
  row('mlockall', 'MCL_CURRENT | MCL_ONFAULT', ({ task }) => task.sys.mlockall(abi.MCL_CURRENT | abi.MCL_ONFAULT)),
  row('munlockall', '', ({ task }) => task.sys.munlockall()),
  row('mseal', '', ({ task, anon: at }) => task.sys.mseal(at, PAGE, 0)),
  row('madvise', 'MADV_NORMAL', advise(abi.MADV_NORMAL)),
  row('madvise', 'MADV_RANDOM', advise(abi.MADV_RANDOM), { missing: 'read-ahead: the area has its flag' }),
  row('madvise', 'MADV_SEQUENTIAL', advise(abi.MADV_SEQUENTIAL), { missing: 'read-ahead: the area has its flag' }),
  row('madvise', 'MADV_WILLNEED', advise(abi.MADV_WILLNEED, 'shared'), { missing: 'read-ahead' }),
  row('madvise', 'MADV_DONTNEED', advise(abi.MADV_DONTNEED)),
  row('madvise', 'MADV_DONTNEED_LOCKED', advise(abi.MADV_DONTNEED_LOCKED)),
  row('madvise', 'MADV_FREE', advise(abi.MADV_FREE)),
  row('madvise', 'MADV_REMOVE', advise(abi.MADV_REMOVE, 'shared')),
  row('madvise', 'MADV_DONTFORK', advise(abi.MADV_DONTFORK)),
  row('madvise', 'MADV_DOFORK', advise(abi.MADV_DOFORK)),
  row('madvise', 'MADV_WIPEONFORK', advise(abi.MADV_WIPEONFORK)),
  row('madvise', 'MADV_KEEPONFORK', advise(abi.MADV_KEEPONFORK)),
  row('madvise', 'MADV_DONTDUMP', advise(abi.MADV_DONTDUMP)),
  row('madvise', 'MADV_DODUMP', advise(abi.MADV_DODUMP)),
  row('madvise', 'MADV_MERGEABLE', advise(abi.MADV_MERGEABLE), NO_KSM),
  row('madvise', 'MADV_UNMERGEABLE', advise(abi.MADV_UNMERGEABLE)),
  row('madvise', 'MADV_HUGEPAGE', advise(abi.MADV_HUGEPAGE), NO_THP),
  row('madvise', 'MADV_NOHUGEPAGE', advise(abi.MADV_NOHUGEPAGE)),
  row('madvise', 'MADV_COLLAPSE', advise(abi.MADV_COLLAPSE), { missing: 'transparent huge pages', since: 'linux-6.1' }),
  row('madvise', 'MADV_COLD', advise(abi.MADV_COLD), NO_RECLAIM),
  row('madvise', 'MADV_PAGEOUT', advise(abi.MADV_PAGEOUT), NO_RECLAIM),
  row('madvise', 'MADV_POPULATE_READ', advise(abi.MADV_POPULATE_READ)),
  row('madvise', 'MADV_POPULATE_WRITE', advise(abi.MADV_POPULATE_WRITE)),
  row('madvise', 'MADV_HWPOISON', advise(abi.MADV_HWPOISON), { missing: 'poisoned pages', since: 'linux-6.1' }),
  row('madvise', 'MADV_SOFT_OFFLINE', advise(abi.MADV_SOFT_OFFLINE), {
    missing: 'pages taken out of use',
    since: 'linux-6.1',
  }),
  row('madvise', 'MADV_GUARD_INSTALL (102)', advise(102), { missing: 'guard pages', since: 'linux-6.18' }),
  row('process_madvise', 'MADV_COLD', ({ task, anon: at }) =>
    task.sys.processMadvise(task.pid, [{ addr: at, len: PAGE }], abi.MADV_COLD, 0),
  ),
  row('process_madvise', 'MADV_DONTNEED', ({ task, anon: at }) =>
    task.sys.processMadvise(task.pid, [{ addr: at, len: PAGE }], abi.MADV_DONTNEED, 0),
  ),
  row('mbind', 'MPOL_BIND', ({ task, anon: at }) => task.sys.mbind(at, PAGE, abi.MPOL_BIND, 1, 0), ONE_NODE),
  row(
    'mbind',
    'MPOL_INTERLEAVE',
    ({ task, anon: at }) => task.sys.mbind(at, PAGE, abi.MPOL_INTERLEAVE, 1, 0),
    ONE_NODE,
  ),
  row('set_mempolicy', 'MPOL_PREFERRED', ({ task }) => task.sys.setMempolicy(abi.MPOL_PREFERRED, 1), ONE_NODE),
  row('pkey_alloc', '', ({ task }) => task.sys.pkeyAlloc(0, 0), {
    asKernel: 'arm64 has no keys; on x86-64 `protectionKeys` of the architecture gives 16',
  }),
  row('pkey_mprotect', 'key -1', ({ task, anon: at }) => task.sys.pkeyMprotect(at, PAGE, abi.PROT_READ, -1)),
  row('memfd_create', 'MFD_ALLOW_SEALING', ({ task }) => task.sys.memfdCreate('m', abi.MFD_ALLOW_SEALING)),
  row('memfd_create', 'MFD_HUGETLB', ({ task }) => task.sys.memfdCreate('m', abi.MFD_HUGETLB)),
  row('memfd_create', 'MFD_NOEXEC_SEAL', ({ task }) => task.sys.memfdCreate('m', abi.MFD_NOEXEC_SEAL)),
  row('memfd_create', 'MFD_EXEC', ({ task }) => task.sys.memfdCreate('m', abi.MFD_EXEC)),
  row('fcntl', 'F_ADD_SEALS, F_SEAL_SHRINK', ({ task, memfd }) =>
    task.sys.fcntl(memfd, abi.F_ADD_SEALS, abi.F_SEAL_SHRINK),
  ),
  row('fcntl', 'F_ADD_SEALS, F_SEAL_WRITE', ({ task, memfd }) =>
    task.sys.fcntl(memfd, abi.F_ADD_SEALS, abi.F_SEAL_WRITE),
  ),
  row('fcntl', 'F_ADD_SEALS, F_SEAL_FUTURE_WRITE', ({ task, memfd }) =>
    task.sys.fcntl(memfd, abi.F_ADD_SEALS, abi.F_SEAL_FUTURE_WRITE),
  ),
  row('fcntl', 'F_ADD_SEALS, F_SEAL_EXEC', ({ task, memfd }) =>
    task.sys.fcntl(memfd, abi.F_ADD_SEALS, abi.F_SEAL_EXEC),
  ),
  row('fallocate', '0', ({ task, fd }) => task.sys.fallocate(fd, 0, 0, PAGE)),
  row('fallocate', 'FALLOC_FL_KEEP_SIZE', ({ task, fd }) => task.sys.fallocate(fd, abi.FALLOC_FL_KEEP_SIZE, 0, PAGE)),
  row('fallocate', 'FALLOC_FL_PUNCH_HOLE', ({ task, fd }) =>
    task.sys.fallocate(fd, abi.FALLOC_FL_PUNCH_HOLE | abi.FALLOC_FL_KEEP_SIZE, 0, PAGE),
  ),
  row('fallocate', 'FALLOC_FL_ZERO_RANGE', ({ task, fd }) => task.sys.fallocate(fd, abi.FALLOC_FL_ZERO_RANGE, 0, PAGE)),
  row('fallocate', 'FALLOC_FL_COLLAPSE_RANGE', ({ task, fd }) =>
    task.sys.fallocate(fd, abi.FALLOC_FL_COLLAPSE_RANGE, 0, PAGE),
  ),

  row('shmget', 'IPC_PRIVATE', ({ task }) => task.sys.shmget(0, PAGE, 0o600)),
  row('shmget', 'SHM_HUGETLB', ({ task }) => task.sys.shmget(0, 2 ** 21, 0o600 | abi.SHM_HUGETLB)),
  row('shmget', 'SHM_NORESERVE', ({ task }) => task.sys.shmget(0, PAGE, 0o600 | abi.SHM_NORESERVE)),
  ...(['SHM_RDONLY', 'SHM_RND', 'SHM_EXEC'] as const).map((flag) =>
    row('shmat', flag, ({ task }) => task.sys.shmat(task.sys.shmget(0, PAGE, 0o700), 0, abi[flag])),
  ),
  row('shmat', 'SHM_REMAP', ({ task, anon: at }) => task.sys.shmat(task.sys.shmget(0, PAGE, 0o600), at, abi.SHM_REMAP)),
  ...(['IPC_RMID', 'SHM_UNLOCK'] as const).map((cmd) =>
    row('shmctl', cmd, ({ task }) => task.sys.shmctl(task.sys.shmget(0, PAGE, 0o600), abi[cmd])),
  ),
  ...(['IPC_STAT', 'IPC_SET', 'SHM_STAT', 'SHM_STAT_ANY'] as const).map((cmd) =>
    row('shmctl', cmd, ({ task }) => task.sys.shmctl(task.sys.shmget(0, PAGE, 0o600), abi[cmd], abi.newShmidDs())),
  ),
  row('shmctl', 'SHM_LOCK', ({ task }) => task.sys.shmctl(task.sys.shmget(0, PAGE, 0o600), abi.SHM_LOCK), {
    missing: 'marks the segment and counts it against RLIMIT_MEMLOCK; reclaim does not read the mark',
  }),
  row('shmdt', '', ({ task }) => task.sys.shmdt(task.sys.shmat(task.sys.shmget(0, PAGE, 0o600), 0, 0))),
  row('userfaultfd', '', ({ task }) => task.sys.userfaultfd(0)),
  row('userfaultfd', 'UFFD_USER_MODE_ONLY', ({ task }) => task.sys.userfaultfd(abi.UFFD_USER_MODE_ONLY)),
  row('userfaultfd', 'UFFDIO_REGISTER_MODE_MISSING', (ground) =>
    registered(ground, abi.UFFDIO_REGISTER_MODE_MISSING, abi.UFFDIO_ZEROPAGE),
  ),
  row('userfaultfd', 'UFFDIO_REGISTER_MODE_WP', (ground) =>
    registered(ground, abi.UFFDIO_REGISTER_MODE_WP, abi.UFFDIO_WRITEPROTECT),
  ),
  row('userfaultfd', 'UFFDIO_REGISTER_MODE_MINOR', (ground) =>
    registered(ground, abi.UFFDIO_REGISTER_MODE_MINOR, abi.UFFDIO_WAKE),
  ),
  row('userfaultfd', 'UFFDIO_POISON', (ground) =>
    registered(ground, abi.UFFDIO_REGISTER_MODE_MISSING, abi.UFFDIO_POISON),
  ),
  row('prctl', 'PR_SET_VMA_ANON_NAME', ({ task, anon: at }) => task.sys.prctl(abi.PR_SET_VMA, 0, at, PAGE, 'name')),
  row('prctl', 'PR_SET_MM_AUXV (12)', ({ task, anon: at }) => task.sys.prctl(abi.PR_SET_MM, 12, at, 8, 0n), {
    missing: 'the auxiliary vector, the executable file and whole maps (12 to 15)',
  }),
  row('prctl', 'PR_SET_MDWE', ({ task }) => task.sys.prctl(abi.PR_SET_MDWE, abi.PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0n)),
  row('prctl', 'PR_SET_TAGGED_ADDR_CTRL', ({ task }) =>
    task.sys.prctl(abi.PR_SET_TAGGED_ADDR_CTRL, abi.PR_TAGGED_ADDR_ENABLE, 0, 0, 0n),
  ),
  row('prctl', 'PR_SET_THP_DISABLE', ({ task }) => task.sys.prctl(abi.PR_SET_THP_DISABLE, 1, 0, 0, 0n)),
  row('prctl', 'PR_SET_MEMORY_MERGE (67)', ({ task }) => task.sys.prctl(67, 1, 0, 0, 0n)),
  row('personality', 'READ_IMPLIES_EXEC', ({ task }) => task.sys.personality(0x0400000)),
  row('personality', 'ADDR_COMPAT_LAYOUT', ({ task }) => task.sys.personality(0x0200000), {
    asKernel: 'acts at the next exec',
  }),
  row('fork', '', ({ task }) => {
    const child = task.sys.fork();
    return typeof child === 'number' ? child : child.pid;
  }),
  row('vfork', '', ({ task }) => pidOf(task.sys.vfork()), { asKernel: 'the parent makes no calls until exec or exit' }),
  ...(['CLONE_VM', 'CLONE_FILES', 'CLONE_FS', 'CLONE_PARENT', 'CLONE_IO', 'CLONE_SYSVSEM'] as const).map((flag) =>
    row('clone', flag, ({ task }) => pidOf(task.sys.clone({ flags: abi[flag] }))),
  ),
  row('clone', 'CLONE_VM, CLONE_SIGHAND', ({ task }) =>
    pidOf(task.sys.clone({ flags: abi.CLONE_VM | abi.CLONE_SIGHAND })),
  ),
  row('clone', 'CLONE_VM, CLONE_SIGHAND, CLONE_THREAD', ({ task }) =>
    pidOf(task.sys.clone({ flags: abi.CLONE_VM | abi.CLONE_SIGHAND | abi.CLONE_THREAD })),
  ),
  ...(['CLONE_NEWNS', 'CLONE_NEWUTS', 'CLONE_NEWIPC', 'CLONE_NEWUSER', 'CLONE_NEWPID', 'CLONE_NEWNET'] as const).map(
    (flag) => row('clone', flag, ({ task }) => pidOf(task.sys.clone({ flags: abi[flag] })), { missing: 'namespaces' }),
  ),
  row('clone', 'CLONE_PIDFD', ({ task }) => pidOf(task.sys.clone({ flags: abi.CLONE_PIDFD })), {
    missing: 'process descriptors',
    since: 'linux-6.1',
  }),
  row(
    'rt_sigaction',
    'SIGSEGV',
    ({ task }) =>
      errnoOf(task.sys.rtSigaction(abi.SIGSEGV, { handler: FREE, flags: abi.SA_ONSTACK, restorer: 0, mask: 0n })),
    { missing: 'signals other than those of memory faults' },
  ),
  row('rt_sigprocmask', 'SIG_BLOCK', ({ task }) => errnoOf(task.sys.rtSigprocmask(abi.SIG_BLOCK, 1n))),
  row('sigaltstack', '', ({ task }) => errnoOf(task.sys.sigaltstack({ sp: FREE, size: 8192, flags: 0 }))),
  row('sigaltstack', 'SS_AUTODISARM', ({ task }) =>
    errnoOf(task.sys.sigaltstack({ sp: FREE, size: 8192, flags: abi.SS_AUTODISARM })),
  ),
];
