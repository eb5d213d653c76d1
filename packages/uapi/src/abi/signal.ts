// Signal numbers, and the codes that siginfo carries for memory faults and children.
// Numbers are those of asm-generic (arm64, x86, riscv). Mirrors include/uapi/asm-generic/{signal,siginfo}.h.

export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGILL = 4;
export const SIGTRAP = 5;
export const SIGABRT = 6;
export const SIGBUS = 7;
export const SIGFPE = 8;
export const SIGKILL = 9;
export const SIGUSR1 = 10;
export const SIGSEGV = 11;
export const SIGUSR2 = 12;
export const SIGPIPE = 13;
export const SIGALRM = 14;
export const SIGTERM = 15;
export const SIGSTKFLT = 16;
export const SIGCHLD = 17;
export const SIGCONT = 18;
export const SIGSTOP = 19;
export const SIGTSTP = 20;
export const SIGTTIN = 21;
export const SIGTTOU = 22;
export const SIGURG = 23;
export const SIGXCPU = 24;
export const SIGXFSZ = 25;
export const SIGVTALRM = 26;
export const SIGPROF = 27;
export const SIGWINCH = 28;
export const SIGIO = 29;
export const SIGPWR = 30;
export const SIGSYS = 31;
/** Same value as {@link SIGABRT}. */
export const SIGIOT = 6;
/** Same value as {@link SIGIO}. */
export const SIGPOLL = 29;
/** The first real-time signal of the kernel; strace counts from it, and prints 33 as `SIGRT_1`. */
export const SIGRTMIN = 32;
/** Highest signal number. */
export const SIGRTMAX = 64;

/** No mapping at the address. */
export const SEGV_MAPERR = 1;
/** A mapping, but not with that access. */
export const SEGV_ACCERR = 2;
export const SEGV_BNDERR = 3;
export const SEGV_PKUERR = 4;
export const SEGV_MTEAERR = 8;
export const SEGV_MTESERR = 9;

export const BUS_ADRALN = 1;
/** Beyond the end of the file, or no huge page left. */
export const BUS_ADRERR = 2;
export const BUS_OBJERR = 3;
export const BUS_MCEERR_AR = 4;
export const BUS_MCEERR_AO = 5;

export const ILL_ILLOPC = 1;

export const CLD_EXITED = 1;
export const CLD_KILLED = 2;
export const CLD_DUMPED = 3;
export const CLD_TRAPPED = 4;
export const CLD_STOPPED = 5;
export const CLD_CONTINUED = 6;

export const SI_USER = 0;
export const SI_KERNEL = 0x80;
export const SI_QUEUE = -1;
export const SI_TKILL = -6;

/** How rt_sigprocmask changes the mask. */
export const SIG_BLOCK = 0;
export const SIG_UNBLOCK = 1;
export const SIG_SETMASK = 2;

/** Handlers that are no addresses: the default action, and none. */
export const SIG_DFL = 0;
export const SIG_IGN = 1;

export const SA_NOCLDSTOP = 0x1;
export const SA_NOCLDWAIT = 0x2;
/** The handler gets a siginfo and a context. */
export const SA_SIGINFO = 0x4;
/** Cleared by kernels since 5.11, so that a program sees which bits are supported. */
export const SA_UNSUPPORTED = 0x400;
/** si_addr keeps the tag of the address (5.11). */
export const SA_EXPOSE_TAGBITS = 0x800;
/** x86 and arm64: `sa_restorer` is where the handler returns to. */
export const SA_RESTORER = 0x04000000;
/** The handler runs on the stack of sigaltstack. */
export const SA_ONSTACK = 0x08000000;
export const SA_RESTART = 0x10000000;
/** The signal is not blocked while its handler runs. */
export const SA_NODEFER = 0x40000000;
/** The action becomes the default before the handler runs. 2^31: int32 operators treat this JS number as negative. */
export const SA_RESETHAND = 0x80000000;

/** sigaltstack: the task runs on it; there is none. */
export const SS_ONSTACK = 1;
export const SS_DISABLE = 2;
/** The stack is disabled while a handler runs on it (4.7). 2^31: int32 operators treat this JS number as negative. */
export const SS_AUTODISARM = 0x80000000;

