/**
 * struct userfaultfd_ctx: one userfaultfd. Its methods are the ioctls, the messages, and what faults and calls report to it.
 *
 * Not here: the descriptor (the kernel package), which faults are reported (faults/watched.ts). Mirrors fs/userfaultfd.c.
 */
import {
  _UFFDIO_API,
  _UFFDIO_REGISTER,
  _UFFDIO_UNREGISTER,
  CAP_SYS_PTRACE,
  EAGAIN,
  EINVAL,
  EPERM,
  ESRCH,
  fromRegister,
  UFFD_API,
  UFFD_EVENT_FORK,
  UFFD_EVENT_REMAP,
  UFFD_EVENT_REMOVE,
  UFFD_EVENT_UNMAP,
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_EVENT_REMAP,
  UFFD_FEATURE_EVENT_REMOVE,
  UFFD_FEATURE_EVENT_UNMAP,
  UFFD_FEATURE_EXACT_ADDRESS,
  UFFD_FEATURE_MOVE,
  UFFD_FEATURE_PAGEFAULT_FLAG_WP,
  UFFD_FEATURE_POISON,
  UFFD_FEATURE_SIGBUS,
  UFFD_FEATURE_WP_ASYNC,
  UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
  UFFD_FEATURE_WP_UNPOPULATED,
  UFFD_PAGEFAULT_FLAG_MINOR,
  UFFD_PAGEFAULT_FLAG_WP,
  UFFD_PAGEFAULT_FLAG_WRITE,
  UFFD_USER_MODE_ONLY,
  UFFDIO_CONTINUE_MODE_WP,
  UFFDIO_COPY_MODE_WP,
  UFFDIO_MODE_DONTWAKE,
  UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES,
  UFFDIO_WRITEPROTECT_MODE_DONTWAKE,
  UFFDIO_WRITEPROTECT_MODE_WP,
} from '@vmarea/uapi';
import { refuse, RETRY } from '../../base/errno.ts';
import { VM_UFFD_WP } from '../../base/flags.ts';
import type { Addr, Bytes, Errno } from '../../base/units.ts';
import { REPORT_MINOR, type UserfaultContext } from '../../ports/userfault.ts';
import { makeCurrent } from '../../space/call.ts';
import type { Caller } from '../../space/caller.ts';
import { FAULT_FLAG_USER, FAULT_FLAG_WRITE, VM_FAULT_RETRY, VM_FAULT_SIGBUS } from '../../space/fault-info.ts';
import type { Mm } from '../../space/mm.ts';
import type { MmSystem } from '../../space/system.ts';
import { stateOf } from '../tlb/state.ts';
import { fillRange, type Fill, type UffdSource } from './fill.ts';
import { moveRange } from './move.ts';
import { writeProtectRange } from './protect.ts';
import { MessageQueue, type UffdMessage } from './queue.ts';
import { checkMode, isAlive, validateRange } from './range.ts';
import { hasWriteProtection, releaseAll, uffdRegister, uffdUnregister } from './register.ts';
import type {
  UffdioApi,
  UffdioContinue,
  UffdioCopy,
  UffdioFill,
  UffdioMove,
  UffdioPoison,
  UffdioRange,
  UffdioRegister,
  UffdioWriteprotect,
  UffdioZeropage,
} from './structs.ts';
import {
  UFFDIO_API_FEATURES,
  UFFDIO_API_FORK_NOT_PERMITTED,
  UFFDIO_API_TWICE,
  UFFDIO_API_VERSION,
  UFFDIO_MOVE_OTHER_PROCESS,
  UFFDIO_WRITEPROTECT_MODE,
  USERFAULTFD_MAPPINGS_CHANGE,
  USERFAULTFD_NO_ADDRESS_SPACE,
  USERFAULTFD_NOT_ENABLED,
  USERFAULTFD_SIGBUS,
  USERFAULTFD_UNKNOWN_IOCTL,
  USERFAULTFD_USER_MODE_ONLY,
} from './reasons.ts';

/** What an ioctl that fills pages has done. */
interface Filled {
  /** Whether the structure gets `bytes`. */
  readonly touched: boolean;
  /** The bytes done, or a negative errno. */
  readonly bytes: number;
  readonly result: number;
}

