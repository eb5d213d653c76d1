/**
 * Takes the map of an address space, as lines that can be compared with those of a real /proc/PID/maps.
 */
import {
  VM_EXEC,
  VM_MAYSHARE,
  VM_READ,
  VM_WRITE,
  whyNotMerged,
  type GateArea,
  type Mm,
  type Vma,
} from '@vmarea/mm-core';
import { VMA_MERGE_ANON_VMA, VMA_MERGE_PGOFF } from '@vmarea/mm-core/reasons';
import { nameInMap } from '@vmarea/situation';
import type { MapsLine } from '@vmarea/strace';
import type { Border } from '../report/report.ts';
import type { HeldMap } from '../stacks/ledger.ts';
import type { Space } from '../process/process.ts';
import type { RecordedFiles } from '../process/recorded-files.ts';

/** One line, and facts for its comparison. */
export interface SnapshotLine extends MapsLine {
  /** Whether device and inode only identify the file: the log does not contain the real ones. */
  readonly anyDevice: boolean;
  /** Whether it could join the line before it if memory had not been assumed as written. */
  readonly touchedApart: boolean;
}

/** A map at a moment of the log. */
export interface Snapshot {
  readonly pid: number;
  readonly line: number;
  readonly moment: string;
  readonly lines: readonly SnapshotLine[];
  readonly space: Space;
  readonly borders: readonly Border[];
  /** Null unless stacks are followed. */
  readonly held: HeldMap | null;
}

/** Returns whether only the assumption that both were written keeps two neighbours apart. */
export function apartByTouch(prev: Vma, next: Vma): boolean {
  if (prev.vmEnd !== next.vmStart || prev.vmFile !== next.vmFile) return false;
  const why = whyNotMerged(prev, next);
  // A moved area keeps its offsets once it has an anon_vma.
  return why === VMA_MERGE_ANON_VMA || (why === VMA_MERGE_PGOFF && prev.vmFile === null);
}

/** Returns one mapping as a line. */
export function mapsLineOf(
  mm: Mm,
  vma: Vma,
  files: RecordedFiles,
  labels: ReadonlyMap<number, string> | null = null,
): SnapshotLine {
  const file = vma.vmFile;
  const flags = vma.vmFlags;
  return {
    start: vma.vmStart,
    end: vma.vmEnd,
    read: (flags & VM_READ) !== 0,
    write: (flags & VM_WRITE) !== 0,
    exec: (flags & VM_EXEC) !== 0,
    shared: (flags & VM_MAYSHARE) !== 0,
    offset: file === null ? 0 : vma.vmPgoff * mm.system.pageSize,
    major: file === null ? 0 : file.fInode.devMajor,
    minor: file === null ? 0 : file.fInode.devMinor,
    inode: file === null ? 0 : file.fInode.ino,
    name: nameInMap(mm, vma, labels),
    anyDevice: file !== null && files.owns(file),
    touchedApart: vma.vmPrev !== null && (file === null || files.owns(file)) && apartByTouch(vma.vmPrev, vma),
  };
}

/** All mappings, and behind them the gate area of an architecture that has one. */
export function snapshotLines(
  mm: Mm,
  files: RecordedFiles,
  labels: ReadonlyMap<number, string> | null = null,
): SnapshotLine[] {
  const lines: SnapshotLine[] = [];
  for (let vma = mm.tree.first; vma !== null; vma = vma.vmNext) lines.push(mapsLineOf(mm, vma, files, labels));
  const gate = mm.system.arch.gateArea;
  if (gate !== null) lines.push(gateLineOf(gate));
  return lines;
}

/** The line of an area that is no mapping: an architecture's gate area. */
function gateLineOf(gate: GateArea): SnapshotLine {
  const [read, write, exec] = gate.perms;
  return {
    start: Number(`0x${gate.start}`),
    end: Number(`0x${gate.end}`),
    read: read === 'r',
    write: write === 'w',
    exec: exec === 'x',
    shared: false,
    offset: 0,
    major: 0,
    minor: 0,
    inode: 0,
    name: gate.name,
    anyDevice: false,
    touchedApart: false,
  };
}

/** Returns the mappings around an address: at most `count` on either side. */
export function linesAround(mm: Mm, files: RecordedFiles, address: number, count: number = 2): SnapshotLine[] {
  let at = mm.tree.first;
  while (at !== null && at.vmEnd <= address && at.vmNext !== null) at = at.vmNext;
  for (let i = 0; i < count && at !== null && at.vmPrev !== null; i++) at = at.vmPrev;
  const lines: SnapshotLine[] = [];
  for (let i = 0; i <= 2 * count && at !== null; i++, at = at.vmNext) lines.push(mapsLineOf(mm, at, files));
  return lines;
}
