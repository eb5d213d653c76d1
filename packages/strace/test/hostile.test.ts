// Logs that are made to cost much: the reader's work is proportional to their length, and its memory is bounded. Work is
// counted in steps (characters looked at, entries visited), not in time.

import { afterEach, describe, expect, it } from 'vitest';
import { LogError, LogParser, type LogEvent, MAX_LINE, MAX_STRANGE, MAX_TASKS, parseMaps } from '@vmarea/strace';

let steps = 0;
const restore: (() => void)[] = [];

/** Replaces a method by one that counts first. */
function count(
  on: object,
  name: string | symbol,
  cost: (self: unknown, args: unknown[], result: unknown, before: number) => number,
): void {
  const own = Object.getOwnPropertyDescriptor(on, name)!;
  const method = own.value as (...args: unknown[]) => unknown;
  Object.defineProperty(on, name, {
    ...own,
    value(this: unknown, ...args: unknown[]) {
      const before = this instanceof RegExp ? this.lastIndex : 0;
      const result: unknown = Reflect.apply(method, this, args);
      steps += cost(this, args, result, before);
      return result;
    },
  });
  restore.push(() => void Object.defineProperty(on, name, own));
}

/** Counts what the reader does while `work` runs. */
function countSteps(work: () => void): number {
  const mapIterator = Object.getPrototypeOf(new Map()[Symbol.iterator]()) as object;
  const setIterator = Object.getPrototypeOf(new Set()[Symbol.iterator]()) as object;
  steps = 0;
  const length = (self: unknown): number => String(self).length;
  count(String.prototype, 'charCodeAt', () => 1);
  count(String.prototype, 'indexOf', (self, [, from], found) => {
    const start = (from as number | undefined) ?? 0;
    return Math.max(0, ((found as number) < 0 ? length(self) : (found as number)) - start);
  });
  count(String.prototype, 'lastIndexOf', (self, [, from], found) => {
    return Math.min(length(self), (from as number | undefined) ?? Infinity) - Math.max(0, found as number);
  });
  count(String.prototype, 'trim', (self) => length(self) / 8);
  count(String.prototype, 'split', (self) => length(self));
  count(Array.prototype, 'join', (_self, _args, result) => (result as string).length);
  // What a search looks at at least. `test`, `replace` and the others come here as well.
  count(RegExp.prototype, 'exec', (self, [text], result, before) => {
    const expression = self as RegExp;
    if (expression.sticky) return 64;
    return expression.global && result !== null ? expression.lastIndex - before : length(text) - before;
  });
  count(mapIterator, 'next', () => 1);
  count(setIterator, 'next', () => 1);
  try {
    work();
  } finally {
    for (const undo of restore.splice(0).reverse()) undo();
  }
  return steps;
}

afterEach(() => {
  for (const undo of restore.splice(0).reverse()) undo();
});

function read(text: string, piece: number = text.length): number {
  let events = 0;
  return countSteps(() => {
    const parser = new LogParser();
    const sink = (_event: LogEvent): void => void (events += 1);
    for (let i = 0; i < text.length; i += piece) parser.push(text.slice(i, i + piece), sink);
    parser.end(sink);
  });
}

const repeat = (n: number, line: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => line(i)).join('');

const HOSTILE: readonly (readonly [string, (n: number) => string])[] = [
  ['comments that do not end', (n) => `1 mmap(${'/* '.repeat(n)}) = 0\n`],
  ['comments that do not end, on many lines', (n) => 'brk(/*\n'.repeat(n)],
  ['resumed lines that say nothing', (n) => '5 <... x\n'.repeat(n)],
  ['calls resumed without a start', (n) => '5 <... mmap resumed>) = 0\n'.repeat(n)],
  [
    'many unfinished calls at once, resumed without pids',
    (n) => repeat(n, (i) => `${i + 1} mmap(NULL, 4096, <unfinished ...>\n`) + '<... mmap resumed>) = 0\n'.repeat(n),
  ],
  [
    'a line that strace interrupts again and again',
    (n) => `1 mmap(NULL, strace: Process 1 attached\n${', x strace: Process 1 attached\n'.repeat(n)}`,
  ],
  ['a call that is never closed, on many lines', (n) => `mmap(\n${'x, \n'.repeat(n)}`],
  ['calls that are never closed', (n) => 'mmap(x\n'.repeat(n)],
  ['output inside of a write', (n) => `write(2, "x", 66x\n${'output\n'.repeat(n)}`],
  ['brackets that do not end', (n) => `brk(${'['.repeat(n)}\n`],
  ['heads that do not end', (n) => '[pid [ (+ 1<\n'.repeat(n)],
  ['a decoration that does not end', (n) => `close(3${'<'.repeat(n)}) = 0\n`],
  ['angles that close nothing', (n) => `close(${'3<x'.repeat(n)}) = 0\n`],
  ['times that are none', (n) => '1 brk(NULL) = 0>\n'.repeat(n)],
  ['joined calls', (n) => `${'brk(NULL) = 0x1000 '.repeat(n)}\n`],
  ['fragments', (n) => `${') = x '.repeat(n)}\n`],
  ['prefixes', (n) => repeat(n, (i) => `${'abc'.repeat(i % 7)}: brk(NULL) = 0\n`)],
  ['quoting', (n) => `${'> '.repeat(n)}brk(NULL) = 0\n`],
  ['markup', (n) => `x${'&nbsp;'.repeat(n)}\n`],
  ['stack lines', (n) => ` > ${'(a'.repeat(n)} [0x1]\n`],
  ['commas', (n) => `brk(${','.repeat(n)}) = 0\n`],
  ['blanks', (n) => `${' '.repeat(n)}x\n`],
];

