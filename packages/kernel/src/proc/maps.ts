/**
 * /proc/PID/maps: one line per mapping. Mirrors show_map_vma of fs/proc/task_mmu.c.
 */
import { VM_EXEC, VM_MAYSHARE, VM_READ, VM_WRITE, type GateArea, type Mm, type Vma } from '@vmarea/mm-core';
import { TextWriter } from './text-writer.ts';

/** Reads the text that a 4.4 name of anonymous memory points to; null when it cannot be read. */
export type ReadName = (mm: Mm, address: number) => string | null;

/** The column where names begin: 25 + 6 * sizeof(void *) - 1, and one blank. */
const NAME_COLUMN = 72;

/** Returns whether the mapping [start, end) is labelled as the heap. */
function isHeap(mm: Mm, start: number, end: number): boolean {
  if (mm.system.profile.proc.heapLabelOverlaps) return start < mm.brk && end > mm.startBrk;
  return start <= mm.brk && end >= mm.startBrk;
}

/** Returns the name of a mapping that has none of its own. */
function placeName(mm: Mm, start: number, end: number): string {
  if (isHeap(mm, start, end)) return '[heap]';
  return start <= mm.startStack && end >= mm.startStack ? '[stack]' : '';
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
  const place = placeName(mm, vma.vmStart, vma.vmEnd);
  if (place !== '') return place;
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
/** The bytes of the text after the flags of a mapping without a file: offset, device, inode. */
const NO_FILE_BYTES = 18;
/** Room for two addresses of 16 digits, the characters between, the text of a mapping without a file, and a newline. */
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

/** Writes ` rwxp`. @returns the position of the next byte */
function putFlags(out: DataView, at: number, flags: number): number {
  const read = (flags & VM_READ) !== 0 ? 0x72 : 0x2d;
  const write = (flags & VM_WRITE) !== 0 ? 0x77 : 0x2d;
  const exec = (flags & VM_EXEC) !== 0 ? 0x78 : 0x2d;
  out.setUint32(at, 0x20 | (read << 8) | (write << 16) | (exec << 24), true);
  out.setUint8(at + 4, (flags & VM_MAYSHARE) !== 0 ? 0x73 : 0x70);
  return at + 5;
}

/** Writes ` 00000000 00:00 0 `: offset, device and inode of a mapping without a file. @returns the position of the next byte */
function putNoFile(out: DataView, at: number): number {
  out.setUint32(at, 0x30303020, true);
  out.setUint32(at + 4, 0x30303030, true);
  out.setUint32(at + 8, 0x30302030, true);
  out.setUint32(at + 12, 0x2030303a, true);
  out.setUint16(at + 16, 0x2030, true);
  return at + NO_FILE_BYTES;
}

/** Writes `START-END rwxp` without a call per byte: with them a line takes four times as long. */
function putRange(out: DataView, from: number, vma: Vma): number {
  let at = putAddress(out, from, vma.vmStart);
  out.setUint8(at, 0x2d);
  at = putAddress(out, at + 1, vma.vmEnd);
  return putFlags(out, at, vma.vmFlags);
}

/** Writes one line of maps, which is also the first line in smaps. */
export function showMapVma(out: TextWriter, mm: Mm, vma: Vma, readName: ReadName | null): void {
  const file = vma.vmFile;
  const room = out.room(HEAD_ROOM);
  const at = putRange(room, out.size, vma);
  if (file === null) {
    out.advance(putNoFile(room, at));
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

/** Returns whether a mapping may have a name other than that of its place. */
function hasOwnName(vma: Vma): boolean {
  return vma.vmFile !== null || vma.vmOps !== null || vma.anonName !== null;
}

/**
 * Writes the lines of all mappings. Those without a name of their own are written from their records: no object is made for a
 * plain one. Most mappings touch the one before, so the end of a line is copied to the beginning of the next.
 */
function showMappings(out: TextWriter, mm: Mm, readName: ReadName | null): void {
  const { tree, vmas } = mm;
  let endAt = 0;
  let endBytes = 0;
  let lastEnd = -1;
  // Where a mapping has the name of its place: the bounds of isHeap, and the stack.
  const overlaps = mm.system.profile.proc.heapLabelOverlaps;
  const heapEnd = overlaps ? mm.brk : mm.brk + 1;
  const heapStart = overlaps ? mm.startBrk : mm.startBrk - 1;
  const stack = mm.startStack;
  for (let i = tree.firstSlot(); i !== 0; i = tree.after(i)) {
    const id = tree.idAt(i);
    if (!vmas.isPlain(id) && hasOwnName(vmas.at(id))) {
      showMapVma(out, mm, vmas.at(id), readName);
      lastEnd = -1;
      continue;
    }
    const start = vmas.vmStart(id);
    const end = vmas.vmEnd(id);
    const room = out.room(HEAD_ROOM);
    let at = out.size;
    if (start === lastEnd) {
      // Sixteen bytes, of which only the digits stay.
      for (let k = 0; k < 16; k += 4) room.setUint32(at + k, room.getUint32(endAt + k));
      at += endBytes;
    } else at = putAddress(room, at, start);
    room.setUint8(at, 0x2d);
    endAt = at + 1;
    at = putAddress(room, endAt, end);
    endBytes = at - endAt;
    lastEnd = end;
    at = putNoFile(room, putFlags(room, at, vmas.flags(id)));
    if ((start < heapEnd && end > heapStart) || (start <= stack && end >= stack)) {
      out.advance(at);
      out.pad(NAME_COLUMN);
      out.text(placeName(mm, start, end));
      out.newline();
    } else {
      room.setUint8(at, 0x0a);
      out.endLine(at + 1);
    }
  }
}

/** Writes the whole of /proc/PID/maps. */
export function showMaps(mm: Mm, readName: ReadName | null = null): TextWriter {
  const out = new TextWriter(64 * (mm.mapCount + 1));
  showMappings(out, mm, readName);
  const gate = mm.system.arch.gateArea;
  if (gate !== null) showGateArea(out, gate);
  return out;
}
