import { describe, expect, it } from 'vitest';
import { formatMaps } from '@vmarea/strace';
import { logText, PROGRAMS, realMap, realMapText, replayOf } from './machine.ts';
import type { ReplayReport } from '../src/index.ts';
import { shuffledAnswers } from './shuffle.ts';

function reportOf(text: string, options: Parameters<typeof replayOf>[0] = {}): ReplayReport {
  const replay = replayOf(options);
  replay.push(text);
  return replay.finish();
}

describe('recordings of real programs', () => {
  it.each(PROGRAMS)('every answer and the map of %s are predicted when addresses are not random', (program) => {
    const name = `${program}.aslr-off`;
    const report = reportOf(logText(name), { maps: realMap(name) });
    expect(report.difference).toBeNull();
    expect(report.answers).toMatchObject({ reproduced: report.answers.replayed, unjudged: 0 });
    expect(report.map?.comparison).toMatchObject({ different: 0, excused: 0 });
    expect(report.notes.assumed.count).toBe(0);
    expect(report.machine).toMatchObject({ randomized: false, addresses: 'predicted' });
    expect(report.verdict).toBe('agrees');
  });

  it.each(PROGRAMS)('the map of %s is the real one byte for byte', (program) => {
    const name = `${program}.aslr-off`;
    const report = reportOf(logText(name), { maps: realMap(name) });
    const real = realMapText(name)
      .split('\n')
      .filter((line) => /^[0-9a-f]+-/.test(line))
      .map((line) => `${line}\n`)
      .join('');
    expect(formatMaps(report.map!.lines)).toBe(real);
  });

  it.each(PROGRAMS)(
    'every answer of %s is one that the kernel could have given when addresses are random',
    (program) => {
      const name = `${program}.aslr-on`;
      const report = reportOf(logText(name), { maps: realMap(name) });
      expect(report.difference).toBeNull();
      // The first free mapping and the first break of each program tell where it is; all others are predicted.
      expect(report.answers.unjudged).toBe(2 * report.processes.execs);
      expect(report.answers.reproduced).toBe(report.answers.replayed - report.answers.unjudged);
      expect(report.map?.comparison).toMatchObject({ different: 0, excused: 1 });
      expect(report.machine).toMatchObject({ randomized: true, addresses: 'predicted' });
      expect(report.verdict).toBe('agrees');
    },
  );

  it.each(PROGRAMS)('without the real map only the stack of %s stays unknown', (program) => {
    const report = reportOf(logText(`${program}.aslr-on`));
    expect(report.difference).toBeNull();
    expect(report.notes.assumed.notes.every((note) => note.text.includes('stack'))).toBe(true);
  });

  it.each(['off', 'auto'] as const)('finds the first of shuffled answers (aslr %s)', (aslr) => {
    const { text, firstLine } = shuffledAnswers(logText('sort.aslr-off'));
    const report = reportOf(text, { aslr });
    expect(report.verdict).toBe('differs');
    expect(report.difference?.line).toBe(firstLine);
  });

  it('finds a single address that is wrong by one page, wherever it is', () => {
    const lines = logText('cat.aslr-off').split('\n');
    const wrong: number[] = [];
    for (const [index, line] of lines.entries()) {
      const match = /^(.*(?:mmap|brk)\(.*= 0x)([0-9a-f]+)$/.exec(line);
      if (match === null) continue;
      const changed = [...lines];
      changed[index] = `${match[1]!}${(parseInt(match[2]!, 16) - 4096).toString(16)}`;
      const report = reportOf(changed.join('\n'), { aslr: 'off' });
      expect(report.difference?.line).toBe(index + 1);
      wrong.push(index);
    }
    expect(wrong.length).toBeGreaterThan(10);
  });

  it('finds an address of a random layout that does not fit the others', () => {
    const lines = logText('perl.aslr-on').split('\n');
    const all = lines.flatMap((line, index) => (/ mmap\(NULL.*= 0x/.test(line) ? [index] : []));
    // The first one of each program is what tells the layout.
    const last = all.at(-1)!;
    lines[last] = lines[last]!.replace(
      /= 0x([0-9a-f]+)$/,
      (_, hex: string) => `= 0x${(parseInt(hex, 16) - 8192).toString(16)}`,
    );
    expect(reportOf(lines.join('\n')).difference?.line).toBe(last + 1);
  });

  it('tells a random layout by the first break alone', () => {
    expect(reportOf(logText('cat.aslr-off')).machine.randomized).toBe(false);
    expect(reportOf(logText('cat.aslr-on')).machine.randomized).toBe(true);
    // Taken as not random, the first break is wrong.
    expect(reportOf(logText('cat.aslr-on'), { aslr: 'off' }).difference?.call).toBe('brk(NULL)');
  });

  it('a log may end after any line', () => {
    const lines = logText('sqlite3.aslr-off')
      .split('\n')
      .filter((line) => !line.includes('pwrite64'));
    for (let end = 0; end <= lines.length; end++) {
      const report = reportOf(lines.slice(0, end).join('\n') + (end % 2 === 0 ? '\n' : ''));
      expect(report.difference).toBeNull();
    }
  });

  it('a log of a random layout may end after any line', () => {
    const lines = logText('bash_ls.aslr-on')
      .split('\n')
      .filter((line) => !line.includes('ENOENT'));
    for (let end = 0; end <= lines.length; end++) {
      const text = `${lines.slice(0, end).join('\n')}\n`;
      expect(reportOf(text).difference).toBeNull();
      expect(reportOf(text, { maps: realMap('bash_ls.aslr-on') }).difference).toBeNull();
    }
  });

  it('a log may end and begin inside of any line', () => {
    const text = logText('busybox_static.aslr-off');
    for (let end = 1; end < text.length; end += 7) {
      expect(reportOf(text.slice(0, end)).difference).toBeNull();
      expect(() => reportOf(text.slice(end))).not.toThrow();
    }
  });

  it.each([
    ['-t', /^(\d+) +/gm, '$1 12:34:56 '],
    ['-tt', /^(\d+) +/gm, '$1 12:34:56.789012 '],
    ['-ttt -i', /^(\d+) +/gm, '$1 1700000000.123456 [0000fffff7fd8f4c] '],
    ['a terminal', /^(\d+) +/gm, '[pid $1] '],
    ['-T', /^(.* = [^?]*)$/gm, '$1 <0.000012>'],
    ['-y', /, ([3-9]), (0x|0\))/g, ', $1</lib/some.so>, $2'],
  ])('reads the style of %s', (_style, from, to) => {
    const text = logText('python3.aslr-off').replaceAll(from, to);
    expect(text).not.toBe(logText('python3.aslr-off'));
    const report = reportOf(text, { maps: realMap('python3.aslr-off') });
    expect(report.notes.strange.count).toBe(0);
    expect(report.verdict).toBe('agrees');
  });

  it('the pieces may be cut anywhere', () => {
    const text = logText('python3.aslr-off');
    const replay = replayOf({ maps: realMap('python3.aslr-off') });
    for (let at = 0; at < text.length; at += 61) replay.push(text.slice(at, at + 61));
    expect(replay.finish()).toEqual(reportOf(text, { maps: realMap('python3.aslr-off') }));
  });

  it('a map that differs is found line by line', () => {
    const maps = realMap('cat.aslr-off').map((line, index) => (index === 0 ? { ...line, end: line.end - 4096 } : line));
    const report = reportOf(logText('cat.aslr-off'), { maps });
    expect(report.verdict).toBe('differs');
    expect(report.map?.comparison?.different).toBe(1);
    expect(report.map?.comparison?.rows[0]?.differences[0]).toMatch(/^ends at /);
  });

  it('a stack that has grown is no difference: touching is not in a log', () => {
    const maps = realMap('cat.aslr-off').map((line) =>
      line.name === '[stack]' ? { ...line, start: line.start - 65536 } : line,
    );
    const report = reportOf(logText('cat.aslr-off'), { maps });
    expect(report.verdict).toBe('agrees');
    expect(report.map?.comparison?.rows.at(-1)?.excused).toBe('grown');
  });

  it('two files never share a device and inode number', () => {
    const maps = realMap('cat.aslr-off').map((line) => (line.inode === 0 ? line : { ...line, inode: 7 }));
    const report = reportOf(logText('cat.aslr-off'), { maps });
    expect(report.verdict).toBe('differs');
  });
});
