/** Reasons of remap_file_pages. */
import { EINVAL } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const REMAP_FILE_PAGES_PROT: number = reason('remap_file_pages.prot', {
  errno: EINVAL,
  says: 'The protection must be 0: it cannot be changed by this call.',
  change: 'Use mprotect.',
  source: { fn: 'remap_file_pages', file: 'mm/mmap.c' },
});

export const REMAP_FILE_PAGES_WRAPS: number = reason('remap_file_pages.wraps', {
  errno: EINVAL,
  says: 'The range is empty, or range or offset wraps.',
  change: 'Give at least one page.',
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
  says: 'The range reaches beyond mappings of one file with equal flags.',
  change: 'Remap each mapping on its own.',
  source: { fn: 'remap_file_pages', file: 'mm/mmap.c' },
});
