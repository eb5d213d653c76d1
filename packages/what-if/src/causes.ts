/**
 * Finds what would make a call fail as it failed elsewhere: for a recorded failure that does not occur here.
 *
 * Tries one change at a time, on copies of the process: lower limits (without the capability that overrides them), sysctls, less
 * RAM, a full commit limit, a kernel built without an option. Every cause found was tried and gives the failure.
 */
import type { Task } from '@vmarea/kernel';
import { hasCapability, VM_LOCKED, vmCommitLimit } from '@vmarea/mm-core';
import { CAP_IPC_LOCK, CAP_SYS_RAWIO, capabilityName, OVERCOMMIT_NEVER, type KernelConfig } from '@vmarea/uapi';
import { setConfig } from './copy.ts';
import { LIMIT_AS, LIMIT_DATA, LIMIT_MEMLOCK, MAX_MAP_COUNT, MMAP_MIN_ADDR, RAM, type Knob } from './knobs.ts';
import type { Attempt, Outcome } from './outcome.ts';
import { searchKnob, tryOnCopy } from './search.ts';
import { bytes } from './text.ts';

/**
 * What a cause is about: a limit on locked memory, on the size of the process, or on its areas; the lowest address; RAM in
 * mode 0; the commit limit in mode 2; a build option; a range that is not mapped; the bits of an address.
 */
export type CauseKind =
  'locked' | 'size' | 'areas' | 'lowest-address' | 'ram' | 'commit' | 'build' | 'not-mapped' | 'address-bits';

/** A change that gives the requested failure. */
export interface Cause {
  readonly kind: CauseKind;
  /** A condition that continues «if»: `RLIMIT_MEMLOCK is below 2056 KiB and CAP_IPC_LOCK is missing`. */
  readonly condition: string;
  /** The limit, and the lowest value with which the call succeeds; null for a cause without one. */
  readonly limit: { readonly name: string; readonly from: number } | null;
  /** Options of the command that give the failure; empty when there are none. */
  readonly options: readonly string[];
  /** The result of the call with the change. */
  readonly outcome: Outcome;
}

/** A limit, and the capability that overrides it. */
interface Limit {
  readonly kind: CauseKind;
  readonly knob: Knob;
  readonly capability: number | null;
}

const LIMITS: readonly Limit[] = [
  { kind: 'locked', knob: LIMIT_MEMLOCK, capability: CAP_IPC_LOCK },
  { kind: 'size', knob: LIMIT_AS, capability: null },
  { kind: 'size', knob: LIMIT_DATA, capability: null },
  { kind: 'areas', knob: MAX_MAP_COUNT, capability: null },
];

/** A limit of fewer areas is no likely cause. */
const FEW_AREAS = 1000;

/** Build options that add calls or flags. */
const BUILT: readonly (readonly [option: 'ksm' | 'thp' | 'memoryFailure' | 'swap', name: string, word: string])[] = [
  ['ksm', 'CONFIG_KSM', 'ksm'],
  ['thp', 'CONFIG_TRANSPARENT_HUGEPAGE', 'thp'],
  ['memoryFailure', 'CONFIG_MEMORY_FAILURE', 'memory-failure'],
  ['swap', 'CONFIG_SWAP', 'swap'],
];

function drop(task: Task, capability: number | null): void {
  if (capability === null) return;
  const { cred } = task.cur;
  if (capability < 32) cred.capLow &= ~(1 << capability);
  else cred.capHigh &= ~(1 << (capability - 32));
}

/** Searches the causes for one task's call. */
class CauseSearch {
  private readonly task: Task;
  private readonly attempt: Attempt;
  private readonly turned: (outcome: Outcome) => boolean;
  readonly found: Cause[] = [];

  constructor(task: Task, attempt: Attempt, turned: (outcome: Outcome) => boolean) {
    this.task = task;
    this.attempt = attempt;
    this.turned = turned;
  }

  /** Tries a limit or count that is too low. */
  tooLow({ kind, knob, capability }: Limit): void {
    const { task, attempt, turned } = this;
    const step = knob.step(task);
    const before = (copy: Task): void => drop(copy, capability);
    const turn = searchKnob(task, knob, { upward: false, attempt, turned, before });
    // No real process has a limit of a few areas.
    if (turn === null || (knob === MAX_MAP_COUNT && turn.value < FEW_AREAS)) return;
    const has = capability !== null && hasCapability(task.cur.cred, capability);
    const missing = has ? ` and ${capabilityName(capability)} is missing` : '';
    this.found.push({
      kind,
      condition: `${knob.name} is below ${knob.print(turn.value + step)}${missing}`,
      limit: { name: knob.name, from: turn.value + step },
      options: [knob.option(turn.value), ...(has ? ['--capabilities none'] : [])],
      outcome: turn.outcome,
    });
  }

