/**
 * The memory's state of one address space: its software TLB, and the callback for dropped translations. `Memory.attach`
 * creates it.
 */
import type { Mm } from '../../space/mm.ts';
import type { Frames } from '../frames/buddy.ts';
import type { Memory } from '../memory.ts';
import type { PhysicalMemory } from '../frames/physical.ts';
import { PageMarks } from './marks.ts';
import { Tlb } from './tlb.ts';
import type { Addr } from '../../base/units.ts';

/** SPLIT_RSS_COUNTING: what a task has counted and not yet added to its address space. */
export interface RssCache {
  rssFile: number;
  rssAnon: number;
  rssShmem: number;
  /** Faults since the last fold. */
  events: number;
}

/** The folded part of each type's counter; the rest of `mm.rss…` is less than a batch. */
export interface RssBatches {
  rssFile: number;
  rssAnon: number;
  rssShmem: number;
  /** Set while several pages are mapped that count as one addition. */
  stepOpen: boolean;
}

/** The memory's state of an address space. */
export class MmState {
  readonly memory: Memory;
  readonly mm: Mm;
  readonly frames: Frames;
  readonly physical: PhysicalMemory;
  /** Unique per address space of a machine. An embedder's CPU can tag translations with it. */
  readonly asid: number;
  /** Created by the first call of {@link useTlb}. */
  tlb: Tlb | null = null;
  /** Called with the range of addresses whose cached translations must be dropped; null without a listener. */
  onInvalidate: ((start: Addr, end: Addr) => void) | null = null;

  /** Null when VmHWM includes each page at once. */
  readonly rssBatches: RssBatches | null;
  /** Null when resident pages are counted at once. */
  readonly rssCache: RssCache | null;

  /** Null until a userfaultfd is used in the address space. {@link useMarks} creates it. */
  marks: PageMarks | null = null;
  /** Whether a fault has to do more than bring its page in: count in `rssCache`, or ask a userfaultfd. */
  slowFaults: boolean;

  constructor(memory: Memory, mm: Mm, asid: number) {
    this.memory = memory;
    this.mm = mm;
    this.frames = memory.frames;
    this.physical = memory.physical;
    this.asid = asid;
    this.rssCache = mm.system.config.splitRssCounting ? { rssFile: 0, rssAnon: 0, rssShmem: 0, events: 0 } : null;
    this.slowFaults = this.rssCache !== null;
    const batched = mm.system.profile.faults.rssBatch > 0;
    this.rssBatches = batched ? { rssFile: 0, rssAnon: 0, rssShmem: 0, stepOpen: false } : null;
  }

  /** Returns the marks of userfaultfd; from the first call on, faults ask for them. */
  useMarks(): PageMarks {
    this.slowFaults = true;
    this.marks ??= new PageMarks();
    return this.marks;
  }

  /** Returns the software TLB; creates it at the first call. */
  useTlb(): Tlb {
    this.tlb ??= new Tlb(this.physical);
    return this.tlb;
  }

  /**
   * Creates the software TLB in a buffer of the embedder, so that compiled code can look up pages without a call: see
   * {@link Tlb} for the layout. Call it before creating the first `UserMemory` of the address space.
   *
   * @param buffer for instance that of a WebAssembly.Memory whose first bytes are the physical memory
   * @param byteOffset a multiple of 8, followed by TLB_BYTES that are not used otherwise
   * @throws RangeError when they do not fit; Error when the address space has a TLB already
   */
  placeTlb(buffer: ArrayBufferLike, byteOffset: number): Tlb {
    if (this.tlb !== null) throw new Error('placeTlb: the address space has a TLB already');
    this.tlb = new Tlb(this.physical, { buffer, byteOffset });
    return this.tlb;
  }
}

/** Returns the memory's state of an attached address space. */
export function stateOf(mm: Mm): MmState {
  return mm.memory as MmState;
}
