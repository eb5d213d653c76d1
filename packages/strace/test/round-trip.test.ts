// What is written can be read again: strings, lines of maps, and whole logs of several tasks whose calls overlap.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Call,
  CallDecoder,
  type LogEvent,
  LogParser,
  LogWriter,
  type MapsLine,
  formatMapsLine,
  formatResult,
  formatText,
  makeCall,
  parseLog,
  parseMapsLine,
  parseText,
} from '@vmarea/strace';

/** Returns an event as data: a parsed call cuts its texts when they are read. */
const plain = (event: LogEvent): unknown => JSON.parse(JSON.stringify(event));

const bytes = fc.string({ unit: fc.integer({ min: 1, max: 127 }).map((code) => String.fromCharCode(code)) });

describe('strings', () => {
  it('survive', () => {
    fc.assert(
      fc.property(fc.oneof(bytes, fc.string({ unit: 'grapheme' })), (value) => {
        expect(parseText(formatText(value))).toEqual({ value, truncated: false });
      }),
    );
  });

  it('are shortened as strace does it', () => {
    expect(formatText('abcdef', 3)).toBe('"abc"...');
    expect(parseText('"abc"...')).toEqual({ value: 'abc', truncated: true });
    expect(formatText('\u0001' + '2')).toBe('"\\0012"');
    expect(formatText('\u0001x')).toBe('"\\1x"');
    expect(parseText('NULL')).toBeNull();
  });
});

describe('lines of maps', () => {
  const address = fc.integer({ min: 0, max: 2 ** 40 - 2 }).map((page) => page * 4096);
  const line: fc.Arbitrary<MapsLine> = fc.record({
    start: address,
    end: address.map((start) => start + 4096),
    read: fc.boolean(),
    write: fc.boolean(),
    exec: fc.boolean(),
    shared: fc.boolean(),
    offset: address,
    major: fc.integer({ min: 0, max: 4095 }),
    minor: fc.integer({ min: 0, max: 0xfffff }),
    inode: fc.integer({ min: 0, max: 2 ** 40 }),
    name: fc.oneof(
      fc.constantFrom('', '[heap]', '[anon:a b]', '/a b (deleted)', '/n\nl'),
      bytes.map((text) => `/${text.replaceAll(/[\\\r]/g, '')}`),
    ),
  });

  it('survive', () => {
    fc.assert(
      fc.property(line, (given) => {
        expect(parseMapsLine(formatMapsLine(given))).toEqual(given);
      }),
    );
  });

  it('have the name in column 73, or one blank behind a longer head', () => {
    const vdso = parseMapsLine('fffff7ffb000-fffff7ffc000 r-xp 00000000 00:00 0                          [vdso]')!;
    expect(formatMapsLine(vdso).indexOf('[')).toBe(73);
    expect(formatMapsLine({ ...vdso, name: '' })).toBe('fffff7ffb000-fffff7ffc000 r-xp 00000000 00:00 0 ');
    const long = formatMapsLine({ ...vdso, inode: 2 ** 52, offset: 2 ** 52, major: 4095, minor: 0xfffff });
    expect(long).toBe('fffff7ffb000-fffff7ffc000 r-xp 10000000000000 fff:fffff 4503599627370496  [vdso]');
    expect(parseMapsLine('something else')).toBeNull();
  });
});

/** Arguments as strace prints them, with everything in them that could mislead a reader. */
const argument = fc.oneof(
  fc.constantFrom(
    'NULL',
    '-1',
    '0x7f0000001000',
    'PROT_READ|PROT_WRITE',
    'MAP_PRIVATE|21<<MAP_HUGE_SHIFT',
    '{st_mode=S_IFREG|0755, st_size=3, ...}',
    '[{WIFEXITED(s) && WEXITSTATUS(s) == 0}]',
    '0x3 /* A, (B */',
    '3</a,(b>',
    'AT_FDCWD</tmp/)>',
    '6<TCP:[127.0.0.1:22->127.0.0.1:40]>',
    '0</dev/pts/0<char 136:0>>',
    '8</memfd:mm>(deleted)',
    '~[RTMIN RT_1]',
  ),
  bytes.map((text) => formatText(text)),
  bytes.map((text) => formatText(text, 5)),
);

