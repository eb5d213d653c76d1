/**
 * Makes any driver asynchronous: every operation that may wait does so, for a number of turns that changes from call to call,
 * so that results come in another order than the calls.
 *
 * Pages are read and written later, and their promises resolve with the result. Every other operation returns RETRY once and is
 * repeated. The numbers come from a fixed sequence, so every run is the same.
 */
import { RETRY, VM_FAULT_RETRY, type MmSystem } from '@vmarea/mm-core';
import { interceptDriver, type DriverCall, type SuperBlock } from '@vmarea/vfs';

/** Operations that may wait and are then repeated. */
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

/** Delays every later operation of a filesystem. */
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
    // A page that is read from storage is delayed there.
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

/** Runs an operation on a page outside of any call. Returns its result, or the promise that it stored. */
export function answerLater(system: MmSystem, inner: () => number): unknown {
  const before = system.current.pending;
  system.current.pending = null;
  const result = inner();
  const { pending } = system.current;
  system.current.pending = before;
  return result === RETRY && pending !== null ? pending : result;
}
