/**
 * Checks what must hold in a machine after every operation, and at its end, independent of the recording.
 *
 * Walks the tables of every address space as hardware would (mmu/), and compares them with the soft MMU, with the protection
 * of the mappings, with the page cache, and with translations that were cached before the operation. Recounts frames, map
 * counts and resident pages. At the end every frame must be free.
 */
import {
  validateMm,
  VM_ARCH_1,
  VM_EXEC,
  VM_HIGH_MTE,
  VM_HUGETLB,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
  type Mm,
  type Vma,
} from '@vmarea/mm-core';
import { PTE_PROTNONE, PTE_SPECIAL } from '@vmarea/mm-core';
import {
  ACCESS_EXEC,
  ACCESS_READ,
  ACCESS_WRITE,
  AddressSpace,
  onInvalidate,
  PG_ANON,
  PG_SWAPBACKED,
  PG_TABLE,
  stateOf,
  UserMemory,
  validateFrames,
  walkPfn,
  type Frames,
  type Memory,
} from '@vmarea/mm-core/memory';
import type { Kernel, Task } from '@vmarea/kernel';
import { killLitterSuper } from '@vmarea/vfs';
import { translations, type Translation } from './mmu/arm64.ts';
import { translationsX86 } from './mmu/x86-64.ts';

/** Ordinary memory: the index in Linux's MAIR_EL1, and that of the PAT. */
const NORMAL_MEMORY_ARM64 = 4;
const NORMAL_MEMORY_X86 = 0;

const hex = (value: number): string => `0x${value.toString(16)}`;

/** An address space, and a processor that caches every translation of it until the translation is dropped. */
class Watched {
  readonly mm: Mm;
  private readonly user: UserMemory;
  private cached = new Map<number, Translation>();

  constructor(task: Task) {
    this.mm = task.mm;
    this.user = new UserMemory(task.cur);
    onInvalidate(task.mm, (start, end) => {
      if (end - start > 2 ** 30) {
        for (const [va, t] of this.cached) if (va < end && va + t.size > start) this.cached.delete(va);
      } else this.drop(start, end);
    });
  }

  private drop(start: number, end: number): void {
    for (const [va, t] of this.cached) if (va < end && va + t.size > start) this.cached.delete(va);
  }

  /** Checks the cached translations: the same frame, and no right that is now forbidden. */
  stale(now: readonly Translation[], pageSize: number): string[] {
    const bad: string[] = [];
    const byPage = new Map<number, Translation>();
    for (const t of now) byPage.set(t.va, t);
    for (const [va, old] of this.cached) {
      const t = byPage.get(va);
      if (t?.pa !== old.pa || t.size !== old.size) bad.push(`${hex(va)}: went, and nobody was told`);
      else if ((old.read && !t.read) || (old.write && !t.write) || (old.execute && !t.execute)) {
        bad.push(`${hex(va)}: lost a permission, and nobody was told`);
      }
    }
    bad.push(...this.staleTlb(now, pageSize));
    this.cached = byPage;
    this.fillTlb(now);
    return bad;
  }

  /** Checks the software TLB in the same way. */
  private staleTlb(now: readonly Translation[], pageSize: number): string[] {
    const bad: string[] = [];
    const { tlb, physical } = stateOf(this.mm);
    if (tlb === null) return bad;
    const check = (tags: Float64Array, name: 'read' | 'write' | 'execute'): void => {
      for (let i = 0; i < tags.length; i++) {
        const page = tags[i]!;
        if (page < 0) continue;
        const t = at(now, page);
        const pa = (tlb.frameWord[i]! / physical.wordsPerPage) * pageSize;
        if (t === null || !t[name] || t.pa + (page - t.va) !== pa)
          bad.push(`${hex(page)}: the TLB still has it for ${name}`);
      }
    };
    check(tlb.readTag, 'read');
    check(tlb.writeTag, 'write');
    check(tlb.execTag, 'execute');
    return bad;
  }

  /** Loads from every readable page: no access may fault, and the TLB must then have the page. */
  private fillTlb(now: readonly Translation[]): void {
    for (const t of now) if (t.read) this.user.load8(t.va);
  }
}

/** Finds the translation of an address; they are in order. */
function at(all: readonly Translation[], address: number): Translation | null {
  let low = 0;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (all[middle]!.va + all[middle]!.size <= address) low = middle + 1;
    else high = middle;
  }
  const t = all[low];
  return t !== undefined && t.va <= address ? t : null;
}

/** The checks of one machine. Create it before its first task. */
export class MachineCheck {
  private readonly kernel: Kernel;
  private readonly memory: Memory;
  private readonly frames: Frames;
  private readonly framesAtStart: number;
  private readonly watched = new Map<Mm, Watched>();
  private readonly normalMemory: number;