const plan = fc.record({
  pid: fc.integer({ min: 100, max: 104 }),
  name: fc.constantFrom('mmap', 'read', 'munmap', 'ioctl', 'wait4', 'rt_sigprocmask'),
  args: fc.array(argument, { maxLength: 7 }),
  splitAfter: fc.integer({ min: 0, max: 8 }),
  ret: fc.oneof(fc.integer({ min: -133, max: 100 }), fc.integer({ min: 0x10000, max: 2 ** 47 })),
  overlap: fc.boolean(),
  ending: fc.constantFrom('', '', '', 'exited', 'signal'),
});

type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;

/** A log from a plan: a call that overlaps returns when its task's next turn comes. */
function build(plans: readonly Plan[]): LogEvent[] {
  const events: LogEvent[] = [];
  const waiting = new Map<number, Call>();
  const line = (): number => events.length + 1;
  const finish = (pid: number): void => {
    const call = waiting.get(pid);
    if (!call) return;
    waiting.delete(pid);
    call.line = line();
    events.push({ type: 'call', pid, line: call.line, call });
  };
  for (const { pid, name, args, splitAfter, ret, overlap, ending } of plans) {
    finish(pid);
    const value = [0, 1, 41, 58].includes(-ret) && ret < 0 ? -22 : ret;
    const call = makeCall(pid, name, args.join(', '), value, formatResult(value, value > 4096), line());
    if (overlap) {
      call.split = true;
      call.entryLength = args.slice(0, splitAfter).join(', ').length;
      events.push({ type: 'entry', pid, line: line(), call });
      waiting.set(pid, call);
    } else {
      events.push({ type: 'call', pid, line: line(), call });
      if (ending === 'exited') events.push({ type: 'exited', pid, line: line(), status: 3 });
      if (ending === 'signal') {
        const text = 'SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_ACCERR, si_addr=0x1234}';
        const code = 2;
        events.push({
          type: 'signal',
          pid,
          line: line(),
          signal: 11,
          name: 'SIGSEGV',
          code,
          addr: 0x1234,
          stopped: false,
          text,
        });
      }
    }
  }
  for (const pid of [...waiting.keys()]) finish(pid);
  return events;
}

describe('logs', () => {
  it.each(['file', 'terminal'] as const)('of several tasks survive (%s)', (pid) => {
    fc.assert(
      fc.property(fc.array(plan, { maxLength: 30 }), fc.integer({ min: 1, max: 200 }), (plans, size) => {
        const given = build(plans);
        const writer = new LogWriter({ pid });
        const text = given.map((event) => `${writer.line(event)!}\n`).join('');
        const found: LogEvent[] = [];
        const parser = new LogParser();
        for (let i = 0; i < text.length; i += size) parser.push(text.slice(i, i + size), (event) => found.push(event));
        parser.end((event) => found.push(event));
        expect(found.map(plain)).toEqual(given);
      }),
      { numRuns: 300 },
    );
  });

  it('never make the reader fail, whatever stands in them', () => {
    const text = readFileSync(new URL('logs/terminal.strace', import.meta.url), 'utf8');
    const odd = fc.constantFrom(
      '"',
      '<',
      '>',
      '(',
      ')',
      '{',
      ']',
      ',',
      '\\',
      '\n',
      '/*',
      '<unfinished ...>',
      ' resumed>',
      '= ',
      '|',
      '[pid 7] ',
      '0x',
      '-',
      '1e9',
    );
    const mutation = fc.record({
      at: fc.integer({ min: 0, max: text.length }),
      cut: fc.integer({ min: 0, max: 9 }),
      odd,
    });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 20 }), (mutations) => {
        let mutated = text;
        for (const { at, cut, odd: piece } of mutations)
          mutated = mutated.slice(0, at) + piece + mutated.slice(at + cut);
        const decoder = new CallDecoder();
        let seen = 0;
        for (const event of parseLog(mutated)) {
          seen += 1;
          if (event.type === 'call' || event.type === 'entry' || event.type === 'pending') decoder.decode(event.call);
        }
        expect(seen).toBeGreaterThan(100);
      }),
      { numRuns: 200 },
    );
  });

  it('are read without keeping what has been read', () => {
    const parser = new LogParser({ calls: new Set(['mmap']) });
    let calls = 0;
    for (let i = 0; i < 20000; i += 1) {
      parser.push(
        '7 read(3, "x", 1) = 1\n7 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0) = 0x7f0000000000\n',
        (event) => {
          if (event.type === 'call') calls += 1;
        },
      );
    }
    expect([parser.lines, parser.skipped, calls]).toEqual([40000, 20000, 20000]);
  });
});
