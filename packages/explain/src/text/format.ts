/**
 * Formats an answer: the result first, then what changes it, a small picture, and one line about other machines. The rest —
 * checks, path, whole maps — on request only.
 */
import { errnoByName, errnoText, escapeText } from '@vmarea/uapi';
import type { Answer, ExplainedChange } from '../answer/answer.ts';
import { formatPicture } from '../answer/picture.ts';
import type { Neighbours } from '../answer/neighbours.ts';
import type { Reason, ReasonBook } from '../answer/reason-book.ts';
import type { TraceEvent } from '../answer/recorder.ts';
import { hex } from '../calls/verbs.ts';
import type { PastedQuestion, Statement } from '../paste/paste.ts';

const COLUMNS = 110;
/** The number of changes shown without --verbose. */
const FEW_CHANGES = 4;
/** The number of causes of a recorded failure that are shown. */
const MOST_CAUSES = 4;
/** The number of sentences about choices shown without --verbose. */
const FEW_CHOICES = 5;
/** The number of lines of the short answer. */
const MAX_LINES = 25;

/** Breaks a sentence at blanks; the lines after the first are indented by two more. */
function wrapped(text: string, indent: string = ''): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.trim() !== '' && line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = `${indent}  `;
    }
    line += line.trim() === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}

function reasonLine(reason: Reason): string {
  return `${reason.id}: ${reason.sentence}`;
}

function eventLine(event: TraceEvent, book: ReasonBook): string {
  switch (event.kind) {
    case 'enter':
      return `→ ${event.fn}(${event.args.map(hex).join(', ')})`;
    case 'decide': {
      const reason = book.find(event.decision);
      return `  ${event.result < 0 ? '✗' : '·'} ${reason === undefined ? `decision ${event.decision}` : reasonLine(reason)}`;
    }
    case 'vma':
      return `  + ${event.event} ${hex(event.start)}-${hex(event.end)}${event.event === 'merge' ? ` (case ${event.detail})` : ''}`;
    case 'fault': {
      const reason = book.find(event.decision);
      return `  ! fault: ${event.what} at ${hex(event.address)}${reason === undefined ? '' : `: ${reasonLine(reason)}`}`;
    }
  }
}

/** Formats the functions entered and their events, one line each. */
export function formatEvents(events: readonly TraceEvent[], book: ReasonBook): string[] {
  return events.map((event) => eventLine(event, book));
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}

/** Returns whether the line records a failure or a signal that does not occur here. */
function isRecordedFailure({ comparison }: Answer): boolean {
  return comparison !== null && !comparison.agrees && isFailure(comparison.recorded);
}

/** Explains a recorded failure that does not occur here: what is told, what is known, or what may be so. */
function failureLines({ comparison, succeeded }: Answer): string[] {
  const { recorded, causes, note } = comparison!;
  const told = causes.filter(({ known }) => known === true);
  if (told.length > 0) return told.flatMap(({ condition }) => wrapped(`The text tells why: ${condition}.`));
  const lines = note === '' ? [] : wrapped(note);
  const how = (options: readonly string[]): string => (options.length === 0 ? '' : ` (${options.join(' ')} agrees)`);
  const shown = causes.slice(0, MOST_CAUSES);
  if (shown.length === 1)
    return [...lines, ...wrapped(`That answer comes if ${shown[0]!.condition}${how(shown[0]!.options)}.`)];
  if (shown.length === 0) return lines;
  const error = recorded.split(' ').find((word) => /^[ES][A-Z]/.test(word)) ?? 'the error';
  const begin = succeeded ? 'No rule refuses this call by itself. ' : '';
  lines.push(...wrapped(`${begin}${error} comes, likely causes first:`));
  return [
    ...lines,
    ...bullets(
      shown.map(({ condition, options }) => `if ${condition}${how(options)}`),
      MOST_CAUSES,
    ),
  ];
}

function comparisonLines(answer: Answer): string[] {
  const { comparison, result } = answer;
  if (comparison === null) return [];
  const { recorded, agrees, note } = comparison;
  if (agrees && recorded.startsWith('0x') && recorded !== result)
    return [`The line says ${recorded}: it succeeds here as well, and the address depends on what else is mapped.`];
  if (agrees) return [`The line says the same: ${recorded}`];
  const lines = [`The line says ${recorded}: here the answer is another one.`];
  return note === '' ? lines : [...lines, ...wrapped(note)];
}

/** Returns the reason in a sentence, the numbers, and where the kernel decides. */
function refusalLines({ refusal, result }: Answer): string[] {
  if (refusal === null) {
    const errno = errnoByName(result.replace('-1 ', ''));
    return errno === undefined ? [] : [`${errnoText(errno)}.`];
  }
  const { reason, sentence, figures, turned } = refusal;
  return [
    ...wrapped(`${sentence}${figures === '' ? '' : ` ${figures}`}${turned === '' ? '' : ` ${turned}`}`),
    `(${reason.fn}, ${reason.id})`,
  ];
}

