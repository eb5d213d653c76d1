/** Reasons of remap_file_pages. */
import { EINVAL } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const REMAP_FILE_PAGES_PROT: number = reason('remap_file_pages.prot', {
  errno: EINVAL,
  says: 'The protection must be 0: this call cannot change it.',
  change: 'Use mprotect.',
  source: { fn: 'remap_file_pages', file: 'mm/mmap.c' },
});

export const REMAP_FILE_PAGES_WRAPS: number = reason('remap_file_pages.wraps', {
  errno: EINVAL,
  says: 'The range is empty, or its end or its offset wraps.',
  change: 'Use a range of at least one page.',
  source: { fn: 'remap_file_pages', file: 'mm/mmap.c' },
});

export const REMAP_FILE_PAGES_NOT_SHARED: number = reason('remap_file_pages.not_shared', {
  errno: EINVAL,
  says: 'There is no shared mapping at the address.',
  change: 'Map the file MAP_SHARED first.',
  source: { fn: 'remap_file_pages', file: 'mm/mmap.c' },
});

export const REMAP_FILE_PAGES_RANGE: number = reason('remap_file_pages.range', {
  errno: EINVAL,
  says: 'The range continues beyond the mappings of one file with equal flags.',
  change: 'Call remap_file_pages for each mapping.',
  source: { fn: 'remap_file_pages', file: 'mm/mmap.c' },
});
