/**
 * Runs one recording: builds its machine, starts the executor, makes each call, and compares the answers.
 */
import { describeReason } from '@vmarea/mm-core';
import { errnoName, type KernelProfile } from '@vmarea/uapi';
import { doSyscall, FS_IOC_SETFLAGS, type Kernel, type Task } from '@vmarea/kernel';
import { MachineCheck } from './check.ts';
import { goWay, type Way } from './ways.ts';
import { compareFigures, compareMaps, compareRet, compareSmaps, type Difference, type Kind } from './compare.ts';
import type { Exceptions } from './exceptions.ts';
import { faultTwice, foldCounters, startExecutor, touchOwn, type Executor } from './executor.ts';
import { buildMachine, inContainer, type Guest } from './machine.ts';
import { shmOperation, useIdentifiers } from './ops/shm.ts';
import { userfaultfdOp } from './ops/uffd.ts';
import { callRest, queryMap } from './rest.ts';
import { exact, hex, quantity, type Op, type Recording, type Ret } from './recording.ts';
import { cloneFor, endClone } from './threads.ts';
import { Devices, InodeNumbers, normalizeMaps, parseMeminfo, parseSmaps, parseStatus } from './text.ts';
import {
  call,
  fillBytes,
  getTag,
  hash,
  pointer,
  putRet,
  readBytes,
  setTags,
  touch,
  writeBytes,
  type Pointer,
} from './user.ts';

/** A difference, and its position. */
export interface Failure extends Difference {
  readonly op: Op;
  /** Our map and the recorded one when the operation was a snapshot of maps; otherwise our map now. */
  readonly ourMaps: readonly string[];
  readonly theirMaps: readonly string[] | null;
  /** The reason of our refusal, or null. */
  readonly reason: string | null;
}

/** The result of running a recording. */
export interface Outcome {
  readonly name: string;
  /** The first differences of the requested kinds; at most the requested number. */
  readonly failures: readonly Failure[];
  /** The error that ended the run, if one was thrown. */
  readonly error: string | null;
  readonly ops: number;
}

/** How to run recordings. */
export interface RunOptions {
  /** Kinds to compare. */
  readonly kinds: ReadonlySet<Kind>;
  /** Ends the run after this many operations with differences. */
  readonly maxFailures: number;
  /** Differences that are not counted. */
  readonly exceptions: Exceptions;
  /** Whether to check the machine after every operation, and at the end. */
  readonly check: boolean;
  /** The way of the machine (ways.ts). */
  readonly way?: Way | undefined;
  /** Another kernel than the recorded one: to see what a fact changes. */
  readonly profile?: KernelProfile | undefined;
}

/** A process of the recording. */
interface Process {
  readonly task: Task;
  readonly inodes: InodeNumbers;
  /** The last `faults` line since a fork: recorded and ours. */
  faults: { readonly theirs: Op; readonly min: number; readonly maj: number } | null;
  /** The result of the last fork when it failed, else 0. */
  forkError: number;
}

/** Formats a result as recordings do: errors by name. */
function answer(result: number, address: boolean): Ret {
  if (result < 0) return `-${errnoName(result)}`;
  return address ? hex(result) : result;
}

/** One recording in progress. */
class Run {
  private readonly kernel: Kernel;
  private readonly recording: Recording;
  private readonly executor: Executor;
  private readonly processes = new Map<number, Process>();
  private readonly devices = new Devices();
  private readonly check: MachineCheck | null;
  private readonly startStatus: Record<string, number>;

  constructor(recording: Recording, guest: Guest, { check, profile, way }: RunOptions) {
    this.recording = recording;
    this.kernel = buildMachine(recording.header, guest, profile);
    this.check = check ? new MachineCheck(this.kernel) : null;
    this.executor = startExecutor(this.kernel, recording.header);
    const inodes = new InodeNumbers();
    const file = this.executor.task.mm.exeFile!;
    const { devMajor, devMinor, ino } = file.fInode;
    // The recorder takes the file of the first line for its own.
    if (recording.header.initial_maps[0]?.endsWith(file.path()) === true) {
      inodes.setExecutor(deviceText(devMajor, devMinor), ino);
    }
    const { task } = this.executor;
    if (inContainer(recording.header)) useIdentifiers(task, recording.ops);
    goWay(task, way ?? 'records');
    this.processes.set(0, {
      task,
      inodes,
      faults: null,
      forkError: 0,
    });
    this.startStatus = parseStatus(this.kernel.proc.status(task));
  }

  /** Returns our maps with the numbers of these recorded lines. */
  ourMaps(pid: number, recorded: readonly string[]): string[] {
    const process = this.processes.get(pid)!;
    return normalizeMaps(this.kernel.proc.maps(process.task), recorded, process.inodes, this.devices);
  }

