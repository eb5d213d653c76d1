/**
 * Calls about files and processes are inputs: this file stores their recorded results where the kernel package reads them.
 */
import {
  type Call,
  type ChdirOp,
  type Descriptor,
  type DupOp,
  type OpenOp,
  type Op,
  type RlimitOp,
  type TransferOp,
} from '@vmarea/strace';
import { MFD_CLOEXEC, O_CLOEXEC, PERSONALITY_QUERY } from '@vmarea/uapi';
import type { File } from '@vmarea/vfs';
import type { Process } from './process.ts';
import { joinPath } from '../programs/programs.ts';
import type { RecordedKind } from './recorded-files.ts';
import type { Replay } from '../replay.ts';

/** AT_FDCWD, as the decoder returns it. */
const AT_CWD = -100;

/** Carries out a call that succeeded. */
export function fileCall(replay: Replay, process: Process, call: Call, op: Op): void {
  const { cur } = process.task;
  switch (op.op) {
    case 'open':
      opened(replay, process, op);
      return;
    case 'close':
      if (call.ret === 0) cur.files.close(op.fd);
      return;
    case 'closeRange':
      if (call.ret === 0) closeRange(process, op.first, op.last, (op.flags & CLOSE_RANGE_CLOEXEC) !== 0);
      return;
    case 'dup':
      duplicated(replay, process, op);
      return;
    case 'fcntl':
      if (call.ret === 0 && op.command === 'F_SETFD' && op.arg !== null)
        cur.files.setCloexec(op.fd, (op.arg & 1) !== 0);
      else if (call.ret === 0 && op.command === 'F_ADD_SEALS' && op.arg !== null)
        process.task.sys.fcntl(op.fd, 1033, op.arg);
      return;
    case 'memfdCreate':
      if (op.opened !== null) memfd(replay, process, op.name, op.flags, op.opened.fd);
      return;
    case 'pipe':
      if (op.fds !== null) {
        for (const { fd } of op.fds) install(process, replay.files.openPseudo(op.kind, op.kind), fd, op.closeOnExec);
      }
      return;
    case 'newDescriptor':
      if (op.opened !== null) {
        const kind: RecordedKind = op.kind.startsWith('socket') || op.kind.startsWith('accept') ? 'socket' : 'other';
        install(process, replay.files.openPseudo(kind, op.kind), op.opened.fd, op.closeOnExec);
      }
      return;
    case 'truncate':
      if (call.ret === 0 && op.fd !== null && cur.files.fget(op.fd) !== null) {
        process.task.sys.ftruncate(op.fd, Number(op.size));
      }
      return;
    case 'read':
      if (op.bytes !== null && op.bytes > 0) mapsRead(replay, process, call, op);
      return;
    case 'chdir':
      if (call.ret === 0) changeDirectory(process, op);
      return;
    case 'unlink':
      if (call.ret === 0 && !op.directory) {
        const path = pathAt(replay, process, op.dir, op.path);
        if (path !== null) replay.files.unlink(path);
      }
      return;
    case 'rename':
      if (call.ret === 0) {
        const from = pathAt(replay, process, op.fromDir, op.from);
        const to = pathAt(replay, process, op.toDir, op.to);
        if (from !== null && to !== null) replay.files.rename(from, to);
      }
      return;
    case 'fork':
      replay.processes.forkReturned(process, call, op);
      return;
    case 'exec':
      if (call.ret === 0) replay.execs.exec(process, pathAt(replay, process, op.dir, op.path, true), call.line);
      return;
    case 'exit':
      if (op.group) replay.processes.endGroup(process, call.line);
      else replay.exit(process, call.line);
      return;
    case 'personality':
      if (call.ret !== null && call.ret >= 0 && op.personality >>> 0 !== PERSONALITY_QUERY) {
        process.task.sys.personality(op.personality);
      }
      return;
    case 'rlimit':
      if (call.ret === 0) limits(replay, process, op);
      return;
    default:
      return;
  }
}

const CLOSE_RANGE_CLOEXEC = 4;

function install(process: Process, file: File, fd: number, closeOnExec: boolean): void {
  process.task.cur.files.installAt(file, fd, Infinity, closeOnExec);
}

