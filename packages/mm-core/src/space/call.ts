/**
 * The results of one system call: the reason for a refusal, the range to populate, what it waits for, and how it continues.
 *
 * A {@link Caller} owns one Call, which `beginCall` resets. The address space and the machine hold only state, so the calls
 * of several tasks on one Mm do not overwrite each other's results, also while one of them waits.
 */
import type { Addr, Bytes, Pages, VmFlags } from '../base/units.ts';
import type { VmFile } from '../ports/file.ts';
import { AreaSpec } from '../areas/spec.ts';
import type { Vma } from '../areas/vma.ts';
import type { Caller } from './caller.ts';
import { FaultInfo } from './fault-info.ts';

/** An access that failed with a signal: the contents of the task's siginfo. */
export class RefusedAccess {
  /** SIGSEGV, SIGBUS, or SIGKILL when memory is exhausted. */
  signal = 0;
  /** SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR, or SI_KERNEL. */
  code = 0;
  /** The faulting address, not rounded. */
  address: number;
  /** The number of the reason. */
  decision = 0;

  constructor() {
    // V8 then keeps the field as a double, and storing an address never allocates.
    this.address = 0.5;
    this.address = 0;
  }
}

/** The arguments of do_mmap, and the VM_ bits that the caller adds. */
export interface MmapRequest {
  /** Null for anonymous memory; the caller keeps its reference. */
  file: VmFile | null;
  /** The hint, or with MAP_FIXED the address (a value of `fromRegister`); after get_unmapped_area, the address. */
  addr: Addr;
  /** The length as requested (a value of `fromRegister`); page-aligned after the checks. */
  len: Bytes;
  /** PROT_ bits; unknown ones are ignored. */
  prot: number;
  /** MAP_ bits. */
  flags: number;
  /** VM_ bits that the caller adds; after the checks, all bits of the mapping. */
  vmFlags: VmFlags;
  /** VM_HIGH_ bits of the mapping. */
  vmFlagsHigh: number;
  /** Negative for a value near 2^64. */
  pgoff: Pages;
}

/** The system call of a task. */
export class Call {
  /** The process that makes the call, for drivers that record it; 0 for a caller that is no process. */
  pid = 0;
  /** Number of the reason of the last refusal (`describeReason` gives the reason); 0: none. */
  reason = 0;
  /** The range that `finishPopulate` populates: address and bytes; 0 bytes: none. */
  populateAddr = 0;
  populateLen = 0;
  /** Whether the call returns an error of populating (mlock). */
  populateStrict = false;
  /** The VMA that covers the range which the last step changed; in mremap the source. */
  vma: Vma | null = null;
  /** The request to do_mmap: filled anew by each call that maps. */
  readonly mmap: MmapRequest = { file: null, addr: 0, len: 0, prot: 0, flags: 0, vmFlags: 0, vmFlagsHigh: 0, pgoff: 0 };
  /** The request to the next merge or change of an area. */
  readonly area: AreaSpec = new AreaSpec();
  /** The promise that must settle before a call that returned RETRY continues. */
  pending: Promise<unknown> | null = null;
  /** Continues a call that returned RETRY after it had done its first part; null: the call is repeated. */
  resume: (() => number) | null = null;
  /** madvise: the address at which a walk that returned RETRY goes on. */
  waitsAt = 0;
  /** Whether the call is being repeated after a wait: what it met before still counts (`system.driverError`). */
  repeated = false;
  /** The arguments and the result of a driver's `fault` operation. */
  readonly vmf: FaultInfo = new FaultInfo();
  /** Set while the kernel itself accesses user memory for the caller: UFFD_USER_MODE_ONLY refuses such a fault. */
  inKernel = false;
  /** Settles when the reader of a userfaultfd has read what the call did; null when nobody is to be told. The call ends then. */
  unread: Promise<unknown> | null = null;
  /** The fault that waits for the reader of a userfaultfd. Its `address` is the page's until the whole address is known. */
  reported: { address: Addr } | null = null;
  /** The last access that failed with a signal. */
  readonly refused: RefusedAccess = new RefusedAccess();

  /** Requests that [addr, addr + len) is populated after the mmap lock has been dropped. */
  populateLater(addr: Addr, len: Bytes, strict: boolean): void {
    this.populateAddr = addr;
    this.populateLen = len;
    this.populateStrict = strict;
  }
}

/**
 * Makes the caller's call the current one, which drivers without a caller reach as `system.current`.
 *
 * Every entry that begins a call, or continues one that waited, calls this first.
 */
export function makeCurrent(cur: Caller): void {
  cur.mm.system.current = cur.call;
}

/** Begins a system call: makes it current and clears its reason and its range to populate. */
export function beginCall(cur: Caller): void {
  const { call } = cur;
  const { system } = cur.mm;
  // The store of an object runs the collector's write barrier: without this test a pair of calls takes 3 % longer.
  if (system.current !== call) system.current = call;
  call.reason = 0;
  call.populateLen = 0;
}
