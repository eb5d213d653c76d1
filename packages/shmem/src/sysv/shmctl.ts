/**
 * shmctl: reads, changes, locks and removes segments.
 *
 * Mirrors ksys_shmctl of ipc/shm.c.
 */
import { hasCapability, refuse, type Caller } from '@vmarea/mm-core';
import {
  CAP_IPC_LOCK,
  CAP_SYS_ADMIN,
  EACCES,
  EFAULT,
  EINVAL,
  ENOMEM,
  EPERM,
  IPC_INFO,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  SHM_INFO,
  SHM_LOCK,
  SHM_LOCKED,
  SHM_STAT,
  SHM_STAT_ANY,
  SHM_UNLOCK,
  SHMMIN,
  type ShmidDs,
  type ShmLimitsInfo,
  type ShmUsageInfo,
} from '@vmarea/uapi';
import { userShmLock, userShmUnlock } from './lock.ts';
import type { ShmNamespace } from './namespace.ts';
import { isObjectLocked, setObjectLock } from './object-lock.ts';
import {
  SHM_ACCESS,
  SHM_NO_SEGMENT,
  SHMCTL_BAD_COMMAND,
  SHMCTL_BAD_OWNER,
  SHMCTL_LOCK_LIMIT,
  SHMCTL_LOCK_LIMIT_ZERO,
  SHMCTL_LOCK_NOT_OWNER,
  SHMCTL_NO_BUFFER,
  SHMCTL_NOT_OWNER,
} from './reasons.ts';
import type { Segment } from './segment.ts';

/** The objects that shmctl fills, or with IPC_SET reads. */
export type ShmctlBuffer = ShmidDs | ShmLimitsInfo | ShmUsageInfo;

const PERMISSIONS = 0o777;
const READ_ACCESS = 0o444;
/** (uid_t) -1, which is no user and no group. */
const NOBODY = 0xffffffff;

/** shmctl_stat: fills the buffer with what is known of a segment. */
function shmctlStat(ns: ShmNamespace, cur: Caller, id: number, cmd: number, ds: ShmidDs | null): number {
  const found = cmd === IPC_STAT ? ns.obtain(cur, id) : (ns.segmentOf(id) ?? refuse(cur, SHM_NO_SEGMENT, -EINVAL));
  if (typeof found === 'number') return found;
  if (cmd !== SHM_STAT_ANY && !found.permits(cur, READ_ACCESS)) return refuse(cur, SHM_ACCESS, -EACCES);
  if (ds !== null) found.copyTo(ds);
  return cmd === IPC_STAT ? 0 : found.id;
}

/** shmctl_down: IPC_SET with a buffer, IPC_RMID without. */
function shmctlDown(ns: ShmNamespace, cur: Caller, id: number, ds: ShmidDs | null): number {
  const segment = ns.obtain(cur, id);
  if (typeof segment === 'number') return segment;
  if (!segment.isOwnedBy(cur) && !hasCapability(cur.cred, CAP_SYS_ADMIN)) return refuse(cur, SHMCTL_NOT_OWNER, -EPERM);
  if (ds === null) {
    ns.remove(segment);
    return 0;
  }
  const [uid, gid] = [ds.uid >>> 0, ds.gid >>> 0];
  if (uid === NOBODY || gid === NOBODY) return refuse(cur, SHMCTL_BAD_OWNER, -EINVAL);
  segment.uid = uid;
  segment.gid = gid;
  segment.mode = (segment.mode & ~PERMISSIONS) | (ds.mode & PERMISSIONS);
  segment.ctime = ns.now();
  return 0;
}

/** shmctl_do_lock. A segment of huge pages is always in memory: nothing changes. */
function shmctlLock(ns: ShmNamespace, cur: Caller, id: number, cmd: number): number {
  const segment = ns.obtain(cur, id);
  if (typeof segment === 'number') return segment;
  if (!hasCapability(cur.cred, CAP_IPC_LOCK)) {
    if (!segment.isOwnedBy(cur)) return refuse(cur, SHMCTL_LOCK_NOT_OWNER, -EPERM);
    if (cmd === SHM_LOCK && cur.rlimits.memlock === 0) return refuse(cur, SHMCTL_LOCK_LIMIT_ZERO, -EPERM);
  }
  if (segment.file.hugePageSize !== 0) return 0;
  return cmd === SHM_LOCK ? lockSegment(cur, segment) : unlockSegment(ns, segment);
}

