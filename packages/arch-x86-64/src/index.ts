// @vmarea/arch-x86-64: address-space layout, protection map, and page tables of x86-64. Uses no files and no VMAs.
// A type test in mm-core checks that it implements mm-core's ports. Mirrors arch/x86/mm and arch/x86/include/asm.

export {
  createX86_64,
  type FlagWindow,
  type GateArea,
  type VsyscallMode,
  type X86_64,
  type X86_64Options,
} from './arch.ts';
export { type SpecialLayout, type SpecialLayoutStyle } from './special.ts';
export { type Levels } from './geometry.ts';
export { type LayoutRequest, type MmapLayoutStyle } from './mmap-layout.ts';
export { protectionMap, type EntryHalves } from './protection-map.ts';
export { X86PageTables, type PhysicalMemory, type TableAllocator, type TableKind } from './page-tables.ts';
export {
  MEMTYPE_DEVICE,
  MEMTYPE_NONCACHED,
  MEMTYPE_NORMAL,
  MEMTYPE_WRITECOMBINE,
  PTE_DIRTY,
  PTE_EXEC,
  PTE_HUGE,
  PTE_KEY_NO_WRITE,
  PTE_NONE_PROT,
  PTE_PRESENT,
  PTE_SPECIAL,
  PTE_USER,
  PTE_WRITE,
  PTE_YOUNG,
} from './bits.ts';
