/**
 * The caller of a system call: what the kernel finds through `current`, as an explicit argument.
 *
 * Several callers (threads) may share one Mm. Limits belong to a process, credentials to a thread.
 */
import { rootCredentials, type Credentials } from '../base/credentials.ts';
import { Call } from './call.ts';
import type { Mm } from './mm.ts';

/** Soft limits that the memory subsystem reads, in bytes; Infinity is RLIM_INFINITY. */
export interface Rlimits {
  as: number;
  data: number;
  /** The hard RLIMIT_DATA: on 6.1 it applies when the soft limit is 0. */
  dataMax: number;
  stack: number;
  memlock: number;
  /** RLIMIT_FSIZE: the largest size to which a file may grow. */
  fsize: number;
}

/** PKRU of a new program: every key but 0 denies access. */
export const INIT_PKRU = 0x55555554;

/** The caller of a system call. */
export interface Caller {
  readonly mm: Mm;
  /** The results of its system call. One per caller. */
  readonly call: Call;
  readonly rlimits: Rlimits;
  readonly cred: Credentials;
  /** personality(2). */
  personality: number;
  /** PKRU: bit 2k denies access to data through protection key k, bit 2k + 1 stores. */
  pkru: number;
  /** Minor and major faults of this task. */
  minFlt: number;
  majFlt: number;
  /** The owner of file locks: the descriptor table, or null. */
  readonly files: object | null;
}

/** Returns limits of which only the stack's (8 MiB) is finite. */
export function defaultRlimits(): Rlimits {
  return {
    as: Infinity,
    data: Infinity,
    dataMax: Infinity,
    stack: 8 * 1024 * 1024,
    memlock: Infinity,
    fsize: Infinity,
  };
}

/** Creates a caller for an embedder that has no tasks: root, with the default limits. */
export function createCaller(mm: Mm): Caller {
  return {
    mm,
    call: new Call(),
    rlimits: defaultRlimits(),
    cred: rootCredentials(),
    personality: 0,
    pkru: INIT_PKRU,
    minFlt: 0,
    majFlt: 0,
    files: null,
  };
}
