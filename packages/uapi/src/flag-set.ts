// A set of named bits in strace's notation: names joined by `|`, in a fixed order, unnamed bits in hexadecimal. Bits above 31
// are kept: flags are `unsigned long` in most calls, and a program may pass -1.

/** A name and its bits. A name with several bits precedes the names of those bits. */
export type FlagName = readonly [bits: number, name: string];

/** The names of a set of flags. */
export interface FlagSet {
  /** In the order of strace. */
  readonly names: readonly FlagName[];
  /** The text for zero. */
  readonly zero: string;
  /** Names that are parsed but never printed: old ones, and those of other architectures. */
  readonly aliases?: readonly FlagName[];
  /** The comment that strace appends to a number without any name, for instance `MADV_???`; empty for none. */
  readonly unknown: string;
}

const TWO32 = 0x100000000;
/** Bit 52: the highest bit that a JS number holds exactly together with all lower ones. */
const TOP_BIT = 0x10000000000000;

/**
 * Parses a 64-bit hexadecimal or decimal number as a flags value. Bits from 53 up set bit 52, so that the low bits stay exact
 * and an unknown high bit stays unknown.
 * @returns null when the text is no number
 */
export function parseFlagNumber(text: string): number | null {
  if (!/^(0[xX][0-9a-fA-F]+|-?[0-9]+)$/.test(text)) return null;
  const octal = text.length > 1 && text.charCodeAt(0) === 48 && /^[0-7]+$/.test(text);
  const value = octal ? parseInt(text, 8) : Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  if (value === 0) return 0;
  const exact = BigInt.asUintN(64, BigInt(text));
  const low = Number(exact & 0xfffffffffffffn);
  return exact >> 52n === 0n ? low : TOP_BIT + low;
}

/** Returns `a | b` for values of 53 bits. */
export function uniteFlags(a: number, b: number): number {
  const high = Math.floor(a / TWO32) | Math.floor(b / TWO32);
  return high * TWO32 + ((a | b) >>> 0);
}

/** Formats a flags value as strace 6 prints it. */
export function formatFlags(set: FlagSet, flags: number): string {
  if (flags === 0) return set.zero;
  let low = flags | 0;
  const high = Math.floor(flags / TWO32);
  let text = '';
  for (let i = 0; i < set.names.length; i += 1) {
    const [bits, name] = set.names[i]!;
    const wanted = bits | 0;
    if (wanted !== 0 && (low & wanted) === wanted) {
      text = text === '' ? name : `${text}|${name}`;
      low &= ~wanted;
    }
  }
  const rest = high * TWO32 + (low >>> 0);
  if (rest === 0) return text;
  const hex = `0x${rest.toString(16)}`;
  if (text !== '') return `${text}|${hex}`;
  return set.unknown === '' ? hex : `${hex} /* ${set.unknown} */`;
}

/** The result of parsing flags: a value, or `null` and the word that was not understood. */
export interface ParsedFlags {
  readonly value: number | null;
  /** The word that was not understood; empty when there is a value. */
  readonly token: string;
}

/** Removes `/* … *\/` comments from a text. */
export function withoutComments(text: string): string {
  if (!text.includes('/*')) return text;
  return text.replace(/\/\*.*?\*\//g, '').trim();
}

const LOOKUPS = new WeakMap<FlagSet, Map<string, number>>();

function lookupOf(set: FlagSet): Map<string, number> {
  let lookup = LOOKUPS.get(set);
  if (lookup === undefined) {
    lookup = new Map(set.names.map(([bits, name]) => [name, bits]));
    for (const [bits, name] of set.aliases ?? []) lookup.set(name, bits);
    if (set.zero !== '0') lookup.set(set.zero, 0);
    LOOKUPS.set(set, lookup);
  }
  return lookup;
}

/**
 * Parses one word of a flags text: a name, a number, or `N<<NAME_SHIFT`.
 * @returns null when it is neither
 */
function parseWord(lookup: Map<string, number>, word: string): number | null {
  const known = lookup.get(word);
  if (known !== undefined) return known;
  const shifted = /^([0-9]+|0x[0-9a-f]+)<<(MAP_HUGE_SHIFT|MFD_HUGE_SHIFT|SHM_HUGE_SHIFT|26)$/.exec(word);
  if (shifted) return (Number(shifted[1]) & 0x3f) * 0x4000000;
  return parseFlagNumber(word);
}

/**
 * Parses flags; on failure `token` is the word that was not understood.
 * Accepts names in any order, numbers, and strace's comments (`-X verbose` prints the names there; the number counts).
 */
export function parseFlagsDetailed(set: FlagSet, text: string): ParsedFlags {
  const lookup = lookupOf(set);
  const bare = withoutComments(text).trim();
  if (bare === '') return { value: null, token: text };
  const direct = lookup.get(bare);
  if (direct !== undefined) return { value: direct, token: '' };
  let value = 0;
  let from = 0;
  for (;;) {
    const bar = bare.indexOf('|', from);
    const word = (bar < 0 ? bare.slice(from) : bare.slice(from, bar)).trim();
    const bits = parseWord(lookup, word);
    if (bits === null) return { value: null, token: word };
    value = uniteFlags(value, bits);
    if (bar < 0) return { value, token: '' };
    from = bar + 1;
  }
}

/** Parses flags; returns `null` when a word is not understood. */
export function parseFlags(set: FlagSet, text: string): number | null {
  return parseFlagsDetailed(set, text).value;
}
