// Decodes the calls that open, move, change or rename files, from their arguments and results.

import {
  CLOSE_RANGE_FLAGS,
  O_CLOEXEC,
  O_CREAT,
  O_TRUNC,
  O_WRONLY,
  openFlagsFromGeneric,
  parseFallocateMode,
  parseFlags,
  parseMemfdFlags,
  parseOpenFlags,
  parseSeals,
} from '@vmarea/uapi';
import { type ArgReader, CWD, NO_DESCRIPTOR, returnedDescriptor } from '../parse/arg-reader.ts';
import {
  type Descriptor,
  parseDescriptor,
  parseFields,
  parseMode,
  parseRegister,
  splitArgs,
  withoutComment,
} from '../parse/args.ts';
import { type Op } from './types.ts';
import { type Call } from '../events.ts';

/** Decodes one call, whose arguments are in a reader; `generic`: numbers of open flags are not arm64's. */
export type FileDecoder = (args: ArgReader, call: Call, generic: boolean) => Op;

function openFlags(args: ArgReader, index: number, generic: boolean): number {
  const flags = args.flags(index, parseOpenFlags, 'open flags');
  if (!generic) return flags;
  // Only a number has the values of the machine that made the log; names are independent of it.
  return parseRegister(args.raw(index)) === null ? flags : openFlagsFromGeneric(flags);
}

function open(args: ArgReader, call: Call, generic: boolean): Op {
  const at = call.name === 'openat' || call.name === 'openat2' ? 1 : 0;
  const dir = at === 1 ? args.descriptor(0) : CWD;
  let flags: number;
  let mode: number;
  if (call.name === 'creat') {
    flags = O_CREAT | O_WRONLY | O_TRUNC;
    mode = args.mode(1);
  } else if (call.name === 'openat2') {
    const fields = parseFields(args.raw(2));
    const text = fields.get('flags') ?? '';
    const value = text === '' ? 0 : parseOpenFlags(text);
    if (value === null) args.fail(2, 'open flags');
    flags = generic && parseRegister(text) !== null ? openFlagsFromGeneric(value ?? 0) : (value ?? 0);
    mode = parseMode(fields.get('mode') ?? '0') ?? 0;
  } else {
    flags = openFlags(args, at + 1, generic);
    mode = args.mode(at + 2);
  }
  return {
    op: 'open',
    dir,
    path: args.text(at),
    truncated: args.truncated(at),
    flags,
    mode,
    opened: returnedDescriptor(call),
  };
}

function close(args: ArgReader): Op {
  return { op: 'close', fd: args.descriptor(0).fd };
}

function closeRange(args: ArgReader): Op {
  const first = args.register(0);
  const last = args.register(1);
  return {
    op: 'closeRange',
    first: Number(first),
    last: Number(last),
    flags: args.flags(2, (text) => parseFlags(CLOSE_RANGE_FLAGS, text)),
  };
}

function dup(args: ArgReader, call: Call): Op {
  const closeOnExec = call.name === 'dup3' && ((parseOpenFlags(args.raw(2)) ?? 0) & O_CLOEXEC) !== 0;
  return { op: 'dup', from: args.descriptor(0), to: returnedDescriptor(call), closeOnExec };
}

const FCNTL_NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'F_DUPFD'],
  [1, 'F_GETFD'],
  [2, 'F_SETFD'],
  [3, 'F_GETFL'],
  [4, 'F_SETFL'],
  [1030, 'F_DUPFD_CLOEXEC'],
  [1033, 'F_ADD_SEALS'],
  [1034, 'F_GET_SEALS'],
]);

