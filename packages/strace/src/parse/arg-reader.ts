// Reads the arguments of one call in order and stores the first that is invalid, so that a decoder can read them all before
// it checks for an error.

import {
  ArgList,
  type Descriptor,
  type Register,
  parseDescriptor,
  parseInt32,
  parseMode,
  parseRegister,
  parseText,
  plainNumber,
} from './args.ts';
import { ownCopy } from './own-copy.ts';
import { ParsedCall } from './parsed-call.ts';
import { type Call } from '../events.ts';
import { type UndecodedOp } from '../decode/types.ts';

/** A text of flags and its value: the same few are in most lines of a log. */
class KnownFlags {
  readonly parse: (text: string) => number | null;
  readonly text: string;
  readonly value: number;

  constructor(parse: (text: string) => number | null, text: string, value: number) {
    this.parse = parse;
    this.text = text;
    this.value = value;
  }
}

/** The number of texts of flags that are kept, a power of two, and the longest that is. */
const KEPT_FLAGS = 64;
const LONGEST_FLAGS = 64;

/** The arguments of one call; one object is reused for all calls. */
export class ArgReader {
  /** The arguments of a call of the parser; of others `args`. */
  #list = new ArgList();
  #args: readonly string[] | null = null;
  #length = 0;
  #problem: UndecodedOp | null = null;
  readonly #ownList = this.#list;
  readonly #flags: (KnownFlags | null)[] = new Array<KnownFlags | null>(KEPT_FLAGS).fill(null);

  /** Starts with another call. */
  start(call: Call): this {
    this.#problem = null;
    if (!(call instanceof ParsedCall)) {
      this.#args = call.args;
      this.#length = call.args.length;
      return this;
    }
    this.#args = null;
    this.#list = call.list;
    if (call.list.owner !== call) {
      this.#list = this.#ownList;
      this.#list.scan(call.argsIn, call.argsFrom, call.argsEnd);
    }
    this.#length = this.#list.length;
    return this;
  }

  /** The first argument that could not be read, or null. */
  get problem(): UndecodedOp | null {
    return this.#problem;
  }

  /** The number of arguments. */
  get length(): number {
    return this.#length;
  }

  /** Returns an argument as printed; empty when it is missing. */
  raw(index: number): string {
    if (index >= this.#length) return '';
    return this.#args === null ? this.#list.argument(index) : this.#args[index]!;
  }

  /** Stores that an argument is not of the expected kind. */
  fail(index: number, expected: string): void {
    this.#problem ??= { op: 'undecoded', index, text: this.raw(index), expected };
  }

  /** Reads a number in place; NaN when it is none of the plain ones. */
  #plain(index: number): number {
    if (this.#args !== null || index >= this.#length) return NaN;
    const list = this.#list;
    return plainNumber(list.text, list.startOf(index), list.endOf(index));
  }

  /** Reads an address, a length or an offset. */
  register(index: number, expected = 'number'): Register {
    const plain = this.#plain(index);
    if (plain === plain) return plain;
    const value = parseRegister(this.raw(index));
    if (value === null) this.fail(index, expected);
    return value ?? 0;
  }

  /** Reads an argument that may be missing; then returns 0. */
  optionalRegister(index: number): Register {
    return index < this.#length ? this.register(index) : 0;
  }

  /** Reads an int. */
  int(index: number, expected = 'number'): number {
    const plain = this.#plain(index);
    if (plain >= -0x80000000 && plain <= 0xffffffff) return plain | 0;
    const value = parseInt32(this.raw(index));
    if (value === null) this.fail(index, expected);
    return value ?? 0;
  }

  /** Reads flags with their parser. */
  flags(index: number, parse: (text: string) => number | null, expected = 'flags'): number {
    if (this.#args !== null || index >= this.#length) return this.#parseFlags(index, parse, expected);
    const { text } = this.#list;
    const from = this.#list.startOf(index);
    const end = this.#list.endOf(index);
    const length = end - from;
    const slot = (length + 7 * text.charCodeAt(from + 5) + 13 * text.charCodeAt(end - 1)) & (KEPT_FLAGS - 1);
    const kept = this.#flags[slot];
    if (kept?.parse === parse && kept.text.length === length && text.startsWith(kept.text, from)) {
      return kept.value;
    }
    const value = this.#parseFlags(index, parse, expected);
    if (this.#problem === null && length <= LONGEST_FLAGS) {
      this.#flags[slot] = new KnownFlags(parse, ownCopy(text.slice(from, end)), value);
    }
    return value;
  }

  #parseFlags(index: number, parse: (text: string) => number | null, expected: string): number {
    const value = parse(this.raw(index));
    if (value === null) this.fail(index, expected);
    return value ?? 0;
  }

  /** Reads a descriptor. */
  descriptor(index: number): Descriptor {
    const plain = this.#plain(index);
    if (plain >= -0x80000000 && plain <= 0xffffffff) return { fd: plain | 0, path: null, deleted: false };
    const value = parseDescriptor(this.raw(index));
    if (value === null) this.fail(index, 'descriptor');
    return value ?? NO_DESCRIPTOR;
  }

  /** Reads a file mode; 0 when it is missing. */
  mode(index: number): number {
    if (index >= this.#length) return 0;
    const value = parseMode(this.raw(index));
    if (value === null) this.fail(index, 'file mode');
    return value ?? 0;
  }

  /** Reads a string; null when the log has an address instead (strace could not read it). */
  text(index: number): string | null {
    const value = parseText(this.raw(index));
    if (value === null && parseRegister(this.raw(index)) === null) this.fail(index, 'string');
    return value === null ? null : value.value;
  }

  /** Returns whether strace shortened a string. */
  truncated(index: number): boolean {
    return this.raw(index).endsWith('"...');
  }
}

/** Used for a descriptor that could not be read. */
export const NO_DESCRIPTOR: Descriptor = { fd: -1, path: null, deleted: false };

/** Used for the working directory, in a call without a directory argument. */
export const CWD: Descriptor = { fd: -100, path: null, deleted: false };

/** Returns the descriptor that a call returned; null when it failed or has not returned. */
export function returnedDescriptor(call: Call): Descriptor | null {
  if (call.ret === null || call.ret < 0) return null;
  return parseDescriptor(call.result) ?? { fd: call.ret, path: null, deleted: false };
}
