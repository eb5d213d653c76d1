/**
 * The judge of the property test, part 1: an address space as a table with one entry per page.
 *
 * An area (VMA) is what a run of pages points to; there is no start, end, count or counter anywhere: they are read off the
 * table by looking at every page. Slow, and written without a look at the engine.
 */
import type { KernelProfile } from '@vmarea/uapi';
import {
  VM_ACCESS_FLAGS,
  VM_ACCOUNT,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_NORESERVE,
  VM_SHARED,
  VM_SOFTDIRTY,
  VM_SPECIAL,
  VM_WRITE,
} from '../../src/base/flags.ts';

export const EPERM = -1;
export const EAGAIN = -11;
export const ENOMEM = -12;
export const EACCES = -13;
export const EFAULT = -14;
export const EBUSY = -16;
export const EEXIST = -17;
export const ENODEV = -19;
export const EINVAL = -22;
export const EBADF = -9;
export const EOVERFLOW = -75;
export const EOPNOTSUPP = -95;

/** What a driver's operations mean for areas. */
export interface Ops {
  readonly close: boolean;
  readonly notify: boolean;
  /** Pages of a huge page; 0 when ordinary. */
  readonly huge: number;
  readonly maySplitError: number;
  readonly mremapError: number;
}

/** A descriptor. */
export interface FileModel {
  readonly name: string;
  readonly inode: { sealed: boolean; appendOnly: boolean; kind: 'regular' | 'unsigned' | 'other' };
  readonly read: boolean;
  readonly write: boolean;
  readonly noexec: boolean;
  readonly mandatoryLock: boolean;
  readonly noMmap: boolean;
  readonly mmapError: number;
  readonly setFlags: number;
  readonly clearFlags: number;
  readonly ops: Ops | null;
  readonly fsync: number | null;
  readonly fallocate: number | null;
  /** Pages of a huge page; 0 when ordinary. */
  readonly huge: number;
}

/** An anon_vma: an identity and a parent. What refers to it is counted when somebody asks. */
export class Anon {
  readonly parent: Anon | null;
  constructor(parent: Anon | null) {
    this.parent = parent;
  }
}

/** What the pages of one VMA have in common. */
export class Area {
  flags = 0;
  file: FileModel | null = null;
  ops: Ops | null = null;
  anon: Anon | null = null;
  /** Oldest first. */
  chain: Anon[] = [];
  name: number | string | null = null;

  copy(): Area {
    const made = new Area();
    Object.assign(made, this);
    made.chain = [...this.chain];
    return made;
  }
}

/** One page of the address space. */
export interface Page {
  area: Area;
  /** Page of the file, or index of the anonymous page. */
  off: number;
}

/** A run of pages. */
export interface Run {
  readonly area: Area;
  readonly from: number;
  /** First page behind. */
  readonly to: number;
}

export interface Limits {
  as: number;
  data: number;
  dataMax: number;
  stack: number;
  memlock: number;
}

/** The machine. */
export interface World {
  readonly profile: KernelProfile;
  readonly pages: number;
  readonly guardPages: number;
  readonly unmappedBase: number;
  readonly dacMin: number;
  readonly minAddr: number;
  readonly maxMapCount: number;
  readonly overcommit: number;
  readonly commitLimit: number;
  readonly totalRam: number;
  readonly guessFree: number;
  readonly adminReserve: number;
  readonly userReserve: number;
  readonly swap: boolean;
  readonly ksm: boolean;
  readonly thp: boolean;
  readonly memoryFailure: boolean;
  committed: number;
  readonly spaces: Set<Space>;
}

/** Who calls. */
export interface Who {
  readonly limits: Limits;
  readonly ipcLock: boolean;
  readonly sysAdmin: boolean;
  readonly rawio: boolean;
  readonly readImpliesExec: boolean;
}

