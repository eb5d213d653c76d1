/**
 * The judge of the property test, part 2: the verbs, as the documentation of the two kernels tells them. Registers are
 * 64-bit BigInts, and every check of them is C's unsigned arithmetic written out; ranges that passed are page numbers.
 */
import {
  VM_ACCESS_FLAGS,
  VM_ACCOUNT,
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_DONTEXPAND,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_HUGEPAGE,
  VM_HUGETLB,
  VM_IO,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_MERGEABLE,
  VM_MIXEDMAP,
  VM_MTE_ALLOWED,
  VM_NOHUGEPAGE,
  VM_NORESERVE,
  VM_PFNMAP,
  VM_RAND_READ,
  VM_READ,
  VM_SEQ_READ,
  VM_SHARED,
  VM_SPECIAL,
  VM_SYNC,
  VM_WIPEONFORK,
  VM_WRITE,
} from '../../src/index.ts';
import {
  accountable,
  accounted,
  Area,
  change,
  charge,
  cut,
  EACCES,
  EAGAIN,
  EBADF,
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOMEM,
  EOPNOTSUPP,
  EOVERFLOW,
  EPERM,
  forkAnon,
  leftJoin,
  mayExpand,
  merge,
  pagesOf,
  rightJoin,
  Space,
  takeOver,
  touch,
  type FileModel,
  type Who,
} from './model-space.ts';

export type { Who as WhoArgs } from './model-space.ts';
const P = 4096n;
const LOW = P - 1n;
const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
const roundUp = (x: bigint): bigint => u64(u64(x + LOW) & ~LOW);
const roundDown = (x: bigint): bigint => x & ~LOW;
const page = (x: bigint): number => Number(x / P);
const taskSize = (s: Space): bigint => BigInt(s.world.pages) * P;
const big = (n: number): bigint => (n === Infinity ? 1n << 64n : BigInt(n));

function canLock(who: Who): boolean {
  return who.limits.memlock !== 0 || who.ipcLock;
}

/** mlock_future_check for n pages. */
function lockRoom(s: Space, who: Who, flags: number, n: number): boolean {
  if ((flags & VM_LOCKED) === 0 || who.ipcLock) return true;
  return n + s.locked <= pagesOf(who.limits.memlock);
}

// --- looking for a place

/** First page that a run's guard gap covers. */
function guarded(s: Space, from: number): number {
  const grows = (s.page[from]!.area.flags & VM_GROWSDOWN) !== 0;
  return grows ? Math.max(0, from - s.world.guardPages) : from;
}

/** Free ranges as the search sees them: each below a run (less its guard gap), and the one above everything. */
function gaps(s: Space): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  let end = 0;
  for (const run of s.runs()) {
    found.push({ from: end, to: guarded(s, run.from) });
    end = run.to;
  }
  found.push({ from: end, to: Infinity });
  return found;
}

function searchUp(s: Space, n: number, low: number, high: number): number {
  if (high < n || low > high - n) return ENOMEM;
  for (const gap of gaps(s)) {
    if (gap.to >= low + n && gap.from <= high - n && gap.to - gap.from >= n) return Math.max(gap.from, low);
  }
  return ENOMEM;
}

function searchDown(s: Space, n: number, low: number, high: number): number {
  if (high < n || low > high - n) return ENOMEM;
  for (const gap of gaps(s).reverse()) {
    if (gap.from <= high - n && gap.to >= low + n && gap.to - gap.from >= n) return Math.min(gap.to, high) - n;
  }
  return ENOMEM;
}

/** get_unmapped_area: a page number, or an errno. `addr` and `len` are registers, `len` page-aligned. */
function place(s: Space, who: Who, file: FileModel | null, addr: bigint, len: bigint, fixed: boolean): number {
  const T = taskSize(s);
  const { world } = s;
  if (len > T) return ENOMEM;
  const n = page(len);
  let at: bigint;
  if (file !== null && file.huge !== 0) {
    // The double of a huge page file: what was asked for, aligned, or nothing.
    const unit = BigInt(file.huge) * P;
    if (!fixed) return ENOMEM;
    if (len % unit !== 0n || addr % unit !== 0n) return EINVAL;
    at = addr;
  } else {
    const min = BigInt(world.minAddr) * P;
    if (len > T - min) return ENOMEM;
    at = -1n;
    if (fixed) {
      // The last 4095 values are errors to whoever reads them.
      if (addr > (1n << 64n) - 4096n) return Number(addr - (1n << 64n));
      at = addr;
    }
    if (!fixed && addr !== 0n) {
      const hint = roundUp(addr);
      if (T - len >= hint && hint >= min) {
        const next = s.runFrom(page(hint));
        if (next === null || (next.from > page(hint) && page(hint) + n <= guarded(s, next.from))) at = hint;
        else if (next.from <= page(hint)) at = -1n;
      }
    }
    if (at < 0n) {
      let found: number;
      if (s.legacy) found = searchUp(s, n, s.mmapBase, world.pages);
      else {
        found = searchDown(s, n, Math.max(1, world.minAddr), s.mmapBase);
        if (found < 0) found = searchUp(s, n, world.unmappedBase, world.pages);
      }
      if (found < 0) return found;
      at = BigInt(found) * P;
    }
  }
  if (at > T - len) return ENOMEM;
  if ((at & LOW) !== 0n) return EINVAL;
  if (page(at) < world.dacMin && !who.rawio) return EPERM;
  return page(at);
}

