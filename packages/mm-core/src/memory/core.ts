/**
 * What the parts of memory know of each other: one machine's physical memory, its frames, and the two walks over
 * mappings that the page cache asks for.
 *
 * Not here: the object itself (index.ts makes it), nor how mappings are walked (zap.ts, rmap.ts).
 */
import type { FileMapping } from '../shape/file-mapping.ts';
import type { MmSystem } from '../space/system.ts';
import type { Frames } from './frames/buddy.ts';
import type { PhysicalMemory } from './frames/physical.ts';

/** The memory of one machine, as the page cache and the drivers below it need it. */
export interface MemoryCore {
  readonly physical: PhysicalMemory;
  readonly frames: Frames;
  readonly system: MmSystem;
  /**
   * unmap_mapping_range: zaps pages [startPage, startPage + nrPages) of the file in every mapping of it.
   *
   * @param startPage file page, in pages of the machine
   * @param nrPages Infinity: to the end of the file
   * @param evenCows private copies go too (truncation); otherwise only pages of the file itself (punched holes)
   */
  unmapMappingRange(mapping: FileMapping, startPage: number, nrPages: number, evenCows: boolean): void;
  /**
   * page_mkclean: write-protects and cleans every entry that maps file page `index` shared, so that the next store is
   * noticed.
   *
   * @returns whether an entry was dirty or writable
   */
  pageMkclean(mapping: FileMapping, index: number): boolean;
}
