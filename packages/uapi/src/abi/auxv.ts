// Entries of the auxiliary vector that exec puts on the stack of a new program.
// Not the flags of the *at calls with the same prefix, which are in fcntl.ts.
// Mirrors include/uapi/linux/auxvec.h and arch/arm64/include/uapi/asm/auxvec.h.

export const AT_NULL = 0;
export const AT_IGNORE = 1;
export const AT_EXECFD = 2;
/** Address of the program headers. */
export const AT_PHDR = 3;
export const AT_PHENT = 4;
export const AT_PHNUM = 5;
export const AT_PAGESZ = 6;
/** Where the interpreter was loaded. */
export const AT_BASE = 7;
export const AT_FLAGS = 8;
export const AT_ENTRY = 9;
export const AT_NOTELF = 10;
export const AT_UID = 11;
export const AT_EUID = 12;
export const AT_GID = 13;
export const AT_EGID = 14;
export const AT_PLATFORM = 15;
export const AT_HWCAP = 16;
export const AT_CLKTCK = 17;
export const AT_SECURE = 23;
export const AT_BASE_PLATFORM = 24;
/** Address of 16 random bytes. */
export const AT_RANDOM = 25;
export const AT_HWCAP2 = 26;
export const AT_EXECFN = 31;
/** Address of the vdso. */
export const AT_SYSINFO_EHDR = 33;
/** arm64 since 5.14: the smallest stack that a signal frame needs. */
export const AT_MINSIGSTKSZ = 51;
