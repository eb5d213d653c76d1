/**
 * Running sequences, and cutting a failing one down to what is needed to fail.
 */
import type { CountingTracer } from '../../src/testing/index.ts';
import { makeOp, makeSetup, rngOf } from './generate.ts';
import { draw, Machine, type Op, type Setup } from './harness.ts';
import { CountingTracer as Tracer } from '../../src/testing/index.ts';

const MAX_OPS = 60;

/** Without a listener the engine takes its short paths: a third of the sequences runs so. */
function traced(seed: number): boolean {
  return seed % 3 !== 0;
}

/** Why a list of operations fails, or null. */
function replay(setup: Setup, ops: readonly Op[], tracing: boolean): string | null {
  const machine = new Machine(setup, tracing ? new Tracer() : null);
  try {
    for (const op of ops) machine.run(op);
    machine.end();
    return null;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
}

/** Drops operations as long as the rest still fails. */
function reduce(setup: Setup, failing: readonly Op[], tracing: boolean): Op[] {
  let ops = [...failing];
  for (let chunk = Math.ceil(ops.length / 2); chunk >= 1; chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2)) {
    for (let i = 0; i < ops.length;) {
      const shorter = [...ops.slice(0, i), ...ops.slice(i + chunk)];
      if (shorter.length < ops.length && replay(setup, shorter, tracing) !== null) ops = shorter;
      else i += chunk;
    }
  }
  return ops;
}

function print(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) =>
    typeof v === 'bigint' ? `0x${v.toString(16)}` : v === Infinity ? 'Infinity' : v,
  );
}

/** A readable account of a failure: seed, setup, the shortest sequence, and a picture before its last operation. */
function account(seed: number, setup: Setup, ops: readonly Op[]): string {
  const tracing = traced(seed);
  const short = reduce(setup, ops, tracing);
  const lines = [`seed ${seed} fails: ${replay(setup, short, tracing)}`, print(setup)];
  const machine = new Machine(setup, tracing ? new Tracer() : null);
  for (const op of short) {
    lines.push(`  ${draw(machine.task.space)}  ${print(op)}`);
    try {
      machine.run(op);
    } catch {
      lines.push(`  ${draw(machine.task.space)}  (the model, after it)`);
    }
  }
  return lines.join('\n');
}

/**
 * Runs the sequence of a seed.
 *
 * @returns null, or the account of its failure; operations and their results are counted in `tally`
 */
export function runSeed(seed: number, tracer: CountingTracer, tally: Map<string, number>): string | null {
  const rng = rngOf(seed);
  const setup = makeSetup(rng);
  const ops: Op[] = [];
  const machine = new Machine(setup, traced(seed) ? tracer : null);
  const length = 30 + rng(MAX_OPS - 30);
  try {
    for (let i = 0; i < length; i++) {
      const op = makeOp(rng, machine);
      ops.push(op);
      const result = machine.run(op);
      const key = `${op.op} ${result < 0 ? 'refused' : 'done'}`;
      tally.set(key, (tally.get(key) ?? 0) + 1);
    }
    machine.end();
    return null;
  } catch {
    return account(seed, setup, ops);
  }
}
