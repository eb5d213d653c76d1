/**
 * The judge: checks every result of a driver against the rules of the port (driver.ts) while a machine runs.
 *
 * For debugging: it costs a few calls per operation. fs-testkit checks what it cannot see, for instance contents.
 */
import { RETRY, VM_FAULT_RETRY } from '@vmarea/mm-core';
import { interceptDriver, type DriverCall } from './intercept.ts';
import type { SuperBlock } from '../names/super-block.ts';

/** A rule that a driver has broken. */
export interface Violation {
  /** The name in the manifest. */
  readonly driver: string;
  readonly call: DriverCall;
  readonly answer: unknown;
  /** The rule, as a sentence. */
  readonly rule: string;
}

/** Operations that return 0 on success. */
const ZERO = new Set<DriverCall['op']>([
  'lookup',
  'create',
  'tmpfile',
  'link',
  'unlink',
  'symlink',
  'mkdir',
  'rmdir',
  'rename',
  'setattr',
  'open',
  'fsync',
  'fallocate',
  'mmap',
  'readPage',
  'writePage',
  'prepareWrite',
]);

const MAX_ERRNO = 4095;

/** Operations that cannot wait. */
const IMMEDIATE = new Set<DriverCall['op']>(['mmap', 'allocPage']);

/**
 * Checks every later result of a driver.
 *
 * @param sb a filesystem, best before it is mounted
 * @param report receives each broken rule; without it the first one is thrown
 */
export function judgeDriver(sb: SuperBlock, report: (violation: Violation) => void = complain): void {
  const driver = sb.manifest.name;
  const { system } = sb;
  /** The number of running operations: a driver is called re-entrantly only through the page cache. */
  let depth = 0;

  interceptDriver(sb, (call, inner) => {
    const tell = (answer: unknown, rule: string): void => report({ driver, call, answer, rule });
    const sizeBefore = call.inode.iSize;
    const pendingBefore = system.current.pending;
    system.current.pending = null;
    if (depth > 0 && call.op === 'mmap') tell(undefined, 'An operation must not map anything.');
    depth++;
    let answer: number;
    try {
      answer = inner();
    } catch (error) {
      tell(error, 'An operation must return an errno, not throw.');
      throw error;
    } finally {
      depth--;
    }
    judgeAnswer(call, answer, tell);
    const waits = call.op === 'fault' || call.op === 'pageMkwrite' ? (answer & VM_FAULT_RETRY) !== 0 : answer === RETRY;
    if (waits) {
      if (IMMEDIATE.has(call.op)) tell(answer, `${call.op} cannot wait.`);
      if (system.current.pending === null) tell(answer, 'RETRY needs a promise in system.current.pending.');
      if (call.inode.iSize !== sizeBefore)
        tell(answer, 'A call that must wait must change nothing; it has changed the size.');
      if (call.op === 'readPage' || call.op === 'writePage') {
        system.current.pending = judgePromise(system.current.pending, tell);
      }
    } else {
      if ((call.op === 'readPage' || call.op === 'writePage') && system.current.pending !== null) {
        tell(answer, 'A call for a page that returns a result must leave no promise in system.current.pending.');
      }
      system.current.pending = pendingBefore;
    }
    if (!Number.isInteger(call.inode.iSize) || call.inode.iSize < 0)
      tell(call.inode.iSize, 'A size must be a whole number of bytes.');
    return answer;
  });
}

function judgeAnswer(call: DriverCall, answer: unknown, tell: (answer: unknown, rule: string) => void): void {
  if (typeof answer !== 'number' || !Number.isInteger(answer)) {
    tell(answer, 'A result must be a whole number.');
    return;
  }
  if (call.op === 'fault' || call.op === 'pageMkwrite') {
    if (answer < 0) tell(answer, 'A fault must return VM_FAULT_ codes, not an errno.');
    return;
  }
  if (answer < 0) {
    if (answer !== RETRY && answer < -MAX_ERRNO) tell(answer, 'An error must be a negative errno.');
    return;
  }
  if (ZERO.has(call.op) && answer !== 0)
    tell(answer, `${call.op} must return 0 or a negative errno; this looks like a positive errno.`);
  if ((call.op === 'read' || call.op === 'write') && answer > call.length) {
    tell(answer, 'The result must not exceed the number of bytes requested.');
  }
  if (call.op === 'read' && answer > 0 && call.inode.iPages !== null && call.at + answer > call.inode.iSize) {
    tell(answer, 'A read must not return bytes behind the end of the file.');
  }
}

/** Checks the value of a page's promise: nothing, 0, or a negative errno. */
function judgePromise(
  promise: Promise<unknown> | null,
  tell: (answer: unknown, rule: string) => void,
): Promise<unknown> | null {
  if (promise === null) return null;
  return promise.then((value) => {
    if (typeof value === 'number' && (!Number.isInteger(value) || value > 0 || value < -MAX_ERRNO)) {
      tell(value, "A page's promise must resolve with nothing, 0, or a negative errno.");
    }
    return value;
  });
}

function complain(violation: Violation): void {
  const { driver, call, answer, rule } = violation;
  throw new Error(
    `driver ${driver}: ${call.op} of inode ${call.inode.ino} at ${call.at} answered ${String(answer)}. ${rule}`,
  );
}
