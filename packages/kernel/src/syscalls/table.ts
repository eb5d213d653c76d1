/**
 * System calls by number with registers, as an emulator calls them at an SVC instruction.
 *
 * Pointers are user addresses; strings and buffers are copied in and out with fault handling (EFAULT). Numbers are those of
 * the machine's architecture: arm64 (include/uapi/asm-generic/unistd.h) or x86-64. A call without an entry returns ENOSYS.
 */
import { FMODE_LSEEK, hasCapability, refuse, RETRY } from '@vmarea/mm-core';
import { accessOk, copyFromUser, copyToUser, strncpyFromUser } from '@vmarea/mm-core/memory';
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  CAP_SYS_RESOURCE,
  EBADF,
  EFAULT,
  EINVAL,
  EM_X86_64,
  ENAMETOOLONG,
  ENOSYS,
  EOPNOTSUPP,
  EPERM,
  ESPIPE,
  ESRCH,
  F_GETFD,
  F_GETFL,
  F_SETFL,
  MisuseError,
  O_CREAT,
  O_TRUNC,
  O_WRONLY,
  openFlagsFromGeneric,
  openFlagsToGeneric,
  PR_SET_VMA,
  shownValue,
  syscallNumber,
  syscallNumberX86,
} from '@vmarea/uapi';
import { canRead, canWrite, doMkdirat, doRmdir, doUnlinkat, maxRwCount } from '@vmarea/vfs';
import { refuseCall } from '../task/refuse-call.ts';
import { SIGNAL_HANDLERS } from './table-signals.ts';
import { TASK_HANDLERS, X86_TASK_HANDLERS } from './table-tasks.ts';
import { ioctlByNumber } from './ioctl.ts';
import { processVmRw } from './process-vm.ts';
import { PROCESS_MADVISE_NO_PIDFD } from './reasons.ts';
import { shmctlByPointer } from './shm-structs.ts';
import { getUser, int, long, putUser, raw, reg, storeResult, type SyscallHandler } from './arguments.ts';
import type { Register } from './mm.ts';
import type { Task } from '../task/task.ts';

const PATH_MAX = 4096;
/** The largest piece in bytes that a read or write copies at a time. */
const CHUNK = 65536;
const EMPTY = new Uint8Array(0);
const RLIM_INFINITY = (1n << 64n) - 1n;

/** getname: returns a path, or -EFAULT, -ENAMETOOLONG, RETRY. */
function userString(task: Task, address: number, max: number): string | number {
  const bytes = new Uint8Array(max);
  const length = strncpyFromUser(task.cur, address, bytes, 0, max);
  if (length < 0) return length;
  return length === max ? -ENAMETOOLONG : new TextDecoder().decode(bytes.subarray(0, length));
}

/** The end of a {@link readInto}. */
interface ReadEnd {
  /** Returns the bytes moved so far when the next piece would block (pipes). */
  readonly ends?: boolean | undefined;
  /** Called with the number of bytes moved, before it is returned. */
  readonly finished?: ((done: number) => void) | undefined;
}

/**
 * Moves bytes from a file into user memory, piece by piece, until one side ends. When it has to wait, it keeps the piece and
 * continues with it later.
 */
function readInto(
  task: Task,
  address: number,
  count: number,
  read: (bytes: Uint8Array, done: number) => number,
  { ends = false, finished = () => undefined }: ReadEnd = {},
): number {
  const bytes = new Uint8Array(Math.min(count, CHUNK));
  let done = 0;
  // bytes[from, to) have been read and not yet copied to user memory.
  let from = 0;
  let to = 0;
  let last = false;
  const end = (error: number): number => {
    if (done === 0) return error;
    finished(done);
    return done;
  };
  const wait = (): number => {
    task.cur.call.resume = move;
    return RETRY;
  };
  const move = (): number => {
    for (;;) {
      if (from === to) {
        const want = Math.min(count - done, bytes.length);
        const got = read(bytes.subarray(0, want), done);
        if (got === RETRY && (!ends || done === 0)) return wait();
        if (got <= 0) return end(got === RETRY ? 0 : got);
        from = 0;
        to = got;
        last = got < want;
      }
      const left = copyToUser(task.cur, address + done, bytes, from, to - from);
      if (left === RETRY) return wait();
      done += to - from - left;
      from = to - left;
      if (left > 0) return end(-EFAULT);
      if (last || done === count) return end(0);
    }
  };
  return move();
}

