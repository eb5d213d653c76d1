/**
 * The judge: puts every answer of a driver through the rules of the port (driver.ts) while a machine runs.
 *
 * For debugging: it costs a few calls per operation. What it cannot see is left to fs-testkit: contents, for instance.
 */
import { RETRY, VM_FAULT_RETRY } from '@vmarea/mm-core';
import { interceptDriver, type DriverCall } from './intercept.ts';
import type { SuperBlock } from '../names/super-block.ts';

/** A rule that a driver has broken. */
export interface Violation {
  /** As the manifest names it. */
  readonly driver: string;
  readonly call: DriverCall;
  readonly answer: unknown;
  /** The rule, as a sentence. */
  readonly rule: string;
}

/** Operations whose answer is 0 when they succeed. */
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
 * Judges a driver from now on.
 *
 * @param sb a filesystem, best before it is mounted
 * @param report is told each broken rule; without it the first one is thrown
 */
export function judgeDriver(sb: SuperBlock, report: (violation: Violation) => void = complain): void {
  const driver = sb.manifest.name;
  const { system } = sb;
  /** What runs now: a driver is never entered twice, except through the page cache. */
  let depth = 0;

  interceptDriver(sb, (call, inner) => {
    const tell = (answer: unknown, rule: string): void => report({ driver, call, answer, rule });
    const sizeBefore = call.inode.iSize;
    const pendingBefore = system.current.pending;
    system.current.pending = null;
    if (depth > 0 && call.op === 'mmap') tell(undefined, 'Nothing is mapped from inside an operation.');
    depth++;
    let answer: number;
    try {
      answer = inner();
    } catch (error) {
      tell(error, 'Operations answer with an errno and throw nothing.');
      throw error;
    } finally {
      depth--;
    }
    judgeAnswer(call, answer, tell);
    const waits = call.op === 'fault' || call.op === 'pageMkwrite' ? (answer & VM_FAULT_RETRY) !== 0 : answer === RETRY;
    if (waits) {
      if (IMMEDIATE.has(call.op)) tell(answer, `${call.op} cannot wait.`);
      if (system.current.pending === null) tell(answer, 'RETRY comes with a promise in system.current.pending.');
      if (call.inode.iSize !== sizeBefore)
        tell(answer, 'A call that must wait has changed nothing: the size is another.');
      if (call.op === 'readPage' || call.op === 'writePage') {
        system.current.pending = judgePromise(system.current.pending, tell);
      }
    } else {
      if ((call.op === 'readPage' || call.op === 'writePage') && system.current.pending !== null) {
        tell(answer, 'A page that was answered at once leaves no promise behind.');
      }
      system.current.pending = pendingBefore;
    }
    if (!Number.isInteger(call.inode.iSize) || call.inode.iSize < 0)
      tell(call.inode.iSize, 'Sizes are whole numbers of bytes.');
    return answer;
  });
}

function judgeAnswer(call: DriverCall, answer: unknown, tell: (answer: unknown, rule: string) => void): void {
  if (typeof answer !== 'number' || !Number.isInteger(answer)) {
    tell(answer, 'An answer is a whole number.');
    return;
  }
  if (call.op === 'fault' || call.op === 'pageMkwrite') {
    if (answer < 0) tell(answer, 'A fault is answered with VM_FAULT_ codes, not with an errno.');
    return;
  }
  if (answer < 0) {
    if (answer !== RETRY && answer < -MAX_ERRNO) tell(answer, 'An error is a negative errno.');
    return;
  }
  if (ZERO.has(call.op) && answer !== 0)
    tell(answer, `${call.op} answers 0 or a negative errno; this looks like a positive errno.`);
  if ((call.op === 'read' || call.op === 'write') && answer > call.length) {
    tell(answer, 'No more bytes are moved than were asked for.');
  }
  if (call.op === 'read' && answer > 0 && call.inode.iPages !== null && call.at + answer > call.inode.iSize) {
    tell(answer, 'Nothing is read from behind the end of the file.');
  }
}

/** What a page's promise resolves with: nothing, 0, or a negative errno. */
function judgePromise(
  promise: Promise<unknown> | null,
  tell: (answer: unknown, rule: string) => void,
): Promise<unknown> | null {
  if (promise === null) return null;
  return promise.then((value) => {
    if (typeof value === 'number' && (!Number.isInteger(value) || value > 0 || value < -MAX_ERRNO)) {
      tell(value, "A page's promise resolves with nothing, 0, or a negative errno.");
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