describe('the work for a log is proportional to its length', () => {
  it.each(HOSTILE)('%s', (_name, text) => {
    const small = read(text(2000));
    const large = read(text(16_000));
    expect(large).toBeLessThan(16 * small);
    expect(large).toBeLessThan(400 * text(16_000).length);
    // Pieces as a file is read in.
    expect(read(text(16_000), 1024)).toBeLessThan(3 * large);
  });

  it.each([
    ['blanks', (n: number) => `0-1 rwxp 0 0:0 0${' '.repeat(n)}\u2028\n`],
    ['digits', (n: number) => `${'0'.repeat(n)}-1 rwxp 0 0:0 0 x\n`],
    ['lines', (n: number) => 'what\n'.repeat(n)],
    ['names', (n: number) => `0-1000 rwxp 0 0:0 0 ${'\\012'.repeat(n)}\n`],
  ])('maps: %s', (_name, text) => {
    const small = countSteps(() => void parseMaps(text(1000)));
    const large = countSteps(() => void parseMaps(text(8000)));
    expect(large).toBeLessThan(16 * small);
  });
});

describe('what a log may cost is bounded', () => {
  const push = (pieces: Iterable<string>): void => {
    const parser = new LogParser();
    for (const piece of pieces) parser.push(piece, () => undefined);
  };

  it('a line without an end is refused at its place', () => {
    function* endless(): Generator<string> {
      yield 'brk(NULL) = 0x1000\n1 openat(AT_FDCWD, "';
      for (;;) yield 'A'.repeat(2 ** 18);
    }
    expect(() => push(endless())).toThrow(LogError);
    expect(() => push(endless())).toThrow(`line 2: it has more than ${MAX_LINE.toLocaleString('en')} characters`);
  });

  it('a text without a line of strace is not read to its end', () => {
    function* endless(): Generator<string> {
      for (;;) yield 'y\n'.repeat(2 ** 17);
    }
    expect(() => push(endless())).toThrow(
      `the first ${MAX_STRANGE.toLocaleString('en')} characters hold no line of strace`,
    );
  });

  it('tasks that live at a time are counted, tasks that ended are forgotten', () => {
    function* tasks(n: number, end: boolean): Generator<string> {
      for (let i = 1; i <= n; i += 1) yield `${i} brk(NULL) = 0\n${end ? `${i} +++ exited with 0 +++\n` : ''}`;
    }
    expect(() => push(tasks(MAX_TASKS + 1, false))).toThrow(`more than ${MAX_TASKS.toLocaleString('en')} tasks`);
    push(tasks(MAX_TASKS + 10, true));
  });

  it('what no task can be called is no pid', () => {
    const events: LogEvent[] = [];
    const parser = new LogParser();
    parser.push('99999999999 brk(NULL) = 0\n', (event) => events.push(event));
    parser.end((event) => events.push(event));
    expect(events).toMatchObject([{ type: 'strange', pid: 0 }]);
  });

  it('names of calls are short', () => {
    const events: LogEvent[] = [];
    new LogParser().push(`${'x'.repeat(1_000_000)}(1) = 0\n`, (event) => events.push(event));
    expect(events).toMatchObject([{ type: 'call', call: { name: 'x'.repeat(64) } }]);
  });
});
