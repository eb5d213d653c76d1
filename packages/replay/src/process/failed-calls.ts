/**
 * Calls that failed in the log. The state follows the log: such a call changes nothing here unless the kernel here fails it in
 * the same way. Otherwise this file searches for its cause, and names a cause that is outside of mm's rules.
 */
import { reasonOf } from '../report/reasons.ts';
import { findVma, isErr, type AddressRange, type Mm } from '@vmarea/mm-core';
import type { Call, ForkOp, MemoryOp } from '@vmarea/strace';
import {
  CLONE_VM,
  EACCES,
  EAGAIN,
  EBADF,
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  EIO,
  ENODEV,
  ENOMEM,
  ENOSYS,
  EOVERFLOW,
  EPERM,
  errnoName,
  errnoText,
  ETXTBSY,
  fromRegister,
  MAP_32BIT,
  MAP_ANONYMOUS,
  MAP_NORESERVE,
  MREMAP_FIXED,
  PROT_WRITE,
} from '@vmarea/uapi';
import {
  causesOf,
  onCopy,
  usualCauses,
  type Attempt,
  type Cause,
  type FoundCause,
  type Outcome,
  type RecordedFailure,
} from '@vmarea/what-if';
import { callText } from '../report/answer-text.ts';
import type { FailureCause, FailureKind } from '../report/report.ts';
import type { Replay } from '../replay.ts';
import { makeMemoryCall, reachesUnknown } from './memory-calls.ts';
import type { Process } from './process.ts';

/** The number of areas that all trials of one replay may copy: a whole copy of a process costs as much as its areas. */
const MOST_COPIED = 4_000_000;
/** The largest number of areas that a call may reach to be tried on a copy of these alone, which is not counted. */
const MOST_AROUND = 16;
/** The largest number of areas of a process whose causes are searched: each search makes dozens of copies. */
const MOST_SEARCHED = 20_000;
/** The number of kinds of failures whose causes are searched. */
const SEARCHES = 40;

/** Errnos that memory calls can give by mm's rules. */
const OWN: ReadonlySet<number> = new Set([
  EACCES,
  EAGAIN,
  EBADF,
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  EIO,
  ENODEV,
  ENOMEM,
  EOVERFLOW,
  EPERM,
  ETXTBSY,
]);

/** Returns a function that makes a decoded call on any task. */
export function attemptOf(op: MemoryOp): Attempt {
  return (task) => {
    task.cur.call.reason = 0;
    const result = makeMemoryCall(task.sys, op);
    return { result, signal: 0, decision: isErr(result) ? task.cur.call.reason : 0 };
  };
}

/** Makes a fork and discards the child. */
const forkAttempt: Attempt = (task) => {
  task.cur.call.reason = 0;
  const child = task.sys.fork();
  if (typeof child === 'number') return { result: child, signal: 0, decision: task.cur.call.reason };
  child.sys.exit(0);
  task.sys.wait(child.pid);
  return { result: child.pid, signal: 0, decision: 0 };
};

/** A memory call that failed in the log. */
interface Failed {
  readonly call: Call;
  readonly op: MemoryOp;
}

/** What the usual causes of a failure depend on. */
function failureOf({ call, op }: Failed, errno: number): RecordedFailure {
  const written = 'prot' in op && (op.prot & PROT_WRITE) !== 0;
  const kept = op.op === 'mmap' && (op.flags & MAP_NORESERVE) !== 0;
  const low = op.op === 'mmap' && (op.flags & MAP_32BIT) !== 0 && call.argsText.includes('MAP_32BIT');
  const charged = (written && !kept) || op.op === 'mremap' || op.op === 'brk';
  return { call: call.name === 'mmap2' ? 'mmap' : call.name, errno, bytes: sizeOf(op), charged, low };
}

/** The explanation of a failure that does not occur here. */
export interface Explained {
  readonly kind: FailureKind;
  readonly sentence: string;
  readonly causes: readonly FailureCause[];
}

/** The failed calls of one replay. */
export class FailedCallDriver {
  readonly #replay: Replay;
  readonly #known = new Map<string, Explained>();
  #copied = 0;

  constructor(replay: Replay) {
    this.#replay = replay;
  }

  /**
   * Makes a failed call on a copy. Returns its outcome; null when that costs too much or is not possible.
   *
   * Tries it first on a copy of the areas that it names. When it does not fail there as it did in the log, the whole process
   * decides.
   *
   * @param alike returns whether a result is like the recorded one
   */
  tryCall(process: Process, op: MemoryOp, alike: (result: number) => boolean): Outcome | null {
    const attempt = attemptOf(op);
    const around = reachOf(process.task.mm, op);
    if (around !== null) {
      const outcome = onCopy(process.task, attempt, around);
      if (outcome !== null && alike(outcome.result)) return outcome;
    }
    return this.trial(process, attempt);
  }

