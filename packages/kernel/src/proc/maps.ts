/**
 * /proc/PID/maps: one line per mapping. Mirrors show_map_vma of fs/proc/task_mmu.c.
 */
import { VM_EXEC, VM_MAYSHARE, VM_READ, VM_WRITE, type GateArea, type Mm, type Vma } from '@vmarea/mm-core';
import { TextWriter } from './text-writer.ts';

/** Reads the text that a 4.4 name of anonymous memory points to; null when it cannot be read. */
export type ReadName = (mm: Mm, address: number) => string | null;

/** The column where names begin: 25 + 6 * sizeof(void *) - 1, and one blank. */
const NAME_COLUMN = 72;

/** Returns whether a mapping is labelled as the heap. */
function isHeap(mm: Mm, vma: Vma): boolean {
  if (mm.system.profile.proc.heapLabelOverlaps) return vma.vmStart < mm.brk && vma.vmEnd > mm.startBrk;
  return vma.vmStart <= mm.brk && vma.vmEnd >= mm.startBrk;
}

/**
 * Returns the name of a mapping, or '' when it has none.
 *
 * @param readName for names that are user addresses
 */
export function vmaName(mm: Mm, vma: Vma, readName: ReadName | null): string {
  if (vma.vmFile !== null) return vma.vmFile.path();
  const own = vma.vmOps?.name?.(vma) ?? null;
  if (own !== null) return own;
  if (isHeap(mm, vma)) return '[heap]';
  if (vma.vmStart <= mm.startStack && vma.vmEnd >= mm.startStack) return '[stack]';
  if (vma.anonName === null) return '';
  const text = typeof vma.anonName === 'string' ? vma.anonName : readName?.(mm, vma.anonName);
  return text == null ? '[anon:<fault>]' : `[anon:${text}]`;
}

function ascii(text: string): number[] {
  return Array.from(text, (c) => c.charCodeAt(0));
}

/** The two digits of each byte, as a little-endian half-word, which halves the number of stores. */
const HEX = new Uint16Array(256);
for (let i = 0; i < 256; i++) {
  const [high, low] = ascii(i.toString(16).padStart(2, '0'));
  HEX[i] = high! | (low! << 8);
}
/** The text after the flags of a mapping without a file: offset, device, inode, each 0; as little-endian words, and its width. */
const NO_FILE = new Uint32Array(new Uint8Array(ascii(' 00000000 00:00 0   ')).buffer);
const NO_FILE_BYTES = 18;
/** Room for two addresses of 16 digits, the characters between, and NO_FILE. */
const HEAD_ROOM = 64;

/** Writes an address of at least 8 digits. @returns the position of the next byte */
function putAddress(out: DataView, from: number, value: number): number {
  let at = from;
  let high = Math.floor(value * 2 ** -32);
  if (high !== 0) {
    at += (35 - Math.clz32(high)) >> 2;
    let k = at;
    while (high > 15) {
      k -= 2;
      out.setUint16(k, HEX[high & 255]!, true);
      high >>>= 8;
    }
    if (k > from) out.setUint8(from, HEX[high]! >> 8);
  }
  const low = value >>> 0;
  out.setUint16(at, HEX[low >>> 24]!, true);
  out.setUint16(at + 2, HEX[(low >>> 16) & 255]!, true);
  out.setUint16(at + 4, HEX[(low >>> 8) & 255]!, true);
  out.setUint16(at + 6, HEX[low & 255]!, true);
  return at + 8;
}

/** Writes `START-END rwxp` without a call per byte: with them a line takes four times as long. */
function putRange(out: DataView, from: number, vma: Vma): number {
  let at = putAddress(out, from, vma.vmStart);
  out.setUint8(at, 0x2d);
  at = putAddress(out, at + 1, vma.vmEnd);
  const flags = vma.vmFlags;
  const read = (flags & VM_READ) !== 0 ? 0x72 : 0x2d;
  const write = (flags & VM_WRITE) !== 0 ? 0x77 : 0x2d;
  const exec = (flags & VM_EXEC) !== 0 ? 0x78 : 0x2d;
  out.setUint32(at, 0x20 | (read << 8) | (write << 16) | (exec << 24), true);
  out.setUint8(at + 4, (flags & VM_MAYSHARE) !== 0 ? 0x73 : 0x70);
  return at + 5;
}

/** Writes one line of maps, which is also the first line in smaps. */
export function showMapVma(out: TextWriter, mm: Mm, vma: Vma, readName: ReadName | null): void {
  const file = vma.vmFile;
  const room = out.room(HEAD_ROOM);
  const at = putRange(room, out.size, vma);
  if (file === null) {
    for (let i = 0; i < NO_FILE.length; i++) room.setUint32(at + i * 4, NO_FILE[i]!, true);
    out.advance(at + NO_FILE_BYTES);
  } else {
    out.advance(at);
    out.byte(0x20);
    out.hex(vma.vmPgoff * mm.system.pageSize, 8);
    out.byte(0x20);
    out.hex(file.fInode.devMajor, 2);
    out.byte(0x3a);
    out.hex(file.fInode.devMinor, 2);
    out.byte(0x20);
    out.decimal(file.fInode.ino);
    out.byte(0x20);
  }
  const name = vmaName(mm, vma, readName);
  if (name !== '') {
    out.pad(NAME_COLUMN);
    out.path(name);
  }
  out.newline();
}

/** Writes the line of the gate area (gate_vma), which is no mapping. */
export function showGateArea(out: TextWriter, gate: GateArea): void {
  out.text(`${gate.start}-${gate.end} ${gate.perms} 00000000 00:00 0 `);
  out.pad(NAME_COLUMN);
  out.text(gate.name);
  out.newline();
}

/** Writes the whole of /proc/PID/maps. */
export function showMaps(mm: Mm, readName: ReadName | null = null): TextWriter {
  const out = new TextWriter(64 * (mm.mapCount + 1));
  for (let vma = mm.tree.first; vma !== null; vma = vma.vmNext) showMapVma(out, mm, vma, readName);
  const gate = mm.system.arch.gateArea;
  if (gate !== null) showGateArea(out, gate);
  return out;
}
