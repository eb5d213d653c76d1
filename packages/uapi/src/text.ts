// Converts flags of the memory calls to text and back, in the notation of strace 6.
// Each kind has `formatX(value)` and `parseX(text)`. A parser returns null for text that it does not understand, and
// `explainFlags` returns the word. The values are in mman.ts, fcntl.ts and the others.

import {
  CLOSE_RANGE_CLOEXEC,
  CLOSE_RANGE_UNSHARE,
  FASYNC,
  O_APPEND,
  O_ACCMODE,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_DSYNC,
  O_EXCL,
  O_LARGEFILE,
  O_NDELAY,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_SYNC,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  __O_SYNC,
  __O_TMPFILE,
} from './abi/fcntl.ts';
import {
  type FlagSet,
  type FlagName,
  type ParsedFlags,
  formatFlags,
  parseFlagNumber,
  parseFlags,
  parseFlagsDetailed,
  withoutComments,
} from './flag-set.ts';
import * as mman from './abi/mman.ts';
import * as per from './abi/personality.ts';
import * as sched from './abi/sched.ts';

/** Picks names with their values, in the order of printing, from a module of constants. */
function pick(from: Readonly<Record<string, unknown>>, ...names: string[]): FlagName[] {
  return names.map((name) => [from[name] as number, name]);
}

/** Protection of mmap, mprotect and pkey_mprotect. */
export const PROT_FLAGS: FlagSet = {
  names: pick(
    mman,
    'PROT_READ',
    'PROT_WRITE',
    'PROT_EXEC',
    'PROT_SEM',
    'PROT_BTI',
    'PROT_MTE',
    'PROT_GROWSDOWN',
    'PROT_GROWSUP',
  ),
  zero: 'PROT_NONE',
  unknown: 'PROT_???',
};

/** Everything in mmap's flags except the type and the huge page size, which are not bits. */
const MAP_BITS: FlagSet = {
  names: pick(
    mman,
    'MAP_FIXED',
    'MAP_ANONYMOUS',
    'MAP_NORESERVE',
    'MAP_POPULATE',
    'MAP_NONBLOCK',
    'MAP_GROWSDOWN',
    'MAP_DENYWRITE',
    'MAP_EXECUTABLE',
    'MAP_LOCKED',
    'MAP_STACK',
    'MAP_HUGETLB',
    'MAP_SYNC',
    'MAP_FIXED_NOREPLACE',
  ),
  zero: '',
  unknown: '',
};

/** The names in mmap's flags, for parsing: also the types, and names of other architectures or old versions. */
const MAP_WORDS: FlagSet = {
  names: [
    ...MAP_BITS.names,
    [mman.MAP_SHARED_VALIDATE, 'MAP_SHARED_VALIDATE'],
    [mman.MAP_SHARED, 'MAP_SHARED'],
    [mman.MAP_PRIVATE, 'MAP_PRIVATE'],
  ],
  aliases: [
    [mman.MAP_FILE, 'MAP_FILE'],
    [mman.MAP_ANONYMOUS, 'MAP_ANON'],
    [mman.MAP_UNINITIALIZED, 'MAP_UNINITIALIZED'],
    // x86 has MAP_32BIT; on other architectures the bit has no effect.
    [0x40, 'MAP_32BIT'],
    [mman.MAP_HUGE_64KB, 'MAP_HUGE_64KB'],
    [mman.MAP_HUGE_2MB, 'MAP_HUGE_2MB'],
    [mman.MAP_HUGE_32MB, 'MAP_HUGE_32MB'],
    [mman.MAP_HUGE_512MB, 'MAP_HUGE_512MB'],
    [mman.MAP_HUGE_1GB, 'MAP_HUGE_1GB'],
    [mman.MAP_HUGE_16GB, 'MAP_HUGE_16GB'],
  ],
  zero: 'MAP_FILE',
  unknown: '',
};

/** Flags of mremap. */
export const MREMAP_FLAGS: FlagSet = {
  names: pick(mman, 'MREMAP_MAYMOVE', 'MREMAP_FIXED', 'MREMAP_DONTUNMAP'),
  zero: '0',
  unknown: 'MREMAP_???',
};