/** Returns whether a result as strace prints it is an error. */
function isFailure(then: string): boolean {
  return then.startsWith('-1') || then.startsWith('SIG');
}

function changeLine({ change, then, reason, caveat, option }: ExplainedChange): string {
  const result = isFailure(then) ? `${then}${reason === null ? '' : ` (${reason.id})`}` : 'succeeds';
  const more = caveat === '' ? '' : `, but ${caveat}`;
  return `${change}: ${result}${more}${option === '' ? '' : `  [${option}]`}`;
}

function bullets(lines: readonly string[], most: number): string[] {
  const shown = lines
    .slice(0, most)
    .flatMap((line) => wrapped(line, '    ').map((text, i) => (i === 0 ? `  • ${text.trimStart()}` : text)));
  return lines.length > most ? [...shown, `  … ${lines.length - most} more with --verbose`] : shown;
}

/** Returns the advice for a refusal: changes that were tried and help, or the reason's advice when none was found. */
function changeLines(answer: Answer, most: number): string[] {
  const { refusal, changes } = answer;
  if (answer.succeeded || refusal === null || (isAccess(answer) && isRecordedFailure(answer))) return [];
  const helping = changes.filter(({ then }) => !isFailure(then));
  if (helping.length > 0) return ['', 'What helps:', ...bullets(helping.map(changeLine), most)];
  const moving =
    changes.length === 0 ? [] : ['Tried, and only moves the failure:', ...bullets(changes.map(changeLine), 2)];
  return ['', ...wrapped(`What helps: ${refusal.advice}`), ...moving];
}

function pictureLines(answer: Answer): string[] {
  const rows = formatPicture(answer.picture);
  return rows.length === 0 ? [] : ['', 'Around it (+ new, - gone, → asked for):', ...rows.map((row) => `  ${row}`)];
}

/** Returns one line about the other machines with another answer. */
function elsewhereLines(answer: Answer): string[] {
  const others = answer.elsewhere.filter(({ same, notAsked }) => !same && notAsked === '');
  if (others.length === 0) return [];
  const words = others.map(({ kernel, pageSize, then, reason }) => {
    const otherPages = answer.elsewhere.some((entry) => entry.kernel === kernel && entry.pageSize !== pageSize);
    const where = otherPages ? `with ${pageSize / 1024} KiB pages` : `on ${kernel}`;
    return `${where} ${isFailure(then) ? `${then}${reason === null ? '' : ` (${reason.id})`}` : 'it succeeds'}`;
  });
  return ['', ...wrapped(`Elsewhere: ${words.join('; ')}.`)];
}

function apartSentence({ lower, upper, reasons }: Neighbours): string {
  const all = reasons.map(({ reason, operands }) => `${reason.sentence.replace(/\.$/, '')}: ${operands}.`).join(' ');
  return `${hex(lower[0])}-${hex(lower[1])} and ${hex(upper[0])}-${hex(upper[1])} stay apart. ${all}`;
}

/** Returns the neighbours with equal rights that stayed apart after a successful call: people take them for one area. */
function apartChoices(answer: Answer): string[] {
  if (!answer.succeeded || !SHAPING.test(answer.call)) return [];
  return answer.neighbours.filter(({ reasons, alike }) => reasons.length > 0 && alike).map(apartSentence);
}

