/**
 * Logs that begin in the middle: every recorded log, cut at places spread over it, alone and with the map of that moment.
 * Nothing may differ: the answers are a real kernel's.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseElfJson, programsFromDirectory, Replay, type ReplayReport } from '@vmarea/replay';
import { inferSituation, isModelled, LogClues, type MapBefore } from '@vmarea/situation';
import { parseLog } from '@vmarea/strace';
import { buildMachine } from '../src/machine/machine.ts';
import { straces } from './cli.ts';

const PROGRAMS = ['bash_ls', 'busybox_static', 'cat', 'grep', 'perl', 'python3', 'sort', 'sqlite3'];
const LOGS = PROGRAMS.flatMap((name) => [`${name}.aslr-off`, `${name}.aslr-on`]);
const PLACES = Number(process.env['VMAREA_CUTS'] ?? 4);

const programs = programsFromDirectory(parseElfJson(readFileSync(join(straces, 'elf.json'), 'utf8'), 'elf.json'));

function replay(text: string, mapBefore?: MapBefore, at?: number): ReplayReport {
  const clues = new LogClues();
  for (const event of parseLog(text)) {
    clues.event(event);
    if (clues.enough) break;
  }
  // The command asks every kernel that fits (replay.test.ts); here the one is asked that made the logs.
  const situation = inferSituation({ given: { mapBefore, kernel: 'linux-6.1' }, clues });
  const recorded = !isModelled(situation);
  const run = new Replay({
    kernel: buildMachine(situation),
    programs,
    situation,
    recorded,
    at,
  });
  run.push(text);
  return run.finish();
}

/** What a report says that is no agreement, with where. */
function problems({ difference, failures, signals, machine, situation }: ReplayReport): string[] {
  const found: string[] = [];
  if (difference !== null)
    found.push(`line ${difference.line}: ${difference.call}: ${difference.recorded}, not ${difference.predicted}`);
  for (const { kind, line, call } of failures) if (kind === 'unexplained') found.push(`line ${line}: ${call}`);
  for (const { kind, line, sentence } of signals) if (kind === 'differs') found.push(`line ${line}: ${sentence}`);
  if (situation.architecture.value !== 'arm64') found.push(`taken for ${situation.architecture.value}`);
  if (situation.pageSize.value !== 4096 || machine.vaBits !== 48) found.push(`${machine.vaBits} bits`);
  return found;
}

/** Lines at which a log is cut, spread over it. */
function places(lines: number): number[] {
  return Array.from({ length: PLACES }, (_, i) => Math.floor(((i + 1) * lines) / (PLACES + 1)));
}

describe('cut logs', () => {
  it.each(LOGS)('%s', (name) => {
    const text = readFileSync(join(straces, `${name}.strace`), 'utf8');
    const lines = text.split('\n');
    const found: string[] = [];
    let maps = 0;
    for (const cut of places(lines.length)) {
      const rest = lines.slice(cut).join('\n');
      found.push(...problems(replay(rest)).map((problem) => `cut at ${cut}: ${problem}`));
      const begun = `${lines.slice(0, cut).join('\n')}\n`;
      const begin = replay(begun);
      // With several processes there is no telling whose map it is.
      if (begin.processes.seen > 1 || begin.answers.replayed === 0) continue;
      // The whole log tells where things are, also where its beginning does not yet.
      const map = replay(text, undefined, begin.answers.replayed).map;
      // The map after the last memory call is none of a program that exec has just begun.
      const sinceExec = begun.slice(begun.lastIndexOf('execve('));
      if (map === null || map.lines.length === 0 || !sinceExec.includes('mmap(')) continue;
      maps++;
      const source = 'the map of that moment';
      found.push(...problems(replay(rest, { lines: map.lines, source })).map((what) => `cut at ${cut}, map: ${what}`));
    }
    expect(found).toEqual([]);
    expect(maps).toBeGreaterThan(0);
  });
});
