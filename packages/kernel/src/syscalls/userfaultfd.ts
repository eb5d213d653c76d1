/**
 * userfaultfd(2) and its descriptor: makes the file, and passes its ioctls on. What they do is in mm-core's memory.
 *
 * Mirrors fs/userfaultfd.c.
 */
import { refuse, type Caller, type MmSystem } from '@vmarea/mm-core';
import { Userfaultfd, type UffdioApi, type UffdioRange, type UffdioRegister } from '@vmarea/mm-core/memory';
import {
  CAP_SYS_PTRACE,
  EINVAL,
  ENOSYS,
  EPERM,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDONLY,
  UFFD_USER_MODE_ONLY,
  UFFDIO_API,
  UFFDIO_REGISTER,
  UFFDIO_UNREGISTER,
} from '@vmarea/uapi';
import {
  allocFile,
  dAllocPseudo,
  FileOperations,
  InodeOperations,
  iput,
  newInode,
  SuperBlock,
  type DriverManifest,
  type File,
  type FileCaller,
} from '@vmarea/vfs';
import { USERFAULTFD_BAD_FLAGS, USERFAULTFD_NOT_PERMITTED, USERFAULTFD_UNKNOWN_CALL } from './reasons.ts';

const manifest: DriverManifest = {
  name: 'anon_inodefs',
  capabilities: {
    read: true,
    write: false,
    mmapPrivate: false,
    mmapShared: false,
    mmapSharedWrite: false,
    truncate: false,
    fallocate: false,
    punchHole: false,
    rename: false,
    link: false,
    symlink: false,
    mkdir: false,
    appendOnly: false,
    persistent: false,
    asynchronous: true,
  },
};

/** anon_inodefs: creates the filesystem of files without a name. A machine needs one. */
export function anonInodeFs(system: MmSystem): SuperBlock {
  return new SuperBlock(system, {
    manifest,
    operations: { evictInode: () => undefined },
    device: { major: 0, minor: 14 },
  });
}

/** Returns the userfaultfd of a file, or null when the file is none. */
export function userfaultfdOf(file: File): Userfaultfd | null {
  return file.fOp === userfaultfdOperations ? (file.private_ as Userfaultfd) : null;
}

/** userfaultfd_ioctl: `arg` is the structure of the command, in which the call stores its results. */
function userfaultfdIoctl(cur: Caller, file: File, command: number, arg: unknown): number {
  const uffd = file.private_ as Userfaultfd;
  switch (command) {
    case UFFDIO_API:
      return uffd.api(cur, arg as UffdioApi);
    case UFFDIO_REGISTER:
      return uffd.register(cur, arg as UffdioRegister);
    case UFFDIO_UNREGISTER:
      return uffd.unregister(cur, arg as UffdioRange);
    default:
      return uffd.unknown(cur);
  }
}

const userfaultfdOperations = new FileOperations({
  ioctl: userfaultfdIoctl,
  release: (_inode, file) => {
    (file.private_ as Userfaultfd).release();
  },
});

const inodeOperations = new InodeOperations({});

/** Makes a file for a userfaultfd, with one reference. */
function userfaultfdFile(sb: SuperBlock, uffd: Userfaultfd, flags: number): File {
  const inode = newInode(sb, 0o600, inodeOperations, userfaultfdOperations);
  const dentry = dAllocPseudo('', inode);
  dentry.dynamicName = 'anon_inode:[userfaultfd]';
  const file = allocFile(null, dentry, inode, O_RDONLY | flags, userfaultfdOperations);
  file.private_ = uffd;
  iput(inode);
  return file;
}

/**
 * userfaultfd(2).
 *
 * @param sb the machine's {@link anonInodeFs}
 * @param flags O_CLOEXEC, O_NONBLOCK, UFFD_USER_MODE_ONLY
 * @returns a descriptor; -ENOSYS, -EPERM, -EINVAL, -EMFILE
 */
export function openUserfaultfd(cur: FileCaller, sb: SuperBlock, flags: number): number {
  const { system } = cur.mm;
  cur.call.reason = 0;
  if (system.profile.userfault.features === 0) return refuse(cur, USERFAULTFD_UNKNOWN_CALL, -ENOSYS);
  const userMode = (flags & UFFD_USER_MODE_ONLY) !== 0;
  const mayAll = system.security.capable(cur, CAP_SYS_PTRACE) || system.sysctl.unprivilegedUserfaultfd !== 0;
  if (!userMode && !mayAll) return refuse(cur, USERFAULTFD_NOT_PERMITTED, -EPERM);
  if ((flags & ~(O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY)) !== 0) {
    return refuse(cur, USERFAULTFD_BAD_FLAGS, -EINVAL);
  }
  const file = userfaultfdFile(sb, new Userfaultfd(cur.mm, flags), flags & O_NONBLOCK);
  return cur.files.install(file, cur.rlimits.nofile, (flags & O_CLOEXEC) !== 0);
}
