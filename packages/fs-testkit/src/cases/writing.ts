/** Tests of writing, sizes and allocation; and of the errors of a driver that does not support them. */
import {
  EACCES,
  EEXIST,
  EFBIG,
  EINVAL,
  EOPNOTSUPP,
  EPERM,
  EROFS,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  PROT_READ,
  PROT_WRITE,
  RLIMIT_FSIZE,
} from '@vmarea/uapi';
import { equal, ok, oneOf, sameBytes } from '../assert.ts';
import { PAGES_SIZE, pattern, patternByte } from '../fixture.ts';
import type { Case } from './case.ts';

const RW = PROT_READ | PROT_WRITE;

export const WRITING: readonly Case[] = [
  {
    title: 'what is written is read back, also from storage; a hole is zero',
    when: (can) => can.write,
    async run(rig) {
      const fd = await rig.open('f', O_CREAT | O_EXCL | O_RDWR);
      ok(fd >= 0, `create: ${fd}`);
      equal(await rig.open('f', O_CREAT | O_EXCL | O_RDWR), -EEXIST, 'O_EXCL on a file that exists');
      equal(await rig.write(fd, pattern(0, 5000)), 5000, 'write');
      equal(await rig.pwrite(fd, pattern(9, 10), 3 * rig.page + 5), 10, 'pwrite behind the end');
      equal(rig.fstat(fd).size, 3 * rig.page + 15, 'size');
      await rig.uncache(fd);
      sameBytes(await rig.bytes(fd, 5000, 0), pattern(0, 5000), 'the first part');
      sameBytes(await rig.bytes(fd, 100, 6000), new Uint8Array(100), 'the hole');
      sameBytes(await rig.bytes(fd, 50, 3 * rig.page + 5), pattern(9, 10), 'the last part');
      equal(await rig.pwrite(fd, Uint8Array.of(1, 2, 3), 2 * rig.page - 1), 3, 'write into the hole, across pages');
      await rig.uncache(fd);
      sameBytes(await rig.bytes(fd, 5, 2 * rig.page - 2), Uint8Array.of(0, 1, 2, 3, 0), 'and back');
      await rig.end();
    },
  },
  {
    title: 'O_APPEND writes at the end, O_TRUNC empties, RLIMIT_FSIZE ends a file',
    when: (can) => can.write && can.truncate,
    async run(rig) {
      const { sys } = rig.task;
      const fd = await rig.make('f', pattern(0, 10));
      const appending = await rig.open('f', O_WRONLY | O_APPEND);
      equal(await rig.write(appending, pattern(10, 10)), 10, 'append');
      equal(await rig.pwrite(appending, pattern(20, 10), 0), 10, 'pwrite appends too');
      sameBytes(await rig.bytes(fd, 100, 0), pattern(0, 30), 'the file');
      sys.setrlimit(RLIMIT_FSIZE, 32, Infinity);
      equal(await rig.pwrite(fd, pattern(30, 10), 30), 2, 'a write up to the limit');
      equal(await rig.pwrite(fd, pattern(30, 10), 32), -EFBIG, 'a write behind it');
      sys.setrlimit(RLIMIT_FSIZE, Infinity, Infinity);
      const empty = await rig.open('f', O_RDWR | O_TRUNC);
      equal(rig.fstat(empty).size, 0, 'O_TRUNC');
      equal((await rig.bytes(fd, 10, 0)).length, 0, 'seen by the other descriptor');
      await rig.end();
    },
  },
  {
    title: 'truncation takes pages from every mapping, private copies too, and zeroes the rest of the last one',
    when: (can) => can.write && can.truncate && can.mmapSharedWrite,
    async run(rig) {
      const { sys } = rig.task;
      const fd = await rig.given('pages', O_RDWR);
      const shared = await rig.mapped(fd, 4, 'shared', RW);
      const own = await rig.mapped(fd, 4, 'private', RW);
      equal(await rig.store(shared + rig.page, 1), 'ok', 'a dirty page');
      equal(await rig.store(own + rig.page, 2), 'ok', 'a private copy');
      equal(await rig.run(() => sys.ftruncate(fd, 10)), 0, 'ftruncate');
      equal(await rig.load(shared + 9), patternByte(9), 'the last byte left');
      equal(await rig.load(shared + 10), 0, 'the byte behind it');
      equal(await rig.load(shared + rig.page), 'SIGBUS', 'a page that is gone');
      equal(await rig.load(own + rig.page), 'SIGBUS', 'a private copy of it');
      equal(await rig.run(() => sys.ftruncate(fd, 2 * rig.page)), 0, 'growing');
      equal(await rig.load(shared + rig.page), 0, 'the page is zero now');
      equal(await rig.load(own + rig.page), 0, 'in the private mapping too');
      await rig.uncache(fd);
      sameBytes(await rig.bytes(fd, 20, 0), Uint8Array.of(...pattern(0, 10), ...new Uint8Array(10)), 'the file');
      equal(rig.fstat(fd).size, 2 * rig.page, 'its size');
      equal(await rig.run(() => sys.ftruncate(fd, -1)), -EINVAL, 'a negative size');
      const ro = await rig.open('pages');
      equal(await rig.run(() => sys.ftruncate(ro, 0)), -EINVAL, 'through a read-only descriptor');
      equal(await rig.run(() => sys.truncate('/m/pages', 5)), 0, 'truncate by name');
      equal(rig.fstat(fd).size, 5, 'its size');
      await rig.end();
    },
  },
  {
    title: 'without truncate: EPERM, and the file stays',
    when: (can) => can.write && !can.truncate,
    async run(rig) {
      const fd = await rig.given('hello', O_RDWR);
      equal(await rig.run(() => rig.task.sys.ftruncate(fd, 3)), -EPERM, 'ftruncate');
      equal(rig.fstat(fd).size, 13, 'size');
      await rig.end();
    },
  },
  {
    title: 'many small files',
    when: (can) => can.write,
    async run(rig) {
      for (let i = 0; i < 60; i++) rig.close(await rig.make(`f${i}`, pattern(i, i)));
      for (let i = 0; i < 60; i++) {
        const fd = await rig.open(`f${i}`);
        sameBytes(await rig.bytes(fd, 100, 0), pattern(i, i), `file ${i}`);
        rig.close(fd);
      }
      await rig.end();
    },
  },
  {
    title: 'offsets above 2^32 and 2^43',
    when: (can) => can.write && can.mmapSharedWrite,
    async run(rig) {
      for (const base of [2 ** 32, 2 ** 43]) {
        const fd = await rig.open(`big${base}`, O_CREAT | O_RDWR);
        ok(fd >= 0, `create: ${fd}`);
        const n = await rig.pwrite(fd, pattern(3, 8), base + rig.page - 4);
        if (rig.sb.maxBytes < base) {
          equal(n, -EFBIG, `a write at ${base} on a filesystem of smaller files`);
          continue;
        }
        equal(n, 8, `a write at ${base}`);
        equal(rig.fstat(fd).size, base + rig.page + 4, 'size');
        const at = await rig.mapped(fd, 2, 'shared', RW, base / rig.page);
        sameBytes(await rig.loadBytes(at + rig.page - 4, 8), pattern(3, 8), 'mapped');
        equal(await rig.store(at + rig.page + 3, 0x99), 'ok', 'store');
        sameBytes(await rig.bytes(fd, 8, base + rig.page + 3), Uint8Array.of(0x99), 'read');
        equal(rig.task.sys.munmap(at, 2 * rig.page), 0, 'munmap');
        await rig.uncache(fd);
        sameBytes(await rig.bytes(fd, 8, base + rig.page + 3), Uint8Array.of(0x99), 'read from storage');
        sameBytes(await rig.bytes(fd, 8, base - 100), new Uint8Array(8), 'the hole before it');
        rig.close(fd);
        equal(await rig.run(() => rig.task.sys.unlink(`/m/big${base}`)), 0, 'unlink');
      }
      await rig.end();
    },
  },
  {
    title: 'fallocate makes a file longer, or only its room',
    when: (can) => can.write && can.fallocate,
    async run(rig) {
      const { sys } = rig.task;
      const fd = await rig.make('f', pattern(0, 10));
      equal(await rig.run(() => sys.fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 2 * rig.page)), 0, 'KEEP_SIZE');
      equal(rig.fstat(fd).size, 10, 'size');
      equal(await rig.run(() => sys.fallocate(fd, 0, 0, 2 * rig.page)), 0, 'without');
      equal(rig.fstat(fd).size, 2 * rig.page, 'size');
      sameBytes(await rig.bytes(fd, 12, 8), Uint8Array.of(...pattern(8, 2), ...new Uint8Array(10)), 'contents');
      equal(await rig.run(() => sys.fallocate(fd, 0, 0, 0)), -EINVAL, 'no length');
      await rig.end();
    },
  },
  {
    title: 'a punched hole is zero in the file and in every mapping; private copies stay',
    when: (can) => can.write && can.punchHole,
    async run(rig) {
      const { sys } = rig.task;
      const fd = await rig.given('pages', O_RDWR);
      const shared = await rig.mapped(fd, 3, 'shared', RW);
      const own = await rig.mapped(fd, 3, 'private', RW);
      equal(await rig.store(own + rig.page, 0x33), 'ok', 'a private copy');
      equal(await rig.load(shared + rig.page), patternByte(rig.page), 'before');
      const punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
      equal(await rig.run(() => sys.fallocate(fd, punch, rig.page - 2, rig.page + 4)), 0, 'fallocate');
      sameBytes(
        await rig.loadBytes(shared + rig.page - 4, 8),
        Uint8Array.of(...pattern(rig.page - 4, 2), 0, 0, 0, 0, 0, 0),
        'mapped',
      );
      sameBytes(await rig.bytes(fd, 4, 2 * rig.page), Uint8Array.of(0, 0, ...pattern(2 * rig.page + 2, 2)), 'read');
      equal(await rig.load(own + rig.page), 0x33, 'the private copy');
      equal(rig.fstat(fd).size, PAGES_SIZE, 'size');
      await rig.end();
    },
  },
  {
    title: 'without fallocate: EOPNOTSUPP',
    when: (can) => can.write && !can.fallocate,
    async run(rig) {
      const { sys } = rig.task;
      const fd = await rig.given('hello', O_RDWR);
      equal(await rig.run(() => sys.fallocate(fd, 0, 0, rig.page)), -EOPNOTSUPP, 'fallocate');
      const punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
      equal(await rig.run(() => sys.fallocate(fd, punch, 0, rig.page)), -EOPNOTSUPP, 'punching a hole');
      equal(rig.fstat(fd).size, 13, 'size');
      await rig.end();
    },
  },
  {
    title: 'a read-only filesystem says EROFS to everything that would change it',
    when: (can) => !can.write,
    async run(rig) {
      const { sys } = rig.task;
      for (const flags of [O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC])
        equal(await rig.open('hello', flags), -EROFS, `open ${flags}`);
      equal(await rig.open('new', O_CREAT | O_RDWR), -EROFS, 'O_CREAT');
      const fd = await rig.given('hello');
      equal(await rig.run(() => sys.ftruncate(fd, 0)), -EINVAL, 'ftruncate');
      oneOf(await rig.run(() => sys.truncate('/m/hello', 0)), [-EROFS], 'truncate');
      oneOf(await rig.run(() => sys.unlink('/m/hello')), [-EROFS, -EPERM], 'unlink');
      oneOf(await rig.run(() => sys.mkdir('/m/d', 0o755)), [-EROFS, -EPERM], 'mkdir');
      oneOf(await rig.run(() => sys.rename('/m/hello', '/m/x')), [-EROFS, -EPERM], 'rename');
      if (rig.sb.manifest.capabilities.mmapPrivate) {
        equal(await rig.map(fd, 1, 'shared', RW), -EACCES, 'a shared writable mapping');
        const at = await rig.mapped(fd, 1, 'private', RW);
        equal(await rig.store(at, 1), 'ok', 'a private store');
      }
      equal(rig.fstat(fd).size, 13, 'the file is as it was');
      await rig.end();
    },
  },
  {
    title: 'on a read-only mount nothing is changed',
    mount: { readOnly: true },
    when: (can) => can.write,
    async run(rig) {
      const { sys } = rig.task;
      equal(await rig.open('new', O_CREAT | O_RDWR), -EROFS, 'O_CREAT');
      equal(await rig.run(() => sys.mkdir('/m/d', 0o755)), -EROFS, 'mkdir');
      equal(await rig.run(() => sys.symlink('x', '/m/l')), -EROFS, 'symlink');
      await rig.end();
    },
  },
];
