/**
 * The actions of signals: struct sighand_struct. Tasks with CLONE_SIGHAND share one.
 */
import {
  SIG_DFL,
  SIG_IGN,
  SIGCHLD,
  SIGCONT,
  SIGKILL,
  SIGRTMAX,
  SIGSTOP,
  SIGURG,
  SIGWINCH,
  SIGABRT,
  SIGBUS,
  SIGFPE,
  SIGILL,
  SIGQUIT,
  SIGSEGV,
  SIGSYS,
  SIGTRAP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  SIGXCPU,
  SIGXFSZ,
} from '@vmarea/uapi';

/** What a signal does: struct sigaction as the kernel has it. */
export interface SigAction {
  /** SIG_DFL, SIG_IGN, or the address of the handler. */
  readonly handler: number;
  /** SA_ bits. */
  readonly flags: number;
  /** Where the handler returns to, with SA_RESTORER. */
  readonly restorer: number;
  /** Signals that are blocked while the handler runs; bit n - 1 for signal n. */
  readonly mask: bigint;
}

/** The action of a signal that no call has changed. */
export const DEFAULT_ACTION: SigAction = { handler: SIG_DFL, flags: 0, restorer: 0, mask: 0n };

/** Signals of which no action can be set, and which cannot be blocked. */
export const SIG_KERNEL_ONLY: ReadonlySet<number> = new Set([SIGKILL, SIGSTOP]);
const KERNEL_IGNORE: ReadonlySet<number> = new Set([SIGCONT, SIGCHLD, SIGWINCH, SIGURG]);
const KERNEL_STOP: ReadonlySet<number> = new Set([SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU]);
const KERNEL_COREDUMP: ReadonlySet<number> = new Set([
  SIGQUIT,
  SIGILL,
  SIGTRAP,
  SIGABRT,
  SIGFPE,
  SIGSEGV,
  SIGBUS,
  SIGSYS,
  SIGXCPU,
  SIGXFSZ,
]);

/** sig_kernel_ignore, sig_kernel_stop and the like: returns what a signal does without a handler. */
export function defaultAction(sig: number): 'ignore' | 'stop' | 'core' | 'terminate' {
  if (KERNEL_IGNORE.has(sig)) return 'ignore';
  if (KERNEL_STOP.has(sig)) return 'stop';
  return KERNEL_COREDUMP.has(sig) ? 'core' : 'terminate';
}

/** Returns the bit of a signal in a mask. */
export function sigmask(sig: number): bigint {
  return 1n << BigInt(sig - 1);
}

/** The actions of one process, or of tasks that share them. */
export class SigHand {
  private readonly actions = new Map<number, SigAction>();
  /** The number of tasks that share it. */
  count = 1;

  action(sig: number): SigAction {
    return this.actions.get(sig) ?? DEFAULT_ACTION;
  }

  set(sig: number, action: SigAction): void {
    this.actions.set(sig, action);
  }

  /** Returns a copy for a task of its own. */
  copy(): SigHand {
    const copy = new SigHand();
    for (const [sig, action] of this.actions) copy.actions.set(sig, action);
    return copy;
  }

  /** flush_signal_handlers: makes every action the default; ignored signals stay ignored. */
  flush(): void {
    for (let sig = 1; sig <= SIGRTMAX; sig++) {
      const { handler } = this.action(sig);
      this.actions.delete(sig);
      if (handler === SIG_IGN) this.actions.set(sig, { ...DEFAULT_ACTION, handler });
    }
  }
}
