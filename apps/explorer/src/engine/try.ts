/** Calls that the user types, made on a copy of a process as it is at a moment. Loaded with what «why» needs. */
import { argumentsOf, callNames, explainCall, parseScript, ReasonBook, type Names } from '@vmarea/explain';
import type { Task } from '@vmarea/kernel';
import { defaultSituation } from '@vmarea/situation';
import { escapeText } from '@vmarea/uapi';
import { onCopy } from '@vmarea/what-if';
import { buildMachine } from './machine.ts';
import type { Tried } from './protocol.ts';
import { replayTo, type Session } from './session.ts';

/** Calls of one try. */
const MOST = 100;

/** The process after a memory call of the log; null when the replay does not come so far. */
function taskAfter(session: Session, number: number): Task | null {
  return replayTo<Task>(session, (reached) => ({
    onCall: (record) => {
      if (record.number === number) reached(record.task);
    },
  }));
}

/**
 * Makes calls one after the other, each with its answer.
 *
 * @param number the memory call after which they are made; 0: in a new process of the usual machine
 * @throws ScriptError for a call that is not understood
 */
export function tryCalls(session: Session | null, number: number, lines: readonly string[]): Tried[] {
  const calls = parseScript(lines.slice(0, MOST).join('\n'));
  const base = number === 0 || session === null ? buildMachine(defaultSituation()).spawn() : taskAfter(session, number);
  if (base === null) throw new RangeError('the replay does not reach this call');
  const book = new ReasonBook();
  const made = onCopy(base, (task) => {
    const values = new Map<string, bigint>();
    const names: Names = { values, pageSize: task.kernel.system.pageSize };
    return calls.map((call): Tried => {
      const answer = explainCall({ task, call, args: argumentsOf(call, names), names, book, withoutChanges: true });
      if (call.assign !== null && /^0x[0-9a-f]+$/.test(answer.result)) values.set(call.assign, BigInt(answer.result));
      const { refusal } = answer;
      const before = new Set(answer.before.split('\n'));
      const after = answer.after.split('\n').filter((line) => line !== '');
      const kept = new Set(after);
      return {
        call: escapeText(answer.call),
        result: answer.result,
        succeeded: answer.succeeded,
        why:
          refusal === null
            ? answer.choices.map((line) => escapeText(line))
            : [`${refusal.sentence} ${refusal.figures}`.trim()],
        came: after.filter((line) => !before.has(line)).map((line) => escapeText(line)),
        went: [...before].filter((line) => line !== '' && !kept.has(line)).map((line) => escapeText(line)),
        areas: after.length,
      };
    });
  });
  if (made === null) throw new RangeError('the process cannot be copied');
  return made;
}

/** Names for the completion. */
export function knownCalls(): readonly string[] {
  return callNames();
}
