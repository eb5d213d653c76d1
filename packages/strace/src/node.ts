// Reads logs from files with Node: as a stream, unpacked when gzipped, and the files of `strace -ff` joined.
// Only this entry point of the package uses files.

import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { type Call, type LogEvent } from './events.ts';
import { LogParser, type LogParserOptions } from './parse/parser.ts';

/** The options of reading a file. */
export interface ReadLogOptions extends LogParserOptions {
  /** Called after each piece with the bytes of the file read so far (packed bytes of a gzipped one). */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** Yields the text of a file in pieces; unpacks a file whose name ends in `.gz`. */
export async function* readPieces(
  path: string,
  onProgress?: (bytes: number) => void,
): AsyncGenerator<string, void, undefined> {
  const file = createReadStream(path, { highWaterMark: 1 << 18 });
  const text = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  // A pipe does not forward an error of the file.
  if (text !== file) file.once('error', (error) => text.destroy(error));
  text.setEncoding('utf8');
  for await (const piece of text) {
    yield piece as string;
    onProgress?.(file.bytesRead);
  }
}

/**
 * Yields the events of one log file.
 * @param parser - an own parser, to read its counts afterwards
 */
export async function* readLogFile(
  path: string,
  options: ReadLogOptions = {},
  parser: LogParser = new LogParser(options),
): AsyncGenerator<LogEvent, void, undefined> {
  let events: LogEvent[] = [];
  const sink = (event: LogEvent): void => {
    events.push(event);
  };
  for await (const piece of readPieces(path, options.onProgress)) {
    parser.push(piece, sink);
    const ready = events;
    events = [];
    yield* ready;
  }
  parser.end(sink);
  yield* events;
}

/** One file of `strace -ff -o NAME`: `NAME.PID`. */
export interface LogPart {
  readonly path: string;
  readonly pid: number;
}

/**
 * Finds the files of `strace -ff -o NAME`, by pid.
 * @param path - NAME, without the pid
 */
export async function findLogParts(path: string): Promise<LogPart[]> {
  const folder = dirname(path);
  const prefix = `${basename(path)}.`;
  const parts: LogPart[] = [];
  for (const name of await readdir(folder)) {
    const match = name.startsWith(prefix) ? /^([0-9]+)(\.gz)?$/.exec(name.slice(prefix.length)) : null;
    if (match) parts.push({ path: join(folder, name), pid: Number(match[1]) });
  }
  return parts.sort((a, b) => a.pid - b.pid);
}

const FORKS: ReadonlySet<string> = new Set(['fork', 'vfork', 'clone', 'clone2', 'clone3']);

/**
 * Returns the events of several files of `-ff` in one order. With absolute time stamps (`-t`, `-tt`, `-ttt`) it is the order of
 * time; without, a whole child's file follows the return of its fork. Line numbers are those of each file. Holds the files in
 * memory: the order is not known before all are read.
 */
export async function readLogParts(parts: readonly LogPart[], options: ReadLogOptions = {}): Promise<LogEvent[]> {
  const logs = new Map<number, LogEvent[]>();
  let timed = true;
  for (const part of parts) {
    const events: LogEvent[] = [];
    const parser = new LogParser({ ...options, pid: part.pid });
    for await (const event of readLogFile(part.path, options, parser)) events.push(event);
    logs.set(part.pid, events);
    timed &&= events.every((event) => event.type !== 'call' || /^[0-9]+[:.]/.test(event.call.time));
  }
  const calls = [...logs.values()].flatMap((log) => log.filter((event) => event.type === 'call'));
  // A stamp of `-r` counts from the line before, so it cannot order lines of different files.
  const absolute = timed && calls.every(({ call }) => call.time.includes(':') || Number(call.time) > 1e8);
  return absolute && calls.length > 0 ? byTime(logs) : byFork(logs);
}

function byFork(logs: ReadonlyMap<number, readonly LogEvent[]>): LogEvent[] {
  const order: LogEvent[] = [];
  const done = new Set<number>();
  const add = (pid: number): void => {
    if (done.has(pid)) return;
    done.add(pid);
    for (const event of logs.get(pid) ?? []) {
      order.push(event);
      if (event.type === 'call' && FORKS.has(event.call.name) && (event.call.ret ?? 0) > 0) add(event.call.ret!);
    }
  };
  const children = new Set<number>();
  for (const log of logs.values()) {
    for (const event of log) {
      if (event.type === 'call' && FORKS.has(event.call.name) && event.call.ret !== null) children.add(event.call.ret);
    }
  }
  for (const pid of logs.keys()) if (!children.has(pid)) add(pid);
  for (const pid of logs.keys()) add(pid);
  return order;
}

/** Orders the calls by time. A file of `-ff` has each call on one line, with the time of its entry: calls of other tasks in between come before its return. */
function byTime(logs: ReadonlyMap<number, readonly LogEvent[]>): LogEvent[] {
  const stamped: { event: LogEvent; at: number; rank: number }[] = [];
  let rank = 0;
  for (const log of logs.values()) {
    let at = 0;
    let midnights = 0;
    for (const event of log) {
      if (event.type === 'call') {
        let now = seconds(event.call) + midnights * 86400;
        if (event.call.time.includes(':') && now < at - 43200) {
          midnights += 1;
          now += 86400;
        }
        at = Math.max(at, now);
      }
      rank += 1;
      if (event.type === 'call' && FORKS.has(event.call.name) && (event.call.ret ?? 0) > 0) {
        event.call.split = true;
        stamped.push({ event: { type: 'entry', pid: event.pid, line: event.line, call: event.call }, at, rank });
        rank += 1;
      }
      stamped.push({ event, at, rank });
    }
  }
  stamped.sort((a, b) => a.at - b.at || a.rank - b.rank);
  return stamped.map(({ event }) => event);
}

function seconds(call: Call): number {
  let total = 0;
  for (const part of call.time.split(':')) total = total * 60 + Number(part);
  return total;
}
