/**
 * What one system call leaves: why it was refused, what it wants populated, what it waits for, and how it goes on then.
 *
 * A {@link Caller} owns one Call, and each verb begins it anew. The address space and the machine hold only state, so the
 * calls of several tasks on one Mm do not overwrite each other's results, however long one of them waits.
 */
import type { Addr, Bytes, Pages, VmFlags } from '../base/units.ts';
import type { VmFile } from '../ports/file.ts';
import { AreaSpec } from '../areas/spec.ts';
import type { Vma } from '../areas/vma.ts';
import type { Caller } from './caller.ts';
import { FaultInfo } from './fault-info.ts';

/** An access that was refused: what the task's siginfo says. */
export class RefusedAccess {
  /** SIGSEGV, SIGBUS, or SIGKILL when memory is exhausted. */
  signal = 0;
  /** SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR, or SI_KERNEL. */
  code = 0;
  /** The faulting address, not rounded. */
  address: number;
  /** Why: the number of a reason. */
  decision = 0;

  constructor() {
    // V8 keeps the field as a double then, and storing an address never allocates.
    this.address = 0.5;
    this.address = 0;
  }
}

/** What do_mmap is asked for: the kernel's arguments, and the bits to begin with. */
export interface MmapRequest {
  /** Null for anonymous memory; the caller keeps its reference. */
  file: VmFile | null;
  /** Hint, or with MAP_FIXED the address (a value of `fromRegister`); from get_unmapped_area on the address. */
  addr: Addr;
  /** As asked for (a value of `fromRegister`); from the checks on page-aligned. */
  len: Bytes;
  /** PROT_ bits; unknown ones are ignored. */
  prot: number;
  /** MAP_ bits. */
  flags: number;
  /** VM_ bits to begin with; then all of the mapping. */
  vmFlags: VmFlags;
  /** VM_HIGH_ bits of the mapping. */
  vmFlagsHigh: number;
  /** Negative for a value near 2^64. */
  pgoff: Pages;
}

/** The call that a task makes. */
export class Call {
  /** Number of the reason of the last refusal (`describeReason` gives the reason); 0: none. */
  reason = 0;
  /** What `finishPopulate` is to bring in: address and bytes; 0 bytes: nothing. */
  populateAddr = 0;
  populateLen = 0;
  /** Whether an error of populating is the call's error (mlock). */
  populateStrict = false;
  /** The VMA that covers the range which the last step changed; mremap: the source. */
  vma: Vma | null = null;
  /** What do_mmap is asked for: filled anew by each call that maps. */
  readonly mmap: MmapRequest = { file: null, addr: 0, len: 0, prot: 0, flags: 0, vmFlags: 0, vmFlagsHigh: 0, pgoff: 0 };
  /** What the next merge or change of an area is asked for. */
  readonly area: AreaSpec = new AreaSpec();
  /** What must settle before a call that returned RETRY goes on. */
  pending: Promise<unknown> | null = null;
  /** How a call goes on that returned RETRY after it had done its first part; null: it is repeated. */
  resume: (() => number) | null = null;
  /** What the owner of a mapping is told and answers during a fault. */
  readonly vmf: FaultInfo = new FaultInfo();
  /** The last access that was refused with a signal. */
  readonly refused: RefusedAccess = new RefusedAccess();

  /** Asks for [addr, addr + len) to be populated once the mmap lock has been dropped. */
  populateLater(addr: Addr, len: Bytes, strict: boolean): void {
    this.populateAddr = addr;
    this.populateLen = len;
    this.populateStrict = strict;
  }
}

/**
 * Makes the caller's call the one under way: drivers that have no caller find it as `system.current`.
 *
 * Whoever begins a call or goes on with one that waited does this first.
 */
export function makeCurrent(cur: Caller): void {
  cur.mm.system.current = cur.call;
}

/** Begins a system call: makes it current, with no reason and nothing to populate. */
export function beginCall(cur: Caller): void {
  const { call } = cur;
  cur.mm.system.current = call;
  call.reason = 0;
  call.populateLen = 0;
}