/** Calls that make or change areas. */
const SHAPING = /^(?:mmap|mprotect|pkey_mprotect|mremap|brk|munmap|madvise|prctl)\(/;

/** Escapes text that came from outside; a line stays one line. */
function escaped(lines: readonly string[]): string {
  return `${lines.map((line) => escapeText(line)).join('\n')}\n`;
}

/** Returns whether the answer is about an access of which only the address is known: which right it lacked is a guess. */
function isAccess({ call }: Answer): boolean {
  return call.startsWith('access(');
}

function head(answer: Answer): string[] {
  const notes = answer.notes.flatMap((note) => wrapped(note));
  if (!isRecordedFailure(answer))
    return [`${answer.call} = ${answer.result}`, ...refusalLines(answer), ...comparisonLines(answer), ...notes];
  const here = isAccess(answer)
    ? []
    : answer.succeeded
      ? [`Here, where the rest of the process is not known, it succeeds: ${answer.result}.`]
      : [`Here it gives ${answer.result}:`, ...refusalLines(answer)];
  return [`${answer.call} = ${answer.comparison!.recorded}`, ...failureLines(answer), ...here, ...notes];
}

function statementLines({ line, text, says, helps }: Statement): string[] {
  return [
    ...wrapped(`Line ${line}: ${text.length > 200 ? `${text.slice(0, 199)}…` : text}`),
    ...wrapped(says),
    ...(helps.length === 0 ? [] : ['', 'What helps:', ...bullets(helps, Infinity)]),
  ];
}

/** Formats what is said of messages and of calls that are not made here. */
export function formatStatements(statements: readonly Statement[]): string {
  return escaped(statements.flatMap((statement, i) => (i === 0 ? [] : ['']).concat(statementLines(statement))));
}

/** Returns a sentence about the lines that were left out; empty for none. */
export function skippedSentence({ skipped }: Pick<PastedQuestion, 'skipped'>): string {
  const first = skipped[0];
  if (first === undefined) return '';
  const shown = first.text.length > 50 ? `${first.text.slice(0, 49)}…` : first.text;
  const count = skipped.length === 1 ? '1 line was' : `${skipped.length} lines were`;
  return `${count} not read as a call${skipped.length === 1 ? '' : ', the first'}: line ${first.line}, «${shown}».`;
}

/**
 * Formats the short answer: at most 25 lines.
 *
 * @param machine one line about the machine, for the last line
 */
export function formatAnswer(answer: Answer, machine: string = ''): string {
  const apart = apartChoices(answer).slice(0, 2);
  const first = answer.choices.filter((text) => text.startsWith('MAP_FIXED replaced'));
  const rest = answer.choices.filter((text) => !first.includes(text));
  // What the kernel chose is no answer to a failure that does not occur here.
  const chosen = isRecordedFailure(answer) ? first : [...first, ...apart, ...rest];
  const top = [...head(answer), ...bullets(chosen, FEW_CHOICES)];
  const end = machine === '' ? [] : ['', ...wrapped(machine)];
  const optional = [changeLines(answer, FEW_CHANGES), pictureLines(answer), elsewhereLines(answer)];
  const lines = [...top];
  for (const part of optional) if (lines.length + part.length + end.length <= MAX_LINES) lines.push(...part);
  return escaped([...lines, ...end]);
}

function mapLines(text: string): string[] {
  return text === '' ? ['(nothing is mapped)'] : text.trimEnd().split('\n');
}

/** Marks the lines that only one of two texts has. */
function mapDifference(before: string, after: string): string[] {
  const old = new Set(mapLines(before));
  const now = mapLines(after);
  const kept = new Set(now);
  const gone = mapLines(before).filter((line) => !kept.has(line));
  return [...now.map((line) => `${old.has(line) ? ' ' : '+'} ${line}`), ...gone.map((line) => `- ${line}`)];
}

/** Formats the whole answer. */
export function formatVerbose(answer: Answer, book: ReasonBook, facts: readonly string[] = []): string {
  const lines = [...head(answer), ...bullets(answer.choices, Infinity)];
  if (answer.succeeded) lines.push(...section('What would refuse it', answer.changes.map(changeLine)));
  else lines.push(...changeLines(answer, Infinity));
  lines.push(...pictureLines(answer));
  if (answer.refusal !== null) {
    const { reason, passedOn } = answer.refusal;
    lines.push(
      ...section('Decision', [
        reasonLine(reason),
        ...passedOn.map((outer) => `passed on by ${outer.fn} (${outer.id})`),
        reason.change,
        ...(reason.reference === '' ? [] : [`Source: ${reason.reference}`]),
      ]),
    );
  }
  lines.push(
    ...section(
      'Calls before',
      answer.earlier.map(({ call, result }) => `${call} = ${result}`),
    ),
  );
  lines.push(
    ...section(
      'Checks',
      answer.checks.map(
        ({ reason, passed, operands }) =>
          `${passed ? '✓' : '✗'} ${reason.fn}: ${reason.id}${operands === '' ? '' : ` — ${operands}`}`,
      ),
    ),
  );
  lines.push(...section('Path', formatEvents(answer.events, book)));
  lines.push(
    ...section(
      'Elsewhere',
      answer.elsewhere.map(({ kernel, pageSize, then, reason, same, notAsked }) => {
        const where = `${kernel}, ${pageSize / 1024} KiB pages`;
        if (notAsked !== '') return `${where}: not asked, ${notAsked}`;
        return `${where}: ${then}${reason === null ? '' : ` (${reason.id})`}${same ? ', the same' : ''}`;
      }),
    ),
  );
  const apart = answer.neighbours.filter(({ reasons }) => reasons.length > 0);
  lines.push(...section('Neighbours that stay apart', apart.map(apartSentence)));
  lines.push(...section('Taken from the map before', answer.taken));
  lines.push(...section('Map before', mapLines(answer.before)));
  const same = answer.before === answer.after;
  lines.push(
    ...section(same ? 'Map after: the same' : 'Map after', same ? [] : mapDifference(answer.before, answer.after)),
  );
  lines.push(...section('Machine and process', facts));
  return escaped(lines);
}
