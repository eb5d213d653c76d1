/**
 * A report as text for people.
 */
import Table from 'cli-table3';
import type { CrowdedMap, Difference, FailedCalls, MapRow, Reason, ReplayedMap, ReplayReport } from '@vmarea/replay';
import { describeSituation, isModelled, listFacts } from '@vmarea/situation';
import { formatMapsLine } from '@vmarea/strace';
import type { Io } from './io.ts';
import { stacksText } from './stacks-text.ts';
import { count, grouped, patternText } from './numbers.ts';
import { wrap } from './wrap.ts';

/** A table without lines. */
function table(rows: readonly (readonly string[])[], aligned: 'left' | 'right' = 'right'): string {
  const none = Object.fromEntries(
    [
      'top',
      'top-mid',
      'top-left',
      'top-right',
      'bottom',
      'bottom-mid',
      'bottom-left',
      'bottom-right',
      'left',
      'left-mid',
    ].map((name) => [name, '']),
  );
  const made = new Table({
    chars: { ...none, mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, compact: true, border: [], head: [] },
    colAligns: ['left', aligned],
  });
  made.push(...rows.map((row) => [...row]));
  return made
    .toString()
    .split('\n')
    .map((line) => `  ${line.trimEnd()}\n`)
    .join('');
}

/** How a report is printed. */
export interface ReportView {
  readonly io: Io;
  /** Everything; otherwise what answers the question. */
  readonly verbose: boolean;
}

/** Failed calls, signals and borders that are printed unless all are asked for. */
const FEW = 5;
/** Lines of a map that are printed unless all are asked for. */
const SHORT_MAP = 12;

/** The whole report: what is known, the answer, what failed and why, the map. */
export function reportText(name: string, report: ReplayReport, view: ReportView): string {
  const { io, verbose } = view;
  const c = io.colors;
  const parts: string[] = [`${c.bold(`Replay of ${name}`)}\n${situationText(report, view)}`];
  parts.push(`${c.bold('Answer')}\n${answerText(report, io)}`);
  if (report.stacks !== null) parts.push(stacksText(report.stacks, io));
  if (report.difference !== null)
    parts.push(`${c.bold('The first difference')}\n${differenceText(report.difference, io)}`);
  if (report.failures.length > 0 || verbose)
    parts.push(`${c.bold('Calls that failed')}\n${failuresText(report, view)}`);
  if (report.signals.length > 0) parts.push(`${c.bold('Signals')}\n${signalsText(report, view)}`);
  if (verbose) parts.push(`${c.bold('What happened to the areas')}\n${vmasText(report)}`);
  if (report.borders.length > 0 && (verbose || report.borders.length <= FEW))
    parts.push(`${c.bold('Neighbours that stay apart')}\n${bordersText(report, view)}`);
  const notes = notesText(report, view);
  if (notes !== '') parts.push(`${c.bold('Notes')}\n${notes}`);
  const map = report.map !== null && report.difference === null ? mapText(report.map, view) : '';
  if (map !== '') parts.push(map);
  return parts.join('\n');
}

function situationText(report: ReplayReport, { io, verbose }: ReportView): string {
  const { situation, machine, processes } = report;
  const lines: [string, string, string] = [...describeSituation(situation)];
  const how =
    machine.addresses === 'predicted'
      ? machine.randomized === null || situation.aslr.value !== 'unknown'
        ? ''
        : machine.randomized
          ? 'random addresses'
          : 'addresses not random'
      : machine.addresses === 'mixed'
        ? 'some addresses taken from the log'
        : isModelled(situation)
          ? 'addresses taken from the log'
          : `addresses taken from the log: placement on ${situation.architecture.value} is not judged`;
  const threads = processes.threads > 0 ? `, ${count(processes.threads, 'thread')}` : '';
  const tasks = `${count(processes.seen, 'task')} (${count(processes.forks, 'fork')}${threads}, ${count(processes.execs, 'exec')})`;
  const own = lines[2].startsWith('Process: nothing') ? 'Process: ' : `${lines[2].replace(/\.$/, '')}; `;
  lines[2] = `${own}${[count(report.lines, 'line'), tasks, how].filter((word) => word !== '').join(', ')}.`;
  const facts = verbose
    ? table(
        listFacts(situation).map(({ name, value, evidence }) => [`${name}: ${value}`, evidence]),
        'left',
      )
    : '';
  return lines.map((line) => wrap(line, io.columns, '  ')).join('') + facts;
}

