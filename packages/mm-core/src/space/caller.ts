/**
 * Who makes a call: what the kernel finds through `current`, made explicit.
 *
 * Several callers (threads) may share one Mm. Limits belong to a process, credentials to a thread.
 */
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

/** Credentials: what the capability rules need. */
export interface Credentials {
  /** fsuid. */
  uid: number;
  gid: number;
  /** Effective capabilities by number, in two int32 words. */
  capLow: number;
  capHigh: number;
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

/**
 * Whether the caller has a capability (in the initial user namespace).
 *
 * @param cap one of CAP_
 */
export function hasCapability(cred: Credentials, cap: number): boolean {
  return cap < 32 ? (cred.capLow & (1 << cap)) !== 0 : (cred.capHigh & (1 << (cap - 32))) !== 0;
}

/** Credentials with every capability. */
export function rootCredentials(): Credentials {
  return { uid: 0, gid: 0, capLow: -1, capHigh: -1 };
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
