import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createArm64 } from '@vmarea/arch-arm64';
import { Hugetlb } from '@vmarea/hugetlbfs';
import { createKernel, type Kernel } from '@vmarea/kernel';
import { parseElfJson, programsFromDirectory, Replay, type ReplayOptions } from '@vmarea/replay';
import { formatMaps, parseMaps } from '@vmarea/strace';
import { Shmem } from '@vmarea/shmem';
import { DEFAULT_CONFIG, LINUX_6_1 } from '@vmarea/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HistoryRecorder, historyOfMaps, splitSeries, type Change, type History } from '../src/index.ts';

const folder = join(import.meta.dirname, '../../../conformance/straces');
const directory = parseElfJson(readFileSync(join(folder, 'elf.json'), 'utf8'), 'elf.json');

function machine(): Kernel {
  return createKernel({
    arch: createArm64({ pageSize: 4096, vaBits: 48 }),
    profile: LINUX_6_1,
    config: { ...DEFAULT_CONFIG, ramBytes: 2 ** 31 },
    memory: false,
    hugePages: (system) => new Hugetlb(system),
    sharedMemory: (system) => new Shmem(system),
  });
}

function options(more: Partial<ReplayOptions> = {}): ReplayOptions {
  return { kernel: machine(), programs: programsFromDirectory(directory), ...more };
}

function record(text: string, more: Partial<ReplayOptions> = {}): History {
  const recorder = new HistoryRecorder();
  const replay = new Replay(recorder.listen(options(more)));
  replay.push(text);
  replay.finish();
  return recorder.history;
}

function logText(name: string): string {
  return readFileSync(join(folder, `${name}.strace`), 'utf8');
}

/** The map after a memory call as a replay of its own shows it. */
function replayedAt(text: string, at: number): { readonly pid: number; readonly map: string } {
  const replay = new Replay(options({ at }));
  replay.push(text);
  const { map } = replay.finish();
  return { pid: map!.pid, map: formatMaps(map!.lines) };
}

const hex = (address: number): string => address.toString(16);
const shapeOf = (changes: readonly Change[]): string[] =>
  changes.map(({ kind, before, after }) => {
    const list = (areas: Change['before']): string =>
      areas.map(({ start, end }) => `${hex(start)}-${hex(end)}`).join(' ');
    return `${kind} ${list(before)} → ${list(after)}`;
  });