// --- munmap

/** do_munmap of pages [a, b): the first cut stays when the second fails. */
function unmapPages(s: Space, a: number, b: number): number {
  const first = s.runFrom(a);
  if (first === null || first.from >= b) return 0;
  if (first.from < a) {
    if (first.to > b && s.count() >= s.world.maxMapCount) return ENOMEM;
    const error = cut(s, first, a);
    if (error !== 0) return error;
  }
  const last = s.runAt(b - 1);
  if (last !== null && last.to > b) {
    const error = cut(s, last, b);
    if (error !== 0) return error;
  }
  for (let p = a; p < b; p++) {
    const entry = s.page[p]!;
    if ((entry as unknown) === null) continue;
    if ((entry.area.flags & VM_LOCKED) !== 0) s.locked--;
    if (accounted(entry.area)) s.world.committed--;
    s.page[p] = null;
  }
  return 0;
}

export function munmap(s: Space, start: bigint, len: bigint): number {
  const T = taskSize(s);
  if ((start & LOW) !== 0n || start > T || len > T - start) return EINVAL;
  const size = roundUp(len);
  if (size === 0n) return EINVAL;
  return unmapPages(s, page(start), page(start + size));
}

// --- mmap

export interface MmapArgs {
  addr: bigint;
  len: bigint;
  prot: number;
  flags: number;
  file: FileModel | null;
  /** Page offset, a register. */
  pgoff: bigint;
}

/** An anonymous shared mapping's file, made on the spot: the harness maps it to the double's. */
export type NewFile = () => FileModel;

const LEGACY_FLAGS = 0x0407f933 | 0x54000000 | 0x78000000;

function fileFits(file: FileModel, pgoff: bigint, len: bigint): boolean {
  const max = file.inode.kind === 'regular' ? (1n << 63n) - 1n : file.inode.kind === 'unsigned' ? 0n : (1n << 64n) - 1n;
  if (max !== 0n && len > max) return false;
  return pgoff <= u64(max - len) / P;
}

export function mmap(s: Space, who: Who, args: MmapArgs, newShared: NewFile): number {
  const { world } = s;
  const { profile } = world;
  s.populate = null;
  const { file, pgoff } = args;
  let { prot, flags, addr } = args;
  if (args.len === 0n) return EINVAL;
  if ((prot & 1) !== 0 && who.readImpliesExec && file?.noexec !== true) prot |= 4;
  const noreplace = profile.mmap.fixedNoreplace && (flags & 0x100000) !== 0;
  if (noreplace) flags |= 0x10;
  const fixed = (flags & 0x10) !== 0;
  if (!fixed) {
    addr = roundDown(addr);
    if (addr !== 0n && addr < BigInt(world.minAddr) * P) addr = BigInt(world.minAddr) * P;
  }
  const len = roundUp(args.len);
  if (len === 0n) return ENOMEM;
  if (u64(pgoff + len / P) < pgoff) return EOVERFLOW;
  if (s.count() > world.maxMapCount) return ENOMEM;
  const a = place(s, who, file, addr, len, fixed);
  if (a < 0) return a;
  const n = page(len);
  const b = a + n;
  if (noreplace && s.mapped(a, b) !== 0) return EEXIST;
  let vm = (prot & 7) | (flags & 0x2100) | s.defFlags | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
  if (profile.layout.denywriteVmas) vm |= flags & 0x800;
  else if ((flags & 0x80000) !== 0) vm |= VM_SYNC;
  if ((flags & 0x2000) !== 0 && !canLock(who)) return EPERM;
  if (!lockRoom(s, who, vm, n)) return EAGAIN;
  const type = flags & 0xf;
  let off: number;
  if (file !== null) {
    if (!fileFits(file, pgoff, len)) return EOVERFLOW;
    if (type === 1 || (type === 3 && profile.mmap.sharedValidate)) {
      if (type === 3 && (flags & ~LEGACY_FLAGS) !== 0) return EOPNOTSUPP;
      if ((prot & 2) !== 0 && !file.write) return EACCES;
      if (file.inode.appendOnly && file.write) return EACCES;
      if (profile.files.mandatoryLocks && file.mandatoryLock) return EAGAIN;
      vm |= VM_SHARED | VM_MAYSHARE;
      if (!file.write) vm &= ~(VM_MAYWRITE | VM_SHARED);
    } else if (type !== 2) return EINVAL;
    if (!file.read) return EACCES;
    if (file.noexec) {
      if ((vm & VM_EXEC) !== 0) return EPERM;
      vm &= ~VM_MAYEXEC;
    }
    if (file.noMmap) return ENODEV;
    if ((vm & VM_GROWSDOWN) !== 0) return EINVAL;
    off = Number(pgoff);
  } else if (type === 1) {
    if ((vm & VM_GROWSDOWN) !== 0) return EINVAL;
    off = 0;
    vm |= VM_SHARED | VM_MAYSHARE;
  } else if (type === 2) off = a;
  else return EINVAL;
  if ((flags & 0x4000) !== 0 && (world.overcommit !== 2 || (file !== null && file.huge !== 0))) vm |= VM_NORESERVE;
  const mapped = mapRegion(s, who, file, a, b, vm, off, newShared);
  if (mapped >= 0 && ((vm & VM_LOCKED) !== 0 || (flags & 0x18000) === 0x8000)) s.populate = [a * 4096, n * 4096];
  return mapped;
}

