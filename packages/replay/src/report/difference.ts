/**
 * The first thing in which a replay differs from its log.
 */
import type { ReplayReport } from './report.ts';

/** What differs first. */
export interface FirstDifference {
  /** Infinity for the map at the end. */
  readonly line: number;
  /** What differs, as a sentence without the line. */
  readonly text: string;
}

/** Returns the first difference of a report; null when every judged answer and the map agree. */
export function firstDifference({ difference, failures, signals, map }: ReplayReport): FirstDifference | null {
  const found: FirstDifference[] = [];
  if (difference !== null) {
    const { line, call, recorded, predicted } = difference;
    found.push({ line, text: `${call}: the log says ${recorded}, this kernel ${predicted}` });
  }
  for (const { kind, line, call } of failures)
    if (kind === 'unexplained') found.push({ line, text: `${call} failed in the log and succeeds here` });
  for (const { kind, line, sentence } of signals) if (kind === 'differs') found.push({ line, text: sentence });
  found.sort((a, b) => a.line - b.line);
  const lines = map?.comparison?.different ?? 0;
  if (found[0] !== undefined || lines === 0) return found[0] ?? null;
  return {
    line: Infinity,
    text: `the final map: ${lines.toLocaleString('en')} ${lines === 1 ? 'line' : 'lines'} differ`,
  };
}
