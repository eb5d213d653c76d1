/** Huge pages, as a part that is loaded for the logs and the questions that have to do with them. */
import type { HugePagesDriver } from '@vmarea/kernel';
import type { MmSystem } from '@vmarea/mm-core';

let create: ((system: MmSystem) => HugePagesDriver) | null = null;

/** Loads the driver. Machines that are made afterwards have huge pages. */
export async function loadHugePages(): Promise<void> {
  if (create !== null) return;
  const { Hugetlb } = await import('./whole-huge-pages.ts');
  create = (system) => new Hugetlb(system);
}

/** Returns the maker of the driver; undefined while it is not loaded. */
export function hugePages(): ((system: MmSystem) => HugePagesDriver) | undefined {
  return create ?? undefined;
}

/**
 * Returns whether a text may have to do with huge pages: it names them, or has flags as bare numbers (`strace -X raw`), where
 * no name of a flag of mmap appears.
 */
export function namesHugePages(text: string): boolean {
  return /huge/i.test(text) || !text.includes('MAP_');
}
