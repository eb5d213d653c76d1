/**
 * Misuse: a value that no program could pass to the kernel (NaN, a fraction, a string for bytes). Each package checks for it
 * at its entries and throws an error that names the call and the argument. It is no errno: the caller's code is wrong.
 */

/** Thrown for a value of a type that the call does not accept. */
export class MisuseError extends TypeError {
  override readonly name = 'MisuseError';
  /** The name of the function. */
  readonly call: string;
  /** The argument's name. */
  readonly argument: string;

  constructor(call: string, argument: string, message: string) {
    super(`${call}: ${argument} ${message}`);
    this.call = call;
    this.argument = argument;
  }
}

/** The largest number of characters of a value that a message shows. */
const SHOWN = 40;

/** Formats a value for a message: short, without control characters and direction marks. */
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
 * Checks that a value is a whole number: no NaN, no infinity, no fraction.
 *
 * @returns the number
 * @throws MisuseError naming `call` and `argument`
 */
export function wholeNumber(call: string, argument: string, value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw new MisuseError(call, argument, `is ${shownValue(value)}, not a whole number`);
}
