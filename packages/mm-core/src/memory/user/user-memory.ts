/**
 * User memory as a processor sees it: loads, stores and compare-and-swap through the software TLB, little-endian,
 * aligned or not.
 *
 * One object per task and address space. A loaded value is a number: 8 to 32 bits unsigned; 64 bits as its low half, with
 * the high half in `hi`. -1 means that the access failed (no unsigned value is -1): `fault` is RETRY or FAULT_SIGNAL; with
 * FAULT_SIGNAL, `signal`, `code` and `address` are those of the task's siginfo. Bulk copies are in uaccess.ts.
 */
import type { Caller } from '../../space/caller.ts';
import { ACCESS_EXEC, ACCESS_READ, ACCESS_WRITE } from '../tlb/access.ts';
import { type MmState, stateOf } from '../tlb/state.ts';
import { doPageFault } from '../faults/entry.ts';
import { TLB_ENTRIES, type Tlb } from '../tlb/tlb.ts';
import { refill } from './walk.ts';
import type { Addr } from '../../base/units.ts';

const INDEX_MASK: number = TLB_ENTRIES - 1;
const TWO32 = 0x100000000;

/** The memory of one task. */
export class UserMemory {
  readonly cur: Caller;
  readonly state: MmState;
  /** High half of the last 64-bit value loaded or found by `cas64`. */
  hi = 0;
  /** The result of the last failed access: RETRY or FAULT_SIGNAL. */
  fault = 0;

  private readonly readTag: Float64Array;
  private readonly writeTag: Float64Array;
  private readonly execTag: Float64Array;
  private readonly word: Int32Array | Float64Array;
  private readonly u32: Uint32Array;
  private readonly view: DataView;
  private readonly shift: number;
  private readonly mask: number;

  /** @param cur the task; its address space must be attached; a new address space (exec) needs a new UserMemory */
  constructor(cur: Caller) {
    const state = stateOf(cur.mm);
    const tlb: Tlb = state.useTlb();
    this.cur = cur;
    this.state = state;
    this.readTag = tlb.readTag;
    this.writeTag = tlb.writeTag;
    this.execTag = tlb.execTag;
    this.word = tlb.frameWord;
    this.u32 = state.physical.u32;
    this.view = state.physical.view;
    this.shift = state.physical.pageShift;
    this.mask = state.physical.pageSize - 1;
  }

  /** The signal of the last access that failed with FAULT_SIGNAL: SIGSEGV, SIGBUS, SIGKILL. */
  get signal(): number {
    return this.cur.call.refused.signal;
  }

  /** si_code: SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR. */
  get code(): number {
    return this.cur.call.refused.code;
  }

  /** si_addr: the faulting address. */
  get address(): number {
    return this.cur.call.refused.address;
  }

  /** The number of the reason. */
  get decision(): number {
    return this.cur.call.refused.decision;
  }

  // --- loads

  load8(addr: Addr): number {
    const off = addr & this.mask;
    const i = (addr >>> this.shift) & INDEX_MASK;
    const word = this.readTag[i] === addr - off ? this.word[i]! : this.miss(addr, ACCESS_READ);
    if (word < 0) return -1;
    return (this.u32[word + (off >>> 2)]! >>> ((off & 3) << 3)) & 0xff;
  }

  load16(addr: Addr): number {
    const off = addr & this.mask;
    if ((off & 1) !== 0) return this.loadBytes(addr, 2);
    const i = (addr >>> this.shift) & INDEX_MASK;
    const word = this.readTag[i] === addr - off ? this.word[i]! : this.miss(addr, ACCESS_READ);
    if (word < 0) return -1;
    return (this.u32[word + (off >>> 2)]! >>> ((off & 2) << 3)) & 0xffff;
  }

  load32(addr: Addr): number {
    const off = addr & this.mask;
    if ((off & 3) !== 0) return this.loadBytes(addr, 4);
    const i = (addr >>> this.shift) & INDEX_MASK;
    const word = this.readTag[i] === addr - off ? this.word[i]! : this.miss(addr, ACCESS_READ);
    if (word < 0) return -1;
    return this.u32[word + (off >>> 2)]!;
  }

  /** Loads 64 bits. Returns the low half; `hi` has the high one. */
  load64(addr: Addr): number {
    const off = addr & this.mask;
    if ((off & 7) !== 0) return this.load64Unaligned(addr);
    const i = (addr >>> this.shift) & INDEX_MASK;
    const word = this.readTag[i] === addr - off ? this.word[i]! : this.miss(addr, ACCESS_READ);
    if (word < 0) return -1;
    const at = word + (off >>> 2);
    this.hi = this.u32[at + 1]!;
    return this.u32[at]!;
  }

  /** Loads an aligned 32-bit instruction: needs execute permission. */
  fetch32(addr: Addr): number {
    const off = addr & this.mask & ~3;
    const i = (addr >>> this.shift) & INDEX_MASK;
    const word = this.execTag[i] === addr - (addr & this.mask) ? this.word[i]! : this.miss(addr, ACCESS_EXEC);
    if (word < 0) return -1;
    return this.u32[word + (off >>> 2)]!;
  }

  // --- stores: 0, or -1 when the access failed

  store8(addr: Addr, value: number): number {
    const off = addr & this.mask;
    const i = (addr >>> this.shift) & INDEX_MASK;
    const word = this.writeTag[i] === addr - off ? this.word[i]! : this.miss(addr, ACCESS_WRITE);
    if (word < 0) return -1;
    this.view.setUint8(word * 4 + off, value);
    return 0;
  }

