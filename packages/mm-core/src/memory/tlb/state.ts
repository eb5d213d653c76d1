/**
 * What memory keeps for one address space beside the Mm: its software TLB, and who must hear of
 * dropped translations. Made by `Memory.attach`.
 */
import type { Mm } from '../../space/mm.ts';
import type { Frames } from '../frames/buddy.ts';
import type { Memory } from '../memory.ts';
import type { PhysicalMemory } from '../frames/physical.ts';
import { Tlb } from './tlb.ts';
import type { Addr } from '../../base/units.ts';

/** What a task has counted and not yet folded into its address space. */
export interface RssCache {
  rssFile: number;
  rssAnon: number;
  rssShmem: number;
  /** Faults since the last fold. */
  events: number;
}

/** What each type's counter has folded; the rest of `mm.rss…` is less than a batch. */
export interface RssBatches {
  rssFile: number;
  rssAnon: number;
  rssShmem: number;
  /** Several pages are being mapped that count as one addition. */
  stepOpen: boolean;
}

/** Memory's part of an address space. */
export class MmState {
  readonly memory: Memory;
  readonly mm: Mm;
  readonly frames: Frames;
  readonly physical: PhysicalMemory;
  /** Unique per address space as long as the machine lives: what tags translations in an embedder's CPU. */
  readonly asid: number;
  /** Made by the first user of {@link useTlb}. */
  tlb: Tlb | null = null;
  /** Called with a range of addresses whose cached translations must be dropped; null when nobody caches. */
  onInvalidate: ((start: Addr, end: Addr) => void) | null = null;

  /** Null where VmHWM sees each page. */
  readonly rssBatches: RssBatches | null;
  /** Null where resident pages are counted at once. */
  readonly rssCache: RssCache | null;

  constructor(memory: Memory, mm: Mm, asid: number) {
    this.memory = memory;
    this.mm = mm;
    this.frames = memory.frames;
    this.physical = memory.physical;
    this.asid = asid;
    this.rssCache = mm.system.config.splitRssCounting ? { rssFile: 0, rssAnon: 0, rssShmem: 0, events: 0 } : null;
    const batched = mm.system.profile.faults.rssBatch > 0;
    this.rssBatches = batched ? { rssFile: 0, rssAnon: 0, rssShmem: 0, stepOpen: false } : null;
  }

  /** The software TLB, made now if there was none. */
  useTlb(): Tlb {
    this.tlb ??= new Tlb(this.physical);
    return this.tlb;
  }

  /**
   * Makes the software TLB in a buffer of the embedder, so that compiled code can look pages up without a call: see
   * {@link Tlb} for the layout. Before the first `UserMemory` of the address space.
   *
   * @param buffer for instance that of a WebAssembly.Memory whose first bytes are the physical memory
   * @param byteOffset a multiple of 8, with TLB_BYTES behind it that nobody else uses
   * @throws RangeError when they do not fit; Error when the address space has a TLB already
   */
  placeTlb(buffer: ArrayBufferLike, byteOffset: number): Tlb {
    if (this.tlb !== null) throw new Error('placeTlb: the address space has a TLB already');
    this.tlb = new Tlb(this.physical, { buffer, byteOffset });
    return this.tlb;
  }
}

/** Memory's part of an address space. Only for one that is attached. */
export function stateOf(mm: Mm): MmState {
  return mm.memory as MmState;
}
