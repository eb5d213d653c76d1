/**
 * An arm64 machine as memory management sees it, in one object: page size, address-space layout, protections, huge page
 * sizes, and the page-table factory. Uses no VMA and no file.
 * Mirrors arch/arm64/include/asm/{memory,processor,elf,page}.h.
 */
import { EINVAL, EM_AARCH64, PROT_BTI, PROT_MTE } from '@vmarea/uapi';
import { geometry, type PageSize, type VaBits } from './geometry.ts';
import { type LayoutRequest, mmapBase } from './mmap-layout.ts';
import { Arm64PageTables, type PhysicalMemory, type TableAllocator } from './page-tables.ts';
import { protectionMap, protectionMapLpa2, type DescriptorHalves } from './protection-map.ts';
import { type SpecialLayout, specialLayout, type SpecialLayoutStyle } from './special.ts';

/** The options of {@link createArm64}. */
export interface Arm64Options {
  /** Bytes of a page. */
  readonly pageSize: PageSize;
  /**
   * Size of the user half of the address space: 39, 48, 52 (4K pages); 36, 47, 48, 52 (16K); 42, 48, 52 (64K). 52 is a kernel
   * built for 52 bits on a CPU that has them (FEAT_LPA2; with 64K pages FEAT_LVA); on another CPU such a kernel runs with 48.
   */
  readonly vaBits: VaBits;
}

/** An arm64 machine. Plain data and pure functions; addresses and sizes are bytes. */
export interface Arm64 {
  readonly name: 'arm64';
  readonly pageSize: PageSize;
  readonly pageShift: number;
  /** pageSize - 1. */
  readonly pageMask: number;
  readonly vaBits: VaBits;
  /** End of user space, 2^vaBits; a mapping may end exactly there. */
  readonly taskSize: number;
  /** The end of the stack: that of the default window. */
  readonly stackTop: number;
  /** The start of bottom-up searches: a quarter of the default window. */
  readonly taskUnmappedBase: number;
  /** 2/3 of the default window, not yet rounded to a page (that depends on the program). */
  readonly elfEtDynBase: number;
  /** STACK_RND_MASK: the random displacement of the stack is 0 to this many pages. */
  readonly stackRndPages: number;
  /** vm.mmap_rnd_bits: its default, which is also its minimum, and the most that may be set. */
  readonly mmapRndBits: number;
  readonly mmapRndBitsMax: number;
  /** Huge page sizes of the granule in bytes, ascending: contiguous runs and blocks. */
  readonly hugeSizes: readonly number[];
  /** The default huge page: the range of one last-level table. */
  readonly pmdSize: number;
  /** e_machine of its ELF files: EM_AARCH64. */
  readonly elfMachine: number;
  /** Table levels, root included. */
  readonly levels: number;
  /** TCR_EL1.T0SZ for these tables: 64 - vaBits. */
  readonly t0sz: number;
  /** MAIR_EL1, which defines the attribute indices in the descriptors. */
  readonly mair: DescriptorHalves;
  /** DEFAULT_MAP_WINDOW: all of user space, but 2^48 with 52-bit addresses: only a hint above it opens the rest. */
  readonly mapWindow: number;
  /** RLIMIT_STACK unlimited at exec chooses the legacy layout. */
  readonly unlimitedStackIsLegacy: true;
  /** The searches of the generic code stay above vm.mmap_min_addr themselves. */
  readonly searchesFromPageOne: false;
  /** MAP_32BIT and MAP_ABOVE4G have no effect on arm64. */
  readonly map32Bit: null;
  readonly mapAbove4G: 0;
  /** A hint for huge pages is rounded up. */
  readonly hugeHintRoundsDown: false;
  /** VM_DATA_DEFAULT_FLAGS contains VM_MTE_ALLOWED in kernels with memory tagging. */
  readonly dataMteAllowed: true;
  /** PROT_BTI and PROT_MTE; which of them the CPU has is a setting of the configuration. */
  readonly protBits: number;
  /** No protection keys (FEAT_S1POE is not modelled). */
  readonly protectionKeys: 0;
  /** TCR_EL1.TBI0 is set. */
  readonly ignoresTopByte: true;
  /** A CPU without FEAT_HAFDBS: the kernel sets access flag and dirty state, at a fault. */
  readonly hardwareFlags: false;
  /** Kernels before 6.10 cannot write-protect pages by userfaultfd here. */
  readonly userfaultWp: false;
  /** The kernel checks the right to execute before it brings a page in. */
  readonly fetchBringsIn: false;
  /** Execute-only memory can be read; with EPAN, a setting of the configuration, reading it is SEGV_ACCERR. */
  readonly executeOnlyCode: 0;
  /** Every address outside is a translation fault with an address. */
  readonly canonicalEnd: number;
  readonly gateArea: null;
  /**
   * mm->mmap_base of a new program: the exclusive upper end of the mmap area, or its bottom when `legacy`.
   *
   * `style` `'arm64-4.4'`: the gap for the stack is at least 128 MiB plus the stack's random range, randomised or not.
   * `'generic-6.1'`: the limit is padded by the guard gap, and by the random range only if `randomize`.
   */
  mmapLayout(request: LayoutRequest): number;
  /** Returns the special mappings of kernels of a style. */
  specialLayout(style: SpecialLayoutStyle): SpecialLayout;
  /**
   * Converts the offset argument of mmap(2) as `sys_mmap` of arm64 does.
   *
   * @param offset bytes; a negative number is the 64-bit register's two's complement
   * @returns the offset in pages, or -EINVAL when it is not a multiple of the page size
   */
  offsetToPgoff(offset: number): number;
  /** vm_page_prot for VM_READ 1 | VM_WRITE 2 | VM_EXEC 4 | VM_SHARED 8, bit 6 for guarded pages (BTI), bit 7 for tags (MTE). */
  protectionMap(index: number): DescriptorHalves;
  /**
   * Creates an empty translation tree with its tables in `mem`.
   *
   * @returns null when the allocator has no page for the root table
   */
  createPageTables(mem: PhysicalMemory, alloc: TableAllocator): Arm64PageTables | null;
}

