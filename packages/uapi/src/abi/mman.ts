// Constants of the memory calls: protection, mapping flags, advice, memfd, fallocate, prctl(PR_SET_VMA).
// Values are those of arm64, which has all of them from asm-generic.
// Mirrors include/uapi/asm-generic/mman{,-common}.h, include/uapi/linux/{mman,memfd,falloc,prctl}.h
// and arch/arm64/include/uapi/asm/mman.h.

/** Pages may not be accessed. */
export const PROT_NONE = 0x0;
export const PROT_READ = 0x1;
export const PROT_WRITE = 0x2;
export const PROT_EXEC = 0x4;
/** Accepted and ignored: memory for semaphores. */
export const PROT_SEM = 0x8;
/** arm64 only: branch target identification. EINVAL on hardware without it. */
export const PROT_BTI = 0x10;
/** arm64 only: memory tagging. EINVAL on hardware without it. */
export const PROT_MTE = 0x20;
/** mprotect only: extends the range down to the start of a VM_GROWSDOWN mapping. */
export const PROT_GROWSDOWN = 0x01000000;
/** mprotect only: extends the range up to the end of a VM_GROWSUP mapping, which arm64 and x86-64 do not have. */
export const PROT_GROWSUP = 0x02000000;

/** libc's name for «no type»: zero. */
export const MAP_FILE = 0x0;
export const MAP_SHARED = 0x01;
export const MAP_PRIVATE = 0x02;
/** Like MAP_SHARED, but unknown flags fail with EOPNOTSUPP. Kernels before 4.15 return EINVAL. */
export const MAP_SHARED_VALIDATE = 0x03;
/** Private memory whose pages the kernel may drop (6.11). */
export const MAP_DROPPABLE = 0x8;
/** The bits of the type: shared, private, shared and validated. */
export const MAP_TYPE = 0x0f;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
/** x86-64: the address is between 1 and 2 GiB. No effect elsewhere. */
export const MAP_32BIT = 0x40;
/** x86-64, since 6.6: the address is at or above 4 GiB. No effect elsewhere. */
export const MAP_ABOVE4G = 0x80;
export const MAP_GROWSDOWN = 0x0100;
/** Ignored. */
export const MAP_DENYWRITE = 0x0800;
/** Ignored. */
export const MAP_EXECUTABLE = 0x1000;
export const MAP_LOCKED = 0x2000;
export const MAP_NORESERVE = 0x4000;
export const MAP_POPULATE = 0x8000;
export const MAP_NONBLOCK = 0x10000;
/** Ignored. */
export const MAP_STACK = 0x20000;
export const MAP_HUGETLB = 0x40000;
export const MAP_SYNC = 0x80000;
/** MAP_FIXED that fails with EEXIST instead of replacing mappings; since 4.17. */
export const MAP_FIXED_NOREPLACE = 0x100000;
/** Has an effect only in a kernel without an MMU. */
export const MAP_UNINITIALIZED = 0x4000000;

/** The position of the base-2 logarithm of the huge page size in the flags of mmap. */
export const MAP_HUGE_SHIFT = 26;
/** The mask of that logarithm, after shifting. */
export const MAP_HUGE_MASK = 0x3f;
export const MAP_HUGE_16KB = 0x38000000;
export const MAP_HUGE_64KB = 0x40000000;
export const MAP_HUGE_512KB = 0x4c000000;
export const MAP_HUGE_1MB = 0x50000000;
export const MAP_HUGE_2MB = 0x54000000;
export const MAP_HUGE_8MB = 0x5c000000;
export const MAP_HUGE_16MB = 0x60000000;
export const MAP_HUGE_32MB = 0x64000000;
export const MAP_HUGE_256MB = 0x70000000;
export const MAP_HUGE_512MB = 0x74000000;
export const MAP_HUGE_1GB = 0x78000000;
export const MAP_HUGE_2GB = 0x7c000000;
/** Above 2^31: int32 operators treat this JS number as negative. */
export const MAP_HUGE_16GB = 0x88000000;

export const MREMAP_MAYMOVE = 1;
export const MREMAP_FIXED = 2;
/** Since 5.7. */
export const MREMAP_DONTUNMAP = 4;

export const MCL_CURRENT = 1;
export const MCL_FUTURE = 2;
/** Since 4.4. */
export const MCL_ONFAULT = 4;
/** The flag of mlock2; since 4.4. */
export const MLOCK_ONFAULT = 1;

export const MS_ASYNC = 1;
export const MS_INVALIDATE = 2;
export const MS_SYNC = 4;

