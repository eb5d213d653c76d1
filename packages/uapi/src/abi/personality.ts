// Flags and types of personality(2). On arm64 five of the flags change the layout or the protection of memory.
// Mirrors include/uapi/linux/personality.h.

export const UNAME26 = 0x0020000;
/** No randomisation of the address space. */
export const ADDR_NO_RANDOMIZE = 0x0040000;
export const FDPIC_FUNCPTRS = 0x0080000;
/** exec maps a readable page at address zero. */
export const MMAP_PAGE_ZERO = 0x0100000;
/** The legacy layout: mappings grow upwards from a third (arm64: a quarter) of the address space. */
export const ADDR_COMPAT_LAYOUT = 0x0200000;
/** A mapping with PROT_READ also gets PROT_EXEC. */
export const READ_IMPLIES_EXEC = 0x0400000;
export const ADDR_LIMIT_32BIT = 0x0800000;
export const SHORT_INODE = 0x1000000;
export const WHOLE_SECONDS = 0x2000000;
export const STICKY_TIMEOUTS = 0x4000000;
export const ADDR_LIMIT_3GB = 0x8000000;

export const PER_LINUX = 0x00;
export const PER_SVR4 = 0x01;
export const PER_SVR3 = 0x02;
export const PER_SCOSVR3 = 0x03;
export const PER_WYSEV386 = 0x04;
export const PER_ISCR4 = 0x05;
export const PER_BSD = 0x06;
export const PER_XENIX = 0x07;
export const PER_LINUX32 = 0x08;
export const PER_IRIX32 = 0x09;
export const PER_IRIXN32 = 0x0a;
export const PER_IRIX64 = 0x0b;
export const PER_RISCOS = 0x0c;
export const PER_SOLARIS = 0x0d;
export const PER_UW7 = 0x0e;
export const PER_OSF4 = 0x0f;
export const PER_HPUX = 0x10;
/** The bits of the type. */
export const PER_MASK = 0xff;

/** The argument of personality(2) that changes nothing and returns the personality. */
export const PERSONALITY_QUERY = 0xffffffff;

/** The flags that exec of a set-user-id program clears. */
export const PER_CLEAR_ON_SETID = 0x740000;
