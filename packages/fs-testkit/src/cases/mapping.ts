/** Tests of mappings: private and shared, their ends, their coherence with reads, writes and each other. */
import {
  EACCES,
  EINVAL,
  ENODEV,
  EPERM,
  MADV_DONTNEED,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MS_SYNC,
  O_RDWR,
  O_WRONLY,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from '@vmarea/uapi';
import { equal, ok, oneOf, sameBytes } from '../assert.ts';
import { PAGES_SIZE, pattern, patternByte } from '../fixture.ts';
import type { Case } from './case.ts';

const RW = PROT_READ | PROT_WRITE;

export const MAPPING: readonly Case[] = [
  {
    title: 'a private mapping shows the file; zeroes to the end of the last page; SIGBUS behind it',
    when: (can) => can.mmapPrivate,
    async run(rig) {
      const fd = await rig.given('pages');
      const at = await rig.mapped(fd, 6, 'private', PROT_READ);
      sameBytes(await rig.loadBytes(at + rig.page - 8, 16), pattern(rig.page - 8, 16), 'across a page boundary');
      equal(await rig.load(at + PAGES_SIZE - 1), patternByte(PAGES_SIZE - 1), 'the last byte');
      const end = Math.ceil(PAGES_SIZE / rig.page) * rig.page;
      if (end > PAGES_SIZE) equal(await rig.load(at + PAGES_SIZE), 0, 'behind the end, on its page');
      equal(await rig.load(at + end), 'SIGBUS', 'the page behind the end');
      equal(await rig.store(at, 1), 'SIGSEGV', 'a store without PROT_WRITE');
      await rig.end();
    },
  },
  {
    title: 'pages come in whatever order they are asked for, and at any offset of the file',
    when: (can) => can.mmapPrivate,
    async run(rig) {
      const fd = await rig.given('pages');
      const whole = await rig.mapped(fd, 4, 'private', PROT_READ);
      const third = await rig.mapped(fd, 1, 'private', PROT_READ, 2);
      for (const page of [3, 0, 2, 1]) {
        equal(await rig.load(whole + page * rig.page + 5), patternByte(page * rig.page + 5), `page ${page}`);
      }
      equal(await rig.load(third + 9), patternByte(2 * rig.page + 9), 'a mapping that starts inside the file');
      await rig.end();
    },
  },
  {
    title: 'a store to a private mapping is seen by nobody else',
    when: (can) => can.mmapPrivate,
    async run(rig) {
      const fd = await rig.given('pages');
      const mine = await rig.mapped(fd, 2, 'private', RW);
      const other = await rig.mapped(fd, 2, 'private', PROT_READ);
      equal(await rig.store(mine + 10, 0xee), 'ok', 'store');
      equal(await rig.load(mine + 10), 0xee, 'load');
      equal(await rig.load(mine + 11), patternByte(11), 'the rest of the page was copied');
      equal(await rig.load(other + 10), patternByte(10), 'another mapping');
      sameBytes(await rig.bytes(fd, 4, 9), pattern(9, 4), 'the file');
      equal(rig.task.sys.madvise(mine, rig.page, MADV_DONTNEED), 0, 'MADV_DONTNEED');
      equal(await rig.load(mine + 10), patternByte(10), 'and the copy is gone');
      await rig.end();
    },
  },
  {
    title: 'a mapping outlives the descriptor, and fork copies it',
    when: (can) => can.mmapPrivate,
    async run(rig) {
      const fd = await rig.given('pages');
      const at = await rig.mapped(fd, 3, 'private', RW);
      rig.close(fd);
      equal(await rig.store(at, 0x11), 'ok', 'store before the fork');
      const child = rig.fork();
      equal(await rig.load(at, child), 0x11, 'the child has the copy');
      equal(await rig.load(at + rig.page, child), patternByte(rig.page), 'the child reads pages of its own');
      equal(await rig.store(at, 0x22, child), 'ok', 'the child stores');
      equal(await rig.load(at), 0x11, 'the parent does not see it');
      child.sys.exit(0);
      equal(await rig.load(at + 2 * rig.page), patternByte(2 * rig.page), 'the parent goes on');
      await rig.end();
    },
  },
  {
    title: 'MAP_POPULATE, mlock and mincore',
    when: (can) => can.mmapPrivate,
    async run(rig) {
      const { sys } = rig.task;
      const fd = await rig.given('pages');
      const size = 4 * rig.page;
      const at = await rig.run(() => sys.mmap(0, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0));
      ok(at > 0, `mmap with MAP_POPULATE: ${at}`);
      const there = new Uint8Array(4);
      equal(sys.mincore(at, size, there), 0, 'mincore');
      equal([...there].join(), '1,1,1,1', 'every page is there');
      const faults = rig.task.cur.majFlt + rig.task.cur.minFlt;
      equal(await rig.load(at + 3 * rig.page), patternByte(3 * rig.page), 'a populated page');
      equal(rig.task.cur.majFlt + rig.task.cur.minFlt, faults, 'it is mapped already');
      const locked = await rig.mapped(fd, 4, 'private', RW);
      equal(await rig.run(() => sys.mlock(locked, size)), 0, 'mlock');
      equal(await rig.load(locked + rig.page), patternByte(rig.page), 'a locked page');
      await rig.end();
    },
  },
  {
    title: 'shared mappings show one file, to every descriptor and process',
    when: (can) => can.mmapShared,
    async run(rig) {
      const fd = await rig.given('pages');
      const other = await rig.open('pages');
      const one = await rig.mapped(fd, 4, 'shared', PROT_READ);
      const two = await rig.mapped(other, 4, 'shared', PROT_READ);
      const child = rig.fork();
      for (const byte of [0, rig.page, PAGES_SIZE - 1]) {
        equal(await rig.load(one + byte), patternByte(byte), `byte ${byte} of the first`);
        equal(await rig.load(two + byte), patternByte(byte), `byte ${byte} of the second`);
        equal(await rig.load(one + byte, child), patternByte(byte), `byte ${byte} in the child`);
      }
      await rig.end();
    },
  },
  {
    title: 'a store to a shared mapping is seen everywhere, and reaches the file',
    when: (can) => can.mmapSharedWrite && can.write,
    async run(rig) {
      const { sys } = rig.task;
      const fd = await rig.given('pages', O_RDWR);
      const other = await rig.open('pages');
      const one = await rig.mapped(fd, 4, 'shared', RW);
      const two = await rig.mapped(other, 4, 'shared', PROT_READ);
      const own = await rig.mapped(other, 4, 'private', RW);
      const child = rig.fork();
      equal(await rig.load(two + rig.page), patternByte(rig.page), 'before');
      equal(await rig.store(one + rig.page, 0xaa), 'ok', 'store');
      equal(await rig.load(two + rig.page), 0xaa, 'the other mapping');
      equal(await rig.load(own + rig.page), 0xaa, 'a private mapping that has made no copy');
      equal(await rig.store(one + rig.page + 1, 0xbb, child), 'ok', 'store of the child');
      sameBytes(await rig.bytes(other, 3, rig.page), Uint8Array.of(0xaa, 0xbb, patternByte(rig.page + 2)), 'read');
      equal(await rig.pwrite(fd, Uint8Array.of(0xcc), rig.page + 2), 1, 'write');
      equal(await rig.load(one + rig.page + 2), 0xcc, 'a write is seen in the mapping');
      equal(await rig.run(() => sys.msync(one, 4 * rig.page, MS_SYNC)), 0, 'msync');
      equal(await rig.store(one + rig.page + 3, 0xdd), 'ok', 'a store after msync');
      for (const addr of [one, two, own]) equal(sys.munmap(addr, 4 * rig.page), 0, 'munmap');
      child.sys.exit(0);
      await rig.uncache(fd);
      sameBytes(await rig.bytes(other, 4, rig.page), Uint8Array.of(0xaa, 0xbb, 0xcc, 0xdd), 'read from storage');
      sameBytes(await rig.bytes(other, 100, 0), pattern(0, 100), 'the other pages are as they were');
      equal(rig.fstat(fd).size, PAGES_SIZE, 'the size is as it was');
      await rig.end();
    },
  },
  {
    title: 'what is stored behind the end of the file never becomes a part of it',
    when: (can) => can.mmapSharedWrite && can.write && can.truncate,
    async run(rig) {
      const { sys } = rig.task;
      const fd = await rig.make('f', pattern(0, 100));
      const at = await rig.mapped(fd, 1, 'shared', RW);
      equal(await rig.store(at + 99, 0x77), 'ok', 'the last byte');
      equal(await rig.store(at + 100, 0x88), 'ok', 'the byte behind it');
      equal(await rig.run(() => sys.msync(at, rig.page, MS_SYNC)), 0, 'msync');
      equal(rig.fstat(fd).size, 100, 'the size');
      sameBytes(await rig.bytes(fd, 200, 99), Uint8Array.of(0x77), 'read to the end');
      equal(sys.munmap(at, rig.page), 0, 'munmap');
      await rig.uncache(fd);
      equal((await rig.bytes(fd, 200, 0)).length, 100, 'from storage');
      await rig.end();
    },
  },
  {
    title: 'descriptors and permissions decide what may be mapped',
    when: (can) => can.mmapPrivate && can.write,
    async run(rig) {
      const { sys } = rig.task;
      const ro = await rig.given('pages');
      equal(await rig.map(ro, 1, 'shared', RW), -EACCES, 'shared and writable through a read-only descriptor');
      const shared = await rig.map(ro, 1, 'shared', PROT_READ);
      if (rig.sb.manifest.capabilities.mmapShared) {
        ok(shared > 0, 'shared and read-only');
        equal(sys.mprotect(shared, rig.page, RW), -EACCES, 'mprotect to writable');
      }
      ok((await rig.map(ro, 1, 'private', RW)) > 0, 'private and writable');
      const wo = await rig.open('pages', O_WRONLY);
      equal(await rig.map(wo, 1, 'private', PROT_READ), -EACCES, 'a write-only descriptor, private');
      equal(await rig.map(wo, 1, 'shared', PROT_WRITE), -EACCES, 'a write-only descriptor, shared');
      await rig.end();
    },
  },
  {
    title: 'from a noexec mount nothing is executed',
    mount: { noexec: true },
    when: (can) => can.mmapPrivate,
    async run(rig) {
      const fd = await rig.given('pages');
      equal(await rig.map(fd, 1, 'private', PROT_READ | PROT_EXEC), -EPERM, 'mmap with PROT_EXEC');
      const at = await rig.mapped(fd, 1, 'private', PROT_READ);
      equal(rig.task.sys.mprotect(at, rig.page, PROT_READ | PROT_EXEC), -EACCES, 'mprotect to executable');
      await rig.end();
    },
  },
  {
    title: 'without mmap: ENODEV',
    when: (can) => !can.mmapPrivate,
    async run(rig) {
      const fd = await rig.given('hello');
      oneOf(await rig.map(fd, 1, 'private', PROT_READ), [-ENODEV], 'private');
      oneOf(await rig.map(fd, 1, 'shared', PROT_READ), [-ENODEV], 'shared');
      sameBytes(
        await rig.bytes(fd, 5, 0),
        Uint8Array.from('hello', (c) => c.charCodeAt(0)),
        'read still works',
      );
      await rig.end();
    },
  },
  {
    title: 'without shared writes: a mapping that could be written is refused, others are not',
    when: (can) => can.mmapPrivate && !can.mmapSharedWrite && can.write,
    async run(rig) {
      const fd = await rig.given('pages', O_RDWR);
      equal(await rig.map(fd, 1, 'shared', RW), -EINVAL, 'shared and writable');
      equal(await rig.map(fd, 1, 'shared', PROT_READ), -EINVAL, 'shared, which mprotect could make writable');
      const at = await rig.mapped(fd, 1, 'private', RW);
      equal(await rig.store(at, 3), 'ok', 'a private store');
      const ro = await rig.open('pages');
      ok((await rig.map(ro, 1, 'shared', PROT_READ)) > 0, 'shared through a read-only descriptor');
      await rig.end();
    },
  },
  {
    title: 'a shared mapping with MAP_POPULATE',
    when: (can) => can.mmapShared,
    async run(rig) {
      const fd = await rig.given('pages');
      const { sys } = rig.task;
      const at = await rig.run(() => sys.mmap(0, 4 * rig.page, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0));
      ok(at > 0, `mmap: ${at}`);
      sameBytes(await rig.loadBytes(at + 2 * rig.page, 8), pattern(2 * rig.page, 8), 'a page');
      await rig.end();
    },
  },
];
