/**
 * A thread group, which is what a program calls its process: struct signal_struct. Its threads share limits and children; the
 * group's status is what the parent waits for.
 */
import type { LimitTable } from './limits.ts';
import type { Task } from './task.ts';

/** A promise that settles when a child ends. */
interface ChildEnded {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

/** A thread group. */
export class SignalStruct {
  readonly limits: LimitTable;
  /** The group that waits for this one; null for an orphan and the first process. */
  parent: SignalStruct | null;
  /** The tasks of the group: those that run, and a leader that ended before them. */
  readonly threads: Task[] = [];
  /** The leaders of the groups that this one waits for. */
  readonly children: Task[] = [];
  /** The number of tasks that have not ended. */
  live = 0;
  /** The status of exit_group or of a deadly signal, which counts instead of the leader's own; null: there was none. */
  groupExitCode: number | null = null;
  /** The signal that the parent gets when the group has ended; 0: none. */
  exitSignal: number;
  /** Faults of tasks that have ended. */
  minFlt = 0;
  majFlt = 0;
  private childEnded: ChildEnded | null = null;

  constructor(limits: LimitTable, parent: SignalStruct | null, exitSignal: number) {
    this.limits = limits;
    this.parent = parent;
    this.exitSignal = exitSignal;
  }

  /** The task whose pid is the group's. */
  get leader(): Task {
    return this.threads[0]!;
  }

  /** Whether every task has ended, so that the parent may collect the status. */
  get dead(): boolean {
    return this.live === 0;
  }

  /** The status that wait4 reports. */
  get status(): number {
    return this.groupExitCode ?? this.leader.exitStatus ?? 0;
  }

  /** Returns the faults of all tasks of the group, as getrusage(RUSAGE_SELF) does. */
  faults(): { readonly minFlt: number; readonly majFlt: number } {
    let { minFlt, majFlt } = this;
    for (const { cur, exitStatus } of this.threads) {
      if (exitStatus !== null) continue;
      minFlt += cur.minFlt;
      majFlt += cur.majFlt;
    }
    return { minFlt, majFlt };
  }

  /** Returns a promise that settles when a child ends. */
  childEnding(): Promise<void> {
    if (this.childEnded === null) {
      let resolve: () => void = () => undefined;
      const promise = new Promise<void>((done) => {
        resolve = done;
      });
      this.childEnded = { promise, resolve };
    }
    return this.childEnded.promise;
  }

  /** __wake_up_parent: wakes the tasks of the group that wait for a child. */
  wakeUp(): void {
    this.childEnded?.resolve();
    this.childEnded = null;
  }
}