  /** Makes the call on a whole copy. Returns its outcome; null when that costs too much or is not possible. */
  trial(process: Process, attempt: Attempt): Outcome | null {
    const { mapCount } = process.task.mm;
    if (this.#copied + mapCount > MOST_COPIED) return null;
    this.#copied += mapCount;
    return onCopy(process.task, attempt);
  }

  /**
   * Explains why a call failed in the log that the kernel here allows, or refuses with another errno.
   *
   * @param ret the recorded negative errno; null: the log has none
   */
  explain(process: Process, call: Call, op: MemoryOp, ret: number | null): Explained {
    const text = `${call.name} ${ret ?? 0} ${'flags' in op ? (op.flags ?? 0) : 0} ${'prot' in op ? op.prot : 0} ${'advice' in op ? op.advice : 0}`;
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const device = this.#deviceOf(process, op);
    const found = device === '' ? this.#search(process, attemptOf(op), ret, { call, op }) : null;
    const explained = found ?? this.#outside(process, call, ret, device);
    if (this.#known.size < SEARCHES) this.#known.set(text, explained);
    return explained;
  }

  #search(process: Process, attempt: Attempt, ret: number | null, failed: Failed | null = null): Explained | null {
    if (this.#known.size >= SEARCHES || process.task.mm.mapCount > MOST_SEARCHED) return null;
    const wanted = ({ result }: Outcome): boolean => (ret === null ? isErr(result) : result === ret);
    const found = causesOf(process.task, attempt, wanted).filter((cause) => isLikely(cause, process));
    // A request of gigabytes fails for lack of memory more often than for a limit.
    if (failed !== null && sizeOf(failed.op) >= LARGE)
      found.sort((a, b) => Number(b.kind === 'ram') - Number(a.kind === 'ram'));
    const partly = process.space.recorded && failed !== null && ret !== null;
    const causes = partly ? usualCauses(failureOf(failed, ret < 0 ? -ret : ENOMEM), found) : found;
    if (causes.length === 0) return null;
    const error = ret === null ? 'Fails' : ret >= 0 ? 'The break stays unchanged' : errnoName(ret);
    return {
      kind: 'cause',
      sentence: `${error} if ${causes[0]!.condition}.`,
      causes: causes.map(({ condition, options }) => ({ condition, options })),
    };
  }

  /** Explains a failure that no rule of mm gives here: names what could have given it. */
  #outside(process: Process, call: Call, ret: number | null, device: string): Explained {
    const name = ret === null ? 'An error' : errnoName(ret);
    const outside = (sentence: string): Explained => ({ kind: 'outside', sentence, causes: [] });
    const narrow = this.#replay.situation.vaBits.value <= 32 && ret !== null && -ret === ENOMEM;
    if (device !== '') {
      const full = narrow ? ' On a 32-bit machine its 3 GiB of addresses may be full as well.' : '';
      return outside(
        `No rule of mm gives ${name} here: ${device} is a device, and its driver answers for itself.${full}`,
      );
    }
    const seccomp = this.#seccomp(call.line);
    if (seccomp > 0)
      return outside(
        `No rule of mm gives ${name} here: the seccomp filter that line ${seccomp} installs can answer any error.`,
      );
    if (ret === null) return outside('The log does not say which error; no rule of mm refuses it here.');
    if (-ret === ENOSYS) return outside(`The log's kernel has no call ${call.name}, or a seccomp filter hides it.`);
    if (!OWN.has(-ret))
      return outside(`No rule of mm ever gives ${name} for ${call.name}: a seccomp filter or an LSM answered.`);
    if (-ret === EPERM || -ret === EACCES) {
      return outside(
        `No rule of mm gives ${name} here: an LSM (SELinux's execmem and execmod, for instance) or a seccomp filter answered.`,
      );
    }
    if (process.space.recorded) {
      return outside(
        narrow
          ? 'ENOMEM on a 32-bit machine: no free range of that size may be left in its 3 GiB; the log does not show all areas.'
          : `Nothing that the log shows gives ${name}: it shows only a part of the process's areas and limits.`,
      );
    }
    const sentence = `No rule, limit or setting that is known here gives ${name} (${errnoText(ret)}).`;
    return { kind: 'unexplained', sentence, causes: [] };
  }

  /** Returns the line at which a seccomp filter was installed before this line; 0 for none. */
  #seccomp(line: number): number {
    const { seccomp } = this.#replay.situation;
    return seccomp !== null && seccomp.value <= line ? seccomp.value : 0;
  }