/** Returns the path in maps of a path of the log; null when it is unknown. With `literal`, links are not followed. */
function pathAt(
  replay: Replay,
  process: Process,
  dir: Descriptor,
  path: string | null,
  literal = false,
): string | null {
  if (path === null) return null;
  let base = process.cwd;
  if (dir.fd !== AT_CWD && !path.startsWith('/')) {
    base = dir.path ?? process.task.cur.files.fgetRaw(dir.fd)?.path() ?? null;
    if (path === '') return base;
  } else if (dir.path !== null && base === null) base = dir.path;
  const joined = joinPath(base, path);
  if (joined === null || literal) return joined ?? path;
  return replay.options.programs.resolve(joined);
}

const MAPS_PATH = /^\/proc\/(self|thread-self|[0-9]+)(?:\/task\/[0-9]+)?\/(?:maps|smaps)$/;

/** Returns the process whose map a path shows; -1 for other paths. */
function mapsPid(process: Process, path: string): number {
  const match = path.endsWith('maps') ? MAPS_PATH.exec(path) : null;
  if (match === null || path.endsWith('smaps')) return -1;
  return match[1]!.endsWith('self') ? process.tgid : Number(match[1]);
}

function opened(replay: Replay, process: Process, op: OpenOp): void {
  if (op.opened === null) return;
  const shown = op.opened.path;
  const path = shown ?? pathAt(replay, process, op.dir, op.path) ?? `/unknown/descriptor-${op.opened.fd}`;
  const file = replay.files.open(path, op.flags);
  const pid = mapsPid(process, path);
  if (pid >= 0) replay.mapsFiles.set(file, pid);
  install(process, file, op.opened.fd, (op.flags & O_CLOEXEC) !== 0);
}

function duplicated(replay: Replay, process: Process, op: DupOp): void {
  if (op.to === null) return;
  const { files } = process.task.cur;
  let file = files.fgetRaw(op.from.fd);
  if (op.from.fd === op.to.fd) return;
  if (file === null) {
    if (op.from.path === null) {
      // The file of a descriptor that the log never opened is unknown; a later mmap of it adds the note.
      if (files.fgetRaw(op.to.fd) !== null) files.close(op.to.fd);
      return;
    }
    file = replay.files.open(op.from.path, 2);
    install(process, file, op.from.fd, false);
  }
  install(process, file.getFile(), op.to.fd, op.closeOnExec);
}

function memfd(replay: Replay, process: Process, name: string, flags: number, fd: number): void {
  const driver = replay.kernel.sharedMemory;
  const made = driver?.memfdCreate?.(process.task.cur, name, flags) ?? -1;
  const file = typeof made === 'number' ? replay.files.open(`/memfd:${name} (deleted)`, 2) : made;
  install(process, file, fd, (flags & MFD_CLOEXEC) !== 0);
}

function closeRange(process: Process, first: number, last: number, onlyMark: boolean): void {
  const { files } = process.task.cur;
  for (const fd of files.openFds()) {
    if (fd < first || fd > last) continue;
    if (onlyMark) files.setCloexec(fd, true);
    else files.close(fd);
  }
}

function changeDirectory(process: Process, op: ChdirOp): void {
  if (op.path !== null) process.cwd = joinPath(process.cwd, op.path);
  else if (op.fd !== null) process.cwd = op.fd.path ?? process.task.cur.files.fgetRaw(op.fd.fd)?.path() ?? null;
}

function mapsRead(replay: Replay, process: Process, call: Call, op: TransferOp): void {
  const file = process.task.cur.files.fgetRaw(op.file.fd);
  const pid = file === null ? mapsPid(process, op.file.path ?? '') : (replay.mapsFiles.get(file) ?? -1);
  if (pid >= 0) replay.maps.read(pid, call.line, file?.path() ?? op.file.path ?? '');
}

/** Applies limits: set ones from now on; a read limit was in force from the start. */
function limits(replay: Replay, process: Process, op: RlimitOp): void {
  const target = op.pid === 0 ? process : replay.processes.byPid(op.pid);
  if (target === null || op.resource < 0) return;
  const value = op.set ?? op.was;
  if (value !== null) target.task.limits.assign(op.resource, value.soft, value.hard);
}
