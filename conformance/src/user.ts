/**
 * Accesses of the recorded program to its own memory: loads, stores and calls, and the signal of a refused one.
 *
 * Accesses use the page tables and doPageFault, page by page; `done` counts what was done before the fault.
 */
import {
  ACCESS_EXEC,
  ACCESS_READ,
  ACCESS_WRITE,
  accessPfn,
  accessTagged,
  isGuardedPage,
  loadTag,
  storeTag,
  TAG_GRANULE,
} from '@vmarea/mm-core/memory';
import type { Task } from '@vmarea/kernel';
import { ILL_ILLOPC, SEGV_PKUERR, SI_KERNEL, SIGSEGV, signalCodeName, signalName } from '@vmarea/uapi';
import { hex, type Fault, type Ret } from './recording.ts';

/** How an architecture returns from a function: its instruction's bytes. */
const RET_ARM64: readonly number[] = [0xc0, 0x03, 0x5f, 0xd6];
const RET_X86: readonly number[] = [0xc3];
/** `bti c`: where a call may enter a guarded page; elsewhere it does nothing. In the recordings a `ret` is behind it. */
const BTI_C: readonly number[] = [0x5f, 0x24, 0x03, 0xd5];

/** The other instructions that the recordings execute: memory that is all zeroes. */
function isX86(task: Task): boolean {
  return task.kernel.system.arch.name === 'x86-64';
}

/** A signal's code as recordings have it: the recorder had no names for two of SIGSEGV's. */
export function codeAsRecorded(signal: number, code: number): string | number {
  const unnamed = signal === SIGSEGV && (code === SI_KERNEL || code === SEGV_PKUERR);
  return unnamed ? code : signalCodeName(signal, code);
}

/** The fault that was refused last. */
function refusal(task: Task, done: number): Fault {
  const { signal, code, address } = task.cur.call.refused;
  return { sig: signalName(signal), code: codeAsRecorded(signal, code), addr: hex(address), done };
}

/** A pointer of the program: the address, and the tag in its top byte, which a processor of arm64 takes away. */
export interface Pointer {
  readonly addr: number;
  readonly tag: number;
}

/** Returns a pointer for a quantity of a recording. */
export function pointer(task: Task, value: number | bigint): Pointer {
  const register = BigInt.asUintN(64, BigInt(value));
  if (!task.kernel.system.arch.ignoresTopByte) return { addr: Number(register), tag: 0 };
  const top = Number(register >> 55n) & 1;
  // Bit 55 selects the half of the address space: an address of the upper half has its top byte set.
  if (top === 1) return { addr: Number(register), tag: 0 };
  return { addr: Number(BigInt.asUintN(56, register)), tag: Number(register >> 56n) & 15 };
}

/** Visits [addr, addr + len) page by page. Returns the offset of a refused access, or -1. */
function eachPage(
  task: Task,
  { addr, tag }: Pointer,
  len: number,
  access: number,
  visit: (pfn: number, inPage: number, count: number, done: number) => void,
): number {
  const { pageSize, pageMask } = task.kernel.system;
  for (let done = 0; done < len;) {
    const at = addr + done;
    const pfn = accessTagged(task.cur, at, tag, access);
    if (pfn < 0) return done;
    const inPage = at & pageMask;
    const count = Math.min(pageSize - inPage, len - done);
    visit(pfn, inPage, count, done);
    done += count;
  }
  return -1;
}

/** Reads bytes. Returns hex, or the fault. */
export function readBytes(task: Task, addr: Pointer, count: number): Ret {
  const bytes = new Uint8Array(count);
  const { physical } = task.kernel.memory!;
  const stopped = eachPage(task, addr, count, ACCESS_READ, (pfn, inPage, n, done) => {
    physical.readBytes(pfn, inPage, bytes, done, n);
  });
  return stopped < 0 ? Buffer.from(bytes).toString('hex') : refusal(task, stopped);
}

/** Writes bytes. Returns their count, or the fault. */
export function writeBytes(task: Task, addr: Pointer, bytes: Uint8Array): Ret {
  const { physical } = task.kernel.memory!;
  const stopped = eachPage(task, addr, bytes.length, ACCESS_WRITE, (pfn, inPage, n, done) => {
    physical.writeBytes(pfn, inPage, bytes, done, n);
  });
  return stopped < 0 ? bytes.length : refusal(task, stopped);
}

