/**
 * Corrects assumptions by recorded successes: when the kernel here refuses a call that succeeded, an assumed fact that would
 * allow it was wrong. Facts from an option or the log are never changed.
 */
import { hasCapability, rootCredentials } from '@vmarea/mm-core';
import type { Task } from '@vmarea/kernel';
import { fromLog, isAssumed, type Situation } from '@vmarea/situation';
import { allCapabilities, MAP_HUGETLB, RLIMIT_MEMLOCK, rlimitName, type KernelConfig } from '@vmarea/uapi';
import { setConfig, tryOnCopy, type Attempt, type Outcome } from '@vmarea/what-if';
import type { MemoryOp } from '@vmarea/strace';
import type { Process } from './process.ts';

/** A correction of an assumed fact. */
interface Correction {
  /** The fact, as a sentence. */
  readonly said: string;
  /** Applies it to the machine or process. */
  apply(task: Task): void;
  /** Returns the situation with the fact. */
  learn(situation: Situation, line: number, what: string): Situation;
}

const BUILT = ['ksm', 'thp', 'memoryFailure', 'swap'] as const;

function configCorrection(task: Task, name: (typeof BUILT)[number]): Correction {
  const config: KernelConfig = { ...task.kernel.system.config, [name]: true };
  return {
    said: `the kernel has ${name === 'memoryFailure' ? 'memory failure handling' : name.toUpperCase()}`,
    apply: (copy) => setConfig(copy.kernel.system, config),
    learn: (situation, line, what) => ({
      ...situation,
      config: new Map([...situation.config, [name, fromLog(true, line, what)]]),
    }),
  };
}

/** Returns the possible corrections, likely ones first. */
function corrections(task: Task, situation: Situation, op: MemoryOp): Correction[] {
  const found: Correction[] = [];
  const { system, hugePool } = task.kernel;
  const all = allCapabilities();
  if (isAssumed(situation.capabilities) && ![...all].every((cap) => hasCapability(task.cur.cred, cap))) {
    found.push({
      said: 'the process has capabilities',
      apply: (copy) => {
        const { capLow, capHigh } = rootCredentials();
        Object.assign(copy.cur.cred, { capLow, capHigh });
      },
      learn: (before, line, what) => ({ ...before, capabilities: fromLog(all, line, what) }),
    });
  }
  for (const name of BUILT) {
    if (!system.config[name] && !situation.config.has(name)) found.push(configCorrection(task, name));
  }
  if (
    op.op === 'mmap' &&
    (op.flags & MAP_HUGETLB) !== 0 &&
    hugePool !== null &&
    !situation.sysctls.has('vm.nr_hugepages')
  ) {
    found.push({
      said: 'the pool of huge pages has enough of them',
      apply: () => {
        hugePool.nrOvercommit = 2 ** 20;
      },
      learn: (before, line, what) => ({
        ...before,
        sysctls: new Map([...before.sysctls, ['vm.nr_overcommit_hugepages', fromLog(String(2 ** 20), line, what)]]),
      }),
    });
  }
  if (!situation.sysctls.has('vm.max_map_count')) {
    const value = Math.min(0x7fffffff, 2 * Math.max(system.sysctl.maxMapCount, task.mm.mapCount));
    found.push({
      said: `vm.max_map_count is above ${system.sysctl.maxMapCount}`,
      apply: (copy) => {
        copy.kernel.system.sysctl.maxMapCount = value;
      },
      learn: (before, line, what) => ({
        ...before,
        sysctls: new Map([...before.sysctls, ['vm.max_map_count', fromLog(String(value), line, what)]]),
      }),
    });
  }
  if (!situation.limits.has(RLIMIT_MEMLOCK)) {
    found.push({
      said: `${rlimitName(RLIMIT_MEMLOCK)} is high enough`,
      apply: (copy) => copy.limits.assign(RLIMIT_MEMLOCK, Infinity, Infinity),
      learn: (before, line, what) => ({
        ...before,
        limits: new Map([...before.limits, [RLIMIT_MEMLOCK, fromLog({ soft: Infinity, hard: Infinity }, line, what)]]),
      }),
    });
  }
  return found;
}

/** The fact learned from a success. */
export interface Learned {
  readonly said: string;
  readonly situation: Situation;
}

/**
 * Corrects one assumed fact so that a call that succeeded in the log succeeds here.
 *
 * @param passes returns whether an outcome is the recorded one
 * @param at line and text of the call
 * @returns null, with nothing changed, when no assumed fact refuses the call
 */
export function learnFromSuccess(
  process: Process,
  situation: Situation,
  op: MemoryOp,
  attempt: Attempt,
  question: { readonly passes: (outcome: Outcome) => boolean; readonly line: number; readonly call: string },
): Learned | null {
  const { task } = process;
  for (const correction of corrections(task, situation, op)) {
    const outcome = tryOnCopy(task, (copy) => correction.apply(copy), attempt);
    const pool = task.kernel.hugePool;
    if (outcome === null || !question.passes(outcome)) {
      if (pool !== null && correction.said.startsWith('the pool')) pool.nrOvercommit = 0;
      continue;
    }
    correction.apply(task);
    const what = `${question.call} succeeded`;
    return { said: correction.said, situation: correction.learn(situation, question.line, what) };
  }
  return null;
}