/** Moves bytes from user memory into a file, as {@link readInto} does. */
function writeFrom(
  task: Task,
  address: number,
  count: number,
  write: (bytes: Uint8Array, done: number) => number,
): number {
  const bytes = new Uint8Array(Math.min(count, CHUNK));
  let done = 0;
  // The number of bytes that were fetched and not yet written to the file; -1: none.
  let have = -1;
  const wait = (): number => {
    task.cur.call.resume = move;
    return RETRY;
  };
  const move = (): number => {
    for (;;) {
      const want = Math.min(count - done, bytes.length);
      if (have < 0) {
        const left = copyFromUser(task.cur, address + done, bytes, 0, want);
        if (left === RETRY) return wait();
        if (left === want && want > 0) return done > 0 ? done : -EFAULT;
        have = want - left;
      }
      const put = write(bytes.subarray(0, have), done);
      if (put === RETRY) return wait();
      if (put < 0) return done > 0 ? done : put;
      have = -1;
      done += put;
      if (put < want || done === count) return done;
    }
  };
  return move();
}

/** The arguments of a call that moves bytes. */
interface Transfer {
  readonly fd: number;
  readonly address: number;
  /** Bytes; negative for 2^63 and more. */
  readonly count: number;
  readonly write: boolean;
  /** Bytes, for pread64 and pwrite64. */
  readonly pos: number | null;
}

/**
 * Makes the checks of vfs_read and vfs_write before the driver is called, including the user's range: a count larger than any
 * address space is EFAULT, before it is cut to MAX_RW_COUNT.
 *
 * @returns the largest count to move, or -EBADF, -EINVAL, -ESPIPE, -EFAULT
 */
function transferCount(task: Task, { fd, address, count, write, pos }: Transfer): number {
  if (pos !== null && pos < 0) return -EINVAL;
  const file = task.cur.files.fget(fd);
  if (file === null) return -EBADF;
  if (pos !== null && (file.fMode & FMODE_LSEEK) === 0) return -ESPIPE;
  if (write ? !canWrite(file) : !canRead(file)) return -EBADF;
  if (!accessOk(task.cur, address, count)) return -EFAULT;
  return Math.min(count, maxRwCount(task.kernel.system.pageSize));
}

/** read(2): moves the position by the bytes that were copied to user memory. */
function readAtPosition(task: Task, fd: number, address: number, asked: number): number {
  const count = transferCount(task, { fd, address, count: asked, write: false, pos: null });
  if (count < 0) return count;
  const file = task.cur.files.fget(fd);
  if (file === null || (file.fMode & FMODE_LSEEK) === 0) {
    return readInto(task, address, count, (bytes) => task.sys.read(fd, bytes), { ends: true });
  }
  const start = file.fPos;
  const read = (bytes: Uint8Array, done: number): number => task.sys.pread(fd, bytes, start + done);
  return readInto(task, address, count, read, { finished: (done) => (file.fPos = start + done) });
}

/** pread64(2). */
function readAt(task: Task, fd: number, address: number, asked: number, pos: number): number {
  const count = transferCount(task, { fd, address, count: asked, write: false, pos });
  if (count < 0) return count;
  return readInto(task, address, count, (bytes, done) => task.sys.pread(fd, bytes, pos + done));
}

/** write(2), and pwrite64(2) with a position. */
function writeAt(task: Task, fd: number, address: number, asked: number, pos: number | null): number {
  const count = transferCount(task, { fd, address, count: asked, write: true, pos });
  if (count < 0) return count;
  return writeFrom(task, address, count, (bytes, done) =>
    pos === null ? task.sys.write(fd, bytes) : task.sys.pwrite(fd, bytes, pos + done),
  );
}

