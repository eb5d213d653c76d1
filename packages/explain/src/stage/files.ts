/**
 * Opens the files of a situation: a file of each kind, at its descriptor.
 */
import type { Task } from '@vmarea/kernel';
import { isErr } from '@vmarea/mm-core';
import type { FileSpec } from '@vmarea/situation';
import {
  errnoName,
  F_ADD_SEALS,
  F_SEAL_WRITE,
  F_SETLK,
  F_WRLCK,
  MFD_ALLOW_SEALING,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
} from '@vmarea/uapi';
import { ScriptError } from '../input/error.ts';

/** A file that is open before the calls. */
export interface StagedFile {
  readonly spec: FileSpec;
  /** Its path; null: a generated one. */
  readonly path: string | null;
}

const FS_IOC_SETFLAGS = 0x40086602;
const FS_APPEND_FL = 0x20;
const S_APPEND = 4;

function must(result: number, what: string): number {
  if (isErr(result)) throw new ScriptError(`${what}: ${errnoName(-result)}`);
  return result;
}

function pathOf({ spec, path }: StagedFile, fd: number): string {
  const noexec = spec.noexec ? '-noexec' : '';
  if (spec.kind === 'zero' || spec.kind === 'null') return `/dev/${spec.kind}`;
  if (spec.kind === 'hugetlbfs') return `/huge/file${fd}`;
  if (spec.kind === 'tmpfs') return `/tmp${noexec}/file${fd}`;
  // A device is a plain file here, elsewhere: its driver is not.
  if (path !== null && /^\/(?:dev|proc|sys)\//.test(path)) return `/ram${path}`;
  return path !== null && !spec.noexec ? path : `/ram${noexec}/file${fd}`;
}

function flagsOf(spec: FileSpec): number {
  const mode = spec.mode === 'ro' ? O_RDONLY : spec.mode === 'wo' ? O_WRONLY : O_RDWR;
  return spec.kind === 'dir' ? O_RDONLY : mode | (spec.openAppend ? O_APPEND : 0);
}

/** Creates the directories of a path. */
function makeDirectories(task: Task, path: string): void {
  const parts = path.split('/').filter((part) => part !== '');
  for (let i = 1; i < parts.length; i++) {
    const dir = `/${parts.slice(0, i).join('/')}`;
    if (typeof task.sys.stat(dir) === 'number') task.sys.mkdir(dir, 0o755);
  }
}

/** Returns the file's size; for a file of huge pages, whole huge pages. */
function sizeOf(task: Task, spec: FileSpec, fd: number): number {
  const huge = task.cur.files.fget(fd)!.hugePageSize;
  return huge === 0 ? spec.size : Math.ceil(spec.size / huge) * huge;
}

function makeFile(task: Task, path: string, { spec, path: given }: StagedFile): void {
  const { sys } = task;
  if (spec.kind === 'zero' || spec.kind === 'null') return;
  // A missing mount must cause an error, so its directory is not created.
  if (given !== null) makeDirectories(task, path);
  if (spec.kind === 'dir') {
    must(sys.mkdir(path, 0o777), 'mkdir');
    return;
  }
  // The set-group-id bit without group execution enables mandatory locks.
  const maker = must(sys.open(path, O_RDWR | O_CREAT, spec.locked ? 0o2666 : 0o777), `open ${path}`);
  must(sys.ftruncate(maker, sizeOf(task, spec, maker)), `ftruncate ${path}`);
  must(sys.close(maker), 'close');
}

function openKind(task: Task, file: StagedFile, fd: number): number {
  const { sys } = task;
  const { spec } = file;
  if (spec.kind === 'pipe') {
    const ends: [number, number] = [0, 0];
    must(sys.pipe2(ends), 'pipe2');
    must(sys.close(spec.mode === 'wo' ? ends[0] : ends[1]), 'close');
    return spec.mode === 'wo' ? ends[1] : ends[0];
  }
  if (spec.kind === 'memfd') {
    const made = must(sys.memfdCreate(`file${fd}`, MFD_ALLOW_SEALING), 'memfd_create');
    must(sys.ftruncate(made, spec.size), 'ftruncate');
    if (spec.sealed) must(sys.fcntl(made, F_ADD_SEALS, F_SEAL_WRITE), 'F_ADD_SEALS');
    return made;
  }
  const path = pathOf(file, fd);
  makeFile(task, path, file);
  return must(sys.open(path, flagsOf(spec)), `open ${path}`);
}

function attributes(task: Task, file: StagedFile, opened: number, fd: number): void {
  const { spec } = file;
  if (spec.append) {
    const open = task.cur.files.fget(opened)!;
    if (isErr(task.sys.ioctl(opened, FS_IOC_SETFLAGS, FS_APPEND_FL))) open.fInode.iFlags |= S_APPEND;
  }
  if (!spec.locked) return;
  const path = pathOf(file, fd);
  const holder = task.kernel.spawn({ comm: 'locker' });
  const theirs = must(holder.sys.open(path, O_RDWR), `open ${path}`);
  must(holder.sys.fcntl(theirs, F_SETLK, { type: F_WRLCK, whence: 0, start: 0, len: 0, pid: 0 }), 'F_SETLK');
}

/**
 * Opens the files.
 *
 * @throws ScriptError when one cannot be made
 */
export function openFiles(task: Task, files: ReadonlyMap<number, StagedFile>): void {
  const { sys } = task;
  for (const [fd, file] of files) {
    const { sameAs } = file.spec;
    const other = sameAs === null ? undefined : files.get(sameAs);
    const opened =
      other === undefined
        ? openKind(task, file, fd)
        : must(sys.open(pathOf(other, sameAs!), flagsOf(file.spec)), 'open');
    if (other === undefined) attributes(task, file, opened, fd);
    if (opened === fd) continue;
    must(sys.dup3(opened, fd), `dup3 to ${fd}`);
    must(sys.close(opened), 'close');
  }
}