/** 6.1's mmap_region joins by itself: the next neighbour first, then the previous, judged with what the next one owns. */
function expandNeighbours(
  s: Space,
  a: number,
  b: number,
  flags: number,
  file: FileModel | null,
  off: number,
): Area | null {
  if ((flags & VM_SPECIAL) !== 0) return null;
  const want = { flags, file, anon: null, off, name: null };
  const right = rightJoin(s, a, b, want);
  const left = leftJoin(s, a, right === null ? want : { ...want, anon: right.anon });
  if (left === null && right === null) return null;
  if (left === null) {
    takeOver(s, right!, a, b, off);
    return right;
  }
  takeOver(s, left, a, b, off);
  if (right !== null) takeOver(s, left, b, s.runAt(b)!.to, s.page[b]!.off);
  return left;
}

/** mmap_region for pages [a, b). */
function mapRegion(
  s: Space,
  who: Who,
  file: FileModel | null,
  a: number,
  b: number,
  vmIn: number,
  off: number,
  newShared: NewFile,
): number {
  const { world } = s;
  const { profile } = world;
  const n = b - a;
  let vm = vmIn;
  // Before anything is unmapped (the recordings linux-6.1-va48/new/055 and linux-6.12-va48/new/055).
  const writes = (vm & (VM_SHARED | VM_WRITE)) === (VM_SHARED | VM_WRITE);
  if (profile.files.sealedSharedReadonly && writes && file?.inode.sealed === true) return EPERM;
  if (!mayExpand(s, who, vm, n) && !mayExpand(s, who, vm, n - s.mapped(a, b))) return ENOMEM;
  if (s.mapped(a, b) !== 0 && unmapPages(s, a, b) !== 0) return ENOMEM;
  const owed = accountable(file, vm);
  if (owed) {
    if (!charge(s, who, n)) return ENOMEM;
    vm |= VM_ACCOUNT;
  }
  const want = { flags: vm, file, anon: null, off, name: null };
  let area = profile.merge.expandsNextFirst ? expandNeighbours(s, a, b, vm, file, off) : merge(s, a, b, want);
  if (area === null) {
    area = new Area();
    area.flags = vm;
    area.file = file;
    if (file !== null) {
      const sealed = (flags: number): boolean => (flags & VM_SHARED) !== 0 && file.inode.sealed;
      if (!profile.files.sealedSharedReadonly && sealed(vm)) {
        if (owed) world.committed -= n;
        return EPERM;
      }
      if (file.mmapError !== 0) {
        if (owed && !profile.mmap.failureLeaksCommit) world.committed -= n;
        return file.mmapError;
      }
      area.ops = file.ops;
      area.flags = (vm | file.setFlags) & ~file.clearFlags;
      // 6.1 looks at the seal after the driver, which may have taken the right to write away.
      if (profile.files.sealedSharedReadonly && sealed(area.flags) && (area.flags & VM_MAYWRITE) !== 0) {
        if (owed) world.committed -= n;
        return EPERM;
      }
      if (area.flags !== vm && profile.merge.expandsNextFirst && s.runBelow(a) !== null) {
        // 6.1 tries again when the driver has changed the flags and there is anything below.
        vm = area.flags;
        const again = merge(s, a, b, { ...want, flags: vm });
        if (again !== null) area = again;
      }
      vm = area.flags;
    } else if ((vm & VM_SHARED) !== 0) {
      area.file = newShared();
      area.ops = area.file.ops;
    }
    if (s.page[a] === null) s.put(a, b, area, off);
  }
  if ((vm & VM_LOCKED) !== 0) {
    if ((vm & VM_SPECIAL) !== 0 || (area.flags & VM_HUGETLB) !== 0) area.flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
    else s.locked += n;
  }
  return a * 4096;
}

// --- mprotect

export function mprotect(s: Space, who: Who, start: bigint, lenIn: bigint, protIn: number): number {
  const { profile } = s.world;
  s.populate = null;
  const down = (protIn & 0x01000000) !== 0;
  const up = (protIn & 0x02000000) !== 0;
  const prot = protIn & ~0x03000000;
  if (down && up) return EINVAL;
  if ((start & LOW) !== 0n) return EINVAL;
  if (lenIn === 0n) return 0;
  const len = roundUp(lenIn);
  const end = u64(start + len);
  if (end <= start) return ENOMEM;
  if ((prot & ~0xf) !== 0) return EINVAL;
  const first = start >= taskSize(s) ? null : s.runFrom(page(start));
  if (first === null) return ENOMEM;
  let a = page(start);
  const b = end > taskSize(s) ? Infinity : page(end);
  if (down) {
    if (first.from >= b) return ENOMEM;
    a = first.from;
    if ((first.area.flags & VM_GROWSDOWN) === 0) return EINVAL;
  } else {
    if (first.from > a) return ENOMEM;
    if (up) return EINVAL;
  }
  for (let p = a; ;) {
    const run = s.runAt(p);
    if (run === null) return ENOMEM;
    const old = run.area.flags;
    let bits = prot & 7;
    if (who.readImpliesExec && (prot & 1) !== 0 && (!profile.mprotect.rieNeedsMayexec || (old & VM_MAYEXEC) !== 0)) {
      bits |= 4;
    }
    for (const [bit, may] of [
      [VM_READ, VM_MAYREAD],
      [VM_WRITE, VM_MAYWRITE],
      [VM_EXEC, VM_MAYEXEC],
    ] as const) {
      if ((bits & bit) !== 0 && (old & may) === 0) return EACCES;
    }
    const to = Math.min(run.to, b);
    const error = protectPart(s, who, p, to, old, (old & ~VM_ACCESS_FLAGS) | bits);
    if (error !== 0) return error;
    p = Math.max(to, s.runAt(p)!.to);
    if (p >= b) return 0;
  }
}