function processVm(task: Task, a: readonly Register[], write: boolean): number {
  const args = {
    pid: int(a[0]),
    localVec: reg(a[1]),
    localCount: long(a[2]),
    remoteVec: reg(a[3]),
    remoteCount: long(a[4]),
    flags: long(a[5]),
  };
  return processVmRw(task, args, write);
}

/** Builds a struct rlimit64. */
function rlimitBytes(soft: number, hard: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, soft === Infinity ? RLIM_INFINITY : BigInt(soft), true);
  view.setBigUint64(8, hard === Infinity ? RLIM_INFINITY : BigInt(hard), true);
  return bytes;
}

/** prlimit64(2), for any task that the caller may change. */
function prlimit(task: Task, args: readonly Register[]): number {
  const [pid, resource, newLimit, oldLimit] = [int(args[0]), int(args[1]), reg(args[2]), reg(args[3])];
  const wanted = new Uint8Array(16);
  if (newLimit !== 0) {
    const error = getUser(task, newLimit, wanted);
    if (error !== 0) return error;
  }
  const other = pid === 0 ? task : task.kernel.tasks.get(pid);
  if (other === undefined || other.exitStatus !== null) return -ESRCH;
  const { cred } = task.cur;
  const same = other.cur.cred.uid === cred.uid && other.cur.cred.gid === cred.gid;
  if (other !== task && !same && !hasCapability(cred, CAP_SYS_RESOURCE)) return -EPERM;
  if (!other.limits.has(resource)) return -EINVAL;
  const old = other.limits.get(resource);
  if (newLimit !== 0) {
    const view = new DataView(wanted.buffer);
    const value = (at: number): number => {
      const limit = view.getBigUint64(at, true);
      return limit === RLIM_INFINITY ? Infinity : Number(limit);
    };
    const error = other.limits.set(cred, resource, value(0), value(8));
    if (error !== 0) return error;
  }
  return oldLimit === 0 ? 0 : storeResult(task, oldLimit, rlimitBytes(old.soft, old.hard));
}

/** Works in pieces of one page, the size of the kernel's buffer. */
function mincore(task: Task, args: readonly Register[]): number {
  const { pageSize } = task.kernel.system;
  const [start, len, target] = [reg(args[0]), reg(args[1]), reg(args[2])];
  const whole = start >= 0 && len >= 0 && start + len <= task.mm.taskSize;
  // A range beyond user addresses is refused by the call itself.
  if (!whole || len === 0) return task.sys.mincore(raw(args[0]), raw(args[1]), EMPTY);
  const pages = Math.ceil(len / pageSize);
  const vec = new Uint8Array(Math.min(pages, pageSize));
  for (let done = 0; done < pages; done += vec.length) {
    const count = Math.min(vec.length, pages - done);
    const result = task.sys.mincore(start + done * pageSize, count * pageSize, vec);
    if (result < 0) return result;
    const error = putUser(task, target + done, vec.subarray(0, count));
    if (error < 0) return error;
  }
  return 0;
}

/** get_nodes: reads a node mask of `bits` bits, of which the last is not used. Returns null for no pointer, or -EINVAL, -EFAULT, RETRY. */
function nodeMask(task: Task, address: number, bits: number): bigint | null | number {
  if (address === 0 || bits <= 1) return null;
  if (bits < 0 || bits > 8 * task.kernel.system.pageSize) return -EINVAL;
  const bytes = new Uint8Array(Math.ceil((bits - 1) / 64) * 8);
  const error = getUser(task, address, bytes);
  if (error !== 0) return error;
  let mask = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) mask = (mask << 8n) | BigInt(bytes[i]!);
  return mask & ((1n << BigInt(bits - 1)) - 1n);
}

