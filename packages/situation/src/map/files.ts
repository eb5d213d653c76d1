/**
 * The files of a map: inodes with the device and inode numbers of its lines, with zeroes as contents.
 *
 * Not here: names that can be opened. A replay that meets an open of such a path takes the inode from its file.
 */
import type { MmSystem } from '@vmarea/mm-core';
import { AddressSpaceOperations } from '@vmarea/mm-core/memory';
import { S_IFREG } from '@vmarea/uapi';
import {
  allocFile,
  attachPageCache,
  Dentry,
  evictPages,
  FileOperations,
  genericFileMmap,
  genericFileRead,
  genericFileWrite,
  Inode,
  InodeOperations,
  iput,
  RAMFS_MANIFEST,
  SuperBlock,
  type File,
} from '@vmarea/vfs';
import type { SituationMapLine } from '../situation.ts';

const pages = new AddressSpaceOperations({ zeroFill: true });
const inodeOperations = new InodeOperations({});
const fileOperations = new FileOperations({ read: genericFileRead, write: genericFileWrite, mmap: genericFileMmap });

/** Opens the files of one map. */
export class MapFiles {
  readonly #system: MmSystem;
  readonly #onEvict: ((inode: Inode) => void) | undefined;
  readonly #devices = new Map<string, SuperBlock>();
  readonly #known = new Map<string, { readonly inode: Inode; readonly dentry: Dentry }>();

  /** @param onEvict receives the inode of a file after its last mapping and descriptor were removed */
  constructor(system: MmSystem, onEvict?: (inode: Inode) => void) {
    this.#system = system;
    this.#onEvict = onEvict;
  }

  /** Returns whether a file belongs to a map, so that its device and inode numbers are the real ones. */
  owns(file: File): boolean {
    return [...this.#devices.values()].includes(file.fInode.iSb);
  }

  #device(major: number, minor: number): SuperBlock {
    const key = `${major}:${minor}`;
    let device = this.#devices.get(key);
    if (device === undefined) {
      device = new SuperBlock(this.#system, {
        manifest: RAMFS_MANIFEST,
        operations: {
          evictInode: (inode) => {
            evictPages(inode);
            this.#known.delete(inode.iPrivate as string);
            this.#onEvict?.(inode);
          },
        },
        device: { major, minor },
      });
      this.#devices.set(key, device);
    }
    return device;
  }

  /**
   * Opens the file of a line, for reading and writing; equal device, inode and name give the same file.
   *
   * @returns an open file with one reference
   */
  open(line: SituationMapLine): File {
    const key = `${line.major}:${line.minor}:${line.inode}:${line.name}`;
    const end = line.offset + line.end - line.start;
    const known = this.#known.get(key);
    if (known !== undefined) {
      if (known.inode.iSize < end) known.inode.iSize = end;
      return allocFile(null, known.dentry, known.inode, 2, fileOperations);
    }
    const device = this.#device(line.major, line.minor);
    const inode = new Inode(device, line.inode, S_IFREG | 0o755, inodeOperations, fileOperations);
    attachPageCache(inode, pages);
    inode.iSize = end;
    inode.iPrivate = key;
    const dentry = new Dentry(line.name, null, inode);
    dentry.dynamicName = line.name;
    this.#known.set(key, { inode, dentry });
    const file = allocFile(null, dentry, inode, 2, fileOperations);
    // The open file has a reference to the inode; no name has one.
    iput(inode);
    return file;
  }
}
