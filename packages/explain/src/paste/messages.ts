/**
 * Messages of programs and of the kernel that stand for a memory call, or that say by themselves what is wrong.
 *
 * A row has the call that its program makes there, in the form of strace, or a sentence, or both. Data only; paste.ts applies it.
 */

/** What a message means. */
export interface Meaning {
  /** The call behind it, as strace would print it; empty when there is none. */
  readonly call: string;
  /** What it says, as a sentence. */
  readonly says: string;
  /** What to change. */
  readonly helps: readonly string[];
}

/** A kind of message. */
export interface Message {
  readonly pattern: RegExp;
  readonly meaning: (match: RegExpExecArray) => Meaning;
}

const ANON = 'MAP_PRIVATE|MAP_ANONYMOUS';
const NO_MEMORY = '-1 ENOMEM (Cannot allocate memory)';

/** Returns the errno of a message's words; ENOMEM when they name none. */
function failureOf(text: string): string {
  if (/Operation not permitted|errno[= ]1\b|: 1\b/.test(text)) return '-1 EPERM (Operation not permitted)';
  if (/Permission denied|errno[= ]13/.test(text)) return '-1 EACCES (Permission denied)';
  if (/Invalid argument|errno[= ]22/.test(text)) return '-1 EINVAL (Invalid argument)';
  if (/Resource temporarily unavailable|errno[= ]11/.test(text)) return '-1 EAGAIN (Resource temporarily unavailable)';
  return NO_MEMORY;
}

function anonymous(bytes: string | number, result = NO_MEMORY): string {
  return `mmap(NULL, ${bytes}, PROT_READ|PROT_WRITE, ${ANON}, -1, 0) = ${result}`;
}

function reserve(bytes: string | number): string {
  return `mmap(NULL, ${bytes}, PROT_NONE, ${ANON}|MAP_NORESERVE, -1, 0) = ${NO_MEMORY}`;
}

const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

function scaled(value: string, unit: string): number {
  return Math.floor(Number(value) * (UNITS[unit.charAt(0).toUpperCase()] ?? 1));
}

/** A message that stands for a call. */
function stands(pattern: RegExp, whose: string, call: (match: RegExpExecArray) => string): Message {
  return {
    pattern,
    meaning: (match) => ({ call: call(match), says: `a message of ${whose}; it stands for this call.`, helps: [] }),
  };
}

/** A message that needs no call. */
function says(pattern: RegExp, sentence: string, ...helps: readonly string[]): Message {
  return {
    pattern,
    meaning: (match) => ({
      call: '',
      says: sentence.replaceAll(/\$([1-9])/g, (_, index: string) => match[Number(index)] ?? ''),
      helps,
    }),
  };
}

const MEMLOCK_HELP = [
  'raise RLIMIT_MEMLOCK: «ulimit -l unlimited», LimitMEMLOCK=infinity of systemd, --ulimit memlock=-1 of Docker',
  'give CAP_IPC_LOCK',
];