function prctl(task: Task, args: readonly Register[]): number {
  const address = reg(args[4]);
  let name: number | string | null = null;
  if (int(args[0]) !== PR_SET_VMA) {
    return task.sys.prctl(int(args[0]), raw(args[1]), raw(args[2]), raw(args[3]), raw(args[4]));
  }
  if (address !== 0) {
    if (task.kernel.system.profile.madvise.anonNames === 'pointer') name = address;
    else {
      const text = userString(task, address, 80);
      if (typeof text === 'number') return text;
      name = text;
    }
  }
  return task.sys.prctl(int(args[0]), raw(args[1]), raw(args[2]), raw(args[3]), name);
}

const HANDLERS: Readonly<Record<string, SyscallHandler>> = {
  mmap: (t, a) => t.sys.mmap(raw(a[0]), raw(a[1]), raw(a[2]), raw(a[3]), raw(a[4]), raw(a[5])),
  munmap: (t, a) => t.sys.munmap(raw(a[0]), raw(a[1])),
  mprotect: (t, a) => t.sys.mprotect(raw(a[0]), raw(a[1]), raw(a[2])),
  mremap: (t, a) => t.sys.mremap(raw(a[0]), raw(a[1]), raw(a[2]), raw(a[3]), raw(a[4])),
  brk: (t, a) => t.sys.brk(raw(a[0])),
  madvise: (t, a) => t.sys.madvise(raw(a[0]), raw(a[1]), raw(a[2])),
  mlock: (t, a) => t.sys.mlock(raw(a[0]), raw(a[1])),
  mlock2: (t, a) => t.sys.mlock2(raw(a[0]), raw(a[1]), raw(a[2])),
  munlock: (t, a) => t.sys.munlock(raw(a[0]), raw(a[1])),
  mlockall: (t, a) => t.sys.mlockall(raw(a[0])),
  munlockall: (t) => t.sys.munlockall(),
  msync: (t, a) => t.sys.msync(raw(a[0]), raw(a[1]), raw(a[2])),
  mincore,
  remap_file_pages: (t, a) => t.sys.remapFilePages(raw(a[0]), raw(a[1]), raw(a[2]), raw(a[3]), raw(a[4])),
  mseal: (t, a) => t.sys.mseal(raw(a[0]), raw(a[1]), raw(a[2])),
  prctl,
  process_madvise: (t) => refuse(t.cur, PROCESS_MADVISE_NO_PIDFD, -EBADF),
  mbind: (t, a) => {
    const mask = nodeMask(t, reg(a[3]), reg(a[4]));
    return typeof mask === 'number' ? mask : t.sys.mbind(raw(a[0]), raw(a[1]), int(a[2]), mask, int(a[5]));
  },
  set_mempolicy: (t, a) => {
    const mask = nodeMask(t, reg(a[1]), reg(a[2]));
    return typeof mask === 'number' ? mask : t.sys.setMempolicy(int(a[0]), mask);
  },
  openat: (t, a) => {
    const path = userString(t, reg(a[1]), PATH_MAX);
    return typeof path === 'number' ? path : t.sys.openat(int(a[0]), path, int(a[2]), int(a[3]));
  },
  unlinkat: (t, a) => {
    const path = userString(t, reg(a[1]), PATH_MAX);
    if (typeof path === 'number') return path;
    return (int(a[2]) & AT_REMOVEDIR) === 0 ? doUnlinkat(t.cur, int(a[0]), path) : doRmdir(t.cur, int(a[0]), path);
  },
  mkdirat: (t, a) => {
    const path = userString(t, reg(a[1]), PATH_MAX);
    return typeof path === 'number' ? path : doMkdirat(t.cur, int(a[0]), path, int(a[2]));
  },
  chdir: (t, a) => {
    const path = userString(t, reg(a[0]), PATH_MAX);
    return typeof path === 'number' ? path : t.sys.chdir(path);
  },
  memfd_create: (t, a) => {
    const name = userString(t, reg(a[0]), 250);
    if (typeof name === 'number') return name === -ENAMETOOLONG ? -EINVAL : name;
    return t.sys.memfdCreate(name, int(a[1]));
  },
  ioctl: (t, a) => ioctlByNumber(t, int(a[0]), int(a[1]) >>> 0, reg(a[2])),
  userfaultfd: (t, a) => t.sys.userfaultfd(int(a[0])),
  close: (t, a) => t.sys.close(int(a[0])),
  dup: (t, a) => t.sys.dup(int(a[0])),
  dup3: (t, a) => t.sys.dup3(int(a[0]), int(a[1]), int(a[2])),
  pipe2: (t, a) => {
    const fds: [number, number] = [-1, -1];
    const error = t.sys.pipe2(fds, int(a[1]));
    return error < 0 ? error : storeResult(t, reg(a[0]), new Uint8Array(new Int32Array(fds).buffer));
  },
  read: (t, a) => readAtPosition(t, int(a[0]), reg(a[1]), reg(a[2])),
  write: (t, a) => writeAt(t, int(a[0]), reg(a[1]), reg(a[2]), null),
  pread64: (t, a) => readAt(t, int(a[0]), reg(a[1]), reg(a[2]), long(a[3])),
  pwrite64: (t, a) => writeAt(t, int(a[0]), reg(a[1]), reg(a[2]), long(a[3])),
  lseek: (t, a) => t.sys.lseek(int(a[0]), long(a[1]), int(a[2])),
  ftruncate: (t, a) => t.sys.ftruncate(int(a[0]), long(a[1])),
  fallocate: (t, a) => t.sys.fallocate(int(a[0]), int(a[1]), long(a[2]), long(a[3])),
  fsync: (t, a) => t.sys.fsync(int(a[0])),
  fcntl: (t, a) => t.sys.fcntl(int(a[0]), int(a[1]), int(a[2])),
  flock: (t, a) => t.sys.flock(int(a[0]), int(a[1])),
  shmget: (t, a) => t.sys.shmget(int(a[0]), raw(a[1]), int(a[2])),
  shmat: (t, a) => t.sys.shmat(int(a[0]), raw(a[1]), int(a[2])),
  shmdt: (t, a) => t.sys.shmdt(raw(a[0])),
  shmctl: shmctlByPointer,
  ...TASK_HANDLERS,
  ...SIGNAL_HANDLERS,
  getpid: (t) => t.tgid,
  getppid: (t) => t.parent?.pid ?? 0,
  getuid: (t) => t.cur.cred.uid,
  getgid: (t) => t.cur.cred.gid,
  setuid: (t, a) => t.sys.setuid(int(a[0])),
  setgid: (t, a) => t.sys.setgid(int(a[0])),
  personality: (t, a) => t.sys.personality(int(a[0]) >>> 0),
  prlimit64: prlimit,
  process_vm_readv: (t, a) => processVm(t, a, false),
  process_vm_writev: (t, a) => processVm(t, a, true),
};