function protectPart(s: Space, who: Who, a: number, b: number, old: number, wanted: number): number {
  if (wanted === old) return 0;
  let flags = wanted;
  let owed = 0;
  if ((flags & VM_WRITE) !== 0) {
    if (
      s.world.profile.limits.dataCoversMappings &&
      !mayExpand(s, who, flags, b - a) &&
      mayExpand(s, who, old, b - a)
    ) {
      return ENOMEM;
    }
    if ((old & (VM_ACCOUNT | VM_WRITE | VM_HUGETLB | VM_SHARED | VM_NORESERVE)) === 0) {
      owed = b - a;
      if (!charge(s, who, owed)) return ENOMEM;
      flags |= VM_ACCOUNT;
    }
  }
  const error = change(s, a, b, flags, s.page[a]!.area.name);
  if (error !== 0) s.world.committed -= owed;
  return error;
}

// --- brk

export function brk(s: Space, who: Who, value: bigint): bigint {
  const { world } = s;
  s.populate = null;
  if (value < s.startBrk) return s.brk;
  if (who.limits.data !== Infinity && value - s.startBrk + (s.endData - s.startData) > big(who.limits.data))
    return s.brk;
  const newEnd = roundUp(value);
  const oldEnd = roundUp(s.brk);
  if (newEnd === oldEnd) return (s.brk = value);
  if (value <= s.brk) {
    const run = s.runFrom(page(newEnd));
    if (!world.profile.brk.mergesThroughVmaMerge && (run === null || run.from >= page(oldEnd))) return s.brk;
    if (unmapPages(s, page(newEnd), page(oldEnd)) !== 0) return s.brk;
    return (s.brk = value);
  }
  const next = s.runFrom(page(oldEnd));
  if (next !== null && u64(newEnd + P) > BigInt(guarded(s, next.from)) * P) return s.brk;
  const len = u64(newEnd - oldEnd);
  if (place(s, who, null, oldEnd, len, true) < 0) return s.brk;
  const a = page(oldEnd);
  const n = page(len);
  if (!lockRoom(s, who, s.defFlags, n)) return s.brk;
  let flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_ACCOUNT | s.defFlags;
  if (who.readImpliesExec) flags |= VM_EXEC;
  if (world.profile.layout.dataDefaultMteAllowed) flags |= VM_MTE_ALLOWED;
  if (!mayExpand(s, who, flags, n)) return s.brk;
  if (s.count() > world.maxMapCount) return s.brk;
  if (!charge(s, who, n)) return s.brk;
  const want = { flags, file: null, anon: null, off: a, name: null };
  let area: Area | null;
  if (world.profile.brk.mergesThroughVmaMerge) area = merge(s, a, a + n, want);
  else {
    // Only the heap's own area, which ends above start_brk, is extended.
    const below = s.runBelow(a);
    area = below !== null && BigInt(below.to) * P > s.startBrk ? leftJoin(s, a, want) : null;
    if (area !== null) takeOver(s, area, a, a + n, a);
  }
  if (area === null) {
    area = new Area();
    area.flags = flags;
    s.put(a, a + n, area, a);
  }
  if ((flags & VM_LOCKED) !== 0) {
    s.locked += n;
    s.populate = [a * 4096, n * 4096];
  }
  return (s.brk = value);
}

// --- mlock

/** The walk of mlock and munlock: each area's part of [a, b) gets the lock bits. */
function lockRange(s: Space, start: bigint, len: bigint, bits: number): number {
  const end = u64(start + len);
  if (end < start) return EINVAL;
  if (end === start) return 0;
  const b = end > taskSize(s) ? Infinity : page(end);
  if (start >= taskSize(s)) return ENOMEM;
  for (let p = page(start); ;) {
    const run = s.runAt(p);
    if (run === null) return ENOMEM;
    const to = Math.min(run.to, b);
    const error = lockPart(s, p, to, bits);
    if (error !== 0) return error;
    p = Math.max(to, s.runAt(p)!.to);
    if (p >= b) return 0;
  }
}

function lockPart(s: Space, a: number, b: number, bits: number): number {
  const { area } = s.page[a]!;
  const old = area.flags;
  const flags = (old & ~(VM_LOCKED | VM_LOCKONFAULT)) | bits;
  if (flags === old || (old & (VM_SPECIAL | VM_HUGETLB)) !== 0) return 0;
  const error = change(s, a, b, flags, area.name);
  if (error !== 0) return error;
  if (bits === 0) s.locked -= b - a;
  else if ((old & VM_LOCKED) === 0 || s.world.profile.mlock.onfaultCountsTwice) s.locked += b - a;
  return 0;
}

