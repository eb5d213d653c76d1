/**
 * Orders the causes of a recorded failure in a process that is only known in part: what such a process is most often short of
 * comes first, with what shows it. A search on an empty process finds limits of a few pages, which no process has.
 */
import { EEXIST, ENOMEM } from '@vmarea/uapi';
import type { Cause, CauseKind } from './causes.ts';

/** What failed, as far as the order of the causes depends on it. */
export interface RecordedFailure {
  /** The call's name. */
  readonly call: string;
  /** Positive. */
  readonly errno: number;
  /** Bytes that the call adds to the process; 0 for none. */
  readonly bytes: number;
  /** Whether they are charged to Committed_AS. */
  readonly charged: boolean;
  /** Whether the flags contain MAP_32BIT. */
  readonly low: boolean;
}

/** A cause that was found, or that is usual. */
export interface UsualCause {
  /** Continues «if». */
  readonly condition: string;
  /** Options of the command that give the failure; empty when there are none. */
  readonly options: readonly string[];
}

/** A cause as a search finds it. Without a kind it comes last. */
export type FoundCause = UsualCause & Partial<Pick<Cause, 'kind' | 'limit'>>;

/** Calls that can add an area. */
const ADDING: ReadonlySet<string> = new Set(['mmap', 'mprotect', 'munmap', 'mremap', 'madvise', 'mlock', 'mlock2']);
/** Calls that ask for a limit of the process. */
const ASKING: ReadonlySet<string> = new Set([...ADDING, 'brk']);
/** A request from which lack of memory is the usual reason, in bytes; smaller ones meet a limit on the number of areas. */
const LARGE = 2 ** 27;
/** A limit below this is unlikely for a process, in bytes. */
const LITTLE = 2 ** 23;
/** No machine has less RAM, in bytes. */
const LEAST_RAM = 2 ** 26;

const OCCUPIED: UsualCause = {
  condition:
    'something is mapped in the range already: MAP_FIXED_NOREPLACE never replaces. /proc/PID/maps shows what (--maps-before gives it); another address, or none, succeeds',
  options: [],
};
const FULL_WINDOW: UsualCause = {
  condition:
    'the window of MAP_32BIT, 1 GiB from 0x40000000 to 0x80000000, has no hole of this length left: other libraries and earlier allocations fill it. Map without MAP_32BIT',
  options: [],
};
const IN_THE_WAY: UsualCause = {
  condition:
    'a mapping lies above the heap, in the way (/proc/PID/maps shows it; --maps-before gives it): malloc goes on with mmap then',
  options: [],
};
const MANY_AREAS: UsualCause = {
  condition:
    'the process has vm.max_map_count areas already (65530 by default; «wc -l /proc/PID/maps» counts them): raise the sysctl',
  options: [],
};
const USED_LIMITS: UsualCause = {
  condition:
    'RLIMIT_AS or RLIMIT_DATA is used up by what is mapped already («ulimit -v», «ulimit -d» against VmSize and VmData of /proc/PID/status)',
  options: [],
};

/** Whether a cause is a limit on the size of a process that no process has. */
const isUsedLimit = ({ kind, limit }: FoundCause): boolean => kind === 'size' && (limit?.from ?? Infinity) < LITTLE;

/** Causes that the call itself makes likely. */
const SPECIAL: ReadonlySet<CauseKind> = new Set(['locked', 'not-mapped', 'address-bits']);

/** A cause of overcommit, with the figures that show it. */
function commitCause({ kind, condition, options }: FoundCause): UsualCause {
  if (kind !== 'commit') return { condition, options };
  return {
    condition: `${condition} (CommitLimit less Committed_AS of /proc/meminfo): free memory does not matter then`,
    options: [],
  };
}

const plain = ({ condition, options }: FoundCause): UsualCause => ({ condition, options });

/** Returns the causes of a failure of a process that is known in part, most likely first. */
export function usualCauses(
  { call, errno, bytes, charged, low }: RecordedFailure,
  found: readonly FoundCause[],
): UsualCause[] {
  if (errno === EEXIST && call === 'mmap') return [OCCUPIED];
  if (errno !== ENOMEM || !ASKING.has(call)) return found.map(plain);
  const limits = found.some(isUsedLimit) ? [USED_LIMITS] : [];
  const commit = found
    .filter(({ kind }) => kind === 'commit' || (kind === 'ram' && bytes >= LEAST_RAM))
    .map(commitCause);
  const others = found.filter((cause) => !isUsedLimit(cause) && cause.kind !== 'commit' && cause.kind !== 'ram');
  const isSpecial = ({ kind }: FoundCause): boolean => kind !== undefined && SPECIAL.has(kind);
  const special = others.filter(isSpecial).map(plain);
  const rest = others.filter((cause) => !isSpecial(cause)).map(plain);
  const count = ADDING.has(call) ? [MANY_AREAS] : [];
  const window = low ? [FULL_WINDOW] : call === 'brk' ? [IN_THE_WAY] : [];
  if (bytes < LARGE) return [...window, ...special, ...count, ...commit, ...limits, ...rest];
  return charged
    ? [...window, ...commit, ...special, ...rest, ...limits, ...count]
    : [...window, ...special, ...rest, ...limits, ...commit, ...count];
}
