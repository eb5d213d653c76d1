// Constants of open, fcntl and the *at calls, with the values of arm64.
// Four open flags differ from asm-generic (and so from x86) on arm and arm64: O_DIRECTORY, O_NOFOLLOW, O_DIRECT, O_LARGEFILE.
// Seals are in mman.ts. Mirrors include/uapi/asm-generic/fcntl.h, include/uapi/linux/fcntl.h,
// arch/arm64/include/uapi/asm/fcntl.h.

export const O_ACCMODE = 0o3;
export const O_RDONLY = 0o0;
export const O_WRONLY = 0o1;
export const O_RDWR = 0o2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_NOCTTY = 0o400;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
/** Same value as {@link O_NONBLOCK}. */
export const O_NDELAY = 0o4000;
export const O_DSYNC = 0o10000;
export const FASYNC = 0o20000;
/** arm64's own value. */
export const O_DIRECTORY = 0o40000;
/** arm64's own value. */
export const O_NOFOLLOW = 0o100000;
/** arm64's own value. */
export const O_DIRECT = 0o200000;
/** arm64's own value. */
export const O_LARGEFILE = 0o400000;
export const O_NOATIME = 0o1000000;
export const O_CLOEXEC = 0o2000000;
/** The bit that distinguishes O_SYNC from O_DSYNC; libc never sets it alone. */
export const __O_SYNC = 0o4000000;
export const O_SYNC = 0o4010000;
export const O_PATH = 0o10000000;
/** The bit that distinguishes O_TMPFILE from O_DIRECTORY. */
export const __O_TMPFILE = 0o20000000;
export const O_TMPFILE = 0o20040000;

export const F_DUPFD = 0;
export const F_GETFD = 1;
export const F_SETFD = 2;
export const F_GETFL = 3;
export const F_SETFL = 4;
export const F_GETLK = 5;
export const F_SETLK = 6;
export const F_SETLKW = 7;
export const F_SETOWN = 8;
export const F_GETOWN = 9;
export const F_SETSIG = 10;
export const F_GETSIG = 11;
/** 32-bit ABIs only. */
export const F_GETLK64 = 12;
/** 32-bit ABIs only. */
export const F_SETLK64 = 13;
/** 32-bit ABIs only. */
export const F_SETLKW64 = 14;
export const F_SETOWN_EX = 15;
export const F_GETOWN_EX = 16;
export const F_GETOWNER_UIDS = 17;
export const F_OFD_GETLK = 36;
export const F_OFD_SETLK = 37;
export const F_OFD_SETLKW = 38;
export const F_SETLEASE = 1024;
export const F_GETLEASE = 1025;
export const F_NOTIFY = 1026;
export const F_CANCELLK = 1029;
export const F_DUPFD_CLOEXEC = 1030;
export const F_SETPIPE_SZ = 1031;
export const F_GETPIPE_SZ = 1032;

/** The only descriptor flag. */
export const FD_CLOEXEC = 1;

export const F_RDLCK = 0;
export const F_WRLCK = 1;
export const F_UNLCK = 2;

export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;
/** Mandatory flock; removed in 5.15. */
export const LOCK_MAND = 32;

/** The directory descriptor that stands for the working directory. */
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_EACCESS = 0x200;
export const AT_REMOVEDIR = 0x200;
export const AT_SYMLINK_FOLLOW = 0x400;
export const AT_NO_AUTOMOUNT = 0x800;
export const AT_EMPTY_PATH = 0x1000;
export const AT_STATX_SYNC_AS_STAT = 0x0;
export const AT_STATX_FORCE_SYNC = 0x2000;
export const AT_STATX_DONT_SYNC = 0x4000;
export const AT_RECURSIVE = 0x8000;

export const CLOSE_RANGE_UNSHARE = 2;
export const CLOSE_RANGE_CLOEXEC = 4;

export const SEEK_SET = 0;
export const SEEK_CUR = 1;
export const SEEK_END = 2;
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

export const RESOLVE_NO_XDEV = 0x01;
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;
export const RESOLVE_IN_ROOT = 0x10;
export const RESOLVE_CACHED = 0x20;

/** The open flags with different values: arm64's, and those of asm-generic (x86, riscv). */
const DIFFERING: readonly (readonly [number, number])[] = [
  [O_DIRECTORY, 0o200000],
  [O_NOFOLLOW, 0o400000],
  [O_DIRECT, 0o40000],
  [O_LARGEFILE, 0o100000],
];
const DIFFERING_MASK = 0o740000;

/**
 * Converts open flags of an asm-generic architecture (x86, riscv) to arm64's values.
 * Needed for numbers only: names already mean the right flag.
 */
export function openFlagsFromGeneric(flags: number): number {
  let result = flags & ~DIFFERING_MASK;
  for (const [own, generic] of DIFFERING) if ((flags & generic) !== 0) result |= own;
  return result;
}

/** Converts open flags in arm64's values to those of an asm-generic architecture (x86, riscv). */
export function openFlagsToGeneric(flags: number): number {
  let result = flags & ~DIFFERING_MASK;
  for (const [own, generic] of DIFFERING) if ((flags & own) !== 0) result |= generic;
  return result;
}
