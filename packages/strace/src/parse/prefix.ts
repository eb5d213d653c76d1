// Removes what other programs put before the lines of strace: quoting, the journal, logcat, docker compose, grep -n. Removes
// known prefixes from any line; an unknown one when two lines have it before any other line was understood.

import { isCallName } from '../calls.ts';

/** The longest prefix. */
const REACH = 300;

/** Known prefixes. Each is anchored and takes time proportional to the length of its match. */
const KNOWN: readonly RegExp[] = [
  // The quoting of a mail or an issue, also as HTML.
  /^(?:(?:>|&gt;) ?)+/,
  // `Nov 28 04:53:55 host strace[123]: ` and `2026-11-28T04:53:55+0000 host strace[123]: ` of the journal.
  /^(?:[A-Z][a-z]{2} [ 0-9][0-9] [0-9:.]{8,15}|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]{8,18}(?:Z|[+-][0-9:]{4,5})?) [^ ]{1,64} [^ :]{1,64}: /,
  // logcat: `11-28 04:53:55.123  1234  1240 I tag     : `, and with the package's name.
  /^(?:[0-9]{4}-)?[0-9]{2}-[0-9]{2} [0-9:.]{8,18} +[0-9]+[- ][ 0-9]*[0-9](?:\/[^ ]{1,100})? +[VDIWEF][ /][^:]{1,60}: /,
  // docker compose: `web-1  | `.
  /^[A-Za-z0-9._-]{1,64} +\| /,
  // grep -n, and a copy with line numbers.
  /^ *[0-9]{1,9}[:|] ?/,
];

/** Where a call or a message of strace may begin. */
const BEGINS =
  /(?:^|[\s:|>\])])((?:\[pid +[0-9]{1,7}\] +|[0-9]{1,7} +)?(?:([a-z_][a-z0-9_]{1,40})\(|<\.\.\. ([a-z0-9_]{2,40}) resumed>|--- SIG|\+\+\+ (?:exited|killed) ))/g;

/** Returns the length of the text before the first call of strace on a line; -1 without one. */
function lengthBefore(line: string): number {
  const head = line.slice(0, REACH + 60);
  BEGINS.lastIndex = 0;
  for (let match = BEGINS.exec(head); match !== null; match = BEGINS.exec(head)) {
    const name = match[2] ?? match[3];
    if (name === undefined || isCallName(name)) return match.index + match[0].length - match[1]!.length;
  }
  return -1;
}

/** Returns a prefix with every number and run of blanks replaced by the same text. */
function shapeOf(prefix: string): string {
  return prefix.replaceAll(/[0-9]+/g, '0').replaceAll(/ +/g, ' ');
}

/** Finds the prefixes of one log's lines. */
export class PrefixFinder {
  /** The shape of the unknown prefix; empty before one was accepted. */
  #shape = '';
  #candidate = '';

  /** Returns the length of a line's known or accepted prefix; 0 without one. */
  find(line: string): number {
    const head = line.slice(0, REACH);
    if (this.#shape !== '') {
      const length = lengthBefore(line);
      if (length > 0 && length <= REACH && shapeOf(head.slice(0, length)) === this.#shape) return length;
    }
    for (const known of KNOWN) {
      const match = known.exec(head);
      if (match !== null) return match[0].length;
    }
    return 0;
  }

  /** Tests whether a line may have an unknown prefix. When the line before had the same one, accepts it. */
  learn(line: string): 'none' | 'perhaps' | 'sure' {
    const length = lengthBefore(line);
    if (length <= 0 || length > REACH) return 'none';
    const shape = shapeOf(line.slice(0, length));
    if (this.#candidate === shape) {
      this.#shape = shape;
      return 'sure';
    }
    this.#candidate = shape;
    return 'perhaps';
  }
}

/** HTML and non-breaking blanks, which mail gateways and browsers put into a log. */
const FOREIGN_TEXT = /[\u00a0\u2007\u202f]|&(?:nbsp|lt|gt|amp|quot|#39|#160);/;

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&nbsp;', ' '],
  ['&#160;', ' '],
  ['&lt;', '<'],
  ['&gt;', '>'],
  ['&amp;', '&'],
  ['&quot;', '"'],
  ['&#39;', "'"],
]);

/** Returns a line without HTML and non-breaking blanks; null when it has none. */
export function withoutMarkup(line: string): string | null {
  if (!FOREIGN_TEXT.test(line)) return null;
  return line
    .replaceAll(/&(?:nbsp|lt|gt|amp|quot|#39|#160);/g, (entity) => ENTITIES.get(entity)!)
    .replaceAll(/[\u00a0\u2007\u202f]/g, ' ');
}

/** A shell's prompt with a command, and a shell's message about a program that died. */
const SHELL =
  /^(?:[^\s].{0,100}[#$%>❯] |[#$%] )?(?:sudo +)?(?:[A-Z_]+=[^ ]* +)*strace(?: |$)|^# strace|^[\w.-]{1,64}@[\w.-]{1,64}[: ][^ ]{0,100}[#$%] |^(?:Segmentation fault|Bus error|Aborted|Illegal instruction|Killed|Trace\/breakpoint trap)(?: \(core dumped\))?$/;

/** Returns whether a line belongs to the shell that ran strace. */
export function isShellLine(line: string): boolean {
  return SHELL.test(line.slice(0, REACH));
}