  /** Returns the device of a call; empty for none. */
  #deviceOf(process: Process, op: MemoryOp): string {
    const isDevice = (path: string): boolean =>
      (path.startsWith('/dev/') && !/^\/dev\/(zero|null|full|shm\/|ashmem|hugepages)/.test(path)) ||
      path.startsWith('/sys/');
    if (op.op === 'mmap') {
      if ((op.flags & MAP_ANONYMOUS) !== 0) return '';
      const path = op.path ?? process.task.cur.files.fgetRaw(op.fd)?.path() ?? '';
      return isDevice(path) ? path : '';
    }
    if (!('addr' in op)) return '';
    const vma = findVma(process.task.mm, Number(op.addr));
    const path = vma?.vmFile?.path() ?? '';
    return vma !== null && vma.vmStart <= Number(op.addr) && isDevice(path) ? path : '';
  }

  /** Explains a clone, fork or vfork that failed. */
  fork(process: Process, call: Call, op: ForkOp): void {
    const { notebook } = this.#replay;
    const { ret } = call;
    const error = ret === null ? 'an error' : errnoName(ret);
    const note = (kind: FailureKind, sentence: string, causes: readonly FailureCause[] = []): void =>
      notebook.failure({
        call,
        text: callText(call),
        error,
        reason: { id: '', fn: 'copy_process', sentence, change: '' },
        kind,
        causes,
      });
    if ((op.flags & CLONE_VM) !== 0 || ret === null || -ret === EAGAIN) {
      const limit = 'RLIMIT_NPROC, kernel.threads-max, kernel.pid_max or the limit of a pids cgroup is reached';
      note(
        'outside',
        ret !== null && -ret === EAGAIN
          ? `EAGAIN: ${limit}. No child exists.`
          : 'No rule of mm refuses this; no child exists.',
      );
      return;
    }
    const outcome = this.trial(process, forkAttempt);
    if (outcome !== null && outcome.result === ret) {
      const reason = reasonOf(outcome.decision, ret, call.name);
      notebook.failure({ call, text: callText(call), error, reason, kind: 'agrees', causes: [] });
      return;
    }
    const found = this.#search(process, forkAttempt, ret);
    if (found !== null) {
      const why = 'dup_mmap charges every private writable area once more for the child (__vm_enough_memory)';
      note('cause', `${found.sentence} ${why}. No child exists.`, found.causes);
    } else note('outside', `No rule of mm gives ${error} here. No child exists.`);
  }

  /** Explains a failure that occurs here only because the log does not show what is mapped; null when it is no such one. */
  byLuck(process: Process, call: Call, op: MemoryOp, ret: number): Explained | null {
    if (!this.luck(process, op, ret)) return null;
    const locks = op.op === 'mlock';
    const limit: FoundCause = {
      kind: 'locked',
      condition: 'RLIMIT_MEMLOCK is too low for the range and CAP_IPC_LOCK is missing («ulimit -l»)',
      options: [],
    };
    const unmapped: FoundCause = { kind: 'not-mapped', condition: 'a part of the range is not mapped', options: [] };
    const causes = usualCauses(failureOf({ call, op }, -ret), locks ? [limit, unmapped] : [unmapped]);
    return {
      kind: 'cause',
      sentence: `The log does not show what is mapped there. ${errnoName(ret)} if ${causes[0]!.condition}.`,
      causes,
    };
  }

  /** Returns whether the answer depends on memory that the log does not show. */
  luck(process: Process, op: MemoryOp, ret: number): boolean {
    return op.op !== 'mmap' && process.space.recorded && -ret === ENOMEM && reachesUnknown(process, op);
  }
}

/** Requests of at least this size fail for lack of memory more often than for a limit. */
const LARGE = 2 ** 30;

/**
 * Returns the addresses that decide whether a call fails, apart from counts and limits; null when that is the whole address
 * space or more than {@link MOST_AROUND} areas.
 */
function reachOf(mm: Mm, op: MemoryOp): AddressRange | null {
  let start: number;
  let end: number;
  switch (op.op) {
    case 'munmap':
    case 'mprotect':
    case 'madvise':
    case 'mlock':
    case 'munlock':
    case 'msync':
    case 'mincore':
    case 'remapFilePages':
    case 'setVmaName':
    case 'mmap':
      start = fromRegister(op.addr);
      end = start + fromRegister(op.len);
      break;
    case 'mremap':
      if ((op.flags & MREMAP_FIXED) !== 0) return null;
      start = fromRegister(op.addr);
      end = start + Math.max(fromRegister(op.oldLen), fromRegister(op.newLen));
      break;
    case 'brk':
      start = Math.min(mm.brk, fromRegister(op.addr));
      end = Math.max(mm.brk, fromRegister(op.addr));
      break;
    default:
      return null;
  }
  // The last page is whole.
  end += mm.system.pageSize;
  let areas = 0;
  for (let vma = findVma(mm, start); vma !== null && vma.vmStart < end; vma = vma.vmNext) {
    if (++areas > MOST_AROUND) return null;
  }
  return { start, end };
}

/** Returns the bytes that a call requests; 0 for none. */
function sizeOf(op: MemoryOp): number {
  if (op.op === 'mremap') return Number(op.newLen);
  return op.op === 'mmap' || op.op === 'mprotect' ? Number(op.len) : 0;
}

/** Returns whether a cause is likely: no real process has a max_map_count of a few areas, unless its log shows nearly as many. */
function isLikely(cause: Cause, process: Process): boolean {
  return cause.kind !== 'areas' || process.task.mm.mapCount > 1000;
}