  /** Tries new mappings that are locked because of an earlier call. */
  lockedFuture(): void {
    const { task, attempt, turned } = this;
    if ((task.mm.defFlags & VM_LOCKED) !== 0) return;
    const before = (copy: Task): void => {
      drop(copy, CAP_IPC_LOCK);
      copy.mm.defFlags |= VM_LOCKED;
    };
    const turn = searchKnob(task, LIMIT_MEMLOCK, { upward: false, attempt, turned, before });
    if (turn === null) return;
    const least = LIMIT_MEMLOCK.print(turn.value + LIMIT_MEMLOCK.step(task));
    this.found.push({
      kind: 'locked',
      condition: `mlockall(MCL_FUTURE) was called before, RLIMIT_MEMLOCK is below ${least} and CAP_IPC_LOCK is missing`,
      limit: null,
      options: [],
      outcome: turn.outcome,
    });
  }

  /** Tries a higher vm.mmap_min_addr. */
  forbidden(): void {
    const { task, attempt, turned } = this;
    const has = hasCapability(task.cur.cred, CAP_SYS_RAWIO);
    const before = (copy: Task): void => drop(copy, CAP_SYS_RAWIO);
    const turn = searchKnob(task, MMAP_MIN_ADDR, { upward: true, attempt, turned, before });
    if (turn === null) return;
    this.found.push({
      kind: 'lowest-address',
      condition: `vm.mmap_min_addr is ${turn.value} or more${has ? ` and ${capabilityName(CAP_SYS_RAWIO)} is missing` : ''}`,
      limit: null,
      options: [MMAP_MIN_ADDR.option(turn.value), ...(has ? ['--capabilities none'] : [])],
      outcome: turn.outcome,
    });
  }

  /** Tries RAM below the size of the request, in mode 0. */
  littleRam(): void {
    const { task, attempt, turned } = this;
    const step = RAM.step(task);
    const turn = searchKnob(task, RAM, { upward: false, attempt, turned });
    if (turn === null) return;
    this.found.push({
      kind: 'ram',
      condition: `vm.overcommit_memory is 0 and RAM and swap are less than ${bytes(turn.value + step)} together`,
      limit: null,
      options: [RAM.option(turn.value)],
      outcome: turn.outcome,
    });
  }

  /** Tries a commit limit that is reached, in mode 2. */
  strictCommit(): void {
    const { task, attempt } = this;
    const full = (room: number): ((copy: Task) => void) => {
      return (copy) => {
        const { system } = copy.kernel;
        system.sysctl.overcommitMemory = OVERCOMMIT_NEVER;
        system.sysctl.adminReserveKbytes = 0;
        system.sysctl.userReserveKbytes = 0;
        system.committedAs = vmCommitLimit(system) - room;
      };
    };
    const fails = (room: number): Outcome | null => {
      const outcome = tryOnCopy(task, full(room), attempt);
      return outcome !== null && this.turned(outcome) ? outcome : null;
    };
    const none = fails(0);
    if (none === null) return;
    // Searches the room that is needed: the call fails with `low` pages left and succeeds with `high`.
    let low = 0;
    let high = 1;
    const most = 2 ** 40;
    while (high < most && fails(high) !== null) {
      low = high;
      high *= 2;
    }
    while (high < most && high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (fails(middle) === null) high = middle;
      else low = middle;
    }
    const room = high < most ? bytes(high * task.kernel.system.pageSize) : 'what it needs';
    this.found.push({
      kind: 'commit',
      condition: `vm.overcommit_memory is 2 and less than ${room} is left of CommitLimit`,
      limit: null,
      options: ['--sysctl vm.overcommit_memory=2', '--meminfo FILE'],
      outcome: none,
    });
  }

  /** Tries a kernel built without an option. */
  builtWithout(): void {
    for (const [option, name, word] of BUILT) {
      const { config } = this.task.kernel.system;
      if (!config[option]) continue;
      const without: KernelConfig = { ...config, [option]: false };
      const outcome = tryOnCopy(this.task, (copy) => setConfig(copy.kernel.system, without), this.attempt);
      if (outcome === null || !this.turned(outcome)) continue;
      this.found.push({
        kind: 'build',
        condition: `the kernel was built without ${name}`,
        limit: null,
        options: [`--config ${word}=off`],
        outcome,
      });
    }
  }
}

/**
 * Finds what would make a call fail that succeeds here.
 *
 * @param task the task before the call; it is not changed
 * @param attempt makes the call
 * @param wanted returns whether a failure is the requested one, for instance by its errno
 * @returns the causes, likely ones first; empty when no limit, sysctl, capability or build option gives the failure
 */
export function causesOf(task: Task, attempt: Attempt, wanted: (outcome: Outcome) => boolean): Cause[] {
  const search = new CauseSearch(task, attempt, wanted);
  const { sysctl } = task.kernel.system;
  for (const limit of LIMITS) search.tooLow(limit);
  if (search.found.length === 0) search.lockedFuture();
  search.forbidden();
  search.builtWithout();
  if (sysctl.overcommitMemory === 0) search.littleRam();
  if (sysctl.overcommitMemory !== OVERCOMMIT_NEVER) search.strictCommit();
  return search.found;
}