/** An address space. */
export class Space {
  readonly world: World;
  readonly page: (Page | null)[];
  locked = 0;
  defFlags = 0;
  startBrk = 0n;
  brk = 0n;
  startData = 0n;
  endData = 0n;
  mmapBase = 0;
  legacy = false;
  /** What is to be populated, in bytes. */
  populate: [number, number] | null = null;

  constructor(world: World) {
    this.world = world;
    this.page = Array.from({ length: world.pages }, () => null);
    world.spaces.add(this);
  }

  /** All areas in order. */
  runs(): Run[] {
    const found: Run[] = [];
    for (let p = 0; p < this.page.length;) {
      const entry = this.page[p]!;
      if ((entry as Page | null) === null) {
        p++;
        continue;
      }
      let to = p + 1;
      while (to < this.page.length && this.page[to]?.area === entry.area) to++;
      found.push({ area: entry.area, from: p, to });
      p = to;
    }
    return found;
  }

  count(): number {
    return this.runs().length;
  }

  mapped(from = 0, to = this.page.length): number {
    let n = 0;
    for (let p = from; p < to; p++) if (this.page[p] !== null) n++;
    return n;
  }

  /** The run that contains a page, or null. */
  runAt(p: number): Run | null {
    const entry = this.page[p];
    if (entry == null) return null;
    let from = p;
    while (from > 0 && this.page[from - 1]?.area === entry.area) from--;
    let to = p + 1;
    while (to < this.page.length && this.page[to]?.area === entry.area) to++;
    return { area: entry.area, from, to };
  }

  /** find_vma: the first run that ends above a page. */
  runFrom(p: number): Run | null {
    for (let q = p; q < this.page.length; q++) if (this.page[q] !== null) return this.runAt(q);
    return null;
  }

  /** The run just below a page that is not inside it. */
  runBelow(p: number): Run | null {
    for (let q = p - 1; q >= 0; q--) if (this.page[q] !== null) return this.runAt(q);
    return null;
  }

  put(from: number, to: number, area: Area, off: number): void {
    for (let p = from; p < to; p++) this.page[p] = { area, off: off + (p - from) };
  }

  /** Page counters, read off the pages. */
  counters(): { total: number; shared: number; exec: number; stack: number; data: number } {
    const c = { total: 0, shared: 0, exec: 0, stack: 0, data: 0 };
    for (const entry of this.page) {
      if (entry === null) continue;
      const { flags, file } = entry.area;
      c.total++;
      const pureExec = (flags & VM_EXEC) !== 0 && (flags & VM_WRITE) === 0;
      const stack = (flags & VM_GROWSDOWN) !== 0;
      if (this.world.profile.limits.statDataVm) {
        if (pureExec && !stack) c.exec++;
        else if (stack) c.stack++;
        else if ((flags & VM_WRITE) !== 0 && (flags & VM_SHARED) === 0) c.data++;
      } else if (file !== null) {
        c.shared++;
        if (pureExec) c.exec++;
      } else if (stack) c.stack++;
    }
    return c;
  }
}

// --- anonymous memory's owners, counted by looking at every area of every space

function allAreas(world: World): Set<Area> {
  const areas = new Set<Area>();
  for (const space of world.spaces) for (const entry of space.page) if (entry !== null) areas.add(entry.area);
  return areas;
}

/** Children and users of an anon_vma, as rmap counts them: a living root is its own child. */
function countAnon(areas: Set<Area>, anon: Anon): { children: number; active: number } {
  const living = new Set<Anon>();
  let active = 0;
  for (const area of areas) {
    for (const linked of area.chain) living.add(linked);
    if (area.anon === anon) active++;
  }
  let children = 0;
  for (const one of living) if (one.parent === anon || (one === anon && anon.parent === null)) children++;
  return { children, active };
}

