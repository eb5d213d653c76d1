/**
 * Builds an address space from the lines of a map, exactly: printing it gives the same text. Each line becomes one area, also
 * where a new mapping would merge with its neighbour.
 *
 * Assumes what a map does not show: private writable anonymous memory has been written, nothing is locked, a private mapping
 * is charged if it is writable. VmFlags of smaps show these. Not here: the facts about the machine (infer.ts).
 */
import {
  anonVmaPrepare,
  HUGETLB_ANONHUGE_INODE,
  installSpecialMapping,
  isErr,
  pickMmapLayout,
  VM_ACCESS_FLAGS,
  VM_ACCOUNT,
  VM_DONTEXPAND,
  VM_EXEC,
  VM_HUGETLB,
  VM_LOCKED,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_NORESERVE,
  VM_PFNMAP,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
  vmaFree,
  vmaLink,
  vmAcctMemory,
  vmDataDefaultFlags,
  vmaSetPageProt,
  vmGetPageProt,
  vmStatAccount,
  type Mm,
  type Vma,
  type VmFile,
} from '@vmarea/mm-core';
import { vmaName, type SysvSharedMemory, type Task } from '@vmarea/kernel';
import { formatMapsLine, smapsFigures, type MapsLine } from '@vmarea/strace';
import { ADDR_NO_RANDOMIZE, errnoName, IPC_CREAT, O_RDWR } from '@vmarea/uapi';
import { File, type SuperBlock } from '@vmarea/vfs';
import { SituationError } from '../error.ts';
import type { SituationMapLine } from '../situation.ts';
import { codesOf, flagsOf, highFlagsOf } from './flags.ts';

/** The options of {@link restoreMap}. */
export interface RestoreOptions {
  /** Returns an open file with one reference for a line with a file: {@link MapFiles} provides it. */
  readonly open: (line: SituationMapLine) => VmFile;
  /** Whether the program runs at random addresses. */
  readonly randomized: 'on' | 'off' | 'unknown';
}

/** The result of {@link restoreMap}. */
export interface RestoredMap {
  /** The assumptions, as sentences. */
  readonly said: readonly string[];
  /** Whether the map shows where the heap is. */
  readonly heapKnown: boolean;
  /** Whether the map shows where the kernel places the next mapping: it reaches up to the stack. */
  readonly placementKnown: boolean;
  /** Names that only the map gives (`[stack:12]`), by the last byte of their area. */
  readonly labels: ReadonlyMap<number, string>;
  /** Lines beyond the address space, which no call can change: `[vsyscall]`. */
  readonly outside: readonly SituationMapLine[];
}

/** The kernel's own mappings. */
const SPECIAL = /^\[(vdso|vvar|vvar_vclock|vectors|sigpage|uprobes|compat)\]$/;

/** A segment of System V shared memory: its key in hexadecimal. */
const SEGMENT = /^\/SYSV([0-9a-f]{8}) \(deleted\)$/;

/** Returns the bytes that the lines of a map show of each segment, by identifier. */
function segmentSizesOf(lines: readonly SituationMapLine[]): Map<number, number> {
  const sizes = new Map<number, number>();
  for (const { name, inode, offset, start, end } of lines) {
    if (SEGMENT.test(name)) sizes.set(inode, Math.max(sizes.get(inode) ?? 0, offset + end - start));
  }
  return sizes;
}

function isFile(line: MapsLine): boolean {
  return line.inode !== 0 || line.name.startsWith('/') || line.name.startsWith('[anon_shmem:');
}

/** Bytes that a file of huge pages is taken to have at least: its areas are not beyond its end. */
const ASSUMED_HUGE_FILE = 2 ** 40;

/** Returns whether an area has huge pages: smaps says so, or its name is the kernel's own. */
function isHuge(line: SituationMapLine): boolean {
  if (line.vmFlags !== undefined) return line.vmFlags.includes('ht');
  return /^\/anon_hugepage\b/.test(line.name);
}

/** Returns whether two neighbours in the map would be one area, judging by their lines only. */
function alike(a: SituationMapLine, b: SituationMapLine): boolean {
  return (
    a.end === b.start &&
    a.read === b.read &&
    a.write === b.write &&
    a.exec === b.exec &&
    a.shared === b.shared &&
    a.name === b.name &&
    a.inode === b.inode &&
    a.major === b.major &&
    a.minor === b.minor &&
    (!isFile(a) || a.offset + a.end - a.start === b.offset)
  );
}