export function mlock(s: Space, who: Who, startIn: bigint, lenIn: bigint, onfault: boolean): number {
  s.populate = null;
  if (!canLock(who)) return EPERM;
  const len = roundUp(u64(lenIn + (startIn & LOW)));
  const start = roundDown(startIn);
  if (!who.ipcLock) {
    let n = Number(len / P) + s.locked;
    if (n > pagesOf(who.limits.memlock) && s.world.profile.mlock.countsOnce) {
      for (let p = 0; p < s.world.pages; p++) {
        const at = BigInt(p) * P;
        const inside = at >= start && (at < u64(start + len) || u64(start + len) < start);
        if (inside && s.page[p] !== null && (s.page[p]!.area.flags & VM_LOCKED) !== 0) n--;
      }
    }
    if (n > pagesOf(who.limits.memlock)) return ENOMEM;
  }
  const error = lockRange(s, start, len, onfault ? VM_LOCKED | VM_LOCKONFAULT : VM_LOCKED);
  if (error === 0) s.populate = len === 0n ? null : [Number(start), Number(len)];
  return error;
}

export function munlock(s: Space, start: bigint, len: bigint): number {
  s.populate = null;
  return lockRange(s, roundDown(start), roundUp(u64(len + (start & LOW))), 0);
}

function lockAll(s: Space, flags: number): void {
  s.defFlags &= ~(VM_LOCKED | VM_LOCKONFAULT);
  const onfault = (flags & 4) !== 0 ? VM_LOCKONFAULT : 0;
  if ((flags & 2) !== 0) s.defFlags |= VM_LOCKED | onfault;
  if ((flags & 3) === 2) return;
  const bits = (flags & 1) !== 0 ? VM_LOCKED | onfault : 0;
  for (let p = 0; p < s.world.pages;) {
    const run = s.runAt(p);
    if (run === null) {
      p++;
      continue;
    }
    lockPart(s, run.from, run.to, bits);
    p = s.runAt(p)!.to;
  }
}

export function mlockall(s: Space, who: Who, flags: number): number {
  s.populate = null;
  if (flags === 0 || (flags & ~7) !== 0) return EINVAL;
  if (flags === 4 && !s.world.profile.mlock.allOnfaultAlone) return EINVAL;
  if (!canLock(who)) return EPERM;
  if ((flags & 1) !== 0 && s.mapped() > pagesOf(who.limits.memlock) && !who.ipcLock) return ENOMEM;
  lockAll(s, flags);
  if ((flags & 1) !== 0) s.populate = [0, s.world.pages * 4096];
  return 0;
}

export function munlockall(s: Space): number {
  s.populate = null;
  lockAll(s, 0);
  return 0;
}

// --- madvise, anonymous names

/** Checks of madvise's range: page numbers, an errno, or 0 for nothing to do. */
function adviceRange(s: Space, start: bigint, lenIn: bigint): [number, number] | number {
  if ((start & LOW) !== 0n) return EINVAL;
  const len = roundUp(lenIn);
  if (lenIn !== 0n && len === 0n) return EINVAL;
  const end = u64(start + len);
  if (end < start) return EINVAL;
  if (end === start) return 0;
  const T = taskSize(s);
  return [start >= T ? Infinity : page(start), end > T ? Infinity : page(end)];
}

/** The walk: holes are skipped and told at the end; `visit` stops it. */
function walk(s: Space, a: number, b: number, visit: (from: number, to: number) => number): number {
  let hole = 0;
  if (a >= s.world.pages) return ENOMEM;
  for (let p = a; p < b;) {
    const run = p < s.world.pages ? s.runFrom(p) : null;
    if (run === null || run.from >= b) return ENOMEM;
    if (run.from > p) hole = ENOMEM;
    const from = Math.max(p, run.from);
    const to = Math.min(run.to, b);
    const error = visit(from, to);
    if (error !== 0) return error;
    p = Math.max(to, s.runAt(from)!.to);
  }
  return hole;
}

const ADVICE_FLAGS: Readonly<Record<number, (flags: number) => number>> = {
  0: (f) => f & ~(VM_RAND_READ | VM_SEQ_READ),
  1: (f) => (f & ~VM_SEQ_READ) | VM_RAND_READ,
  2: (f) => (f & ~VM_RAND_READ) | VM_SEQ_READ,
  10: (f) => f | VM_DONTCOPY,
  11: (f) => f & ~VM_DONTCOPY,
  12: (f) => {
    const never = VM_SHARED | VM_MAYSHARE | VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_HUGETLB | VM_MIXEDMAP;
    return (f & never) !== 0 ? f : f | VM_MERGEABLE;
  },
  13: (f) => f & ~VM_MERGEABLE,
  14: (f) => (f & ~VM_NOHUGEPAGE) | VM_HUGEPAGE,
  15: (f) => (f & ~VM_HUGEPAGE) | VM_NOHUGEPAGE,
  16: (f) => f | VM_DONTDUMP,
  17: (f) => f & ~VM_DONTDUMP,
  18: (f) => f | VM_WIPEONFORK,
  19: (f) => f & ~VM_WIPEONFORK,
};

function adviceExists(s: Space, advice: number): boolean {
  const { world } = s;
  if (advice === 12 || advice === 13) return world.ksm;
  if (advice === 14 || advice === 15) return world.thp;
  if (advice === 25) return world.thp && world.profile.madvise.values.includes(25);
  if (advice === 100 || advice === 101) return world.memoryFailure;
  return world.profile.madvise.values.includes(advice);
}

