/**
 * Tests of storage that answers late, in another order, twice, or never; and of many readers of one page. They intercept the
 * driver's page reads, so they are for drivers that read pages.
 */
import { RETRY } from '@vmarea/mm-core';
import { PROT_READ } from '@vmarea/uapi';
import { interceptDriver } from '@vmarea/vfs';
import { equal, ok, sameBytes } from '../assert.ts';
import { answerLater } from '../delay.ts';
import { PAGES_SIZE, pattern, patternByte } from '../fixture.ts';
import type { Rig } from '../rig.ts';
import type { Case } from './case.ts';

/** Page reads that are held until the test releases them. */
class Gate {
  /** The requested pages, in order. */
  readonly asked: number[] = [];
  private readonly held: (() => void)[] = [];
  open = false;

  constructor(rig: Rig) {
    const { system } = rig.kernel;
    interceptDriver(rig.sb, (call, inner) => {
      if (call.op !== 'readPage' || this.open) return inner();
      this.asked.push(call.at);
      system.current.pending = new Promise<void>((resolve) => this.held.push(resolve)).then(() =>
        answerLater(system, inner),
      );
      return RETRY;
    });
  }

  get waiting(): number {
    return this.held.length;
  }

  /** Releases one read: the first or the last requested. */
  release(which: 'first' | 'last'): void {
    (which === 'first' ? this.held.shift() : this.held.pop())?.();
  }

  releaseAll(): void {
    while (this.held.length > 0) this.release('last');
  }
}

/** Returns whether the driver reads pages: whether a file's page cache calls it. */
async function readsPages(rig: Rig): Promise<boolean> {
  const fd = await rig.given('pages');
  const reads = rig.file(fd).fInode.iPages?.aOps.readPage != null;
  rig.close(fd);
  return reads;
}

async function turns(count = 100): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

/** Runs a test on a driver that reads pages; does nothing on others. */
function reading(run: (rig: Rig, gate: Gate) => Promise<void>): (rig: Rig) => Promise<void> {
  return async (rig) => {
    if (await readsPages(rig)) await run(rig, new Gate(rig));
    else await rig.end();
  };
}

