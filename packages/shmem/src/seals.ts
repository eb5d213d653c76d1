/**
 * File seals: adds seals for F_ADD_SEALS, and checks them at mmap.
 *
 * Mirrors shmem_add_seals in mm/shmem.c, and memfd_add_seals of later versions.
 */
import {
  EINVAL,
  EPERM,
  F_SEAL_EXEC,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
} from '@vmarea/uapi';
import { mappingDenyWritable, VM_MAYWRITE, VM_SHARED, VM_WRITE, type Vma } from '@vmarea/mm-core';
import { canWrite, type File } from '@vmarea/vfs';
import type { ShmemInode } from './shmem-inode.ts';

const CLASSIC_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

/**
 * F_ADD_SEALS.
 *
 * @returns 0; -EPERM without write access or once sealed with F_SEAL_SEAL; -EINVAL for unknown seals; -EBUSY for
 *   F_SEAL_WRITE while a shared mapping could write
 */
export function addSeals(info: ShmemInode, file: File, asked: number): number {
  let seals = asked;
  if (!canWrite(file)) return -EPERM;
  const { files } = info.inode.system.profile;
  const known = CLASSIC_SEALS | (files.sealFutureWrite ? F_SEAL_FUTURE_WRITE : 0) | (files.sealExec ? F_SEAL_EXEC : 0);
  if ((seals & ~known) !== 0) return -EINVAL;
  if ((info.seals & F_SEAL_SEAL) !== 0) return -EPERM;
  // A file that can be executed gets the seals against changes, too.
  if ((seals & F_SEAL_EXEC) !== 0 && (file.fInode.iMode & 0o111) !== 0) {
    seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
  }
  if ((seals & F_SEAL_WRITE) !== 0 && (info.seals & F_SEAL_WRITE) === 0) {
    const error = mappingDenyWritable(file.fMapping);
    if (error < 0) return error;
  }
  info.seals |= seals;
  return 0;
}

/** The seals that forbid write(2) and punching holes. */
export const SEALS_AGAINST_WRITE: number = F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;

/**
 * seal_check_write: applies seals to a new mapping: refuses a shared writable one, and clears VM_MAYWRITE of other shared ones.
 *
 * On 4.4 mmap refuses every VM_SHARED mapping of a write-sealed file before it calls the driver.
 *
 * @returns 0 (VM_MAYWRITE may be cleared) or -EPERM
 */
export function sealCheckMmap(seals: number, vma: Vma): number {
  if ((seals & SEALS_AGAINST_WRITE) === 0 || (vma.vmFlags & VM_SHARED) === 0) return 0;
  if ((vma.vmFlags & VM_WRITE) !== 0) return -EPERM;
  vma.vmFlags &= ~VM_MAYWRITE;
  return 0;
}