function adviseArea(s: Space, a: number, b: number, advice: number): number {
  const { area } = s.page[a]!;
  const { flags, file } = area;
  const { profile, swap } = s.world;
  switch (advice) {
    case 3:
      return file === null && !swap ? EBADF : 0;
    case 4:
    case 8:
    case 24:
      if ((flags & VM_HUGETLB) !== 0) {
        if (!profile.madvise.dontneedHugetlb || advice === 8) return EINVAL;
        return a % area.ops!.huge === 0 ? 0 : EINVAL;
      }
      if ((flags & VM_PFNMAP) !== 0 || (advice !== 24 && (flags & VM_LOCKED) !== 0)) return EINVAL;
      return advice === 8 && area.ops !== null ? EINVAL : 0;
    case 9: {
      if ((flags & VM_LOCKED) !== 0 || file === null) return EINVAL;
      const need = VM_SHARED | (profile.madvise.removeMaywrite ? VM_MAYWRITE : VM_WRITE);
      if ((flags & need) !== need) return EACCES;
      return file.fallocate ?? EOPNOTSUPP;
    }
    case 20:
    case 21:
      return (flags & (VM_LOCKED | VM_PFNMAP | VM_HUGETLB)) !== 0 ? EINVAL : 0;
    case 22:
    case 23:
      return 0;
    case 25:
      return EINVAL;
    default:
  }
  if (advice === 11 && (flags & VM_IO) !== 0) return EINVAL;
  if (advice === 18 && (file !== null || (flags & VM_SHARED) !== 0)) return EINVAL;
  if (advice === 17 && (flags & VM_SPECIAL) !== 0 && ((flags & VM_HUGETLB) === 0 || !profile.madvise.dodumpHugetlb)) {
    return EINVAL;
  }
  const wanted = ADVICE_FLAGS[advice]!(flags);
  if (wanted === flags) return 0;
  const error = change(s, a, b, wanted, area.name);
  return error === ENOMEM ? EAGAIN : error;
}

export function madvise(s: Space, who: Who, start: bigint, len: bigint, advice: number): number {
  s.populate = null;
  if (!adviceExists(s, advice)) return EINVAL;
  const range = adviceRange(s, start, len);
  if (typeof range === 'number') return range;
  if (advice >= 100) return who.sysAdmin ? EOPNOTSUPP : EPERM;
  return walk(s, range[0], range[1], (a, b) => adviseArea(s, a, b, advice));
}

export function setName(s: Space, start: bigint, len: bigint, name: number | string | null): number {
  const range = adviceRange(s, start, len);
  if (typeof range === 'number') return range;
  return walk(s, range[0], range[1], (a, b) => {
    const { area } = s.page[a]!;
    if (area.file !== null) return s.world.profile.madvise.anonNames === 'text' ? EBADF : 0;
    if (area.name === name) return 0;
    const error = change(s, a, b, area.flags, name);
    return error === ENOMEM ? EAGAIN : error;
  });
}

// --- msync, mincore

export function msync(s: Space, start: bigint, lenIn: bigint, flags: number): number {
  if ((flags & ~7) !== 0 || (start & LOW) !== 0n || (flags & 5) === 5) return EINVAL;
  const end = u64(start + roundUp(lenIn));
  if (end < start) return ENOMEM;
  if (end === start) return 0;
  const T = taskSize(s);
  const a = start >= T ? Infinity : page(start);
  const b = end > T ? Infinity : page(end);
  return walk(s, a, b, (from) => {
    const { area } = s.page[from]!;
    if ((flags & 2) !== 0 && (area.flags & VM_LOCKED) !== 0) return EBUSY;
    return (flags & 4) !== 0 && (area.flags & VM_SHARED) !== 0 ? (area.file!.fsync ?? 0) : 0;
  });
}

/** The errno, and how many bytes of the vector were answered. */
export function mincore(s: Space, start: bigint, len: bigint): [number, number] {
  const T = taskSize(s);
  if ((start & LOW) !== 0n) return [EINVAL, 0];
  if (start > T || len > T - start) return [ENOMEM, 0];
  const a = page(start);
  const b = page(start + roundUp(len));
  for (let p = a; p < b; p++) if (s.page[p] === null) return [ENOMEM, p - a];
  return [0, b - a];
}

// --- mremap