/** The calls that x86-64 has and arm64 has not: older ones, and those about protection keys and shadow stacks. */
const X86_HANDLERS: Readonly<Record<string, SyscallHandler>> = {
  open: (t, a) => HANDLERS['openat']!(t, [AT_FDCWD, raw(a[0]), openFlagsFromGeneric(int(a[1])), raw(a[2])]),
  creat: (t, a) => HANDLERS['openat']!(t, [AT_FDCWD, raw(a[0]), O_CREAT | O_WRONLY | O_TRUNC, raw(a[1])]),
  mkdir: (t, a) => HANDLERS['mkdirat']!(t, [AT_FDCWD, raw(a[0]), raw(a[1])]),
  rmdir: (t, a) => HANDLERS['unlinkat']!(t, [AT_FDCWD, raw(a[0]), AT_REMOVEDIR]),
  unlink: (t, a) => {
    const path = userString(t, reg(a[0]), PATH_MAX);
    return typeof path === 'number' ? path : t.sys.unlink(path);
  },
  pipe: (t, a) => HANDLERS['pipe2']!(t, [raw(a[0]), 0]),
  dup2: (t, a) => (int(a[0]) === int(a[1]) ? dupOntoItself(t, int(a[0])) : t.sys.dup3(int(a[0]), int(a[1]), 0)),
  ...X86_TASK_HANDLERS,
  pkey_mprotect: (t, a) => t.sys.pkeyMprotect(raw(a[0]), raw(a[1]), raw(a[2]), int(a[3])),
  pkey_alloc: (t, a) => t.sys.pkeyAlloc(raw(a[0]), raw(a[1])),
  pkey_free: (t, a) => t.sys.pkeyFree(int(a[0])),
  map_shadow_stack: (t) => (t.kernel.system.config.userShadowStack ? -EOPNOTSUPP : -ENOSYS),
};

