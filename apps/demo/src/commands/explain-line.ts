/**
 * `vmarea explain LOG --at LINE`: a memory call, a fork or a signal in the middle of a log, explained in the state that its
 * process has there.
 *
 * The log is replayed up to the line. A call is then made on a copy of the process. A replay has no memory behind it, so the
 * access of a signal is made on another machine, with the map of that moment.
 */
import {
  argumentsOf,
  assumeFiles,
  explain,
  explainCall,
  openFiles,
  parseScript,
  type Answer,
  type Call,
} from '@vmarea/explain';
import type { Task } from '@vmarea/kernel';
import { NO_PROGRAMS, Replay } from '@vmarea/replay';
import { onCopy } from '@vmarea/what-if';
import { buildMachine } from '../machine/machine.ts';
import { makeMachine, reasonBook } from '../machine/lab.ts';
import { givenFacts, situationOf } from '../options/situation.ts';
import type { SituationOptions } from '../options/vocabulary.ts';
import { UsageError, type Io } from '../text/io.ts';
import { openLog } from './replay.ts';
import { fromLog, isModelled, stateLinesOf, type Situation } from '@vmarea/situation';
import { LogWriter, type Call as LogCall, type LogEvent } from '@vmarea/strace';

/** What is asked. */
export interface LineQuestion {
  readonly log: string;
  /** From 1. */
  readonly line: number;
  readonly options: SituationOptions;
  readonly withoutChanges: boolean;
}

/** An answer, and the situation of its process at the beginning of the log. */
export interface LineAnswer {
  readonly answer: Answer;
  readonly situation: Situation;
}

/** Ends the replay: the line has been reached. */
class Reached extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super('reached');
    this.answer = answer;
  }
}

/** A line of the log that is asked about, and the task of its process before it. */
interface Asked {
  readonly event: LogEvent;
  readonly task: Task;
  /** Which memory call of the log; 0 for a line that is none. */
  readonly number: number;
}

/** The call as it stands in the log, with its result. */
function callOf(call: LogCall, line: number): Call {
  const result = call.state === 'returned' ? ` = ${call.result}` : '';
  const [read] = parseScript(`${call.name}(${call.argsText})${result}`);
  return { ...read!, line };
}

/** Where the answer holds. */
function whereOf({ event, task, number }: Asked): string {
  const which = number === 0 ? '' : `memory call ${number} of the log, `;
  const areas = task.mm.mapCount === 1 ? '1 area' : `${task.mm.mapCount} areas`;
  const whose = event.pid === 0 ? 'the process' : `process ${event.pid}`;
  return `In the state of ${whose} at line ${event.line}: ${which}${areas}.`;
}

/** Explains a signal: its access is made on a machine that has the map of that moment. */
function explainSignal(asked: Asked, situation: Situation, withoutChanges: boolean): Answer {
  const { event, task } = asked;
  const lines = stateLinesOf(task.mm);
  const here = { ...situation, mapBefore: fromLog({ lines, source: `line ${event.line}` }, event.line, 'its state') };
  const script = parseScript(new LogWriter().line({ ...event, pid: 0 }) ?? '');
  const answer = explain({ make: makeMachine, situation: here, script, book: reasonBook(situation), withoutChanges });
  // The map is the replay's own: nothing was taken from a file.
  return { ...answer, taken: [], notes: [whereOf(asked), ...answer.notes] };
}

/** What holds for every line. */
interface Setting {
  readonly situation: Situation;
  readonly seccompLine: number | undefined;
  readonly withoutChanges: boolean;
}

function explainHere(asked: Asked, read: LogCall, setting: Setting): Answer {
  const { event } = asked;
  const { situation, seccompLine, withoutChanges } = setting;
  const call = callOf(read, event.line);
  const answer = onCopy(asked.task, (task) => {
    const names = { values: new Map<string, bigint>(), pageSize: task.kernel.system.pageSize };
    const args = argumentsOf(call, names);
    const files = new Map([...assumeFiles([call], new Map()).files].filter(([fd]) => task.cur.files.fget(fd) === null));
    openFiles(task, files);
    return explainCall({ task, call, args, names, book: reasonBook(situation), withoutChanges, seccompLine });
  });
  if (answer === null) throw new UsageError(`explain: line ${event.line}: the process cannot be copied`);
  return { ...answer, notes: [whereOf(asked), ...answer.notes] };
}

/** Calls that make a task. */
const FORKS: ReadonlySet<string> = new Set(['fork', 'vfork', 'clone', 'clone3']);

/**
 * Explains the memory call, the fork or the signal of a line.
 *
 * @throws UsageError when there is none on the line, or the replay ends before it
 */
export async function explainLine(question: LineQuestion, io: Io): Promise<LineAnswer> {
  const { log, line, withoutChanges } = question;
  const opened = await openLog(log, io);
  const situation = situationOf(givenFacts(question.options), opened.clues);
  const seccomp = situation.seccomp?.evidence;
  const seccompLine = seccomp?.kind === 'log' && seccomp.line < line ? seccomp.line : undefined;
  const setting = { situation, seccompLine, withoutChanges };
  let last = 0;
  const replay = new Replay({
    kernel: buildMachine(situation),
    programs: NO_PROGRAMS,
    situation,
    recorded: !isModelled(situation),
    beforeCall: ({ call, line: at, pid, number, task }) => {
      last = at;
      if (at !== line && call.entryLine !== line) return;
      const asked = { event: { type: 'call' as const, pid, line: at, call }, task, number };
      throw new Reached(explainHere(asked, call, setting));
    },
    beforeEvent: ({ event, task }) => {
      if (event.line !== line) return;
      const asked = { event, task, number: 0 };
      if (event.type === 'signal') throw new Reached(explainSignal(asked, situation, withoutChanges));
      if ((event.type === 'call' || event.type === 'entry') && FORKS.has(event.call.name))
        throw new Reached(explainHere(asked, event.call, setting));
    },
  });
  try {
    await opened.feed(replay);
    replay.finish();
  } catch (error) {
    if (error instanceof Reached) return { answer: error.answer, situation };
    throw error;
  }
  const why = replay.stopped
    ? `the replay ends at line ${last}`
    : `line ${line} is no memory call, fork or signal of a running process`;
  throw new UsageError(`explain: ${log} --at ${line}: ${why}; the last memory call before is on line ${last}`);
}