/** anon_vma_fork. */
export function forkAnon(world: World, child: Area, parent: Area, extra: Set<Area>): void {
  child.anon = null;
  child.chain = [];
  if (parent.anon === null) return;
  const areas = allAreas(world);
  for (const one of extra) areas.add(one);
  areas.add(child);
  for (const linked of parent.chain) {
    child.chain.push(linked);
    if (child.anon !== null) continue;
    const { children, active } = countAnon(areas, linked);
    const reuse = world.profile.merge.anonVmaReuseByDegree
      ? linked !== parent.anon && children + active < 2
      : children < 2 && active === 0;
    if (reuse) child.anon = linked;
  }
  if (child.anon === null) {
    child.anon = new Anon(parent.anon);
    child.chain.push(child.anon);
  }
}

/** anon_vma_prepare for the area of a page. */
export function touch(space: Space, p: number): void {
  const run = space.runAt(p)!;
  const { area } = run;
  if (area.anon !== null) return;
  const alike = (other: Area): boolean =>
    other.file === area.file &&
    ((other.flags ^ area.flags) & ~(VM_ACCESS_FLAGS | VM_SOFTDIRTY)) === 0 &&
    other.anon !== null &&
    other.chain.length === 1;
  const above = space.page[run.to] ?? null;
  const below = run.from === 0 ? null : space.page[run.from - 1]!;
  if (above !== null && alike(above.area) && above.off === space.page[run.to - 1]!.off + 1) area.anon = above.area.anon;
  else if (below !== null && alike(below.area) && below.off + 1 === space.page[run.from]!.off) {
    area.anon = below.area.anon;
  } else area.anon = new Anon(null);
  area.chain.push(area.anon!);
}

// --- merging

/** What a range is to be. */
export interface Wanted {
  flags: number;
  file: FileModel | null;
  anon: Anon | null;
  off: number;
  name: number | string | null;
}

function anonFits(a: Anon | null, b: Anon | null, neighbour: Area | null): boolean {
  if (a === b) return true;
  return (a === null || b === null) && (neighbour === null || neighbour.chain.length === 1);
}

function kindFits(space: Space, neighbour: Area, want: Wanted): boolean {
  return (
    ((neighbour.flags ^ want.flags) & ~VM_SOFTDIRTY) === 0 &&
    neighbour.file === want.file &&
    (neighbour.ops?.close !== true || space.world.profile.merge.closeForbidsRemovalOnly) &&
    neighbour.name === want.name
  );
}

/** The area that ends at page `a` and would take `want` behind it, or null. */
export function leftJoin(space: Space, a: number, want: Wanted): Area | null {
  const below = a === 0 ? null : space.page[a - 1]!;
  if (below === null || space.page[a]?.area === below.area) return null;
  return kindFits(space, below.area, want) &&
    anonFits(want.anon, below.area.anon, below.area) &&
    below.off + 1 === want.off
    ? below.area
    : null;
}

/** The area that begins at page `b` and would take `want` before it, or null. */
export function rightJoin(space: Space, a: number, b: number, want: Wanted): Area | null {
  const above = space.page[b] ?? null;
  if (above === null || space.page[b - 1]?.area === above.area) return null;
  return kindFits(space, above.area, want) &&
    anonFits(want.anon, above.area.anon, above.area) &&
    above.off === want.off + (b - a)
    ? above.area
    : null;
}

/** Points [a, b) at `area`, which learns of the anonymous pages that it takes over. */
export function takeOver(space: Space, area: Area, a: number, b: number, off: number): void {
  for (let p = a; p < b; p++) {
    const before = space.page[p]!;
    if ((before as Page | null) !== null && before.area.anon !== null && area.anon === null) {
      area.anon = before.area.anon;
      area.chain = [...before.area.chain];
    }
  }
  space.put(a, b, area, off);
}

/**
 * vma_merge for pages [a, b), mapped or not: the area that they are part of afterwards, or null.
 * Left and right neighbour join by themselves; both at once only when their own owners agree.
 */