class Restorer {
  readonly task: Task;
  readonly mm: Mm;
  readonly options: RestoreOptions;
  readonly said: string[] = [];
  readonly labels = new Map<number, string>();
  readonly outside: SituationMapLine[] = [];
  /** The open file of each file's areas, by device, inode and name. */
  private readonly files = new Map<string, VmFile>();
  /** Areas of huge pages, and those that have small pages here. */
  private huge = 0;
  private small = 0;
  private readonly devices = new Map<SuperBlock, string>();

  /** Bytes of each System V segment, by identifier. */
  private readonly segmentSizes: ReadonlyMap<number, number>;

  constructor(task: Task, options: RestoreOptions, segmentSizes: ReadonlyMap<number, number>) {
    this.segmentSizes = segmentSizes;
    this.task = task;
    this.mm = task.mm;
    this.options = options;
  }

  fail(line: SituationMapLine, number: number, why: string): never {
    throw new SituationError(`the map before, line ${number} «${formatMapsLine(line).trimEnd()}»: ${why}`);
  }

  check(line: SituationMapLine, before: SituationMapLine | null, number: number): void {
    const { pageSize } = this.mm.system;
    if (line.start >= line.end) this.fail(line, number, 'it ends before it begins');
    if (before !== null && before.end > line.start) this.fail(line, number, 'it begins before the line above ends');
    for (const [what, value] of [
      ['it begins', line.start],
      ['it ends', line.end],
      ['its offset is', line.offset],
    ] as const) {
      if (value % pageSize !== 0) {
        const size = `${pageSize / 1024} KiB pages`;
        this.fail(line, number, `${what} at 0x${value.toString(16)}, no multiple of ${size} (--page-size)`);
      }
    }
    if (line.end > this.mm.taskSize) {
      const bits = Math.round(Math.log2(this.mm.taskSize));
      this.fail(line, number, `it lies beyond ${bits}-bit addresses (--va-bits)`);
    }
  }

  make(line: SituationMapLine, before: SituationMapLine | null, after: SituationMapLine | null, number: number): void {
    if (SPECIAL.test(line.name)) {
      const exec = line.exec ? VM_EXEC | VM_MAYEXEC | VM_MAYWRITE : 0;
      const read = line.read ? VM_READ : 0;
      const flags = line.vmFlags === undefined ? read | VM_MAYREAD | exec | (line.exec ? 0 : VM_PFNMAP) : flagsOf(line);
      const special = { name: line.name, fault: null };
      const made = installSpecialMapping(this.task.cur, line.start, line.end - line.start, flags, special);
      if (typeof made === 'number') this.fail(line, number, `it cannot be made: ${errnoName(made)}`);
      return;
    }
    const { mm } = this;
    const vma = mm.vmas.allocVma();
    if (vma === null) this.fail(line, number, 'there is no memory for it');
    vma.vmStart = line.start;
    vma.vmEnd = line.end;
    vma.vmFlags = flagsOf(line);
    vma.vmFlagsHigh = highFlagsOf(line);
    // Heap and stack have first flags of their own, which on some versions prevent merging with mmap's memory.
    if (line.name === '[heap]' || line.name === '[stack]')
      vma.vmFlags |= vmDataDefaultFlags(this.task.cur) & ~VM_ACCESS_FLAGS;
    vma.vmPageProt = vmGetPageProt(vma.vmFlags);
    const apart = (before !== null && alike(before, line)) || (after !== null && alike(line, after));
    if (isHuge(line) && this.backByHugePages(vma, line, before)) {
      vmaLink(mm, vma);
      this.account(vma);
      return;
    }
    if (isFile(line)) {
      if (!this.backBySegment(vma, line)) this.backByFile(vma, line, before, number);
    } else this.anonymous(vma, line, apart);
    vmaLink(mm, vma);
    this.account(vma);
    vmaSetPageProt(vma);
  }

  private anonymous(vma: Vma, line: SituationMapLine, apart: boolean): void {
    const { mm } = this;
    const { pageSize } = mm.system;
    vma.vmPgoff = line.start / pageSize;
    const name = /^\[anon:(.*)\]$/s.exec(line.name)?.[1];
    if (name !== undefined) vma.anonName = name;
    else if (line.name !== '' && line.name !== '[heap]' && line.name !== '[stack]') {
      this.labels.set(line.end - 1, line.name);
    }
    if (line.shared) {
      const error = mm.system.sharedMemory?.zeroSetup(this.task.cur, vma) ?? -1;
      if (isErr(error)) vma.vmFlags &= ~VM_SHARED;
    } else if (apart || (vma.vmFlags & (VM_WRITE | VM_SHARED)) === VM_WRITE) {
      // Before linking, so that it gets an anon_vma of its own and not one of a neighbour that it could merge with.
      anonVmaPrepare(vma);
    }
  }

