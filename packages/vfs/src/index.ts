// @vmarea/vfs: inode, file, mount, locks, descriptor table, file operations, ramfs. It uses no other driver than ramfs, and
// neither frames nor page tables. Mirrors fs/ and include/linux/fs.h.

export * from './files/operations.ts';
export * from './names/inode.ts';
export * from './names/super-block.ts';
export * from './names/dentry.ts';
export * from './names/mount.ts';
export * from './files/file.ts';
export * from './files/files-struct.ts';
export * from './names/permission.ts';
export * from './names/namei.ts';
export * from './files/open.ts';
export * from './files/read-write.ts';
export { iovHead, type IoVec } from './files/iovec.ts';
export * from './names/attr.ts';
export * from './files/fcntl.ts';
export * from './files/locks.ts';
export * from './page-cache.ts';
export * from './drivers/libfs.ts';
export * from './drivers/ramfs.ts';
export * from './drivers/devices.ts';
export * from './drivers/procfs.ts';
export * from './files/pipe.ts';
export * from './drivers/reasons.ts';
export * from './drivers/driver.ts';
export { errnoOf } from './drivers/answers.ts';
export { storeFs, storeManifest, type StoreFsOptions } from './drivers/store-fs.ts';
export * from './drivers/intercept.ts';
export * from './drivers/judge.ts';
