/**
 * Shared memory without a name in any directory: shared anonymous mappings, and memfd_create.
 *
 * Mirrors __shmem_file_setup, shmem_zero_setup and memfd_create of mm/shmem.c and mm/memfd.c.
 */
import {
  EINVAL,
  ENOSPC,
  F_SEAL_SEAL,
  F_SEAL_EXEC,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_EXEC,
  MFD_NOEXEC_SEAL,
  MFD_HUGETLB,
  MFD_HUGE_MASK,
  MFD_HUGE_SHIFT,
  O_LARGEFILE,
  O_RDWR,
  S_IFREG,
} from '@vmarea/uapi';
import {
  HUGETLB_ANONHUGE_INODE,
  refuse,
  VM_NORESERVE,
  type Caller,
  type MmSystem,
  type SharedMemory,
  type Vma,
} from '@vmarea/mm-core';
import { allocFile, dAllocPseudo, iput, type File, type SealOperations, type SuperBlock } from '@vmarea/vfs';
import { SHMEM_COMMIT, SHMEM_INODES, SHMEM_SIZE } from './reasons.ts';
import { shmemFileOperations, shmemVmOps, shmemZeroVmOps } from './shmem-file.ts';
import { shmemAcctSize, shmemInfo, shmemUnacctSize } from './shmem-inode.ts';
import { ShmNamespace } from './sysv/namespace.ts';
import { shmemGetInode, shmemSuper } from './tmpfs.ts';

/** The options of {@link Shmem}. */
export interface ShmemOptions {
  /** Device number of the internal mount, as maps shows it; default 00:01. */
  readonly device?: { readonly major: number; readonly minor: number } | undefined;
}

/** NAME_MAX less «memfd:». */
const MFD_NAME_MAX_LEN = 249;

/** Shared memory of one machine. Set it in the system: `system.sharedMemory = shmem`. */
export class Shmem implements SharedMemory {
  readonly system: MmSystem;
  /** The internal mount. */
  readonly sb: SuperBlock;
  /** The segments of System V shared memory. */
  readonly sysv: ShmNamespace;

  constructor(system: MmSystem, options: ShmemOptions = {}) {
    this.system = system;
    this.sb = shmemSuper(
      system,
      { maxBlocks: Infinity, usedBlocks: 0, maxInodes: Infinity, usedInodes: 0 },
      { device: options.device ?? { major: 0, minor: 1 } },
    );
    this.sysv = new ShmNamespace(this);
  }

  /**
   * __shmem_file_setup: creates an unlinked file.
   *
   * @param size bytes
   * @param noreserve whether to charge page by page when pages are added, not the whole now
   * @returns the file with one reference, or -EINVAL, -ENOMEM, -ENOSPC
   */
  fileSetup(cur: Caller, name: string, size: number, noreserve: boolean): File | number {
    if (size < 0 || size > this.sb.maxBytes) return refuse(cur, SHMEM_SIZE, -EINVAL);
    const error = shmemAcctSize(cur, noreserve, size);
    if (error < 0) return refuse(cur, SHMEM_COMMIT, error);
    const inode = shmemGetInode(this.sb, S_IFREG | 0o777, noreserve, null);
    if (inode === null) {
      shmemUnacctSize(this.system, noreserve, size);
      return refuse(cur, SHMEM_INODES, -ENOSPC);
    }
    inode.iUid = cur.cred.uid;
    inode.iGid = cur.cred.gid;
    inode.iSize = size;
    inode.iNlink = 0;
    const file = allocFile(null, dAllocPseudo(name, inode), inode, O_RDWR | O_LARGEFILE, shmemFileOperations);
    iput(inode);
    return file;
  }

  /** shmem_zero_setup: gives a shared mapping without a file, or of /dev/zero, shared memory of its size. */
  zeroSetup(cur: Caller, vma: Vma): number {
    const noreserve = (vma.vmFlags & VM_NORESERVE) !== 0;
    const file = this.fileSetup(cur, 'dev/zero', vma.vmEnd - vma.vmStart, noreserve);
    if (typeof file === 'number') return file;
    // The kernel allows tags for MAP_ANONYMOUS and for files of shmem, not for a mapping of /dev/zero.
    vma.vmOps = vma.vmFile === null ? shmemVmOps : shmemZeroVmOps;
    if (vma.vmFile !== null) vma.vmFile.fput();
    vma.vmFile = file;
    return 0;
  }

  /**
   * memfd_create(2).
   *
   * @param name shown in maps as «/memfd:NAME (deleted)»
   * @param flags MFD_ flags; the caller that makes the descriptor handles MFD_CLOEXEC
   * @returns the file with one reference, or -EINVAL, -ENODEV, -ENOMEM, -ENOSPC, -EPERM
   */
  memfdCreate(cur: Caller, name: string, flags: number): File | number {
    const { profile, hugePages } = this.system;
    const huge = profile.files.memfdHugetlb && (flags & MFD_HUGETLB) !== 0;
    let known = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    if (profile.files.memfdHugetlb) known |= MFD_HUGETLB;
    if (profile.files.sealExec) known |= MFD_EXEC | MFD_NOEXEC_SEAL;
    if (huge) known |= MFD_HUGE_MASK << MFD_HUGE_SHIFT;
    if ((flags & known & MFD_EXEC) !== 0 && (flags & MFD_NOEXEC_SEAL) !== 0) return -EINVAL;
    if ((flags & ~known) !== 0 || name.length > MFD_NAME_MAX_LEN) return -EINVAL;
    let file: File | number;
    if (huge) {
      if (hugePages === null) return -EINVAL;
      const log = (flags >>> MFD_HUGE_SHIFT) & MFD_HUGE_MASK;
      const made = hugePages.fileSetup(cur, {
        name: `memfd:${name}`,
        size: 0,
        vmFlags: VM_NORESERVE,
        kind: HUGETLB_ANONHUGE_INODE,
        log,
      });
      if (typeof made === 'number') return made;
      // The driver of huge pages uses the same file layer, so its VmFile is a File.
      file = made as unknown as File;
    } else file = this.fileSetup(cur, `memfd:${name}`, 0, true);
    if (typeof file === 'number') return file;
    file.fFlags |= O_LARGEFILE;
    if ((flags & MFD_NOEXEC_SEAL) !== 0) {
      const sealable = file.fInode.iPrivate as SealOperations;
      file.fInode.iMode &= ~0o111;
      sealable.seals = (sealable.seals & ~F_SEAL_SEAL) | F_SEAL_EXEC;
    } else if ((flags & MFD_ALLOW_SEALING) !== 0) {
      const sealable = file.fInode.iPrivate as SealOperations;
      sealable.seals &= ~F_SEAL_SEAL;
    }
    return file;
  }

  /** The pages in use by all files without a name. */
  get usedPages(): number {
    return (this.sb.private_ as { usedBlocks: number }).usedBlocks;
  }
}

/** shmem_mapping: returns whether a file is shared memory. */
export function isShmemFile(file: File): boolean {
  return file.fOp === shmemFileOperations;
}

export { shmemInfo };
