/**
 * Signals for memory faults: forced upon the task that faults, taken by its CPU before it returns to the program, or deadly for
 * the whole thread group. Mirrors kernel/signal.c.
 *
 * The embedder's CPU stores registers and siginfo on the stack and calls the handler (setup_rt_frame), and undoes it in
 * rt_sigreturn. Not here: signals of other kinds (kill, timers), stopping and continuing, tracers.
 */
import {
  MisuseError,
  RLIMIT_CORE,
  SA_NODEFER,
  SA_ONSTACK,
  SA_RESETHAND,
  shownValue,
  SI_KERNEL,
  SIG_DFL,
  SIG_IGN,
  SIGINFO_BYTES,
  SIGRTMAX,
  SIGSEGV,
  SS_AUTODISARM,
  SS_DISABLE,
  SS_ONSTACK,
} from '@vmarea/uapi';
import { hasFlag } from './bits.ts';
import { doGroupExit } from './exit.ts';
import { defaultAction, sigmask, SIG_KERNEL_ONLY, type SigAction } from './sighand.ts';
import type { AltStack, Task } from './task.ts';

/** A memory fault, in the fields of `cur.call.refused` and of mm-core's UserMemory. */
export interface Fault {
  /** SIGSEGV, SIGBUS or SIGKILL. */
  readonly signal: number;
  /** SEGV_MAPERR and the like. */
  readonly code: number;
  /** The byte accessed. */
  readonly address: number;
}

/** struct siginfo of a fault. */
export interface SigInfo {
  readonly signo: number;
  readonly code: number;
  readonly addr: number;
}

/** struct ksignal: a handler that the CPU has to call. */
export interface KSignal {
  readonly kind: 'handler';
  readonly sig: number;
  readonly info: SigInfo;
  /** The action: the handler's address, flags, restorer, mask. */
  readonly ka: SigAction;
  /** Where the frame is stored, downwards: the program's stack pointer, or the top of the signal stack. */
  readonly sp: number;
  /** Whether the frame begins on the signal stack, which the program did not use. */
  readonly onAltStack: boolean;
  /** What rt_sigreturn restores: uc_sigmask and uc_stack. */
  readonly mask: bigint;
  readonly stack: AltStack;
}

/** The thread group has ended. */
export interface Killed {
  readonly kind: 'killed';
  /** The wait status: the signal, with 0x80 when a core was dumped. */
  readonly status: number;
}

/** force_sig: whether the handler counts, or the default action is forced. */
type Force = 'current' | 'default';

/**
 * force_sig_info: sends a signal that the task cannot ignore or block: the action becomes the default where it would.
 */
export function forceSigInfo(task: Task, info: SigInfo, force: Force = 'current'): void {
  const { signo } = info;
  const { sighand } = task;
  const action = sighand.action(signo);
  const bit = sigmask(signo);
  const blocked = (task.blocked & bit) !== 0n;
  if (blocked || action.handler === SIG_IGN || force === 'default') sighand.set(signo, { ...action, handler: SIG_DFL });
  if (blocked) task.blocked &= ~bit;
  task.pendingSignals.push(info);
}

/** force_sig_fault, for a fault that an access has met. @throws MisuseError when `signal` is none */
export function forceSigFault(task: Task, { signal, code, address }: Fault): void {
  if (!Number.isInteger(signal) || signal < 1 || signal > SIGRTMAX) {
    throw new MisuseError('deliverFault', 'fault', `has signal ${shownValue(signal)}; no access was refused`);
  }
  forceSigInfo(task, { signo: signal, code, addr: address });
}

/** force_sigsegv: the frame of a handler could not be stored. A handler of SIGSEGV itself is not tried again. */
function forceSigsegv(task: Task, sig: number): void {
  forceSigInfo(task, { signo: SIGSEGV, code: SI_KERNEL, addr: 0 }, sig === SIGSEGV ? 'default' : 'current');
}

/**
 * get_signal: takes the next signal before the task returns to its program.
 *
 * @param sp the program's stack pointer
 * @returns null: there is none; a handler to call, after which `signalSetupDone` must be called; or that the group has ended
 */
export function getSignal(task: Task, sp: number): KSignal | Killed | null {
  for (;;) {
    if (task.exitStatus !== null) return { kind: 'killed', status: task.signal.status };
    const info = task.pendingSignals.shift();
    if (info === undefined) return null;
    const { signo } = info;
    const ka = task.sighand.action(signo);
    if (ka.handler === SIG_IGN) continue;
    if (ka.handler !== SIG_DFL && !SIG_KERNEL_ONLY.has(signo)) {
      if (hasFlag(ka.flags, SA_RESETHAND)) task.sighand.set(signo, { ...ka, handler: SIG_DFL });
      const onAltStack = hasFlag(ka.flags, SA_ONSTACK) && sasSsFlags(task, sp) === 0;
      const { altStack } = task;
      const top = onAltStack ? altStack.sp + altStack.size : sp;
      return { kind: 'handler', sig: signo, info, ka, sp: top, onAltStack, mask: task.blocked, stack: altStack };
    }
    const action = defaultAction(signo);
    if (action === 'ignore') continue;
    const dumped = action === 'core' && dumpCore(task, info);
    doGroupExit(task, signo | (dumped ? 0x80 : 0));
  }
}

/** do_coredump: asks the embedder, if the limit allows a core. */
function dumpCore(task: Task, info: SigInfo): boolean {
  if (task.limits.get(RLIMIT_CORE).soft === 0) return false;
  return task.kernel.scheduler.doCoredump?.(task, info) === true;
}

/**
 * signal_setup_done: the CPU has stored the frame and entered the handler, or could not store it.
 *
 * @param failed the frame could not be stored: the task gets a SIGSEGV, which {@link getSignal} takes
 */
export function signalSetupDone(task: Task, { sig, ka }: KSignal, failed: boolean): void {
  if (failed) {
    forceSigsegv(task, sig);
    return;
  }
  const own = hasFlag(ka.flags, SA_NODEFER) ? 0n : sigmask(sig);
  setBlocked(task, task.blocked | ka.mask | own);
  if (hasFlag(task.altStack.flags, SS_AUTODISARM)) task.resetAltStack();
}

/** set_current_blocked: SIGKILL and SIGSTOP cannot be blocked. */
export function setBlocked(task: Task, mask: bigint): void {
  let blocked = BigInt.asUintN(64, mask);
  for (const sig of SIG_KERNEL_ONLY) blocked &= ~sigmask(sig);
  task.blocked = blocked;
}

/** sas_ss_flags: SS_DISABLE without a signal stack, SS_ONSTACK when the stack pointer lies on it, otherwise 0. */
export function sasSsFlags(task: Task, sp: number): number {
  const { altStack } = task;
  if (altStack.size === 0) return SS_DISABLE;
  return onSigStack(task, sp) ? SS_ONSTACK : 0;
}

/** on_sig_stack: a stack with SS_AUTODISARM is never in use. */
export function onSigStack(task: Task, sp: number): boolean {
  const { altStack } = task;
  if (hasFlag(altStack.flags, SS_AUTODISARM)) return false;
  return sp > altStack.sp && sp - altStack.sp <= altStack.size;
}

/** copy_siginfo_to_user: returns the bytes of a struct siginfo of a fault, for the CPU's frame. */
export function siginfoBytes({ signo, code, addr }: SigInfo): Uint8Array {
  const bytes = new Uint8Array(SIGINFO_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, signo, true);
  view.setInt32(8, code, true);
  view.setBigUint64(16, BigInt.asUintN(64, BigInt(addr)), true);
  return bytes;
}