  /** Returns the reason of the last refused call, for a difference in which our kernel refused. */
  reason(pid: number, { kind, actual }: Difference): string | null {
    const number = this.processes.get(pid)?.task.cur.call.reason ?? 0;
    if (number === 0 || (kind !== 'signals' && !actual.startsWith('-'))) return null;
    const reason = describeReason(number);
    return reason === undefined ? null : `${reason.says} (${reason.id})`;
  }

  /** Compares the machine's initial state with the header. */
  checkStart(): Difference[] {
    const { header } = this.recording;
    const maps = compareMaps(header.initial_maps, this.ourMaps(0, header.initial_maps));
    return maps === null ? [] : [maps];
  }

  /** Checks what must hold after every operation; after the last one nothing may be left. */
  checkMachine(op: Op | null): void {
    if (this.check === null) return;
    const bad = op === null ? this.check.atEnd() : this.check.afterOperation();
    if (bad.length > 0)
      throw new Error(`the machine is wrong${op === null ? '' : ` after line ${op.n}`}: ${bad.slice(0, 5).join('; ')}`);
  }

  /** Makes the call of one line. Returns its differences. */
  step(op: Op): Difference[] {
    const process = this.processes.get(op.pid);
    if (process === undefined) throw new Error(`operation ${op.n} of process ${op.pid}, which was never made`);
    switch (op.op) {
      case 'maps': {
        const difference = compareMaps(op.maps!, this.ourMaps(op.pid, op.maps!));
        return difference === null ? [] : [difference];
      }
      case 'smaps':
        return this.smaps(process, op);
      case 'status':
        return this.status(process, op);
      case 'faults':
        return this.faults(process, op);
      case 'meminfo':
        return this.meminfo(op);
      case 'fork':
      case 'forkp':
        return this.fork(process, op);
      case 'thread':
      case 'vforkvm':
        return this.share(process, op);
      case 'forkret':
        return this.forkret(process, op);
      case 'wait':
        return this.wait(process, op);
      case 'mincore':
        return this.mincore(process, op);
      case 'fstat':
        return this.fstat(process, op);
      case 'vmaquery':
        return queryMap(process.task, op);
      default: {
        const family = userfaultfdOp(process.task, op) ?? shmOperation(process.task, op, process.inodes, answer);
        if (family !== null) return family;
        const difference = compareRet(op, this.call(process, op));
        return difference === null ? [] : [difference];
      }
    }
  }

  private smaps(process: Process, op: Op): Difference[] {
    const entries = parseSmaps(this.kernel.proc.smaps(process.task), process.inodes);
    return compareSmaps(op.vmas!, entries, this.recording.header.initial_smaps);
  }

  private status(process: Process, op: Op): Difference[] {
    if (typeof op.status !== 'object') throw new Error(`operation ${op.n}: no status`);
    foldCounters(process.task, this.recording.header);
    const ours = parseStatus(this.kernel.proc.status(process.task));
    return compareFigures('status', op.status, this.recording.header.initial_status, ours, this.startStatus);
  }

  private faults(process: Process, op: Op): Difference[] {
    const { minFlt, majFlt } = process.task.signal.faults();
    const last = process.faults;
    process.faults = { theirs: op, min: minFlt, maj: majFlt };
    if (last === null) return [];
    return compareFigures(
      'faults',
      { minflt: op.minflt!, majflt: op.majflt! },
      { minflt: last.theirs.minflt!, majflt: last.theirs.majflt! },
      { minflt: minFlt, majflt: majFlt },
      { minflt: last.min, majflt: last.maj },
    );
  }

  private meminfo(op: Op): Difference[] {
    const ours = parseMeminfo(this.kernel.proc.meminfo());
    const { Committed_delta: _delta, ...theirs } = op.meminfo!;
    return compareFigures('meminfo', theirs, {}, ours, {});
  }

  /** Handles a failed fork: the next line, `forkret`, reports it, and the child has no lines. */
  private fork(process: Process, op: Op): Difference[] {
    const child = process.task.sys.fork();
    process.faults = null;
    process.forkError = typeof child === 'number' ? child : 0;
    if (typeof child === 'number') return [];
    this.processes.set(op.child!, { task: child, inodes: process.inodes.copy(), faults: null, forkError: 0 });
    touchOwn(child, this.executor.own);
    touchOwn(process.task, this.executor.own);
    return [];
  }

  /** The new task uses the memory of the recorded program, also its table of inodes. */
  private share(process: Process, op: Op): Difference[] {
    const child = cloneFor(process.task, op.op);
    process.faults = null;
    if (typeof child === 'number') throw new Error(`operation ${op.n}: ${op.op}: ${errnoName(child)}`);
    this.processes.set(op.child!, { task: child, inodes: process.inodes, faults: null, forkError: 0 });
    return [];
  }

