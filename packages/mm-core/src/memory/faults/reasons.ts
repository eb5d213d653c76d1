/** Reasons for a failed page fault, and for a copied page (which fails nothing). */
import { ENOMEM, SIGBUS, SIGSEGV } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const FAULT_NO_VMA: number = reason('fault.no_vma', {
  signal: SIGSEGV,
  says: 'Nothing is mapped at the address.',
  change: 'Map the address first.',
  source: { fn: '__do_page_fault', file: 'arch/arm64/mm/fault.c' },
});

export const FAULT_ABOVE_TASK_SIZE: number = reason('fault.above_task_size', {
  signal: SIGSEGV,
  says: 'The address is not a user address.',
  change: 'Use an address below TASK_SIZE.',
  source: { fn: 'do_page_fault', file: 'arch/arm64/mm/fault.c' },
});

export const FAULT_NOT_CANONICAL: number = reason('fault.not_canonical', {
  signal: SIGSEGV,
  says: 'The address is not canonical: the processor raises a fault without an address.',
  change: 'Use an address below TASK_SIZE.',
  source: { fn: 'exc_general_protection', file: 'arch/x86/kernel/traps.c' },
});

export const FAULT_TAG_MISMATCH: number = reason('fault.tag_mismatch', {
  signal: SIGSEGV,
  says: 'The tag of the pointer differs from the tag of the memory (PROT_MTE).',
  change: 'Use the pointer that the allocator returned, while its memory is allocated.',
  source: { fn: 'do_tag_check_fault', file: 'arch/arm64/mm/fault.c', kernel: '6.1' },
});

export const FAULT_TAG_MISMATCH_LATER: number = reason('fault.tag_mismatch_later', {
  signal: SIGSEGV,
  says: 'An access since the last entry to the kernel had a pointer whose tag differs from that of the memory (PROT_MTE).',
  change: 'Select PR_MTE_TCF_SYNC to get the address of the access.',
  source: { fn: 'do_notify_resume', file: 'arch/arm64/kernel/signal.c', kernel: '6.1' },
});

export const FAULT_PKEY: number = reason('fault.pkey', {
  signal: SIGSEGV,
  says: 'The task may not access data through the protection key of the mapping, or not store through it (PKRU).',
  change: 'Allow it in PKRU, or give the memory another key with pkey_mprotect.',
  source: {
    fn: 'arch_vma_access_permitted',
    file: 'arch/x86/include/asm/mmu_context.h',
    caller: 'access_error',
    kernel: '6.1',
  },
});

export const FAULT_NOT_READABLE: number = reason('fault.not_readable', {
  signal: SIGSEGV,
  says: 'The mapping allows no access at all (PROT_NONE).',
  change: 'Allow access with mprotect: PROT_READ.',
  source: { fn: '__do_page_fault', file: 'arch/arm64/mm/fault.c' },
});

export const FAULT_NOT_WRITABLE: number = reason('fault.not_writable', {
  signal: SIGSEGV,
  says: 'The mapping is not writable.',
  change: 'Allow access with mprotect: PROT_READ and PROT_WRITE.',
  source: { fn: '__do_page_fault', file: 'arch/arm64/mm/fault.c' },
});

export const FAULT_NOT_EXECUTABLE: number = reason('fault.not_executable', {
  signal: SIGSEGV,
  says: 'The mapping is not executable.',
  change: 'Allow access with mprotect: PROT_EXEC.',
  source: { fn: '__do_page_fault', file: 'arch/arm64/mm/fault.c' },
});

export const FAULT_BEYOND_EOF: number = reason('fault.beyond_eof', {
  signal: SIGBUS,
  says: 'The whole page lies beyond the end of the file.',
  change: 'Extend the file (ftruncate), or access only bytes within its size.',
  source: { fn: 'filemap_fault', file: 'mm/filemap.c' },
});

export const FAULT_OWNER_SIGBUS: number = reason('fault.owner_sigbus', {
  signal: SIGBUS,
  says: 'The driver of the mapping has no page for the address: beyond the end of the file, no space, no huge page, or an I/O error.',
  change: 'See the reason of the driver.',
  source: { fn: 'vm_ops->fault', file: 'mm/memory.c', caller: '__do_fault' },
});

export const FAULT_OWNER_SIGSEGV: number = reason('fault.owner_sigsegv', {
  signal: SIGSEGV,
  says: 'The driver of the mapping refuses the access.',
  change: 'See the reason of the driver.',
  source: { fn: 'vm_ops->fault', file: 'mm/memory.c', caller: '__do_fault' },
});