/** The verdict, then the figures that it rests on. */
function answerText(report: ReplayReport, io: Io): string {
  const { answers, signals } = report;
  const judged = answers.replayed - answers.unjudged;
  const lines = [verdictText(report, io)];
  const first = report.failures.find(({ kind }) => kind !== 'agrees') ?? report.failures[0];
  if (first !== undefined) {
    const how = first.error === 'unchanged' ? 'left the break unchanged' : `failed with ${first.error}`;
    lines.push(`Line ${first.line} ${how}: ${first.reason.sentence}`);
  }
  const deadly = signals.find((signal) => signal.deadly);
  if (deadly !== undefined) lines.push(`The process died of ${deadly.name} (line ${deadly.line}): ${deadly.sentence}`);
  if (report.crowded !== null) lines.push(crowdedText(report.crowded, report.vmas.maxMapCount));
  for (const learned of report.learned) lines.push(`The log shows that ${learned}.`);
  const text = lines.map((line) => wrap(line, io.columns, '  ')).join('');
  const rows = [
    ['memory calls replayed', grouped(answers.replayed)],
    ["of the kernel's answers reproduced", `${grouped(answers.reproduced)} of ${grouped(judged)}`],
  ];
  if (answers.unjudged > 0) {
    const told = report.machine.randomized && report.machine.addresses === 'predicted';
    rows.push([
      told ? 'told the random displacements, or could not be judged' : 'taken from the log, not judged',
      grouped(answers.unjudged),
    ]);
  }
  rows.push(['failed in the log', grouped(answers.failed)]);
  if (answers.failed > 0) rows.push(['  of these refused here in the same way', grouped(answers.failedAlike)]);
  return text + table(rows.map(([what, number]) => [what!, io.colors.cyan(number)]));
}

function crowdedText({ areas, pid, line, moment, pattern }: CrowdedMap, most: number): string {
  const fills =
    pattern === null ? 'no pair of neighbours makes up half of it' : `what fills it is ${patternText(pattern)}`;
  return `Process ${pid} has ${grouped(areas)} of ${grouped(most)} areas (vm.max_map_count) ${moment} (line ${line}): ${fills}.`;
}

function differenceText(difference: Difference, io: Io): string {
  const c = io.colors;
  const lines = [
    `  line ${difference.line}, process ${difference.pid}, memory call ${difference.number}:\n`,
    `    ${difference.call}\n`,
    `    the log says    ${c.green(difference.recorded)}\n`,
    `    vmarea answers  ${c.red(difference.predicted)}\n`,
    wrap(difference.explanation, io.columns, '    '),
  ];
  if (difference.reason !== null) lines.push(reasonText(difference.reason, io));
  lines.push('  the map there:\n', ...difference.around.map((line) => `    ${formatMapsLine(line).trimEnd()}\n`));
  lines.push('  The replay ends here: what follows rests on this answer.\n');
  return lines.join('');
}

function reasonText(reason: Reason, io: Io): string {
  const head = wrap(reason.id === '' ? reason.sentence : `${reason.id}: ${reason.sentence}`, io.columns, '    ');
  return reason.change === '' ? head : head + wrap(`What would change it: ${reason.change}`, io.columns, '    ');
}

function vmasText({ vmas }: ReplayReport): string {
  const number = (value: number): string => grouped(value);
  const rows = [
    ['created', number(vmas.created)],
    ['merged with a neighbour', number(vmas.merged)],
    ['split', number(vmas.split)],
    ['removed', number(vmas.removed)],
    ['copied by fork', number(vmas.copied)],
    ['most at a time', `${number(vmas.peak)} of ${number(vmas.maxMapCount)}`],
  ];
  return `${table(rows)}  (most at a time: process ${vmas.peakPid}, line ${vmas.peakLine}; the limit is vm.max_map_count)\n`;
}

const KINDS = {
  agrees: 'refused here in the same way',
  cause: 'not refused so here; it would be',
  outside: 'not refused so here',
  unexplained: 'not refused so here, and nothing known makes it fail so',
} as const;

