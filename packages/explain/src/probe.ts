/**
 * One try: a fresh stage, the script's calls in order, the outcome of the last one.
 */
import { argumentsOf, makeCall, type Outcome } from './calls.ts';
import type { Call } from './script.ts';
import type { Setup } from './setup.ts';
import { applyLate, setStage, type MachineMaker, type Stage } from './stage.ts';

/** A stage on which all calls but the last have been made. */
export interface Ready extends Stage {
  /** The last call's arguments. */
  readonly args: readonly bigint[];
  /** What the calls before gave. */
  readonly earlier: readonly Outcome[];
}

/** What may be different in a try. */
export interface Variation {
  /** Another stage from the start. */
  readonly setup?: Setup | undefined;
  /** Limits, rights and sysctls that change just before the last call. */
  readonly late?: Setup | undefined;
  /** The last call's arguments, made from those that it would have had. */
  readonly args?: ((args: readonly bigint[]) => readonly bigint[]) | undefined;
}

/** Sets the stage and makes all calls but the last. */
export function prepare(make: MachineMaker, setup: Setup, script: readonly Call[], late?: Setup): Ready {
  const stage = setStage(make, setup);
  const names = new Map<string, bigint>();
  const earlier: Outcome[] = [];
  for (const call of script.slice(0, -1)) {
    const outcome = makeCall(stage.task, call, argumentsOf(call, names));
    earlier.push(outcome);
    if (call.assign !== null) names.set(call.assign, BigInt(outcome.result));
  }
  if (late !== undefined) applyLate(stage.task, late);
  return { ...stage, args: argumentsOf(script.at(-1)!, names), earlier };
}

/** The outcome of the last call under a variation. */
export function probe(make: MachineMaker, setup: Setup, script: readonly Call[], variation: Variation = {}): Outcome {
  const ready = prepare(make, variation.setup ?? setup, script, variation.late);
  const args = variation.args === undefined ? ready.args : variation.args(ready.args);
  return makeCall(ready.task, script.at(-1)!, args);
}