/** dup2 of a descriptor onto itself only asks whether it is open; dup3 refuses it. */
function dupOntoItself(task: Task, fd: number): number {
  const error = task.sys.fcntl(fd, F_GETFD, 0);
  return error < 0 ? error : fd;
}

/** Calls that both have, where x86-64's open flags have other values. */
const X86_FLAGS: Readonly<Record<string, SyscallHandler>> = {
  openat: (t, a) => HANDLERS['openat']!(t, [raw(a[0]), raw(a[1]), openFlagsFromGeneric(int(a[2])), raw(a[3])]),
  pipe2: (t, a) => HANDLERS['pipe2']!(t, [raw(a[0]), openFlagsFromGeneric(int(a[1]))]),
  userfaultfd: (t, a) => HANDLERS['userfaultfd']!(t, [openFlagsFromGeneric(int(a[0]))]),
  fcntl: (t, a) => {
    const command = int(a[1]);
    const arg = command === F_SETFL ? openFlagsFromGeneric(int(a[2])) : int(a[2]);
    const result = t.sys.fcntl(int(a[0]), command, arg);
    return command === F_GETFL && result >= 0 ? openFlagsToGeneric(result) : result;
  },
};

type Handlers = readonly (SyscallHandler | undefined)[];

function tableOf(handlers: Readonly<Record<string, SyscallHandler>>, number: typeof syscallNumber): Handlers {
  const table: (SyscallHandler | undefined)[] = [];
  for (const [name, handler] of Object.entries(handlers)) {
    const at = number(name);
    if (at === undefined) throw new Error(`syscall-table: there is no ${name}`);
    table[at] = handler;
  }
  return table;
}

const TABLE: Handlers = tableOf(HANDLERS, syscallNumber);
const X86_TABLE: Handlers = tableOf({ ...HANDLERS, ...X86_HANDLERS, ...X86_FLAGS }, syscallNumberX86);

/** The names of the calls that {@link doSyscall} makes on every architecture. */
export const SYSCALL_NAMES: readonly string[] = Object.keys(HANDLERS);

/**
 * el0_svc and do_syscall_64: makes the call whose number is in register x8, or rax.
 *
 * @param number x86-64's number on a machine of that architecture, otherwise arm64's, which are the generic ones
 * @param args registers x0 to x5, or rdi, rsi, rdx, r10, r8, r9
 * @returns x0 or rax: a result or a negative errno, for any register values; or RETRY, as the call itself
 * @throws MisuseError when a register is a number that is not whole; DeadTaskError when the task has exited
 */
export function doSyscall(task: Task, number: number, args: readonly Register[]): number {
  const handler = (task.kernel.system.arch.elfMachine === EM_X86_64 ? X86_TABLE : TABLE)[number];
  if (!task.canCall) refuseCall(task, 'doSyscall');
  for (let i = 0; i < args.length; i++) {
    const value = args[i];
    if (typeof value === 'bigint' || Number.isInteger(value)) continue;
    throw new MisuseError('doSyscall', `args[${i}]`, `is ${shownValue(value)}, not a whole number or a bigint`);
  }
  return handler === undefined ? -ENOSYS : handler(task, args);
}
