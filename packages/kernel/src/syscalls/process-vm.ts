/**
 * process_vm_readv(2) and process_vm_writev(2) with their C arguments: two lists of ranges in user memory, the caller's and the
 * other task's. Bytes go through the page tables of both. Mirrors mm/process_vm_access.c.
 */
import { hasCapability, RETRY } from '@vmarea/mm-core';
import { accessOk, accessProcessVm, copyFromUser, copyToUser, FOLL_WRITE } from '@vmarea/mm-core/memory';
import { CAP_SYS_PTRACE, EFAULT, EINVAL, ENOSYS, EPERM, ESRCH, fromRegister } from '@vmarea/uapi';
import type { Task } from '../task/task.ts';
import { getUser } from './arguments.ts';

/** The largest number of ranges in a list. */
const UIO_MAXIOV = 1024;
const IOVEC_BYTES = 16;
const INT_MAX = 2 ** 31 - 1;

/** A struct iovec; bytes. */
interface Range {
  readonly base: number;
  readonly len: number;
}

/** The arguments, in the order of the registers. */
export interface ProcessVmArgs {
  readonly pid: number;
  /** User address of the caller's list, and its length. */
  readonly localVec: number;
  readonly localCount: number;
  /** User address of the list of ranges in the other task (the list is in the caller's memory), and its length. */
  readonly remoteVec: number;
  readonly remoteCount: number;
  readonly flags: number;
}

/** rw_copy_check_uvector: reads the list. Returns it, or -EINVAL, -EFAULT or RETRY. */
function readRanges(task: Task, address: number, count: number): Range[] | number {
  if (count < 0 || count > UIO_MAXIOV) return -EINVAL;
  const bytes = new Uint8Array(count * IOVEC_BYTES);
  const error = getUser(task, address, bytes);
  if (error !== 0) return error;
  const view = new DataView(bytes.buffer);
  const ranges: Range[] = [];
  for (let i = 0; i < count; i++) {
    const len = view.getBigInt64(i * IOVEC_BYTES + 8, true);
    if (len < 0n) return -EINVAL;
    ranges.push({ base: fromRegister(view.getBigUint64(i * IOVEC_BYTES, true)), len: Number(len) });
  }
  return ranges;
}

/** Both lists of a copy, and the largest number of bytes to copy. */
interface Ranges {
  readonly local: readonly Range[];
  readonly remote: readonly Range[];
  readonly total: number;
}

/** A copy in progress. It may have to wait at any page, and continues there. */
class Copy {
  private readonly task: Task;
  private readonly other: Task;
  private readonly local: readonly Range[];
  private readonly remote: readonly Range[];
  private readonly write: boolean;
  private readonly total: number;
  private readonly bytes: Uint8Array;
  private done = 0;
  private localIndex = 0;
  private localDone = 0;
  private remoteIndex = 0;
  private remoteDone = 0;

  constructor(task: Task, other: Task, ranges: Ranges, write: boolean) {
    this.task = task;
    this.other = other;
    this.local = ranges.local;
    this.remote = ranges.remote;
    this.total = ranges.total;
    this.write = write;
    this.bytes = new Uint8Array(task.kernel.system.pageSize);
  }

  /** Copies. Returns the bytes copied; -EFAULT when there are none; RETRY. */
  run(): number {
    while (this.done < this.total && this.remoteIndex < this.remote.length) {
      const remote = this.remote[this.remoteIndex]!;
      const local = this.local[this.localIndex]!;
      if (this.remoteDone === remote.len) {
        this.remoteIndex++;
        this.remoteDone = 0;
      } else if (this.localDone === local.len) {
        this.localIndex++;
        this.localDone = 0;
      } else {
        const copied = this.piece(local, remote);
        if (copied === RETRY) {
          this.task.cur.call.resume = () => this.run();
          return RETRY;
        }
        if (copied < 0) return this.done > 0 ? this.done : copied;
        this.done += copied;
        this.localDone += copied;
        this.remoteDone += copied;
      }
    }
    return this.done;
  }

  /** Copies at most to the end of the other task's page. Returns the bytes copied, -EFAULT, RETRY. */
  private piece(local: Range, remote: Range): number {
    const { task, bytes } = this;
    const { cur } = task;
    const at = remote.base + this.remoteDone;
    const here = local.base + this.localDone;
    const inPage = at & (bytes.length - 1);
    const rest = Math.min(local.len - this.localDone, remote.len - this.remoteDone, this.total - this.done);
    const want = Math.min(rest, bytes.length - inPage);
    const { mm } = this.other;
    if (!this.write) {
      const got = accessProcessVm(cur, mm, at, bytes.subarray(0, want), 0);
      return got < 0 ? got : moved(copyToUser(cur, here, bytes, 0, got), got);
    }
    const got = moved(copyFromUser(cur, here, bytes, 0, want), want);
    return got < 0 ? got : accessProcessVm(cur, mm, at, bytes.subarray(0, got), FOLL_WRITE);
  }
}

/** Returns the bytes copied, from the number that a kernel copy has not copied. */
function moved(left: number, want: number): number {
  if (left === RETRY) return RETRY;
  return left === want ? -EFAULT : want - left;
}

/**
 * process_vm_rw.
 *
 * @param write copies to the other task; otherwise from it
 * @returns bytes copied, fewer when a page cannot be accessed; -EINVAL, -EFAULT, -ESRCH, -EPERM, -ENOSYS without memory, RETRY
 */
export function processVmRw(task: Task, args: ProcessVmArgs, write: boolean): number {
  const { cur, kernel } = task;
  if (kernel.memory === null) return -ENOSYS;
  if (args.flags !== 0) return -EINVAL;
  const local = readRanges(task, args.localVec, args.localCount);
  if (typeof local === 'number') return local;
  const most = INT_MAX - (INT_MAX & kernel.system.pageMask);
  let total = 0;
  for (const { base, len } of local) {
    if (!accessOk(cur, base, len)) return -EFAULT;
    total = Math.min(total + len, most);
  }
  if (total === 0) return 0;
  const remote = readRanges(task, args.remoteVec, args.remoteCount);
  if (typeof remote === 'number') return remote;
  if (remote.every(({ len }) => len === 0)) return 0;
  const other = kernel.tasks.get(args.pid);
  if (other === undefined || other.exitStatus !== null) return -ESRCH;
  if (other.cur.cred.uid !== cur.cred.uid && !hasCapability(cur.cred, CAP_SYS_PTRACE)) return -EPERM;
  return new Copy(task, other, { local, remote, total }, write).run();
}
