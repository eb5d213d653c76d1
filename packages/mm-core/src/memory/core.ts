/**
 * The interface between the parts of memory: one machine's physical memory, its frames, and the two walks over mappings that
 * the page cache needs.
 *
 * Not here: the object itself (memory.ts), the walks (tables/zap.ts, cache/rmap.ts).
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
   * @param evenCows also zaps private copies (truncation); otherwise only pages of the file itself (punched holes)
   */
  unmapMappingRange(mapping: FileMapping, startPage: number, nrPages: number, evenCows: boolean): void;
  /**
   * page_mkclean: write-protects and cleans every shared entry that maps file page `index`, so that the next store faults.
   *
   * @returns whether an entry was dirty or writable
   */
  pageMkclean(mapping: FileMapping, index: number): boolean;
}
