// File types and permission bits of st_mode, and arm64's layout of a device number.
// Mirrors include/uapi/linux/stat.h and include/linux/kdev_t.h.

export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;
export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;
export const S_ISVTX = 0o1000;
export const S_IRWXU = 0o700;
export const S_IRUSR = 0o400;
export const S_IWUSR = 0o200;
export const S_IXUSR = 0o100;
export const S_IRWXG = 0o070;
export const S_IRGRP = 0o040;
export const S_IWGRP = 0o020;
export const S_IXGRP = 0o010;
export const S_IRWXO = 0o007;
export const S_IROTH = 0o004;
export const S_IWOTH = 0o002;
export const S_IXOTH = 0o001;

/** Returns whether a mode is that of a regular file. */
export function S_ISREG(mode: number): boolean {
  return (mode & S_IFMT) === S_IFREG;
}

/** Returns whether a mode is that of a directory. */
export function S_ISDIR(mode: number): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

/** Returns whether a mode is that of a symbolic link. */
export function S_ISLNK(mode: number): boolean {
  return (mode & S_IFMT) === S_IFLNK;
}

/** Returns whether a mode is that of a character device. */
export function S_ISCHR(mode: number): boolean {
  return (mode & S_IFMT) === S_IFCHR;
}

/** Returns whether a mode is that of a block device. */
export function S_ISBLK(mode: number): boolean {
  return (mode & S_IFMT) === S_IFBLK;
}

/** Returns whether a mode is that of a pipe. */
export function S_ISFIFO(mode: number): boolean {
  return (mode & S_IFMT) === S_IFIFO;
}

/** Returns whether a mode is that of a socket. */
export function S_ISSOCK(mode: number): boolean {
  return (mode & S_IFMT) === S_IFSOCK;
}

/** Returns the kernel's internal device number: 12 bits of major above 20 bits of minor. */
export function makeDev(major: number, minor: number): number {
  return major * 0x100000 + (minor & 0xfffff);
}

/** Returns the major number of a kernel device number. */
export function devMajor(dev: number): number {
  return Math.floor(dev / 0x100000);
}

/** Returns the minor number of a kernel device number. */
export function devMinor(dev: number): number {
  return dev & 0xfffff;
}
