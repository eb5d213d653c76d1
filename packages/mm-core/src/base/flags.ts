/**
 * vm_flags: the bits of a VMA, as int32. VM_MERGEABLE is the sign bit, so compare int32 with int32 only.
 *
 * Mirrors include/linux/mm.h. A comment names the version of a bit that only one version has.
 */

export const VM_NONE = 0x0;
export const VM_READ = 0x1;
export const VM_WRITE = 0x2;
export const VM_EXEC = 0x4;
export const VM_SHARED = 0x8;
export const VM_MAYREAD = 0x10;
export const VM_MAYWRITE = 0x20;
export const VM_MAYEXEC = 0x40;
export const VM_MAYSHARE = 0x80;
export const VM_GROWSDOWN = 0x100;
/** 0: arm64 and x86-64 have no stack that grows up. */
export const VM_GROWSUP = 0x0;
export const VM_UFFD_MISSING = 0x200;
export const VM_PFNMAP = 0x400;
/** 4.4 only. */
export const VM_DENYWRITE = 0x800;
/** 6.1 only. The kernel has it above bit 31; here it uses the bit that VM_DENYWRITE left free. */
export const VM_MTE_ALLOWED = 0x800;
export const VM_UFFD_WP = 0x1000;
export const VM_LOCKED = 0x2000;
export const VM_IO = 0x4000;
export const VM_SEQ_READ = 0x8000;
export const VM_RAND_READ = 0x10000;
export const VM_DONTCOPY = 0x20000;
export const VM_DONTEXPAND = 0x40000;
export const VM_LOCKONFAULT = 0x80000;
export const VM_ACCOUNT = 0x100000;
export const VM_NORESERVE = 0x200000;
export const VM_HUGETLB = 0x400000;
/** 6.1 only: MAP_SYNC. */
export const VM_SYNC = 0x800000;
/** A bit of the architecture: guarded pages (BTI) where the machine has PROT_BTI. */
export const VM_ARCH_1 = 0x1000000;
/** 6.1: VM_WIPEONFORK; 4.4: VM_ARCH_2, unused on arm64. */
export const VM_WIPEONFORK = 0x2000000;
export const VM_DONTDUMP = 0x4000000;
/** Set only when the configuration has soft-dirty tracking. */
export const VM_SOFTDIRTY = 0x8000000;
export const VM_MIXEDMAP = 0x10000000;
export const VM_HUGEPAGE = 0x20000000;
export const VM_NOHUGEPAGE = 0x40000000;
export const VM_MERGEABLE: number = 0x80000000 | 0;

export const VM_ACCESS_FLAGS: number = VM_READ | VM_WRITE | VM_EXEC;
export const VM_SPECIAL: number = VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP;
export const VM_LOCKED_CLEAR_MASK: number = ~(VM_LOCKED | VM_LOCKONFAULT);
export const VM_LOCKED_MASK: number = VM_LOCKED | VM_LOCKONFAULT;
export const VM_INIT_DEF_MASK: number = VM_NOHUGEPAGE;
/** The flags of a stack while exec may still move it. */
export const VM_STACK_INCOMPLETE_SETUP: number = VM_RAND_READ | VM_SEQ_READ;

/** is_cow_mapping: returns whether a mapping is private and may become writable. */
export function isCowMapping(vmFlags: number): boolean {
  return (vmFlags & (VM_SHARED | VM_MAYWRITE)) === VM_MAYWRITE;
}

// --- flags that the kernel keeps above bit 31, in the second word `vma.vmFlagsHigh`. A merge compares them, too.
/** MAP_DROPPABLE. */
export const VM_HIGH_DROPPABLE = 0x1;
/** mseal. */
export const VM_HIGH_SEALED = 0x2;
/** Registered with a userfaultfd for pages that are in the file and not mapped. */
export const VM_HIGH_UFFD_MINOR = 0x4;
/**
 * VM_HIGH_ARCH_0 to VM_HIGH_ARCH_3: bits of the architecture, which its page tables see (bits 6 to 9 of a protection). With
 * PROT_MTE one is {@link VM_HIGH_MTE}; with protection keys they are the number of the key.
 */
export const VM_HIGH_ARCH = 0xf0;
/** VM_MTE: the memory has allocation tags. */
export const VM_HIGH_MTE = 0x20;
