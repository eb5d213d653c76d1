/** Reasons of mprotect. */
import { EACCES, EINVAL, ENOMEM, EPERM } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const MPROTECT_GROWS_BOTH: number = reason('mprotect.grows_both', {
  errno: EINVAL,
  says: 'PROT_GROWSDOWN and PROT_GROWSUP exclude each other.',
  change: 'Use one of them.',
  source: { fn: 'mprotect', file: 'mm/mprotect.c' },
});

export const MPROTECT_UNALIGNED: number = reason('mprotect.unaligned', {
  errno: EINVAL,
  says: 'The address must be a multiple of the page size.',
  change: 'Round the address down to a page.',
  source: { fn: 'mprotect', file: 'mm/mprotect.c' },
});

export const MPROTECT_WRAPS: number = reason('mprotect.wraps', {
  errno: ENOMEM,
  says: 'The range wraps around the end of the 64-bit space.',
  change: 'Use a shorter range.',
  source: { fn: 'mprotect', file: 'mm/mprotect.c' },
});

export const MPROTECT_BAD_PROT: number = reason('mprotect.bad_prot', {
  errno: EINVAL,
  says: 'The protection has a bit that this machine does not support (PROT_BTI and PROT_MTE need the CPU).',
  change: 'Use PROT_READ, PROT_WRITE, PROT_EXEC and PROT_SEM only.',
  source: { fn: 'mprotect', file: 'mm/mprotect.c' },
});

export const MPROTECT_NOT_MAPPED: number = reason('mprotect.not_mapped', {
  errno: ENOMEM,
  says: 'Nothing is mapped at the beginning of the range.',
  change: 'Use a range that begins within a mapping.',
  source: { fn: 'mprotect', file: 'mm/mprotect.c' },
});

export const MPROTECT_HOLE: number = reason('mprotect.hole', {
  errno: ENOMEM,
  says: 'The range has a hole; the part before it has been changed.',
  change: 'Call mprotect for each mapping.',
  source: { fn: 'mprotect', file: 'mm/mprotect.c' },
});

export const MPROTECT_NOT_GROWSDOWN: number = reason('mprotect.not_growsdown', {
  errno: EINVAL,
  says: 'PROT_GROWSDOWN needs a mapping that grows down.',
  change: 'Drop the flag.',
  source: { fn: 'mprotect', file: 'mm/mprotect.c' },
});

export const MPROTECT_NOT_GROWSUP: number = reason('mprotect.not_growsup', {
  errno: EINVAL,
  says: 'PROT_GROWSUP needs a mapping that grows up; this architecture has none.',
  change: 'Drop the flag.',
  source: { fn: 'mprotect', file: 'mm/mprotect.c' },
});

export const MPROTECT_MAY_BITS: number = reason('mprotect.may_bits', {
  errno: EACCES,
  says: 'The mapping can never get that right: a shared mapping of a file opened read-only cannot become writable, a mapping of a file on a noexec mount cannot become executable.',
  change: 'Open the file for writing, or map it MAP_PRIVATE.',
  source: { fn: 'mprotect', file: 'mm/mprotect.c' },
});

export const MPROTECT_DATA_LIMIT: number = reason('mprotect.data_limit', {
  errno: ENOMEM,
  says: 'The range would become private writable memory, and that memory would exceed RLIMIT_DATA.',
  change: 'Raise RLIMIT_DATA.',
  source: { fn: 'mprotect_fixup', file: 'mm/mprotect.c', kernel: '6.1' },
});

export const SECURITY_FILE_MPROTECT_REFUSED: number = reason('security_file_mprotect.refused', {
  errno: EACCES,
  says: 'The security module refused the new rights.',
  change: 'Request other rights, or change the policy.',
  source: { fn: 'security_file_mprotect', file: 'mm/mprotect.c' },
});

export const MPROTECT_SEALED: number = reason('mprotect.sealed', {
  errno: EPERM,
  says: 'A mapping of the range is sealed (mseal): its protection cannot be changed. The mappings before it have been changed.',
  change: 'Leave sealed mappings out of the range; a seal cannot be removed.',
  source: { fn: 'can_modify_vma', file: 'mm/mprotect.c', kernel: '6.12' },
});

export const MPROTECT_MDWE: number = reason('mprotect.mdwe', {
  errno: EACCES,
  says: 'The process has set PR_SET_MDWE: memory that was mapped without PROT_EXEC cannot become executable, and no memory can be writable and executable at the same time.',
  change: 'Map the code with PROT_EXEC from the start.',
  source: { fn: 'map_deny_write_exec', file: 'mm/mprotect.c', kernel: '6.12' },
});

export const MPROTECT_TAGS: number = reason('mprotect.tags', {
  errno: EINVAL,
  says: 'The protection contains PROT_MTE, and the memory of this file keeps no tags.',
  change: 'Use anonymous memory, a memfd or a file on tmpfs, without huge pages.',
  source: { fn: 'arch_validate_flags', file: 'arch/arm64/include/asm/mman.h', caller: 'mprotect', kernel: '6.1' },
});