export const FAULT_OWNER_OUT_OF_MEMORY: number = reason('fault.owner_out_of_memory', {
  errno: ENOMEM,
  says: 'The driver of the mapping found no memory for the page.',
  change: 'Free memory.',
  source: { fn: 'vm_ops->fault', file: 'mm/memory.c', caller: '__do_fault' },
});

export const FAULT_PAGE_MKWRITE: number = reason('fault.page_mkwrite', {
  signal: SIGBUS,
  says: 'The filesystem does not allow a write to the page.',
  change: 'See the reason of the driver.',
  source: { fn: 'vm_ops->page_mkwrite', file: 'mm/memory.c', caller: 'do_page_mkwrite' },
});

export const FAULT_NO_FAULT_OPERATION: number = reason('fault.no_fault_operation', {
  signal: SIGBUS,
  says: 'The driver of the mapping has no fault operation, so it cannot provide a page.',
  change: 'Map another file.',
  source: { fn: 'do_fault', file: 'mm/memory.c' },
});

export const FAULT_SHARED_WITHOUT_OPS: number = reason('fault.shared_without_ops', {
  signal: SIGBUS,
  says: 'The mapping is shared and its driver gave it no operations, so it has no pages.',
  change: 'Map another file.',
  source: { fn: 'do_anonymous_page', file: 'mm/memory.c' },
});

export const FAULT_HUGETLB: number = reason('fault.hugetlb', {
  signal: SIGBUS,
  says: 'There is no huge page for the access: the pool is empty, the page lies beyond the end of the file, or the parent of a fork has taken it.',
  change: 'Raise vm.nr_hugepages, or do not use MAP_NORESERVE.',
  source: { fn: 'hugetlb_fault', file: 'mm/hugetlb.c' },
});

export const FAULT_NO_FRAME: number = reason('fault.no_frame', {
  errno: ENOMEM,
  says: 'There is no free page.',
  change: 'Free memory, or add memory to the machine.',
  source: { fn: 'alloc_zeroed_user_highpage_movable', file: 'mm/memory.c' },
});

export const FAULT_NO_TABLE: number = reason('fault.no_table', {
  errno: ENOMEM,
  says: 'There is no free page for a page table.',
  change: 'Free memory.',
  source: { fn: 'pte_alloc', file: 'mm/memory.c' },
});

export const FAULT_NO_ANON_VMA: number = reason('fault.no_anon_vma', {
  errno: ENOMEM,
  says: 'There is no memory for an anon_vma.',
  change: 'Free memory.',
  source: { fn: 'anon_vma_prepare', file: 'mm/rmap.c' },
});

export const COPY_OF_FILE_PAGE: number = reason('copy.of_file_page', {
  says: 'The page belongs to a file and the mapping is private, so a store must not change the file.',
  change: 'Map the file MAP_SHARED, if the store is to change it.',
  source: { fn: 'do_cow_fault', file: 'mm/memory.c' },
});

export const COPY_OF_SHARED_PAGE: number = reason('copy.of_shared_page', {
  says: 'The page is shared after a fork (on 6.1: it has other references, which the kernel cannot tell apart from another process).',
  change: 'Store before the fork, or after the other process has ended, has unmapped the page or has stored to it.',
  source: { fn: 'do_wp_page', file: 'mm/memory.c' },
});

export const COPY_OF_ZEROES: number = reason('copy.of_zeroes', {
  says: 'The page was only read so far, so it is the zero page, which all processes share.',
  change: 'Store to the page before reading it; this saves the first fault.',
  source: { fn: 'do_wp_page', file: 'mm/memory.c' },
});

export const COPY_OF_DEVICE_MEMORY: number = reason('copy.of_device_memory', {
  says: 'The mapping of device memory is private, so stores stay in the process.',
  change: 'Map the device MAP_SHARED.',
  source: { fn: 'do_wp_page', file: 'mm/memory.c' },
});

export const FAULT_POISONED: number = reason('fault.poisoned', {
  signal: SIGBUS,
  says: 'UFFDIO_POISON has marked the page as lost: an access fails as if the memory were broken (BUS_MCEERR_AR).',
  change: 'Fill the page with UFFDIO_COPY, or drop the mark with MADV_DONTNEED.',
  source: { fn: 'handle_pte_marker', file: 'mm/memory.c', kernel: '6.12' },
});
