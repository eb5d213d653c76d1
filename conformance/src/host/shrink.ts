/**
 * Removes lines from a script as long as it still fails in the same way. Each round runs all candidates on the host at once.
 */
import { failureClass } from '../report.ts';
import type { Outcome } from '../runner.ts';
import { isWhole, type Line, type Script } from './script.ts';

/** Runs scripts and returns an outcome for each. */
export type Judge = (scripts: readonly Script[]) => Outcome[];

/** The limit of rounds: a script of 60 lines needs some 12. */
const ROUNDS = 40;

/**
 * Returns the shortest script found that fails as `outcome` does, and its outcome.
 *
 * @param judge runs scripts on the host and in the library
 */
export function shrink(script: Script, outcome: Outcome, judge: Judge): { script: Script; outcome: Outcome } {
  const wanted = failureClass(outcome);
  const last = outcome.failures[0]?.op.n ?? Infinity;
  // Removes the lines after the difference, except the end of a child that is running then.
  let best: { script: Script; outcome: Outcome } = { script: { ...script, lines: upTo(script.lines, last) }, outcome };
  let chunk = Math.ceil(best.script.lines.length / 2);
  for (let round = 0; round < ROUNDS && chunk >= 1; round++) {
    const { lines } = best.script;
    const candidates: Script[] = [];
    for (let at = 0; at < lines.length; at += chunk) {
      const shorter = [...lines.slice(0, at), ...lines.slice(at + chunk)];
      if (isWhole(shorter)) candidates.push({ name: `${script.name}_${candidates.length}`, lines: shorter });
    }
    const outcomes = candidates.length === 0 ? [] : judge(candidates);
    const found = outcomes.findIndex((one) => isFailure(one) && failureClass(one) === wanted);
    if (found >= 0) best = { script: candidates[found]!, outcome: outcomes[found]! };
    else chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2);
    chunk = Math.min(chunk, best.script.lines.length);
  }
  return { script: { ...best.script, name: script.name }, outcome: best.outcome };
}

/** Returns whether an outcome is a difference or an error. */
export function isFailure(outcome: Outcome): boolean {
  return outcome.failures.length > 0 || outcome.error !== null;
}

function upTo(lines: readonly Line[], last: number): Line[] {
  const kept: Line[] = [];
  let open = false;
  for (const line of lines) {
    if (line.n > last && !(open && line.op === 'end')) continue;
    kept.push(line);
    if (line.op === 'fork') open = true;
    else if (line.op === 'end') open = false;
  }
  return kept;
}
