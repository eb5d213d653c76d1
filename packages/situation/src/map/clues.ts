/**
 * Finds in the lines of a map what they show about the machine: possible page sizes, and the size of the address space.
 */
import type { VsyscallMode } from '@vmarea/arch-x86-64';
import type { MapsLine } from '@vmarea/strace';
import { alignmentOf, architectureOfPath, type AddressClue, type Clue } from '../clues.ts';
import type { Architecture } from '../situation.ts';

/** The clues of a map. Lines are counted from 1 among the lines of the map. */
export interface MapClues {
  /** The largest page size that every border allows. */
  readonly page: Clue<number> | null;
  /** The end of the stack, or the highest address when there is no stack. */
  readonly top: AddressClue | null;
  readonly architecture: Clue<Architecture> | null;
  /** What the last line of an x86-64 map says of its kernel; null for a map that is none. */
  readonly vsyscall: Clue<VsyscallMode> | null;
}

/** Returns the clues of a map. */
export function mapClues(lines: readonly MapsLine[]): MapClues {
  let page: Clue<number> | null = null;
  let top: AddressClue | null = null;
  let architecture: Clue<Architecture> | null = null;
  lines.forEach((area, index) => {
    const line = index + 1;
    if (area.name === '[vsyscall]') {
      architecture ??= { value: 'x86-64', line, what: '[vsyscall], which only x86-64 has' };
      return;
    }
    if (area.name === '[vectors]' || area.name === '[sigpage]')
      architecture ??= { value: 'arm', line, what: `${area.name}, which only 32-bit arm has` };
    const found = architectureOfPath(area.name);
    if (found !== null) architecture ??= { value: found[0], line, what: `a path with ${found[1]}` };
    for (const border of [area.start, area.end]) {
      const size = alignmentOf(border);
      if (page === null || size < page.value) page = { value: size, line, what: `a border at ${border.toString(16)}` };
    }
    const isStack = area.name === '[stack]';
    if (top === null || isStack || (!top.chosen && area.end > top.value)) {
      const what = isStack ? `[stack] ends at ${area.end.toString(16)}` : `an area ends at ${area.end.toString(16)}`;
      top = { value: area.end, line, what, chosen: isStack };
    }
  });
  return { page, top, architecture, vsyscall: vsyscallOf(lines) };
}

/** What the last line says; null for a map that may have been cut off before it. */
function vsyscallOf(lines: readonly MapsLine[]): Clue<VsyscallMode> | null {
  const index = lines.findIndex(({ name }) => name === '[vsyscall]');
  if (index < 0) {
    const whole = lines.some(({ name }) => name === '[stack]');
    return whole ? { value: 'none', line: 0, what: 'it has no [vsyscall]' } : null;
  }
  return lines[index]!.read
    ? { value: 'emulate', line: index + 1, what: '[vsyscall] is readable' }
    : { value: 'xonly', line: index + 1, what: '[vsyscall] is only executable' };
}