/** Flags of mlockall. */
export const MCL_FLAGS: FlagSet = {
  names: pick(mman, 'MCL_CURRENT', 'MCL_FUTURE', 'MCL_ONFAULT'),
  zero: '0',
  unknown: 'MCL_???',
};

/** Flags of mlock2. */
export const MLOCK_FLAGS: FlagSet = { names: pick(mman, 'MLOCK_ONFAULT'), zero: '0', unknown: 'MLOCK_???' };

/** Flags of msync. */
export const MS_FLAGS: FlagSet = {
  names: pick(mman, 'MS_SYNC', 'MS_ASYNC', 'MS_INVALIDATE'),
  zero: '0',
  unknown: 'MS_???',
};

/** Flags of memfd_create, without the huge page size. */
const MFD_BITS: FlagSet = {
  names: pick(mman, 'MFD_CLOEXEC', 'MFD_ALLOW_SEALING', 'MFD_HUGETLB', 'MFD_NOEXEC_SEAL', 'MFD_EXEC'),
  zero: '0',
  unknown: 'MFD_???',
};

/** Seals of F_ADD_SEALS and F_GET_SEALS. */
export const SEAL_FLAGS: FlagSet = {
  names: pick(
    mman,
    'F_SEAL_SEAL',
    'F_SEAL_SHRINK',
    'F_SEAL_GROW',
    'F_SEAL_WRITE',
    'F_SEAL_FUTURE_WRITE',
    'F_SEAL_EXEC',
  ),
  zero: '0',
  unknown: 'F_SEAL_???',
};

/** Modes of fallocate. */
export const FALLOC_FLAGS: FlagSet = {
  names: pick(
    mman,
    'FALLOC_FL_KEEP_SIZE',
    'FALLOC_FL_PUNCH_HOLE',
    'FALLOC_FL_NO_HIDE_STALE',
    'FALLOC_FL_COLLAPSE_RANGE',
    'FALLOC_FL_ZERO_RANGE',
    'FALLOC_FL_INSERT_RANGE',
    'FALLOC_FL_UNSHARE_RANGE',
  ),
  zero: '0',
  unknown: 'FALLOC_FL_???',
};

/** Flags of close_range. */
export const CLOSE_RANGE_FLAGS: FlagSet = {
  names: [
    [CLOSE_RANGE_UNSHARE, 'CLOSE_RANGE_UNSHARE'],
    [CLOSE_RANGE_CLOEXEC, 'CLOSE_RANGE_CLOEXEC'],
  ],
  zero: '0',
  unknown: 'CLOSE_RANGE_???',
};

/** Flags of open without the access mode, which is not a set of bits. */
const OPEN_BITS: FlagSet = {
  names: [
    [O_CREAT, 'O_CREAT'],
    [O_EXCL, 'O_EXCL'],
    [O_NOCTTY, 'O_NOCTTY'],
    [O_TRUNC, 'O_TRUNC'],
    [O_APPEND, 'O_APPEND'],
    [O_NONBLOCK, 'O_NONBLOCK'],
    [O_SYNC, 'O_SYNC'],
    [__O_SYNC, '__O_SYNC'],
    [O_DSYNC, 'O_DSYNC'],
    [O_DIRECT, 'O_DIRECT'],
    [O_LARGEFILE, 'O_LARGEFILE'],
    [O_NOFOLLOW, 'O_NOFOLLOW'],
    [O_NOATIME, 'O_NOATIME'],
    [O_CLOEXEC, 'O_CLOEXEC'],
    [O_PATH, 'O_PATH'],
    [O_TMPFILE, 'O_TMPFILE'],
    [O_DIRECTORY, 'O_DIRECTORY'],
    [__O_TMPFILE, '__O_TMPFILE'],
    [FASYNC, 'FASYNC'],
  ],
  zero: '',
  unknown: '',
};

const OPEN_WORDS: FlagSet = {
  names: OPEN_BITS.names,
  aliases: [
    [O_RDONLY, 'O_RDONLY'],
    [O_WRONLY, 'O_WRONLY'],
    [O_RDWR, 'O_RDWR'],
    [O_ACCMODE, 'O_ACCMODE'],
    [O_NDELAY, 'O_NDELAY'],
    [O_DSYNC, '__O_DSYNC'],
  ],
  zero: 'O_RDONLY',
  unknown: '',
};

