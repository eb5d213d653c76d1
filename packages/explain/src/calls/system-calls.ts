/**
 * Makes the calls of a script that are not about addresses: files, descriptors, processes, limits.
 *
 * Reads their arguments as strace prints them. Creates a file that is opened and was not created before: a log does not show
 * which files existed.
 */
import type { Task } from '@vmarea/kernel';
import { isErr, rootCredentials } from '@vmarea/mm-core';
import { decodeCall, type Call as LoggedCall, type Op, type OpenOp } from '@vmarea/strace';
import {
  AT_FDCWD,
  CLONE_VM,
  ENOSYS,
  F_ADD_SEALS,
  O_CREAT,
  O_DIRECTORY,
  O_RDWR,
  parseSeals,
  PR_SET_VMA,
  PR_SET_VMA_ANON_NAME,
} from '@vmarea/uapi';
import { ScriptError } from '../input/error.ts';
import type { Call } from '../input/script.ts';
import { evaluate, type Names } from '../input/values.ts';

/** Size in bytes of a file that is created because it is opened. */
export const MADE_FILE_BYTES = 65536;

/** Names of the calls that {@link systemCall} makes. */
export const SYSTEM_CALLS: ReadonlySet<string> = new Set([
  'open',
  'openat',
  'creat',
  'shm_open',
  'memfd_create',
  'ftruncate',
  'fallocate',
  'fcntl',
  'close',
  'dup',
  'dup2',
  'dup3',
  'pipe',
  'pipe2',
  'write',
  'fork',
  'clone',
  'clone3',
  'setrlimit',
  'getrlimit',
  'prlimit64',
  'prctl',
  'personality',
  'setuid',
]);

/** Calls whose arguments may contain variables and expressions of C; the others take names and structures. */
const NUMBERS: ReadonlyMap<string, readonly number[]> = new Map([
  ['ftruncate', [0, 1]],
  ['fallocate', [0, 2, 3]],
  ['fcntl', [0]],
  ['close', [0]],
  ['dup', [0]],
  ['dup2', [0, 1]],
  ['dup3', [0, 1]],
  ['write', [0, 2]],
  ['setuid', [0]],
]);

/** Returns the arguments with the values of their variables and expressions. */
function plainArguments(call: Call, names: Names): string[] {
  const numbers = NUMBERS.get(call.name);
  return call.args.map((text, i) => {
    const plain = text.replace(/^(-?\d+)<.*$/s, '$1');
    if (numbers?.includes(i) === true) return evaluate(plain, names).toString();
    if (call.name === 'prctl' && i >= 2 && !plain.startsWith('"')) return evaluate(plain, names).toString();
    return plain
      .replace(/\s*\|\s*/g, '|')
      .replace(/\b\d+(?:\*\d+)+\b/g, (product) => evaluate(product, names).toString());
  });
}

/** Returns the call in the form of strace's decoders. */
function logged(call: Call, args: readonly string[]): LoggedCall {
  const argsText = args.join(', ');
  const name = call.name === 'shm_open' ? 'open' : call.name;
  const ret = call.recorded?.ret ?? null;
  return {
    pid: 0,
    entryPid: 0,
    name,
    argsText,
    args,
    entryLength: argsText.length,
    ret,
    errno: ret !== null && ret < 0 ? -ret : 0,
    failed: ret !== null && ret < 0,
    result: call.recorded?.text ?? '',
    entryLine: call.line,
    line: call.line,
    state: 'returned',
    split: false,
    time: '',
    returnTime: '',
    ip: '',
    elapsed: '',
  };
}

/**
 * Creates the missing directories of a path, and the file, with every capability, since they existed before; the caller owns
 * them.
 *
 * @param size of the file in bytes; null: creates only the directories
 */
export function ensureFile(task: Task, path: string, size: number | null = MADE_FILE_BYTES): void {
  const { sys, cur } = task;
  const { cred } = cur;
  const own = { ...cred };
  Object.assign(cred, rootCredentials(), { uid: own.uid, gid: own.gid });
  const parts = path.split('/').filter((part) => part !== '');
  for (let i = 1; i < parts.length; i++) {
    const dir = `/${parts.slice(0, i).join('/')}`;
    if (isStatError(sys.stat(dir))) sys.mkdir(dir, 0o777);
  }
  if (size !== null && isStatError(sys.stat(path))) {
    const fd = sys.open(path, O_RDWR | O_CREAT, 0o777);
    if (!isErr(fd)) {
      sys.ftruncate(fd, size);
      sys.close(fd);
    }
  }
  Object.assign(cred, own);
}

