/**
 * struct mount and the tree of mounts.
 *
 * Not here: propagation, bind mounts of subtrees, mount namespaces per task. Mirrors fs/namespace.c.
 */
import { EBUSY, EEXIST, EINVAL, ENOENT, ENOTDIR, S_ISDIR } from '@vmarea/uapi';
import { rootCredentials, type MmSystem } from '@vmarea/mm-core';
import { Dentry } from './dentry.ts';
import type { SuperBlock } from './super-block.ts';

/** The options of a mount. */
export interface MountOptions {
  /** MNT_NOEXEC. */
  readonly noexec?: boolean | undefined;
  readonly readOnly?: boolean | undefined;
  readonly nodev?: boolean | undefined;
  readonly nosuid?: boolean | undefined;
}

/** A filesystem attached to a directory. */
export class Mount {
  readonly sb: SuperBlock;
  readonly root: Dentry;
  parent: Mount | null = null;
  mountpoint: Dentry | null = null;
  noexec: boolean;
  readOnly: boolean;
  nodev: boolean;
  nosuid: boolean;
  /** The number of open files and working directories on it. */
  count = 0;

  constructor(sb: SuperBlock, options: MountOptions) {
    if (sb.root === null) throw new TypeError(`Mount: the ${sb.manifest.name} driver has made no root directory`);
    this.sb = sb;
    this.root = sb.root;
    this.noexec = options.noexec ?? false;
    this.readOnly = options.readOnly ?? false;
    this.nodev = options.nodev ?? false;
    this.nosuid = options.nosuid ?? false;
    sb.active++;
  }
}

/** struct path: a dentry and its mount. */
export interface Path {
  readonly mnt: Mount;
  readonly dentry: Dentry;
}

/** path_noexec: returns whether the mount or the filesystem forbids execution. */
export function pathNoexec(mnt: Mount | null, sb: SuperBlock): boolean {
  return sb.noexec || (mnt?.noexec ?? false);
}

/** The tree of mounts. */
export class MountTree {
  readonly system: MmSystem;
  readonly root: Mount;
  private readonly all: Mount[] = [];
  private nextMinor: number;

  /**
   * @param rootSb the filesystem at «/»
   * @param firstMinor the minor number (major 0) of the first mounted filesystem without a device number
   */
  constructor(rootSb: SuperBlock, options: MountOptions = {}, firstMinor = 2) {
    this.system = rootSb.system;
    this.nextMinor = firstMinor;
    this.assignDevice(rootSb);
    this.root = new Mount(rootSb, options);
    this.all.push(this.root);
  }

  /** get_anon_bdev: assigns a device number to a filesystem that has none. */
  assignDevice(sb: SuperBlock): void {
    if (sb.devAssigned) return;
    sb.devAssigned = true;
    sb.devMinor = this.nextMinor++;
  }

  get rootPath(): Path {
    return { mnt: this.root, dentry: this.root.root };
  }

  /** Returns every mount, in the order of mounting. */
  mounts(): readonly Mount[] {
    return this.all;
  }

  /**
   * Mounts a filesystem; creates missing directories of the path.
   *
   * @param path absolute, without symbolic links
   * @returns the mount, or -ENOTDIR, -EINVAL, or the errno of creating a directory
   */
  mount(path: string, sb: SuperBlock, options: MountOptions = {}): Mount | number {
    if (!path.startsWith('/')) return -EINVAL;
    let mnt = this.root;
    let dentry = this.root.root;
    for (const name of path.split('/')) {
      if (name === '' || name === '.') continue;
      let child = dentry.children?.get(name) ?? null;
      if (child?.dInode == null) {
        const error = makeDirectory(dentry, name);
        if (error < 0 && error !== -EEXIST) return error;
        child = dentry.children?.get(name) ?? null;
        if (child?.dInode == null) return -ENOENT;
      }
      if (!S_ISDIR(child.dInode.iMode)) return -ENOTDIR;
      dentry = child;
      const top = topMount(mnt, dentry);
      if (top !== null) {
        mnt = top;
        dentry = top.root;
      }
    }
    this.assignDevice(sb);
    const made = new Mount(sb, options);
    made.parent = mnt;
    made.mountpoint = dentry;
    (dentry.mounts ??= []).push(made);
    this.all.push(made);
    return made;
  }

  /** Unmounts. Returns 0, -EBUSY while files are open on it or a mount is below it, -EINVAL for the root. */
  umount(mnt: Mount): number {
    if (mnt.parent === null || mnt.mountpoint === null) return -EINVAL;
    if (mnt.count > 0 || this.all.some((other) => other.parent === mnt)) return -EBUSY;
    const list = mnt.mountpoint.mounts!;
    list.splice(list.indexOf(mnt), 1);
    this.all.splice(this.all.indexOf(mnt), 1);
    if (--mnt.sb.active === 0) mnt.sb.sOp.putSuper?.(mnt.sb);
    return 0;
  }
}

/** Returns the mount on a directory, the topmost of several, or null. */
export function topMount(mnt: Mount, dentry: Dentry): Mount | null {
  if (dentry.mounts === null) return null;
  let found: Mount | null = null;
  for (const m of dentry.mounts) if (m.parent === mnt) found = m;
  if (found === null) return null;
  return topMount(found, found.root) ?? found;
}

function makeDirectory(parent: Dentry, name: string): number {
  const dir = parent.dInode;
  if (dir === null) return -ENOENT;
  const dentry = new Dentry(name, parent, null);
  if (dir.iOp.lookup !== null) {
    const error = dir.iOp.lookup(dir, dentry);
    if (error < 0) return error;
    if (dentry.dInode !== null) return -EEXIST;
  }
  if (dir.iOp.mkdir === null) return -ENOENT;
  return dir.iOp.mkdir(rootCredentials(), dir, dentry, 0o755);
}
