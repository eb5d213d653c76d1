/**
 * Misuse: a value that no program could have handed to the kernel (NaN, a fraction, a string for bytes). It is refused where
 * it enters a package, with the call's and the argument's name, and is no errno: the caller's code is wrong, not its data.
 */

/** A value of a kind that the call does not take. */
export class MisuseError extends TypeError {
  override readonly name = 'MisuseError';
  /** The function, as the caller knows it. */
  readonly call: string;
  /** The argument's name. */
  readonly argument: string;

  constructor(call: string, argument: string, message: string) {
    super(`${call}: ${argument} ${message}`);
    this.call = call;
    this.argument = argument;
  }
}

/** Characters of a value that a message shows at most. */
const SHOWN = 40;

/** A value as a message shows it: short, and without control characters or what changes the direction of writing. */
export function shownValue(value: unknown): string {
  if (typeof value === 'string') {
    const text = JSON.stringify(value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value);
    return text.replace(
      /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  }
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'object' && value !== null) {
    const { constructor } = value as { constructor?: { name?: string } };
    const name = Array.isArray(value) ? 'Array' : constructor?.name;
    return `an object${name === undefined || name === '' ? '' : ` (${name.slice(0, SHOWN)})`}`;
  }
  return typeof value === 'function' ? 'a function' : String(value);
}

/**
 * A number that is whole: no NaN, no infinity, no fraction.
 *
 * @returns it
 * @throws MisuseError naming `call` and `argument`
 */
export function wholeNumber(call: string, argument: string, value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw new MisuseError(call, argument, `is ${shownValue(value)}, not a whole number`);
}
