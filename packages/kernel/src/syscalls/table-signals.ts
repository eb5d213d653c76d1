/**
 * The calls about signals by number, with their structures in user memory. rt_sigreturn is not here: only the CPU knows the
 * frame that it stored (see `Task.restoreSigmask`).
 */
import { refuse } from '@vmarea/mm-core';
import { EINVAL, SIGSET_BYTES } from '@vmarea/uapi';
import { RT_SIG_BAD_SIZE } from '../task/reasons.ts';
import type { SigAction } from '../task/sighand.ts';
import type { Task } from '../task/task.ts';
import { getUser, int, reg, storeResult, type SyscallHandler } from './arguments.ts';

/** Stores `bytes` at `address`, unless that is 0. */
function store(task: Task, address: number, bytes: Uint8Array): number {
  return address === 0 ? 0 : storeResult(task, address, bytes);
}

/** struct sigaction of 64-bit kernels: handler, flags, restorer, mask. */
function readAction(bytes: Uint8Array): SigAction {
  const view = new DataView(bytes.buffer);
  const at = (offset: number): bigint => view.getBigUint64(offset, true);
  return { handler: reg(at(0)), flags: Number(at(8)), restorer: reg(at(16)), mask: at(24) };
}

function writeAction({ handler, flags, restorer, mask }: SigAction): Uint8Array {
  const words = [BigInt(handler), BigInt(flags), BigInt(restorer), mask];
  return words64(words);
}

function words64(words: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(words.length * 8);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => view.setBigUint64(i * 8, BigInt.asUintN(64, word), true));
  return bytes;
}

/** The calls that every architecture has. */
export const SIGNAL_HANDLERS: Readonly<Record<string, SyscallHandler>> = {
  rt_sigaction: (t, a) => {
    if (reg(a[3]) !== SIGSET_BYTES) return refuse(t.cur, RT_SIG_BAD_SIZE, -EINVAL);
    const [act, oact] = [reg(a[1]), reg(a[2])];
    const bytes = new Uint8Array(32);
    const error = act === 0 ? 0 : getUser(t, act, bytes);
    if (error !== 0) return error;
    const old = t.sys.rtSigaction(int(a[0]), act === 0 ? null : readAction(bytes));
    return typeof old === 'number' ? old : store(t, oact, writeAction(old));
  },
  rt_sigprocmask: (t, a) => {
    if (reg(a[3]) !== SIGSET_BYTES) return refuse(t.cur, RT_SIG_BAD_SIZE, -EINVAL);
    const [set, oset] = [reg(a[1]), reg(a[2])];
    const bytes = new Uint8Array(8);
    const error = set === 0 ? 0 : getUser(t, set, bytes);
    if (error !== 0) return error;
    const old = t.sys.rtSigprocmask(int(a[0]), set === 0 ? null : new DataView(bytes.buffer).getBigUint64(0, true));
    return typeof old === 'number' ? old : store(t, oset, words64([old]));
  },
  sigaltstack: (t, a) => {
    const [ss, oss] = [reg(a[0]), reg(a[1])];
    const bytes = new Uint8Array(24);
    const error = ss === 0 ? 0 : getUser(t, ss, bytes);
    if (error !== 0) return error;
    const view = new DataView(bytes.buffer);
    const stack = {
      sp: reg(view.getBigUint64(0, true)),
      flags: view.getUint32(8, true),
      size: reg(view.getBigUint64(16, true)),
    };
    const old = t.sys.sigaltstack(ss === 0 ? null : stack);
    return typeof old === 'number'
      ? old
      : store(t, oss, words64([BigInt(old.sp), BigInt(old.flags), BigInt(old.size)]));
  },
};