const CLONE_BITS: FlagSet = {
  names: pick(
    sched,
    'CLONE_VM',
    'CLONE_FS',
    'CLONE_FILES',
    'CLONE_SIGHAND',
    'CLONE_PIDFD',
    'CLONE_PTRACE',
    'CLONE_VFORK',
    'CLONE_PARENT',
    'CLONE_THREAD',
    'CLONE_NEWNS',
    'CLONE_SYSVSEM',
    'CLONE_SETTLS',
    'CLONE_PARENT_SETTID',
    'CLONE_CHILD_CLEARTID',
    'CLONE_DETACHED',
    'CLONE_UNTRACED',
    'CLONE_CHILD_SETTID',
    'CLONE_NEWCGROUP',
    'CLONE_NEWUTS',
    'CLONE_NEWIPC',
    'CLONE_NEWUSER',
    'CLONE_NEWPID',
    'CLONE_NEWNET',
    'CLONE_IO',
  ),
  aliases: pick(sched, 'CLONE_NEWTIME', 'CLONE_CLEAR_SIGHAND', 'CLONE_INTO_CGROUP'),
  zero: '0',
  unknown: 'CLONE_???',
};

/** Flags of clone and clone3 without the exit signal. */
export const CLONE_FLAGS: FlagSet = CLONE_BITS;

const PERSONALITY_BITS: FlagSet = {
  names: pick(
    per,
    'UNAME26',
    'ADDR_NO_RANDOMIZE',
    'FDPIC_FUNCPTRS',
    'MMAP_PAGE_ZERO',
    'ADDR_COMPAT_LAYOUT',
    'READ_IMPLIES_EXEC',
    'ADDR_LIMIT_32BIT',
    'SHORT_INODE',
    'WHOLE_SECONDS',
    'STICKY_TIMEOUTS',
    'ADDR_LIMIT_3GB',
  ),
  zero: '',
  unknown: '',
};

const PERSONALITY_TYPES: readonly FlagName[] = pick(
  per,
  'PER_LINUX',
  'PER_SVR4',
  'PER_SVR3',
  'PER_SCOSVR3',
  'PER_WYSEV386',
  'PER_ISCR4',
  'PER_BSD',
  'PER_XENIX',
  'PER_LINUX32',
  'PER_IRIX32',
  'PER_IRIXN32',
  'PER_IRIX64',
  'PER_RISCOS',
  'PER_SOLARIS',
  'PER_UW7',
  'PER_OSF4',
  'PER_HPUX',
  'PER_MASK',
);

const PERSONALITY_WORDS: FlagSet = {
  names: PERSONALITY_BITS.names,
  aliases: [...PERSONALITY_TYPES, [per.PER_BSD, 'PER_SUNOS']],
  zero: 'PER_LINUX',
  unknown: '',
};

const ADVICE: readonly FlagName[] = pick(
  mman,
  'MADV_NORMAL',
  'MADV_RANDOM',
  'MADV_SEQUENTIAL',
  'MADV_WILLNEED',
  'MADV_DONTNEED',
  'MADV_FREE',
  'MADV_REMOVE',
  'MADV_DONTFORK',
  'MADV_DOFORK',
  'MADV_MERGEABLE',
  'MADV_UNMERGEABLE',
  'MADV_HUGEPAGE',
  'MADV_NOHUGEPAGE',
  'MADV_DONTDUMP',
  'MADV_DODUMP',
  'MADV_WIPEONFORK',
  'MADV_KEEPONFORK',
  'MADV_COLD',
  'MADV_PAGEOUT',
  'MADV_POPULATE_READ',
  'MADV_POPULATE_WRITE',
  'MADV_DONTNEED_LOCKED',
  'MADV_COLLAPSE',
  'MADV_HWPOISON',
  'MADV_SOFT_OFFLINE',
);

const ADVICE_NAMES = new Map<number, string>(ADVICE);
const ADVICE_VALUES = new Map<string, number>(ADVICE.map(([value, name]) => [name, value]));

/** Formats a protection: `PROT_READ|PROT_WRITE`, `PROT_NONE`, unknown bits as hexadecimal. */
export function formatProt(prot: number): string {
  return formatFlags(PROT_FLAGS, prot);
}

/** Returns the value of a protection text; null when a word is not understood. */
export function parseProt(text: string): number | null {
  return parseFlags(PROT_FLAGS, text);
}

