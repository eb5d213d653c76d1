// The recordings of real programs on arm64: every line is understood, every call that matters is decoded, and writing the
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
const logs = readdirSync(folder).filter((name) => name.endsWith('.strace'));
const maps = readdirSync(folder).filter((name) => name.endsWith('.maps'));

describe('recorded logs', () => {
  it('are sixteen, each with its map', () => {
    expect(logs.length).toBe(16);
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
    expect(events.map((event) => `${writer.line(event)!}\n`).join('')).toBe(text);
  });

  it.each(logs)('%s: gives the same events in pieces of any size', (name) => {
    const text = read(name);
    const whole = parseLog(text);
    for (const size of [1, 7, 100, 4096]) {
      const events: LogEvent[] = [];
      const parser = new LogParser();
      for (let i = 0; i < text.length; i += size) parser.push(text.slice(i, i + size), (event) => events.push(event));
      parser.end((event) => events.push(event));
      expect(events.length).toBe(whole.length);
      expect(events[events.length - 1]).toEqual(whole[whole.length - 1]);
      if (size === 7) expect(events).toEqual(whole);
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
    const others = name.startsWith('sqlite3') ? 2 : 0;
    expect(strange.length).toBe(others);
    const own = text.split('\n').filter((line) => !strange.some((other) => other.text === line));
    expect(formatMaps(lines)).toBe(own.join('\n'));
    for (const line of lines) expect(line.end).toBeGreaterThan(line.start);
  });
});
