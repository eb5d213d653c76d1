// Names: lookup, opening, creating, removing, renaming; what errno each refusal has.
import {
  AT_FDCWD,
  EACCES,
  EBADF,
  EEXIST,
  EISDIR,
  ELOOP,
  EMFILE,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EROFS,
  ETXTBSY,
  EXDEV,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
} from '@vmarea/uapi';
import { denyWriteAccess } from '@vmarea/mm-core';
import {
  doChdir,
  doLinkat,
  doMkdirat,
  doReadlinkat,
  doRenameat,
  doRmdir,
  doStatat,
  doSymlinkat,
  ramfs,
} from '@vmarea/vfs';
import { describe, expect, it } from 'vitest';
import { Machine, user, type TestTask } from './machine.ts';

function withTask(run: (task: TestTask, machine: Machine) => void): () => void {
  return () => {
    const machine = new Machine({ mounts: { '/r': (s) => ramfs(s, { mode: 0o777 }), '/other': (s) => ramfs(s) } });
    const task = machine.task();
    doChdir(task, '/r');
    run(task, machine);
    task.exit();
    task.fs.cwd = machine.tree.rootPath;
    machine.end();
  };
}

describe('open', () => {
  it(
    'creates, and gives the lowest free descriptor',
    withTask((t) => {
      expect(t.open('a', O_RDWR)).toBe(-ENOENT);
      expect(t.open('a', O_RDWR | O_CREAT)).toBe(0);
      expect(t.open('/r/a', O_RDONLY)).toBe(1);
      expect(t.open('./b', O_RDWR | O_CREAT | O_EXCL)).toBe(2);
      expect(t.open('b', O_RDWR | O_CREAT | O_EXCL)).toBe(-EEXIST);
      expect(t.files.close(1)).toBe(0);
      expect(t.open('../r/a', O_RDONLY)).toBe(1);
      expect(t.files.close(9)).toBe(-EBADF);
      expect(t.files.fget(1)?.path()).toBe('/r/a');
    }),
  );

  it(
    'applies the umask, and opens a new file whatever its mode says',
    withTask((t) => {
      t.cred = user();
      const fd = t.open('secret', O_RDWR | O_CREAT, 0o222);
      expect(fd).toBe(0);
      expect(t.fstat(fd)).toMatchObject({ mode: 0o100200, uid: 1000, nlink: 1, size: 0 });
      expect(t.open('secret', O_RDONLY)).toBe(-EACCES);
    }),
  );

  it(
    'checks permission by owner, group and others, and lets capabilities pass',
    withTask((t) => {
      expect(t.open('f', O_RDWR | O_CREAT, 0o640)).toBe(0);
      t.cred = user();
      expect(t.open('f', O_RDONLY)).toBe(-EACCES);
      t.cred = { ...user(), capLow: 2 };
      expect(t.open('f', O_RDWR)).toBe(1);
    }),
  );

  it(
    'knows directories',
    withTask((t) => {
      expect(doMkdirat(t, AT_FDCWD, 'd', 0o777)).toBe(0);
      expect(t.open('d', O_RDWR)).toBe(-EISDIR);
      expect(t.open('d', O_RDONLY | O_CREAT)).toBe(-EISDIR);
      expect(t.open('d', O_RDONLY | O_DIRECTORY)).toBe(0);
      expect(t.open('f', O_CREAT | O_WRONLY)).toBe(1);
      expect(t.open('f', O_RDONLY | O_DIRECTORY)).toBe(-ENOTDIR);
      expect(t.open('f/x', O_RDONLY)).toBe(-ENOTDIR);
      expect(t.open('f/', O_RDONLY)).toBe(-ENOTDIR);
      expect(t.open('new/', O_CREAT | O_WRONLY)).toBe(-EISDIR);
      expect(t.open('', O_RDONLY)).toBe(-ENOENT);
      expect(t.open('n'.repeat(256), O_RDONLY)).toBe(-ENAMETOOLONG);
    }),
  );

  it(
    'follows symbolic links, not in circles, and not with O_NOFOLLOW',
    withTask((t) => {
      expect(t.open('f', O_CREAT | O_WRONLY)).toBe(0);
      expect(doSymlinkat(t, '/r/f', AT_FDCWD, 'l')).toBe(0);
      expect(doSymlinkat(t, 'loop', AT_FDCWD, 'loop')).toBe(0);
      const fd = t.open('l', O_RDONLY);
      expect(t.file(fd).path()).toBe('/r/f');
      expect(t.open('l', O_RDONLY | O_NOFOLLOW)).toBe(-ELOOP);
      expect(t.open('loop', O_RDONLY)).toBe(-ELOOP);
      expect(doReadlinkat(t, AT_FDCWD, 'l')).toBe('/r/f');
    }),
  );

  it(
    'truncates, and gives O_PATH descriptors that can do nothing',
    withTask((t) => {
      const fd = t.open('f', O_CREAT | O_RDWR);
      expect(t.pwrite(fd, 'hello', 0)).toBe(5);
      const path = t.open('f', O_PATH);
      expect(t.files.fget(path)).toBeNull();
      expect(t.pread(path, 1, 0)).toBe(-29);
      expect(t.open('f', O_RDWR | O_TRUNC)).toBe(2);
      expect(t.fstat(fd).size).toBe(0);
    }),
  );

  it(
    'refuses writers of a running program, and runs no program that is written',
    withTask((t) => {
      const fd = t.open('prog', O_CREAT | O_RDWR, 0o755);
      expect(denyWriteAccess(t.file(fd))).toBe(-ETXTBSY);
      t.files.close(fd);
      const ro = t.open('prog', O_RDONLY);
      expect(denyWriteAccess(t.file(ro))).toBe(0);
      expect(t.open('prog', O_RDWR)).toBe(-ETXTBSY);
      expect(t.open('prog', O_RDONLY | O_TRUNC)).toBe(-ETXTBSY);
      t.file(ro).fInode.iWritecount++;
    }),
  );

  it(
    'keeps to RLIMIT_NOFILE, and closes on exec',
    withTask((t) => {
      t.rlimits.nofile = 2;
      expect(t.open('f', O_CREAT | O_RDWR | O_CLOEXEC)).toBe(0);
      expect(t.files.dup(0, t.rlimits.nofile)).toBe(1);
      expect(t.open('f', O_RDWR)).toBe(-EMFILE);
      expect(t.files.dup3(0, 2, 2, false)).toBe(-EBADF);
      expect(t.file(1).fCount).toBe(2);
      t.files.closeOnExec();
      expect(t.files.openFds()).toEqual([1]);
    }),
  );

  it(
    'a read-only mount is EROFS',
    withTask((t, machine) => {
      machine.tree.mount('/ro', ramfs(machine.system), { readOnly: true });
      expect(t.open('/ro/f', O_CREAT | O_RDWR)).toBe(-EROFS);
      expect(doMkdirat(t, AT_FDCWD, '/ro/d', 0o777)).toBe(-EROFS);
    }),
  );
});

