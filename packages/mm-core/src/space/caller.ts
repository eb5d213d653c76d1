/**
 * Who makes a call: what the kernel finds through `current`, made explicit.
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
  /** The hard RLIMIT_DATA: a soft limit of 0 falls back to it on 6.1. */
  dataMax: number;
  stack: number;
  memlock: number;
  /** RLIMIT_FSIZE: files do not grow beyond. */
  fsize: number;
}

/** The caller of a verb. */
export interface Caller {
  readonly mm: Mm;
  /** What its system call leaves. One per caller. */
  readonly call: Call;
  readonly rlimits: Rlimits;
  readonly cred: Credentials;
  /** personality(2). */
  personality: number;
  /** Minor and major faults of this task. */
  minFlt: number;
  majFlt: number;
  /** Identity for locks: the descriptor table, or null. */
  readonly files: object | null;
}

/** Limits with nothing limited but the stack (8 MiB). */
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

/** A caller for an embedder that has no tasks: root, with the usual limits. */
export function createCaller(mm: Mm): Caller {
  return {
    mm,
    call: new Call(),
    rlimits: defaultRlimits(),
    cred: rootCredentials(),
    personality: 0,
    minFlt: 0,
    majFlt: 0,
    files: null,
  };
}