  /**
   * Backs an area by huge pages without a reservation: how many are reserved does not stand in a map.
   *
   * @returns false when this machine has no such pages, and the area is backed by a file with small pages
   */
  private backByHugePages(vma: Vma, line: SituationMapLine, before: SituationMapLine | null): boolean {
    const { task, mm } = this;
    const size = smapsFigures(line).get('KernelPageSize') ?? 0;
    const key = `${line.major}:${line.minor}:${line.inode}:${line.name}`;
    let file = this.files.get(key);
    if (file === undefined || (before !== null && alike(before, line))) {
      const made = this.openHuge(line, size === 0 ? 0 : Math.log2(size));
      if (made === null) {
        this.small++;
        return false;
      }
      file?.fput();
      file = made;
      this.files.set(key, file);
    }
    const flags = vma.vmFlags;
    vma.vmPgoff = line.offset / mm.system.pageSize;
    vma.vmFile = file.getFile();
    vma.vmFlags = flags | VM_NORESERVE;
    const error = file.fOp.mmap?.(task.cur, file, vma) ?? -1;
    vma.vmFlags = isErr(error) ? flags : flags | VM_HUGETLB | VM_DONTEXPAND;
    if (isErr(error)) {
      vma.vmFile = null;
      file.fput();
      this.small++;
      return false;
    }
    this.huge++;
    return true;
  }

  /** A file of huge pages with the numbers that the line shows; null when this machine cannot have it. */
  private openHuge(line: SituationMapLine, log: number): VmFile | null {
    const { task, mm } = this;
    const pages = mm.system.hugePages;
    const size = pages?.hstateSizelog(log)?.size;
    if (pages == null || size === undefined) return null;
    if (line.start % size !== 0 || line.end % size !== 0 || line.offset % size !== 0) return null;
    const end = line.offset + line.end - line.start;
    const setup = { name: '', size: end, vmFlags: VM_NORESERVE, kind: HUGETLB_ANONHUGE_INODE, log };
    const made = pages.fileSetup(task.cur, setup);
    if (!(made instanceof File)) return null;
    if (!this.hasDevice(made, line)) return null;
    const inode = made.fInode;
    inode.ino = line.inode;
    inode.iSize = Math.max(inode.iSize, ASSUMED_HUGE_FILE);
    made.dentry.dynamicName = line.name;
    return made;
  }

  /**
   * Backs an area by the System V segment of its line. Lines that one shmat can have made are of one attach.
   *
   * @returns false when the line is none of a segment, or this machine has no such segments
   */
  private backBySegment(vma: Vma, line: SituationMapLine): boolean {
    const key = SEGMENT.exec(line.name)?.[1];
    const { cur, kernel } = this.task;
    const sysv = kernel.sharedMemory?.sysv;
    if (key === undefined || sysv === undefined || !line.shared) return false;
    const attach = `segment ${line.inode} at ${line.start - line.offset}`;
    let file = this.files.get(attach);
    if (file === undefined) {
      const opened = this.openSegment(sysv, line, Number(`0x${key}`));
      if (!(opened instanceof File) || !this.hasDevice(opened, line)) return false;
      file = opened;
      this.files.set(attach, file);
    }
    const flags = vma.vmFlags;
    vma.vmPgoff = line.offset / this.mm.system.pageSize;
    vma.vmFile = file.getFile();
    if (isErr(file.fOp.mmap?.(cur, file, vma) ?? -1)) {
      vma.vmFile = null;
      file.fput();
      return false;
    }
    vma.vmFlags = flags;
    return true;
  }

  /** Opens the segment of a line; creates it as large as all lines of the map show. */
  private openSegment(sysv: SysvSharedMemory, line: SituationMapLine, key: number): VmFile | number {
    const { cur } = this.task;
    const opened = sysv.open(cur, line.inode, O_RDWR);
    if (typeof opened !== 'number') return opened;
    sysv.nextId = line.inode;
    const made = sysv.shmget(cur, key, this.segmentSizes.get(line.inode) ?? 0, IPC_CREAT | 0o777);
    sysv.nextId = -1;
    return made === line.inode ? sysv.open(cur, made, O_RDWR) : made;
  }

