// @vmarea/arch-arm64: page sizes, address-space layout, protection map, and page tables of arm64. Uses no files and no VMAs.
// A type test in mm-core checks that it implements mm-core's ports. Mirrors arch/arm64/mm and arch/arm64/include/asm.

export { createArm64, type Arm64, type Arm64Options } from './arch.ts';
export { type Geometry, type PageSize, type VaBits } from './geometry.ts';
export { type LayoutRequest, type MmapLayoutStyle } from './mmap-layout.ts';
export { type SpecialLayout, type SpecialLayoutStyle } from './special.ts';
export { protectionMap, type DescriptorHalves } from './protection-map.ts';
export { Arm64PageTables, type PhysicalMemory, type TableAllocator } from './page-tables.ts';
export {
  MEMTYPE_DEVICE,
  MEMTYPE_NONCACHED,
  MEMTYPE_NORMAL,
  MEMTYPE_WRITECOMBINE,
  PTE_DIRTY,
  PTE_EXEC,
  PTE_HUGE,
  PTE_NONE_PROT,
  PTE_PRESENT,
  PTE_SPECIAL,
  PTE_USER,
  PTE_WRITE,
  PTE_YOUNG,
} from './bits.ts';
