/** What the runner needs of a recording: its lines, as @vmarea/recordings reads them, and its quantities. */
export {
  parseRecording,
  type Fault,
  type Header,
  type Op,
  type Recording,
  type Ret,
  type SmapsVma,
} from '@vmarea/recordings';

/** Returns a 64-bit quantity: a number when exact, otherwise a bigint. */
export function quantity(value: unknown): number | bigint {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') throw new TypeError(`conformance: ${String(value)} is no quantity`);
  return value.length > 15 ? BigInt(value) : Number(value);
}

/** Returns a 64-bit quantity that must be exact as a number. */
export function exact(value: unknown): number {
  return Number(quantity(value));
}

/** Formats hexadecimal as recordings do. */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
