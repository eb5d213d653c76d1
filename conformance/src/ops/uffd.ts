/**
 * The operations about userfaultfd: each makes one call and compares its result and what it stored.
 */
import type { Task } from '@vmarea/kernel';
import {
  errnoName,
  UFFD_API,
  UFFDIO_API,
  UFFDIO_CONTINUE,
  UFFDIO_COPY,
  UFFDIO_MOVE,
  UFFDIO_POISON,
  UFFDIO_REGISTER,
  UFFDIO_UNREGISTER,
  UFFDIO_WRITEPROTECT,
  UFFDIO_ZEROPAGE,
} from '@vmarea/uapi';
import { compareRet, type Difference } from '../compare.ts';
import { exact, hex, quantity, type Op } from '../recording.ts';

/** The result of an operation, and the recorded fields that the call stores, as text. */
interface Answer {
  readonly result: number;
  readonly stored?: Readonly<Record<string, string>>;
}

/** The commands that fill pages, and the field of their structure that tells how many bytes were done. */
const FILLS: Readonly<Record<string, readonly [command: number, field: string]>> = {
  uffdcopy: [UFFDIO_COPY, 'copy'],
  uffdzero: [UFFDIO_ZEROPAGE, 'zeropage'],
  uffdcont: [UFFDIO_CONTINUE, 'mapped'],
  uffdpoison: [UFFDIO_POISON, 'updated'],
  uffdmove: [UFFDIO_MOVE, 'move'],
};

/** Fills, moves or poisons pages. The recorder copied from a buffer that it had filled with one byte. */
function fill(task: Task, op: Op, command: number, field: string): Answer {
  const start = quantity(op['addr']);
  const len = quantity(op['len']);
  const mode = exact(op['mode']);
  const request: Record<string, unknown> = { start, dst: start, len, mode, [field]: 0 };
  if (op['byte'] !== undefined) request['src'] = new Uint8Array(exact(len)).fill(exact(op['byte']));
  if (op['src'] !== undefined) request['src'] = quantity(op['src']);
  const result = task.sys.ioctl(exact(op['fd']), command, request);
  return { result, stored: { copied: String(request[field]) } };
}

/** Makes the call of an operation. Returns null for an operation of another kind. */
function call(task: Task, op: Op): Answer | null {
  const { sys } = task;
  const fd = (): number => exact(op['fd']);
  const range = (): { start: number | bigint; len: number | bigint } => ({
    start: quantity(op['addr']),
    len: quantity(op['len']),
  });
  switch (op.op) {
    case 'userfaultfd':
      return { result: sys.userfaultfd(exact(op['flags'])) };
    case 'uffdapi': {
      const request = { api: UFFD_API, features: quantity(op['features']), ioctls: 0n };
      const result = sys.ioctl(fd(), UFFDIO_API, request);
      const stored = { supported: hex(Number(request.features)), ioctls: `0x${request.ioctls.toString(16)}` };
      return { result, stored };
    }
    case 'uffdreg': {
      const request = { ...range(), mode: exact(op['mode']), ioctls: 0 };
      const result = sys.ioctl(fd(), UFFDIO_REGISTER, request);
      return { result, stored: { ioctls: hex(request.ioctls) } };
    }
    case 'uffdunreg':
      return { result: sys.ioctl(fd(), UFFDIO_UNREGISTER, range()) };
    case 'uffdwp':
      return { result: sys.ioctl(fd(), UFFDIO_WRITEPROTECT, { ...range(), mode: exact(op['mode']) }) };
    default: {
      const filled = FILLS[op.op];
      return filled === undefined ? null : fill(task, op, filled[0], filled[1]);
    }
  }
}

/** Makes and compares an operation about userfaultfd. Returns null for an operation of another kind. */
export function userfaultfdOp(task: Task, op: Op): Difference[] | null {
  const answer = call(task, op);
  if (answer === null) return null;
  const { result, stored = {} } = answer;
  const differences: Difference[] = [];
  const wrong = compareRet(op, result < 0 ? `-${errnoName(result)}` : result);
  if (wrong !== null) differences.push(wrong);
  for (const [field, actual] of Object.entries(stored)) {
    const expected = String(op[field]);
    if (op[field] !== undefined && expected !== actual) {
      differences.push({ kind: 'results', field, expected, actual });
    }
  }
  return differences;
}
