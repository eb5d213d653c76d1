/**
 * Text files whose contents are generated when they are read, as in /proc. Mapping one fails with -EIO.
 *
 * The kernel package adds the files. Mirrors fs/proc/inode.c and fs/seq_file.c.
 */
import { EEXIST, EIO, ENOTDIR, ENOTTY, S_IFDIR, S_IFREG, S_ISDIR } from '@vmarea/uapi';
import { refuse, type Caller, type MmSystem } from '@vmarea/mm-core';
import type { Dentry } from '../names/dentry.ts';
import { FileOperations, InodeOperations } from '../files/operations.ts';
import type { File } from '../files/file.ts';
import { newInode, type Inode } from '../names/inode.ts';
import { addNode, killLitterSuper, simpleDirFileOperations, simpleFillSuper } from './libfs.ts';
import { PROC_NO_MMAP } from './reasons.ts';
import { NO_CAPABILITIES, SuperBlock, type DriverManifest, type SuperBlockInit } from '../names/super-block.ts';

/** The manifest of procfs. */
export const PROCFS_MANIFEST: DriverManifest = {
  name: 'proc',
  capabilities: { ...NO_CAPABILITIES, read: true },
};

/** A text file: generates its text, and handles writes. */
export interface ProcEntry {
  /** Returns the text; called again for each read from the start. */
  read(cur: Caller): string;
  /** Handles written text. Returns 0 or a negative errno. Without it the file is read-only. */
  write?: ((cur: Caller, text: string) => number) | undefined;
  /** Handles ioctls. Returns 0 or a negative errno; without it -ENOTTY. */
  ioctl?: ((cur: Caller, command: number, arg: unknown) => number) | undefined;
}

/** Encodes UTF-8 without a TextEncoder, which not every engine has. */
function encode(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const char of text) {
    const c = char.codePointAt(0)!;
    if (c < 0x80) bytes.push(c);
    else if (c < 0x800) bytes.push(0xc0 | (c >> 6), 0x80 | (c & 63));
    else if (c < 0x10000) bytes.push(0xe0 | (c >> 12), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63));
    else bytes.push(0xf0 | (c >> 18), 0x80 | ((c >> 12) & 63), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63));
  }
  return Uint8Array.from(bytes);
}

function textOf(cur: Caller, file: File): Uint8Array {
  return encode((file.fInode.iPrivate as ProcEntry).read(cur));
}

const textOperations = new FileOperations({
  read(cur, file, { bytes: target, offset, length }, pos) {
    const whole = pos === 0 || file.private_ === null ? textOf(cur, file) : (file.private_ as Uint8Array);
    file.private_ = whole;
    const part = whole.subarray(pos, pos + length);
    target.set(part, offset);
    return part.length;
  },
  write(cur, file, { bytes: source, offset, length }) {
    const entry = file.fInode.iPrivate as ProcEntry;
    if (entry.write === undefined) return -EIO;
    let text = '';
    for (let i = offset; i < offset + length; i++) text += String.fromCharCode(source[i]!);
    const error = entry.write(cur, text);
    return error < 0 ? error : length;
  },
  ioctl(cur, file, command, arg) {
    return (file.fInode.iPrivate as ProcEntry).ioctl?.(cur, command, arg) ?? -ENOTTY;
  },
  // procfs has an mmap operation for every file, which calls the entry's; text entries have none.
  mmap: (cur) => refuse(cur, PROC_NO_MMAP, -EIO),
});

const fileOps = new InodeOperations({ setattr: () => 0 });
const dirOps = new InodeOperations({});

/** Creates an empty /proc. Nothing on it can be executed. */
export function procfs(system: MmSystem, options: Omit<SuperBlockInit, 'manifest' | 'operations'> = {}): SuperBlock {
  const sb = new SuperBlock(system, {
    noexec: true,
    ...options,
    manifest: PROCFS_MANIFEST,
    operations: { evictInode: () => undefined, putSuper: killLitterSuper },
  });
  simpleFillSuper(sb, 0o555, dirOps);
  return sb;
}

/**
 * proc_mkdir and proc_create: adds a text file, and the missing directories of its path.
 *
 * @param path relative to the root of the filesystem, such as `sys/vm/overcommit_memory`
 * @returns 0, -EEXIST, or -ENOTDIR
 */
export function procCreate(sb: SuperBlock, path: string, entry: ProcEntry): number {
  const names = path.split('/').filter((name) => name !== '');
  const last = names.pop();
  if (last === undefined) return -EEXIST;
  let parent: Dentry = sb.root!;
  for (const name of names) {
    if ((parent.children?.get(name)?.dInode ?? null) === null) {
      const dir: Inode = newInode(sb, S_IFDIR | 0o555, dirOps, simpleDirFileOperations);
      addNode(parent, name, dir);
    }
    parent = parent.children!.get(name)!;
    if (!S_ISDIR(parent.dInode!.iMode)) return -ENOTDIR;
  }
  const inode = newInode(sb, S_IFREG | (entry.write === undefined ? 0o444 : 0o644), fileOps, textOperations);
  inode.iPrivate = entry;
  return addNode(parent, last, inode);
}