  store16(addr: Addr, value: number): number {
    const off = addr & this.mask;
    if (off === this.mask) return this.storeBytes(addr, value, 2);
    const i = (addr >>> this.shift) & INDEX_MASK;
    const word = this.writeTag[i] === addr - off ? this.word[i]! : this.miss(addr, ACCESS_WRITE);
    if (word < 0) return -1;
    this.view.setUint16(word * 4 + off, value, true);
    return 0;
  }

  store32(addr: Addr, value: number): number {
    const off = addr & this.mask;
    if ((off & 3) !== 0) return this.storeBytes(addr, value, 4);
    const i = (addr >>> this.shift) & INDEX_MASK;
    const word = this.writeTag[i] === addr - off ? this.word[i]! : this.miss(addr, ACCESS_WRITE);
    if (word < 0) return -1;
    this.u32[word + (off >>> 2)] = value;
    return 0;
  }

  store64(addr: Addr, lo: number, hi: number): number {
    const off = addr & this.mask;
    if ((off & 7) !== 0) return this.store64Unaligned(addr, lo, hi);
    const i = (addr >>> this.shift) & INDEX_MASK;
    const word = this.writeTag[i] === addr - off ? this.word[i]! : this.miss(addr, ACCESS_WRITE);
    if (word < 0) return -1;
    const at = word + (off >>> 2);
    this.u32[at] = lo;
    this.u32[at + 1] = hi;
    return 0;
  }

  // --- compare and swap: naturally aligned; return the old value, or -1 when the access failed

  /** Stores `value` if the memory holds `expected`; both unsigned. */
  cas32(addr: Addr, expected: number, value: number): number {
    const word = this.writableWord(addr);
    if (word < 0) return -1;
    const at = word + ((addr & this.mask) >>> 2);
    return Atomics.compareExchange(this.u32, at, expected, value);
  }

  /**
   * {@link cas32} for 64 bits. Returns the low half of the old value; `hi` has the high one. Atomic only among callers in one
   * JavaScript thread: memory shared with workers has no 64-bit exchange on 32-bit words.
   */
  cas64(addr: Addr, expectedLo: number, expectedHi: number, lo: number, hi: number): number {
    const word = this.writableWord(addr);
    if (word < 0) return -1;
    const at = word + ((addr & this.mask) >>> 2);
    const oldLo = this.u32[at]!;
    const oldHi = this.u32[at + 1]!;
    if (oldLo === expectedLo >>> 0 && oldHi === expectedHi >>> 0) {
      this.u32[at] = lo;
      this.u32[at + 1] = hi;
    }
    this.hi = oldHi;
    return oldLo;
  }

  // --- the slow paths

  /**
   * Handles a load or store that misses the TLB: walks, and faults until the access is permitted or fails.
   *
   * @returns the index of the frame's first word, or -1 with `fault` set
   */
  private miss(addr: Addr, access: number): number {
    for (;;) {
      const word = refill(this.state, addr, access);
      if (word >= 0) return word;
      const result = doPageFault(this.cur, addr, access);
      if (result !== 0) {
        this.fault = result;
        return -1;
      }
    }
  }

  private writableWord(addr: Addr): number {
    const off = addr & this.mask;
    const i = (addr >>> this.shift) & INDEX_MASK;
    return this.writeTag[i] === addr - off ? this.word[i]! : this.miss(addr, ACCESS_WRITE);
  }

  /** Loads up to four bytes that may lie in two pages. */
  private loadBytes(addr: Addr, bytes: number): number {
    let value = 0;
    for (let i = 0; i < bytes; i++) {
      const byte = this.load8(addr + i);
      if (byte < 0) return -1;
      value |= byte << (8 * i);
    }
    return value >>> 0;
  }

  private load64Unaligned(addr: Addr): number {
    const lo = this.load32(addr);
    if (lo < 0) return -1;
    const hi = this.load32(addr + 4);
    if (hi < 0) return -1;
    this.hi = hi;
    return lo;
  }

  /** Stores across pages: writes nothing unless both pages permit it. */
  private storeBytes(addr: Addr, value: number, bytes: number): number {
    if (!this.mayStore(addr, bytes)) return -1;
    for (let i = 0; i < bytes; i++) this.store8(addr + i, (value >>> (8 * i)) & 0xff);
    return 0;
  }

  private store64Unaligned(addr: Addr, lo: number, hi: number): number {
    if (!this.mayStore(addr, 8)) return -1;
    for (let i = 0; i < 4; i++) this.store8(addr + i, (lo >>> (8 * i)) & 0xff);
    for (let i = 0; i < 4; i++) this.store8(addr + 4 + i, (hi >>> (8 * i)) & 0xff);
    return 0;
  }

  /** Checks both pages of an access that may lie across two. */
  private mayStore(addr: Addr, bytes: number): boolean {
    if (this.writableWord(addr) < 0) return false;
    const off = addr & this.mask;
    if (off + bytes <= this.mask + 1) return true;
    return this.writableWord(addr - off + this.mask + 1) >= 0;
  }
}

/**
 * Joins the halves of a 64-bit value to one number; exact below 2^53.
 */
export function join64(lo: number, hi: number): number {
  return hi * TWO32 + lo;
}
