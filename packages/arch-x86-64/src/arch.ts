/**
 * An x86-64 machine as memory management sees it, in one object: address-space layout, search windows, protections, huge page
 * sizes, the processor's behaviour at a fault, and the page-table factory. Uses no VMA and no file. Mirrors
 * arch/x86/include/asm/{page_64_types,processor,elf}.h, kernel/sys_x86_64.c, mm/fault.c, entry/vdso.
 */
import { EINVAL, EM_X86_64, MAP_32BIT, MAP_ABOVE4G, SEGV_PKUERR } from '@vmarea/uapi';
import { type Levels, PAGE_SHIFT, PAGE_SIZE, PMD_SIZE, PUD_SIZE, userBits } from './geometry.ts';
import { type LayoutRequest, mmapBase, STACK_RND_PAGES } from './mmap-layout.ts';
import { type PhysicalMemory, type TableAllocator, X86PageTables } from './page-tables.ts';
import { type EntryHalves, protectionMap } from './protection-map.ts';
import { type SpecialLayout, specialLayout, type SpecialLayoutStyle } from './special.ts';

/** The boot parameter `vsyscall`: `none` in Debian, `xonly` in most other distributions. */
export type VsyscallMode = 'none' | 'xonly' | 'emulate';

/** The options of {@link createX86_64}; every field has a default. */
export interface X86_64Options {
  /** Page-table levels: 4, or 5 on a CPU with LA57. 4 by default. */
  readonly levels?: Levels | undefined;
  /** The CPU has 1 GiB pages (`pdpe1gb`). True by default. */
  readonly gigabytePages?: boolean | undefined;
  /** The CPU has protection keys (`pku`): memory with PROT_EXEC alone cannot be read. False by default. */
  readonly protectionKeys?: boolean | undefined;
  /** `'xonly'` by default. */
  readonly vsyscall?: VsyscallMode | undefined;
}

/** The part of the address space to which a flag of mmap(2) limits the search. */
export interface FlagWindow {
  /** The MAP_ bit. */
  readonly flag: number;
  /** First byte, and the first byte behind. */
  readonly start: number;
  readonly end: number;
  /** A randomised process starts its search at a random page within this many bytes from `start`. */
  readonly rndBytes: number;
}

/** A line of /proc/PID/maps that is no mapping of the process: no counter includes it and no call can change it. */
export interface GateArea {
  readonly name: string;
  /** The first address, and the first byte behind, as 64-bit hexadecimal numbers: a double cannot hold them exactly. */
  readonly start: string;
  readonly end: string;
  /** Bytes. */
  readonly size: number;
  /** The permissions column of maps. */
  readonly perms: string;
  /** The VmFlags line of smaps. */
  readonly vmFlags: string;
}

/** An x86-64 machine. Plain data and pure functions; addresses and sizes are bytes. */
export interface X86_64 {
  readonly name: 'x86-64';
  readonly pageSize: 4096;
  readonly pageShift: 12;
  /** pageSize - 1. */
  readonly pageMask: number;
  /** Bits of a user address: 47, with five levels 56. */
  readonly vaBits: 47 | 56;
  /** TASK_SIZE: 2^vaBits less one page, which cannot be used. */
  readonly taskSize: number;
  /** DEFAULT_MAP_WINDOW: where searches end, and the base of the layout; only a hint leads above it. */
  readonly mapWindow: number;
  readonly stackTop: number;
  /** The start of bottom-up searches: a third of the window. */
  readonly taskUnmappedBase: number;
  /** 2/3 of the window, not yet rounded to a page (that depends on the program). */
  readonly elfEtDynBase: number;
  /** STACK_RND_MASK: the random displacement of the stack is 0 to this many pages. */
  readonly stackRndPages: number;
  /** vm.mmap_rnd_bits: its default, which is also its minimum, and the most that may be set. */
  readonly mmapRndBits: 28;
  readonly mmapRndBitsMax: 32;
  /** Huge page sizes in bytes, ascending. */
  readonly hugeSizes: readonly number[];
  /** The default huge page: the range of one last-level table. */
  readonly pmdSize: number;
  /** e_machine of its ELF files: EM_X86_64. */
  readonly elfMachine: number;
  /** Table levels, the top one included. */
  readonly levels: Levels;
  /** RLIMIT_STACK unlimited at exec chooses the legacy layout (it does on arm64). */
  readonly unlimitedStackIsLegacy: false;
  /** The top-down search starts at page one and leaves vm.mmap_min_addr to a later check. */
  readonly searchesFromPageOne: true;
  readonly map32Bit: FlagWindow;
  /** The MAP_ bit that keeps a top-down search above 4 GiB, in kernels that have it (6.6). */
  readonly mapAbove4G: number;
  /** The search for huge pages of kernels before 6.13 rounds a hint down to the huge page (elsewhere up). */
  readonly hugeHintRoundsDown: true;
  /** VM_DATA_DEFAULT_FLAGS contains VM_MTE_ALLOWED in kernels with memory tagging. */
  readonly dataMteAllowed: false;
  /** PROT_ bits in addition to the common ones: none (PROT_BTI and PROT_MTE are arm64's). */
  readonly protBits: 0;
  /** 16 with `protectionKeys`, otherwise 0. */
  readonly protectionKeys: number;
  /** The processor uses all bits (no LAM). */
  readonly ignoresTopByte: false;
  /** The MMU sets the accessed and the dirty flag of an entry by itself. */
  readonly hardwareFlags: true;
  /** Every kernel with userfaultfd can write-protect pages by it here. */
  readonly userfaultWp: true;
  /** The kernel treats an instruction fetch from a missing page as a load, and checks the right to execute at the next attempt. */
  readonly fetchBringsIn: true;
  /** The si_code of a load from memory with PROT_EXEC alone; 0: such memory can be read. */
  readonly executeOnlyCode: number;
  /** The first non-canonical address: from here to the kernel's half, a fault has no address (si_addr 0, SI_KERNEL). */
  readonly canonicalEnd: number;
  /** The line that maps prints after the last mapping; null with `vsyscall=none`. */
  readonly gateArea: GateArea | null;
  /** mm->mmap_base of a new program: the exclusive upper end of the mmap area, or its bottom when `legacy`. */
  mmapLayout(request: LayoutRequest): number;
  /** Returns the special mappings of kernels of a style. */
  specialLayout(style: SpecialLayoutStyle): SpecialLayout;
  /**
   * Converts the offset argument of mmap(2) as `sys_mmap` of x86-64 does.
   *
   * @param offset bytes; a negative number is the 64-bit register's two's complement
   * @returns the offset in pages, or -EINVAL when it is not a multiple of the page size
   */
  offsetToPgoff(offset: number): number;
  /** vm_page_prot for VM_READ 1 | VM_WRITE 2 | VM_EXEC 4 | VM_SHARED 8. */
  protectionMap(index: number): EntryHalves;
  /**
   * Creates an empty tree of page tables in `mem`.
   *
   * @returns null when the allocator has no page for the top table
   */
  createPageTables(mem: PhysicalMemory, alloc: TableAllocator): X86PageTables | null;
}