  constructor(kernel: Kernel) {
    if (kernel.memory === null) throw new Error('MachineCheck: a machine without memory');
    this.kernel = kernel;
    this.normalMemory = kernel.system.arch.name === 'x86-64' ? NORMAL_MEMORY_X86 : NORMAL_MEMORY_ARM64;
    this.memory = kernel.memory;
    this.frames = kernel.memory.frames;
    this.framesAtStart = this.available();
  }

  /** The number of free frames, including those of the huge-page pool. */
  private available(): number {
    const pool = this.kernel.hugePool;
    const pooled = pool === null ? 0 : (pool.nrHugePages * pool.size) / this.kernel.system.pageSize;
    return this.frames.nrFree + pooled;
  }

  /** Checks the machine after an operation. Returns one sentence for each violation. */
  afterOperation(): string[] {
    const bad: string[] = [];
    const counts = new Map<number, number>();
    const alive = new Set<Mm>();
    for (const task of this.kernel.tasks.values()) {
      if (task.exitStatus !== null) continue;
      const { mm } = task;
      // Tasks may share an address space.
      if (alive.has(mm)) continue;
      alive.add(mm);
      const say = (text: string): number => bad.push(`process ${task.pid}: ${text}`);
      validateMm(mm).forEach(say);
      const found = this.walk(mm);
      this.checkTranslations(mm, found).forEach(say);
      this.checkEntries(mm, found, counts).forEach(say);
      let watched = this.watched.get(mm);
      if (watched === undefined) this.watched.set(mm, (watched = new Watched(task)));
      watched.stale(found, this.kernel.system.pageSize).forEach(say);
    }
    for (const mm of this.watched.keys()) if (!alive.has(mm)) this.watched.delete(mm);
    for (const [pfn, count] of counts) {
      if (this.frames.mapcount[pfn] !== count) {
        bad.push(`frame ${pfn}: map count ${this.frames.mapcount[pfn]}, but ${count} entries`);
      }
    }
    return bad;
  }

  private walk(mm: Mm): Translation[] {
    const { arch } = this.kernel.system;
    // The architecture defines the value of the base register, for instance TTBR0.
    const { ttbr0 } = mm.pageTables as unknown as { readonly ttbr0: number };
    const { u32 } = this.memory.physical;
    if (arch.name === 'x86-64') return translationsX86(u32, ttbr0, arch.vaBits > 47 ? 5 : 4);
    return translations(u32, ttbr0, arch.pageShift, 64 - arch.vaBits);
  }

  /** Checks each translation against its VMA, the soft MMU, and the frame. */
  private checkTranslations(mm: Mm, found: readonly Translation[]): string[] {
    const bad: string[] = [];
    const { frames } = this;
    const { pageSize } = this.kernel.system;
    let vma = mm.tree.first;
    for (const t of found) {
      while (vma !== null && vma.vmEnd <= t.va) vma = vma.vmNext;
      const where = hex(t.va);
      if (vma === null || t.va < vma.vmStart || t.va + t.size > vma.vmEnd) {
        bad.push(`${where}: a translation of ${t.size} bytes that no mapping contains`);
        continue;
      }
      const flags = vma.vmFlags;
      if ((flags & (VM_READ | VM_WRITE | VM_EXEC)) === 0) bad.push(`${where}: valid in a PROT_NONE mapping`);
      if (t.write && (flags & VM_WRITE) === 0) bad.push(`${where}: writable, its mapping is not`);
      if (t.execute && (flags & VM_EXEC) === 0) bad.push(`${where}: executable, its mapping is not`);
      if (t.read && !t.execute && (flags & VM_EXEC) !== 0) bad.push(`${where}: not executable, its mapping is`);
      const tagged = (mm.system.archProt & VM_HIGH_MTE & vma.vmFlagsHigh) !== 0 ? 1 : 0;
      if (t.attrIndex !== this.normalMemory + tagged) bad.push(`${where}: not ordinary memory, or tags differ`);
      if (t.guarded !== (mm.system.archProt !== 0 && (flags & VM_ARCH_1) !== 0))
        bad.push(`${where}: guarded for branches is ${t.guarded}, its mapping differs`);
      for (const offset of t.size > pageSize ? [0, t.size - pageSize] : [0]) {
        const address = t.va + offset;
        const pfn = (t.pa + offset) / pageSize;
        const soft = (name: string, access: number, allowed: boolean): void => {
          const got = walkPfn(mm, address, access);
          if (got !== (allowed ? pfn : -1))
            bad.push(`${hex(address)}: ${name} gives the soft MMU ${got}, hardware ${allowed ? pfn : -1}`);
        };
        soft('read', ACCESS_READ, t.read);
        soft('write', ACCESS_WRITE, t.write);
        soft('exec', ACCESS_EXEC, t.execute);
      }
      const pfn = t.pa / pageSize;
      if (pfn >= frames.nrFrames) bad.push(`${where}: no memory at ${hex(t.pa)}`);
      else if (frames.refcount[pfn]! <= 0 && t.size === pageSize) bad.push(`${where}: frame ${pfn} is free`);
      else if ((frames.flags[pfn]! & PG_TABLE) !== 0) bad.push(`${where}: frame ${pfn} is a page table`);
      else if (t.write && pfn === frames.zeroPfn) bad.push(`${where}: the page of zeroes is writable`);
      else bad.push(...this.checkFrame(vma, t, pfn));
    }
    return bad;
  }

