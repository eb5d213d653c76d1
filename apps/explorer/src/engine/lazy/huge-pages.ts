/** Huge pages, as a part that is loaded for the logs and the questions that have to do with them. */
import type { FileSystemFactory, HugePagesDriver } from '@vmarea/kernel';
import type { MmSystem } from '@vmarea/mm-core';
import type * as WholeHugePages from './whole-huge-pages.ts';

let whole: typeof WholeHugePages | null = null;

/** Loads the driver. Machines that are made afterwards have huge pages. */
export async function loadHugePages(): Promise<void> {
  whole ??= await import('./whole-huge-pages.ts');
}

/** Returns the maker of the driver; undefined while it is not loaded. */
export function hugePages(): ((system: MmSystem) => HugePagesDriver) | undefined {
  if (whole === null) return undefined;
  const { Hugetlb } = whole;
  return (system) => new Hugetlb(system);
}

/** Returns the maker of a filesystem of huge pages. */
export function hugeFiles(): FileSystemFactory {
  if (whole === null) throw new Error('hugeFiles: the huge pages are not loaded');
  return whole.hugetlbfs;
}

/**
 * Returns whether a text may have to do with huge pages: it names them, or has flags as bare numbers (`strace -X raw`), where
 * no name of a flag of mmap appears.
 */
export function namesHugePages(text: string): boolean {
  return /huge/i.test(text) || !text.includes('MAP_');
}