/** The position of the huge page size in 32 bits of flags: bits 26 to 31. */
const HUGE_SIZE_BITS = 0xfc000000 | 0;

/**
 * Formats the flags of mmap: the type first, then names, unknown bits as hexadecimal, then `N<<MAP_HUGE_SHIFT`.
 * Like strace, it reads the low 32 bits only.
 */
export function formatMapFlags(flags: number): string {
  const low = flags | 0;
  const type = low & mman.MAP_TYPE;
  let text: string;
  if (type === mman.MAP_SHARED) text = 'MAP_SHARED';
  else if (type === mman.MAP_PRIVATE) text = 'MAP_PRIVATE';
  else if (type === mman.MAP_SHARED_VALIDATE) text = 'MAP_SHARED_VALIDATE';
  else if (type === 0) text = 'MAP_FILE';
  else text = `0x${type.toString(16)} /* MAP_??? */`;
  const bits = formatFlags(MAP_BITS, (low & ~mman.MAP_TYPE & ~HUGE_SIZE_BITS) >>> 0);
  if (bits !== '') text += `|${bits}`;
  const huge = (low & HUGE_SIZE_BITS) >>> mman.MAP_HUGE_SHIFT;
  return huge === 0 ? text : `${text}|${huge}<<MAP_HUGE_SHIFT`;
}

/** Returns the value of mmap's flags; null when a word is not understood. */
export function parseMapFlags(text: string): number | null {
  return parseFlags(MAP_WORDS, text);
}

/** Formats the advice of madvise; `0x5 /* MADV_??? *\/` for a number without a name. */
export function formatMadvise(advice: number): string {
  return ADVICE_NAMES.get(advice) ?? `0x${(advice >>> 0).toString(16)} /* MADV_??? */`;
}

/** Returns the value of an advice; null when it is not understood. */
export function parseMadvise(text: string): number | null {
  const bare = withoutComments(text);
  return ADVICE_VALUES.get(bare) ?? parseFlagNumber(bare);
}

/** Formats mremap's flags: `MREMAP_MAYMOVE|MREMAP_FIXED`, `0`. */
export function formatMremapFlags(flags: number): string {
  return formatFlags(MREMAP_FLAGS, flags);
}

/** Returns the value of mremap's flags; null when a word is not understood. */
export function parseMremapFlags(text: string): number | null {
  return parseFlags(MREMAP_FLAGS, text);
}

/** Formats mlockall's flags: `MCL_CURRENT|MCL_FUTURE`, `0`. */
export function formatMlockallFlags(flags: number): string {
  return formatFlags(MCL_FLAGS, flags);
}

/** Returns the value of mlockall's flags; null when a word is not understood. */
export function parseMlockallFlags(text: string): number | null {
  return parseFlags(MCL_FLAGS, text);
}

/** Formats mlock2's flags: `MLOCK_ONFAULT`, `0`. */
export function formatMlock2Flags(flags: number): string {
  return formatFlags(MLOCK_FLAGS, flags);
}

/** Returns the value of mlock2's flags; null when a word is not understood. */
export function parseMlock2Flags(text: string): number | null {
  return parseFlags(MLOCK_FLAGS, text);
}

/** Formats msync's flags: `MS_SYNC|MS_INVALIDATE`, `0`. */
export function formatMsyncFlags(flags: number): string {
  return formatFlags(MS_FLAGS, flags);
}

/** Returns the value of msync's flags; null when a word is not understood. */
export function parseMsyncFlags(text: string): number | null {
  return parseFlags(MS_FLAGS, text);
}

/** Formats memfd_create's flags: `MFD_CLOEXEC|MFD_HUGETLB|21<<MFD_HUGE_SHIFT`, `0`. */
export function formatMemfdFlags(flags: number): string {
  const huge = ((flags | 0) & HUGE_SIZE_BITS) >>> mman.MFD_HUGE_SHIFT;
  const bits = ((flags | 0) & ~HUGE_SIZE_BITS) >>> 0;
  if (huge === 0) return formatFlags(MFD_BITS, bits);
  return bits === 0 ? `${huge}<<MFD_HUGE_SHIFT` : `${formatFlags(MFD_BITS, bits)}|${huge}<<MFD_HUGE_SHIFT`;
}

