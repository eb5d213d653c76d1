// Formats calls and answers: addresses in hexadecimal, errors by name.

import type { Call, MemoryOp } from '@vmarea/strace';
import { errnoName, errnoText } from '@vmarea/uapi';

/** The number of characters of a call that are kept. */
const LONGEST = 160;

/** Returns a call as printed in the log, shortened. */
export function callText(call: Call): string {
  const text = `${call.name}(${call.argsText})`;
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 2)}…)`;
}

/** Formats an answer as strace does. */
export function formatAnswer(op: MemoryOp, value: number): string {
  if (value < 0) return `-1 ${errnoName(value)} (${errnoText(value)})`;
  const address = op.op === 'mmap' || op.op === 'brk' || op.op === 'mremap' || op.op === 'shmat';
  return address ? `0x${value.toString(16)}` : String(value);
}
