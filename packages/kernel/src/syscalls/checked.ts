/**
 * Checks the arguments of raw system calls: that the task has not exited, and that each argument has a type that the call
 * takes. Accepts every value that a program could pass. A value that only JavaScript has (NaN, a fraction, a string for bytes)
 * throws a {@link MisuseError}, a call of a task that has exited a DeadTaskError, one of a task that waits for its vfork child a
 * VforkWaitError.
 *
 * Not here: what the kernel itself refuses with an errno.
 */
import { MisuseError, shownValue } from '@vmarea/uapi';
import { refuseCall } from '../task/refuse-call.ts';
import type { Task } from '../task/task.ts';
import type { AllCalls } from './sys.ts';

/** The names of the calls. */
type CallName = keyof AllCalls;

/** A type of argument: returns what the value is not, or null when it is valid. */
type Kind = (value: unknown) => string | null;

/** A 64-bit register: a whole number or a bigint. */
const register: Kind = (value) =>
  typeof value === 'bigint' || Number.isInteger(value) ? null : 'not a whole number or a bigint';
/** A position, a length, a descriptor, flags. */
const whole: Kind = (value) => (Number.isInteger(value) ? null : 'not a whole number');
const limit: Kind = (value) =>
  Number.isInteger(value) || value === Infinity ? null : 'neither a whole number nor Infinity';
const text: Kind = (value) => (typeof value === 'string' ? null : 'not a string');
const bytes: Kind = (value) => (value instanceof Uint8Array ? null : 'not a Uint8Array');
const any: Kind = () => null;
const name: Kind = (value) =>
  value === null || typeof value === 'string' || typeof value === 'bigint' || Number.isInteger(value)
    ? null
    : 'neither null nor a string nor a whole number';
const object: Kind = (value) => (typeof value === 'object' && value !== null ? null : 'not an object');
const objectOrNull: Kind = (value) => (value === null ? null : object(value));
const maskOrNull: Kind = (value) => (value === null || typeof value === 'bigint' ? null : 'neither null nor a bigint');
const lock: Kind = (value) => (typeof value === 'object' && value !== null ? null : whole(value));
/** The argument may be absent. */
const maybe =
  (kind: Kind): Kind =>
  (value) =>
    value === undefined ? null : kind(value);

const range = { addr: register, len: register };
const buffer = { fd: whole, bytes, offset: maybe(whole), length: maybe(whole) };
const bufferAt = { fd: whole, bytes, pos: whole, offset: maybe(whole), length: maybe(whole) };
const otherMemory = { pid: whole, addr: whole, bytes, offset: maybe(whole), length: maybe(whole) };