export function mremap(
  s: Space,
  who: Who,
  addr: bigint,
  oldLenIn: bigint,
  newLenIn: bigint,
  flags: number,
  newAddr: bigint,
): number {
  const { profile } = s.world;
  s.populate = null;
  const T = taskSize(s);
  const known = profile.mremap.dontunmap ? 7 : 3;
  const [mayMove, fixed, dontUnmap] = [(flags & 1) !== 0, (flags & 2) !== 0, (flags & 4) !== 0];
  if ((flags & ~known) !== 0 || (fixed && !mayMove)) return EINVAL;
  if (dontUnmap && (!mayMove || oldLenIn !== newLenIn)) return EINVAL;
  if ((addr & LOW) !== 0n) return EINVAL;
  let oldLen = roundUp(oldLenIn);
  let newLen = roundUp(newLenIn);
  if (newLen === 0n) return EINVAL;
  const sourceAt = (): { area: Area; from: number; to: number } | null => (addr >= T ? null : s.runAt(page(addr)));
  if (profile.mremap.looksUpFirst) {
    const source = sourceAt();
    if (source === null) return EFAULT;
    if ((source.area.flags & VM_HUGETLB) !== 0) {
      const unit = BigInt(source.area.ops!.huge) * P;
      oldLen = u64(((oldLen + unit - 1n) / unit) * unit);
      newLen = u64(((newLen + unit - 1n) / unit) * unit);
      if (addr % unit !== 0n || newAddr % unit !== 0n || newLen > oldLen) return EINVAL;
    }
  }
  if (fixed || dontUnmap) {
    if ((newAddr & LOW) !== 0n || newLen > T || newAddr > T - newLen) return EINVAL;
    if (u64(addr + oldLen) > newAddr && newAddr + newLen > addr) return EINVAL;
    if (profile.mremap.fixedChecksMapCount && s.count() + 2 >= s.world.maxMapCount - 3) return ENOMEM;
    if (fixed) {
      const error = munmap(s, newAddr, newLen);
      if (error !== 0) return error;
    }
  }
  if (oldLen >= newLen) {
    const error = munmap(s, u64(addr + newLen), oldLen - newLen);
    if (error !== 0 && oldLen !== newLen) return error;
    if (!fixed && !dontUnmap) return Number(addr);
    oldLen = newLen;
  }
  const source = sourceAt();
  if (source === null) return EFAULT;
  const { area } = source;
  const vm = area.flags;
  if ((vm & VM_HUGETLB) !== 0 && !profile.mremap.hugetlb) return EINVAL;
  if (oldLen === 0n && !profile.mremap.duplicatesPrivate && (vm & (VM_SHARED | VM_MAYSHARE)) === 0) return EINVAL;
  if (dontUnmap && (vm & (VM_DONTEXPAND | VM_PFNMAP)) !== 0) return EINVAL;
  if (oldLen > BigInt(source.to) * P - addr) return EFAULT;
  let owed = 0;
  const grow = Number(newLen / P) - Number(oldLen / P);
  if (grow !== 0) {
    if ((vm & (VM_DONTEXPAND | VM_PFNMAP)) !== 0) return EFAULT;
    if ((vm & VM_LOCKED) !== 0 && !who.ipcLock && s.locked + grow > pagesOf(who.limits.memlock)) return EAGAIN;
    if (!mayExpand(s, who, vm, grow)) return ENOMEM;
    if ((vm & VM_ACCOUNT) !== 0 && !profile.mremap.looksUpFirst) {
      if (!charge(s, who, grow)) return ENOMEM;
      owed = grow;
    }
  }
  const fail = (errno: number): number => {
    s.world.committed -= owed;
    return errno;
  };
  const old = page(addr);
  const m = page(oldLen);
  const n = page(newLen);
  if (fixed || dontUnmap) {
    if (dontUnmap && !mayExpand(s, who, vm, m)) return ENOMEM;
    const at = place(s, who, area.file, newAddr, newLen, fixed);
    const result = at < 0 ? at : move(s, who, old, m, n, fixed ? page(newAddr) : at, dontUnmap);
    return result < 0 ? fail(result) : result;
  }
  if (old + m === source.to && (s.runFrom(source.to)?.from ?? Infinity) >= old + n) {
    if (place(s, who, null, BigInt(source.from) * P, BigInt(old + n - source.from) * P, true) >= 0) {
      const result = growHere(s, who, source.to, old + n);
      return result < 0 ? fail(result) : Number(addr);
    }
  }
  if (!mayMove) return fail(ENOMEM);
  const at = place(s, who, area.file, 0n, newLen, false);
  const result = at < 0 ? at : move(s, who, old, m, n, at, false);
  return result < 0 ? fail(result) : result;
}

/** Growth in place over the free pages [a, b). */
function growHere(s: Space, who: Who, a: number, b: number): number {
  const { area, off } = s.page[a - 1]!;
  if (s.world.profile.mremap.growMerges) {
    if (accounted(area) && !charge(s, who, b - a)) return ENOMEM;
    if (area.ops?.close === true) takeOver(s, area, a, b, off + 1);
    else {
      const want = { flags: area.flags, file: area.file, anon: area.anon, off: off + 1, name: area.name };
      if (merge(s, a, b, want) === null) {
        if (accounted(area)) s.world.committed -= b - a;
        return ENOMEM;
      }
    }
  } else takeOver(s, area, a, b, off + 1);
  if ((area.flags & VM_LOCKED) !== 0) {
    s.locked += b - a;
    s.populate = [a * 4096, (b - a) * 4096];
  }
  return 0;
}

