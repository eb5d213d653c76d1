/**
 * userfaultfd(2) and its descriptor: makes the file, and passes its ioctls on. What they do is in mm-core's memory.
 *
 * Mirrors fs/userfaultfd.c.
 */
import { refuse, RETRY, type Caller, type MmSystem } from '@vmarea/mm-core';
import {
  copyFromUser,
  Userfaultfd,
  type UffdioApi,
  type UffdioContinue,
  type UffdioCopy,
  type UffdioMove,
  type UffdioPoison,
  type UffdioRange,
  type UffdioRegister,
  type UffdioWriteprotect,
  type UffdioZeropage,
  type UffdMessage,
  type UffdSource,
} from '@vmarea/mm-core/memory';
import { UFFDIO_COPY_SOURCE, USERFAULTFD_NOT_ENABLED } from '@vmarea/mm-core/reasons';
import {
  CAP_SYS_PTRACE,
  EAGAIN,
  EFAULT,
  EINVAL,
  ENOSYS,
  EPERM,
  fromRegister,
  MisuseError,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDONLY,
  shownValue,
  UFFD_EVENT_FORK,
  UFFD_EVENT_PAGEFAULT,
  UFFD_EVENT_REMAP,
  UFFD_MSG_BYTES,
  UFFD_USER_MODE_ONLY,
  UFFDIO_API,
  UFFDIO_CONTINUE,
  UFFDIO_COPY,
  UFFDIO_MOVE,
  UFFDIO_POISON,
  UFFDIO_REGISTER,
  UFFDIO_UNREGISTER,
  UFFDIO_WAKE,
  UFFDIO_WRITEPROTECT,
  UFFDIO_ZEROPAGE,
} from '@vmarea/uapi';
import {
  allocFile,
  dAllocPseudo,
  FileOperations,
  InodeOperations,
  iput,
  newInode,
  NO_CAPABILITIES,
  SuperBlock,
  type DriverManifest,
  type File,
  type FileCaller,
  type IoVec,
} from '@vmarea/vfs';
import { USERFAULTFD_BAD_FLAGS, USERFAULTFD_NOT_PERMITTED, USERFAULTFD_UNKNOWN_CALL } from './reasons.ts';
import { USERFAULTFD_READ_EMPTY, USERFAULTFD_READ_SHORT } from './userfaultfd-reasons.ts';

const manifest: DriverManifest = {
  name: 'anon_inodefs',
  capabilities: { ...NO_CAPABILITIES, read: true, asynchronous: true },
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

/** struct uffdio_copy with its source: an address in the caller's memory, or bytes that a handler in JavaScript has. */
export interface UffdioCopyFrom extends UffdioCopy {
  src: number | bigint | Uint8Array;
}

/** Returns the bytes of a copy's source. */
function sourceOf(cur: Caller, src: UffdioCopyFrom['src']): UffdSource {
  if (src instanceof Uint8Array) {
    return (offset, target) => {
      if (offset + target.length > src.length)
        throw new MisuseError('ioctl', 'arg.src', `holds ${src.length} bytes, less than arg.len`);
      target.set(src.subarray(offset, offset + target.length));
      return 0;
    };
  }
  const address = fromRegister(src);
  return (offset, target) => {
    const left = copyFromUser(cur, address + offset, target, 0, target.length);
    if (left === RETRY) return RETRY;
    return left === 0 ? 0 : refuse(cur, UFFDIO_COPY_SOURCE, -EFAULT);
  };
}

/** userfaultfd_ioctl: `arg` is the structure of the command, in which the call stores its results. */
function userfaultfdIoctl(cur: Caller, file: File, command: number, arg: unknown): number {
  const uffd = file.private_ as Userfaultfd;
  if (typeof arg !== 'object' || arg === null) {
    throw new MisuseError('ioctl', 'arg', `is ${shownValue(arg)}, not the structure of an ioctl of userfaultfd`);
  }
  switch (command) {
    case UFFDIO_API:
      return uffd.api(cur, arg as UffdioApi);
    case UFFDIO_REGISTER:
      return uffd.register(cur, arg as UffdioRegister);
    case UFFDIO_UNREGISTER:
      return uffd.unregister(cur, arg as UffdioRange);
    case UFFDIO_WAKE:
      return uffd.wake(cur, arg as UffdioRange);
    case UFFDIO_COPY:
      return uffd.copy(cur, arg as UffdioCopyFrom, sourceOf(cur, (arg as UffdioCopyFrom).src));
    case UFFDIO_ZEROPAGE:
      return uffd.zeropage(cur, arg as UffdioZeropage);
    case UFFDIO_MOVE:
      return uffd.move(cur, arg as UffdioMove);
    case UFFDIO_WRITEPROTECT:
      return uffd.writeProtect(cur, arg as UffdioWriteprotect);
    case UFFDIO_CONTINUE:
      return uffd.continue(cur, arg as UffdioContinue);
    case UFFDIO_POISON:
      return uffd.poison(cur, arg as UffdioPoison);
    default:
      return uffd.unknown(cur);
  }
}

/** Encodes a struct uffd_msg. A fork's child gets a descriptor in the reader. */
function encode(cur: FileCaller, file: File, message: UffdMessage): Uint8Array {
  const bytes = new Uint8Array(UFFD_MSG_BYTES);
  const view = new DataView(bytes.buffer);
  const u64 = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  bytes[0] = message.event;
  switch (message.event) {
    case UFFD_EVENT_PAGEFAULT:
      u64(8, message.flags);
      u64(16, message.address);
      break;
    case UFFD_EVENT_FORK:
      view.setUint32(8, installUserfaultfd(cur, file.fInode.iSb, message.child, file.fFlags & O_NONBLOCK), true);
      break;
    case UFFD_EVENT_REMAP:
      u64(8, message.from);
      u64(16, message.to);
      u64(24, message.len);
      break;
    default:
      u64(8, message.start);
      u64(16, message.end);
  }
  return bytes;
}

/** userfaultfd_read: moves as many messages as fit; waits for the first one unless O_NONBLOCK. */
function userfaultfdRead(cur: Caller, file: File, { bytes, offset, length }: IoVec): number {
  const uffd = file.private_ as Userfaultfd;
  if (!uffd.enabled) return refuse(cur, USERFAULTFD_NOT_ENABLED, -EINVAL);
  if (length < UFFD_MSG_BYTES) return refuse(cur, USERFAULTFD_READ_SHORT, -EINVAL);
  let done = 0;
  while (done + UFFD_MSG_BYTES <= length) {
    const message = uffd.read();
    if (message === null) break;
    bytes.set(encode(cur as FileCaller, file, message), offset + done);
    done += UFFD_MSG_BYTES;
  }
  if (done > 0) return done;
  if ((file.fFlags & O_NONBLOCK) !== 0) return refuse(cur, USERFAULTFD_READ_EMPTY, -EAGAIN);
  cur.mm.system.current.pending = uffd.arrival();
  return RETRY;
}

const userfaultfdOperations = new FileOperations({
  read: userfaultfdRead,
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
  return installUserfaultfd(cur, sb, new Userfaultfd(cur.mm, flags), flags & (O_NONBLOCK | O_CLOEXEC));
}

/** Gives a userfaultfd a descriptor. @param flags O_NONBLOCK, O_CLOEXEC */
function installUserfaultfd(cur: FileCaller, sb: SuperBlock, uffd: Userfaultfd, flags: number): number {
  const file = userfaultfdFile(sb, uffd, flags & O_NONBLOCK);
  return cur.files.install(file, cur.rlimits.nofile, (flags & O_CLOEXEC) !== 0);
}