export const MADV_NORMAL = 0;
export const MADV_RANDOM = 1;
export const MADV_SEQUENTIAL = 2;
export const MADV_WILLNEED = 3;
export const MADV_DONTNEED = 4;
/** Since 4.5; EINVAL before. */
export const MADV_FREE = 8;
export const MADV_REMOVE = 9;
export const MADV_DONTFORK = 10;
export const MADV_DOFORK = 11;
export const MADV_MERGEABLE = 12;
export const MADV_UNMERGEABLE = 13;
export const MADV_HUGEPAGE = 14;
export const MADV_NOHUGEPAGE = 15;
export const MADV_DONTDUMP = 16;
export const MADV_DODUMP = 17;
/** Since 4.14. */
export const MADV_WIPEONFORK = 18;
/** Since 4.14. */
export const MADV_KEEPONFORK = 19;
/** Since 5.4. */
export const MADV_COLD = 20;
/** Since 5.4. */
export const MADV_PAGEOUT = 21;
/** Since 5.14. */
export const MADV_POPULATE_READ = 22;
/** Since 5.14. */
export const MADV_POPULATE_WRITE = 23;
/** Since 5.18. */
export const MADV_DONTNEED_LOCKED = 24;
/** Since 6.1. */
export const MADV_COLLAPSE = 25;
export const MADV_HWPOISON = 100;
export const MADV_SOFT_OFFLINE = 101;

/** First argument of prctl for naming memory ("SVMA" in ASCII). */
export const PR_SET_VMA = 0x53564d41;
/** Second argument: sets the name of the range; a null pointer removes it. */
export const PR_SET_VMA_ANON_NAME = 0;

/** prctl: the borders of the program. */
export const PR_SET_MM = 35;
/** prctl: all memory of the process is mergeable (6.4). */
export const PR_SET_MEMORY_MERGE = 67;
export const PR_GET_MEMORY_MERGE = 68;

/** NUMA policies of mbind and set_mempolicy. */
export const MPOL_DEFAULT = 0;
export const MPOL_PREFERRED = 1;
export const MPOL_BIND = 2;
export const MPOL_INTERLEAVE = 3;
export const MPOL_LOCAL = 4;
export const MPOL_PREFERRED_MANY = 5;
export const MPOL_WEIGHTED_INTERLEAVE = 6;
export const MPOL_F_STATIC_NODES = 0x8000;
export const MPOL_F_RELATIVE_NODES = 0x4000;
export const MPOL_F_NUMA_BALANCING = 0x2000;
/** Flags of mbind. */
export const MPOL_MF_STRICT = 0x1;
export const MPOL_MF_MOVE = 0x2;
export const MPOL_MF_MOVE_ALL = 0x4;

/** prctl: pointers with a tag in system calls, and the checks of tags (arm64, 5.4 and 5.10). */
export const PR_SET_TAGGED_ADDR_CTRL = 55;
export const PR_GET_TAGGED_ADDR_CTRL = 56;
export const PR_TAGGED_ADDR_ENABLE = 0x1;
export const PR_MTE_TCF_SYNC = 0x2;
export const PR_MTE_TCF_ASYNC = 0x4;
/** The tags that the processor may choose at random (its instruction IRG): bit 3 is tag 0. */
export const PR_MTE_TAG_MASK = 0x7fff8;

/** prctl: no transparent huge pages in this address space. */
export const PR_SET_THP_DISABLE = 41;
export const PR_GET_THP_DISABLE = 42;
/** Second bit of PR_SET_THP_DISABLE's flags, and of what PR_GET_THP_DISABLE returns (6.18). */
export const PR_THP_DISABLE_EXCEPT_ADVISED = 0x2;

/** prctl: memory-deny-write-execute (6.3). */
export const PR_SET_MDWE = 65;
export const PR_GET_MDWE = 66;
export const PR_MDWE_REFUSE_EXEC_GAIN = 0x1;
export const PR_MDWE_NO_INHERIT = 0x2;
/** The longest accepted name in bytes, including the final zero. */
export const ANON_VMA_NAME_MAX_LEN = 80;

/** Overcommit policies, the values of `vm.overcommit_memory`. */
export const OVERCOMMIT_GUESS = 0;
export const OVERCOMMIT_ALWAYS = 1;
export const OVERCOMMIT_NEVER = 2;

export const MFD_CLOEXEC = 0x1;
export const MFD_ALLOW_SEALING = 0x2;
/** Since 4.14. */
export const MFD_HUGETLB = 0x4;
/** Since 6.3. */
export const MFD_NOEXEC_SEAL = 0x8;
/** Since 6.3. */
export const MFD_EXEC = 0x10;
export const MFD_HUGE_SHIFT = 26;
export const MFD_HUGE_MASK = 0x3f;

export const F_ADD_SEALS = 1033;
export const F_GET_SEALS = 1034;
export const F_SEAL_SEAL = 0x1;
export const F_SEAL_SHRINK = 0x2;
export const F_SEAL_GROW = 0x4;
export const F_SEAL_WRITE = 0x8;
/** Since 5.1. */
export const F_SEAL_FUTURE_WRITE = 0x10;
/** Since 6.3. */
export const F_SEAL_EXEC = 0x20;

export const FALLOC_FL_KEEP_SIZE = 0x01;
export const FALLOC_FL_PUNCH_HOLE = 0x02;
export const FALLOC_FL_NO_HIDE_STALE = 0x04;
export const FALLOC_FL_COLLAPSE_RANGE = 0x08;
export const FALLOC_FL_ZERO_RANGE = 0x10;
export const FALLOC_FL_INSERT_RANGE = 0x20;
export const FALLOC_FL_UNSHARE_RANGE = 0x40;
