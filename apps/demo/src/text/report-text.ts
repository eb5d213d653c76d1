/**
 * A report as text for people.
 */
import Table from 'cli-table3';
import type { Difference, MapRow, Reason, ReplayedMap, ReplayReport } from '@vmarea/replay';
import { formatMapsLine } from '@vmarea/strace';
import type { Io } from './io.ts';
import { wrap } from './wrap.ts';

/** `1 fork`, `2 forks`. */
function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}

/** A table without lines. */
function table(rows: readonly (readonly string[])[]): string {
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
    colAligns: ['left', 'right'],
  });
  made.push(...rows.map((row) => [...row]));
  return made
    .toString()
    .split('\n')
    .map((line) => `  ${line.trimEnd()}\n`)
    .join('');
}

/** The whole report. */
export function reportText(name: string, report: ReplayReport, io: Io): string {
  const c = io.colors;
  const parts: string[] = [`${c.bold(`Replay of ${name}`)}\n${machineText(report, io)}`];
  parts.push(`${c.bold('Answers')}\n${answersText(report, io)}`);
  if (report.difference !== null)
    parts.push(`${c.bold('The first difference')}\n${differenceText(report.difference, io)}`);
  parts.push(`${c.bold('What happened to the areas')}\n${vmasText(report)}`);
  parts.push(`${c.bold('Calls that failed')}\n${failuresText(report, io)}`);
  const notes = notesText(report, io);
  if (notes !== '') parts.push(`${c.bold('Notes')}\n${notes}`);
  if (report.map !== null && report.difference === null) parts.push(mapText(report.map, io));
  parts.push(verdictText(report, io));
  return parts.join('\n');
}

function machineText(report: ReplayReport, io: Io): string {
  const { machine, architecture, processes } = report;
  const lines: string[] = [];
  const foreign = architecture.architecture !== 'arm64' && architecture.architecture !== 'unknown';
  const layout = `${machine.vaBits}-bit addresses, ${machine.pageSize / 1024} KiB pages`;
  if (foreign) {
    lines.push(
      `The log is from ${architecture.architecture} (${architecture.reasons.join('; ')}), not from arm64: it is replayed with the ` +
        `addresses that it records, on ${machine.kernel}, ${layout}; what they say about placement is not judged.`,
    );
  } else {
    const aslr = machine.randomized ? 'random addresses' : 'addresses not random';
    const addresses =
      machine.addresses === 'predicted'
        ? aslr
        : machine.addresses === 'mixed'
          ? `${aslr}, some taken from the log`
          : 'addresses taken from the log';
    lines.push(`A log of arm64, on ${machine.kernel}, ${layout}, ${addresses}.`);
  }
  const threads = processes.threads > 0 ? `, ${count(processes.threads, 'thread')}` : '';
  lines.push(
    `${count(report.lines, 'line')}, ${count(processes.seen, 'task')} (${count(processes.forks, 'fork')}${threads}, ${count(processes.execs, 'exec')}).`,
  );
  return lines.map((line) => wrap(line, io.columns, '  ')).join('');
}

function answersText(report: ReplayReport, io: Io): string {
  const { answers } = report;
  const judged = answers.replayed - answers.unjudged;
  const rows = [
    ['memory calls replayed', answers.replayed.toLocaleString('en')],
    [
      "of the kernel's answers reproduced",
      `${answers.reproduced.toLocaleString('en')} of ${judged.toLocaleString('en')}`,
    ],
  ];
  if (answers.unjudged > 0) {
    const why =
      report.machine.randomized && report.machine.addresses === 'predicted'
        ? 'told the random displacements'
        : 'taken from the log';
    rows.push([why, answers.unjudged.toLocaleString('en')]);
  }
  rows.push(['failed, as they did in the log', answers.failed.toLocaleString('en')]);
  return table(rows.map(([what, number]) => [what!, io.colors.cyan(number)]));
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
  const head = wrap(`${reason.id === '' ? reason.fn : reason.id}: ${reason.sentence}`, io.columns, '    ');
  return reason.change === '' ? head : head + wrap(`What would change it: ${reason.change}`, io.columns, '    ');
}

function vmasText({ vmas }: ReplayReport): string {
  const number = (value: number): string => value.toLocaleString('en');
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

function failuresText(report: ReplayReport, io: Io): string {
  if (report.failures.length === 0) return '  none\n';
  const lines = report.failures.map((failure) => {
    const more = failure.count > 1 ? ` (and ${count(failure.count - 1, 'more call')} like it)` : '';
    return `  line ${failure.line}: ${failure.call} = ${io.colors.yellow(failure.error)}${more}\n${reasonText(failure.reason, io)}`;
  });
  if (report.failuresLeftOut > 0) lines.push(`  and ${count(report.failuresLeftOut, 'call')} of other kinds\n`);
  return lines.join('');
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

function notesText(report: ReplayReport, io: Io): string {
  let text = '';
  for (const [kind, title] of Object.entries(NOTE_TITLES) as [keyof typeof NOTE_TITLES, string][]) {
    const { count: total, notes } = report.notes[kind];
    if (total === 0) continue;
    text += `  ${title}:\n`;
    for (const note of notes.slice(0, SHOWN_NOTES)) {
      const where = note.line > 0 ? `line ${note.line}: ` : '';
      text += wrap(`${where}${note.text}`, io.columns, '    ');
    }
    if (total > SHOWN_NOTES) text += `    and ${count(total - SHOWN_NOTES, 'more')}\n`.replace(/mores$/, 'more');
  }
  return text;
}

function mapText(map: ReplayedMap, io: Io): string {
  const c = io.colors;
  const where = map.line > 0 ? `, line ${map.line}` : '';
  const title = `${c.bold(`The map of process ${map.pid}`)} ${map.moment}${where}`;
  if (map.comparison === null) {
    return `${title}\n${map.lines.map((line) => `  ${formatMapsLine(line).trimEnd()}\n`).join('')}`;
  }
  const legend = '  = as in the real process   < vmarea   > the real process   ~ not judged\n';
  return `${title}, beside the real one\n${c.dim(legend)}${map.comparison.rows.map((row) => rowText(row, io)).join('')}`;
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

function verdictText(report: ReplayReport, io: Io): string {
  const c = io.colors;
  const { comparison } = report.map ?? { comparison: null };
  const mapAgrees = comparison !== null && comparison.different === 0;
  if (report.verdict === 'agrees') {
    const map = mapAgrees
      ? ` and all ${comparison.rows.length - comparison.excused} lines of the map that were judged`
      : '';
    const left =
      comparison !== null && comparison.excused > 0
        ? ` (${count(comparison.excused, 'line')} taken from the real map or assumed)`
        : '';
    if (report.answers.replayed === report.answers.unjudged)
      return `${c.yellow('Nothing could be judged: every answer was taken from the log.')}\n`;
    return `${c.green(`Every judged answer${map} agree with the real kernel${left}.`).replace('answer agree', 'answer agrees')}\n`;
  }
  if (report.difference !== null) return `${c.red(`Differs: the answer at line ${report.difference.line}.`)}\n`;
  return `${c.red(`Differs: ${count(comparison?.different ?? 0, 'line')} of the map.`)}\n`;
}
