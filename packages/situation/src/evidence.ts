/**
 * A fact and its evidence: an option, a line of the log or of a map, or an assumption.
 */

/** The evidence of a fact. */
export type Evidence =
  | { readonly kind: 'option'; /** As typed, for instance `--page-size 16k`. */ readonly what: string }
  | {
      readonly kind: 'log' | 'map' | 'meminfo';
      /** From 1; 0 when no single line shows it. */
      readonly line: number;
      /** The text found there, for instance `a path with aarch64-linux-gnu`. */
      readonly what: string;
    }
  | { readonly kind: 'assumed'; /** The reason for the assumption; may be empty. */ readonly what: string };

/** A value and its evidence. */
export interface Fact<T> {
  readonly value: T;
  readonly evidence: Evidence;
}

/** Returns a fact given by an option. */
export function given<T>(value: T, option: string): Fact<T> {
  return { value, evidence: { kind: 'option', what: option } };
}

/** Returns a fact read from a line of the log. */
export function fromLog<T>(value: T, line: number, what: string): Fact<T> {
  return { value, evidence: { kind: 'log', line, what } };
}

/** Returns a fact read from a line of a map. */
export function fromMap<T>(value: T, line: number, what: string): Fact<T> {
  return { value, evidence: { kind: 'map', line, what } };
}

/** Returns a fact without evidence. */
export function assumed<T>(value: T, why = ''): Fact<T> {
  return { value, evidence: { kind: 'assumed', what: why } };
}

/** Returns whether a fact has no evidence. */
export function isAssumed(fact: Fact<unknown>): boolean {
  return fact.evidence.kind === 'assumed';
}

/** Formats evidence in a few words: `--page-size 16k`, `line 4: a path with aarch64-linux-gnu`, `assumed`. */
export function describeEvidence(evidence: Evidence): string {
  const { what } = evidence;
  switch (evidence.kind) {
    case 'option':
      return what;
    case 'log':
      return evidence.line > 0 ? `line ${evidence.line}: ${what}` : what;
    case 'map':
      return evidence.line > 0 ? `line ${evidence.line} of the map: ${what}` : `the map: ${what}`;
    case 'meminfo':
      return `--meminfo: ${what}`;
    case 'assumed':
      return what === '' ? 'assumed' : `assumed: ${what}`;
  }
}
