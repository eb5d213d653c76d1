/**
 * Whether and where a size fits into the address space of a map: asked of the kernel's own search, on the map restored; and
 * with random addresses, in how many of 10,000 drawn layouts.
 *
 * A map shows one layout. For the others its parts are moved as exec would place them: the mapping area below its
 * random base, a position-independent program and its heap, the stack. What stands elsewhere (low addresses that a program asked
 * for) stays.
 */
import { createKernel, type Task } from '@vmarea/kernel';
import { pickMmapLayout, type Arch } from '@vmarea/mm-core';
import { Shmem } from '@vmarea/shmem';
import {
  archOf,
  arm64VaBits,
  inferSituation,
  isModelled,
  machineOf,
  MapFiles,
  restoreMap,
  SituationError,
  type Situation,
} from '@vmarea/situation';
import type { MapsLine } from '@vmarea/strace';
import {
  ADDR_COMPAT_LAYOUT,
  errnoName,
  MAP_ANONYMOUS,
  MAP_NORESERVE,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from '@vmarea/uapi';
import { givenFacts } from '../options/situation.ts';
import type { SituationOptions } from '../options/vocabulary.ts';

/** Addresses: the first byte, and the first byte behind. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** What is asked. */
export interface FitQuestion {
  /** In the order of addresses, without `[vsyscall]`. */
  readonly lines: readonly MapsLine[];
  /** Bytes; 0: only the range is asked about. */
  readonly need: number;
  /** Where it must lie; null: anywhere. */
  readonly within: Range | null;
  /** An address with which the range moves: code that must be reached from there. Null: the range is fixed. */
  readonly anchor: number | null;
  /** What the options say of the machine; the map tells the rest. */
  readonly machine: SituationOptions;
}

/** Where `mmap(NULL, need)` goes on one machine. */
export interface Placement {
  readonly pageSize: number;
  readonly vaBits: number;
  readonly layout: 'top-down' | 'bottom-up';
  /** Null when it fits nowhere, or was not asked. */
  readonly at: number | null;
  /** Whether the search was asked: not where the map as it is does not fit the machine. */
  readonly asked: boolean;
  /** Why not; empty when it fits. */
  readonly why: string;
}

/** How it goes with random addresses. */
export interface Draws {
  readonly pageSize: number;
  readonly vaBits: number;
  readonly drawn: number;
  readonly fits: number;
  /** Bytes of the largest hole (in the range): the smallest and the greatest of all layouts. */
  readonly least: number;
  readonly most: number;
  /** Areas that were moved with each part, and that stayed. */
  readonly moved: Readonly<Record<'mapping area' | 'program' | 'heap' | 'stack' | 'fixed', number>>;
}

/** The answer. */
export interface Fit {
  readonly placements: readonly Placement[];
  readonly draws: readonly Draws[];
  /** Why no layout was drawn; empty when some were. */
  readonly notDrawn: string;
  /** What the architecture is taken to be, and whether its placement is modelled. */
  readonly architecture: string;
  readonly modelled: boolean;
  /** Areas that lie in the range, in the map as it is; empty when none is asked about. */
  readonly inTheWay: readonly MapsLine[];
}

/** Layouts that are drawn. */
const DRAWN = 10_000;

/** An architecture with what exec draws from: all that are modelled have it. */
type RandomArch = Arch & { readonly stackRndPages: number; readonly mmapRndBits: number };

/** A process on a machine that refuses nothing but for want of addresses. */
function emptyProcess(situation: Situation): { task: Task; arch: RandomArch } {
  const spec = machineOf(situation);
  const arch = archOf(spec) as RandomArch;
  const enough = 2 ** 40;
  const kernel = createKernel({
    arch,
    profile: spec.profile,
    config: spec.config,
    sysctl: { ...spec.sysctl, maxMapCount: 2 ** 31 - 1, overcommitMemory: 1 },
    memory: false,
    ram: { totalPages: () => enough, guessFreePages: () => enough, swapPages: () => enough },
    sharedMemory: (system) => new Shmem(system),
  });
  return { task: kernel.spawn(), arch };
}

/** Page sizes of which all borders of a map are multiples. */
function pageSizesOf(lines: readonly MapsLine[]): number[] {
  const fits = (size: number): boolean =>
    lines.every(({ start, end, offset }) => start % size === 0 && end % size === 0 && offset % size === 0);
  return [4096, 16384, 65536].filter(fits);
}

/** The situations that are asked about: each page size that the map fits, with its address bits. */
function situationsOf({ lines, machine }: FitQuestion): Situation[] {
  const given = givenFacts(machine);
  const sizes = given.pageSize === undefined ? pageSizesOf(lines) : [given.pageSize];
  const found: Situation[] = [];
  for (const pageSize of sizes) {
    try {
      const situation = inferSituation({
        given: { ...given, pageSize, mapBefore: { lines, source: 'the map' } },
        clues: null,
      });
      if (situation.architecture.value === 'arm64' && !arm64VaBits(pageSize).includes(situation.vaBits.value)) continue;
      found.push(situation);
    } catch (error) {
      // Page sizes and address bits that this architecture is not built with; what the user asked for is told.
      if (!(error instanceof SituationError) || given.pageSize !== undefined || pageSize === sizes[0]) throw error;
    }
  }
  return found;
}

/** Asks the kernel's search, top-down and bottom-up. */
function placementsOf(situation: Situation, question: FitQuestion): Placement[] {
  const { lines, need } = question;
  const { task } = emptyProcess(situation);
  const base = { pageSize: situation.pageSize.value, vaBits: situation.vaBits.value, at: null, asked: true };
  try {
    const files = new MapFiles(task.kernel.system, () => undefined);
    restoreMap(task, lines, { open: (line) => files.open(line), randomized: 'unknown' });
  } catch (error) {
    if (error instanceof SituationError)
      return [{ ...base, asked: false, layout: 'top-down', why: error.message.replace(/^the map before, /, '') }];
    throw error;
  }
  const ask = (layout: Placement['layout']): Placement => {
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    const at = task.sys.mmap(0, need, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (at < 0) return { ...base, layout, why: errnoName(at) };
    task.sys.munmap(at, need);
    return { ...base, layout, at, why: '' };
  };
  if (task.mm.mmapLegacy) return [ask('bottom-up')];
  const topDown = ask('top-down');
  task.cur.personality |= ADDR_COMPAT_LAYOUT;
  pickMmapLayout(task.cur, 0);
  return [topDown, ask('bottom-up')];
}

/** The parts of an address space that exec places apart. */
interface Parts {
  readonly fixed: readonly MapsLine[];
  readonly program: readonly MapsLine[];
  readonly heap: readonly MapsLine[];
  readonly area: readonly MapsLine[];
  readonly stack: readonly MapsLine[];
}

/** Null for a map that shows no stack: it is a part of one. */
function partsOf(lines: readonly MapsLine[]): Parts | null {
  const stack = lines.find(({ name }) => name === '[stack]');
  if (stack === undefined) return null;
  const below = lines.filter((line) => line.end <= stack.start);
  const heap = below.filter(({ name }) => name === '[heap]');
  const files = below.filter(({ name }) => name.startsWith('/'));
  const before = files.filter(({ end }) => heap.length === 0 || end <= heap[0]!.start);
  const name = (heap.length > 0 ? before.at(-1) : files[0])?.name ?? '';
  const own = below.filter((line) => name !== '' && line.name === name);
  const [first] = own;
  let last = own.at(-1)?.end ?? 0;
  // bss follows the program's own areas.
  for (const line of below) if (line.name === '' && line.start === last) last = line.end;
  const isProgram = (line: MapsLine): boolean => first !== undefined && line.start >= first.start && line.end <= last;
  const others = below.filter((line) => !isProgram(line) && line.name !== '[heap]');
  // The mapping area hangs below the stack: everything from there down to the first gap that is wider than all of it.
  const area = hanging(others);
  const hangs = new Set(area);
  return {
    fixed: others.filter((line) => !hangs.has(line)),
    program: below.filter(isProgram),
    heap,
    area,
    stack: lines.filter((line) => line.start >= stack.start),
  };
}

/** The lines at the top of a list that belong together: no gap below them is as wide as sixteen times what lies above it. */
function hanging(lines: readonly MapsLine[]): readonly MapsLine[] {
  const top = lines.at(-1)?.end ?? 0;
  let first = lines.length - 1;
  for (; first > 0; first--) {
    const line = lines[first]!;
    const gap = line.start - lines[first - 1]!.end;
    if (gap > Math.max(2 ** 36, 16 * (top - line.start))) break;
  }
  return lines.slice(Math.max(0, first));
}

/** What is occupied, with holes that are too small to matter filled in. */
function spansOf(lines: readonly MapsLine[], need: number): Range[] {
  const spans: { start: number; end: number }[] = [];
  for (const { start, end } of lines) {
    const last = spans.at(-1);
    if (last !== undefined && start - last.end < need) last.end = end;
    else spans.push({ start, end });
  }
  return spans;
}

/** Bytes of the largest hole between spans, within a range. */
function largestHole(spans: Range[], within: Range): number {
  spans.sort((a, b) => a.start - b.start);
  let largest = 0;
  let at = within.start;
  for (const { start, end } of spans) {
    largest = Math.max(largest, Math.min(start, within.end) - at);
    at = Math.max(at, end);
  }
  return Math.max(largest, within.end - at);
}

/** Random numbers that are the same in every run: mulberry32. */
function randomNumbers(): (below: number) => number {
  let state = 0x9e3779b9;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return (below) => Math.floor(((next() + next() / 2 ** 32) % 1) * below);
}

/** Bytes by which exec displaces the heap, at most: arm64 1 GiB, x86-64 32 MiB (arch_randomize_brk). */
function brkRange(situation: Situation): number {
  return situation.architecture.value === 'x86-64' ? 2 ** 25 : 2 ** 30;
}

/** Draws layouts. */
function drawsOf(situation: Situation, question: FitQuestion, parts: Parts): Draws {
  const { need, within } = question;
  const { task, arch } = emptyProcess(situation);
  const { mm } = task;
  const { pageSize } = arch;
  const enough = need > 0 ? need : within!.end - within!.start;
  const [fixed, program, heap, area, stack] = [parts.fixed, parts.program, parts.heap, parts.area, parts.stack].map(
    (lines) => spansOf(lines, enough),
  ) as [Range[], Range[], Range[], Range[], Range[]];
  const random = randomNumbers();
  const where = { start: Math.max(pageSize, mm.system.sysctl.mmapMinAddr), end: arch.mapWindow };
  const programStart = parts.program[0]?.start ?? 0;
  const programEnd = parts.program.at(-1)?.end ?? 0;
  const heapStart = parts.heap[0]?.start ?? 0;
  const areaTop = parts.area.at(-1)?.end ?? 0;
  const stackTop = parts.stack.find(({ name }) => name === '[stack]')!.end;
  // Programs that are linked to an address stay there.
  const pie = programStart >= 2 ** 32;
  const drawn = { fits: 0, least: Infinity, most: 0 };
  for (let i = 0; i < DRAWN; i++) {
    pickMmapLayout(task.cur, random(2 ** arch.mmapRndBits) * pageSize);
    const alignedBase = arch.elfEtDynBase - (arch.elfEtDynBase % pageSize);
    const byProgram = pie ? alignedBase + random(2 ** arch.mmapRndBits) * pageSize - programStart : 0;
    const heapAt = programEnd + byProgram + random(brkRange(situation) / pageSize) * pageSize;
    const byStack = arch.stackTop - random(arch.stackRndPages + 1) * pageSize - stackTop;
    const moves: readonly (readonly [readonly Range[], number])[] = [
      [fixed, 0],
      [program, byProgram],
      [heap, heapAt - heapStart],
      [area, mm.mmapBase - areaTop],
      [stack, byStack],
    ];
    const spans = moves.flatMap(([part, by]) => part.map(({ start, end }) => ({ start: start + by, end: end + by })));
    const by = movementOf(
      question,
      parts,
      moves.map(([, moved]) => moved),
    );
    const hole = largestHole(spans, clip(within, by, where));
    if (hole >= enough) drawn.fits++;
    drawn.least = Math.min(drawn.least, hole);
    drawn.most = Math.max(drawn.most, hole);
  }
  const moved = {
    'mapping area': parts.area.length,
    program: pie ? parts.program.length : 0,
    heap: parts.heap.length,
    stack: parts.stack.length,
    fixed: parts.fixed.length + (pie ? 0 : parts.program.length),
  };
  return { pageSize, vaBits: situation.vaBits.value, drawn: DRAWN, ...drawn, moved };
}

/** A range that has moved, within what a search covers. */
function clip(within: Range | null, by: number, where: Range): Range {
  if (within === null) return where;
  return { start: Math.max(within.start + by, where.start), end: Math.min(within.end + by, where.end) };
}

/** By how much the range moves: as the part of its anchor. */
function movementOf({ anchor }: FitQuestion, parts: Parts, moves: readonly number[]): number {
  if (anchor === null) return 0;
  const all = [parts.fixed, parts.program, parts.heap, parts.area, parts.stack];
  return moves[all.findIndex((lines) => lines.some(({ start, end }) => start <= anchor && anchor < end))] ?? 0;
}

/**
 * Answers the question.
 *
 * @throws SituationError when the map does not fit the machine that is asked for
 */
export function fit(question: FitQuestion): Fit {
  const { lines, need, within, machine } = question;
  const situations = situationsOf(question);
  const [first] = situations;
  // Addresses that end below 4 GiB are those of a 32-bit program.
  const wide = (lines.at(-1)?.end ?? 0) > 2 ** 32 || machine.arch !== undefined || machine.vaBits !== undefined;
  const modelled = first !== undefined && isModelled(first) && wide;
  const parts = modelled ? partsOf(lines) : null;
  const inTheWay = within === null ? [] : lines.filter(({ start, end }) => start < within.end && end > within.start);
  return {
    architecture: wide ? (first?.architecture.value ?? 'an unknown machine') : 'a 32-bit machine',
    modelled,
    placements:
      need === 0 || within !== null || !modelled
        ? []
        : situations.flatMap((situation) => placementsOf(situation, question)),
    draws: parts === null ? [] : situations.map((situation) => drawsOf(situation, question, parts)),
    notDrawn:
      parts === null ? 'The map shows no [stack]: it is a part of one, and exec’s random layout cannot be drawn.' : '',
    inTheWay,
  };
}
