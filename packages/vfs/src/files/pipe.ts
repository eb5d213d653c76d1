/**
 * Pipes: transfer bytes from a writer to a reader. They have no positions and cannot be mapped.
 *
 * Mirrors fs/pipe.c.
 */
import { EAGAIN, EINVAL, EPIPE, O_CLOEXEC, O_DIRECT, O_NONBLOCK, O_RDONLY, O_WRONLY, S_IFIFO } from '@vmarea/uapi';
import { RETRY, type MmSystem } from '@vmarea/mm-core';
import { dAllocPseudo } from '../names/dentry.ts';
import { FileOperations, InodeOperations } from './operations.ts';
import { allocFile, canRead, canWrite, type File } from './file.ts';
import type { FileCaller } from './files-struct.ts';
import { iput, newInode, type Inode } from '../names/inode.ts';
import { NO_CAPABILITIES, SuperBlock, type DriverManifest } from '../names/super-block.ts';

/** The capacity of a pipe in pages. */
const PIPE_DEF_BUFFERS = 16;
/** Writes up to this length are atomic. */
export const PIPE_BUF = 4096;

/** The state of one pipe. */
class Pipe {
  readonly ring: Uint8Array;
  head = 0;
  used = 0;
  readers = 1;
  writers = 1;
  private waiters: (() => void)[] = [];

  constructor(capacity: number) {
    this.ring = new Uint8Array(capacity);
  }

  wait(system: MmSystem): number {
    system.current.pending = new Promise<void>((resolve) => this.waiters.push(resolve));
    return RETRY;
  }

  wake(): void {
    const waiters = this.waiters;
    this.waiters = [];
    for (const resolve of waiters) resolve();
  }
}

const pipeManifest: DriverManifest = {
  name: 'pipefs',
  capabilities: { ...NO_CAPABILITIES, read: true, write: true, asynchronous: true },
};

function pipeOf(inode: Inode): Pipe {
  return inode.iPrivate as Pipe;
}

const pipeOperations = new FileOperations({
  read(_cur, file, { bytes: target, offset, length }) {
    const pipe = pipeOf(file.fInode);
    if (length === 0) return 0;
    if (pipe.used === 0) {
      if (pipe.writers === 0) return 0;
      return (file.fFlags & O_NONBLOCK) !== 0 ? -EAGAIN : pipe.wait(file.fInode.system);
    }
    const count = Math.min(length, pipe.used);
    for (let done = 0; done < count;) {
      const part = Math.min(count - done, pipe.ring.length - pipe.head);
      target.set(pipe.ring.subarray(pipe.head, pipe.head + part), offset + done);
      pipe.head = (pipe.head + part) % pipe.ring.length;
      done += part;
    }
    pipe.used -= count;
    pipe.wake();
    return count;
  },
  write(_cur, file, { bytes: source, offset, length }) {
    const pipe = pipeOf(file.fInode);
    if (length === 0) return 0;
    if (pipe.readers === 0) return -EPIPE;
    const room = pipe.ring.length - pipe.used;
    if (room === 0 || (length <= PIPE_BUF && room < length)) {
      return (file.fFlags & O_NONBLOCK) !== 0 ? -EAGAIN : pipe.wait(file.fInode.system);
    }
    const count = Math.min(length, room);
    for (let done = 0; done < count;) {
      const tail = (pipe.head + pipe.used) % pipe.ring.length;
      const part = Math.min(count - done, pipe.ring.length - tail);
      pipe.ring.set(source.subarray(offset + done, offset + done + part), tail);
      pipe.used += part;
      done += part;
    }
    pipe.wake();
    return count;
  },
  release(inode, file: File) {
    const pipe = pipeOf(inode);
    if (canRead(file)) pipe.readers--;
    if (canWrite(file)) pipe.writers--;
    pipe.wake();
  },
});

const pipeInodeOperations = new InodeOperations({});

/** Creates the filesystem of pipes. A machine needs one. */
export function pipefs(system: MmSystem, device?: { readonly major: number; readonly minor: number }): SuperBlock {
  return new SuperBlock(system, {
    manifest: pipeManifest,
    operations: { evictInode: () => undefined },
    device: device ?? { major: 0, minor: 8 },
  });
}

/**
 * create_pipe_files: creates the two ends, each with one reference.
 *
 * @param flags O_NONBLOCK, O_CLOEXEC, O_DIRECT
 */
export function createPipeFiles(sb: SuperBlock, flags: number): { readonly readEnd: File; readonly writeEnd: File } {
  const inode = newInode(sb, S_IFIFO | 0o600, pipeInodeOperations, pipeOperations);
  inode.iPrivate = new Pipe(PIPE_DEF_BUFFERS * sb.system.pageSize);
  const dentry = dAllocPseudo('', inode);
  dentry.dynamicName = `pipe:[${inode.ino}]`;
  const kept = flags & (O_NONBLOCK | O_DIRECT);
  const readEnd = allocFile(null, dentry, inode, O_RDONLY | kept, pipeOperations);
  const writeEnd = allocFile(null, dentry, inode, O_WRONLY | kept, pipeOperations);
  iput(inode);
  return { readEnd, writeEnd };
}

/**
 * pipe2(2): creates a pipe with two descriptors.
 *
 * @param sb the machine's {@link pipefs}
 * @param fds receives the read end and the write end
 * @returns 0, -EINVAL, -EMFILE
 */
export function doPipe2(cur: FileCaller, sb: SuperBlock, fds: [number, number], flags: number): number {
  if ((flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) !== 0) return -EINVAL;
  const { readEnd, writeEnd } = createPipeFiles(sb, flags);
  const cloexec = (flags & O_CLOEXEC) !== 0;
  const r = cur.files.install(readEnd, cur.rlimits.nofile, cloexec);
  if (r < 0) {
    writeEnd.fput();
    return r;
  }
  const w = cur.files.install(writeEnd, cur.rlimits.nofile, cloexec);
  if (w < 0) {
    cur.files.close(r);
    return w;
  }
  fds[0] = r;
  fds[1] = w;
  return 0;
}
