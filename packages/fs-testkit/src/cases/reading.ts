/** Tests of reading: contents, ends, positions, two opens. */
import {
  EACCES,
  EBADF,
  EINVAL,
  EISDIR,
  ENODEV,
  ENOENT,
  ENOTDIR,
  O_DIRECTORY,
  O_RDONLY,
  PROT_READ,
  S_ISDIR,
  S_ISREG,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
} from '@vmarea/uapi';
import { equal, oneOf, sameBytes } from '../assert.ts';
import { FIXTURE_FILES, PAGES_SIZE, pattern } from '../fixture.ts';
import type { Case } from './case.ts';

export const READING: readonly Case[] = [
  {
    title: 'a file is read in pieces that fit nothing, to its end',
    async run(rig) {
      const fd = await rig.given('pages');
      const target = new Uint8Array(PAGES_SIZE + 100);
      let at = 0;
      for (;;) {
        const n = await rig.run(() => rig.task.sys.read(fd, target, at, Math.min(777, target.length - at)));
        if (n <= 0) {
          equal(n, 0, 'read at the end');
          break;
        }
        at += n;
      }
      sameBytes(target.subarray(0, at), FIXTURE_FILES['pages']!, 'the whole file');
      equal(rig.task.sys.lseek(fd, 0, SEEK_CUR), PAGES_SIZE, 'the position behind it');
      await rig.end();
    },
  },
  {
    title: 'pread: across pages, to the end, behind it, and at no position',
    async run(rig) {
      const fd = await rig.given('pages');
      sameBytes(await rig.bytes(fd, 10, rig.page - 5), pattern(rig.page - 5, 10), 'across a page boundary');
      sameBytes(await rig.bytes(fd, 500, PAGES_SIZE - 10), pattern(PAGES_SIZE - 10, 10), 'over the end');
      sameBytes(await rig.bytes(fd, 2 * rig.page, 1), pattern(1, 2 * rig.page), 'two pages at an odd place');
      equal((await rig.bytes(fd, 10, PAGES_SIZE)).length, 0, 'at the end');
      equal((await rig.bytes(fd, 10, 2 ** 43 + 5)).length, 0, 'far behind the end');
      equal(await rig.pread(fd, 10, -1), -EINVAL, 'before the beginning');
      equal(rig.task.sys.lseek(fd, 0, SEEK_CUR), 0, 'the position has not moved');
      await rig.end();
    },
  },
  {
    title: 'sizes, types, an empty file, and names that do not exist',
    async run(rig) {
      const fd = await rig.given('empty');
      equal((await rig.bytes(fd, 10, 0)).length, 0, 'an empty file');
      const stat = rig.fstat(fd);
      equal(stat.size, 0, 'its size');
      equal(S_ISREG(stat.mode), true, 'a regular file');
      equal(rig.fstat(await rig.given('hello')).size, 13, 'size of hello');
      equal(await rig.open('none'), -ENOENT, 'a name that does not exist');
      equal(await rig.open('hello/x'), -ENOTDIR, 'a file taken for a directory');
      equal(await rig.open('hello/'), -ENOTDIR, 'a file with a slash behind it');
      equal(await rig.open('hello', O_RDONLY | O_DIRECTORY), -ENOTDIR, 'O_DIRECTORY on a file');
      await rig.end();
    },
  },
  {
    title: 'the root directory is opened, and neither read nor mapped',
    async run(rig) {
      const fd = await rig.open('');
      equal(fd >= 0, true, 'open');
      equal(S_ISDIR(rig.fstat(fd).mode), true, 'a directory');
      equal(await rig.pread(fd, 1, 0), -EISDIR, 'read');
      equal(await rig.map(fd, 1, 'private', PROT_READ), -ENODEV, 'mmap');
      await rig.end();
    },
  },
  {
    title: 'two opens have a position each; dup and fork share one',
    async run(rig) {
      const { sys } = rig.task;
      const one = await rig.given('pages');
      const two = await rig.open('pages');
      equal(sys.lseek(one, -3, SEEK_END), PAGES_SIZE - 3, 'lseek from the end');
      equal(sys.lseek(two, 0, SEEK_CUR), 0, 'the other one stays');
      const copy = sys.dup(one);
      equal(sys.lseek(copy, 7, SEEK_SET), 7, 'lseek of the copy');
      equal(sys.lseek(one, 0, SEEK_CUR), 7, 'moves both');
      equal(rig.file(one).fInode === rig.file(two).fInode, true, 'one file has one inode');
      rig.close(one);
      equal(await rig.pread(one, 1, 0), -EBADF, 'a closed descriptor');
      sameBytes(await rig.bytes(copy, 5, 0), pattern(0, 5), 'the copy is still open');
      await rig.end();
    },
  },
  {
    title: 'whoever is not allowed does not open',
    async run(rig) {
      const fd = await rig.given('hello');
      const inode = rig.file(fd).fInode;
      rig.close(fd);
      const mode = inode.iMode;
      inode.iMode = (mode & ~0o777) | 0o600;
      rig.task.sys.setuid(1000);
      oneOf(await rig.open('hello'), [-EACCES], "somebody else's file");
      inode.iMode = mode;
      await rig.end();
    },
  },
];
