// @vmarea/vfs: inode, file, mount, locks, descriptor table, file operations, ramfs. It knows no particular driver beyond ramfs,
// and neither frames nor page tables. Mirrors fs/ and include/linux/fs.h.

export * from './file-operations.ts';
export * from './inode.ts';
export * from './super-block.ts';
export * from './dentry.ts';
export * from './mount.ts';
export * from './file.ts';
export * from './files-struct.ts';
export * from './permission.ts';
export * from './namei.ts';
export * from './open.ts';
export * from './read-write.ts';
export * from './attr.ts';
export * from './fcntl.ts';
export * from './locks.ts';
export * from './page-cache.ts';
export * from './libfs.ts';
export * from './ramfs.ts';
export * from './devices.ts';
export * from './procfs.ts';
export * from './pipe.ts';
export * from './reasons.ts';
export * from './driver.ts';
export { errnoOf } from './answers.ts';
export { storeFs, storeManifest, type StoreFsOptions } from './store-fs.ts';
export * from './intercept.ts';
export * from './judge.ts';
