/**
 * `vmarea explain LOG --at LINE`: a memory call in the middle of a log, explained in the state that its process has there.
 *
 * The log is replayed up to the line; the call is then made on a copy of the process.
 */
import { assumeFiles, explainCall, openFiles, parseScript, argumentsOf, type Answer, type Call } from '@vmarea/explain';
import { NO_PROGRAMS, Replay, type CallToCome } from '@vmarea/replay';
import { onCopy } from '@vmarea/what-if';
import { buildMachine } from '../machine/machine.ts';
import { reasonBook } from '../machine/lab.ts';
import { givenFacts, situationOf } from '../options/situation.ts';
import type { SituationOptions } from '../options/vocabulary.ts';
import { UsageError, type Io } from '../text/io.ts';
import { openLog } from './replay.ts';
import { isModelled, type Situation } from '@vmarea/situation';

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

/** The call as it stands in the log, with its result. */
function callOf({ call, line }: CallToCome): Call {
  const [read] = parseScript(`${call.name}(${call.argsText}) = ${call.result}`);
  return { ...read!, line };
}

function explainHere(come: CallToCome, seccompLine: number | undefined, withoutChanges: boolean): Answer {
  const call = callOf(come);
  const answer = onCopy(come.task, (task) => {
    const names = { values: new Map<string, bigint>(), pageSize: task.kernel.system.pageSize };
    const args = argumentsOf(call, names);
    const files = new Map([...assumeFiles([call], new Map()).files].filter(([fd]) => task.cur.files.fget(fd) === null));
    openFiles(task, files);
    return explainCall({ task, call, args, names, book: reasonBook(), withoutChanges, seccompLine });
  });
  if (answer === null) throw new UsageError(`explain: line ${come.line}: the process cannot be copied`);
  const where = `In the state of process ${come.pid} at line ${come.line}: memory call ${come.number} of the log, ${come.task.mm.mapCount} areas.`;
  return { ...answer, notes: [where, ...answer.notes] };
}

/**
 * Explains the memory call of a line.
 *
 * @throws UsageError when there is none on the line, or the replay ends before it
 */
export async function explainLine(question: LineQuestion, io: Io): Promise<LineAnswer> {
  const { log, line } = question;
  const opened = await openLog(log, io);
  const situation = situationOf(givenFacts(question.options), opened.clues);
  const seccomp = situation.seccomp?.evidence;
  const seccompLine = seccomp?.kind === 'log' && seccomp.line < line ? seccomp.line : undefined;
  let last = 0;
  const replay = new Replay({
    kernel: buildMachine(situation),
    programs: NO_PROGRAMS,
    situation,
    recorded: !isModelled(situation),
    beforeCall: (come) => {
      last = come.line;
      if (come.line !== line && come.call.entryLine !== line) return;
      throw new Reached(explainHere(come, seccompLine, question.withoutChanges));
    },
  });
  try {
    await opened.feed(replay);
    replay.finish();
  } catch (error) {
    if (error instanceof Reached) return { answer: error.answer, situation };
    throw error;
  }
  const why = replay.stopped ? `the replay ends at line ${last}` : `line ${line} is no memory call`;
  throw new UsageError(`explain: ${log} --at ${line}: ${why}; the last memory call before is on line ${last}`);
}
