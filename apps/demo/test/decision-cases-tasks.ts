/**
 * Ways to the reasons of calls about tasks and signals.
 */
import { doSyscall } from '@vmarea/kernel';
import {
  CLONE_FS,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUTS,
  CLONE_SIGHAND,
  CLONE_THREAD,
  CLONE_VM,
  MSM_4_4,
  syscallNumber,
} from '@vmarea/uapi';
import type { DecisionCase } from './decision-cases.ts';
import type { Machine } from './machine.ts';

const AT = 0x40000000;
const THREAD: number = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;

const clone = (flags: number): DecisionCase => ({ run: (m) => m.call('clone', { flags }) });

function byNumber(m: Machine, name: string, ...args: number[]): number {
  return doSyscall(m.task, syscallNumber(name)!, args);
}

/** clone3 with the fields of struct clone_args at their index. */
function clone3(m: Machine, fields: Readonly<Record<number, number | bigint>>, size: number = 88): number {
  m.anon(AT, 4096);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of Object.entries(fields)) view.setBigUint64(Number(index) * 8, BigInt(value), true);
  bytes.forEach((byte, i) => m.memory().store8(AT + i, byte));
  m.task.cur.call.reason = 0;
  return doSyscall(m.task, syscallNumber('clone3')!, [AT, size]);
}

/** The cases by id. */
export const TASK_CASES: Record<string, DecisionCase> = {
  'clone.fs_in_namespace': clone(CLONE_FS | CLONE_NEWNS),
  'clone.thread_without_sighand': clone(CLONE_THREAD | CLONE_VM),
  'clone.sighand_without_vm': clone(CLONE_SIGHAND),
  'clone.thread_in_namespace': clone(THREAD | CLONE_NEWPID),
  'clone.not_modelled': clone(CLONE_NEWUTS),
  'clone3.unknown_call': { boot: { profile: MSM_4_4 }, run: (m) => clone3(m, {}) },
  'clone3.bad_size': { run: (m) => clone3(m, {}, 56) },
  'clone3.bad_flags': { run: (m) => clone3(m, { 0: THREAD, 4: 17 }) },
  'clone3.bad_stack': { run: (m) => clone3(m, { 5: AT }) },
  'rt_sigaction.bad_signal': { run: (m) => m.call('rtSigaction', 65) },
  'rt_sig.bad_size': { run: (m) => byNumber(m, 'rt_sigprocmask', 0, 0, 0, 4) },
  'rt_sigprocmask.bad_how': { run: (m) => m.call('rtSigprocmask', 9, 0n) },
  'sigaltstack.in_use': {
    run: (m) => {
      m.kernel.scheduler.currentUserStackPointer = () => AT + 4096;
      m.call('sigaltstack', { sp: AT, size: 8192, flags: 0 });
      return m.call('sigaltstack', { sp: 0, size: 0, flags: 2 });
    },
  },
  'sigaltstack.bad_flags': { run: (m) => m.call('sigaltstack', { sp: AT, size: 8192, flags: 4 }) },
  'sigaltstack.too_small': { run: (m) => m.call('sigaltstack', { sp: AT, size: 1024, flags: 0 }) },
  'clone3.not_modelled': { run: (m) => clone3(m, { 8: AT, 9: 1 }) },
};
