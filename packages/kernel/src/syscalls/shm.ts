/**
 * The system calls about System V shared memory. The driver of shared memory has the segments.
 *
 * Mirrors the SYSCALL_DEFINEs of ipc/shm.c.
 */
import { finishPopulate, isErr, refuse, RETRY } from '@vmarea/mm-core';
import { ENOSYS, type ShmidDs, type ShmLimitsInfo, type ShmUsageInfo } from '@vmarea/uapi';
import type { SysvSharedMemory } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import type { Register } from './mm.ts';
import { SYSV_NO_DRIVER } from './reasons.ts';

/** The object that a command of shmctl fills, or (IPC_SET) reads: ShmidDs, for IPC_INFO and SHM_INFO the two others. */
export type ShmctlBuffer = ShmidDs | ShmLimitsInfo | ShmUsageInfo;

/** Returns the segments of the task's machine; null in a kernel without. */
function sysvOf(task: Task): SysvSharedMemory | null {
  return task.kernel.sharedMemory?.sysv ?? null;
}

function missing(task: Task): number {
  return refuse(task.cur, SYSV_NO_DRIVER, -ENOSYS);
}

/** Populates the range that shmat has stored (mlockall). Errors of it are not the call's. */
function populated(task: Task, result: number): number {
  const { cur } = task;
  if (cur.call.populateLen === 0 || finishPopulate(cur) !== RETRY) return result;
  cur.call.resume = () => populated(task, result);
  return RETRY;
}

/** The calls about System V shared memory. */
export class ShmCalls {
  /** The task that makes the calls. */
  private readonly task: Task;

  constructor(task: Task) {
    this.task = task;
  }

  /**
   * shmget(2): returns the identifier of the segment with a key, or of a new one.
   *
   * @param key IPC_PRIVATE (0) always creates a segment
   * @param size bytes
   * @param flags IPC_CREAT, IPC_EXCL, SHM_HUGETLB, SHM_NORESERVE and permission bits
   */
  shmget(key: number, size: Register, flags: number): number {
    return sysvOf(this.task)?.shmget(this.task.cur, key | 0, size, flags | 0) ?? missing(this.task);
  }

  /**
   * shmat(2): maps a segment.
   *
   * @param addr 0: the kernel chooses
   * @param flags SHM_RDONLY, SHM_RND, SHM_REMAP, SHM_EXEC
   * @returns the address, or a negative errno
   */
  shmat(id: number, addr: Register, flags: number): number {
    const sysv = sysvOf(this.task);
    if (sysv === null) return missing(this.task);
    const result = sysv.shmat(this.task.cur, id | 0, addr, flags | 0);
    return isErr(result) ? result : populated(this.task, result);
  }

  /** shmdt(2): unmaps the segment that was attached at an address. */
  shmdt(addr: Register): number {
    return sysvOf(this.task)?.shmdt(this.task.cur, addr) ?? missing(this.task);
  }

  /**
   * shmctl(2).
   *
   * @param buffer the structure of the command; null where there is none
   * @returns 0, or what the command returns; a negative errno
   */
  shmctl(id: number, cmd: number, buffer: ShmctlBuffer | null = null): number {
    return sysvOf(this.task)?.shmctl(this.task.cur, id | 0, cmd | 0, buffer) ?? missing(this.task);
  }
}
