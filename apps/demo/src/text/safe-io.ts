/**
 * The last step before a terminal: no control character that came from input reaches it.
 */
import { escapeText } from '@vmarea/uapi';
import type { Io } from './io.ts';

/** Colours and weights, as picocolors writes them: the only escapes that go out, and only where colours are on. */
// eslint-disable-next-line no-control-regex -- it is about one
const COLOR = /(\u001b\[[0-9]{1,2}m)/;

/** `\n` and blanks stay; other controls and marks of direction become `\uXXXX`, which JSON reads as well. */
function escapeLine(line: string): string {
  return escapeText(line) === line
    ? line
    : line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu, (character) =>
        character === '\t'
          ? character
          : Array.from({ length: character.length }, (_, i) => {
              return `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
            }).join(''),
      );
}

/** Text for a terminal. */
function safe(text: string, colored: boolean): string {
  const parts = colored ? text.split(COLOR) : [text];
  return parts.map((part, i) => (i % 2 === 1 ? part : part.split('\n').map(escapeLine).join('\n'))).join('');
}

/** An Io whose texts are escaped. Bytes (`cat-mapped`) stay what they are. */
export function safeIo(io: Io): Io {
  return {
    ...io,
    out: (text) => io.out(safe(text, io.colors.isColorSupported)),
    err: (text) => io.err(safe(text, false)),
    input: () => io.input(),
  };
}
