// The system calls of each machine, as far as a call's name identifies the machine.

import { syscallNumber } from '@vmarea/uapi';

/** The machines of logs. */
export type Machine = 'arm64' | 'x86_64' | 'i386' | 'arm' | 'riscv64';

/** The machine of a log, for a decoder. */
export type Architecture = Machine | 'unknown';

/** What a call's name implies. */
export interface CallOrigin {
  /** Machines that have the call. */
  readonly machines: readonly Machine[];
  /** Width of registers of its callers; 0 when both exist. */
  readonly bits: 0 | 32 | 64;
}

const origin = (bits: 0 | 32 | 64, ...machines: Machine[]): CallOrigin => ({ machines, bits });

const X86 = origin(0, 'x86_64', 'i386');
const ARM = origin(32, 'arm');
const RISCV = origin(64, 'riscv64');
/** Calls of 32-bit ABIs: 64-bit files and offsets in 32-bit registers. */
const NARROW = origin(32, 'arm', 'i386');
/** Calls that machines added after 2008 do not have: they have the `…at` forms only. */
const LEGACY = origin(0, 'x86_64', 'i386', 'arm');

const TABLE: readonly (readonly [CallOrigin, string])[] = [
  [X86, 'arch_prctl modify_ldt iopl ioperm'],
  [origin(32, 'i386'), 'set_thread_area get_thread_area vm86 vm86old socketcall'],
  [ARM, 'set_tls get_tls cacheflush usr26 usr32 breakpoint arm_fadvise64_64 arm_sync_file_range pciconfig_iobase'],
  [RISCV, 'riscv_flush_icache riscv_hwprobe'],
  [
    NARROW,
    'mmap2 old_mmap _llseek fstat64 stat64 lstat64 fstatat64 fcntl64 ugetrlimit statfs64 fstatfs64 ftruncate64 ' +
      'truncate64 sendfile64 getuid32 getgid32 geteuid32 getegid32 chown32 fchown32 setuid32 setgid32 setresuid32 ' +
      'setresgid32 getresuid32 getresgid32 getgroups32 setgroups32 lchown32 clock_gettime64 clock_nanosleep_time64 ' +
      'futex_time64 ppoll_time64 pselect6_time64 utimensat_time64 _newselect',
  ],
  [
    LEGACY,
    'open creat stat lstat access readlink unlink rmdir mkdir rename link symlink chmod chown lchown pipe dup2 fork vfork ' +
      'poll select epoll_wait epoll_create inotify_init eventfd signalfd alarm pause getdents time utime utimes futimesat ' +
      'getpgrp mknod ustat uselib',
  ],
];

const ORIGINS: ReadonlyMap<string, CallOrigin> = new Map(
  TABLE.flatMap(([from, names]) => names.split(' ').map((name): [string, CallOrigin] => [name, from])),
);

/** Returns the machines that have a call; undefined for a call of every machine, and for an unknown name. */
export function callOrigin(name: string): CallOrigin | undefined {
  const told = ORIGINS.get(name);
  // The kernel of 64-bit machines has some of these names under other numbers: arm64 has every call in its table.
  return told === LEGACY && syscallNumber(name) !== undefined ? undefined : told;
}

/** Returns whether a name is a call of Linux, on any machine. */
export function isCallName(name: string): boolean {
  return ORIGINS.has(name) || syscallNumber(name) !== undefined || OTHERS.has(name);
}

/** Calls that arm64 does not have and that identify no machine. */
const OTHERS: ReadonlySet<string> = new Set(
  'pread pwrite newfstatat fstatat lseek exit clone2 sigreturn rt_sigreturn sigaction sigprocmask waitpid nice signal set_mempolicy uselib'.split(
    ' ',
  ),
);
