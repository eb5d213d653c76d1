/**
 * @vmarea/mm-core/reasons: the meaning of the numbers in `cur.call.reason`, and errors that contain it.
 *
 * A separate entry point, so that an embedder who does not use the texts does not load them.
 */
import { errnoName } from '@vmarea/uapi';
import { describeReason } from './reasons/table.ts';
import type { Caller } from './space/caller.ts';

export {
  allReasons,
  describeReason,
  formatSource,
  reason,
  reasonNumber,
  type Reason,
  type ReasonSource,
  type ReasonText,
} from './reasons/table.ts';

// --- the reasons of the engine, in the order of the functions that decide
export * from './calls/reasons/mmap.ts';
export * from './space/reasons.ts';
export * from './calls/reasons/map-region.ts';
export * from './shape/reasons.ts';
export * from './calls/reasons/munmap.ts';
export * from './calls/reasons/mseal.ts';
export * from './calls/reasons/mdwe.ts';
export * from './calls/reasons/mprotect.ts';
export * from './calls/reasons/mremap.ts';
export * from './calls/reasons/brk.ts';
export * from './calls/reasons/mlock.ts';
export * from './calls/reasons/madvise.ts';
export * from './calls/reasons/msync.ts';
export * from './calls/reasons/mincore.ts';
export * from './calls/reasons/remap-file-pages.ts';
export * from './calls/reasons/anon-name.ts';
export * from './calls/reasons/stack.ts';
export * from './calls/reasons/fork.ts';

// --- the reasons of the memory
export * from './memory/faults/reasons.ts';
export * from './memory/user/reasons.ts';
export * from './memory/uffd/reasons.ts';

/** An error with Node's fields, and the reason. */
export interface MmError extends Error {
  /** The errno's name. */
  code: string;
  /** The negative errno. */
  errno: number;
  /** The system call. */
  syscall: string;
  /** The sentence of the reason, or an empty text. */
  reason: string;
}

/**
 * Creates an error from a negative result.
 *
 * @param cur the caller
 * @param ret the negative errno
 * @param syscall the name to put into the message
 */
export function toError(cur: Caller, ret: number, syscall: string): MmError {
  const code = errnoName(-ret);
  const reason = describeReason(cur.call.reason)?.says ?? '';
  return Object.assign(new Error(`${code}: ${syscall}${reason === '' ? '' : `: ${reason}`}`), {
    code,
    errno: ret,
    syscall,
    reason,
  });
}
