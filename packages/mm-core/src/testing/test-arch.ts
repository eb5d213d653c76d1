/**
 * An architecture made from data, for tests: any page size, an address space as small as a handful of pages.
 *
 * Has no page tables: an engine that runs on it has no memory.
 */
import { type Arch, GENERIC_ARCH } from '../ports/arch.ts';

/** The options of {@link createTestArch}; every field has a default. */
export interface TestArchOptions {
  /** Bytes in a page; a power of two. 4096. */
  pageSize?: number | undefined;
  /** TASK_SIZE in pages. 64. */
  pages?: number | undefined;
  /** mmap_base of the top-down layout, in pages. TASK_SIZE less 8 pages. */
  mmapBasePage?: number | undefined;
  /** TASK_UNMAPPED_BASE, in pages. A quarter of TASK_SIZE. */
  unmappedBasePage?: number | undefined;
}

/**
 * Creates an architecture with an address space small enough to check page by page.
 *
 * @example const system = new MmSystem({ arch: createTestArch({ pages: 32 }), profile: MSM_4_4, config: DEFAULT_CONFIG });
 */
export function createTestArch(options: TestArchOptions = {}): Arch {
  const pageSize = options.pageSize ?? 4096;
  const pages = options.pages ?? 64;
  const taskSize = pages * pageSize;
  const base = (options.mmapBasePage ?? pages - 8) * pageSize;
  const unmapped = (options.unmappedBasePage ?? Math.floor(pages / 4)) * pageSize;
  return {
    ...GENERIC_ARCH,
    name: 'test',
    pageSize,
    pageShift: Math.log2(pageSize),
    vaBits: Math.ceil(Math.log2(taskSize)),
    taskSize,
    mapWindow: taskSize,
    stackTop: taskSize,
    taskUnmappedBase: unmapped,
    elfEtDynBase: Math.floor((pages * 2) / 3) * pageSize,
    pmdSize: 4 * pageSize,
    hugeSizes: [4 * pageSize],
    mmapLayout: ({ rndBytes, legacy }) => (legacy ? unmapped + rndBytes : base - rndBytes),
    createPageTables: () => null,
  };
}
