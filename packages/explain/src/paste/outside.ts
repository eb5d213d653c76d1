/**
 * Calls that are asked about beside memory calls and are not made here: what decides about their errors.
 */

/** The cause of an error of a call. */
export interface OutsideCause {
  readonly says: string;
  readonly helps: readonly string[];
}

type Row = readonly [calls: string, errno: string, says: string, ...helps: string[]];

const MEMLOCK =
  'raise RLIMIT_MEMLOCK: «ulimit -l unlimited», LimitMEMLOCK=infinity of systemd, --ulimit memlock=-1 of Docker';
const SECCOMP = 'containers: the seccomp profile of Docker and Podman forbids the call (--security-opt seccomp=…)';

const ROWS: readonly Row[] = [
  [
    'userfaultfd',
    'EPERM',
    'userfaultfd needs CAP_SYS_PTRACE, or vm.unprivileged_userfaultfd=1, or (since 5.11) the flag UFFD_USER_MODE_ONLY.',
    'sysctl -w vm.unprivileged_userfaultfd=1',
    'pass UFFD_USER_MODE_ONLY: faults of system calls are then not handled',
    SECCOMP,
  ],
  [
    'userfaultfd',
    'ENOSYS',
    'The kernel was built without CONFIG_USERFAULTFD, or a seccomp filter hides the call.',
    SECCOMP,
  ],
  ['userfaultfd', 'EINVAL', 'The kernel does not know a flag: UFFD_USER_MODE_ONLY is of 5.11.'],
  [
    'UFFDIO_COPY UFFDIO_ZEROPAGE UFFDIO_CONTINUE UFFDIO_POISON UFFDIO_MOVE',
    'EEXIST',
    'The first page of the range is there already: another thread has filled it, or it was never missing.',
    'treat EEXIST as success, and wake the range with UFFDIO_WAKE',
    'to replace a page, drop it with MADV_DONTNEED first',
  ],
  [
    'UFFDIO_COPY UFFDIO_ZEROPAGE UFFDIO_CONTINUE UFFDIO_POISON UFFDIO_MOVE UFFDIO_WRITEPROTECT',
    'ENOENT',
    'No single mapping that is registered contains the whole range (it may have been unmapped meanwhile). For UFFDIO_MOVE also: the source page is missing. For UFFDIO_WRITEPROTECT: it is not registered with UFFDIO_REGISTER_MODE_WP.',
    'register the range first, and stay within one mapping',
  ],
  [
    'UFFDIO_COPY UFFDIO_ZEROPAGE UFFDIO_CONTINUE UFFDIO_POISON UFFDIO_MOVE UFFDIO_WRITEPROTECT',
    'EAGAIN',
    'A fork, mremap, munmap or madvise of the process waits until its event is read, or only a part of the range was done (the last field tells how much).',
    'read the events, then repeat the rest',
  ],
  [
    'UFFDIO_COPY UFFDIO_ZEROPAGE UFFDIO_CONTINUE UFFDIO_POISON',
    'ESRCH',
    'The process whose memory the userfaultfd handles has ended or has executed another program.',
  ],
  ['UFFDIO_COPY', 'EFAULT', 'The source is not readable memory, or the page lies beyond the end of the file.'],
  [
    'UFFDIO_CONTINUE',
    'EFAULT',
    'The page is not in the file: UFFDIO_CONTINUE maps a page that another mapping has filled.',
    'store to the page through another mapping first, or UFFDIO_COPY',
  ],
  [
    'UFFDIO_MOVE',
    'EBUSY',
    'The page was shared by fork and not written since, so it may belong to another process as well.',
    'store to it first, or UFFDIO_COPY',
  ],
  [
    'UFFDIO_REGISTER',
    'EINVAL',
    'The range is not mapped, not a multiple of the page size, or holds a mapping that userfaultfd cannot handle: it handles private anonymous memory, shmem (memfd, tmpfs) and hugetlb. Or UFFDIO_API was not made, or the kernel has not the mode (write protection on arm64 needs 6.10).',
  ],
  ['UFFDIO_REGISTER', 'EBUSY', 'A part of the range is registered with another userfaultfd.', 'unregister it there'],
  [
    'UFFDIO_REGISTER',
    'EPERM',
    'The mapping can never be writable: a shared mapping of a file that was opened for reading.',
    'open it for reading and writing',
  ],
  [
    'UFFDIO_API',
    'EINVAL',
    'The kernel does not offer a feature that was asked for, or UFFDIO_API was made already, or `api` is not 0xaa.',
    'ask with features 0 on another descriptor, which reports those that there are',
  ],
  ['UFFDIO_API', 'EPERM', 'UFFD_FEATURE_EVENT_FORK needs CAP_SYS_PTRACE.'],
  [
    'io_uring_setup io_uring_register',
    'ENOMEM',
    'Rings and registered buffers are charged to RLIMIT_MEMLOCK: rings up to 5.11, buffers always. Since 5.12 rings are charged to the cgroup.',
    MEMLOCK,
    'fewer entries, or smaller buffers',
    'CAP_IPC_LOCK',
  ],
  [
    'io_uring_setup',
    'EPERM',
    'kernel.io_uring_disabled is 1 (only for the group of kernel.io_uring_group) or 2 (for nobody), or a seccomp filter answered.',
    'sysctl -w kernel.io_uring_disabled=0',
    SECCOMP,
  ],
  [
    'bpf',
    'EPERM',
    'bpf needs CAP_BPF (since 5.8; before it CAP_SYS_ADMIN), and up to 5.10 maps and programs are charged to RLIMIT_MEMLOCK, which answers EPERM as well.',
    MEMLOCK,
    'CAP_BPF and CAP_PERFMON, or root; kernel.unprivileged_bpf_disabled=0 allows socket filters',
    'kernels since 5.11 charge the cgroup instead',
  ],
  [
    'bpf',
    'ENOMEM',
    'The map does not fit: memory for it is allocated at once, and charged to the cgroup (since 5.11).',
    'fewer max_entries, or BPF_F_NO_PREALLOC',
  ],
  [
    'perf_event_open',
    'EPERM EACCES',
    'kernel.perf_event_paranoid forbids the event without CAP_PERFMON.',
    'sysctl -w kernel.perf_event_paranoid=1 (or -1)',
    'CAP_PERFMON',
  ],
  [
    'memfd_secret',
    'ENOSYS',
    'The kernel was booted without secretmem.enable=1 (needed up to 6.4), or has no CONFIG_SECRETMEM.',
    'boot with secretmem.enable=1',
  ],
  [
    'shmget',
    'EINVAL',
    'The size is above kernel.shmmax or below 1, or a segment of that key exists and is smaller.',
    'sysctl -w kernel.shmmax=…',
    '«ipcs -m» lists segments',
  ],
  [
    'shmget',
    'ENOMEM',
    'The segment was refused by overcommit, or with SHM_HUGETLB the pool of huge pages is too small.',
    'see CommitLimit and HugePages_Free in /proc/meminfo',
  ],
  [
    'shmget',
    'ENOSPC',
    'There are kernel.shmmni segments, or all together exceed kernel.shmall (counted in pages).',
    'sysctl -w kernel.shmall=… kernel.shmmni=…',
    '«ipcs -m» lists segments, «ipcrm -m ID» removes one',
  ],
  [
    'shmget',
    'EPERM',
    'SHM_HUGETLB needs the group of vm.hugetlb_shm_group, or CAP_IPC_LOCK.',
    'sysctl -w vm.hugetlb_shm_group=GID',
  ],
  ['shmget', 'ENOENT', 'No segment has the key, and the flags do not contain IPC_CREAT.'],
  [
    'shmat',
    'EINVAL',
    'The id is none, or the address is no multiple of SHMLBA (the page size; on 32-bit arm 16 KiB) without SHM_RND, or something is mapped there without SHM_REMAP.',
  ],
  ['shmat', 'ENOMEM', 'No free range is long enough, the process has vm.max_map_count areas, or RLIMIT_AS is reached.'],
  [
    'mbind set_mempolicy',
    'EINVAL',
    'A node of the mask has no memory or is not allowed (cpuset), or the address is no multiple of the page size.',
    '«numactl -H» lists the nodes',
  ],
  ['mbind move_pages migrate_pages', 'EPERM', 'MPOL_MF_MOVE_ALL and pages of others need CAP_SYS_NICE.'],
  [
    'process_madvise process_vm_readv process_vm_writev',
    'EPERM',
    'The caller may not trace the other process: another user, not dumpable, or kernel.yama.ptrace_scope.',
    'sysctl -w kernel.yama.ptrace_scope=0',
  ],
  ['pkey_alloc', 'ENOSPC EINVAL', 'The processor or the kernel has no protection keys, or all 15 are in use.'],
  [
    'fallocate ftruncate posix_fallocate',
    'ENOSPC',
    'The filesystem has no room. For /dev/shm that is its size: 64 MiB in a container, half of RAM on a host.',
    'docker run --shm-size=1g, or mount -o remount,size=… /dev/shm',
  ],
  [
    'fallocate',
    'EOPNOTSUPP',
    'The filesystem cannot do that: tmpfs and ext4 can, NFS before 4.2 and many others cannot.',
    'ftruncate instead: pages are then taken at the first touch, and SIGBUS tells when there are none',
  ],
  ['ftruncate', 'EINVAL', 'The descriptor is not open for writing, or the size is negative.'],
  [
    'memfd_create',
    'EACCES',
    'vm.memfd_noexec=2 refuses memfds that may be executed: MFD_NOEXEC_SEAL is missing.',
    'sysctl -w vm.memfd_noexec=0',
  ],
  [
    'execve',
    'ENOMEM',
    'exec had no memory for the new stack or the arguments; limits of the new program are asked only later.',
  ],
  [
    'prctl',
    'EINVAL',
    'The kernel does not know the option (PR_SET_VMA needs CONFIG_ANON_VMA_NAME since 5.17, PR_SET_MDWE 6.3), or an argument that must be 0 is not.',
  ],
];

const BY_CALL: ReadonlyMap<string, OutsideCause> = new Map(
  ROWS.flatMap(([calls, errnos, says, ...helps]) =>
    calls
      .split(' ')
      .flatMap((call) => errnos.split(' ').map((errno) => [`${call} ${errno}`, { says, helps }] as const)),
  ),
);

/**
 * Returns what decides about an error of a call that is not made here; undefined when nothing is known of it.
 *
 * @param args its arguments as written: those of ioctl tell the command
 */
export function outsideCause(call: string, errno: string, args: readonly string[] = []): OutsideCause | undefined {
  const command = call === 'ioctl' ? (/UFFDIO_[A-Z]+/.exec(args[1] ?? '')?.[0] ?? call) : call;
  return BY_CALL.get(`${command} ${errno}`);
}