/** The messages, most telling first. */
export const MESSAGES: readonly Message[] = [
  // HotSpot.
  stands(
    /os::commit_memory\((0x[0-9a-f]{4,16}), ([0-9]{1,15}),(?: [0-9]{1,12},)? ([01])\) failed(.{0,80})/,
    'HotSpot',
    ([, at, size, exec, why]) => {
      const prot = exec === '1' ? 'PROT_READ|PROT_WRITE|PROT_EXEC' : 'PROT_READ|PROT_WRITE';
      return `mmap(0x${at!.replace(/^0x0*/, '')}, ${size!}, ${prot}, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = ${failureOf(why!)}`;
    },
  ),
  stands(
    /Native memory allocation \((?:mmap|malloc)\) failed to (?:map|allocate) ([0-9]{1,15}) bytes/,
    'HotSpot',
    ([, size]) => anonymous(size!),
  ),
  stands(/Could not reserve enough space for (?:([0-9]{1,12})KB )?object heap/, 'HotSpot', ([, size]) =>
    reserve(Number(size ?? 1048576) * 1024),
  ),
  says(
    /unable to create (?:new )?native thread/,
    'A thread could not be created. clone answers EAGAIN when a limit on tasks is reached, and the mmap of the stack ENOMEM when the process has vm.max_map_count areas (a Java thread has two or three) or RLIMIT_AS is reached.',
    'compare tasks with «ulimit -u», kernel.threads-max, kernel.pid_max and pids.max of the cgroup (TasksMax of systemd, --pids-limit of Docker)',
    'compare «wc -l /proc/PID/maps» with vm.max_map_count',
    'RAM and -Xss are seldom the reason: a stack is only reserved',
  ),
  // Elasticsearch.
  says(
    /vm\.max_map_count \[([0-9]{1,10})\] is too low, increase to at least \[([0-9]{1,10})\]/,
    'Elasticsearch compares vm.max_map_count (is $1) with what it needs ($2) before it starts; no call has failed. Lucene maps each file of an index, and a process with vm.max_map_count areas gets ENOMEM for the next one.',
    'sysctl -w vm.max_map_count=262144 on the host (a container has no value of its own), and in /etc/sysctl.conf to keep it',
  ),
  stands(
    /Unable to lock JVM Memory: error=([0-9]{1,3})/,
    'Elasticsearch',
    ([, errno]) => `mlockall(MCL_CURRENT) = ${failureOf(`errno=${errno!}`)}`,
  ),
  // Go.
  stands(/runtime: out of memory: cannot allocate ([0-9]{1,15})-byte block/, "Go's runtime", ([, size]) =>
    anonymous(size!),
  ),
  stands(/failed to reserve page summary memory/, "Go's runtime", () => reserve(536870912)),
  stands(/runtime: mmap: too much locked memory/, "Go's runtime", () =>
    anonymous(4194304, '-1 EAGAIN (Resource temporarily unavailable)'),
  ),
  stands(/runtime: cannot map pages in arena address space/, "Go's runtime", () => anonymous(67108864)),
  // The kernel's log.
  says(
    /([\w.:/-]{1,32}) \([0-9]{1,8}\): VmData ([0-9]{1,15}) exceed data ulimit ([0-9]{1,15})/,
    'The kernel refused $1 a mapping, or brk, with ENOMEM (may_expand_vm): its private writable memory would be $2 bytes, and RLIMIT_DATA is $3. Since 4.7 the limit counts every private writable mapping, not the heap alone.',
    'raise it: «ulimit -d unlimited», LimitDATA=infinity of systemd',
    'boot with ignore_rlimit_data: the kernel then only warns',
  ),
  says(
    /__vm_enough_memory: pid: ?[0-9]{1,8}, comm: ?(.{1,40}?), (?:bytes|pages): ?([0-9]{1,15})/,
    'The kernel refused $1 to commit $2 more bytes: the call (mmap, brk, mprotect or fork) got ENOMEM. With vm.overcommit_memory=2 CommitLimit is reached, however much memory is free; with 0 the request alone is larger than RAM and swap together.',
    'compare CommitLimit with Committed_AS in /proc/meminfo',
    'mode 2: raise vm.overcommit_ratio (50 by default) or vm.overcommit_kbytes, add swap, or use vm.overcommit_memory=0',
    'mode 0: ask for less, add swap, map with MAP_NORESERVE, or use vm.overcommit_memory=1',
  ),
  says(
    /invoked oom-killer|\bOOMKilled\b|Out of memory: Kill|Memory cgroup out of memory: Kill|oom-kill:constraint=/,
    'The kernel killed a process because pages could not be found when memory was touched. No mmap had failed: with overcommit, memory is promised by mmap and taken at the first touch.',
    'vm.overcommit_memory=2 makes mmap fail with ENOMEM instead, as far as the machine (not a cgroup) is concerned',
    'a message with «Memory cgroup» or CONSTRAINT_MEMCG names the limit of a container: raise memory.max (docker run --memory)',
    'the log lists rss of each task: the largest is what needs less memory, or more RAM or swap',
  ),
  // Sanitizers.
  stands(
    /failed to allocate 0x([0-9a-f]{1,16}) \([0-9]{1,20}\) bytes (?:of [\w ]{1,40} )?(?:at address (?:0x)?([0-9a-f]{1,16}) )?\((?:errno|error code):? ?([0-9]{1,3})\)/,
    'a sanitizer',
    ([, size, at, errno]) =>
      at === undefined
        ? anonymous(`0x${size!}`, failureOf(`errno=${errno!}`))
        : `mmap(0x${at}, 0x${size!}, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = ${failureOf(`errno=${errno!}`)}`,
  ),
  stands(
    /ReserveShadowMemoryRange failed while trying to map 0x([0-9a-f]{1,16}) bytes/,
    'AddressSanitizer',
    ([, size]) => reserve(`0x${size!}`),
  ),
  stands(
    /ASan shadow was supposed to be located in the \[0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})\]/,
    'AddressSanitizer',
    ([, from, to]) => {
      const [start, end] = [parseInt(from!, 16), parseInt(to!, 16) + 1];
      return `mmap(0x${start.toString(16)}, 0x${(end - start).toString(16)}, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE|MAP_FIXED_NOREPLACE, -1, 0) = -1 EEXIST (File exists)`;
    },
  ),
  says(
    /(?:ThreadSanitizer|MemorySanitizer|DataflowSanitizer).{0,60}(?:unexpected memory mapping|can not mmap|unable to find memory)(?:.{0,4}(0x[0-9a-f]{1,16}-0x[0-9a-f]{1,16}))?/,
    'The sanitizer needs fixed ranges of addresses for its shadow, and something is mapped in one of them $1. Kernels with vm.mmap_rnd_bits above 28 (32 is usual since 2023) place programs and libraries there.',
    'sysctl -w vm.mmap_rnd_bits=28',
    'run it with «setarch -R PROGRAM»: without random addresses',
    'use a newer compiler: LLVM 18.1 and GCC 14 start again without random addresses',
  ),
  // V8 and browsers.
  stands(
    /Failed to reserve virtual memory for (?:process-wide V8 )?pointer compression cage/i,
    'V8 (it reserves 4 GiB, at a multiple of 4 GiB)',
    () => reserve(8589934592),
  ),
  stands(/Failed to reserve virtual memory for CodeRange/, 'V8 (it reserves 128 MiB, near its code)', () =>
    reserve(134217728),
  ),
  stands(
    /Cannot allocate Wasm memory for new instance/,
    'V8 (a WebAssembly memory reserves 8 to 10 GiB with its guards)',
    () => reserve(10737418240),
  ),
  // Allocators and languages.
  says(
    /<jemalloc>: Unsupported system page size/,
    'This jemalloc was built for smaller pages than the kernel has (16 KiB on Apple M1 and Raspberry Pi 5, 64 KiB on some arm64 and ppc64 systems): its munmap and madvise calls would begin within a page, and answer EINVAL.',
    'build jemalloc with --with-lg-page=16 (runs with 4, 16 and 64 KiB pages)',
    'boot a kernel with pages of 4 KiB (Raspberry Pi 5: kernel=kernel8.img in config.txt)',
  ),
  stands(/Unable to allocate ([0-9.]{1,10}) ([KMGT])iB for an array/, 'NumPy', ([, value, unit]) =>
    anonymous(scaled(value!, unit!)),
  ),
  stands(/(?:DefaultCPUAllocator|alloc_cpu).{0,80}tried to allocate ([0-9]{1,16}) bytes/, 'PyTorch', ([, size]) =>
    anonymous(size!),
  ),
  stands(/memory allocation of ([0-9]{1,16}) bytes failed/, 'Rust', ([, size]) => anonymous(size!)),
  stands(/InnoDB: mmap\(([0-9]{1,16}) bytes\) failed; errno 12/, 'MySQL', ([, size]) => anonymous(size!)),
  stands(
    /MmapAligned\(\) failed.{0,100}\((?:hint|hint=)?[^0-9]{0,20}(0x[0-9a-f]{1,16})?/,
    'TCMalloc (it reserves 1 GiB)',
    () => reserve(1073741824),
  ),
  // Databases.
  stands(
    /To reduce the request size \(currently ([0-9]{1,16}) bytes\)/,
    'PostgreSQL',
    ([, size]) => `mmap(NULL, ${size!}, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0) = ${NO_MEMORY}`,
  ),
  says(
    /could not resize shared memory segment "([^"]{1,80})" to ([0-9]{1,15}) bytes: No space left on device/,
    'fallocate answers ENOSPC: the tmpfs at /dev/shm has no room for $2 bytes. A container gets 64 MiB for it.',
    'give the container more: docker run --shm-size=1g, shm_size of Compose, a Memory volume at /dev/shm in Kubernetes',
    'on a host: mount -o remount,size=… /dev/shm',
    'PostgreSQL: less parallel work (max_parallel_workers_per_gather), or dynamic_shared_memory_type=mmap',
  ),
  stands(
    /(?:Can't save in background: fork|could not fork \w[\w ]{0,40}|\bfork(?:\(\))?|cannot fork(?: child)?|retry): (?:retry: )?(Cannot allocate memory|Resource temporarily unavailable)/,
    'a failed fork',
    ([, why]) => `fork() = ${failureOf(why!)}`,
  ),
  // The dynamic loader.
  stands(
    /failed to map segment from shared object(?:: (.{1,40}))?/,
    "glibc's loader",
    ([, why]) =>
      `mmap(NULL, 8192, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_DENYWRITE, 3, 0) = ${failureOf(why ?? 'Operation not permitted')}`,
  ),
  says(
    /cannot enable executable stack as shared object requires: (.{1,40})/,
    'mprotect of the stack with PROT_EXEC was refused ($1): SELinux (execstack), a seccomp filter or glibc 2.41 and newer, which no longer do it in dlopen. The library has a PT_GNU_STACK header with PF_X, or none.',
    'clear the mark: «patchelf --clear-execstack LIB» or «execstack -c LIB»',
    'build its assembler files with .section .note.GNU-stack,"",@progbits',
  ),
  says(
    /cannot (?:restore segment prot after reloc|make segment writable for relocation): (Permission denied)/,
    'mprotect refused to make a private file mapping that was written to executable: SELinux (execmod). The library has text relocations.',
    'build the library with -fPIC (readelf -d LIB shows TEXTREL)',
    'chcon -t textrel_shlib_t LIB allows it for this file',
  ),
  says(
    /ELF load command (?:address\/offset|alignment) not (?:properly aligned|page-aligned)|program alignment \((4096)\) cannot be smaller than system page size|load segment.{0,40}not page[- ]aligned/,
    'The file was linked for smaller pages than the kernel has: its segments do not begin at a page, and the mmap of the loader would answer EINVAL.',
    'link it with -Wl,-z,max-page-size=16384 (or 65536)',
    '«vmarea check-elf FILE --page-size 16k» names the segment and the call that fails',
  ),
  // Virtual machines, huge pages.
  says(
    /EAL: (?:No free ([0-9]{1,8}) ?kB hugepages reported|Cannot get hugepage information|Not enough memory available|FATAL: Cannot (?:get hugepage|init memory))/,
    'DPDK finds too few free huge pages in the pool, or no hugetlbfs mount that it may write to.',
    'echo 1024 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages, soon after boot (memory is not in pieces then), per NUMA node below /sys/devices/system/node',
    'mount -t hugetlbfs none /dev/hugepages, writable for its user',
    'a container needs the mount and a hugetlb limit: grep Huge /proc/meminfo shows what is free',
  ),
  says(
    /unable to map backing store for guest RAM: (.{1,40})/,
    'QEMU maps the guest from huge pages, and the pool has too few free ones ($1): all pages are reserved by mmap.',
    'sysctl -w vm.nr_hugepages=N for as many pages as the guest has RAM: 512 of 2 MiB for 1 GiB',
    'grep Huge /proc/meminfo shows what is free: HugePages_Free less HugePages_Rsvd',
  ),
  // Wine.
  stands(
    /preloader: Warning: failed to reserve range ([0-9a-f]{8,16})-([0-9a-f]{8,16})/,
    "Wine's preloader",
    ([, from, to]) => {
      const [start, end] = [parseInt(from!, 16), parseInt(to!, 16)];
      return `mmap(0x${start.toString(16)}, 0x${(end - start).toString(16)}, PROT_NONE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = -1`;
    },
  ),
  // Locked memory.
  says(
    /gpg: .{0,20}(?:using insecure memory|can't lock memory)/i,
    'gpg could not lock its memory (mlock answers ENOMEM or EPERM): RLIMIT_MEMLOCK is too low. It works, but keys may be written to swap.',
    ...MEMLOCK_HELP,
  ),
];
