/**
 * shmctl with a pointer: copies its structures from and to user memory. Both architectures have the generic layouts.
 *
 * Mirrors include/uapi/asm-generic/{ipcbuf,shmbuf}.h and the copy functions of ipc/shm.c.
 */
import { RETRY } from '@vmarea/mm-core';
import {
  IPC_INFO,
  IPC_RMID,
  IPC_SET,
  newShmidDs,
  SHM_INFO,
  SHM_LOCK,
  SHM_UNLOCK,
  type ShmidDs,
  type ShmLimitsInfo,
  type ShmUsageInfo,
} from '@vmarea/uapi';
import type { Task } from '../task/task.ts';
import { getUser, int, reg, storeResult } from './arguments.ts';
import type { Register } from './mm.ts';

/** The sizes of struct shmid64_ds, shminfo64 and shm_info, in bytes. */
const SHMID_DS_BYTES = 112;
const SHMINFO_BYTES = 72;
const SHM_INFO_BYTES = 48;

/** The offsets of the 32-bit fields of struct shmid64_ds, and of its 64-bit ones. */
const WORDS: readonly (readonly [field: keyof ShmidDs, offset: number])[] = [
  ['key', 0],
  ['uid', 4],
  ['gid', 8],
  ['cuid', 12],
  ['cgid', 16],
  ['mode', 20],
  ['cpid', 80],
  ['lpid', 84],
];
const SEQ_OFFSET = 24;
const LONGS: readonly (readonly [field: keyof ShmidDs, offset: number])[] = [
  ['segsz', 48],
  ['atime', 56],
  ['dtime', 64],
  ['ctime', 72],
  ['nattch', 88],
];

/** A zeroed structure in the form of user memory. */
interface Image {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

function image(size: number): Image {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer) };
}

function shmidBytes(ds: ShmidDs): Uint8Array {
  const { bytes, view } = image(SHMID_DS_BYTES);
  for (const [field, offset] of WORDS) view.setUint32(offset, ds[field], true);
  view.setUint16(SEQ_OFFSET, ds.seq, true);
  for (const [field, offset] of LONGS) view.setBigUint64(offset, BigInt(ds[field]), true);
  return bytes;
}

function limitsBytes(info: ShmLimitsInfo): Uint8Array {
  const { bytes, view } = image(SHMINFO_BYTES);
  const fields = [info.shmmax, info.shmmin, info.shmmni, info.shmseg, info.shmall];
  fields.forEach((value, i) => view.setBigUint64(i * 8, BigInt(value), true));
  return bytes;
}

function usageBytes(info: ShmUsageInfo): Uint8Array {
  const { bytes, view } = image(SHM_INFO_BYTES);
  view.setInt32(0, info.usedIds, true);
  [info.tot, info.rss, info.swp].forEach((value, i) => view.setBigUint64(8 + i * 8, BigInt(value), true));
  return bytes;
}

/** Copies a structure to the program. Returns the call's result, -EFAULT or RETRY. */
function deliver(task: Task, pointer: Register, result: number, bytes: () => Uint8Array): number {
  return result < 0 ? result : storeResult(task, reg(pointer), bytes(), result);
}

/** shmctl(2) with registers: the identifier, the command, the pointer. */
export function shmctlByPointer(task: Task, args: readonly Register[]): number {
  const [id, cmd] = [int(args[0]), int(args[1])];
  const pointer = args[2] ?? 0;
  switch (cmd) {
    case IPC_INFO: {
      const info: ShmLimitsInfo = { shmmax: 0n, shmmin: 0, shmmni: 0, shmseg: 0, shmall: 0n };
      return deliver(task, pointer, task.sys.shmctl(id, cmd, info), () => limitsBytes(info));
    }
    case SHM_INFO: {
      const info: ShmUsageInfo = { usedIds: 0, tot: 0, rss: 0, swp: 0 };
      return deliver(task, pointer, task.sys.shmctl(id, cmd, info), () => usageBytes(info));
    }
    case IPC_SET:
      return setByPointer(task, id, pointer);
    case IPC_RMID:
    case SHM_LOCK:
    case SHM_UNLOCK:
      return task.sys.shmctl(id, cmd);
    default: {
      const ds = newShmidDs();
      return deliver(task, pointer, task.sys.shmctl(id, cmd, ds), () => shmidBytes(ds));
    }
  }
}

function setByPointer(task: Task, id: number, pointer: Register): number {
  // Without a buffer, shmctl makes only the checks that come before the structure is read.
  if (id < 0) return task.sys.shmctl(id, IPC_SET);
  const { bytes, view } = image(SHMID_DS_BYTES);
  const error = getUser(task, reg(pointer), bytes);
  if (error === RETRY) return RETRY;
  if (error !== 0) return task.sys.shmctl(id, IPC_SET, null);
  const ds = newShmidDs();
  ds.uid = view.getUint32(4, true);
  ds.gid = view.getUint32(8, true);
  ds.mode = view.getUint32(20, true);
  return task.sys.shmctl(id, IPC_SET, ds);
}
