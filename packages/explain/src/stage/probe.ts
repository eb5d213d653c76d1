/**
 * Runs a script up to its last call: sets the stage, and makes the earlier calls in order, at the addresses of the log.
 */
import { isErr } from '@vmarea/mm-core';
import { MAP_FIXED, MAP_FIXED_NOREPLACE, MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from '@vmarea/uapi';
import { succeeded, type Outcome } from '@vmarea/what-if';
import { argumentsOf, isKnownCall, makeCall } from '../calls/verbs.ts';
import type { Call } from '../input/script.ts';
import type { Names } from '../input/values.ts';
import { setStage, type MachineMaker, type Setting, type Stage } from './stage.ts';

/** An earlier call and its outcome. */
export interface EarlierOutcome {
  readonly call: Call;
  /** Null for a call that was not made: one that failed in the log, or is not about mappings. */
  readonly outcome: Outcome | null;
}

/** A stage on which all calls except the last have been made. */
export interface Ready extends Stage {
  readonly names: Names;
  /** The last call's arguments. */
  readonly args: readonly bigint[];
  readonly earlier: readonly EarlierOutcome[];
}

/** The names for a script in addition to its text. */
export interface ScriptNames {
  /** Values of variables that the script does not set: descriptors. */
  readonly values: ReadonlyMap<string, bigint>;
}

/** Returns the arguments with which a call gets the address that it has in the log. */
function atRecorded(call: Call, args: readonly bigint[], task: Stage['task']): readonly bigint[] {
  const ret = call.recorded?.ret ?? -1;
  if (ret <= 0) return args;
  const at = BigInt(ret);
  if (call.name === 'mmap') {
    const flags = (args[3]! & ~BigInt(MAP_FIXED_NOREPLACE)) | BigInt(MAP_FIXED);
    return args.map((value, i) => (i === 0 ? at : i === 3 ? flags : value));
  }
  if (call.name === 'mremap' && args[0] !== at) {
    const flags = (args[3]! & BigInt(MREMAP_DONTUNMAP)) | BigInt(MREMAP_MAYMOVE | MREMAP_FIXED);
    return [args[0]!, args[1]!, args[2]!, flags, at];
  }
  if (call.name === 'brk' && args[0] === 0n) {
    // A query of the break: sets the break of the log.
    if (task.mm.brk === task.mm.startBrk) {
      task.mm.startBrk = ret;
      task.mm.brk = ret;
    }
  }
  return args;
}

/** Returns whether a call failed in the log: then it changes nothing. */
export function failedInLog({ recorded }: Call): boolean {
  return recorded !== null && (recorded.unnamed || (recorded.ret !== null && recorded.ret < 0));
}

/**
 * Sets the stage and makes all calls except the last.
 *
 * @throws ScriptError for input that cannot be read or set up; FailedResultError when the last call needs a failed call's result
 */
export function prepare(make: MachineMaker, setting: Setting, script: readonly Call[], given: ScriptNames): Ready {
  const stage = setStage(make, setting);
  const values = new Map(given.values);
  const failed = new Map<string, number>();
  const names: Names = { values, failed, pageSize: stage.kernel.system.pageSize };
  const earlier: EarlierOutcome[] = [];
  script.slice(0, -1).forEach((call, index) => {
    if (failedInLog(call) || !isKnownCall(call.name)) {
      earlier.push({ call, outcome: null });
      return;
    }
    const args = atRecorded(call, argumentsOf(call, names), stage.task);
    const outcome = makeCall(stage.task, call, args, names);
    earlier.push({ call, outcome });
    if (call.assign === null) return;
    if (isErr(outcome.result)) failed.set(call.assign, index);
    else values.set(call.assign, BigInt(outcome.result));
  });
  return { ...stage, names, args: argumentsOf(script.at(-1)!, names), earlier };
}

/** Returns the first earlier call whose outcome differs between two stages; null when there is none. */
export function firstDifference(a: readonly EarlierOutcome[], b: readonly EarlierOutcome[]): EarlierOutcome | null {
  for (const [i, { outcome }] of a.entries()) {
    const other = b[i];
    if (other === undefined || outcome === null || other.outcome === null) continue;
    if (succeeded(outcome) !== succeeded(other.outcome)) return other;
  }
  return null;
}
