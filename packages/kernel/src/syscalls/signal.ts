/**
 * The system calls about signals, as far as memory faults need them: actions, the mask, the signal stack.
 *
 * Mirrors do_sigaction, sigprocmask and do_sigaltstack of kernel/signal.c.
 */
import { refuse } from '@vmarea/mm-core';
import {
  EINVAL,
  EM_X86_64,
  ENOMEM,
  EPERM,
  SA_EXPOSE_TAGBITS,
  SA_NOCLDSTOP,
  SA_NOCLDWAIT,
  SA_NODEFER,
  SA_ONSTACK,
  SA_RESETHAND,
  SA_RESTART,
  SA_RESTORER,
  SA_SIGINFO,
  SIG_BLOCK,
  SIG_SETMASK,
  SIG_UNBLOCK,
  SIGRTMAX,
  SS_AUTODISARM,
  SS_DISABLE,
  SS_ONSTACK,
} from '@vmarea/uapi';
import { hasFlag, unsigned } from '../task/bits.ts';
import {
  RT_SIGACTION_BAD_SIGNAL,
  SIGALTSTACK_BAD_FLAGS,
  SIGALTSTACK_IN_USE,
  SIGALTSTACK_TOO_SMALL,
  RT_SIGPROCMASK_BAD_HOW,
} from '../task/reasons.ts';
import { SIG_KERNEL_ONLY, sigmask, type SigAction } from '../task/sighand.ts';
import { onSigStack, sasSsFlags, setBlocked } from '../task/signals.ts';
import type { AltStack, Task } from '../task/task.ts';

/** The bits that a kernel knows which clears the others. */
const KNOWN_FLAGS: readonly number[] = [
  SA_NOCLDSTOP,
  SA_NOCLDWAIT,
  SA_SIGINFO,
  SA_EXPOSE_TAGBITS,
  SA_RESTORER,
  SA_ONSTACK,
  SA_RESTART,
  SA_NODEFER,
  SA_RESETHAND,
];

/** MINSIGSTKSZ of each architecture, in bytes. */
const MINSIGSTKSZ_X86 = 2048;
const MINSIGSTKSZ_ARM64 = 5120;

/** A stack for sigaltstack: lowest address, bytes, and SS_ bits. */
export type NewAltStack = AltStack;

/** The calls about signals. */
export class SignalCalls {
  /** The task that makes the calls. */
  private readonly task: Task;

  constructor(task: Task) {
    this.task = task;
  }

  /**
   * rt_sigaction(2).
   *
   * @param action the new one; null only reads the old one
   * @returns the old action, or -EINVAL
   */
  rtSigaction(signal: number, action: SigAction | null = null): SigAction | number {
    const { cur, sighand } = this.task;
    if (signal < 1 || signal > SIGRTMAX || (action !== null && SIG_KERNEL_ONLY.has(signal))) {
      return refuse(cur, RT_SIGACTION_BAD_SIGNAL, -EINVAL);
    }
    const clears = cur.mm.system.profile.tasks.clearsUnknownActionFlags;
    const old = sighand.action(signal);
    if (action === null) return old;
    let mask = BigInt.asUintN(64, action.mask);
    for (const sig of SIG_KERNEL_ONLY) mask &= ~sigmask(sig);
    const flags = clears ? knownFlags(action.flags) : unsigned(action.flags);
    sighand.set(signal, { ...action, flags, mask });
    return old;
  }

  /**
   * rt_sigprocmask(2).
   *
   * @param set bit n - 1 for signal n; null only reads the mask
   * @returns the old mask, or -EINVAL
   */
  rtSigprocmask(how: number, set: bigint | null = null): bigint | number {
    const { task } = this;
    const old = task.blocked;
    if (set === null) return old;
    if (how === SIG_BLOCK) setBlocked(task, old | set);
    else if (how === SIG_UNBLOCK) setBlocked(task, old & ~set);
    else if (how === SIG_SETMASK) setBlocked(task, set);
    else return refuse(task.cur, RT_SIGPROCMASK_BAD_HOW, -EINVAL);
    return old;
  }

  /**
   * sigaltstack(2).
   *
   * @param stack the new one; null only reads the old one
   * @returns the old one, with SS_ONSTACK while the task runs on it; -EPERM, -EINVAL or -ENOMEM
   */
  sigaltstack(stack: NewAltStack | null = null): AltStack | number {
    const { task } = this;
    const { cur, kernel } = task;
    const sp = kernel.scheduler.currentUserStackPointer?.(task) ?? 0;
    const autodisarms = kernel.system.profile.tasks.altStackAutodisarm;
    const disarm = hasFlag(task.altStack.flags, SS_AUTODISARM) ? SS_AUTODISARM : 0;
    const old = { sp: task.altStack.sp, size: task.altStack.size, flags: sasSsFlags(task, sp) + disarm };
    if (stack === null) return old;
    if (onSigStack(task, sp)) return refuse(cur, SIGALTSTACK_IN_USE, -EPERM);
    const flags = unsigned(stack.flags);
    const mode = autodisarms ? flags % SS_AUTODISARM : flags;
    if (mode !== SS_DISABLE && mode !== SS_ONSTACK && mode !== 0) return refuse(cur, SIGALTSTACK_BAD_FLAGS, -EINVAL);
    if (mode === SS_DISABLE) task.altStack = { sp: 0, size: 0, flags };
    else {
      const least = kernel.system.arch.elfMachine === EM_X86_64 ? MINSIGSTKSZ_X86 : MINSIGSTKSZ_ARM64;
      if (stack.size >= 0 && stack.size < least) return refuse(cur, SIGALTSTACK_TOO_SMALL, -ENOMEM);
      task.altStack = { sp: stack.sp, size: stack.size, flags };
    }
    return old;
  }
}

function knownFlags(flags: number): number {
  return KNOWN_FLAGS.reduce((known, bit) => (hasFlag(flags, bit) ? known + bit : known), 0);
}