export function merge(space: Space, a: number, b: number, want: Wanted): Area | null {
  if ((want.flags & VM_SPECIAL) !== 0) return null;
  const left = leftJoin(space, a, want);
  const right = rightJoin(space, a, b, want);
  // Areas whose driver has a close operation are not removed by a merge.
  const run = space.runAt(a);
  if (run !== null && run.from === a && run.to === b && run.area.ops?.close === true) return null;
  if (left !== null && right !== null && right.ops?.close !== true && anonFits(left.anon, right.anon, null)) {
    const to = space.runAt(b)!.to;
    takeOver(space, left, a, b, want.off);
    takeOver(space, left, b, to, space.page[b]!.off);
    return left;
  }
  const area = left ?? right;
  if (area !== null) takeOver(space, area, a, b, want.off);
  return area;
}

// --- splitting

/** Whether the owner of a run refuses to have it cut at a page: an errno or 0. */
function cutError(run: Run, p: number): number {
  const ops = run.area.ops;
  if (ops === null) return 0;
  if (ops.huge !== 0 && p % ops.huge !== 0) return EINVAL;
  return ops.maySplitError;
}

/** Cuts a run in two. */
export function cut(space: Space, run: Run, p: number): number {
  const error = cutError(run, p);
  if (error !== 0) return error;
  const upper = run.area.copy();
  for (let q = p; q < run.to; q++) space.page[q] = { area: upper, off: space.page[q]!.off };
  return 0;
}

/** Gives [a, b) of one area other flags and another name: merge, or cut out. */
export function change(space: Space, a: number, b: number, flags: number, name: number | string | null): number {
  const { area } = space.page[a]!;
  const want = { flags, file: area.file, anon: area.anon, off: space.page[a]!.off, name };
  if (merge(space, a, b, want) === null) {
    let run = space.runAt(a)!;
    if (a !== run.from) {
      if (space.count() >= space.world.maxMapCount) return ENOMEM;
      const error = cut(space, run, a);
      if (error !== 0) return error;
      run = space.runAt(a)!;
    }
    if (b !== run.to) {
      if (space.count() >= space.world.maxMapCount) return ENOMEM;
      const error = cut(space, run, b);
      if (error !== 0) return error;
    }
  }
  const made = space.page[a]!.area;
  made.flags = flags;
  made.name = name;
  return 0;
}

// --- limits

const PAGE_BYTES = 4096;
export const pagesOf = (bytes: number): number => Math.floor(bytes / PAGE_BYTES);

/** may_expand_vm. */
export function mayExpand(space: Space, who: Who, flags: number, n: number): boolean {
  const c = space.counters();
  if (c.total + n > pagesOf(who.limits.as)) return false;
  if (!space.world.profile.limits.dataCoversMappings) return true;
  if ((flags & VM_WRITE) === 0 || (flags & (VM_SHARED | VM_GROWSDOWN)) !== 0) return true;
  if (c.data + n <= pagesOf(who.limits.data)) return true;
  return who.limits.data === 0 && c.data + n <= pagesOf(who.limits.dataMax);
}

/** security_vm_enough_memory: charges, or refuses. */
export function charge(space: Space, who: Who, n: number): boolean {
  const { world } = space;
  let fits: boolean;
  if (world.overcommit === 1) fits = true;
  else if (world.overcommit === 0) {
    if (world.profile.limits.overcommitGuessFree) {
      let free = world.guessFree;
      if (free > 0 && !who.sysAdmin) free -= world.adminReserve;
      fits = free > n;
    } else fits = n <= world.totalRam;
  } else {
    let allowed = world.commitLimit;
    if (!who.sysAdmin) allowed -= world.adminReserve;
    allowed -= Math.min(Math.floor(space.mapped() / 32), world.userReserve);
    fits = Math.max(world.committed + n, 0) < allowed;
  }
  if (fits) world.committed += n;
  return fits;
}

export function accountable(file: FileModel | null, flags: number): boolean {
  return (file === null || file.huge === 0) && (flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) === VM_WRITE;
}

export function accounted(area: Area): boolean {
  return (area.flags & VM_ACCOUNT) !== 0;
}