/** UFFD_API_IOCTLS. */
const API_IOCTLS: bigint =
  (1n << BigInt(_UFFDIO_REGISTER)) | (1n << BigInt(_UFFDIO_UNREGISTER)) | (1n << BigInt(_UFFDIO_API));

/** Features that need write protection. */
const WP_FEATURES: number =
  UFFD_FEATURE_PAGEFAULT_FLAG_WP |
  UFFD_FEATURE_WP_HUGETLBFS_SHMEM |
  UFFD_FEATURE_WP_UNPOPULATED |
  UFFD_FEATURE_WP_ASYNC;

/** Returns the UFFD_FEATURE_ bits that this machine offers. */
function offeredFeatures(system: MmSystem): number {
  const { features } = system.profile.userfault;
  return hasWriteProtection(system) ? features : features & ~WP_FEATURES;
}

/** A userfaultfd. */
export class Userfaultfd implements UserfaultContext {
  /** The address space whose faults it handles: that of the process that created it. */
  readonly mm: Mm;
  /** UFFD_USER_MODE_ONLY: a fault of the kernel on behalf of the process is refused. */
  readonly userModeOnly: boolean;
  /** The UFFD_FEATURE_ bits that UFFDIO_API enabled. */
  features = 0;
  /** Whether UFFDIO_API was made. */
  enabled = false;
  /** Whether it was closed. */
  released = false;
  private readonly queue: MessageQueue = new MessageQueue();
  /** The context of the child that is being forked: its registered areas share it. */
  private forking: Userfaultfd | null = null;

  /** @param flags UFFD_USER_MODE_ONLY or 0 */
  constructor(mm: Mm, flags: number) {
    this.mm = mm;
    this.userModeOnly = (flags & UFFD_USER_MODE_ONLY) !== 0;
  }

  // --- ioctls

  /** UFFDIO_API: returns 0, -EINVAL or -EPERM. */
  api(cur: Caller, request: UffdioApi): Errno {
    this.enter(cur);
    const error = this.enable(cur, request);
    if (error !== 0) {
      request.api = 0;
      request.features = 0;
      request.ioctls = 0n;
    }
    return error;
  }

  private enable(cur: Caller, request: UffdioApi): Errno {
    const { system } = this.mm;
    const { features: known, checksOffered } = system.profile.userfault;
    const offered = offeredFeatures(system);
    let features = BigInt.asUintN(64, BigInt(request.features));
    if (BigInt.asUintN(64, BigInt(request.api)) !== BigInt(UFFD_API)) return refuse(cur, UFFDIO_API_VERSION, -EINVAL);
    const refused = (allowed: number): boolean => (features & ~BigInt(allowed)) !== 0n;
    // Before `checksOffered` the known features are checked first.
    if (!checksOffered && refused(known)) return refuse(cur, UFFDIO_API_FEATURES, -EINVAL);
    const forks = (features & BigInt(UFFD_FEATURE_EVENT_FORK)) !== 0n;
    if (forks && !system.security.capable(cur, CAP_SYS_PTRACE)) {
      return refuse(cur, UFFDIO_API_FORK_NOT_PERMITTED, -EPERM);
    }
    if ((features & BigInt(UFFD_FEATURE_WP_ASYNC)) !== 0n) features |= BigInt(UFFD_FEATURE_WP_UNPOPULATED);
    if (checksOffered && refused(offered)) return refuse(cur, UFFDIO_API_FEATURES, -EINVAL);
    if (this.enabled) return refuse(cur, UFFDIO_API_TWICE, -EINVAL);
    this.enabled = true;
    this.features = Number(features);
    request.features = offered;
    request.ioctls = API_IOCTLS;
    return 0;
  }

  /**
   * Begins an ioctl. Unlike `beginCall` it keeps what is left of a call that waits: a handler may act through the task whose
   * fault it serves.
   */
  private enter(cur: Caller): void {
    makeCurrent(cur);
    cur.call.reason = 0;
  }

