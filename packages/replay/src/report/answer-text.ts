// Calls and answers as text for people: addresses in hexadecimal, errors by name.

import type { Call, MemoryOp } from '@vmarea/strace';
import { errnoName, errnoText } from '@vmarea/uapi';

/** Longest text of a call that is kept. */
const LONGEST = 160;

/** A call as the log prints it, shortened. */
export function callText(call: Call): string {
  const text = `${call.name}(${call.argsText})`;
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 2)}…)`;
}

/** An answer as strace prints it. */
export function formatAnswer(op: MemoryOp, value: number): string {
  if (value < 0) return `-1 ${errnoName(value)} (${errnoText(value)})`;
  const address = op.op === 'mmap' || op.op === 'brk' || op.op === 'mremap' || op.op === 'shmat';
  return address ? `0x${value.toString(16)}` : String(value);
}
