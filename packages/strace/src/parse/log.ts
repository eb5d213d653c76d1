// Parses a whole log: a string, or pieces that arrive one after the other.

import { type LogEvent } from '../events.ts';
import { LogParser, type LogParserOptions } from './parser.ts';

/** Returns all events of a log in one string; its last line is complete even without a newline. For large logs use {@link readEvents} or {@link LogParser}. */
export function parseLog(text: string, options?: LogParserOptions): LogEvent[] {
  const events: LogEvent[] = [];
  const parser = new LogParser(options);
  const sink = (event: LogEvent): void => {
    events.push(event);
  };
  parser.push(text, sink);
  if (text !== '' && !text.endsWith('\n')) parser.push('\n', sink);
  parser.end(sink);
  return events;
}

/**
 * Yields the events of a log that arrives in pieces. Holds the events of one piece in memory.
 * @param pieces - text, cut anywhere
 * @param parser - an own parser, to read its counts afterwards
 */
export async function* readEvents(
  pieces: AsyncIterable<string> | Iterable<string>,
  parser: LogParser = new LogParser(),
): AsyncGenerator<LogEvent, void, undefined> {
  let events: LogEvent[] = [];
  const sink = (event: LogEvent): void => {
    events.push(event);
  };
  for await (const piece of pieces) {
    parser.push(piece, sink);
    if (events.length === 0) continue;
    const ready = events;
    events = [];
    yield* ready;
  }
  parser.end(sink);
  yield* events;
}