/** The arguments of each call, in order, by name. */
const ARGUMENTS: Readonly<Record<CallName, Readonly<Record<string, Kind>>>> = {
  mmap: { ...range, prot: register, flags: register, fd: register, off: register },
  munmap: range,
  mprotect: { ...range, prot: register },
  mremap: { addr: register, oldLen: register, newLen: register, flags: register, newAddr: maybe(register) },
  brk: { value: register },
  madvise: { ...range, advice: register },
  pkeyMprotect: { ...range, prot: register, key: whole },
  pkeyAlloc: { flags: register, rights: register },
  pkeyFree: { key: whole },
  mseal: { ...range, flags: register },
  processMadvise: { pid: whole, ranges: object, advice: whole, flags: whole },
  mbind: { ...range, mode: whole, mask: any, flags: whole },
  setMempolicy: { mode: whole, mask: any },
  mlock: range,
  mlock2: { ...range, flags: register },
  munlock: range,
  mlockall: { flags: register },
  munlockall: {},
  msync: { ...range, flags: register },
  mincore: { ...range, vec: bytes },
  remapFilePages: { ...range, prot: register, pgoff: register, flags: register },
  prctl: { option: whole, arg2: register, ...range, name },
  open: { path: text, flags: whole, mode: maybe(whole) },
  openat: { dirfd: whole, path: text, flags: whole, mode: maybe(whole) },
  close: { fd: whole },
  dup: { fd: whole },
  dup3: { fd: whole, newFd: whole, flags: maybe(whole) },
  pipe2: { fds: object, flags: maybe(whole) },
  memfdCreate: { name: text, flags: whole },
  userfaultfd: { flags: whole },
  read: buffer,
  write: buffer,
  pread: bufferAt,
  pwrite: bufferAt,
  lseek: { fd: whole, offset: whole, whence: whole },
  ftruncate: { fd: whole, length: whole },
  truncate: { path: text, length: whole },
  fallocate: { fd: whole, mode: whole, offset: whole, len: whole },
  fsync: { fd: whole },
  fstat: { fd: whole },
  stat: { path: text },
  fstatat: { dirfd: whole, path: text, flags: whole },
  access: { path: text, mode: whole },
  unlink: { path: text },
  rmdir: { path: text },
  mkdir: { path: text, mode: whole },
  rename: { from: text, to: text },
  symlink: { target: text, path: text },
  chdir: { path: text },
  fcntl: { fd: whole, cmd: whole, arg: maybe(lock) },
  flock: { fd: whole, operation: whole },
  ioctl: { fd: whole, command: whole, arg: any },
  shmget: { key: whole, size: register, flags: whole },
  shmat: { id: whole, addr: register, flags: whole },
  shmdt: { addr: register },
  shmctl: { id: whole, cmd: whole, buffer: maybe(objectOrNull) },
  fork: {},
  vfork: {},
  clone: { args: object },
  exit: { status: maybe(whole), signaled: any },
  exitGroup: { status: maybe(whole) },
  gettid: {},
  rtSigaction: { signal: whole, action: maybe(objectOrNull) },
  rtSigprocmask: { how: whole, set: maybe(maskOrNull) },
  sigaltstack: { stack: maybe(objectOrNull) },
  setTidAddress: { address: whole },
  wait: { pid: maybe(whole), options: maybe(whole) },
  execve: { program: object, options: maybe(object), comm: maybe(text) },
  processVmReadv: otherMemory,
  processVmWritev: otherMemory,
  getrlimit: { resource: whole },
  setrlimit: { resource: whole, soft: limit, hard: limit },
  personality: { persona: whole },
  setuid: { uid: whole },
  setgid: { gid: whole },
  capset: { effective: any },
};

/** Calls with a buffer that must hold `length` bytes from `offset` on. */
const BUFFERS: ReadonlySet<string> = new Set(['read', 'write', 'pread', 'pwrite', 'processVmReadv', 'processVmWritev']);

/** Checks the task and up to six arguments of a call. Takes them as parameters, so that a call allocates no array. */
export type Check = (task: Task, a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown) => void;

/** Returns the check of a call, or null for an unknown name. A task may end at any time, also
 * twice, as shutdown does. */
export function checkOf(call: string): Check | null {
  if (!Object.hasOwn(ARGUMENTS, call)) return null;
  const kinds = Object.entries(ARGUMENTS[call as CallName]);
  const at = kinds.findIndex(([argument]) => argument === 'bytes');
  const offsetAt = kinds.findIndex(([argument]) => argument === 'offset');
  const repeats = call === 'exit' || call === 'exitGroup';

  const one = (i: number, value: unknown): void => {
    const [argument, kind] = kinds[i]!;
    const wrong = kind(value);
    if (wrong !== null) throw new MisuseError(call, argument, `is ${shownValue(value)}, ${wrong}`);
  };
  const count = kinds.length;
  const arguments_: Check = (task, a, b, c, d, e, f) => {
    if (!task.canCall && !repeats) refuseCall(task, call);
    if (count > 0) one(0, a);
    if (count > 1) one(1, b);
    if (count > 2) one(2, c);
    if (count > 3) one(3, d);
    if (count > 4) one(4, e);
    if (count > 5) one(5, f);
  };
  if (!BUFFERS.has(call)) return arguments_;
  return (task, a, b, c, d, e, f) => {
    arguments_(task, a, b, c, d, e, f);
    const args = [a, b, c, d, e, f];
    const { length } = args[at] as Uint8Array;
    const offset = (args[offsetAt] as number | undefined) ?? 0;
    const wanted = (args[offsetAt + 1] as number | undefined) ?? length - offset;
    if (offset >= 0 && wanted >= 0 && offset + wanted <= length) return;
    throw new MisuseError(call, 'length', `is ${wanted} from offset ${offset}; the array holds ${length} bytes`);
  };
}
