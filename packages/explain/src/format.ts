/**
 * An explanation as text.
 */
import type { Explanation } from './explain.ts';
import { hex } from './calls.ts';
import type { Reason, ReasonBook } from './reason-book.ts';
import type { TraceEvent } from './recorder.ts';

/** `do_mmap.zero_len (do_mmap, line 1351): sentence`. */
function reasonLine(reason: Reason): string {
  return `${reason.id}: ${reason.sentence}`;
}

function eventLine(event: TraceEvent, book: ReasonBook): string {
  switch (event.kind) {
    case 'enter':
      return `→ ${event.fn}(${event.args.map(hex).join(', ')})`;
    case 'decide': {
      const reason = book.find(event.decision);
      return `  ${event.result < 0 ? '✗' : '·'} ${reason === undefined ? `decision ${event.decision}` : reasonLine(reason)}`;
    }
    case 'vma':
      return `  + ${event.event} ${hex(event.start)}-${hex(event.end)}${event.event === 'merge' ? ` (case ${event.detail})` : ''}`;
    case 'fault': {
      const reason = book.find(event.decision);
      return `  ! fault: ${event.what} at ${hex(event.address)}${reason === undefined ? '' : `: ${reasonLine(reason)}`}`;
    }
  }
}

/** The functions entered and what they did, one line each. */
export function formatEvents(events: readonly TraceEvent[], book: ReasonBook): string[] {
  return events.map((event) => eventLine(event, book));
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}

function mapLines(text: string): string[] {
  return text === '' ? ['(nothing is mapped)'] : text.trimEnd().split('\n');
}

/** Marks what one text has and the other has not. */
function mapDifference(before: string, after: string): string[] {
  const old = new Set(mapLines(before));
  const now = mapLines(after);
  const kept = new Set(now);
  const gone = mapLines(before).filter((line) => !kept.has(line));
  return [...now.map((line) => `${old.has(line) ? ' ' : '+'} ${line}`), ...gone.map((line) => `- ${line}`)];
}

/** The whole text, with a newline at its end. */
export function formatExplanation(e: Explanation, book: ReasonBook): string {
  const lines: string[] = [`${e.call} = ${e.result}`, `on ${e.kernel}, pages of ${e.pageSize / 1024} KiB`];
  lines.push(
    ...section(
      'Calls before',
      e.earlier.map(({ call, result }) => `${call} = ${result}`),
    ),
  );
  if (e.notMade.length > 0) lines.push(...section('Of the given map these could not be made', e.notMade));
  lines.push(...section('Path', formatEvents(e.events, book)));
  lines.push(
    ...section(
      'Checks',
      e.checks.map(({ reason, passed, operands }) => {
        const mark = passed ? '✓' : '✗';
        return `${mark} ${reason.fn}: ${reason.id}${operands === '' ? '' : ` — ${operands}`}`;
      }),
    ),
  );
  if (e.decision !== null) {
    const { id, fn, errno, sentence, change, reference } = e.decision;
    lines.push(
      ...section('Decision', [
        `${id}: ${fn} answers ${errno}. ${sentence}`,
        ...e.because.map((reason) => `because of ${reasonLine(reason)}`),
        change,
        ...(reference === '' ? [] : [`Source: ${reference}`]),
      ]),
    );
  }
  const passes = e.decision === null;
  lines.push(
    ...section(
      passes ? 'What would refuse it' : 'What would change it',
      e.changes.map(({ change, then, reason }) => `${change}: ${then}${reason === null ? '' : ` (${reason.id})`}`),
    ),
  );
  lines.push(
    ...section(
      'Elsewhere',
      e.elsewhere.map(
        ({ kernel, pageSize, then, reason, same }) =>
          `${kernel}, ${pageSize / 1024} KiB: ${then}${reason === null ? '' : ` (${reason.id})`}${same ? ', the same' : ''}`,
      ),
    ),
  );
  const apart = e.neighbours.flatMap(({ lower, upper, reasons }) => [
    `${hex(lower[0])}-${hex(lower[1])} and ${hex(upper[0])}-${hex(upper[1])}`,
    ...(reasons.length === 0
      ? ['  nothing keeps them apart now: they became alike after both were mapped']
      : reasons.map(({ reason, operands }) => `  ${reasonLine(reason)} (${operands})`)),
  ]);
  lines.push(...section('Neighbours that stay apart', apart));
  lines.push(...section('Map before', mapLines(e.before)));
  lines.push(
    ...section(
      e.before === e.after ? 'Map after: the same' : 'Map after',
      e.before === e.after ? [] : mapDifference(e.before, e.after),
    ),
  );
  if (e.before === e.after) lines.push('', 'The map after is the same.');
  return `${lines.join('\n')}\n`;
}
