/** Tests of names while files are mapped: rename, unlink, links, directories; flags and locks. */
import {
  AT_FDCWD,
  EAGAIN,
  EACCES,
  EEXIST,
  EISDIR,
  ELOOP,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  ENOTTY,
  EPERM,
  F_GETLK,
  F_RDLCK,
  F_SETLK,
  F_UNLCK,
  F_WRLCK,
  LOCK_EX,
  LOCK_NB,
  LOCK_UN,
  O_APPEND,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
} from '@vmarea/uapi';
import { FS_IOC_SETFLAGS } from '@vmarea/kernel';
import { doLinkat, FS_APPEND_FL, type Flock } from '@vmarea/vfs';
import { equal, ok, sameBytes, show } from '../assert.ts';
import { pattern, patternByte } from '../fixture.ts';
import type { Case } from './case.ts';

const RW = PROT_READ | PROT_WRITE;

function lock(type: number): Flock {
  return { type, whence: 0, start: 0, len: 10, pid: 0 };
}

export const NAMES: readonly Case[] = [
  {
    title: 'an unlinked file stays while it is mapped, and maps says so',
    when: (can) => can.write && can.mmapPrivate,
    async run(rig) {
      const { sys } = rig.task;
      const fd = await rig.given('pages', O_RDWR);
      const at = await rig.mapped(fd, 3, 'private', PROT_READ);
      equal(await rig.load(at), patternByte(0), 'before');
      equal(await rig.run(() => sys.unlink('/m/pages')), 0, 'unlink');
      equal(rig.fstat(fd).nlink, 0, 'no link is left');
      rig.close(fd);
      equal(await rig.open('pages'), -ENOENT, 'open');
      equal(rig.mapsPath(at), '/m/pages (deleted)', 'maps');
      equal(await rig.load(at + rig.page), patternByte(rig.page), 'a page that had not been read');
      const again = await rig.make('pages', pattern(1000, 10));
      sameBytes(await rig.bytes(again, 10, 0), pattern(1000, 10), 'a new file of the same name');
      equal(await rig.load(at + 2 * rig.page), patternByte(2 * rig.page), 'is another one');
      await rig.end();
    },
  },
  {
    title: 'writes to an unlinked file are read by those who have it open',
    when: (can) => can.write,
    async run(rig) {
      const fd = await rig.make('f', pattern(0, 100));
      equal(await rig.run(() => rig.task.sys.unlink('/m/f')), 0, 'unlink');
      equal(await rig.pwrite(fd, pattern(100, 100), 100), 100, 'write');
      await rig.uncache(fd);
      sameBytes(await rig.bytes(fd, 300, 0), pattern(0, 200), 'read');
      await rig.end();
    },
  },
  {
    title: 'rename: mappings follow the file, what it replaces lives on for who has it',
    when: (can) => can.write && can.rename && can.mmapPrivate,
    async run(rig) {
      const { sys } = rig.task;
      const a = await rig.given('pages', O_RDWR);
      const b = await rig.make('b', pattern(500, 100));
      const at = await rig.mapped(a, 3, 'private', PROT_READ);
      const old = await rig.mapped(b, 1, 'private', PROT_READ);
      equal(await rig.run(() => sys.rename('/m/pages', '/m/b')), 0, 'rename');
      equal(rig.mapsPath(at), '/m/b', 'maps of the one that moved');
      equal(rig.mapsPath(old), '/m/b (deleted)', 'maps of the one that was replaced');
      equal(await rig.load(at + rig.page), patternByte(rig.page), 'a page of the one that moved');
      equal(await rig.load(old), patternByte(500), 'a page of the one that was replaced');
      equal(await rig.open('pages'), -ENOENT, 'the old name');
      const c = await rig.open('b');
      equal(rig.file(c).fInode === rig.file(a).fInode, true, 'the new name leads to the same inode');
      sameBytes(await rig.bytes(c, 10, 0), pattern(0, 10), 'and to the same contents');
      equal(await rig.run(() => sys.rename('/m/none', '/m/x')), -ENOENT, 'a name that does not exist');
      await rig.end();
    },
  },
  {
    title: 'without rename: EPERM',
    when: (can) => can.write && !can.rename,
    async run(rig) {
      await rig.given('hello');
      equal(await rig.run(() => rig.task.sys.rename('/m/hello', '/m/x')), -EPERM, 'rename');
      ok((await rig.open('hello')) >= 0, 'the file has its name still');
      await rig.end();
    },
  },
  {
    title: 'directories: made, filled, moved, removed when empty',
    when: (can) => can.write && can.mkdir,
    async run(rig) {
      const { sys } = rig.task;
      equal(await rig.run(() => sys.mkdir('/m/d', 0o755)), 0, 'mkdir');
      equal(await rig.run(() => sys.mkdir('/m/d', 0o755)), -EEXIST, 'once more');
      equal(await rig.run(() => sys.mkdir('/m/d/e', 0o755)), 0, 'mkdir in it');
      const fd = await rig.make('d/e/f', pattern(0, 50));
      equal(await rig.run(() => sys.rmdir('/m/d/e')), -ENOTEMPTY, 'rmdir of one that is not empty');
      equal(await rig.run(() => sys.unlink('/m/d')), -EISDIR, 'unlink of a directory');
      equal(await rig.run(() => sys.rmdir('/m/d/e/f')), -ENOTDIR, 'rmdir of a file');
      if (rig.sb.manifest.capabilities.rename) {
        equal(await rig.run(() => sys.rename('/m/d', '/m/g')), 0, 'rename of a directory');
        await rig.uncache(fd);
        sameBytes(await rig.bytes(fd, 50, 0), pattern(0, 50), 'a file in it');
        const again = await rig.open('g/e/f');
        equal(rig.file(again).fInode === rig.file(fd).fInode, true, 'is the same by its new path');
        equal(await rig.run(() => sys.rename('/m/g', '/m/d')), 0, 'and back');
      }
      equal(await rig.run(() => sys.unlink('/m/d/e/f')), 0, 'unlink');
      equal(await rig.run(() => sys.rmdir('/m/d/e')), 0, 'rmdir');
      equal(await rig.open('d/e'), -ENOENT, 'it is gone');
      await rig.end();
    },
  },
  {
    title: 'without mkdir: EPERM',
    when: (can) => can.write && !can.mkdir,
    async run(rig) {
      equal(await rig.run(() => rig.task.sys.mkdir('/m/d', 0o755)), -EPERM, 'mkdir');
      await rig.end();
    },
  },
  {
    title: 'symbolic links are followed, and loops are refused',
    when: (can) => can.write && can.symlink,
    async run(rig) {
      const { sys } = rig.task;
      const fd = await rig.make('f', pattern(0, 50));
      equal(await rig.run(() => sys.symlink('f', '/m/l')), 0, 'symlink');
      const through = await rig.open('l');
      equal(rig.file(through).fInode === rig.file(fd).fInode, true, 'it leads to the file');
      equal(await rig.run(() => sys.symlink('loop', '/m/loop')), 0, 'symlink to itself');
      equal(await rig.open('loop'), -ELOOP, 'open');
      equal(await rig.run(() => sys.symlink('/m/f', '/m/abs')), 0, 'an absolute one');
      ok((await rig.open('abs')) >= 0, "starts at the machine's root");
      equal(await rig.run(() => sys.unlink('/m/l')), 0, 'unlink takes the link');
      ok((await rig.open('f')) >= 0, 'not the file');
      await rig.end();
    },
  },
  {
    title: 'without symbolic links: EPERM',
    when: (can) => can.write && !can.symlink,
    async run(rig) {
      equal(await rig.run(() => rig.task.sys.symlink('f', '/m/l')), -EPERM, 'symlink');
      await rig.end();
    },
  },
  {
    title: 'two names of a file are one file; it goes with the last',
    when: (can) => can.write && can.link,
    async run(rig) {
      const { cur, sys } = rig.task;
      const fd = await rig.make('f', pattern(0, 50));
      equal(await rig.run(() => doLinkat(cur, AT_FDCWD, '/m/f', AT_FDCWD, '/m/g')), 0, 'link');
      equal(rig.fstat(fd).nlink, 2, 'links');
      const other = await rig.open('g', O_RDWR);
      equal(rig.file(other).fInode === rig.file(fd).fInode, true, 'the other name leads to the same inode');
      equal(await rig.pwrite(other, Uint8Array.of(0xee), 0), 1, 'a write by one name');
      sameBytes(await rig.bytes(fd, 1, 0), Uint8Array.of(0xee), 'is read by the other');
      // Looked up anew, both names lead to one file as well: the driver tells it by the key of what it finds.
      for (const open of [fd, other]) rig.forgetName(open);
      const again = [await rig.open('f', O_RDWR), await rig.open('g', O_RDWR)];
      for (const open of again) ok(open >= 0, `open of a name looked up anew: ${show(open)}`);
      equal(
        rig.file(again[0]!).fInode === rig.file(again[1]!).fInode,
        true,
        'both names, looked up anew, lead to the same inode (lookup gives them one key)',
      );
      for (const open of again) rig.close(open);
      equal(await rig.run(() => sys.unlink('/m/f')), 0, 'unlink of the first');
      equal(rig.fstat(fd).nlink, 1, 'links');
      rig.close(fd);
      await rig.uncache(other);
      sameBytes(await rig.bytes(other, 10, 1), pattern(1, 10), 'the second has everything');
      equal(await rig.run(() => doLinkat(cur, AT_FDCWD, '/m/none', AT_FDCWD, '/m/x')), -ENOENT, 'no such file');
      await rig.end();
    },
  },
  {
    title: 'without hard links: EPERM',
    when: (can) => can.write && !can.link,
    async run(rig) {
      const { cur } = rig.task;
      await rig.given('hello');
      equal(await rig.run(() => doLinkat(cur, AT_FDCWD, '/m/hello', AT_FDCWD, '/m/x')), -EPERM, 'link');
      await rig.end();
    },
  },
  {
    title: 'an append-only file is only ever made longer',
    when: (can) => can.write && can.appendOnly,
    async run(rig) {
      const { sys } = rig.task;
      const fd = await rig.make('f', pattern(0, 10));
      equal(sys.ioctl(fd, FS_IOC_SETFLAGS, FS_APPEND_FL), 0, 'FS_IOC_SETFLAGS');
      equal(await rig.map(fd, 1, 'shared', RW), -EACCES, 'a shared writable mapping');
      equal(await rig.open('f', O_RDWR), -EPERM, 'open for writing without O_APPEND');
      const more = await rig.open('f', O_RDWR | O_APPEND);
      equal(await rig.pwrite(more, pattern(10, 5), 0), 5, 'append');
      equal(await rig.run(() => sys.ftruncate(more, 3)), -EPERM, 'ftruncate');
      sameBytes(await rig.bytes(fd, 100, 0), pattern(0, 15), 'the file');
      equal(sys.ioctl(fd, FS_IOC_SETFLAGS, 0), 0, 'the flag is taken away');
      await rig.end();
    },
  },
  {
    title: 'without file flags: ENOTTY',
    when: (can) => !can.appendOnly,
    async run(rig) {
      const fd = await rig.given('hello');
      equal(rig.task.sys.ioctl(fd, FS_IOC_SETFLAGS, FS_APPEND_FL), -ENOTTY, 'FS_IOC_SETFLAGS');
      await rig.end();
    },
  },
  {
    title: 'record locks stand between processes and end with a close; flock between opens',
    when: (can) => can.write,
    async run(rig) {
      const { sys } = rig.task;
      const fd = await rig.make('f', pattern(0, 100));
      const child = rig.fork();
      equal(sys.fcntl(fd, F_SETLK, lock(F_WRLCK)), 0, 'a write lock');
      equal(child.sys.fcntl(fd, F_SETLK, lock(F_RDLCK)), -EAGAIN, 'a read lock of another process');
      const seen = lock(F_RDLCK);
      equal(child.sys.fcntl(fd, F_GETLK, seen), 0, 'F_GETLK');
      equal(seen.type, F_WRLCK, 'tells the lock');
      equal(sys.fcntl(fd, F_SETLK, lock(F_UNLCK)), 0, 'unlock');
      equal(child.sys.fcntl(fd, F_SETLK, lock(F_RDLCK)), 0, 'now it is free');
      equal(child.sys.close(fd), 0, 'close');
      equal(sys.fcntl(fd, F_SETLK, lock(F_WRLCK)), 0, 'which gave the lock back');
      const other = await rig.open('f', O_RDWR | O_CREAT);
      equal(sys.flock(fd, LOCK_EX | LOCK_NB), 0, 'flock');
      equal(sys.flock(other, LOCK_EX | LOCK_NB), -EAGAIN, 'flock through another open');
      equal(sys.flock(fd, LOCK_UN), 0, 'unlock');
      equal(sys.flock(other, LOCK_EX | LOCK_NB), 0, 'now it is free');
      await rig.end();
    },
  },
];
