/** Logs that nobody wrote: lines lost, doubled, exchanged, changed. Whatever comes of them, it is a report. */
import { describe, expect, it } from 'vitest';
import { validateMm } from '@vmarea/mm-core';
import { logText, PROGRAMS, replayOf } from './machine.ts';

/** A generator of numbers in [0, 1) that is the same everywhere (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function mutate(lines: readonly string[], next: () => number): string[] {
  const out: string[] = [];
  for (const line of lines) {
    const dice = next();
    const other = lines[Math.floor(next() * lines.length)]!;
    if (dice < 0.03) continue;
    if (dice < 0.06) out.push(line, line);
    else if (dice < 0.08) out.push(other);
    else if (dice < 0.1) out.push(line.slice(0, Math.floor(next() * line.length)));
    else if (dice < 0.12) out.push(line.replace(/^\d+/, String(100 + Math.floor(next() * 5))));
    else if (dice < 0.14) out.push(line.replace(/\d+(?=[,)])/, String(Math.floor(next() * 2 ** 40))));
    else if (dice < 0.16) out.push(line.replace(/\) += .*/, ' <unfinished ...>'));
    else out.push(line);
  }
  return out;
}

describe('mutated logs', () => {
  it.each(PROGRAMS.flatMap((name) => [`${name}.aslr-off`, `${name}.aslr-on`]))('%s', (name) => {
    const lines = logText(name)
      .split('\n')
      .filter((line) => !line.includes('pwrite64') && !line.includes('ENOENT'));
    for (let seed = 1; seed <= 12; seed++) {
      const replay = replayOf({ recorded: seed % 3 === 0, aslr: seed % 2 === 0 ? 'auto' : 'off' });
      for (const line of mutate(lines, random(seed))) replay.push(`${line}\n`);
      const report = replay.finish();
      expect(report.lines).toBeGreaterThan(0);
      for (const process of replay.processes.all()) expect(validateMm(process.task.mm)).toEqual([]);
    }
  });
});