describe('names', () => {
  it(
    'an unlinked file lives on while it is open, and its path says so',
    withTask((t) => {
      const fd = t.open('f', O_CREAT | O_RDWR);
      t.pwrite(fd, 'x', 0);
      expect(t.unlink('f')).toBe(0);
      expect(t.unlink('f')).toBe(-ENOENT);
      expect(t.file(fd).path()).toBe('/r/f (deleted)');
      expect(t.fstat(fd).nlink).toBe(0);
      expect(t.pread(fd, 10, 0)).toBe('x');
    }),
  );

  it(
    'hard links count',
    withTask((t) => {
      const fd = t.open('f', O_CREAT | O_RDWR);
      expect(doLinkat(t, AT_FDCWD, 'f', AT_FDCWD, 'g')).toBe(0);
      expect(t.fstat(fd).nlink).toBe(2);
      expect(doLinkat(t, AT_FDCWD, 'f', AT_FDCWD, '/other/g')).toBe(-EXDEV);
      expect(t.unlink('f')).toBe(0);
      expect(doStatat(t, AT_FDCWD, 'g', true)).toMatchObject({ nlink: 1 });
    }),
  );

  it(
    'rename replaces the target, and open files follow',
    withTask((t) => {
      const a = t.open('a', O_CREAT | O_RDWR);
      const b = t.open('b', O_CREAT | O_RDWR);
      expect(doRenameat(t, AT_FDCWD, 'a', AT_FDCWD, 'b')).toBe(0);
      expect(t.file(a).path()).toBe('/r/b');
      expect(t.file(b).path()).toBe('/r/b (deleted)');
      expect(doRenameat(t, AT_FDCWD, 'b', AT_FDCWD, '/other/b')).toBe(-EXDEV);
      expect(doMkdirat(t, AT_FDCWD, 'd', 0o777)).toBe(0);
      expect(doRenameat(t, AT_FDCWD, 'd', AT_FDCWD, 'd/e')).toBe(-22);
      expect(doRenameat(t, AT_FDCWD, 'b', AT_FDCWD, 'd')).toBe(-EISDIR);
    }),
  );

  it(
    'directories go only when empty',
    withTask((t) => {
      expect(doMkdirat(t, AT_FDCWD, 'd', 0o777)).toBe(0);
      expect(doMkdirat(t, AT_FDCWD, 'd', 0o777)).toBe(-EEXIST);
      expect(t.open('d/f', O_CREAT | O_RDWR)).toBe(0);
      expect(doRmdir(t, AT_FDCWD, 'd')).toBe(-ENOTEMPTY);
      expect(t.unlink('d')).toBe(-EISDIR);
      expect(t.unlink('d/f')).toBe(0);
      expect(doRmdir(t, AT_FDCWD, 'd')).toBe(0);
      expect(doRmdir(t, AT_FDCWD, 'd')).toBe(-ENOENT);
    }),
  );

  it(
    'a sticky directory protects what belongs to others',
    withTask((t) => {
      expect(doMkdirat(t, AT_FDCWD, 'tmp', 0o1777)).toBe(0);
      t.fs.cwd.dentry.children!.get('tmp')!.dInode!.iMode |= 0o1777;
      t.cred = user(1);
      expect(t.open('tmp/f', O_CREAT | O_RDWR)).toBe(0);
      t.cred = user(2);
      expect(t.unlink('tmp/f')).toBe(-EPERM);
    }),
  );

  it(
    'O_APPEND writes at the end, wherever the position is',
    withTask((t) => {
      const fd = t.open('f', O_CREAT | O_RDWR | O_APPEND);
      expect(t.pwrite(fd, 'abc', 0)).toBe(3);
      expect(t.pwrite(fd, 'def', 0)).toBe(3);
      expect(t.pread(fd, 10, 0)).toBe('abcdef');
    }),
  );
});
