/**
 * The System V segments of a log. Each gets the identifier that the log's kernel gave it, so that later calls are made and
 * judged as any other. Segments that other processes made are created when the log shows them.
 */
import { findVma, rootCredentials, type Caller } from '@vmarea/mm-core';
import type { SysvSharedMemory } from '@vmarea/kernel';
import type { Call, MemoryOp, ShmatOp, ShmctlOp, ShmdtOp, ShmgetOp } from '@vmarea/strace';
import {
  fromRegister,
  IPC_CREAT,
  IPC_INFO,
  IPC_PRIVATE,
  IPC_RMID,
  IPC_STAT,
  newShmidDs,
  SHM_INFO,
  SHM_REMAP,
  SHM_STAT,
} from '@vmarea/uapi';
import { callText } from '../report/answer-text.ts';
import type { Replay } from '../replay.ts';
import type { Process } from './process.ts';

/** The permissions of a segment that others have created: the log shows who may use it. */
const ANYBODY = 0o777;
/** The largest segment whose size is inferred from its address. */
const LARGEST_INFERRED = 2 ** 40;

const OUTSIDE = 'it depends on segments of processes that the log does not show';

/** The segments of one replay. */
export class Segments {
  readonly #replay: Replay;

  constructor(replay: Replay) {
    this.#replay = replay;
  }

  /**
   * Prepares a call about segments: creates here what the call shows of segments that others have created.
   *
   * @returns true when the call cannot be made here and was taken from the log; false for any other call
   */
  prepare(process: Process, call: Call, op: MemoryOp): boolean {
    if (op.op !== 'shmget' && op.op !== 'shmat' && op.op !== 'shmdt' && op.op !== 'shmctl') return false;
    const sysv = this.#replay.kernel.sharedMemory?.sysv;
    if (sysv === undefined) return this.#taken(call, 'this machine has no System V shared memory');
    const one = new Known(sysv, process);
    switch (op.op) {
      case 'shmget':
        return this.#get(one, call, op);
      case 'shmat':
        return this.#attach(one, call, op);
      case 'shmdt':
        return this.#detach(one, call, op);
      case 'shmctl':
        return this.#control(one, call, op);
    }
  }

  #get(known: Known, call: Call, op: ShmgetOp): boolean {
    const { ret } = call;
    const key = Number(op.key);
    if (ret === null || ret < 0) return known.tryGet(op) === ret ? false : this.#taken(call, OUTSIDE);
    if (known.has(ret)) return false;
    known.forget(key);
    const size = fromRegister(op.size);
    if (size === 0) return this.#taken(call, `segment ${ret} was created by a process that the log does not show`);
    if (key === IPC_PRIVATE || (op.flags & IPC_CREAT) !== 0) known.expect(ret);
    else known.create(ret, key, size);
    return false;
  }

  /** A segment that no line has shown before: its end is where the next area begins, for the kernel searches downwards. */
  #attach(known: Known, call: Call, op: ShmatOp): boolean {
    const { ret } = call;
    if (ret === null || ret < 0 || known.has(op.id)) return false;
    const size = Number(op.addr) === 0 ? known.roomAbove(ret) : 0;
    if (size === 0) return this.#taken(call, `no line tells the size of segment ${op.id}`);
    known.create(op.id, IPC_PRIVATE, size);
    known.attach(op, ret);
    return this.#taken(call, `no line tells the size of segment ${op.id}; taken as ${size} bytes, up to the next area`);
  }

  #detach(known: Known, call: Call, op: ShmdtOp): boolean {
    if (call.ret !== 0 || known.isAttached(fromRegister(op.addr))) return false;
    return this.#taken(call, 'the segment was attached where the log does not show it');
  }

  #control(known: Known, call: Call, op: ShmctlOp): boolean {
    const { ret } = call;
    if (op.cmd === IPC_INFO || op.cmd === SHM_INFO) return this.#taken(call, OUTSIDE);
    if (ret === null || ret < 0) return false;
    const id = op.cmd === SHM_STAT ? ret : op.id;
    if (known.has(id)) return false;
    if (op.size === null) return this.#taken(call, `segment ${id} was created by a process that the log does not show`);
    known.create(id, IPC_PRIVATE, op.size);
    return false;
  }

  #taken(call: Call, why: string): true {
    this.#replay.tally.unjudged++;
    this.#note(call, `taken from the log: ${why}`);
    return true;
  }

  #note(call: Call, text: string): void {
    this.#replay.notebook.note('unjudged', call.line, call.pid, `${callText(call)}: ${text}`);
  }
}

/** The segments that exist here, as root sees them. */
class Known {
  readonly #sysv: SysvSharedMemory;
  readonly #process: Process;
  /** The process, with every right. */
  readonly #root: Caller;

  constructor(sysv: SysvSharedMemory, process: Process) {
    this.#sysv = sysv;
    this.#process = process;
    const { mm, call, rlimits, personality, minFlt, majFlt, files, pkru } = process.task.cur;
    this.#root = { mm, call, rlimits, cred: rootCredentials(), personality, minFlt, majFlt, files, pkru };
  }

  has(id: number): boolean {
    return this.#sysv.shmctl(this.#root, id, IPC_STAT, newShmidDs()) === 0;
  }

  /** Gives the next segment an identifier. */
  expect(id: number): void {
    this.#sysv.nextId = id;
  }

  create(id: number, key: number, size: number): void {
    this.expect(id);
    this.#sysv.shmget(this.#root, key, size, IPC_CREAT | ANYBODY);
  }

  /** Attaches a segment where the log says. */
  attach({ id, flags }: ShmatOp, address: number): void {
    this.#process.task.sys.shmat(id, address, flags | SHM_REMAP);
  }

  /** Removes the segment with a key: another one has it in the log. */
  forget(key: number): void {
    if (key === IPC_PRIVATE) return;
    const id = this.#sysv.shmget(this.#root, key, 0, 0);
    if (id >= 0) this.#sysv.shmctl(this.#root, id, IPC_RMID, null);
  }

  /** Makes a shmget that has failed in the log, and removes what it creates here. */
  tryGet(op: ShmgetOp): number {
    const key = Number(op.key);
    const before = key === IPC_PRIVATE ? -1 : this.#sysv.shmget(this.#root, key, 0, 0);
    const result = this.#process.task.sys.shmget(key, op.size, op.flags);
    if (result >= 0 && before < 0) this.#sysv.shmctl(this.#root, result, IPC_RMID, null);
    return result;
  }

  /** Returns the bytes from an address to the next area; 0 when something is there, or the next area is too far. */
  roomAbove(addr: number): number {
    const next = findVma(this.#process.task.mm, addr);
    const size = next === null ? 0 : next.vmStart - addr;
    return size > 0 && size <= LARGEST_INFERRED ? size : 0;
  }

  /** Returns whether a segment, or a part of one, is mapped such that it begins at an address. */
  isAttached(addr: number): boolean {
    const { mm } = this.#process.task;
    const { pageSize } = mm.system;
    for (let vma = findVma(mm, addr); vma !== null; vma = vma.vmNext) {
      const begins = vma.vmStart - vma.vmPgoff * pageSize === addr;
      if (begins && vma.vmFile?.path().startsWith('/SYSV') === true) return true;
    }
    return false;
  }
}