  /** Begins an ioctl other than UFFDIO_API. Returns 0, or -EINVAL before that one was made. */
  private begin(cur: Caller): Errno {
    this.enter(cur);
    return this.enabled ? 0 : refuse(cur, USERFAULTFD_NOT_ENABLED, -EINVAL);
  }

  /** Begins an ioctl that changes pages: also checks for calls that change the mappings, and that the process is there. */
  private beginFill(cur: Caller): Errno {
    const error = this.begin(cur);
    if (error !== 0) return error;
    if (this.queue.hasEvents) return refuse(cur, USERFAULTFD_MAPPINGS_CHANGE, -EAGAIN);
    return isAlive(this.mm) ? 0 : refuse(cur, USERFAULTFD_NO_ADDRESS_SPACE, -ESRCH);
  }

  /** UFFDIO_REGISTER: see uffdRegister. */
  register(cur: Caller, request: UffdioRegister): Errno {
    return this.begin(cur) || uffdRegister(cur, this, request);
  }

  /** UFFDIO_UNREGISTER: see uffdUnregister. */
  unregister(cur: Caller, range: UffdioRange): Errno {
    return this.begin(cur) || uffdUnregister(cur, this, range);
  }

  /** UFFDIO_WAKE: wakes the faults that wait for pages of the range. Returns 0 or -EINVAL. */
  wake(cur: Caller, range: UffdioRange): Errno {
    const start = fromRegister(range.start);
    const len = fromRegister(range.len);
    const error = this.begin(cur) || validateRange(cur, this.mm, start, len);
    if (error === 0) this.wakeRange(start, start + len);
    return error;
  }

  /**
   * UFFDIO_COPY: fills missing pages with bytes.
   *
   * @param request `copy` gets the bytes done, or the negative errno
   * @param source where the bytes come from
   * @returns 0; -EAGAIN when only a part was done, or a call changes the mappings; -ENOENT, -EINVAL, -EEXIST, -EFAULT,
   *   -ENOMEM, -ESRCH; RETRY
   */
  copy(cur: Caller, request: UffdioCopy, source: UffdSource): number {
    const { dst, len } = request;
    const mode = fromRegister(request.mode);
    const fill: Fill = { kind: 'copy', wp: (mode & UFFDIO_COPY_MODE_WP) !== 0, source };
    const done = this.fill(cur, { start: dst, len, mode }, UFFDIO_MODE_DONTWAKE | UFFDIO_COPY_MODE_WP, fill);
    if (done.touched) request.copy = done.bytes;
    return done.result;
  }

  /** UFFDIO_ZEROPAGE: fills missing pages with zeroes. `zeropage` gets the bytes done. @returns as {@link copy} */
  zeropage(cur: Caller, request: UffdioZeropage): number {
    const done = this.fill(cur, request, UFFDIO_MODE_DONTWAKE, { kind: 'zeropage', wp: false, source: null });
    if (done.touched) request.zeropage = done.bytes;
    return done.result;
  }

  /** UFFDIO_CONTINUE: maps pages that are in the file. `mapped` gets the bytes done. @returns as {@link copy} */
  continue(cur: Caller, request: UffdioContinue): number {
    const { features } = this.mm.system.profile.userfault;
    const modes =
      (features & UFFD_FEATURE_POISON) !== 0 ? UFFDIO_MODE_DONTWAKE | UFFDIO_CONTINUE_MODE_WP : UFFDIO_MODE_DONTWAKE;
    const wp = (fromRegister(request.mode) & UFFDIO_CONTINUE_MODE_WP) !== 0;
    const done = this.fill(cur, request, modes, { kind: 'continue', wp, source: null });
    if (done.touched) request.mapped = done.bytes;
    return done.result;
  }

  /** UFFDIO_POISON: marks missing pages as lost. `updated` gets the bytes done. @returns as {@link copy} */
  poison(cur: Caller, request: UffdioPoison): number {
    if ((this.mm.system.profile.userfault.features & UFFD_FEATURE_POISON) === 0) return this.unknown(cur);
    const done = this.fill(cur, request, UFFDIO_MODE_DONTWAKE, { kind: 'poison', wp: false, source: null });
    if (done.touched) request.updated = done.bytes;
    return done.result;
  }