/**
 * Describes an arm64 machine.
 *
 * @throws RangeError naming the value, when Linux does not support this pair of page size and VA size
 */
export function createArm64(options: Arm64Options): Arm64 {
  const g = geometry(options.pageSize, options.vaBits);
  const taskSize = 2 ** g.vaBits;
  const mapWindow = Math.min(taskSize, 2 ** 48);
  const facts = {
    stackTop: mapWindow,
    taskUnmappedBase: mapWindow / 4,
    pageSize: g.pageSize,
    stackRndPages: 0x3ffff >> (g.pageShift - 12),
  };
  return {
    name: 'arm64',
    pageSize: g.pageSize,
    pageShift: g.pageShift,
    pageMask: g.pageSize - 1,
    vaBits: g.vaBits,
    taskSize,
    stackTop: facts.stackTop,
    taskUnmappedBase: facts.taskUnmappedBase,
    elfEtDynBase: Math.floor((2 * mapWindow) / 3),
    stackRndPages: facts.stackRndPages,
    // 18, 16, 14: the same number of random address bits for every page size.
    mmapRndBits: 30 - g.pageShift,
    mmapRndBitsMax: Math.min(g.vaBits, 48) - g.pageShift - 3,
    hugeSizes: g.hugeSizes,
    pmdSize: g.pmdSize,
    elfMachine: EM_AARCH64,
    levels: g.levels,
    t0sz: 64 - g.vaBits,
    mair: { lo: 0x440c0400, hi: 0x0000f0ff },
    mapWindow,
    unlimitedStackIsLegacy: true,
    searchesFromPageOne: false,
    map32Bit: null,
    mapAbove4G: 0,
    hugeHintRoundsDown: false,
    dataMteAllowed: true,
    protBits: PROT_BTI | PROT_MTE,
    protectionKeys: 0,
    ignoresTopByte: true,
    hardwareFlags: false,
    userfaultWp: false,
    fetchBringsIn: false,
    executeOnlyCode: 0,
    canonicalEnd: Infinity,
    gateArea: null,
    mmapLayout: (request) => mmapBase(facts, request),
    specialLayout,
    offsetToPgoff(offset) {
      if ((offset & (g.pageSize - 1)) !== 0) return -EINVAL;
      return (offset < 0 ? 2 ** (64 - g.pageShift) : 0) + offset / g.pageSize;
    },
    protectionMap: g.lpa2 ? protectionMapLpa2 : protectionMap,
    createPageTables(mem, alloc) {
      const root = alloc.allocTable();
      return root < 0 ? null : new Arm64PageTables(g, mem, alloc, root);
    },
  };
}
