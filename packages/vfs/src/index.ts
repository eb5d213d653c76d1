// @vmarea/vfs: inode, file, mount, locks, descriptor table, file operations, ramfs. It knows no particular driver beyond ramfs,
// and neither frames nor page tables. Mirrors fs/ and include/linux/fs.h.
