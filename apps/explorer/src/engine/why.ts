/** Why a call of the log was answered so. A part of its own, loaded when it is asked for. */
import {
  argumentsOf,
  assumeFiles,
  explainCall,
  formatEvents,
  openFiles,
  parseScript,
  ReasonBook,
  type Call,
} from '@vmarea/explain';
import type { CallToCome } from '@vmarea/replay';
import { escapeText } from '@vmarea/uapi';
import { onCopy } from '@vmarea/what-if';
import type { WhyView } from './protocol.ts';
import { replayTo, type Session } from './session.ts';

/** The call that comes next, in the state before it; null when the replay does not come so far. */
export function callToCome(session: Session, number: number): CallToCome | null {
  return replayTo<CallToCome>(session, (reached) => ({
    beforeCall: (come) => {
      if (come.number === number) reached(come);
    },
  }));
}

function hexOf(value: number): string {
  return `0x${value.toString(16)}`;
}

/** Explains a memory call by its ordinal; null when the replay does not reach it. */
export function whyCall(session: Session, number: number): WhyView | null {
  const come = callToCome(session, number);
  if (come === null) return null;
  const [read] = parseScript(`${come.call.name}(${come.call.argsText}) = ${come.call.result}`);
  if (read === undefined) return null;
  const call: Call = { ...read, line: come.line };
  const book = new ReasonBook();
  const answer = onCopy(come.task, (task) => {
    const names = { values: new Map<string, bigint>(), pageSize: task.kernel.system.pageSize };
    const args = argumentsOf(call, names);
    const files = new Map([...assumeFiles([call], new Map()).files].filter(([fd]) => task.cur.files.fget(fd) === null));
    openFiles(task, files);
    return explainCall({ task, call, args, names, book });
  });
  if (answer === null) return null;
  return {
    answer,
    path: formatEvents(answer.events, book).map((line) => escapeText(line)),
    checks: answer.checks.map(({ reason, passed, operands }) => ({
      passed,
      fn: reason.fn,
      id: reason.id,
      sentence: reason.sentence,
      operands: escapeText(operands),
    })),
    apart: answer.neighbours
      .filter(({ reasons }) => reasons.length > 0)
      .map(({ lower, upper, reasons }) => {
        const why = reasons.map(({ reason, operands }) => `${reason.sentence.replace(/\.$/, '')}: ${operands}.`);
        return escapeText(
          `${hexOf(lower[0])}-${hexOf(lower[1])} and ${hexOf(upper[0])}-${hexOf(upper[1])} stay apart. ${why.join(' ')}`,
        );
      }),
  };
}
