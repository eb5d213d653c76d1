/**
 * Each decision of each catalogue is reached by system calls, which end as the catalogue says.
 */
import { Recorder } from '@vmarea/explain';
import { validateMm } from '@vmarea/mm-core';
import { errnoName, signalName } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { reasonBook } from '../src/machine/lab.ts';
import { decisionCases } from './decision-cases.ts';
import { Machine } from './machine.ts';

const book = reasonBook();
const reasons = book.all();
const numbers = new Map(reasons.map(({ id, decision }) => [id, decision]));
const CASES = decisionCases((id) => numbers.get(id)!);

function nameOf(ending: number | string): string {
  if (typeof ending === 'string') return ending;
  if (ending < 0) return errnoName(-ending);
  return ending > 0 && ending < 65 ? signalName(ending) : String(ending);
}

describe('every decision is reached by system calls', () => {
  it('of no other package than these', () => {
    expect(Object.keys(CASES).filter((id) => !numbers.has(id))).toEqual([]);
  });

  it.each(reasons.map((reason) => [reason.id, reason] as const))('%s', (id, reason) => {
    const found = CASES[id];
    expect(found, `no case reaches ${id}`).toBeDefined();
    const { boot, run, gives, inner } = found!;
    const m = new Machine(boot);
    const recorder = new Recorder();
    m.task.mm.tracer = recorder;
    const ending = run(m);
    expect(nameOf(ending)).toBe(gives === undefined ? reason.errno : nameOf(gives));
    if (inner === true) {
      const told = recorder.events.flatMap((event) =>
        event.kind === 'decide' || event.kind === 'fault' ? [book.find(event.decision)?.id] : [],
      );
      expect(told).toContain(id);
    } else expect(book.find(m.decision)?.id).toBe(id);
    expect(validateMm(m.task.mm)).toEqual([]);
  });
});