function failureText(failure: FailedCalls, io: Io): string {
  const more = failure.count > 1 ? ` (and ${count(failure.count - 1, 'more call')} like it)` : '';
  const head = `  line ${failure.line}: ${failure.call} = ${io.colors.yellow(failure.error)}${more}\n`;
  const kind = wrap(KINDS[failure.kind], io.columns, '    ');
  const causes = failure.causes.slice(0, 3).map(({ condition, options }, index) => {
    const agrees = options.length === 0 ? '' : `: ${options.join(' ')} agrees`;
    return wrap(`${index === 0 ? 'if' : 'or if'} ${condition}${agrees}`, io.columns, '    ');
  });
  const reason = failure.kind === 'cause' && failure.reason.id === '' ? '' : reasonText(failure.reason, io);
  return `${head}${kind}${reason}${causes.join('')}`;
}

function failuresText(report: ReplayReport, { io, verbose }: ReportView): string {
  if (report.failures.length === 0) return '  none\n';
  // What needs a reader's attention comes first.
  const order = ['unexplained', 'cause', 'outside', 'agrees'];
  const sorted = [...report.failures].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || a.line - b.line);
  const shown = verbose ? sorted : sorted.slice(0, FEW);
  const lines = shown.map((failure) => failureText(failure, io));
  if (sorted.length > shown.length) lines.push(`  and ${sorted.length - shown.length} other kinds (--verbose)\n`);
  if (report.failuresLeftOut > 0) lines.push(`  and ${count(report.failuresLeftOut, 'call')} of other kinds\n`);
  return lines.join('');
}

const SIGNAL_KINDS = { agrees: 'explained', open: 'not judged', differs: 'contradicts the map' } as const;

function signalsText({ signals }: ReplayReport, { io, verbose }: ReportView): string {
  const shown = verbose ? signals : signals.slice(0, FEW);
  const lines = shown.map(({ line, name, kind, sentence, deadly, count: times }) => {
    const more = times > 1 ? ` (and ${times - 1} more like it)` : '';
    const head = `line ${line}: ${name}${deadly ? ', of which the process died' : ''}${more}, ${SIGNAL_KINDS[kind]}: ${sentence}`;
    return wrap(head, io.columns, '  ');
  });
  if (signals.length > shown.length) lines.push(`  and ${signals.length - shown.length} others (--verbose)\n`);
  return lines.join('');
}

/** What is said of neighbours that nothing keeps apart. */
const NEVER_TRIED = 'Nothing keeps them apart: no call has tried to join them since they became alike.';

/** What differs, as a sentence. */
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function bordersText({ borders }: ReplayReport, { io, verbose }: ReportView): string {
  const shown = verbose ? borders : borders.slice(0, FEW);
  return shown
    .map(({ at, reasons, line }) => {
      const name = line.name === '' ? '' : ` (${line.name})`;
      const all = reasons.map(({ reason, operands }) =>
        operands === '' ? reason.sentence : `${reason.sentence} ${sentence(operands)}`,
      );
      const why = all.length === 0 ? NEVER_TRIED : all.join(' ');
      return wrap(`at ${at.toString(16)}${name}: ${why}`, io.columns, '  ');
    })
    .join('');
}

const NOTE_TITLES = {
  assumed: 'Assumed, because the log does not tell',
  descriptor: 'Descriptors that the log never opened',
  touch: 'Where it matters that memory is taken as written as soon as it is there',
  unjudged: 'Answers taken from the log',
  strange: 'Lines that were skipped',
  info: 'Also',
} as const;

/** Notes of a kind that are printed. */
const SHOWN_NOTES = 8;

function notesText(report: ReplayReport, { io, verbose }: ReportView): string {
  let text = '';
  for (const [kind, title] of Object.entries(NOTE_TITLES) as [keyof typeof NOTE_TITLES, string][]) {
    const { count: total, notes } = report.notes[kind];
    if (total === 0 || (kind === 'touch' && !verbose)) continue;
    text += `  ${title}:\n`;
    const most = verbose ? SHOWN_NOTES : 3;
    for (const note of notes.slice(0, most)) {
      const where = note.line > 0 ? `line ${note.line}: ` : '';
      text += wrap(`${where}${note.text}`, io.columns, '    ');
    }
    if (total > most) text += `    and ${total - most} more${verbose ? '' : ' (--verbose)'}\n`;
  }
  return text;
}