const GIB = 0x40000000;

function gateArea(mode: VsyscallMode): GateArea | null {
  if (mode === 'none') return null;
  const readable = mode === 'emulate';
  return {
    name: '[vsyscall]',
    start: 'ffffffffff600000',
    end: 'ffffffffff601000',
    size: PAGE_SIZE,
    perms: readable ? 'r-xp' : '--xp',
    vmFlags: readable ? 'rd ex' : 'ex',
  };
}

/**
 * Describes an x86-64 machine.
 *
 * @throws RangeError naming the value, when an option has an invalid value
 */
export function createX86_64(options: X86_64Options = {}): X86_64 {
  const levels = options.levels ?? 4;
  const vsyscall = options.vsyscall ?? 'xonly';
  const vaBits = userBits(levels);
  if (!['none', 'xonly', 'emulate'].includes(vsyscall)) {
    throw new RangeError(`createX86_64: vsyscall ${JSON.stringify(vsyscall)} is not one of none, xonly, emulate`);
  }
  const executeOnly = options.protectionKeys === true;
  const mapWindow = 2 ** 47 - PAGE_SIZE;
  const taskUnmappedBase = Math.ceil(Math.floor(mapWindow / 3) / PAGE_SIZE) * PAGE_SIZE;
  return {
    name: 'x86-64',
    pageSize: PAGE_SIZE,
    pageShift: PAGE_SHIFT,
    pageMask: PAGE_SIZE - 1,
    vaBits,
    taskSize: 2 ** vaBits - PAGE_SIZE,
    mapWindow,
    stackTop: mapWindow,
    taskUnmappedBase,
    elfEtDynBase: Math.floor(mapWindow / 3) * 2,
    stackRndPages: STACK_RND_PAGES,
    mmapRndBits: 28,
    mmapRndBitsMax: 32,
    hugeSizes: options.gigabytePages === false ? [PMD_SIZE] : [PMD_SIZE, PUD_SIZE],
    pmdSize: PMD_SIZE,
    elfMachine: EM_X86_64,
    levels,
    unlimitedStackIsLegacy: false,
    searchesFromPageOne: true,
    map32Bit: { flag: MAP_32BIT, start: GIB, end: 2 * GIB, rndBytes: 0x2000000 },
    mapAbove4G: MAP_ABOVE4G,
    hugeHintRoundsDown: true,
    dataMteAllowed: false,
    protBits: 0,
    ignoresTopByte: false,
    protectionKeys: executeOnly ? 16 : 0,
    hardwareFlags: true,
    userfaultWp: true,
    fetchBringsIn: true,
    executeOnlyCode: executeOnly ? SEGV_PKUERR : 0,
    canonicalEnd: 2 ** vaBits,
    gateArea: gateArea(vsyscall),
    mmapLayout: (request) => mmapBase(mapWindow, taskUnmappedBase, request),
    specialLayout,
    offsetToPgoff(offset) {
      if ((offset & (PAGE_SIZE - 1)) !== 0) return -EINVAL;
      return (offset < 0 ? 2 ** (64 - PAGE_SHIFT) : 0) + offset / PAGE_SIZE;
    },
    protectionMap,
    createPageTables(mem, alloc) {
      const root = alloc.allocTable();
      return root < 0 ? null : new X86PageTables({ levels, executeOnly }, mem, alloc, root);
    },
  };
}