function lockSegment(cur: Caller, segment: Segment): number {
  if (isObjectLocked(segment)) return 0;
  const locked = userShmLock(cur, segment.size);
  if (locked === null) return refuse(cur, SHMCTL_LOCK_LIMIT, -ENOMEM);
  setObjectLock(segment, true);
  segment.mode |= SHM_LOCKED;
  segment.locked = locked;
  return 0;
}

function unlockSegment(ns: ShmNamespace, segment: Segment): number {
  if ((segment.mode & SHM_LOCKED) === 0) return 0;
  setObjectLock(segment, false);
  segment.mode &= ~SHM_LOCKED;
  if (segment.locked !== null) userShmUnlock(ns.system, segment.locked);
  segment.locked = null;
  return 0;
}

/** IPC_INFO: fills the buffer with the limits. */
function shmctlLimits(ns: ShmNamespace, info: ShmLimitsInfo | null): number {
  const { max, all, mni } = ns.limits;
  if (info !== null) Object.assign(info, { shmmax: max, shmmin: SHMMIN, shmmni: mni, shmseg: mni, shmall: all });
  return Math.max(ns.maxIndex, 0);
}

/** SHM_INFO: fills the buffer with the use of memory. */
function shmctlUsage(ns: ShmNamespace, info: ShmUsageInfo | null): number {
  const blocksPerPage = ns.system.pageSize / 512;
  let rss = 0;
  for (const segment of ns.segments()) rss += segment.file.fInode.iBlocks / blocksPerPage;
  if (info !== null) Object.assign(info, { usedIds: ns.inUse, tot: ns.totalPages, rss, swp: 0 });
  return Math.max(ns.maxIndex, 0);
}

/**
 * shmctl(2).
 *
 * @param id an identifier; for SHM_STAT and SHM_STAT_ANY an index
 * @param cmd IPC_RMID, IPC_SET, IPC_STAT, IPC_INFO, SHM_LOCK, SHM_UNLOCK, SHM_STAT, SHM_STAT_ANY, SHM_INFO
 * @param buffer the object of the command; null: its contents are not wanted
 * @returns 0; SHM_STAT: the identifier; IPC_INFO and SHM_INFO: the largest index in use; or -EACCES, -EFAULT, -EINVAL,
 *   -EIDRM, -ENOMEM, -EPERM
 */
export function doShmctl(ns: ShmNamespace, cur: Caller, id: number, cmd: number, buffer: ShmctlBuffer | null): number {
  cur.call.reason = 0;
  if (cmd < 0 || id < 0) return refuse(cur, SHMCTL_BAD_COMMAND, -EINVAL);
  const any = ns.system.profile.ipc.statAny;
  switch (cmd) {
    case IPC_INFO:
      return shmctlLimits(ns, buffer as ShmLimitsInfo | null);
    case SHM_INFO:
      return shmctlUsage(ns, buffer as ShmUsageInfo | null);
    case IPC_STAT:
    case SHM_STAT:
      return shmctlStat(ns, cur, id, cmd, buffer as ShmidDs | null);
    case SHM_STAT_ANY:
      if (any) return shmctlStat(ns, cur, id, cmd, buffer as ShmidDs | null);
      break;
    case IPC_SET:
      if (buffer === null) return refuse(cur, SHMCTL_NO_BUFFER, -EFAULT);
      return shmctlDown(ns, cur, id, buffer as ShmidDs);
    case IPC_RMID:
      return shmctlDown(ns, cur, id, null);
    case SHM_LOCK:
    case SHM_UNLOCK:
      return shmctlLock(ns, cur, id, cmd);
  }
  return refuse(cur, SHMCTL_BAD_COMMAND, -EINVAL);
}
