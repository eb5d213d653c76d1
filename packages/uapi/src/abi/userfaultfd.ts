// Constants of userfaultfd(2), its ioctls and its messages. Mirrors include/uapi/linux/userfaultfd.h.

/** A flag of userfaultfd(2): handles only faults of user code, which needs no privilege. */
export const UFFD_USER_MODE_ONLY = 1;

/** The `api` of UFFDIO_API. */
export const UFFD_API = 0xaa;

/** Numbers of the ioctls: the bits of what UFFDIO_API and UFFDIO_REGISTER report. */
export const _UFFDIO_REGISTER = 0x00;
export const _UFFDIO_UNREGISTER = 0x01;
export const _UFFDIO_WAKE = 0x02;
export const _UFFDIO_COPY = 0x03;
export const _UFFDIO_ZEROPAGE = 0x04;
export const _UFFDIO_MOVE = 0x05;
export const _UFFDIO_WRITEPROTECT = 0x06;
export const _UFFDIO_CONTINUE = 0x07;
export const _UFFDIO_POISON = 0x08;
export const _UFFDIO_API = 0x3f;

/** The commands of ioctl(2). Bits 16 to 29 are the bytes of the structure. */
export const UFFDIO_API = 0xc018aa3f;
export const UFFDIO_REGISTER = 0xc020aa00;
export const UFFDIO_UNREGISTER = 0x8010aa01;
export const UFFDIO_WAKE = 0x8010aa02;
export const UFFDIO_COPY = 0xc028aa03;
export const UFFDIO_ZEROPAGE = 0xc020aa04;
export const UFFDIO_MOVE = 0xc028aa05;
export const UFFDIO_WRITEPROTECT = 0xc018aa06;
export const UFFDIO_CONTINUE = 0xc020aa07;
export const UFFDIO_POISON = 0xc020aa08;

/** Features of UFFDIO_API. */
export const UFFD_FEATURE_PAGEFAULT_FLAG_WP = 0x1;
export const UFFD_FEATURE_EVENT_FORK = 0x2;
export const UFFD_FEATURE_EVENT_REMAP = 0x4;
export const UFFD_FEATURE_EVENT_REMOVE = 0x8;
export const UFFD_FEATURE_MISSING_HUGETLBFS = 0x10;
export const UFFD_FEATURE_MISSING_SHMEM = 0x20;
export const UFFD_FEATURE_EVENT_UNMAP = 0x40;
export const UFFD_FEATURE_SIGBUS = 0x80;
export const UFFD_FEATURE_THREAD_ID = 0x100;
export const UFFD_FEATURE_MINOR_HUGETLBFS = 0x200;
export const UFFD_FEATURE_MINOR_SHMEM = 0x400;
export const UFFD_FEATURE_EXACT_ADDRESS = 0x800;
export const UFFD_FEATURE_WP_HUGETLBFS_SHMEM = 0x1000;
export const UFFD_FEATURE_WP_UNPOPULATED = 0x2000;
export const UFFD_FEATURE_POISON = 0x4000;
export const UFFD_FEATURE_WP_ASYNC = 0x8000;
export const UFFD_FEATURE_MOVE = 0x10000;

/** Modes of UFFDIO_REGISTER. */
export const UFFDIO_REGISTER_MODE_MISSING = 0x1;
export const UFFDIO_REGISTER_MODE_WP = 0x2;
export const UFFDIO_REGISTER_MODE_MINOR = 0x4;

/** Modes of the ioctls that fill, move and protect. The first is the same for all of them but UFFDIO_WRITEPROTECT. */
export const UFFDIO_MODE_DONTWAKE = 0x1;
export const UFFDIO_COPY_MODE_WP = 0x2;
export const UFFDIO_CONTINUE_MODE_WP = 0x2;
export const UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES = 0x2;
export const UFFDIO_WRITEPROTECT_MODE_WP = 0x1;
export const UFFDIO_WRITEPROTECT_MODE_DONTWAKE = 0x2;

/** Events: the first byte of a message. */
export const UFFD_EVENT_PAGEFAULT = 0x12;
export const UFFD_EVENT_FORK = 0x13;
export const UFFD_EVENT_REMAP = 0x14;
export const UFFD_EVENT_REMOVE = 0x15;
export const UFFD_EVENT_UNMAP = 0x16;

/** Flags of a page fault in a message. */
export const UFFD_PAGEFAULT_FLAG_WRITE = 0x1;
export const UFFD_PAGEFAULT_FLAG_WP = 0x2;
export const UFFD_PAGEFAULT_FLAG_MINOR = 0x4;

/** Bytes of a struct uffd_msg. */
export const UFFD_MSG_BYTES = 32;
