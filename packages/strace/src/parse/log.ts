// A log as a whole: from a string, or from pieces that arrive one after the other.

import { type LogEvent } from '../events.ts';
import { LogParser, type LogParserOptions } from './parser.ts';

/** All events of a log that is one string; its last line is complete even without a newline. For large logs use {@link readEvents} or {@link LogParser}. */
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
 * The events of a log that arrives in pieces. Memory is that of one piece's events.
 * @param pieces - text, cut anywhere
 * @param parser - a parser of one's own, when its counts are wanted afterwards
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