  /**
   * Gives the internal mount of a file the device of its line. One device per mount: a second one is not told apart.
   *
   * @returns false when the mount has another device already; the file is then released
   */
  private hasDevice(file: File, line: SituationMapLine): boolean {
    const { iSb } = file.fInode;
    const device = `${line.major}:${line.minor}`;
    if ((this.devices.get(iSb) ?? device) !== device) {
      file.fput();
      return false;
    }
    this.devices.set(iSb, device);
    iSb.devMajor = line.major;
    iSb.devMinor = line.minor;
    return true;
  }

  private backByFile(vma: Vma, line: SituationMapLine, before: SituationMapLine | null, number: number): void {
    const { task } = this;
    const key = `${line.major}:${line.minor}:${line.inode}:${line.name}`;
    vma.vmPgoff = line.offset / task.mm.system.pageSize;
    let file = this.files.get(key);
    // Opens the file again: mapped through one descriptor, the two lines would be one area.
    if (file === undefined || (before !== null && alike(before, line))) {
      file?.fput();
      file = this.options.open(line);
      this.files.set(key, file);
    }
    vma.vmFile = file.getFile();
    const flags = vma.vmFlags;
    const error = file.fOp.mmap?.(task.cur, file, vma) ?? 0;
    if (isErr(error)) {
      vmaFree(task.mm, vma);
      this.fail(line, number, `its file refuses to be mapped: ${errnoName(error)}`);
    }
    vma.vmFlags = flags;
  }

  private account(vma: Vma): void {
    const { mm } = this;
    const pages = (vma.vmEnd - vma.vmStart) / mm.system.pageSize;
    vmStatAccount(mm, vma.vmFlags, vma.vmFile, pages);
    if ((vma.vmFlags & VM_ACCOUNT) !== 0) vmAcctMemory(mm.system, pages);
    if ((vma.vmFlags & VM_LOCKED) !== 0) mm.lockedVm += pages;
  }

  /** Drops the references to the files; the areas have theirs. */
  close(): void {
    for (const file of this.files.values()) file.fput();
    const count = (areas: number): string =>
      areas === 1 ? '1 area of huge pages is' : `${areas} areas of huge pages are`;
    if (this.huge > 0)
      this.said.push(
        `${count(this.huge)} taken without a reservation: a map does not show how many pages are reserved`,
      );
    if (this.small > 0)
      this.said.push(`${count(this.small)} taken as files with small pages: this machine has no pages of their size`);
  }

  /** Sets heap and stack so that exactly the areas with these names in the map get them. */
  marks(lines: readonly SituationMapLine[]): boolean {
    const { mm } = this;
    const { pageSize } = mm.system;
    const stacks = lines.filter(({ name }) => name === '[stack]');
    // The kernel gives the name to every area that contains or touches the address; two that touch it share a border.
    if (stacks.length > 0) mm.startStack = stacks.length > 1 ? stacks[0]!.end : stacks[0]!.end - pageSize;
    else mm.startStack = 0;
    const heap = lines.filter(({ name }) => name === '[heap]');
    const [first] = heap;
    const last = heap.at(-1);
    if (first === undefined || last === undefined) {
      mm.startBrk = 0;
      mm.brk = 0;
      return false;
    }
    const touches = (line: SituationMapLine): boolean =>
      line.name !== '[heap]' && !isFile(line) && !SPECIAL.test(line.name);
    const below = lines.some((line) => line.end === first.start && touches(line));
    const above = lines.some((line) => line.start === last.end && touches(line));
    mm.startBrk = below ? first.start + 1 : first.start;
    mm.brk = above ? last.end - 1 : last.end;
    return true;
  }

