/**
 * Explains the last call of a script: functions entered, checks with operands, decision, changes, other machines, maps.
 */
import type { MachineMaker } from './stage.ts';
import { PROFILES, type KernelProfile } from '@vmarea/uapi';
import { CHECK_RULES } from './check-rules.ts';
import { formatCall, formatOutcome, makeCall, type Outcome } from './calls.ts';
import { ChangeSearch, succeeded } from './changes.ts';
import { neighboursIn, type Neighbours } from './neighbours.ts';
import { prepare, probe } from './probe.ts';
import { ReasonBook, type Reason } from './reason-book.ts';
import { Recorder, type TraceEvent } from './recorder.ts';
import { ScriptError, type Call } from './script.ts';
import { onMachine, type Setup } from './setup.ts';
import { Situation } from './situation.ts';

/** A check on the path, with what it compared. */
export interface Check {
  readonly reason: Reason;
  readonly passed: boolean;
  readonly operands: string;
}

/** What the call gives under a change. */
export interface ExplainedChange {
  readonly change: string;
  /** As strace would print it. */
  readonly then: string;
  /** Why it is still refused; null when it is not. */
  readonly reason: Reason | null;
}

/** What another machine answers. */
export interface Elsewhere {
  readonly kernel: KernelProfile['name'];
  readonly pageSize: number;
  readonly then: string;
  readonly reason: Reason | null;
  /** Whether that is the answer of the machine asked about. */
  readonly same: boolean;
}

/** Everything about one call. */
export interface Explanation {
  readonly kernel: KernelProfile['name'];
  readonly pageSize: number;
  /** The calls before, with their results. */
  readonly earlier: readonly { readonly call: string; readonly result: string }[];
  /** The call with its arguments' values. */
  readonly call: string;
  readonly result: string;
  /** Why it was refused; null when it was not. */
  readonly decision: Reason | null;
  /** Refusals inside that led to it, first to last, the decision not among them. */
  readonly because: readonly Reason[];
  readonly checks: readonly Check[];
  /** What happened, in order. */
  readonly events: readonly TraceEvent[];
  readonly changes: readonly ExplainedChange[];
  readonly elsewhere: readonly Elsewhere[];
  /** /proc/PID/maps before and after. */
  readonly before: string;
  readonly after: string;
  readonly neighbours: readonly Neighbours[];
  /** Lines of the wanted map that could not be made. */
  readonly notMade: readonly string[];
}

/** What is explained, and how much of it. */
export interface Question {
  readonly make: MachineMaker;
  readonly setup: Setup;
  readonly script: readonly Call[];
  readonly book?: ReasonBook | undefined;
  /** Leave the search for changes out: it makes the calls hundreds of times. */
  readonly withoutChanges?: boolean | undefined;
}

/** The decision that refused, where an outcome has one. */
function reasonOf(book: ReasonBook, outcome: Outcome): Reason | null {
  return succeeded(outcome) ? null : (book.find(outcome.decision) ?? null);
}

function checksOf(
  call: Call,
  situation: Situation,
  outcome: Outcome,
  refusals: readonly number[],
  book: ReasonBook,
): Check[] {
  const checks: Check[] = [];
  const stops = succeeded(outcome) ? [] : [...refusals, outcome.decision];
  for (const rule of CHECK_RULES[call.name] ?? []) {
    const failed = stops.includes(rule.decision);
    if (!failed && rule.when !== undefined && !rule.when(situation)) continue;
    const reason = book.find(rule.decision);
    if (reason === undefined) continue;
    checks.push({ reason, passed: !failed, operands: rule.operands(situation) });
    if (failed) return checks;
  }
  const reason = reasonOf(book, outcome);
  // A refusal that no rule stands for: the checks before it are not known to have been asked.
  if (reason !== null) return [{ reason, passed: false, operands: '' }];
  return checks;
}

/** The part of the address space that a call was about: for the neighbours. */
function touched(events: readonly TraceEvent[], situation: Situation, outcome: Outcome): [number, number] | null {
  let start = Infinity;
  let end = -Infinity;
  for (const event of events) {
    if (event.kind !== 'vma' || event.event === 'remove') continue;
    start = Math.min(start, event.start);
    end = Math.max(end, event.end);
  }
  if (start < end) return [start, end];
  const at = situation.arg('addr');
  const length = situation.arg('old_len') > 0 ? situation.arg('old_len') : situation.length;
  if (at > 0 && length > 0) return [at, at + length];
  return outcome.result > 0 && outcome.result > 2 ** 12 ? [outcome.result, outcome.result] : null;
}

/**
 * Explains the last call of a script.
 *
 * @throws ScriptError when the situation cannot be set up, or a call is not known
 */
export function explain(question: Question): Explanation {
  const { make, setup, script } = question;
  const book = question.book ?? new ReasonBook();
  const call = script.at(-1);
  if (call === undefined) throw new ScriptError('there is no call to explain');

  const { task, kernel, args, earlier, notMade } = prepare(make, setup, script);
  const situation = new Situation(task, call, args);
  const before = kernel.proc.maps(task);
  const recorder = new Recorder();
  task.mm.tracer = recorder;
  const outcome = makeCall(task, call, args);
  task.mm.tracer = null;
  const after = kernel.proc.maps(task);
  const { events } = recorder;

  const refusals = events.flatMap((event) => (event.kind === 'decide' && event.result < 0 ? [event.decision] : []));
  const because = succeeded(outcome) ? [] : refusals.filter((decision) => decision !== outcome.decision);
  const range = touched(events, situation, outcome);
  const neighbours = range === null ? [] : neighboursIn(task.mm, range[0], range[1], book);

  // The operands are those of before the call: a second machine stands just there.
  const again = prepare(make, setup, script);
  const checks = checksOf(call, new Situation(again.task, call, again.args), outcome, because, book);

  const changes = question.withoutChanges === true ? [] : new ChangeSearch(make, setup, script, outcome, args).search();
  return {
    kernel: setup.machine.profile.name,
    pageSize: setup.machine.pageSize,
    earlier: earlier.map((done, i) => ({ call: script[i]!.text, result: formatOutcome(script[i]!, done) })),
    call: formatCall(call, args),
    result: formatOutcome(call, outcome),
    decision: reasonOf(book, outcome),
    because: because.flatMap((decision) => book.find(decision) ?? []),
    checks,
    events,
    changes: changes.map(({ change, outcome: then }) => ({
      change,
      then: formatOutcome(call, then),
      reason: reasonOf(book, then),
    })),
    elsewhere: otherMachines(question, book, outcome),
    before,
    after,
    neighbours,
    notMade,
  };
}

function otherMachines(question: Question, book: ReasonBook, outcome: Outcome): Elsewhere[] {
  const { make, setup, script } = question;
  const { profile, pageSize } = setup.machine;
  const call = script.at(-1)!;
  const answers: Elsewhere[] = [];
  for (const other of Object.values(PROFILES)) {
    for (const size of [4096, 16384, 65536]) {
      if (other === profile && size === pageSize) continue;
      if (other !== profile && size !== pageSize) continue;
      const entry = { kernel: other.name, pageSize: size };
      try {
        const then = probe(make, onMachine(setup, other, size), script);
        const same = succeeded(then) === succeeded(outcome) && (succeeded(then) || then.decision === outcome.decision);
        answers.push({ ...entry, then: formatOutcome(call, then), reason: reasonOf(book, then), same });
      } catch (error) {
        if (!(error instanceof ScriptError)) throw error;
        answers.push({ ...entry, then: error.message, reason: null, same: false });
      }
    }
  }
  return answers;
}
