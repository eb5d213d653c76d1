/**
 * The table of reasons: why a call was refused, why an access failed, why two mappings stay apart.
 *
 * Each room declares its reasons with {@link reason}, in files named `reasons.ts` or in a folder `reasons`. The build writes
 * their numbers into the code and removes the import (scripts/inline-constants.mjs), so that the engine contains no texts.
 */

/** Where the kernel makes the decision. */
export interface ReasonSource {
  /** The kernel's function that decides. */
  readonly fn: string;
  /** The source file of `fn`, or of `caller` if that is given. */
  readonly file: string;
  /** The function that calls `fn`, given when `fn` is an operation of a driver or is defined in another file. */
  readonly caller?: string;
  /** The release that has the check, given when not all releases have it. */
  readonly kernel?: string;
  /** Lines in `file`, by the name of the source tree: the name of a profile, such as `msm-4.4`. */
  readonly lines?: Readonly<Record<string, readonly number[]>>;
}

/** The text of a reason. */
export interface ReasonText {
  /** The errno that the caller sees, positive. Absent when no call fails. */
  readonly errno?: number;
  /** The signal that the task gets when an access to memory fails. */
  readonly signal?: number;
  /** The reason in one sentence. */
  readonly says: string;
  /** What to change for another result. */
  readonly change: string;
  readonly source: ReasonSource;
}

/** A reason of the table. */
export interface Reason extends ReasonText {
  /** The value of `cur.call.reason`. */
  readonly number: number;
  /** The stable name: `function.reason`. */
  readonly id: string;
}

const table = new Map<number, Reason>();

/**
 * Returns the number of a reason: 30 bits of the FNV-1a hash of its id, never 0. It depends on the id alone.
 *
 * scripts/inline-constants.mjs computes the same number.
 */
export function reasonNumber(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return hash & 0x3fffffff || 1;
}

/**
 * Declares a reason.
 *
 * The constant that holds the number has the id as its name: `do_mmap.zero_len` is `DO_MMAP_ZERO_LEN`.
 *
 * @param id the stable name, `function.reason`
 * @returns the number to store in `cur.call.reason`, see `refuse`
 * @throws Error when the id is declared twice, or when two ids have one number
 */
export function reason(id: string, text: ReasonText): number {
  const number = reasonNumber(id);
  const other = table.get(number);
  if (other !== undefined) throw new Error(`reason «${id}»: its number ${number} is taken by «${other.id}»`);
  table.set(number, { number, id, ...text });
  return number;
}

/**
 * Returns a reason by its number.
 *
 * @param number from `cur.call.reason`
 * @returns undefined for 0, and for a reason of a package that is not loaded; `@vmarea/mm-core/reasons` loads mm-core's
 */
export function describeReason(number: number): Reason | undefined {
  return table.get(number);
}

/** Returns all reasons of the packages that are loaded, in the order of their declaration. */
export function allReasons(): readonly Reason[] {
  return [...table.values()];
}

/**
 * Writes where the kernel decides: «do_mmap in mm/mmap.c (msm-4.4 mm/mmap.c:1351)».
 *
 * @param source the source of a reason
 * @param tree the name of the profile whose line numbers are written; without it none are
 */
export function formatSource(source: ReasonSource, tree?: string): string {
  const { fn, file, caller, kernel, lines } = source;
  const at = tree === undefined ? undefined : lines?.[tree];
  return [
    caller === undefined ? `${fn} in ${file}` : `${fn}, called by ${caller} in ${file}`,
    kernel === undefined ? '' : ` of ${kernel}`,
    at === undefined ? '' : ` (${tree} ${at.map((line) => `${file}:${line}`).join(', ')})`,
  ].join('');
}