  /** The common part of the ioctls that fill pages. */
  private fill(cur: Caller, request: UffdioFill, modes: number, fill: Fill): Filled {
    const start = fromRegister(request.start);
    const len = fromRegister(request.len);
    const mode = fromRegister(request.mode);
    const error = this.beginFill(cur) || validateRange(cur, this.mm, start, len) || checkMode(cur, mode, modes);
    if (error !== 0) return { touched: false, bytes: 0, result: error };
    const bytes = fillRange(cur, this, start, len, fill);
    return this.filled({ start, len, bytes }, mode);
  }

  /** Wakes the faults that wait for filled pages, and returns what the ioctl does. */
  private filled({ start, len, bytes }: { start: Addr; len: Bytes; bytes: number }, mode: number): Filled {
    if (bytes < 0) return { touched: bytes !== RETRY, bytes, result: bytes };
    if ((mode & UFFDIO_MODE_DONTWAKE) === 0) this.wakeRange(start, start + bytes);
    return { touched: true, bytes, result: bytes === len ? 0 : -EAGAIN };
  }

  /** UFFDIO_MOVE: moves pages into missing ones. `move` gets the bytes done. @returns as {@link copy}, and -EBUSY */
  move(cur: Caller, request: UffdioMove): number {
    if ((this.mm.system.profile.userfault.features & UFFD_FEATURE_MOVE) === 0) return this.unknown(cur);
    const to = fromRegister(request.dst);
    const from = fromRegister(request.src);
    const len = fromRegister(request.len);
    const mode = fromRegister(request.mode);
    let error = this.begin(cur);
    if (error === 0 && this.queue.hasEvents) error = refuse(cur, USERFAULTFD_MAPPINGS_CHANGE, -EAGAIN);
    if (error === 0 && cur.mm !== this.mm) error = refuse(cur, UFFDIO_MOVE_OTHER_PROCESS, -EINVAL);
    error ||= validateRange(cur, this.mm, to, len) || validateRange(cur, this.mm, from, len);
    error ||= checkMode(cur, mode, UFFDIO_MODE_DONTWAKE | UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES);
    if (error !== 0) return error;
    const bytes = moveRange(cur, this, { to, from, len, holes: (mode & UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES) !== 0 });
    request.move = bytes;
    return this.filled({ start: to, len, bytes }, mode).result;
  }

  /** UFFDIO_WRITEPROTECT: protects pages, or ends that. Returns 0, -EAGAIN, -EINVAL, -ENOENT, -ENOMEM, -ESRCH. */
  writeProtect(cur: Caller, request: UffdioWriteprotect): Errno {
    const start = fromRegister(request.start);
    const len = fromRegister(request.len);
    const mode = fromRegister(request.mode);
    const known = UFFDIO_WRITEPROTECT_MODE_WP | UFFDIO_WRITEPROTECT_MODE_DONTWAKE;
    const error = this.beginFill(cur) || validateRange(cur, this.mm, start, len) || checkMode(cur, mode, known);
    if (error !== 0) return error;
    if (mode === known) return refuse(cur, UFFDIO_WRITEPROTECT_MODE, -EINVAL);
    const protect = (mode & UFFDIO_WRITEPROTECT_MODE_WP) !== 0;
    const result = writeProtectRange(cur, this, start, start + len, protect);
    if (result === 0 && mode === 0) this.wakeRange(start, start + len);
    return result;
  }

  /** An ioctl that this kernel does not have: returns -EINVAL. */
  unknown(cur: Caller): Errno {
    return this.begin(cur) || refuse(cur, USERFAULTFD_UNKNOWN_IOCTL, -EINVAL);
  }

  /** userfaultfd_release: ends all registrations and wakes what waits. The last close of the descriptor calls it. */
  release(): void {
    this.released = true;
    releaseAll(this);
    this.queue.close();
  }

  // --- messages

  /** Returns whether {@link read} would return a message. */
  get readable(): boolean {
    return this.queue.readable;
  }

