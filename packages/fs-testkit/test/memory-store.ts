// A store in memory, sparse, from which functions can be taken away and into which mistakes can be put.
import { EEXIST, ENOENT, ENOTEMPTY, S_IFDIR, S_IFLNK, S_ISDIR } from '@vmarea/uapi';
import type { Store, StoreEntry } from '@vmarea/vfs';

const BLOCK = 4096;
let keys = 0;

export class MemoryNode {
  readonly key = String(++keys);
  readonly blocks = new Map<number, Uint8Array>();
  readonly children = new Map<string, MemoryNode>();
  size = 0;
  nlink = 1;
  target = '';
  readonly mode: number;

  constructor(mode: number) {
    this.mode = mode;
  }

  entry(): StoreEntry<MemoryNode> {
    const { key, mode, size, nlink, target } = this;
    return { node: this, key, mode, size, nlink: S_ISDIR(mode) ? 2 : nlink, target };
  }
}

export function memoryStore(): Required<
  Omit<Store<MemoryNode>, 'open' | 'close' | 'forget' | 'foundAgain' | 'unmount'>
> {
  const add = (dir: MemoryNode, name: string, node: MemoryNode): StoreEntry<MemoryNode> | number => {
    if (dir.children.has(name)) return -EEXIST;
    dir.children.set(name, node);
    return node.entry();
  };
  const remove = (dir: MemoryNode, name: string): number => {
    const node = dir.children.get(name);
    if (node === undefined) return -ENOENT;
    if (node.children.size > 0) return -ENOTEMPTY;
    dir.children.delete(name);
    node.nlink--;
    return 0;
  };
  return {
    name: 'memory',
    root: new MemoryNode(S_IFDIR | 0o755),
    lookup: (dir, name) => dir.children.get(name)?.entry() ?? null,
    read(node, target, pos) {
      for (let i = 0; i < target.length; i++) {
        const at = pos + i;
        target[i] = node.blocks.get(Math.floor(at / BLOCK))?.[at % BLOCK] ?? 0;
      }
      return Math.min(target.length, node.size - pos);
    },
    write(node, source, pos) {
      for (let i = 0; i < source.length; i++) {
        const at = pos + i;
        const index = Math.floor(at / BLOCK);
        let block = node.blocks.get(index);
        if (block === undefined) node.blocks.set(index, (block = new Uint8Array(BLOCK)));
        block[at % BLOCK] = source[i]!;
      }
      node.size = Math.max(node.size, pos + source.length);
      return 0;
    },
    truncate(node, size) {
      for (const [index, block] of node.blocks) {
        if (index * BLOCK >= size) node.blocks.delete(index);
        else if (size < (index + 1) * BLOCK) block.fill(0, size - index * BLOCK);
      }
      node.size = size;
      return 0;
    },
    sync: () => 0,
    create: (dir, name, mode) => add(dir, name, new MemoryNode(mode)),
    mkdir: (dir, name, mode) => add(dir, name, new MemoryNode(mode)),
    symlink(dir, name, target) {
      const node = new MemoryNode(S_IFLNK | 0o777);
      node.target = target;
      return add(dir, name, node);
    },
    link(node, dir, name) {
      node.nlink++;
      dir.children.set(name, node);
      return 0;
    },
    unlink: remove,
    rmdir: remove,
    rename(node, oldDir, oldName, newDir, newName, replaced) {
      if (replaced !== null && replaced.children.size > 0) return -ENOTEMPTY;
      if (replaced !== null) replaced.nlink--;
      oldDir.children.delete(oldName);
      newDir.children.set(newName, node);
      return 0;
    },
  };
}
