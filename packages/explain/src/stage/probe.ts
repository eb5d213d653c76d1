/**
 * Runs a script up to its last call: sets the stage, and makes the earlier calls in order, at the addresses of the log.
 */
import { findVma, isErr } from '@vmarea/mm-core';
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_READ,
  PROT_WRITE,
} from '@vmarea/uapi';
import { succeeded, type Outcome } from '@vmarea/what-if';
import { argumentsOf, isKnownCall, makeCall } from '../calls/verbs.ts';
import type { Call } from '../input/script.ts';
import type { Names } from '../input/values.ts';
import { isDeviceOpen } from './assumed.ts';
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
  /** The last call. */
  readonly target: Call;
  /** Ranges that are taken as mapped because the log uses them, as sentences. */
  readonly assumed: readonly string[];
}

/** The names for a script in addition to its text. */
export interface ScriptNames {
  /** Values of variables that the script does not set: descriptors. */
  readonly values: ReadonlyMap<string, bigint>;
  /** Directories that are mounted with noexec. */
  readonly noexec: readonly string[];
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
  const used = new UsedRanges(stage, setting.situation.mapBefore === null);
  script.slice(0, -1).forEach((call, index) => {
    if (failedInLog(call) || !isKnownCall(call.name) || isDeviceOpen(call)) {
      earlier.push({ call, outcome: null });
      return;
    }
    const args = atRecorded(call, argumentsOf(call, names), stage.task);
    used.before(call, args);
    const outcome = makeCall(stage.task, call, args, names);
    earlier.push({ call, outcome });
    if (OPENING.has(call.name) && !isErr(outcome.result)) forbidExecution(stage, outcome.result, given.noexec);
    if (call.assign === null) return;
    if (isErr(outcome.result)) failed.set(call.assign, index);
    else values.set(call.assign, BigInt(outcome.result));
  });
  const target = script.at(-1)!;
  const args = argumentsOf(target, names);
  used.before(target, args);
  return { ...stage, names, args, earlier, target, assumed: used.sentences };
}

/** Calls that open a file by its path. */
const OPENING: ReadonlySet<string> = new Set(['open', 'openat', 'creat']);

/** Makes the mount of an open file noexec, for this file alone, when it lies below one of the directories. */
function forbidExecution({ task }: Stage, fd: number, directories: readonly string[]): void {
  const file = task.cur.files.fget(fd);
  const path = file?.path() ?? '';
  if (!directories.some((directory) => path.startsWith(directory.endsWith('/') ? directory : `${directory}/`))) return;
  const { mnt } = file as unknown as { mnt: object };
  Object.assign(file!, { mnt: Object.create(mnt, { noexec: { value: true } }) as object });
}

const PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

/** Calls about a range that must be mapped. */
const ON_RANGES: ReadonlySet<string> = new Set(
  'mprotect pkey_mprotect madvise mlock mlock2 munlock mremap msync mincore mseal'.split(' '),
);

/**
 * Ranges that a log uses and did not map: it begins in the middle of the process's life. Each is taken as private writable memory,
 * at its first use.
 */
class UsedRanges {
  readonly sentences: string[] = [];
  private readonly stage: Stage;
  private readonly unknown: boolean;

  /** @param unknown whether the map at the beginning is not given */
  constructor(stage: Stage, unknown: boolean) {
    this.stage = stage;
    this.unknown = unknown;
  }

  /** Maps the range of a call that a log shows, if nothing is mapped there. */
  before({ name, recorded, line }: Call, args: readonly bigint[]): void {
    if (!this.unknown || recorded === null || !ON_RANGES.has(name)) return;
    const { task, kernel } = this.stage;
    const { pageSize } = kernel.system;
    const start = Number(BigInt.asUintN(64, args[0] ?? 0n));
    const from = start - (start % pageSize);
    const end = Math.ceil((start + Number(args[1] ?? 0n)) / pageSize) * pageSize;
    const { mm } = task;
    if (!Number.isSafeInteger(end) || end <= from || end > mm.taskSize || from < pageSize) return;
    const found = findVma(mm, from);
    if (found !== null && found.vmStart < end) return;
    const prot = BigInt(PROT_READ | PROT_WRITE);
    const flags = [PRIVATE, PRIVATE | MAP_NORESERVE];
    if (flags.every((bits) => isErr(task.sys.mmap(BigInt(from), BigInt(end - from), prot, BigInt(bits), -1n, 0n))))
      return;
    this.sentences.push(
      `0x${from.toString(16)}-0x${end.toString(16)} is taken as private anonymous memory, rw-p: line ${line} uses it, and nothing shows what it is.`,
    );
  }
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