  private forkret(process: Process, op: Op): Difference[] {
    const difference = compareRet(op, process.forkError === 0 ? 'a child' : answer(process.forkError, false));
    return difference === null ? [] : [difference];
  }

  private wait(process: Process, op: Op): Difference[] {
    const child = this.processes.get(op.child!);
    if (child === undefined) throw new Error(`operation ${op.n}: wait for a child that was never made`);
    const shares = child.task.mm === process.task.mm;
    const status = endClone(process.task, child.task);
    this.processes.delete(op.child!);
    if (!shares) {
      faultTwice(process.task, this.executor.own);
      touchOwn(process.task, this.executor.own);
    }
    process.faults = null;
    if (status === op.status) return [];
    return [{ kind: 'results', field: 'status', expected: JSON.stringify(op.status), actual: String(status) }];
  }

  private mincore(process: Process, op: Op): Difference[] {
    const len = exact(op['len']);
    const { pageSize } = this.kernel.system;
    const pages = len > 0 && len < 2 ** 40 ? Math.ceil(len / pageSize) : 1;
    const vec = new Uint8Array(pages);
    const result = process.task.sys.mincore(quantity(op['addr']), quantity(op['len']), vec);
    const difference = compareRet(op, answer(result, false));
    if (difference !== null) return [difference];
    if (op.vec === undefined) return [];
    const ours = vec.slice(0, op.vec.length).join('');
    return ours === op.vec ? [] : [{ kind: 'mincore', field: 'vec', expected: op.vec, actual: ours }];
  }

  private fstat(process: Process, op: Op): Difference[] {
    const stat = process.task.sys.fstat(exact(op['fd']));
    const difference = compareRet(op, typeof stat === 'number' ? answer(stat, false) : 0);
    if (difference !== null || typeof stat === 'number') return difference === null ? [] : [difference];
    return compareFigures(
      'fstat',
      { size: exact(op.size), blocks: op.blocks!, nlink: op.nlink! },
      {},
      { size: stat.size, blocks: stat.blocks, nlink: stat.nlink },
      {},
    );
  }

  /** Numbers the file of a new descriptor. */
  private opened(process: Process, fd: number): number {
    if (fd >= 0) {
      const inode = process.task.cur.files.fget(fd)!.fInode;
      process.inodes.of(deviceText(inode.devMajor, inode.devMinor), inode.ino);
    }
    return fd;
  }