  /** Takes the next message; null when there is none. A call that waits for its event to be read goes on. */
  read(): UffdMessage | null {
    return this.queue.take((this.features & UFFD_FEATURE_EXACT_ADDRESS) !== 0);
  }

  /** Returns a promise that settles when a message arrives, or when the userfaultfd is closed. */
  arrival(): Promise<void> {
    return this.queue.next();
  }

  /**
   * The messages one after another, until the userfaultfd is closed.
   *
   * @example for await (const message of uffd.messages()) { … uffd.copy(cur, { dst: message.address, … }, source) }
   */
  async *messages(): AsyncGenerator<UffdMessage, void, undefined> {
    while (!this.released) {
      const message = this.read();
      if (message !== null) yield message;
      else await this.arrival();
    }
  }

  /** Wakes the faults on pages of [start, end). */
  wakeRange(start: Addr, end: Addr): void {
    const pt = this.mm.pageTables;
    for (const { cur, page } of this.queue.wake(start, end)) {
      // The kernel tries the fault again, and counts one that waited as major.
      if (pt !== null && pt.nextEntry(page, page + this.mm.system.pageSize) >= 0) cur.majFlt++;
    }
  }

  // --- what faults and calls report: UserfaultContext

  report(cur: Caller, page: Addr, flags: number, why: number): number {
    if ((this.features & UFFD_FEATURE_SIGBUS) !== 0) {
      cur.call.reason = USERFAULTFD_SIGBUS;
      return VM_FAULT_SIGBUS;
    }
    if (this.userModeOnly && (cur.call.inKernel || (flags & FAULT_FLAG_USER) === 0)) {
      cur.call.reason = USERFAULTFD_USER_MODE_ONLY;
      return VM_FAULT_SIGBUS;
    }
    let told = (flags & FAULT_FLAG_WRITE) !== 0 ? UFFD_PAGEFAULT_FLAG_WRITE : 0;
    if (why === VM_UFFD_WP) told |= UFFD_PAGEFAULT_FLAG_WP;
    if (why === REPORT_MINOR) told |= UFFD_PAGEFAULT_FLAG_MINOR;
    const waiter = this.queue.waitFor(cur, page, told);
    cur.call.reported = waiter;
    cur.mm.system.current.pending = waiter.promise;
    return VM_FAULT_RETRY;
  }

  forked(_cur: Caller, child: Mm): UserfaultContext | null {
    if ((this.features & UFFD_FEATURE_EVENT_FORK) === 0) return null;
    if (this.forking !== null && this.forking.mm === child) return this.forking;
    const made = new Userfaultfd(child, this.userModeOnly ? UFFD_USER_MODE_ONLY : 0);
    made.features = this.features;
    made.enabled = true;
    if (child.memory !== null) stateOf(child).useMarks();
    this.forking = made;
    void this.queue.add({ event: UFFD_EVENT_FORK, child: made });
    return made;
  }

  moved(cur: Caller, from: Addr, to: Addr, len: Bytes): boolean {
    const keeps = (this.features & UFFD_FEATURE_EVENT_REMAP) !== 0;
    if (keeps) this.tell(cur, { event: UFFD_EVENT_REMAP, from, to, len });
    else if (this.mm.memory !== null) stateOf(this.mm).marks?.unprotect(to, to + len);
    return keeps;
  }

  removed(cur: Caller, start: Addr, end: Addr): void {
    if ((this.features & UFFD_FEATURE_EVENT_REMOVE) === 0) return;
    this.tell(cur, { event: UFFD_EVENT_REMOVE, start, end });
  }

  unmapped(cur: Caller, start: Addr, end: Addr): void {
    if ((this.features & UFFD_FEATURE_EVENT_UNMAP) === 0) return;
    const last = this.queue.lastEvent;
    if (last?.event === UFFD_EVENT_UNMAP && last.start === start && last.end === end) return;
    this.tell(cur, { event: UFFD_EVENT_UNMAP, start, end });
  }

  /** Adds an event; the call ends when it has been read. */
  private tell({ call }: Caller, message: UffdMessage): void {
    const read = this.queue.add(message);
    call.unread = call.unread === null ? read : Promise.all([call.unread, read]);
  }
}
