/**
 * `vmarea explain`: reads the situation from options and from the calls themselves, the calls from an argument, a file or
 * standard input.
 */
import { readFileSync, statSync } from 'node:fs';
import {
  askedSituation,
  explain,
  formatAnswer,
  formatStatements,
  formatVerbose,
  readQuestion,
  skippedSentence,
  type Answer,
} from '@vmarea/explain';
import {
  describeEvidence,
  isAssumed,
  LogClues,
  listFacts,
  type Fact,
  type Situation,
  type Told,
} from '@vmarea/situation';
import { MEMORY_CALLS, parseLog } from '@vmarea/strace';
import { makeMachine, reasonBook } from '../machine/lab.ts';
import { givenFacts, situationOf } from '../options/situation.ts';
import type { SituationOptions } from '../options/vocabulary.ts';
import { UsageError, type Io } from '../text/io.ts';
import { parseCount } from '../text/values.ts';
import { explainLine } from './explain-line.ts';

/** As the command line gives them. */
export interface ExplainOptions extends SituationOptions {
  readonly maps?: string;
  readonly at?: string;
  readonly changes: boolean;
  readonly verbose?: boolean;
  readonly json?: boolean;
}

/** What is to be explained: the argument itself when it is a call, otherwise the file of that name; `-` is standard input. */
async function scriptText(what: string, io: Io): Promise<string> {
  if (what.includes('(') || what.trimStart().startsWith('---')) return what;
  if (what === '-') {
    let text = '';
    for await (const chunk of io.input()) text += chunk;
    return text;
  }
  if (statSync(what, { throwIfNoEntry: false }) === undefined) {
    throw new UsageError(
      `explain: «${what}» is neither a call with its arguments, such as 'munmap(0x1000, 4096)', nor a file; --help lists the calls`,
    );
  }
  return readFileSync(what, 'utf8');
}

/** Calls from which on a file is a log of a program and no script of calls. */
const LOG_CALLS = 40;

/**
 * The line of a long log that is meant: the last memory call that failed. Null for what is no long log.
 *
 * @throws UsageError for a long log in which none failed
 */
function meantLine(what: string): number | null {
  if (what.includes('(') || statSync(what, { throwIfNoEntry: false })?.isFile() !== true) return null;
  let calls = 0;
  let failed: number | null = null;
  for (const event of parseLog(readFileSync(what, 'utf8'))) {
    if (event.type !== 'call') continue;
    calls++;
    if (event.call.failed && MEMORY_CALLS.has(event.call.name)) failed = event.call.line;
  }
  if (calls < LOG_CALLS) return null;
  if (failed === null)
    throw new UsageError(
      `explain: ${what} is a log of ${calls} calls, and no memory call in it failed: --at LINE says which one is meant`,
    );
  return failed;
}

/** The machine and the process: what the options say, what the text tells, and what the lines show where they are of a log. */
function situationOfScript(text: string, told: Told, options: ExplainOptions): Situation {
  const { maps, ...rest } = options;
  const given = givenFacts(maps === undefined ? rest : { ...rest, mapsBefore: rest.mapsBefore ?? maps });
  const clues = new LogClues();
  for (const event of parseLog(text)) clues.event(event);
  // Calls without results show nothing of the machine.
  return situationOf(given, clues.calls === 0 ? null : clues, { told });
}

/** Explains a script or a pasted question; the text or JSON of the answer. */
export function explainText(script: string, options: ExplainOptions): string {
  const question = readQuestion(script);
  const { told, calls, statements } = question;
  if (calls.length === 0)
    return options.json === true ? `${JSON.stringify({ statements }, null, 2)}\n` : formatStatements(statements);
  const situation = situationOfScript(script, told, options);
  const answer: Answer = explain({
    make: makeMachine,
    situation,
    script: calls,
    told,
    book: reasonBook(situation),
    withoutChanges: !options.changes,
  });
  const notes = [...question.notes, ...answer.notes];
  const text = answerText({ ...answer, notes }, situation, options, skippedSentence(question));
  return statements.length === 0 || options.json === true ? text : `${formatStatements(statements)}\n${text}`;
}

/** An answer as the options want it. */
function answerText(answer: Answer, situation: Situation, options: ExplainOptions, left = ''): string {
  const book = reasonBook(situation);
  const facts = listFacts(situation);
  if (options.json === true) return `${JSON.stringify({ ...answer, situation: facts }, null, 2)}\n`;
  if (options.verbose === true)
    return formatVerbose(
      answer,
      book,
      facts.map(({ name, value, evidence }) => `${name}: ${value} (${evidence})`),
    );
  return formatAnswer(answer, `${machineLine(askedSituation(situation))} ${left}`.trim());
}

/** One line about the machine; what nothing tells is said to be assumed. */
function machineLine({ architecture, kernel, otherKernels, pageSize, vaBits }: Situation): string {
  const newest = isAssumed(kernel) && otherKernels.length > 0 ? ' (the newest; nothing tells the version)' : '';
  const facts: readonly (readonly [string, Fact<unknown>])[] = [
    [architecture.value, architecture],
    [`${kernel.value}${newest}`, kernel],
    [`${pageSize.value / 1024} KiB pages`, pageSize],
    [`${vaBits.value}-bit addresses`, vaBits],
  ];
  const all = facts.every(([, fact]) => isAssumed(fact));
  const words = facts.map(([text, fact]) => (isAssumed(fact) ? text : `${text} (${describeEvidence(fact.evidence)})`));
  const assumed = all ? ' (all assumed)' : facts.some(([, fact]) => isAssumed(fact)) ? ' (the rest assumed)' : '';
  return `Asked on ${words.join(', ')}${assumed}. --verbose shows the checks, the path and the map.`;
}

/** `vmarea explain`. Exit status 0, whatever the call's answer; bad input is a UsageError. */
export async function explainCommand(what: string, options: ExplainOptions, io: Io): Promise<number> {
  try {
    const line = options.at === undefined ? meantLine(what) : parseCount('--at', options.at, 1);
    if (line === null) io.out(explainText(await scriptText(what, io), options));
    else {
      const { maps, ...rest } = options;
      const named = maps === undefined ? rest : { ...rest, mapsBefore: rest.mapsBefore ?? maps };
      const question = { log: what, line, options: named, withoutChanges: !options.changes };
      const { answer, situation } = await explainLine(question, io);
      io.out(answerText(answer, situation, options));
    }
    return 0;
  } catch (error) {
    const named = error instanceof Error && ['ScriptError', 'FailedResultError', 'SituationError'].includes(error.name);
    if (named || (error instanceof Error && 'code' in error)) throw new UsageError(error.message);
    throw error;
  }
}