/** Returns the value of memfd_create's flags; null when a word is not understood. */
export function parseMemfdFlags(text: string): number | null {
  return parseFlags(MFD_BITS, text);
}

/** Formats seals: `F_SEAL_SHRINK|F_SEAL_WRITE`, `0`. */
export function formatSeals(seals: number): string {
  return formatFlags(SEAL_FLAGS, seals);
}

/** Returns the value of a text of seals; null when a word is not understood. */
export function parseSeals(text: string): number | null {
  return parseFlags(SEAL_FLAGS, text);
}

/** Formats fallocate's mode: `FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE`, `0`. */
export function formatFallocateMode(mode: number): string {
  return formatFlags(FALLOC_FLAGS, mode);
}

/** Returns the value of fallocate's mode; null when a word is not understood. */
export function parseFallocateMode(text: string): number | null {
  return parseFlags(FALLOC_FLAGS, text);
}

/** Formats the flags of open: the access mode first (`O_RDONLY` for zero), then names. Values are arm64's. */
export function formatOpenFlags(flags: number): string {
  const mode = flags & O_ACCMODE;
  const access =
    mode === O_RDONLY ? 'O_RDONLY' : mode === O_WRONLY ? 'O_WRONLY' : mode === O_RDWR ? 'O_RDWR' : 'O_ACCMODE';
  const rest = formatFlags(OPEN_BITS, (flags & ~O_ACCMODE) >>> 0);
  return rest === '' ? access : `${access}|${rest}`;
}

/** Returns the value of open's flags, in arm64's values; null when a word is not understood. */
export function parseOpenFlags(text: string): number | null {
  return parseFlags(OPEN_WORDS, text);
}

/** Formats the flags of clone without the signal in the lowest byte. */
export function formatCloneFlags(flags: number): string {
  return formatFlags(CLONE_BITS, flags);
}

/**
 * Returns the value of clone's flags; null when a word is not understood. The caller removes a signal name among the words
 * (`…|SIGCHLD`) first.
 */
export function parseCloneFlags(text: string): number | null {
  return parseFlags(CLONE_BITS, text);
}

/** Formats a personality: `PER_LINUX|ADDR_NO_RANDOMIZE`, the type first, then the flags. The query (all ones) is `0xffffffff`. */
export function formatPersonality(personality: number): string {
  if (personality >>> 0 === per.PERSONALITY_QUERY) return '0xffffffff';
  const type = personality & per.PER_MASK;
  let text = '';
  for (const [value, name] of PERSONALITY_TYPES) if (value === type) text = name;
  if (text === '') text = `0x${type.toString(16)} /* PER_??? */`;
  const flags = formatFlags(PERSONALITY_BITS, (personality & ~per.PER_MASK) >>> 0);
  return flags === '' ? text : `${text}|${flags}`;
}

/** Returns the value of a personality; null when a word is not understood. */
export function parsePersonality(text: string): number | null {
  return parseFlags(PERSONALITY_WORDS, text);
}

/** The flags of each kind, by the kind's name in {@link explainFlags}. */
const KINDS: Readonly<Record<string, FlagSet>> = {
  prot: PROT_FLAGS,
  map: MAP_WORDS,
  mremap: MREMAP_FLAGS,
  mlockall: MCL_FLAGS,
  mlock2: MLOCK_FLAGS,
  msync: MS_FLAGS,
  memfd: MFD_BITS,
  seals: SEAL_FLAGS,
  fallocate: FALLOC_FLAGS,
  open: OPEN_WORDS,
  clone: CLONE_BITS,
  personality: PERSONALITY_WORDS,
  closeRange: CLOSE_RANGE_FLAGS,
};

/** The kinds of flags of {@link explainFlags}. */
export type FlagKind =
  | 'prot'
  | 'map'
  | 'mremap'
  | 'mlockall'
  | 'mlock2'
  | 'msync'
  | 'memfd'
  | 'seals'
  | 'fallocate'
  | 'open'
  | 'clone'
  | 'personality'
  | 'closeRange';

/** Parses flags as the parser of that kind does, and returns the word that was not understood. */
export function explainFlags(kind: FlagKind, text: string): ParsedFlags {
  return parseFlagsDetailed(KINDS[kind]!, text);
}
