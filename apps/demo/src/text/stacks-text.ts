/**
 * Call stacks and the areas that they hold, as text for people.
 */
import type { StackReport, StackRow } from '@vmarea/replay';
import { formatBytes } from '@vmarea/situation';
import type { Io } from './io.ts';
import { grouped } from './numbers.ts';
import { wrap } from './wrap.ts';

/** Frames behind the first of the program's own that are printed. */
const FRAMES = 6;

/** The section of a report: the answer, then the stacks one by one. */
export function stacksText(report: StackReport, io: Io): string {
  const { areas, pid, moment, line, holding, failing } = report;
  const title = `Who made the areas (process ${pid} ${moment}, line ${line})`;
  const parts = [`${io.colors.bold(title)}\n`, wrap(`${answer(report)}.`, io.columns, '  ')];
  for (const row of holding) parts.push(rowText(row, areas, io));
  const others = failing.filter((row) => row.areas === 0);
  if (others.length > 0)
    parts.push(
      '  Stacks whose calls failed, and that hold no area:\n',
      ...others.map((row) => rowText(row, areas, io)),
    );
  return parts.join('');
}

function answer(report: StackReport): string {
  const { areas, stacks, files, holding, withoutStack, notByCalls, calls, callsWithStack } = report;
  const words: string[] = [];
  const [first] = holding;
  if (first === undefined) words.push(`No call with a stack holds any of the ${grouped(areas)} areas`);
  else
    words.push(
      `${grouped(first.areas)} of ${grouped(areas)} areas: ${headOf(first)}`,
      `${grouped(stacks)} ${stacks === 1 ? 'stack holds' : 'different stacks hold'} areas${stacks > holding.length ? `; the first ${holding.length} follow` : ''}`,
    );
  if (files.length > 1)
    words.push(`By file: ${files.map(([file, of]) => `${file === '' ? 'unknown' : file} ${grouped(of)}`).join(', ')}`);
  if (notByCalls > 0) words.push(`${grouped(notByCalls)} areas are of exec, or were there before the log`);
  if (withoutStack > 0)
    words.push(
      `${grouped(withoutStack)} are of calls without a stack (${grouped(callsWithStack)} of ${grouped(calls)} calls have one)`,
    );
  return words.join('. ');
}

/** The frame that says where: the first that is no wrapper of a system call. */
function headOf({ frames, caller }: StackRow): string {
  return frames[caller] ?? 'stacks that were too many to be told apart';
}

function rowText(row: StackRow, all: number, io: Io): string {
  const { areas, bytes, calls, splits, failed, kind, frames, caller } = row;
  const share = all === 0 || areas === 0 ? '' : ` (${Math.round((100 * areas) / all)} %)`;
  const head = `  ${io.colors.cyan(grouped(areas).padStart(7))}${share}  ${headOf(row)}\n`;
  const facts = [
    ...(areas === 0 ? [] : [formatBytes(bytes)]),
    ...(kind === null || areas === 1 ? [] : [`${grouped(kind.times)} of them ${kind.text}`]),
    `${grouped(calls)} ${calls === 1 ? 'call' : 'calls'}`,
    ...(splits === 0 ? [] : [`${grouped(splits)} ${splits === 1 ? 'split' : 'splits'}`]),
    ...Object.entries(failed).map(([error, times]) => `${grouped(times)} failed with ${error}`),
  ];
  const callers = frames.slice(caller + 1, caller + 1 + FRAMES).map((frame) => `           < ${frame}\n`);
  return head + wrap(`${facts.join('; ')}.`, io.columns, '           ') + callers.join('');
}