/** Fills with one byte. Returns the length, or the fault. */
export function fillBytes(task: Task, addr: Pointer, len: number, byte: number): Ret {
  const { physical } = task.kernel.memory!;
  const stopped = eachPage(task, addr, len, ACCESS_WRITE, (pfn, inPage, n) => {
    physical.fillBytes(pfn, inPage, n, byte);
  });
  return stopped < 0 ? len : refusal(task, stopped);
}

/** Loads (byte null) or stores one byte per page. Returns the pages, or the fault with the pages done. */
export function touch(task: Task, { addr, tag }: Pointer, len: number, byte: number | null): Ret {
  const { physical } = task.kernel.memory!;
  const { pageSize, pageMask } = task.kernel.system;
  let pages = 0;
  for (let at = addr; at < addr + len; at += pageSize) {
    const pfn = accessTagged(task.cur, at, tag, byte === null ? ACCESS_READ : ACCESS_WRITE);
    if (pfn < 0) return refusal(task, pages);
    if (byte !== null) physical.fillBytes(pfn, at & pageMask, 1, byte);
    pages++;
  }
  return pages;
}

/** Returns the 64-bit FNV-1a hash of the bytes, or the fault. */
export function hash(task: Task, addr: Pointer, len: number): Ret {
  const { physical } = task.kernel.memory!;
  const page = new Uint8Array(task.kernel.system.pageSize);
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  const stopped = eachPage(task, addr, len, ACCESS_READ, (pfn, inPage, count) => {
    physical.readBytes(pfn, inPage, page, 0, count);
    for (let i = 0; i < count; i++) {
      low = (low ^ page[i]!) >>> 0;
      // times 0x100000001b3, modulo 2^64
      const product = low * 0x1b3;
      high = (high * 0x1b3 + Math.floor(product / 0x1_0000_0000) + low * 256) % 0x1_0000_0000;
      low = product % 0x1_0000_0000;
    }
  });
  if (stopped >= 0) return refusal(task, stopped);
  return hex64(high, low);
}

function hex64(high: number, low: number): string {
  const value = (BigInt(high) << 32n) | BigInt(low);
  return `0x${value.toString(16)}`;
}

/** Stores a `ret` instruction. Returns 0, or the fault. */
export function putRet(task: Task, addr: Pointer): Ret {
  const stored = writeBytes(task, addr, Uint8Array.from(isX86(task) ? RET_X86 : RET_ARM64));
  return typeof stored === 'number' ? 0 : stored;
}

/** Calls code. Returns 0 when the code returns, or the fault. */
export function call(task: Task, { addr }: Pointer): Ret {
  const pfn = accessPfn(task.cur, addr, ACCESS_EXEC);
  if (pfn < 0) return refusal(task, 0);
  const bytes = new Uint8Array(4);
  task.kernel.memory!.physical.readBytes(pfn, addr & task.kernel.system.pageMask, bytes, 0, 4);
  if (isGuardedPage(task.mm, addr)) {
    const lands = BTI_C.every((byte, i) => bytes[i] === byte);
    return lands ? 0 : { sig: 'SIGILL', code: ILL_ILLOPC, addr: hex(addr), done: 0 };
  }
  const ret = isX86(task) ? RET_X86 : RET_ARM64;
  if (BTI_C.every((byte, i) => bytes[i] === byte)) return 0;
  if (ret.every((byte, i) => bytes[i] === byte)) return 0;
  if (bytes.every((byte) => byte === 0)) {
    if (!isX86(task)) return { sig: 'SIGILL', code: ILL_ILLOPC, addr: hex(addr), done: 0 };
    // Zeroes are `add %al,(%rax)`, and rax is the called address: the executed page is written.
    if (accessPfn(task.cur, addr, ACCESS_WRITE) < 0) return refusal(task, 0);
  }
  throw new Error(`conformance: call ${hex(addr)}: the instruction there is none that recordings execute`);
}

/** Stores the pointer's tag for each 16 bytes. Returns their number, or the fault. */
export function setTags(task: Task, { addr, tag }: Pointer, len: number): Ret {
  let done = 0;
  for (let at = addr; at < addr + len; at += TAG_GRANULE, done++) {
    if (storeTag(task.cur, at, tag) < 0) return refusal(task, done);
  }
  return done;
}

/** Loads the tag of 16 bytes. Returns it, or the fault. */
export function getTag(task: Task, { addr }: Pointer): Ret {
  const tag = loadTag(task.cur, addr);
  return tag < 0 ? refusal(task, 0) : tag;
}
