/**
 * Permission checks of an inode: permission bits, owner, and the capabilities that override them.
 *
 * Not here: ACLs, security modules, supplementary groups. Mirrors generic_permission in fs/namei.c.
 */
import {
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  CAP_FOWNER,
  EACCES,
  EPERM,
  EROFS,
  S_ISDIR,
  S_ISLNK,
  S_ISREG,
} from '@vmarea/uapi';
import { hasCapability, type Credentials } from '@vmarea/mm-core';
import { S_IMMUTABLE, type Inode } from './inode.ts';
import type { Mount } from './mount.ts';

export const MAY_EXEC = 1;
export const MAY_WRITE = 2;
export const MAY_READ = 4;

/**
 * inode_permission.
 *
 * @param mask MAY_ bits
 * @returns 0, -EACCES, -EROFS (read-only filesystem or mount), -EPERM (immutable)
 */
export function inodePermission(cred: Credentials, mnt: Mount | null, inode: Inode, mask: number): number {
  if ((mask & MAY_WRITE) !== 0) {
    const readOnly = inode.iSb.readOnly || (mnt?.readOnly ?? false);
    if (readOnly && (S_ISREG(inode.iMode) || S_ISDIR(inode.iMode) || S_ISLNK(inode.iMode))) return -EROFS;
    if ((inode.iFlags & S_IMMUTABLE) !== 0) return -EPERM;
  }
  return genericPermission(cred, inode, mask);
}

function genericPermission(cred: Credentials, inode: Inode, mask: number): number {
  let bits = inode.iMode & 7;
  if (cred.uid === inode.iUid) bits = (inode.iMode >> 6) & 7;
  else if (cred.gid === inode.iGid) bits = (inode.iMode >> 3) & 7;
  if ((mask & ~bits) === 0) return 0;
  if (S_ISDIR(inode.iMode)) {
    if (hasCapability(cred, CAP_DAC_OVERRIDE)) return 0;
    if ((mask & MAY_WRITE) === 0 && hasCapability(cred, CAP_DAC_READ_SEARCH)) return 0;
    return -EACCES;
  }
  // Execution needs at least one execute bit, also for root.
  if (((mask & MAY_EXEC) === 0 || (inode.iMode & 0o111) !== 0) && hasCapability(cred, CAP_DAC_OVERRIDE)) return 0;
  if (mask === MAY_READ && hasCapability(cred, CAP_DAC_READ_SEARCH)) return 0;
  return -EACCES;
}

/** inode_owner_or_capable. */
export function ownerOrCapable(cred: Credentials, inode: Inode): boolean {
  return cred.uid === inode.iUid || hasCapability(cred, CAP_FOWNER);
}
