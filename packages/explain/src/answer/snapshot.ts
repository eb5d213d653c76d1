/**
 * The parts of the state before a call that the answer describes: the map, counters, and what the call's range contains.
 */
import { countVmaPagesRange, findVmaIntersection, VM_LOCKED, vmStartGap } from '@vmarea/mm-core';
import { MAP_FIXED, MAP_FIXED_NOREPLACE } from '@vmarea/uapi';
import { bytes } from '@vmarea/what-if';
import { hex } from '../calls/verbs.ts';
import { areaName } from './figures.ts';
import type { Subject } from './subject.ts';

/** The state before a call. */
export interface Snapshot {
  /** /proc/PID/maps. */
  readonly maps: string;
  /** Pages of Committed_AS. */
  readonly committed: number;
  readonly mapCount: number;
  /** Pages of locked mappings. */
  readonly locked: number;
  /** Whether mlockall(MCL_FUTURE) is in force. */
  readonly lockFuture: boolean;
  readonly brk: number;
  /** Why a hint cannot be used; empty when it can, or when there is none. */
  readonly hintDropped: string;
  /** The first areas in the call's range, formatted. */
  readonly inRange: readonly string[];
  /** The number of further areas in the range. */
  readonly inRangeMore: number;
  /** Pages mapped in the call's range. */
  readonly mappedInRange: number;
}

const SHOWN_AREAS = 3;

/** Returns why get_unmapped_area cannot use the hint of this mmap; empty when it can. */
function whyHintIsDropped(s: Subject): string {
  const { mm, system } = s;
  const given = s.arg('addr');
  if (s.call.name !== 'mmap' || given === 0 || (s.arg('flags') & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0) return '';
  const addr = Math.ceil(Math.max(given, system.mmapMinAddr) / system.pageSize) * system.pageSize;
  const len = s.length;
  const end = addr + len;
  if (end > mm.taskSize)
    return `it would end at ${hex(end)}, beyond the addresses of a program, which end at ${hex(mm.taskSize)}`;
  const { mapWindow, map32Bit } = system.arch;
  if (map32Bit !== null && s.hasFlag(map32Bit.flag) && end > map32Bit.end)
    return `it would end at ${hex(end)}, and MAP_32BIT keeps mappings below ${hex(map32Bit.end)}`;
  if (addr <= mapWindow && end > mapWindow)
    return `it would lie across ${hex(mapWindow)}, where the addresses of 4 levels of page tables end`;
  const next = findVmaIntersection(mm, addr, mm.taskSize);
  if (next === null) return '';
  if (next.vmStart < end) return `${areaName(s, next)} is there already`;
  if (vmStartGap(mm, next) < end)
    return `it would lie in the guard gap of ${bytes(system.stackGuardGap)} below ${areaName(s, next)}`;
  return '';
}

/** Returns the range of the call: start and end; null for a call without one. */
export function namedRange(s: Subject): readonly [start: number, end: number] | null {
  const at = s.arg('addr');
  const length = s.arg('old_len') > 0 ? s.arg('old_len') : s.length;
  if (s.call.name === 'brk' || !(at > 0) || !(length > 0)) return null;
  return [at, at + length];
}

/** Takes a snapshot. */
export function takeSnapshot(s: Subject): Snapshot {
  const { mm, system } = s;
  const range = namedRange(s);
  const inRange: string[] = [];
  let more = 0;
  let mapped = 0;
  if (range !== null && range[1] <= mm.taskSize) {
    const [start, end] = range;
    mapped = countVmaPagesRange(mm, start, end);
    let vma = findVmaIntersection(mm, start, end);
    for (; vma !== null && vma.vmStart < end; vma = vma.vmNext) {
      if (inRange.length < SHOWN_AREAS) inRange.push(areaName(s, vma));
      else more++;
    }
  }
  return {
    maps: s.task.kernel.proc.maps(s.task),
    committed: system.committedAs,
    mapCount: mm.mapCount,
    locked: mm.lockedVm,
    lockFuture: (mm.defFlags & VM_LOCKED) !== 0,
    brk: mm.brk,
    hintDropped: whyHintIsDropped(s),
    inRange,
    inRangeMore: more,
    mappedInRange: mapped,
  };
}
