/**
 * ioctl(2) by number: the structure behind the pointer is read from user memory, and what the call stores is written back.
 *
 * Commands of other drivers get the register as it is.
 */
import { RETRY } from '@vmarea/mm-core';
import {
  UFFDIO_API,
  UFFDIO_CONTINUE,
  UFFDIO_COPY,
  UFFDIO_MOVE,
  UFFDIO_POISON,
  UFFDIO_REGISTER,
  UFFDIO_UNREGISTER,
  UFFDIO_WAKE,
  UFFDIO_WRITEPROTECT,
  UFFDIO_ZEROPAGE,
} from '@vmarea/uapi';
import type { Task } from '../task/task.ts';
import { getUser, storeResult } from './arguments.ts';
import { FS_IOC_GETFLAGS, FS_IOC_SETFLAGS } from './file.ts';
import { userfaultfdOf } from './userfaultfd.ts';

/** The 64-bit fields of userfaultfd's structures in order, and how many of them the call stores: the last ones. */
interface Layout {
  readonly fields: readonly string[];
  readonly stores: number;
}

const RANGE: readonly string[] = ['start', 'len'];

const LAYOUTS: ReadonlyMap<number, Layout> = new Map<number, Layout>([
  [UFFDIO_API, { fields: ['api', 'features', 'ioctls'], stores: 3 }],
  [UFFDIO_REGISTER, { fields: [...RANGE, 'mode', 'ioctls'], stores: 1 }],
  [UFFDIO_UNREGISTER, { fields: RANGE, stores: 0 }],
  [UFFDIO_WAKE, { fields: RANGE, stores: 0 }],
  [UFFDIO_COPY, { fields: ['dst', 'src', 'len', 'mode', 'copy'], stores: 1 }],
  [UFFDIO_ZEROPAGE, { fields: [...RANGE, 'mode', 'zeropage'], stores: 1 }],
  [UFFDIO_MOVE, { fields: ['dst', 'src', 'len', 'mode', 'move'], stores: 1 }],
  [UFFDIO_WRITEPROTECT, { fields: [...RANGE, 'mode'], stores: 0 }],
  [UFFDIO_CONTINUE, { fields: [...RANGE, 'mode', 'mapped'], stores: 1 }],
  [UFFDIO_POISON, { fields: [...RANGE, 'mode', 'updated'], stores: 1 }],
]);

/** An ioctl of a userfaultfd. */
function userfaultfdIoctl(task: Task, fd: number, command: number, address: number): number {
  const { fields, stores } = LAYOUTS.get(command)!;
  const bytes = new Uint8Array(8 * fields.length);
  const view = new DataView(bytes.buffer);
  const error = getUser(task, address, bytes);
  if (error !== 0) return error;
  const request: Record<string, number | bigint> = {};
  fields.forEach((field, i) => (request[field] = view.getBigUint64(8 * i, true)));
  const result = task.sys.ioctl(fd, command, request);
  if (result === RETRY || stores === 0) return result;
  fields.forEach((field, i) => view.setBigUint64(8 * i, BigInt.asUintN(64, BigInt(request[field]!)), true));
  // What was done stays done when the result cannot be stored.
  const from = 8 * (fields.length - stores);
  return storeResult(task, address + from, bytes.subarray(from), result);
}

/** FS_IOC_GETFLAGS and FS_IOC_SETFLAGS: the flags are an int in user memory. */
function flagsIoctl(task: Task, fd: number, command: number, address: number): number {
  const bytes = new Uint8Array(4);
  const view = new DataView(bytes.buffer);
  if (command === FS_IOC_SETFLAGS)
    return getUser(task, address, bytes) || task.sys.ioctl(fd, command, view.getInt32(0, true));
  const flags = task.sys.ioctl(fd, command);
  if (flags < 0) return flags;
  view.setInt32(0, flags, true);
  return storeResult(task, address, bytes);
}

/**
 * ioctl(2).
 *
 * @param command the low 32 bits
 * @param argument the third register: for most commands a user address
 * @returns the driver's result; -EBADF, -ENOTTY, -EFAULT; RETRY
 */
export function ioctlByNumber(task: Task, fd: number, command: number, argument: number): number {
  if (command === FS_IOC_GETFLAGS || command === FS_IOC_SETFLAGS) return flagsIoctl(task, fd, command, argument);
  const file = task.cur.files.fget(fd);
  if (file === null || userfaultfdOf(file) === null) return task.sys.ioctl(fd, command, argument);
  return LAYOUTS.has(command)
    ? userfaultfdIoctl(task, fd, command, argument)
    : task.sys.ioctl(fd, command, { start: 0, len: 0 });
}
