// Parses lines of `strace -k` and `-kk`: ` > FILE(SYMBOL+0xOFF) [0xADDRESS]`, with ` FILE.c:LINE` before or behind the bracket in `-kk`.

import { type StackFrame } from '../events.ts';

/** The number of frames kept per stack: strace itself prints at most 256. */
export const MAX_FRAMES = 256;

/** The number of characters kept of a frame's texts. */
const MAX_TEXT = 1024;

/**
 * Parses a line of a stack.
 * @param line - without the ` > ` in front
 * @returns null for an error of the unwinder
 */
export function parseFrame(line: string): StackFrame | null {
  let text = line.slice(0, 4 * MAX_TEXT).trimEnd();
  let offset = -1;
  let source = '';
  const bracket = /\[(0x[0-9a-f]{1,16})\](?: ([^\s:]{1,300}:[0-9]{1,9}))?$/.exec(text);
  if (bracket !== null) {
    offset = Number(bracket[1]);
    source = bracket[2] ?? '';
    text = text.slice(0, bracket.index).trimEnd();
  }
  const before = / ([^\s()]{1,300}:[0-9]{1,9})$/.exec(text);
  if (before !== null && source === '') {
    source = before[1]!;
    text = text.slice(0, before.index);
  }
  if (text.endsWith('_error') && !text.includes('(')) return null;
  // A C++ symbol contains parentheses: it begins at the first one behind the file.
  const open = text.startsWith('/') || text.startsWith('[') ? openOf(text) : text.indexOf('(');
  if (open < 0 || !text.endsWith(')')) {
    return bracket === null ? null : { file: cut(text), symbol: '', symbolOffset: -1, offset, source };
  }
  const inside = text.slice(open + 1, -1);
  const plus = inside.lastIndexOf('+0x');
  const symbolOffset = plus < 0 ? -1 : Number(inside.slice(plus + 1));
  const known = Number.isSafeInteger(symbolOffset);
  return {
    file: cut(text.slice(0, open)),
    symbol: cut(plus >= 0 && known ? inside.slice(0, plus) : inside),
    symbolOffset: known ? symbolOffset : -1,
    offset,
    source: cut(source),
  };
}

/** Returns where the symbol's parenthesis opens: behind the file's name, which may contain ` (deleted)`. */
function openOf(text: string): number {
  const deleted = text.indexOf(' (deleted)(');
  return deleted >= 0 ? deleted + 10 : text.indexOf('(');
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

/** Formats the line of a frame as strace 6 does. */
export function formatFrame(frame: StackFrame): string {
  const plus = frame.symbolOffset < 0 ? '' : `+0x${frame.symbolOffset.toString(16)}`;
  const place = frame.offset < 0 ? '' : ` [0x${frame.offset.toString(16)}]`;
  const source = frame.source === '' ? '' : ` ${frame.source}`;
  return ` > ${frame.file}(${frame.symbol}${plus})${place}${source}`;
}