  private call(process: Process, op: Op): Ret {
    const { task } = process;
    const { sys } = task;
    const arg = (name: string): number | bigint => quantity(op[name]);
    const num = (name: string): number => exact(op[name]);
    const text = (name: string): string => String(op[name]);
    const at = (): Pointer => pointer(task, arg('addr'));
    switch (op.op) {
      case 'mmap':
        return answer(sys.mmap(arg('addr'), arg('len'), arg('prot'), arg('flags'), num('fd'), arg('off')), true);
      case 'munmap':
        return answer(sys.munmap(arg('addr'), arg('len')), false);
      case 'mprotect':
        return answer(sys.mprotect(arg('addr'), arg('len'), arg('prot')), false);
      case 'mremap':
        return answer(sys.mremap(arg('old'), arg('oldlen'), arg('newlen'), arg('flags'), arg('newaddr')), true);
      case 'brk':
        return hex(sys.brk(arg('addr')));
      case 'madvise':
        return answer(sys.madvise(arg('addr'), arg('len'), num('advice')), false);
      case 'mlock':
        return answer(sys.mlock(arg('addr'), arg('len')), false);
      case 'mlock2':
        return answer(sys.mlock2(arg('addr'), arg('len'), num('flags')), false);
      case 'munlock':
        return answer(sys.munlock(arg('addr'), arg('len')), false);
      case 'mlockall':
        return answer(sys.mlockall(num('flags')), false);
      case 'munlockall':
        return answer(sys.munlockall(), false);
      case 'msync':
        return answer(sys.msync(arg('addr'), arg('len'), num('flags')), false);
      case 'remap_file_pages':
        return answer(sys.remapFilePages(arg('addr'), arg('len'), num('prot'), arg('pgoff'), num('flags')), false);
      case 'mseal':
        return answer(sys.mseal(arg('addr'), arg('len'), num('flags')), false);
      case 'prctl':
        return answer(sys.prctl(num('option'), arg('a2'), arg('a3'), arg('a4'), num('a5')), false);
      case 'syscall': {
        const registers = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6'].map((name) => quantity(op[name] ?? 0));
        return answer(doSyscall(task, num('nr'), registers), true);
      }
      case 'read':
        return asGiven(op, readBytes(task, at(), num('count')));
      case 'write':
        return writeBytes(task, at(), Buffer.from(text('hex'), 'hex'));
      case 'fill':
        return fillBytes(task, at(), num('len'), num('byte'));
      case 'rtouch':
        return touch(task, at(), num('len'), null);
      case 'wtouch':
        return touch(task, at(), num('len'), num('byte'));
      case 'hash':
        return hash(task, at(), num('len'));
      case 'putret':
        return putRet(task, at());
      case 'call':
        return asGiven(op, call(task, at()));
      case 'settag':
        return setTags(task, at(), num('len'));
      case 'gettag':
        return getTag(task, at());
      case 'open':
        return answer(this.opened(process, sys.open(text('path'), num('flags'), num('mode'))), false);
      case 'memfd_create':
        return answer(this.opened(process, sys.memfdCreate(text('name'), num('flags'))), false);
      case 'dup':
        return answer(sys.dup(num('fd')), false);
      case 'close':
        return answer(sys.close(num('fd')), false);
      case 'ftruncate':
        return answer(sys.ftruncate(num('fd'), num('len')), false);
      case 'fallocate':
        return answer(sys.fallocate(num('fd'), num('mode'), num('off'), num('len')), false);
      case 'pread': {
        const bytes = new Uint8Array(num('count'));
        const count = sys.pread(num('fd'), bytes, num('off'));
        return count < 0 ? answer(count, false) : Buffer.from(bytes.subarray(0, count)).toString('hex');
      }
      case 'pwrite':
        return answer(sys.pwrite(num('fd'), Buffer.from(text('hex'), 'hex'), num('off')), false);
      case 'pfill':
        return answer(sys.pwrite(num('fd'), new Uint8Array(num('len')).fill(num('byte')), num('off')), false);
      case 'unlink':
        return answer(sys.unlink(text('path')), false);
      case 'fcntl':
        return answer(sys.fcntl(num('fd'), num('cmd'), num('arg')), false);
      case 'setflags':
        return answer(sys.ioctl(num('fd'), FS_IOC_SETFLAGS, num('flags')), false);
      case 'pipe': {
        const fds: [number, number] = [-1, -1];
        const result = sys.pipe2(fds, num('flags'));
        return result < 0 ? answer(result, false) : fds[0];
      }
      case 'setrlimit':
        return answer(sys.setrlimit(num('resource'), limit(op['soft']), limit(op['hard'])), false);
      case 'personality':
        return hex(sys.personality(num('persona')));
      case 'sysctl':
        return answer(this.kernel.sysctl.write(task.cur, text('path'), text('value')), false);
      case 'setuid': {
        const result = sys.setgid(num('uid'));
        return answer(result < 0 ? result : sys.setuid(num('uid')), false);
      }
      case 'capdrop':
        return answer(sys.capset([]), false);
      default: {
        const result = callRest(task, op);
        if (result === null) throw new Error(`operation ${op.n}: ${op.op} is none that recordings have`);
        return answer(result, false);
      }
    }
  }
}

/** Writes a refused address as the recording does: one near 2^64 is not exact as a number. */
function asGiven(op: Op, ret: Ret): Ret {
  if (typeof ret !== 'object' || ret.addr !== hex(exact(op['addr']))) return ret;
  return { ...ret, addr: String(op['addr']) };
}

/** Converts a limit: RLIM_INFINITY is all ones. */
function limit(value: unknown): number {
  return value === '0xffffffffffffffff' ? Infinity : exact(value);
}

function deviceText(major: number, minor: number): string {
  return `${major.toString(16).padStart(2, '0')}:${minor.toString(16).padStart(2, '0')}`;
}

/** Runs a recording from its first line to its last, or to the last requested difference. */
export function runRecording(recording: Recording, guest: Guest, options: RunOptions): Outcome {
  const failures: Failure[] = [];
  let done = 0;
  try {
    const run = new Run(recording, guest, options);
    const note = (op: Op, differences: readonly Difference[]): void => {
      const wanted = differences.find(
        (difference) => options.kinds.has(difference.kind) && !options.exceptions.covers(op, difference),
      );
      if (wanted === undefined) return;
      failures.push({
        ...wanted,
        op,
        ourMaps: run.ourMaps(op.pid, op.maps ?? []),
        theirMaps: op.maps ?? null,
        reason: run.reason(op.pid, wanted),
      });
    };
    note({ n: 0, pid: 0, op: 'exec', maps: recording.header.initial_maps }, run.checkStart());
    for (const op of recording.ops) {
      if (failures.length >= options.maxFailures) break;
      note(op, run.step(op));
      done++;
      run.checkMachine(op);
    }
    if (failures.length < options.maxFailures) run.checkMachine(null);
  } catch (error) {
    return { name: recording.header.name, failures, error: (error as Error).stack ?? String(error), ops: done };
  }
  return { name: recording.header.name, failures, error: null, ops: done };
}