export const WAITING: readonly Case[] = [
  {
    title: 'many readers of one page make one read, and all get it',
    when: (can) => can.mmapPrivate,
    run: reading(async (rig, gate) => {
      const fd = await rig.open('pages');
      const at = await rig.mapped(fd, 4, 'private', PROT_READ);
      const children = [rig.fork(), rig.fork(), rig.fork()];
      const loads = children.map((child) => rig.load(at + 7, child));
      loads.push(rig.load(at + 7));
      const read = rig.bytes(fd, 5, 3);
      await turns();
      equal(gate.asked.filter((page) => page === 0).length, 1, 'reads of page 0');
      gate.open = true;
      gate.releaseAll();
      for (const load of loads) equal(await load, patternByte(7), 'what a reader got');
      sameBytes(await read, pattern(3, 5), 'what read(2) got');
      await rig.end();
    }),
  },
  {
    title: 'answers may come in another order than the questions',
    when: (can) => can.mmapPrivate,
    run: reading(async (rig, gate) => {
      const fd = await rig.open('pages');
      const at = await rig.mapped(fd, 4, 'private', PROT_READ);
      const children = [0, 1, 2, 3].map(() => rig.fork());
      const loads = children.map((child, page) => rig.load(at + page * rig.page, child));
      await turns();
      ok(gate.waiting >= 4, `four reads are under way: ${gate.waiting}`);
      gate.open = true;
      while (gate.waiting > 0) {
        gate.release('last');
        await turns(3);
      }
      for (const [page, load] of loads.entries()) equal(await load, patternByte(page * rig.page), `page ${page}`);
      await rig.end();
    }),
  },
  {
    title: 'an answer that comes after everybody has gone harms nobody',
    when: (can) => can.mmapPrivate,
    run: reading(async (rig, gate) => {
      const fd = await rig.open('pages');
      const at = await rig.mapped(fd, 4, 'private', PROT_READ);
      const child = rig.fork();
      const load = rig.load(at, child).catch(() => 'gone');
      await turns();
      equal(gate.waiting, 1, 'a read is under way');
      child.sys.exit(0, true);
      equal(rig.task.sys.munmap(at, 4 * rig.page), 0, 'munmap');
      rig.close(fd);
      gate.open = true;
      gate.releaseAll();
      await turns();
      await load;
      const again = await rig.open('pages');
      sameBytes(await rig.bytes(again, 50, 0), pattern(0, 50), 'the file can be read');
      await rig.end();
    }),
  },
  {
    title: 'an answer that comes after a truncation does not bring the page back',
    when: (can) => can.mmapPrivate && can.truncate && can.write,
    run: reading(async (rig, gate) => {
      const { sys } = rig.task;
      const fd = await rig.open('pages', 2);
      const at = await rig.mapped(fd, 4, 'private', PROT_READ);
      const child = rig.fork();
      const load = rig.load(at + 2 * rig.page, child);
      const partly = rig.load(at + 50, rig.fork());
      await turns();
      equal(await rig.run(() => sys.ftruncate(fd, 50)), 0, 'ftruncate');
      gate.open = true;
      gate.releaseAll();
      equal(await load, 'SIGBUS', 'a page that was cut off while it was read');
      equal(await partly, 0, 'a byte that was cut off while its page was read');
      await rig.end();
    }),
  },
  {
    title: 'a promise left behind by an immediate answer is nobody to wait for',
    run: async (rig) => {
      if (!(await readsPages(rig))) return rig.end();
      const { system } = rig.kernel;
      interceptDriver(rig.sb, (call, inner) => {
        const result = inner();
        if (call.op === 'readPage' && result === 0) system.current.pending = new Promise<void>(() => undefined);
        return result;
      });
      const fd = await rig.open('pages');
      sameBytes(await rig.bytes(fd, 100, 0), pattern(0, 100), 'read');
      sameBytes(await rig.bytes(fd, 100, rig.page), pattern(rig.page, 100), 'read on');
      await rig.end();
    },
  },
  {
    title: 'an answer that never comes: others go on, and the waiting process can end',
    when: (can) => can.mmapPrivate,
    run: reading(async (rig, gate) => {
      const fd = await rig.open('pages');
      const at = await rig.mapped(fd, 4, 'private', PROT_READ);
      const child = rig.fork();
      void rig.load(at, child).catch(() => 'gone');
      await turns();
      equal(gate.waiting, 1, 'a read is under way');
      gate.open = true;
      equal(await rig.load(at + rig.page), patternByte(rig.page), 'another page');
      const hello = await rig.given('hello');
      equal((await rig.bytes(hello, 100, 0)).length, 13, 'another file');
      equal(child.sys.exit(0, true), 0, 'the waiting process ends');
      rig.check();
      // the frame belongs to the read until it ends
      await rig.end(1);
    }),
  },
  {
    title: 'an error of the storage is SIGBUS for a fault and the errno for read(2), and the next look reads anew',
    when: (can) => can.mmapPrivate,
    run: async (rig) => {
      if (!(await readsPages(rig))) return rig.end();
      let failing = true;
      interceptDriver(rig.sb, (call, inner) => (call.op === 'readPage' && failing ? -5 : inner()));
      const fd = await rig.open('pages');
      const at = await rig.mapped(fd, 4, 'private', PROT_READ);
      equal(await rig.load(at), 'SIGBUS', 'load');
      equal(await rig.pread(fd, 10, rig.page), -5, 'read');
      failing = false;
      equal(await rig.load(at), patternByte(0), 'load again');
      sameBytes(await rig.bytes(fd, PAGES_SIZE, 0), pattern(0, PAGES_SIZE), 'read again');
      await rig.end();
    },
  },
];
