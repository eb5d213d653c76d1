/**
 * Questions as strangers paste them: lines of strace between prose, outputs of other commands, messages of programs, C programs.
 *
 * Each is given to the command as a file, without a command and without options; the first lines must say the answer.
 */
export interface PastedCase {
  readonly about: string;
  readonly text: string;
  /** What the first nine lines say, blanks folded. */
  readonly first: readonly string[];
  readonly never?: readonly string[];
}

export const PASTED: readonly PastedCase[] = [
  {
    about: 'jvm-hserr',
    text: `#
# There is insufficient memory for the Java Runtime Environment to continue.
# Native memory allocation (mmap) failed to map 12288 bytes for committing reserved memory.
# Possible reasons:
#   The system is out of physical RAM or swap space
#   The process is running with CompressedOops enabled, and the Java Heap may be blocking the growth of the native heap
OpenJDK 64-Bit Server VM warning: INFO: os::commit_memory(0x00007f3d2c5f1000, 12288, 0) failed; error='Cannot allocate memory' (errno=12)
`,
    first: ['vm.max_map_count areas already', 'vm.overcommit_memory is 2'],
  },
  {
    about: 'jvm-commit',
    text: `OpenJDK 64-Bit Server VM warning: INFO: os::commit_memory(0x00000000c5330000, 986513408, 0) failed; error='Cannot allocate memory' (errno=12)
`,
    first: [
      'mmap(0xc5330000, 986513408, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM',
      'RAM and swap are less than 940.81 MiB',
    ],
  },
  {
    about: 'es-msg',
    text: `ERROR: [1] bootstrap checks failed
[1]: max virtual memory areas vm.max_map_count [65530] is too low, increase to at least [262144]
`,
    first: ['vm.max_map_count (is 65530)', 'sysctl -w vm.max_map_count=262144'],
  },
  {
    about: 'go-reserve',
    text: `$ ulimit -v 500000
$ strace -f ./prog
mmap(0xc000000000, 67108864, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xc000000000
mmap(0xc000000000, 67108864, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0xc000000000
mmap(NULL, 536870912, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (Cannot allocate memory)
mmap(NULL, 536870912, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (Cannot allocate memory)
fatal error: failed to reserve page summary memory
`,
    first: ['would exceed RLIMIT_AS', 'RLIMIT_AS is 500000 KiB'],
  },
  {
    about: 'hugetlb',
    text: `#define LENGTH (256UL*1024*1024)
#define PROTECTION (PROT_READ | PROT_WRITE)
#define ADDR (void *)(0x0UL)
#define FLAGS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB)

int main(void)
{
        void *addr;
        addr = mmap(ADDR, LENGTH, PROTECTION, FLAGS, -1, 0);
        if (addr == MAP_FAILED) {
                perror("mmap");
                exit(1);
        }
        munmap(addr, LENGTH);
        return 0;
}
`,
    first: ['mmap(NULL, 268435456', '0 free pages of 2 MiB', '128 are needed'],
  },
  {
    about: 'hugetlb-meminfo',
    text: `mmap(NULL, 2147483648, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB, -1, 0) = -1 ENOMEM (Cannot allocate memory)

$ grep Huge /proc/meminfo
AnonHugePages:     90112 kB
ShmemHugePages:        0 kB
FileHugePages:         0 kB
HugePages_Total:    1024
HugePages_Free:     1024
HugePages_Rsvd:      513
HugePages_Surp:        0
Hugepagesize:       2048 kB
Hugetlb:         2097152 kB
`,
    first: ['511 free pages of 2 MiB', '513 promised to others', '1024 are needed'],
  },
  {
    about: 'jemalloc16k',
    text: `<jemalloc>: Unsupported system page size
<jemalloc>: Error in munmap(): Invalid argument
munmap(0xffff8a9f1000, 28672)           = -1 EINVAL (Invalid argument)
$ getconf PAGESIZE
16384
`,
    first: ['built for smaller pages than the kernel has', '--with-lg-page=16'],
  },
  {
    about: 'luajit32',
    text: `mmap(NULL, 131072, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_32BIT, -1, 0) = -1 ENOMEM (Cannot allocate memory)
$ uname -a
Linux host 4.19.0-18-amd64 #1 SMP Debian 4.19.208-1 (2021-09-29) x86_64 GNU/Linux
`,
    first: ['the window of MAP_32BIT, 1 GiB from 0x40000000 to 0x80000000'],
  },
  {
    about: 'gpg-mlock',
    text: `mlock(0x7f8a4c000000, 131072)           = -1 ENOMEM (Cannot allocate memory)
$ ulimit -l
64
`,
    first: ['would exceed RLIMIT_MEMLOCK', 'RLIMIT_MEMLOCK is 64 KiB'],
  },
  {
    about: 'iouring',
    text: `io_uring_setup(4096, {flags=0, sq_thread_cpu=0, sq_thread_idle=0}) = -1 ENOMEM (Cannot allocate memory)
$ ulimit -l
64
$ uname -r
5.10.0-8-amd64
`,
    first: ['charged to RLIMIT_MEMLOCK', 'up to 5.11'],
  },
  {
    about: 'bpf',
    text: `libbpf: Error in bpf_object__probe_loading():Operation not permitted(1). Couldn't load trivial BPF program. Make sure your kernel supports BPF (CONFIG_BPF_SYSCALL=y) and/or that RLIMIT_MEMLOCK is set to big enough value.
bpf(BPF_MAP_CREATE, {map_type=BPF_MAP_TYPE_HASH, key_size=4, value_size=8, max_entries=10240}, 72) = -1 EPERM (Operation not permitted)
`,
    first: ['bpf needs CAP_BPF', 'RLIMIT_MEMLOCK, which answers EPERM as well'],
  },
  {
    about: 'docker-shm',
    text: `$ docker exec db df -h /dev/shm
Filesystem      Size  Used Avail Use% Mounted on
shm              64M   64M     0 100% /dev/shm
openat(AT_FDCWD, "/dev/shm/PostgreSQL.1804289383", O_RDWR|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600) = 7
ftruncate(7, 134217728) = 0
mmap(NULL, 134217728, PROT_READ|PROT_WRITE, MAP_SHARED, 7, 0) = 0x7f1e2a000000
--- SIGBUS {si_signo=SIGBUS, si_code=BUS_ADRERR, si_addr=0x7f1e2e000000} ---
+++ killed by SIGBUS (core dumped) +++
`,
    first: ['= SIGBUS', 'lies within the file', 'tmpfs at /dev/shm is full', '--shm-size'],
  },
  {
    about: 'pg-dsm',
    text: `ERROR:  could not resize shared memory segment "/PostgreSQL.1804289383" to 134217728 bytes: No space left on device
fallocate(7, 0, 0, 134217728) = -1 ENOSPC (No space left on device)
`,
    first: ['the tmpfs at /dev/shm has no room for 134217728 bytes', '--shm-size'],
  },
  {
    about: 'truncate-sigbus',
    text: `int fd = open("/tmp/x", O_RDWR | O_CREAT | O_TRUNC, 0644);
char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
p[0] = 'a';
`,
    first: ['= SIGBUS', 'beyond the end of the file', 'which has 0 bytes'],
  },
  {
    about: 'asahi-offset',
    text: `openat(AT_FDCWD, "/opt/app/resources.pak", O_RDONLY|O_CLOEXEC) = 12
mmap(NULL, 53248, PROT_READ, MAP_SHARED, 12, 0x1000) = -1 EINVAL (Invalid argument)
uname -a: Linux fedora 6.6.3-411.asahi.fc39.aarch64+16k #1 SMP PREEMPT_DYNAMIC
`,
    first: ['= -1 EINVAL', 'pages are 16 KiB'],
  },
  {
    about: 'noreplace',
    text: `mmap(0x7ffff7dd5000, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED_NOREPLACE, -1, 0) = -1 EEXIST (File exists)
`,
    first: ['= -1 EEXIST', 'something is mapped in the range already'],
  },
  {
    about: 'libffi-noexec',
    text: `open("/tmp/ffiVcSNRA", O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 3
unlink("/tmp/ffiVcSNRA") = 0
ftruncate(3, 4096) = 0
mmap(NULL, 4096, PROT_READ|PROT_EXEC, MAP_SHARED, 3, 0) = -1 EPERM (Operation not permitted)
$ mount | grep /tmp
tmpfs on /tmp type tmpfs (rw,nosuid,nodev,noexec,relatime,size=4096k)
`,
    first: ['= -1 EPERM', '/tmp/ffiVcSNRA lies on a mount with noexec'],
  },
  {
    about: 'selinux-execmem',
    text: `mmap(NULL, 65536, PROT_READ|PROT_WRITE|PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 EACCES (Permission denied)
type=AVC msg=audit(1631110236.123:456): avc:  denied  { execmem } for  pid=1234 comm="node" scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:system_r:httpd_t:s0 tclass=process permissive=0
`,
    first: ['= -1 EACCES', 'SELinux denied execmem'],
  },
  {
    about: 'redis-fork',
    text: `1234:M 05 Mar 2021 10:00:00.000 # Can't save in background: fork: Cannot allocate memory
clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f8b4c5d4a10) = -1 ENOMEM (Cannot allocate memory)
# free -m
              total        used        free      shared  buff/cache   available
Mem:           7822        4511        2800           0         511        3000
Swap:             0           0           0
# sysctl vm.overcommit_memory
vm.overcommit_memory = 0
`,
    first: ['= -1 ENOMEM', 'private writable memory of the process', 'vm.overcommit_memory=1'],
  },
  {
    about: 'uffd',
    text: `userfaultfd(O_CLOEXEC|O_NONBLOCK)       = -1 EPERM (Operation not permitted)
$ sysctl vm.unprivileged_userfaultfd
vm.unprivileged_userfaultfd = 0
`,
    first: ['userfaultfd needs CAP_SYS_PTRACE', 'vm.unprivileged_userfaultfd=1'],
  },
  {
    about: 'overcommit2',
    text: `$ cat /proc/sys/vm/overcommit_memory
2
$ cat /proc/meminfo
MemTotal:       16303428 kB
MemFree:         9874512 kB
MemAvailable:   12384752 kB
SwapTotal:             0 kB
SwapFree:              0 kB
CommitLimit:     8151712 kB
Committed_AS:    7912340 kB
mmap(NULL, 536870912, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = -1 ENOMEM (Cannot allocate memory)
`,
    first: ['7.55 GiB are committed', 'CommitLimit leaves 7.77 GiB', 'Mode 2 ignores MAP_NORESERVE'],
  },
  {
    about: 'ulimita',
    text: `$ ulimit -a
core file size          (blocks, -c) 0
data seg size           (kbytes, -d) unlimited
scheduling priority             (-e) 0
file size               (blocks, -f) unlimited
pending signals                 (-i) 63374
max locked memory       (kbytes, -l) 65536
max memory size         (kbytes, -m) unlimited
open files                      (-n) 1024
pipe size            (512 bytes, -p) 8
POSIX message queues     (bytes, -q) 819200
real-time priority              (-r) 0
stack size              (kbytes, -s) 8192
cpu time               (seconds, -t) unlimited
max user processes              (-u) 63374
virtual memory          (kbytes, -v) 4194304
file locks                      (-x) unlimited
$ strace -e mmap node app.js
mmap(NULL, 8589934592, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = -1 ENOMEM (Cannot allocate memory)
`,
    first: ['would exceed RLIMIT_AS', 'RLIMIT_AS is 4 GiB'],
  },
  {
    about: 'limits',
    text: `$ cat /proc/2211/limits
Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max file size             unlimited            unlimited            bytes
Max data size             unlimited            unlimited            bytes
Max stack size            8388608              unlimited            bytes
Max core file size        0                    unlimited            bytes
Max resident set          unlimited            unlimited            bytes
Max processes             127236               127236               processes
Max open files            1024                 1048576              files
Max locked memory         65536                65536                bytes
Max address space         unlimited            unlimited            bytes
Max file locks            unlimited            unlimited            locks
Max pending signals       127236               127236               signals
mlockall(MCL_CURRENT|MCL_FUTURE) = -1 ENOMEM (Cannot allocate memory)
`,
    first: ['would exceed RLIMIT_MEMLOCK', 'RLIMIT_MEMLOCK is 64 KiB'],
  },
  {
    about: 'dmesg-data',
    text: `[ 1234.567890] mmap: java (4321): VmData 8392704 exceed data ulimit 8388608. Update limits or use boot option ignore_rlimit_data.
`,
    first: ['RLIMIT_DATA is 8388608', 'ulimit -d unlimited'],
  },
  {
    about: 'dmesg-vmem',
    text: `[123456.789] __vm_enough_memory: pid: 4532, comm: postgres, bytes: 142934016 not enough memory for the allocation
`,
    first: ['refused postgres to commit 142934016 more bytes', 'CommitLimit'],
  },
  {
    about: 'oom',
    text: `[12345.678901] java invoked oom-killer: gfp_mask=0x100cca(GFP_HIGHUSER_MOVABLE), order=0, oom_score_adj=0
[12345.678950] Mem-Info:
[12345.678955] active_anon:1023 inactive_anon:981234 isolated_anon:0
[12345.679123] Out of memory: Killed process 4321 (java) total-vm:8237420kB, anon-rss:3921344kB, file-rss:0kB, shmem-rss:0kB, UID:1000 pgtables:8340kB oom_score_adj:0
`,
    first: ['No mmap had failed'],
  },
  {
    about: 'tsan',
    text: `FATAL: ThreadSanitizer: unexpected memory mapping 0x5c9ae6a0e000-0x5c9ae6a2e000
$ sysctl vm.mmap_rnd_bits
vm.mmap_rnd_bits = 32
`,
    first: ['vm.mmap_rnd_bits above 28', 'setarch -R'],
  },
  {
    about: 'dpdk',
    text: `EAL: get_seg_fd(): open failed: Cannot allocate memory
mmap(0x100000000, 1073741824, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED|MAP_POPULATE, 14</dev/hugepages/rtemap_0>, 0) = -1 ENOMEM (Cannot allocate memory)
`,
    first: ['= -1 ENOMEM', '0 free pages of 2 MiB', '512 are needed'],
  },
  {
    about: 'mseal',
    text: `mseal(0x7ffff7fc1000, 8192, 0) = 0
mprotect(0x7ffff7fc1000, 4096, PROT_READ|PROT_WRITE) = -1 EPERM (Operation not permitted)
munmap(0x7ffff7fc1000, 8192) = -1 EPERM (Operation not permitted)
`,
    first: ['= -1 EPERM', 'is sealed'],
  },
  {
    about: 'jit-mprotect',
    text: `mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 5, 0) = 0x7f0a0c0e5000
mprotect(0x7f0a0c0e5000, 4096, PROT_READ|PROT_EXEC) = -1 EACCES (Permission denied)
`,
    first: ['= -1 EACCES', 'noexec'],
  },
  {
    about: 'malloc-mprotect',
    text: `char *buf = malloc(4096);
if (mprotect(buf, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) == -1)
    perror("mprotect");
`,
    first: ['= -1 EINVAL', '16 bytes past'],
  },
  {
    about: 'perf',
    text: `     0.000 ( 0.008 ms): redis-server/4321 mmap(len: 8392704, prot: READ|WRITE, flags: PRIVATE|ANONYMOUS) = -1 ENOMEM (Cannot allocate memory)
`,
    first: ['mmap(NULL, 8392704, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM'],
  },
  {
    about: 'mmap-dev',
    text: `openat(AT_FDCWD, "/dev/mem", O_RDWR|O_SYNC) = 3
mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0x3f200000) = -1 EPERM (Operation not permitted)
`,
    first: ['= -1 EPERM', '/dev/mem is a device', 'CONFIG_STRICT_DEVMEM'],
  },
  {
    about: 'posixthread',
    text: `mmap(NULL, 8392704, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_STACK, -1, 0) = -1 ENOMEM (Cannot allocate memory)
pthread_create: Resource temporarily unavailable
$ cat /proc/sys/vm/max_map_count
65530
$ wc -l /proc/4321/maps
65532 /proc/4321/maps
`,
    first: ['65,532 areas (line 6)', 'vm.max_map_count is 65,530'],
  },
  {
    about: 'status',
    text: `$ cat /proc/4321/status
Name:	java
VmPeak:	 4194300 kB
VmSize:	 4194300 kB
VmLck:	       0 kB
VmRSS:	  812345 kB
VmData:	 3900000 kB
VmStk:	     136 kB
Threads:	54
mmap(NULL, 1048576, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (Cannot allocate memory)
$ ulimit -v
4194304
`,
    first: ['4194300 KiB are mapped (line 4', 'RLIMIT_AS is 4 GiB'],
  },
  {
    about: 'sysctl-a',
    text: `vm.admin_reserve_kbytes = 8192
vm.legacy_va_layout = 0
vm.max_map_count = 65530
vm.mmap_min_addr = 65536
vm.nr_hugepages = 0
vm.overcommit_kbytes = 0
vm.overcommit_memory = 2
vm.overcommit_ratio = 50
vm.swappiness = 60
vm.user_reserve_kbytes = 131072
MemTotal: 4046344 kB
mmap(NULL, 3221225472, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (Cannot allocate memory)
`,
    first: ['With vm.overcommit_memory=2', 'CommitLimit leaves 1.92 GiB'],
  },
  {
    about: 'emptyfile',
    text: `#include <sys/mman.h>
int main(int argc, char **argv) {
    int fd = open(argv[1], O_RDONLY);
    struct stat sb;
    fstat(fd, &sb);
    char *addr = mmap(NULL, sb.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (addr == MAP_FAILED) { perror("mmap"); return 1; }
}
`,
    first: ['st_size is taken as 65536. For an empty file it is 0, and mmap answers EINVAL'],
  },
  {
    about: 'zero-len',
    text: `openat(AT_FDCWD, "empty.txt", O_RDONLY) = 3
fstat(3, {st_mode=S_IFREG|0664, st_size=0, ...}) = 0
mmap(NULL, 0, PROT_READ, MAP_PRIVATE, 3, 0) = -1 EINVAL (Invalid argument)
`,
    first: ['= -1 EINVAL', 'The length is 0'],
  },
  {
    about: 'wronly',
    text: `openat(AT_FDCWD, "/tmp/out", O_WRONLY|O_CREAT|O_TRUNC, 0644) = 3
ftruncate(3, 4096) = 0
mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, 3, 0) = -1 EACCES (Permission denied)
`,
    first: ['= -1 EACCES', '/tmp/out) is open write-only'],
  },
  {
    about: 'noflags',
    text: `char *p = mmap(0, 4096, PROT_READ|PROT_WRITE, MAP_ANONYMOUS, -1, 0);
`,
    first: ['= -1 EINVAL', 'neither MAP_SHARED nor MAP_PRIVATE'],
  },
  {
    about: 'shm-sigbus',
    text: `int fd = shm_open("/myshm", O_CREAT | O_RDWR, 0666);
int *ptr = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
*ptr = 42;
`,
    first: ['= SIGBUS', 'which has 0 bytes'],
  },
  {
    about: 'madvfree',
    text: `madvise(0x7f5c3a200000, 2097152, MADV_FREE) = -1 EINVAL (Invalid argument)
uname -r
4.4.0-210-generic
`,
    first: ['= -1 EINVAL', 'MADV_FREE is of 4.5'],
  },
  {
    about: 'arm64-go',
    text: `Android, arm64
mmap(0x4000000000, 67108864, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x4000000000
mmap(0x8000000000, 67108864, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7a3b400000
munmap(0x7a3b400000, 67108864) = 0
`,
    first: ['The hint 0x8000000000 was not taken', 'beyond the addresses of a program, which end at 0x8000000000'],
  },
  {
    about: 'mlocked',
    text: `mmap(NULL, 1048576, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_LOCKED, -1, 0) = -1 EAGAIN (Resource temporarily unavailable)
max locked memory       (kbytes, -l) 64
`,
    first: ['= -1 EAGAIN', 'RLIMIT_MEMLOCK is 64 KiB'],
  },
  {
    about: 'dir',
    text: `open("/proc/self/maps", O_RDONLY) = 3
mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0) = -1 ENODEV (No such device)
`,
    first: ['= -1 ENODEV', 'Files of /proc have no mmap operation'],
  },
  {
    about: 'noreserve2',
    text: `$ sysctl vm.overcommit_memory vm.overcommit_ratio
vm.overcommit_memory = 2
vm.overcommit_ratio = 80
$ free -g
              total        used        free      shared  buff/cache   available
Mem:             62          10          50           0           2          51
Swap:             0           0           0
mmap(NULL, 68719476736, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = -1 ENOMEM (Cannot allocate memory)
`,
    first: ['CommitLimit leaves 49.59 GiB', 'Mode 2 ignores MAP_NORESERVE'],
  },
  {
    about: 'guard',
    text: `mmap(NULL, 8392704, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_STACK, -1, 0) = 0x7f1f4b7ff000
mprotect(0x7f1f4b800000, 8388608, PROT_READ|PROT_WRITE) = 0
--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_ACCERR, si_addr=0x7f1f4b7ffff8} ---
`,
    first: ['= SIGSEGV', 'PROT_NONE'],
  },
  {
    about: '16k-rpi',
    text: `Raspberry Pi 5, Linux raspberrypi 6.6.20+rpt-rpi-2712 #1 SMP PREEMPT Debian 1:6.6.20-1+rpt1 (2024-03-07) aarch64 GNU/Linux
mprotect(0x7fffa5c31000, 4096, PROT_READ) = -1 EINVAL (Invalid argument)
`,
    first: ['= -1 EINVAL', 'pages are 16 KiB'],
  },
  {
    about: 'yy',
    text: `12345 10:00:00.000001 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED, 5</home/u/db.lmdb<regular 8:2 123>>, 0) = -1 ENODEV (No such device) <0.000010>
`,
    first: ['= -1 ENODEV', 'Shared mappings are missing in 9p'],
  },
  {
    about: 'kube',
    text: `Last State:     Terminated
      Reason:       OOMKilled
      Exit Code:    137
`,
    first: ['No mmap had failed'],
  },
  {
    about: 'android-relro',
    text: `java.lang.UnsatisfiedLinkError: dlopen failed: "/data/app/lib/arm64/libfoo.so" program alignment (4096) cannot be smaller than system page size (16384)
`,
    first: ['linked for smaller pages', 'max-page-size=16384'],
  },
  {
    about: 'ldso-noexec',
    text: `./app: error while loading shared libraries: /mnt/usb/libfoo.so: failed to map segment from shared object: Operation not permitted
`,
    first: ['= -1 EPERM', 'noexec'],
  },
  {
    about: 'execstack',
    text: `error while loading shared libraries: libfoo.so.1: cannot enable executable stack as shared object requires: Invalid argument
`,
    first: ['mprotect of the stack with PROT_EXEC was refused'],
  },
  {
    about: 'numpy',
    text: `numpy.core._exceptions.MemoryError: Unable to allocate 156. GiB for an array with shape (16000000, 1310) and data type float64
`,
    first: ['156 GiB are asked for in one piece'],
  },
];
