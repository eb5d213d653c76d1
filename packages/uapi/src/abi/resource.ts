// Numbers and names of the resource limits, and the value for «no limit».
// Mirrors include/uapi/asm-generic/resource.h.

export const RLIMIT_CPU = 0;
export const RLIMIT_FSIZE = 1;
export const RLIMIT_DATA = 2;
export const RLIMIT_STACK = 3;
export const RLIMIT_CORE = 4;
export const RLIMIT_RSS = 5;
export const RLIMIT_NPROC = 6;
export const RLIMIT_NOFILE = 7;
export const RLIMIT_MEMLOCK = 8;
export const RLIMIT_AS = 9;
export const RLIMIT_LOCKS = 10;
export const RLIMIT_SIGPENDING = 11;
export const RLIMIT_MSGQUEUE = 12;
export const RLIMIT_NICE = 13;
export const RLIMIT_RTPRIO = 14;
export const RLIMIT_RTTIME = 15;
/** The number of limits. */
export const RLIM_NLIMITS = 16;

/**
 * No limit. The ABI has all 64 bits set; here it is `Infinity`, which compares and subtracts like the kernel's largest
 * unsigned value in every test of a limit.
 */
export const RLIM_INFINITY: number = Infinity;

const NAMES: readonly string[] = [
  'RLIMIT_CPU',
  'RLIMIT_FSIZE',
  'RLIMIT_DATA',
  'RLIMIT_STACK',
  'RLIMIT_CORE',
  'RLIMIT_RSS',
  'RLIMIT_NPROC',
  'RLIMIT_NOFILE',
  'RLIMIT_MEMLOCK',
  'RLIMIT_AS',
  'RLIMIT_LOCKS',
  'RLIMIT_SIGPENDING',
  'RLIMIT_MSGQUEUE',
  'RLIMIT_NICE',
  'RLIMIT_RTPRIO',
  'RLIMIT_RTTIME',
];

/** Returns the name of a limit, for instance `RLIMIT_STACK`; the decimal number when there is none. */
export function rlimitName(resource: number): string {
  return NAMES[resource] ?? String(resource);
}

/** Returns the number of a limit from its name, with or without `RLIMIT_`, in any case; `undefined` for a name that is none. */
export function rlimitByName(name: string): number | undefined {
  const upper = name.toUpperCase();
  const index = NAMES.indexOf(upper.startsWith('RLIMIT_') ? upper : `RLIMIT_${upper}`);
  return index < 0 ? undefined : index;
}