function isStatError(stat: unknown): boolean {
  return typeof stat === 'number';
}

function open(task: Task, call: Call, op: OpenOp): number {
  const { sys } = task;
  const failed = call.recorded?.ret !== null && call.recorded !== null && call.recorded.ret < 0;
  if (op.path === null) throw new ScriptError(`line ${call.line}: ${call.text}: the path is not a text`);
  const path = call.name === 'shm_open' ? `/dev/shm/${op.path.replace(/^\/+/, '')}` : op.path;
  const relative = !path.startsWith('/');
  const absolute = relative ? `/${path.replace(/^(\.\/)+/, '')}` : path;
  // The log could open the file, so it existed.
  if (!failed && (op.flags & (O_CREAT | O_DIRECTORY)) === 0) ensureFile(task, absolute);
  else if (!failed && (op.flags & O_DIRECTORY) === 0) ensureFile(task, absolute, null);
  const fd = sys.openat(AT_FDCWD, absolute, op.flags, op.mode);
  return atRecorded(task, call, fd);
}

/** Moves a new descriptor to its number in the log. */
function atRecorded(task: Task, call: Call, fd: number): number {
  const wanted = call.recorded?.ret ?? -1;
  if (isErr(fd) || wanted < 0 || wanted === fd) return fd;
  const moved = task.sys.dup3(fd, wanted);
  task.sys.close(fd);
  return moved;
}

function limit(task: Task, op: Extract<Op, { op: 'rlimit' }>): number {
  return op.set === null ? 0 : task.sys.setrlimit(op.resource, op.set.soft, op.set.hard);
}

/**
 * Makes a call about files or processes.
 *
 * @returns its result or a negative errno
 * @throws ScriptError when an argument cannot be read
 */
export function systemCall(task: Task, call: Call, names: Names): number {
  const { sys } = task;
  if (call.name === 'fork') return fork(task, 0);
  const args = plainArguments(call, names);
  if (call.name === 'pipe' || call.name === 'pipe2') return sys.pipe2([0, 0]);
  if (call.name === 'setuid') return sys.setuid(Number(args[0]));
  if (call.name === 'write') return sys.write(Number(args[0]), new Uint8Array(Math.min(Number(args[2] ?? 0), 2 ** 24)));
  const op = decodeCall(logged(call, args));
  if (op === null) throw new ScriptError(`line ${call.line}: unknown call «${call.name}»`);
  if (op.op === 'undecoded') {
    const what = `argument ${op.index + 1} of ${call.name} is «${op.text}»; expected: ${op.expected}`;
    throw new ScriptError(`line ${call.line}: ${what}`);
  }
  return perform(task, call, op, args);
}

function perform(task: Task, call: Call, op: Op, args: readonly string[]): number {
  const { sys } = task;
  switch (op.op) {
    case 'open':
      return open(task, call, op);
    case 'memfdCreate':
      return atRecorded(task, call, sys.memfdCreate(op.name, op.flags));
    case 'truncate':
      return sys.ftruncate(op.fd ?? -1, Number(op.size));
    case 'fallocate':
      return sys.fallocate(op.fd, op.mode, Number(op.offset), Number(op.len));
    case 'close':
      return sys.close(op.fd);
    case 'dup':
      return call.name === 'dup2' || call.name === 'dup3'
        ? sys.dup3(op.from.fd, Number(args[1]))
        : atRecorded(task, call, sys.dup(op.from.fd));
    case 'fcntl':
      return op.command === 'F_ADD_SEALS' ? sys.fcntl(op.fd, F_ADD_SEALS, op.arg ?? parseSeals(args[2] ?? '') ?? 0) : 0;
    case 'fork':
      return fork(task, op.flags);
    case 'rlimit':
      return limit(task, op);
    case 'personality':
      return sys.personality(op.personality);
    case 'setVmaName':
      return sys.prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, op.addr, op.len, op.name);
    case 'prctl':
      return 0;
    default:
      return -ENOSYS;
  }
}

/** fork: a thread or a vfork shares the address space, so copies nothing. */
function fork(task: Task, flags: number): number {
  if ((flags & CLONE_VM) !== 0) return task.pid + 1;
  const child = task.sys.fork();
  return typeof child === 'number' ? child : child.pid;
}