  /** Checks that the frame is the right one: the page cache's, or an anonymous page of this address. */
  private checkFrame(vma: Vma, t: Translation, pfn: number): string[] {
    const { frames } = this;
    if ((vma.vmFlags & VM_HUGETLB) !== 0 || pfn === frames.zeroPfn) return [];
    const index = vma.vmPgoff + (t.va - vma.vmStart) / this.kernel.system.pageSize;
    if ((frames.flags[pfn]! & PG_ANON) !== 0) {
      if (frames.index[pfn] !== index) return [`${hex(t.va)}: a page of index ${frames.index[pfn]}, not ${index}`];
      if (t.write && frames.mapcount[pfn] !== 1) return [`${hex(t.va)}: writable, and shared by fork`];
      return [];
    }
    if (t.write && (vma.vmFlags & VM_SHARED) === 0) return [`${hex(t.va)}: a private mapping may write to the file`];
    const mapping = vma.vmFile === null ? null : vma.vmFile.fMapping;
    if (!(mapping instanceof AddressSpace)) return [];
    const cached = mapping.find(index);
    return cached === pfn ? [] : [`${hex(t.va)}: frame ${pfn}, the page cache has ${cached} at ${index}`];
  }

  /** Checks that hardware finds each entry that the package has, unless it is hidden; recounts resident pages. */
  private checkEntries(mm: Mm, found: readonly Translation[], counts: Map<number, number>): string[] {
    const bad: string[] = [];
    const { frames } = this;
    const pt = mm.pageTables!;
    let next = 0;
    let file = 0;
    let anon = 0;
    let shmem = 0;
    for (let va = pt.nextEntry(0, mm.taskSize); va >= 0;) {
      const slot = pt.curSlot;
      const size = pt.curSize;
      const bits = pt.entry(slot);
      const pfn = pt.pfn(slot);
      if ((bits & PTE_PROTNONE) === 0) {
        const t = found[next++];
        if (t?.va !== va || t.size !== size) {
          bad.push(`${hex(va)}: an entry of ${size} bytes that hardware does not find`);
          break;
        }
      }
      if ((bits & PTE_SPECIAL) === 0) {
        const vma = mm.tree.find(va);
        if (vma === null || va < vma.vmStart) bad.push(`${hex(va)}: an entry outside every mapping`);
        else if ((vma.vmFlags & VM_HUGETLB) === 0) {
          counts.set(pfn, (counts.get(pfn) ?? 0) + 1);
          const flags = frames.flags[pfn]!;
          if ((flags & PG_ANON) !== 0) anon++;
          else if ((flags & PG_SWAPBACKED) !== 0) shmem++;
          else file++;
        }
      }
      va = pt.nextEntry(va + size, mm.taskSize);
    }
    if (bad.length === 0 && next !== found.length)
      bad.push(`${hex(found[next]!.va)}: hardware finds what the package does not`);
    const cache = stateOf(mm).rssCache;
    const counted = [file, anon, shmem].join(' ');
    const has = [mm.rssFile, mm.rssAnon, mm.rssShmem].map((n, i) =>
      cache === null ? n : n + [cache.rssFile, cache.rssAnon, cache.rssShmem][i]!,
    );
    if (has.join(' ') !== counted) bad.push(`resident pages (file, anon, shmem) ${has.join(' ')}, counted ${counted}`);
    return bad;
  }

  /** Ends every task, unmounts everything, and checks what is left. */
  atEnd(): string[] {
    const bad: string[] = [];
    const { kernel, frames } = this;
    const say = (text: string): number => bad.push(`at the end: ${text}`);
    validateFrames(frames).forEach(say);
    kernel.shutdown();
    for (const mnt of [...kernel.tree.mounts()].reverse()) {
      if (mnt.parent !== null && kernel.tree.umount(mnt) !== 0) say(`${mnt.sb.manifest.name} is busy`);
    }
    killLitterSuper(kernel.tree.root.sb);
    this.memory.lazyFree.drain();
    this.memory.anonOwners.trim();
    validateFrames(frames).forEach(say);
    const lost = this.framesAtStart - this.available();
    if (lost !== 0) say(`${lost} frames are missing`);
    const left = {
      tables: frames.nrPageTable,
      cached: frames.nrFilePages,
      shmem: frames.nrShmem,
      anon: frames.nrAnonMapped,
      attached: this.memory.nrAttached,
    };
    for (const [name, count] of Object.entries(left)) if (count !== 0) say(`${count} ${name}`);
    return bad;
  }
}