function fcntl(args: ArgReader, call: Call, generic: boolean): Op {
  const file = args.descriptor(0);
  const printed = withoutComment(args.raw(1));
  const number = parseRegister(printed);
  const command = typeof number === 'number' ? (FCNTL_NAMES.get(number) ?? printed) : printed;
  if (command === 'F_DUPFD' || command === 'F_DUPFD_CLOEXEC') {
    return { op: 'dup', from: file, to: returnedDescriptor(call), closeOnExec: command === 'F_DUPFD_CLOEXEC' };
  }
  let arg: number | null = null;
  if (args.length > 2) {
    const raw = args.raw(2);
    if (command === 'F_SETFD') arg = withoutComment(raw) === 'FD_CLOEXEC' ? 1 : numberOf(raw);
    else if (command === 'F_SETFL') arg = openFlags(args, 2, generic);
    else if (command === 'F_ADD_SEALS') arg = args.flags(2, parseSeals, 'seals');
    else arg = numberOf(raw);
  }
  return { op: 'fcntl', fd: file.fd, command, arg };
}

function numberOf(text: string): number | null {
  const value = parseRegister(text);
  return typeof value === 'number' ? value : null;
}

function memfdCreate(args: ArgReader, call: Call): Op {
  return {
    op: 'memfdCreate',
    name: args.text(0) ?? '',
    flags: args.flags(1, parseMemfdFlags),
    opened: returnedDescriptor(call),
  };
}

function pair(text: string): readonly [Descriptor, Descriptor] | null {
  if (!text.startsWith('[')) return null;
  const parts = splitArgs(text.slice(1, text.endsWith(']') ? -1 : undefined));
  const first = parts[0] === undefined ? null : parseDescriptor(parts[0]);
  const second = parts[1] === undefined ? null : parseDescriptor(parts[1]);
  return first && second ? [first, second] : null;
}

function hasCloexec(text: string): boolean {
  return text.includes('CLOEXEC') || ((numberOf(text) ?? 0) & O_CLOEXEC) !== 0;
}

function pipe(args: ArgReader, call: Call): Op {
  const socket = call.name === 'socketpair';
  return {
    op: 'pipe',
    kind: socket ? 'socket' : 'pipe',
    fds: call.ret === 0 ? pair(args.raw(socket ? 3 : 0)) : null,
    closeOnExec: socket ? hasCloexec(args.raw(1)) : args.length > 1 && hasCloexec(args.raw(1)),
  };
}

function newDescriptor(args: ArgReader, call: Call): Op {
  return {
    op: 'newDescriptor',
    kind: call.name,
    opened: returnedDescriptor(call),
    closeOnExec: call.argsText.includes('CLOEXEC') || (args.length > 1 && call.name === 'pidfd_open'),
  };
}

function truncate(args: ArgReader, call: Call): Op {
  const byPath = call.name.startsWith('truncate');
  return {
    op: 'truncate',
    fd: byPath ? null : args.descriptor(0).fd,
    path: byPath ? args.text(0) : null,
    size: args.register(1, 'length'),
  };
}

function fallocate(args: ArgReader): Op {
  return {
    op: 'fallocate',
    fd: args.descriptor(0).fd,
    mode: args.flags(1, parseFallocateMode),
    offset: args.register(2, 'offset'),
    len: args.register(3, 'length'),
  };
}

function transfer(op: 'read' | 'write'): FileDecoder {
  return (args, call) => ({
    op,
    file: args.descriptor(0),
    bytes: call.ret !== null && call.ret >= 0 ? call.ret : null,
    buffer: args.raw(1),
    position: call.name.startsWith('p') && args.length > 3 ? args.register(3, 'offset') : null,
  });
}

function copy(args: ArgReader, call: Call): Op {
  // sendfile(to, from, …); copy_file_range and splice(from, offset, to, …).
  const sendfile = call.name.startsWith('sendfile');
  return {
    op: 'copy',
    from: args.descriptor(sendfile ? 1 : 0),
    to: args.descriptor(sendfile ? 0 : 2),
    bytes: call.ret !== null && call.ret >= 0 ? call.ret : null,
  };
}

function chdir(args: ArgReader, call: Call): Op {
  return call.name === 'fchdir'
    ? { op: 'chdir', path: null, fd: args.descriptor(0) }
    : { op: 'chdir', path: args.text(0), fd: null };
}