/** Bytes of a struct siginfo, and of a sigset_t. */
export const SIGINFO_BYTES = 128;
export const SIGSET_BYTES = 8;

const NAMES: readonly string[] = [
  '0',
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGKILL',
  'SIGUSR1',
  'SIGSEGV',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
  'SIGTERM',
  'SIGSTKFLT',
  'SIGCHLD',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGPROF',
  'SIGWINCH',
  'SIGIO',
  'SIGPWR',
  'SIGSYS',
];

const CODES: readonly (readonly [signal: number, code: number, name: string])[] = [
  [SIGSEGV, SEGV_MAPERR, 'SEGV_MAPERR'],
  [SIGSEGV, SEGV_ACCERR, 'SEGV_ACCERR'],
  [SIGSEGV, SEGV_BNDERR, 'SEGV_BNDERR'],
  [SIGSEGV, SEGV_PKUERR, 'SEGV_PKUERR'],
  [SIGSEGV, SEGV_MTEAERR, 'SEGV_MTEAERR'],
  [SIGSEGV, SEGV_MTESERR, 'SEGV_MTESERR'],
  [SIGBUS, BUS_ADRALN, 'BUS_ADRALN'],
  [SIGBUS, BUS_ADRERR, 'BUS_ADRERR'],
  [SIGBUS, BUS_OBJERR, 'BUS_OBJERR'],
  [SIGBUS, BUS_MCEERR_AR, 'BUS_MCEERR_AR'],
  [SIGBUS, BUS_MCEERR_AO, 'BUS_MCEERR_AO'],
  [SIGILL, ILL_ILLOPC, 'ILL_ILLOPC'],
  [SIGCHLD, CLD_EXITED, 'CLD_EXITED'],
  [SIGCHLD, CLD_KILLED, 'CLD_KILLED'],
  [SIGCHLD, CLD_DUMPED, 'CLD_DUMPED'],
  [SIGCHLD, CLD_TRAPPED, 'CLD_TRAPPED'],
  [SIGCHLD, CLD_STOPPED, 'CLD_STOPPED'],
  [SIGCHLD, CLD_CONTINUED, 'CLD_CONTINUED'],
  [0, SI_USER, 'SI_USER'],
  [0, SI_KERNEL, 'SI_KERNEL'],
  [0, SI_QUEUE, 'SI_QUEUE'],
  [0, SI_TKILL, 'SI_TKILL'],
];

/** Returns the name of a signal as strace prints it: `SIGSEGV`, `SIGRTMIN`, `SIGRT_1`; the decimal number when there is none. */
export function signalName(signal: number): string {
  if (signal === SIGRTMIN) return 'SIGRTMIN';
  if (signal > SIGRTMIN && signal <= SIGRTMAX) return `SIGRT_${signal - SIGRTMIN}`;
  return signal > 0 ? (NAMES[signal] ?? String(signal)) : String(signal);
}

/** Returns the number of a signal from its name (or decimal number); `undefined` for a name that is none. */
export function signalByName(name: string): number | undefined {
  const index = NAMES.indexOf(name);
  if (index > 0) return index;
  if (name === 'SIGIOT') return SIGIOT;
  if (name === 'SIGPOLL') return SIGPOLL;
  if (name === 'SIGRTMIN') return SIGRTMIN;
  if (name === 'SIGRTMAX') return SIGRTMAX;
  if (name.startsWith('SIGRT_')) {
    const nth = Number(name.slice(6));
    return Number.isInteger(nth) && nth >= 0 && nth <= SIGRTMAX - SIGRTMIN ? SIGRTMIN + nth : undefined;
  }
  return /^[1-9][0-9]*$/.test(name) ? Number(name) : undefined;
}

/** Returns the name of a siginfo code for a signal, for instance `SEGV_MAPERR`; the decimal number when there is none. */
export function signalCodeName(signal: number, code: number): string {
  for (const [forSignal, value, name] of CODES) {
    if ((forSignal === signal || forSignal === 0) && value === code) return name;
  }
  return String(code);
}

/** Returns the number of a siginfo code from its name; `undefined` for a name that is none. */
export function signalCodeByName(name: string): number | undefined {
  for (const [, value, known] of CODES) if (known === name) return value;
  return /^-?[0-9]+$/.test(name) ? Number(name) : undefined;
}