/** move_vma: m pages at `old` become n pages at `at`. */
function move(s: Space, who: Who, old: number, m: number, n: number, at: number, dontUnmap: boolean): number {
  const { world } = s;
  const newer = world.profile.mremap.looksUpFirst;
  const source = s.runAt(old)!;
  const src = source.area;
  const vm = src.flags;
  if (s.count() >= world.maxMapCount - 3) return ENOMEM;
  if (src.ops !== null && src.ops.maySplitError !== 0 && (source.from !== old || source.to !== old + m)) {
    return src.ops.maySplitError;
  }
  const debt = (vm & VM_ACCOUNT) === 0 ? null : dontUnmap ? n : n - m;
  if (newer && debt !== null && !charge(s, who, debt)) return ENOMEM;
  const off = src.ops === null && src.anon === null ? at : s.page[old]!.off;
  const want = { flags: vm, file: src.file, anon: src.anon, off, name: src.name };
  // Seen on 6.1: a copy whose source stays does not become one with it.
  const apart = dontUnmap && (at + n === source.from || at === source.to);
  if (apart || merge(s, at, at + n, want) === null) s.put(at, at + n, src.copy(), off);

  const failed = src.ops === null ? 0 : src.ops.mremapError;
  const [gone, len] = failed === 0 ? [old, m] : [at, n];
  if (failed === 0 && dontUnmap) {
    const left = s.runAt(old)!;
    left.area.flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
    if (left.area !== s.page[at]!.area && left.from === old && left.to === old + m) {
      left.area.anon = null;
      left.area.chain = [];
    }
    return at * 4096;
  }
  // The charge moves along: nothing is given back for what is unmapped now.
  const before = world.committed;
  const size = s.runAt(gone)!.to - s.runAt(gone)!.from;
  const victim = s.page[gone]!.area;
  const unmapped = len === 0 ? EINVAL : unmapPages(s, gone, gone + len);
  if (!dontUnmap) world.committed = before;
  if (unmapped !== 0 && (vm & VM_ACCOUNT) !== 0 && !dontUnmap) {
    if (newer) world.committed += len;
    else world.committed -= size - len;
    victim.flags &= ~VM_ACCOUNT;
  }
  if ((vm & VM_LOCKED) !== 0) {
    s.locked += n;
    if (failed === 0 && n > m) s.populate = [(at + m) * 4096, (n - m) * 4096];
  }
  return failed === 0 ? at * 4096 : failed;
}

// --- remap_file_pages

export function remapFilePages(
  s: Space,
  who: Who,
  startIn: bigint,
  sizeIn: bigint,
  prot: number,
  pgoff: bigint,
  flags: number,
  newShared: NewFile,
): number {
  s.populate = null;
  if (prot !== 0) return EINVAL;
  const start = roundDown(startIn);
  const size = roundDown(sizeIn);
  if (u64(start + size) <= start) return EINVAL;
  if (u64(pgoff + size / P) < pgoff) return EINVAL;
  const run = start >= taskSize(s) ? null : s.runAt(page(start));
  if (run === null || (run.area.flags & VM_SHARED) === 0) return EINVAL;
  const end = start + size;
  for (let p = run.from; BigInt(p) * P < end; p++) {
    const area = s.page[p]?.area;
    if (area?.file !== run.area.file || area.flags !== run.area.flags) return EINVAL;
  }
  const vm = run.area.flags;
  const mapFlags = (flags & 0x10000) | 0x8011 | ((vm & VM_LOCKED) !== 0 ? 0x2000 : 0);
  const result = mmap(
    s,
    who,
    { addr: start, len: size, prot: vm & 7, flags: mapFlags, file: run.area.file, pgoff },
    newShared,
  );
  return Math.min(result, 0);
}

// --- stack growth, fork, exit

/** expand_stack of the area above the hole of page p. */
export function growStack(s: Space, who: Who, p: number): number {
  const { world } = s;
  const run = s.runFrom(p)!;
  if ((run.area.flags & VM_GROWSDOWN) === 0) return EFAULT;
  if (world.profile.faults.stackGapAtZero) {
    if (p < world.dacMin && !who.rawio) return EPERM;
    if (p < world.guardPages) return ENOMEM;
  } else if (p < world.minAddr) return EPERM;
  const below = s.runBelow(run.from);
  if (below !== null && (below.area.flags & VM_ACCESS_FLAGS) !== 0 && (below.area.flags & VM_GROWSDOWN) === 0) {
    if (below.to > p - world.guardPages) return ENOMEM;
  }
  touch(s, run.from);
  const grow = run.from - p;
  if (grow > s.page[run.from]!.off) return ENOMEM;
  const flags = run.area.flags;
  if (!mayExpand(s, who, flags, grow) || (run.to - p) * 4096 > who.limits.stack) return ENOMEM;
  if (!lockRoom(s, who, flags, grow)) return ENOMEM;
  if (!charge(s, who, grow)) return ENOMEM;
  if ((flags & VM_LOCKED) !== 0) s.locked += grow;
  s.put(p, run.from, run.area, s.page[run.from]!.off - grow);
  return 0;
}

/** dup_mmap: the child, or an errno with every charge undone. */
export function fork(s: Space, who: Who): Space | number {
  const { world } = s;
  const made = new Set<Area>();
  const plan: { area: Area; from: number; to: number; off: number }[] = [];
  const before = world.committed;
  for (const run of s.runs()) {
    if ((run.area.flags & VM_DONTCOPY) !== 0) continue;
    if (accounted(run.area) && !charge(s, who, run.to - run.from)) {
      world.committed = before;
      return ENOMEM;
    }
    const area = run.area.copy();
    if ((run.area.flags & VM_WIPEONFORK) !== 0) {
      area.anon = null;
      area.chain = [];
    } else forkAnon(world, area, run.area, made);
    area.flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
    made.add(area);
    plan.push({ area, from: run.from, to: run.to, off: s.page[run.from]!.off });
  }
  const child = new Space(world);
  for (const { area, from, to, off } of plan) child.put(from, to, area, off);
  child.defFlags = s.defFlags & VM_NOHUGEPAGE;
  child.startBrk = s.startBrk;
  child.brk = s.brk;
  child.startData = s.startData;
  child.endData = s.endData;
  child.mmapBase = s.mmapBase;
  child.legacy = s.legacy;
  return child;
}

export function exit(s: Space): void {
  for (const entry of s.page) if (entry !== null && accounted(entry.area)) s.world.committed--;
  s.world.spaces.delete(s);
}