function unlink(args: ArgReader, call: Call): Op {
  const at = call.name === 'unlinkat' ? 1 : 0;
  const removesDirectory = at === 1 && (args.raw(2).includes('AT_REMOVEDIR') || numberOf(args.raw(2)) === 0x200);
  return {
    op: 'unlink',
    dir: at === 1 ? args.descriptor(0) : CWD,
    path: args.text(at),
    directory: call.name === 'rmdir' || removesDirectory,
  };
}

function rename(args: ArgReader, call: Call): Op {
  return call.name === 'rename'
    ? { op: 'rename', fromDir: CWD, from: args.text(0), toDir: CWD, to: args.text(1) }
    : { op: 'rename', fromDir: args.descriptor(0), from: args.text(1), toDir: args.descriptor(2), to: args.text(3) };
}

function stat(args: ArgReader, call: Call): Op {
  const name = call.name;
  const byDescriptor = name === 'fstat' || name === 'fstat64';
  const byDirectory = name.endsWith('at') || name.endsWith('at64') || name === 'statx';
  const hasDirectory = byDirectory && name !== 'stat' && name !== 'lstat';
  const dir = byDescriptor || hasDirectory ? args.descriptor(0) : CWD;
  const path = byDescriptor ? '' : args.text(hasDirectory ? 1 : 0);
  const size = /\bstx?_size=([0-9]+)/.exec(call.argsText);
  const mode = /\bstx?_mode=([A-Z_|0-9]+)/.exec(call.argsText);
  return {
    op: 'stat',
    dir: dir === NO_DESCRIPTOR ? CWD : dir,
    path,
    size: size ? Number(size[1]) : null,
    mode: mode ? mode[1]! : null,
  };
}

function each(names: readonly string[], decoder: FileDecoder): [string, FileDecoder][] {
  return names.map((name) => [name, decoder]);
}

/** Decoders of the calls about files, by name. */
export const FILE_DECODERS: ReadonlyMap<string, FileDecoder> = new Map<string, FileDecoder>([
  ...each(['open', 'openat', 'openat2', 'creat'], open),
  ['close', close],
  ['close_range', closeRange],
  ...each(['dup', 'dup2', 'dup3'], dup),
  ...each(['fcntl', 'fcntl64'], fcntl),
  ['memfd_create', memfdCreate],
  ...each(['pipe', 'pipe2', 'socketpair'], pipe),
  ...each(
    [
      'socket',
      'accept',
      'accept4',
      'epoll_create',
      'epoll_create1',
      'eventfd',
      'eventfd2',
      'signalfd',
      'signalfd4',
      'timerfd_create',
      'inotify_init',
      'inotify_init1',
      'fanotify_init',
      'userfaultfd',
      'perf_event_open',
      'pidfd_open',
      'pidfd_getfd',
      'memfd_secret',
      'io_uring_setup',
      'bpf',
      'fsopen',
      'fsmount',
      'open_tree',
      'landlock_create_ruleset',
      'open_by_handle_at',
      'mq_open',
    ],
    newDescriptor,
  ),
  ...each(['truncate', 'truncate64', 'ftruncate', 'ftruncate64'], truncate),
  ['fallocate', fallocate],
  ...each(['read', 'pread64', 'readv', 'preadv', 'preadv2'], transfer('read')),
  ...each(['write', 'pwrite64', 'writev', 'pwritev', 'pwritev2'], transfer('write')),
  ...each(['sendfile', 'sendfile64', 'copy_file_range', 'splice'], copy),
  ...each(['chdir', 'fchdir'], chdir),
  ...each(['unlink', 'unlinkat', 'rmdir'], unlink),
  ...each(['rename', 'renameat', 'renameat2'], rename),
  ...each(['stat', 'lstat', 'fstat', 'newfstatat', 'stat64', 'lstat64', 'fstat64', 'fstatat64', 'statx'], stat),
]);
