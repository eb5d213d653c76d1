/**
 * Makes any driver asynchronous: every operation that may wait does, for a number of turns that changes from call to call,
 * so that answers come in another order than the questions.
 *
 * Pages are read and written later, and their promises tell how it went. Everything else answers RETRY once and is asked
 * for again. The numbers come from a fixed sequence: no clock, no chance.
 */
import { RETRY, VM_FAULT_RETRY, type MmSystem } from '@vmarea/mm-core';
import { interceptDriver, type DriverCall, type SuperBlock } from '@vmarea/vfs';

/** Operations that the port allows to wait, and that are simply repeated. */
const REPEATED = new Set<DriverCall['op']>([
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
  'read',
  'write',
  'fsync',
  'fallocate',
  'prepareWrite',
  'fault',
  'pageMkwrite',
]);

/** Delays every operation of a filesystem from now on. */
export function delayDriver(sb: SuperBlock): void {
  const { system } = sb;
  const passed = new Set<string>();
  let turns = 0;

  async function later(): Promise<void> {
    turns = (turns * 5 + 3) % 8;
    for (let i = turns; i >= 0; i--) await Promise.resolve();
  }

  interceptDriver(sb, (call, inner) => {
    if (call.op === 'readPage' || call.op === 'writePage') {
      system.current.pending = later().then(() => answerLater(system, inner));
      return RETRY;
    }
    // a page that is read from storage is delayed there
    const stored = call.inode.iPages !== null && !call.inode.iPages.aOps.zeroFill;
    if (!REPEATED.has(call.op) || (stored && (call.op === 'read' || call.op === 'write' || call.op === 'fault'))) {
      return inner();
    }
    const key = `${call.op} ${call.inode.ino} ${call.at} ${call.length} ${call.name}`;
    if (passed.delete(key)) return inner();
    passed.add(key);
    system.current.pending = later();
    return call.op === 'fault' || call.op === 'pageMkwrite' ? VM_FAULT_RETRY : RETRY;
  });
}

/** An operation on a page, done outside any call: its answer, or the promise that it left. */
export function answerLater(system: MmSystem, inner: () => number): unknown {
  const before = system.current.pending;
  system.current.pending = null;
  const result = inner();
  const { pending } = system.current;
  system.current.pending = before;
  return result === RETRY && pending !== null ? pending : result;
}
