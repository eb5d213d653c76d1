// The recordings of real programs on arm64 and x86-64: every line is understood, every call that matters is decoded, and writing the
// events gives the same text again.

import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  CallDecoder,
  KNOWN_CALLS,
  LogParser,
  LogWriter,
  type LogEvent,
  formatMaps,
  parseLog,
  parseMaps,
} from '@vmarea/strace';

const folder = new URL('../../../conformance/straces/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const all = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'));
const logs = all.filter((name) => name.endsWith('.strace')).sort();
const maps = all.filter((name) => name.endsWith('.maps')).sort();
/** One set is enough where each byte is fed by itself. */
const arm64 = logs.filter((name) => !name.includes('/'));

describe('recorded logs', () => {
  it('are sixteen of arm64 and sixty of x86-64, each with its map', () => {
    expect([arm64.length, logs.length]).toEqual([16, 76]);
    expect(maps.map((name) => name.replace('.maps', '.strace'))).toEqual(logs);
  });

  it.each(logs)('%s: reads every line and writes it again', (name) => {
    const text = read(name);
    const parser = new LogParser();
    const events: LogEvent[] = [];
    const sink = (event: LogEvent): void => void events.push(event);
    parser.push(text, sink);
    parser.end(sink);
    expect(events.filter((event) => event.type === 'strange' || event.type === 'pending')).toEqual([]);
    const decoder = new CallDecoder();
    for (const event of events) {
      if (event.type !== 'call') continue;
      const op = decoder.decode(event.call);
      expect(op?.op).not.toBe('undecoded');
      expect(op === null).toBe(!KNOWN_CALLS.has(event.call.name));
    }
    const writer = new LogWriter();
    // The marker that strace prints once more when a task dies inside of a call is not kept.
    const plain = text.replaceAll(/ resumed> <unfinished \.\.\.>\)( = \?)$/gm, ' resumed>)                 $1');
    const ends = (log: string): string => log.replaceAll(/ resumed>\) *(= \?)$/gm, ' resumed>) $1');
    expect(ends(events.map((event) => `${writer.line(event)!}\n`).join(''))).toBe(ends(plain));
  });

  it.each(arm64)('%s: gives the same events in pieces of any size', (name) => {
    const text = read(name);
    const whole = parseLog(text);
    for (const size of [1, 7, 100, 4096]) {
      const events: LogEvent[] = [];
      const parser = new LogParser();
      for (let i = 0; i < text.length; i += size) parser.push(text.slice(i, i + size), (event) => events.push(event));
      parser.end((event) => events.push(event));
      expect(events.length).toBe(whole.length);
      expect(JSON.stringify(events.at(-1))).toBe(JSON.stringify(whole.at(-1)));
      if (size === 7) expect(JSON.stringify(events) === JSON.stringify(whole)).toBe(true);
    }
  });

  it('knows what python3 did', () => {
    const decoder = new CallDecoder();
    const ops = parseLog(read('python3.aslr-off.strace')).flatMap((event) =>
      event.type === 'call' ? [decoder.decode(event.call)] : [],
    );
    const execs = ops.flatMap((op) => (op?.op === 'exec' ? [op.path] : []));
    expect(execs).toEqual(['/usr/bin/env', '/usr/bin/python3.11']);
    const forks = ops.flatMap((op) => (op?.op === 'fork' ? [op] : []));
    expect(forks).toHaveLength(1);
    expect(forks[0]).toMatchObject({ flags: 0x1200000, exitSignal: 17, stack: 0 });
    expect(ops.some((op) => op?.op === 'open' && op.path === '/proc/self/maps' && op.opened !== null)).toBe(true);
  });
});

describe('recorded maps', () => {
  it.each(maps)('%s: reads every line and writes it again', (name) => {
    const text = read(name);
    const { lines, strange } = parseMaps(text);
    // sqlite3 printed the results of two queries behind its map.
    const others = name.includes('sqlite3') ? 2 : 0;
    expect(strange.length).toBe(others);
    const own = text.split('\n').filter((line) => !strange.some((other) => other.text === line));
    expect(formatMaps(lines)).toBe(own.join('\n'));
    for (const line of lines) expect(line.end).toBeGreaterThan(line.start);
  });
});