  /** Finds where the kernel places the next mapping. @returns whether the map shows it */
  layout(lines: readonly SituationMapLine[]): boolean {
    const { mm, options, task, said } = this;
    const { sysctl } = mm.system;
    const before = sysctl.randomizeVaSpace;
    const fixed = options.randomized === 'off' || (task.cur.personality & ADDR_NO_RANDOMIZE) !== 0;
    if (fixed) sysctl.randomizeVaSpace = 0;
    pickMmapLayout(task.cur, 0);
    sysctl.randomizeVaSpace = before;
    const stack = lines.find(({ name }) => name === '[stack]');
    const vdso = lines.find(({ name }) => name === '[vdso]');
    if (mm.mmapLegacy) return stack !== undefined || vdso !== undefined;
    const below = stack === undefined ? lines : lines.filter((line) => line.end <= stack.start);
    const top = below.at(-1)?.end ?? 0;
    // A map without both is a part of one.
    if (stack === undefined && vdso === undefined) {
      if (top > mm.taskSize / 2) mm.mmapBase = top;
      return false;
    }
    if (top <= mm.taskSize / 2 || (fixed && top <= mm.mmapBase)) return true;
    if (top !== mm.mmapBase) {
      mm.mmapBase = top;
      said.push(`the mmap area is taken to end at ${top.toString(16)}, where the highest area below the stack ends`);
    }
    return true;
  }
}

/**
 * Maps the areas of the lines; removes all earlier mappings.
 *
 * @throws SituationError for a line that does not fit the machine, with the line and the reason
 */
export function restoreMap(task: Task, lines: readonly SituationMapLine[], options: RestoreOptions): RestoredMap {
  const { mm } = task;
  const { system } = mm;
  task.sys.munmap(0, mm.taskSize);
  const restorer = new Restorer(task, options, segmentSizesOf(lines));
  const inside: SituationMapLine[] = [];
  let before: SituationMapLine | null = null;
  lines.forEach((line, index) => {
    if (line.name === '[vsyscall]' && line.start >= mm.taskSize) {
      restorer.outside.push(line);
      return;
    }
    restorer.check(line, before, index + 1);
    inside.push(line);
    before = line;
  });
  // These mappings were charged in the recorded process, so the charge must not fail here.
  const { overcommitMemory } = system.sysctl;
  system.sysctl.overcommitMemory = 1;
  try {
    inside.forEach((line, index) => {
      restorer.make(line, inside[index - 1] ?? null, inside[index + 1] ?? null, index + 1);
    });
  } finally {
    system.sysctl.overcommitMemory = overcommitMemory;
    restorer.close();
  }
  const heapKnown = restorer.marks(inside);
  const placementKnown = restorer.layout(inside);
  if (heapKnown) {
    const [start, end] = [mm.startBrk.toString(16), mm.brk.toString(16)];
    restorer.said.push(`the heap is taken to begin at ${start} and the break to be at ${end}`);
  }
  return { said: restorer.said, heapKnown, placementKnown, labels: restorer.labels, outside: restorer.outside };
}

/** Returns the name of an area in the map: its own, or the one that the restored map had. */
export function nameInMap(mm: Mm, vma: Vma, labels: ReadonlyMap<number, string> | null): string {
  const own = vmaName(mm, vma, null);
  if (own !== '' || labels === null) return own;
  for (const [at, label] of labels) if (vma.vmStart <= at && at < vma.vmEnd) return label;
  return '';
}

/** Returns all areas as lines of /proc/PID/maps. */
export function mapLinesOf(mm: Mm, restored: RestoredMap | null): MapsLine[] {
  const lines: MapsLine[] = [];
  for (let vma = mm.tree.first; vma !== null; vma = vma.vmNext) {
    const file = vma.vmFile;
    const flags = vma.vmFlags;
    lines.push({
      start: vma.vmStart,
      end: vma.vmEnd,
      read: (flags & VM_READ) !== 0,
      write: (flags & VM_WRITE) !== 0,
      exec: (flags & VM_EXEC) !== 0,
      shared: (flags & VM_MAYSHARE) !== 0,
      offset: file === null ? 0 : vma.vmPgoff * mm.system.pageSize,
      major: file?.fInode.devMajor ?? 0,
      minor: file?.fInode.devMinor ?? 0,
      inode: file?.fInode.ino ?? 0,
      name: nameInMap(mm, vma, restored?.labels ?? null),
    });
  }
  return restored === null ? lines : [...lines, ...restored.outside];
}

/** All areas with their VmFlags: what {@link restoreMap} makes the same address space of. */
export function stateLinesOf(mm: Mm): SituationMapLine[] {
  const codes: string[][] = [];
  for (let vma = mm.tree.first; vma !== null; vma = vma.vmNext) {
    const huge = (vma.vmFlags & VM_HUGETLB) === 0 ? [] : ['ht'];
    codes.push([...codesOf(vma.vmFlags, vma.vmFlagsHigh), ...huge]);
  }
  return mapLinesOf(mm, null).map((line, index) => ({ ...line, vmFlags: codes[index] }));
}
