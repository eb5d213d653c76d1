/**
 * @vmarea/mm-core/reasons: what the decision ids mean, and errors that say it.
 *
 * Apart from the engine, so that an embedder who never asks does not carry the texts.
 */
import { errnoName } from '@vmarea/uapi';
import type { Caller } from '../space/caller.ts';
import { CATALOGUE, type CatalogueEntry } from './catalogue.ts';

export { CATALOGUE, type CatalogueEntry } from './catalogue.ts';
export { D as Decision } from './decisions.ts';

/**
 * The catalogue's entry of a decision.
 *
 * @param decision a number from `cur.call.reason`
 * @returns the entry, or undefined for 0 and for numbers of other packages
 */
export function describeDecision(decision: number): CatalogueEntry | undefined {
  return CATALOGUE.find((entry) => entry.decision === decision);
}

/** An error with Node's fields, and the reason. */
export interface MmError extends Error {
  /** The errno's name. */
  code: string;
  /** The negative errno. */
  errno: number;
  /** The system call. */
  syscall: string;
  /** The sentence of the decision, or an empty text. */
  reason: string;
}

/**
 * Makes an error of a negative result.
 *
 * @param cur who asked
 * @param ret the negative errno
 * @param syscall the name to put into the message
 */
export function toError(cur: Caller, ret: number, syscall: string): MmError {
  const code = errnoName(-ret);
  const reason = describeDecision(cur.call.reason)?.sentence ?? '';
  return Object.assign(new Error(`${code}: ${syscall}${reason === '' ? '' : `: ${reason}`}`), {
    code,
    errno: ret,
    syscall,
    reason,
  });
}