function mapText(map: ReplayedMap, { io, verbose }: ReportView): string {
  const c = io.colors;
  const where = map.line > 0 ? `, line ${map.line}` : '';
  const title = `${c.bold(`The map of process ${map.pid}`)} ${map.moment}${where}`;
  if (map.comparison === null) {
    if (map.lines.length === 0) return '';
    if (!verbose && map.lines.length > SHORT_MAP)
      return `${title}: ${count(map.lines.length, 'area')} (--verbose shows them)\n`;
    return `${title}\n${map.lines.map((line) => `  ${formatMapsLine(line).trimEnd()}\n`).join('')}`;
  }
  const { rows, different } = map.comparison;
  if (!verbose && different === 0) return '';
  const legend = '  = as in the real process   < vmarea   > the real process   ~ not judged\n';
  const shown = verbose ? rows : rows.filter((row) => row.excused === '' && row.differences.length > 0);
  return `${title}, beside the real one\n${c.dim(legend)}${shown.map((row) => rowText(row, io)).join('')}`;
}

function rowText(row: MapRow, io: Io): string {
  const c = io.colors;
  const line = (mark: string, shown: MapRow['ours']): string =>
    shown === null ? '' : `  ${mark} ${formatMapsLine(shown).trimEnd()}\n`;
  if (row.differences.length === 0) {
    return row.excused === '' ? line(c.green('='), row.ours) : line(c.dim('~'), row.ours);
  }
  const what = row.excused === 'grown' ? 'it has grown: touching is not in a log' : row.differences.join('; ');
  const both =
    line(row.excused === '' ? c.red('<') : c.dim('<'), row.ours) +
    line(row.excused === '' ? c.red('>') : c.dim('>'), row.real);
  return `${both}      ${row.excused === '' ? c.red(what) : c.dim(`~ ${what}`)}\n`;
}

/** What can be said of the whole, in one sentence; «agrees» is never said over what was not judged. */
function verdictText(report: ReplayReport, io: Io): string {
  const c = io.colors;
  const { comparison } = report.map ?? { comparison: null };
  const { answers, signals } = report;
  if (report.difference !== null) return c.red(`Differs: the answer at line ${report.difference.line}.`);
  const contradicting = signals.find(({ kind }) => kind === 'differs');
  if (contradicting !== undefined) return c.red(`Differs: the signal at line ${contradicting.line}.`);
  if (answers.unexplained > 0) {
    const failed = report.failures.find(({ kind }) => kind === 'unexplained');
    return c.red(`Differs: the call at line ${failed?.line ?? 0} failed, and nothing known makes it fail.`);
  }
  if ((comparison?.different ?? 0) > 0) return c.red(`Differs: ${count(comparison!.different, 'line')} of the map.`);
  const open = openEnds(report);
  if (answers.replayed === answers.unjudged) {
    const nothing =
      answers.replayed === 0
        ? 'There is no memory call to judge'
        : 'Nothing could be judged: every answer was taken from the log';
    return c.yellow(`${nothing}${open}.`);
  }
  const lines = comparison === null ? 0 : comparison.rows.length - comparison.excused;
  const map =
    lines === 0 ? '' : ` and ${lines === 1 ? 'the one line' : `all ${lines} lines`} of the map that were judged`;
  const left =
    comparison === null || comparison.excused === 0
      ? ''
      : lines === 0
        ? '; the map was not judged, because what exec maps is not known'
        : ` (${count(comparison.excused, 'line')} taken from the real map or assumed)`;
  const verb = lines === 0 ? 'agrees' : 'agree';
  const text = `Every judged answer${map} ${verb} with the real kernel${left}${open}.`;
  return open === '' ? c.green(text) : c.yellow(text);
}

/** What the verdict does not cover. */
function openEnds({ answers, signals }: ReplayReport): string {
  const words: string[] = [];
  const others = answers.failed - answers.failedAlike;
  if (others > 0) words.push(`${count(others, 'failed call')} ${others === 1 ? 'is' : 'are'} not refused so here`);
  const dead = signals.filter(({ deadly, kind }) => deadly && kind === 'open').length;
  if (dead > 0) words.push(dead === 1 ? 'the death was not judged' : `${dead} deaths were not judged`);
  return words.length === 0 ? '' : `; ${words.join(', ')}`;
}
