// Reads the arguments of one call in order and stores the first that is invalid, so that a decoder can read them all before
// it checks for an error.

import {
  type Descriptor,
  type Register,
  parseDescriptor,
  parseInt32,
  parseMode,
  parseRegister,
  parseText,
} from './args.ts';
import { type Call } from '../events.ts';
import { type UndecodedOp } from '../decode/types.ts';

/** The arguments of one call; one object is reused for all calls. */
export class ArgReader {
  #args: readonly string[] = [];
  #problem: UndecodedOp | null = null;

  /** Starts with another call. */
  start(call: Call): this {
    this.#args = call.args;
    this.#problem = null;
    return this;
  }

  /** The first argument that could not be read, or null. */
  get problem(): UndecodedOp | null {
    return this.#problem;
  }

  /** The number of arguments. */
  get length(): number {
    return this.#args.length;
  }

  /** Returns an argument as printed; empty when it is missing. */
  raw(index: number): string {
    return this.#args[index] ?? '';
  }

  /** Stores that an argument is not of the expected kind. */
  fail(index: number, expected: string): void {
    this.#problem ??= { op: 'undecoded', index, text: this.raw(index), expected };
  }

  /** Reads an address, a length or an offset. */
  register(index: number, expected = 'number'): Register {
    const value = parseRegister(this.raw(index));
    if (value === null) this.fail(index, expected);
    return value ?? 0;
  }

  /** Reads an argument that may be missing; then returns 0. */
  optionalRegister(index: number): Register {
    return index < this.#args.length ? this.register(index) : 0;
  }

  /** Reads an int. */
  int(index: number, expected = 'number'): number {
    const value = parseInt32(this.raw(index));
    if (value === null) this.fail(index, expected);
    return value ?? 0;
  }

  /** Reads flags with their parser. */
  flags(index: number, parse: (text: string) => number | null, expected = 'flags'): number {
    const value = parse(this.raw(index));
    if (value === null) this.fail(index, expected);
    return value ?? 0;
  }

  /** Reads a descriptor. */
  descriptor(index: number): Descriptor {
    const value = parseDescriptor(this.raw(index));
    if (value === null) this.fail(index, 'descriptor');
    return value ?? NO_DESCRIPTOR;
  }

  /** Reads a file mode; 0 when it is missing. */
  mode(index: number): number {
    if (index >= this.#args.length) return 0;
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