describe('moments', () => {
  it.each(['cat.aslr-off', 'bash_ls.aslr-on', 'python3.aslr-off', 'perl.aslr-on', 'sqlite3.aslr-off'])(
    'after any memory call of %s the areas are those that a replay up to it shows',
    (name) => {
      const text = logText(name);
      const history = record(text);
      const last = history.step(history.steps).number || countCalls(history);
      for (let number = 1; number <= last; number += number < 60 ? 1 : 7) {
        const moment = history.momentOfCall(number);
        expect(moment).toBeGreaterThan(0);
        const { space } = history.step(moment);
        const { map } = replayedAt(text, number);
        expect(formatMaps(history.at(moment, space)), `${name}, call ${number}`).toBe(map);
      }
    },
  );

  it('after any call of any log of brk, mmap, munmap, mprotect, mremap, madvise and fork, too', () => {
    const page = fc.integer({ min: 0, max: 40 });
    const call = fc.oneof(
      fc.tuple(fc.constantFrom('NONE', 'READ', 'READ|PROT_WRITE'), page, page).map(([prot, at, pages]) => {
        const where = `0x${hex(0x10000000 + at * 4096)}`;
        return `mmap(${where}, ${(pages + 1) * 4096}, PROT_${prot}, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = ${where}`;
      }),
      fc.tuple(page, page).map(([at, pages]) => `munmap(0x${hex(0x10000000 + at * 4096)}, ${(pages + 1) * 4096}) = 0`),
      fc
        .tuple(page, page)
        .map(([at, pages]) => `mprotect(0x${hex(0x10000000 + at * 4096)}, ${(pages + 1) * 4096}, PROT_READ) = 0`),
      fc
        .tuple(page, page)
        .map(([at, pages]) => `madvise(0x${hex(0x10000000 + at * 4096)}, ${(pages + 1) * 4096}, MADV_DONTFORK) = 0`),
      fc
        .tuple(page, page)
        .map(
          ([at, pages]) =>
            `mremap(0x${hex(0x10000000 + at * 4096)}, 4096, ${(pages + 1) * 4096}, MREMAP_MAYMOVE|MREMAP_FIXED, 0x20000000) = 0x20000000`,
        ),
      page.map((pages) => `brk(0x${hex(0x40000000 + pages * 4096)}) = 0x${hex(0x40000000 + pages * 4096)}`),
      fc.constant('munlockall() = 0'),
    );
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 30 }), (calls) => {
        const text = `${['brk(NULL) = 0x40000000', ...calls].map((line) => `7 ${line}`).join('\n')}\n`;
        const history = record(text);
        for (let moment = 1; moment <= history.steps; moment++) {
          const { number, space } = history.step(moment);
          if (number === 0) continue;
          expect(formatMaps(history.at(moment, space))).toBe(replayedAt(text, number).map);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('has moments on both sides of keyframes', () => {
    const lines: string[] = ['7 brk(NULL) = 0x40000000'];
    for (let i = 0; i < 4000; i++) {
      const at = `0x${hex(0x10000000 + (i % 700) * 8192)}`;
      lines.push(
        i % 1400 < 700
          ? `7 mmap(${at}, 4096, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = ${at}`
          : `7 munmap(${at}, 4096) = 0`,
      );
    }
    const text = `${lines.join('\n')}\n`;
    const history = record(text);
    for (const number of [700, 3447, 3448, 3449, 3450, 4001]) {
      const moment = history.momentOfCall(number);
      expect(formatMaps(history.at(moment, history.step(moment).space)), `call ${number}`).toBe(
        replayedAt(text, number).map,
      );
    }
  });
});

describe('the tables', () => {
  it('keep any address, size, offset and result', () => {
    const big = 2 ** 52 - 2 ** 20;
    const areas = [
      { start: 0, end: 4096, offset: 0 },
      { start: 0x1001, end: 0x1fff, offset: 1 },
      { start: 0xa5a500000000, end: 0xa5a500001000, offset: 2 ** 44 },
      { start: 0xfffffffff000, end: 0x1000000000000, offset: 2 ** 44 - 4096 },
      { start: 2 ** 48, end: 2 ** 51, offset: 4096 },
      { start: big, end: big + 4096, offset: 2 ** 53 - 4096 },
    ];
    const map = areas
      .map(({ start, end, offset }) => `${hex(start)}-${hex(end)} rw-p ${hex(offset)} 00:01 7 /x\n`)
      .join('');
    const history = historyOfMaps([{ title: 'now', lines: parseMaps(map).lines }]);
    expect(history.at(1, 0).map(({ start, end, offset }) => ({ start, end, offset }))).toEqual(areas);
    expect(history.figuresAt(1, 0).bytes).toBe(areas.reduce((sum, { start, end }) => sum + end - start, 0));
    const results = [0, -22, 0x7ffff7ffe000, 0xffffffffe000, 0xa5a512345000, 2 ** 51];
    const log = results.map((result) => `7 brk(NULL) = 0x${hex(Math.max(0, result))}\n`).join('');
    const recorded = record(log, { recorded: true });
    const told = Array.from({ length: results.length }, (_, i) => recorded.step(recorded.momentOfCall(i + 1)).recorded);
    expect(told).toEqual(results.map((result) => Math.max(0, result)));
  });

  it('take some fifty bytes for a call', () => {
    const lines = ['7 brk(NULL) = 0x40000000'];
    for (let i = 0; i < 20_000; i++) {
      const at = `0x${hex(0xffff70000000 + (i % 500) * 8192)}`;
      lines.push(
        i % 1000 < 500
          ? `7 mmap(${at}, 4096, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = ${at}`
          : `7 munmap(${at}, 4096) = 0`,
      );
    }
    const { memory, steps, versions } = record(`${lines.join('\n')}\n`);
    expect(versions).toBeGreaterThanOrEqual(10_000);
    expect(memory).toBeLessThan(26 * versions + 24 * steps + 150_000);
  });
});

function countCalls(history: History): number {
  let last = 0;
  for (let moment = 1; moment <= history.steps; moment++) last = Math.max(last, history.step(moment).number);
  return last;
}

const LOG = `10 brk(NULL) = 0x40000000
10 mmap(0x10000000, 16384, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x10000000
10 mprotect(0x10001000, 4096, PROT_NONE) = 0
10 mprotect(0x10001000, 4096, PROT_READ|PROT_WRITE) = 0
10 munmap(0x10003000, 4096) = 0
10 clone(child_stack=NULL, flags=SIGCHLD) = 11
11 munmap(0x10000000, 4096) = 0
11 +++ exited with 0 +++
10 munmap(0x10000001, 4096) = -1 EINVAL (Invalid argument)
10 --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---
10 mmap(0x10004000, 4096, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x10004000
`;

describe('what changed', () => {
  const history = record(LOG);
  const of = (line: number): string[] => {
    for (let moment = 1; moment <= history.steps; moment++) {
      if (history.step(moment).line === line && history.step(moment).kind === 'call')
        return shapeOf(history.changesOf(moment));
    }
    return [];
  };

  it('says what came, was split, joined and shrank at each step', () => {
    expect(of(2)).toEqual(['came  → 10000000-10004000']);
    expect(of(3)).toEqual(['split 10000000-10004000 → 10000000-10001000 10001000-10002000 10002000-10004000']);
    expect(of(4)).toEqual(['joined 10000000-10001000 10001000-10002000 10002000-10004000 → 10000000-10004000']);
    expect(of(5)).toEqual(['shrank 10000000-10004000 → 10000000-10003000']);
    expect(of(7)).toEqual(['shrank 10000000-10003000 → 10001000-10003000']);
    expect(of(9)).toEqual([]);
  });

  it('compares any two moments, backwards as well', () => {
    const first = history.momentOfCall(2);
    const { space } = history.step(first);
    expect(shapeOf(history.changes(first, history.steps, space))).toEqual([
      'shrank 10000000-10004000 → 10000000-10003000',
      'came  → 10004000-10005000',
    ]);
    expect(shapeOf(history.changes(history.steps, first, space))).toEqual([
      'grew 10000000-10003000 → 10000000-10004000',
      'went 10004000-10005000 → ',
    ]);
  });

  it('has an address space for the child, which ends with it', () => {
    const [parent, child] = history.spaces;
    expect(parent).toMatchObject({ pid: 10, from: 1, to: Infinity });
    expect(child).toMatchObject({ pid: 11 });
    expect(history.at(child!.from, 1).map(({ start, end }) => [start, end])).toEqual([[0x10000000, 0x10003000]]);
    expect(history.step(child!.to).kind).toBe('exit');
    expect(history.at(child!.to, 1)).toEqual([]);
    expect(history.at(child!.from - 1, 1)).toEqual([]);
    expect(history.spaceOf(11, child!.from)).toBe(1);
    expect(history.spaceOf(11, history.steps)).toBe(-1);
  });
});

describe('figures and searches', () => {
  const history = record(LOG);

  it('finds the first moment at which something holds', () => {
    expect(history.step(history.first({ kind: 'areas', above: 2 })).line).toBe(3);
    expect(history.step(history.first({ kind: 'bytes', above: 8192 })).line).toBe(2);
    expect(history.step(history.first({ kind: 'failed' })).line).toBe(9);
    expect(history.step(history.first({ kind: 'mapped', address: 0x10004800 })).line).toBe(11);
    expect(history.first({ kind: 'areas', above: 100 })).toBe(0);
    expect(history.first({ kind: 'mapped', address: 0x5000 })).toBe(0);
    // From a later moment on, what is mapped since earlier counts.
    expect(history.first({ kind: 'mapped', address: 0x10000000 }, 0, 6)).toBe(6);
  });

  it('finds who touched an address', () => {
    expect(history.touching(0x10001000, 0).map((moment) => history.step(moment).line)).toEqual([2, 3, 4, 5]);
    expect(history.touching(0x10000000, 1).map((moment) => history.step(moment).line)).toEqual([6, 7]);
  });

  it('gives figures for stretches of time', () => {
    const all = history.stretches(0, [0, history.steps], 1);
    expect(all).toEqual([
      { from: 0, to: history.steps, areas: 3, bytes: 16384, resident: null, failures: 1, signals: 1 },
    ]);
    const each = history.stretches(0, [0, history.steps], 1000);
    expect(each).toHaveLength(history.steps + 1);
    for (const { from, areas, bytes } of each) expect({ areas, bytes }).toEqual(history.figuresAt(from, 0));
    expect(each.at(-1)).toMatchObject({ areas: 2, bytes: 16384 });
  });

  it('refuses moments and address spaces that do not exist', () => {
    expect(() => history.at(history.steps + 1, 0)).toThrow(RangeError);
    expect(() => history.step(0)).toThrow(RangeError);
    expect(() => history.at(1, 99)).toThrow('there is no address space 99: there are 2');
    expect(history.momentOfCall(99)).toBe(0);
  });
});

describe('a series of maps', () => {
  it('is cut at its titles, and knows what is resident', () => {
    const map = (end: string, rss: number): string =>
      `10000000-${end} rw-p 00000000 00:00 0 \nSize:  8 kB\nRss:  ${rss} kB\nVmFlags: rd wr\n`;
    const parts = splitSeries(`# 12:00:00\n${map('10002000', 4)}=== 12:00:05 ===\n${map('10004000', 12)}`);
    expect(parts.map(({ title }) => title)).toEqual(['12:00:00', '12:00:05']);
    const history = historyOfMaps(parts.map(({ title, text }) => ({ title, lines: parseMaps(text).lines })));
    expect(history.steps).toBe(2);
    expect(history.step(2)).toMatchObject({ kind: 'map', text: '12:00:05', resident: 12 * 1024, areas: 1 });
    expect(shapeOf(history.changes(1, 2, 0))).toEqual(['grew 10000000-10002000 → 10000000-10004000']);
  });
});
