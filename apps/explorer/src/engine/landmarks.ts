/** What the map shows beside areas: mmap_base, guard gaps, what a call named, and the hole that was chosen for it. */
import type { Area, Change, History, Step } from '@vmarea/history';
import { VM_GROWSDOWN } from '@vmarea/mm-core';
import { parseRegister } from '@vmarea/strace';
import type { Landmarks, Range } from './protocol.ts';

/** Calls that choose an address, with the flag that forbids a choice. */
const CHOOSE: Readonly<Record<string, RegExp>> = {
  mmap: /\bMAP_FIXED(?:_NOREPLACE)?\b/,
  mmap2: /\bMAP_FIXED(?:_NOREPLACE)?\b/,
  mremap: /\bMREMAP_FIXED\b/,
  shmat: /\bSHM_REMAP\b/,
};

/** An address that a browser's numbers hold exactly; -1 for any other. */
function exact(address: number | bigint | null): number {
  return typeof address === 'number' && address > 0 ? address : -1;
}

/** The guard gap of each area that grows down, as far as it is free. */
function guardsOf(areas: readonly Area[], guardGap: number): Range[] {
  const guards: Range[] = [];
  for (const [i, { start, flags }] of areas.entries()) {
    if ((flags & VM_GROWSDOWN) === 0) continue;
    const low = Math.max(0, start - guardGap, areas[i - 1]?.end ?? 0);
    if (low < start) guards.push([low, start]);
  }
  return guards;
}

/**
 * Finds the hole of the moment before that has the new memory in it.
 *
 * @param lowest where the hole below all areas begins
 */
function holeOf(before: readonly Area[], given: number, lowest: number, highest: number): Range | null {
  let low = lowest;
  for (const { start, end } of before) {
    if (given < start) return given >= low ? [low, start] : null;
    low = Math.max(low, end);
  }
  return given >= low && low < highest ? [low, highest] : null;
}

/** What a machine says about the ranges that it leaves free. */
export interface Limits {
  /** Bytes kept free below an area that grows down. */
  readonly guardGap: number;
  /** The lowest address that is given, and the end of the address space. */
  readonly window: Range;
}

/** A moment of an address space. */
export interface Shown {
  readonly space: number;
  readonly areas: readonly Area[];
  /** The step that led to it, when it is one of this address space; else null. */
  readonly step: Step | null;
  /** What the step changed. */
  readonly changes: readonly Change[];
}

/** Finds the landmarks of a moment. */
export function landmarksOf(history: History, { areas, space, step, changes }: Shown, limits: Limits): Landmarks {
  const { mmapBase, searchesUp } = history.spaces[space]!;
  const common = { mmapBase, searchesUp, guards: guardsOf(areas, limits.guardGap) };
  const none = { ...common, named: -1, isHint: false, given: -1, hole: null };
  if (step?.kind !== 'call') return none;
  const { name, text, result } = step;
  // shmat names the address as its second argument.
  const named = exact(parseRegister(text.split(',')[name === 'shmat' ? 1 : 0]?.trim() ?? ''));
  const fixed = CHOOSE[name];
  const chooses = fixed !== undefined && !fixed.test(text);
  const given = fixed !== undefined && result !== null && result > 0 ? result : -1;
  // mremap that stays where it was chose nothing.
  const moved = chooses && given >= 0 && changes.length > 0 && !(name === 'mremap' && given === named);
  const hole = moved ? holeOf(history.at(step.moment - 1, space), given, ...limits.window) : null;
  return { ...none, named, isHint: chooses && name !== 'mremap', given, hole };
}
