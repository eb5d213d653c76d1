// userfaultfd: a handler in JavaScript serves the pages of a task; what the messages say, who is woken, and what is left.
import { RETRY, validateMm } from '@vmarea/mm-core';
import { copyFromUser, type UffdMessage, type Userfaultfd } from '@vmarea/mm-core/memory';
import { UFFDIO_FILL_EXISTS, USERFAULTFD_MAPPINGS_CHANGE } from '@vmarea/mm-core/reasons';
import { doSyscall, userfaultfdOf, type Task } from '@vmarea/kernel';
import {
  EAGAIN,
  EEXIST,
  LINUX_6_1,
  LINUX_6_12,
  MADV_DONTNEED,
  MAP_FIXED,
  MAP_HUGETLB,
  MAP_SHARED,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  O_NONBLOCK,
  syscallNumber,
  UFFD_API,
  UFFD_EVENT_FORK,
  UFFD_EVENT_PAGEFAULT,
  UFFD_EVENT_REMAP,
  UFFD_EVENT_REMOVE,
  UFFD_EVENT_UNMAP,
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_EVENT_REMAP,
  UFFD_FEATURE_EVENT_REMOVE,
  UFFD_FEATURE_EVENT_UNMAP,
  UFFD_FEATURE_EXACT_ADDRESS,
  UFFD_FEATURE_SIGBUS,
  UFFD_FEATURE_WP_ASYNC,
  UFFD_PAGEFAULT_FLAG_MINOR,
  UFFD_PAGEFAULT_FLAG_WP,
  UFFD_PAGEFAULT_FLAG_WRITE,
  UFFDIO_API,
  UFFDIO_CONTINUE,
  UFFDIO_COPY,
  UFFDIO_COPY_MODE_WP,
  UFFDIO_MODE_DONTWAKE,
  UFFDIO_POISON,
  UFFDIO_REGISTER,
  UFFDIO_REGISTER_MODE_MINOR,
  UFFDIO_REGISTER_MODE_MISSING,
  UFFDIO_REGISTER_MODE_WP,
  UFFDIO_UNREGISTER,
  UFFDIO_WAKE,
  UFFDIO_WRITEPROTECT,
  UFFDIO_WRITEPROTECT_MODE_WP,
  UFFDIO_ZEROPAGE,
  type KernelProfile,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { A, ANON, Bench, PAGE, RW } from './memory-machine.ts';

const BOTH: readonly KernelProfile[] = [LINUX_6_1, LINUX_6_12];
const HUGE = 2 ** 21;

function short(result: number | string): number | string {
  return typeof result === 'string' ? result.replace(/ 0x.*/, '') : result;
}

/** A machine whose task has a userfaultfd. */
class Scene extends Bench {
  readonly fd: number;
  readonly uffd: Userfaultfd;

  constructor(profile: KernelProfile, features: number = 0, flags: number = 0) {
    super(profile);
    this.fd = this.task.userfaultfd(flags);
    this.task.ioctl(this.fd, UFFDIO_API, { api: UFFD_API, features, ioctls: 0n });
    this.uffd = userfaultfdOf(this.task.cur.files.fget(this.fd)!)!;
  }

  /** As in Bench, without the address. */
  override load(addr: number, task: Task = this.task): number | string {
    return short(super.load(addr, task));
  }

  override store8(addr: number, value: number, task: Task = this.task): string {
    return String(short(super.store8(addr, value, task)));
  }

  register(start: number, pages: number, mode: number = UFFDIO_REGISTER_MODE_MISSING): void {
    this.task.ioctl(this.fd, UFFDIO_REGISTER, { start, len: pages * PAGE, mode, ioctls: 0 });
    expect(validateMm(this.task.mm)).toEqual([]);
  }

  /** Fills one page with a byte. Returns the result of the ioctl. */
  copy(dst: number, byte: number, mode: number = 0): number {
    const src = new Uint8Array(PAGE).fill(byte);
    return this.task.sys.ioctl(this.fd, UFFDIO_COPY, { dst, src, len: PAGE, mode, copy: 0 });
  }

  /** An ioctl about pages from `start` on. */
  act(command: number, start: number, pages: number = 1, mode: number = 0): number {
    const result = this.task.sys.ioctl(this.fd, command, { start, len: pages * PAGE, mode });
    expect(validateMm(this.task.mm)).toEqual([]);
    return result;
  }

  /** A call by number. */
  number(name: string, args: readonly number[]): number {
    return doSyscall(this.task, syscallNumber(name)!, args);
  }

  put64(addr: number, value: number): void {
    this.task.memory.store64(addr, value >>> 0, Math.floor(value / 2 ** 32));
  }

  get64(addr: number): number {
    const low = this.task.memory.load64(addr);
    return low + this.task.memory.hi * 2 ** 32;
  }

  /** Answers messages with `serve` until `done` settles. Returns the messages. */
  async serve<T>(
    done: Promise<T>,
    serve: (message: UffdMessage) => void,
  ): Promise<{ value: T; messages: UffdMessage[] }> {
    const messages: UffdMessage[] = [];
    const state = { ended: false };
    const value = done.finally(() => (state.ended = true));
    for (let i = 0; i < 200 && !state.ended; i++) {
      const message = this.uffd.read();
      if (message !== null) {
        messages.push(message);
        serve(message);
      }
      await Promise.resolve();
    }
    return { value: await value, messages };
  }
}

describe.each(BOTH)('missing pages on $name', (profile) => {
  it('a load and a store wait for the page, and go on with its bytes', async () => {
    const s = new Scene(profile);
    s.anon(A, 4);
    s.register(A, 4);
    const { cur } = s.task;
    const { minFlt, majFlt } = cur;
    const loaded = await s.serve(s.kernel.load(s.task, A + PAGE + 5, 1), () => s.copy(A + PAGE, 77));
    expect(loaded.value).toBe(77);
    expect(loaded.messages).toEqual([{ event: UFFD_EVENT_PAGEFAULT, flags: 0, address: A + PAGE }]);
    const stored = await s.serve(s.kernel.store(s.task, A + 8, 1, 1), () => s.act(UFFDIO_ZEROPAGE, A));
    expect(stored.messages).toMatchObject([{ flags: UFFD_PAGEFAULT_FLAG_WRITE, address: A }]);
    expect([s.load(A + 8), s.load(A + 9)]).toEqual([1, 0]);
    // A fault that waited counts as major; the copy of the zero page as minor.
    expect([cur.majFlt - majFlt, cur.minFlt - minFlt]).toEqual([2, 1]);
    s.end();
  });

  it('reports the whole address with UFFD_FEATURE_EXACT_ADDRESS', async () => {
    const s = new Scene(profile, UFFD_FEATURE_EXACT_ADDRESS);
    s.anon(A, 1);
    s.register(A, 1);
    const { messages } = await s.serve(s.kernel.load(s.task, A + 5, 1), () => s.copy(A, 1));
    expect(messages).toMatchObject([{ address: A + 5 }]);
    s.end();
  });

  it('system calls wait as well: mlock, and a copy by the kernel', async () => {
    const s = new Scene(profile);
    s.anon(A, 3);
    s.register(A, 3);
    const locked = await s.serve(
      s.kernel.run(s.task, () => s.task.sys.mlock(A, 2 * PAGE)),
      (message) => s.copy((message as { address: number }).address, 5),
    );
    expect([locked.value, locked.messages.length]).toEqual([0, 2]);
    const bytes = new Uint8Array(2);
    const copied = await s.serve(
      s.kernel.run(s.task, () => copyFromUser(s.task.cur, A + 2 * PAGE, bytes, 0, 2)),
      () => s.copy(A + 2 * PAGE, 9),
    );
    expect([copied.value, ...bytes]).toEqual([0, 9, 9]);
    s.end();
  });

  it('UFFDIO_WAKE lets the access try again; without a page it is reported again', async () => {
    const s = new Scene(profile);
    s.anon(A, 1);
    s.register(A, 1);
    let times = 0;
    const { messages, value } = await s.serve(s.kernel.load(s.task, A, 1), () => {
      if (times++ === 0) s.act(UFFDIO_WAKE, A);
      else s.copy(A, 3);
    });
    expect([value, messages.length]).toEqual([3, 2]);
    s.end();
  });

  it('UFFDIO_MODE_DONTWAKE fills without waking', async () => {
    const s = new Scene(profile);
    s.anon(A, 1);
    s.register(A, 1);
    const loading = s.kernel.load(s.task, A, 1);
    await Promise.resolve();
    expect(s.copy(A, 4, UFFDIO_MODE_DONTWAKE)).toBe(0);
    let ended = false;
    void loading.then(() => (ended = true));
    for (let i = 0; i < 20; i++) await Promise.resolve();
    expect(ended).toBe(false);
    s.act(UFFDIO_WAKE, A);
    expect(await loading).toBe(4);
    s.end();
  });

  it('unregistering and closing wake what waits, and the page is zeroes', async () => {
    for (const leave of ['unregister', 'close'] as const) {
      const s = new Scene(profile);
      s.anon(A, 2);
      s.register(A, 2);
      const loading = s.kernel.load(s.task, A, 1);
      await Promise.resolve();
      if (leave === 'close') s.task.close(s.fd);
      else s.act(UFFDIO_UNREGISTER, A, 2);
      expect(await loading).toBe(0);
      expect(s.task.mm.tree.find(A)!.userfaultCtx).toBe(null);
      s.end();
    }
  });

  it('a part of a copy is done, and the rest is refused', () => {
    const s = new Scene(profile);
    s.anon(A, 3);
    s.register(A, 3);
    s.copy(A + PAGE, 1);
    const request = { dst: A, src: new Uint8Array(3 * PAGE).fill(2), len: 3 * PAGE, mode: 0, copy: 0 };
    expect(s.task.sys.ioctl(s.fd, UFFDIO_COPY, request)).toBe(-EAGAIN);
    expect([request.copy, s.load(A), s.load(A + PAGE), s.task.cur.call.reason]).toEqual([
      PAGE,
      2,
      1,
      UFFDIO_FILL_EXISTS,
    ]);
    expect(s.copy(A, 9)).toBe(-EEXIST);
    s.end();
  });

  it('a page of a file: missing in shared memory, and minor when another mapping has it', async () => {
    const s = new Scene(profile);
    const fd = s.task.memfdCreate('m', 0);
    s.task.ftruncate(fd, 2 * PAGE);
    for (const at of [A, A + 0x10000]) s.task.mmap(at, 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    s.register(A, 2, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR);
    const missing = await s.serve(s.kernel.load(s.task, A, 1), () => s.copy(A, 6));
    expect([missing.value, s.load(A + 0x10000)]).toEqual([6, 6]);
    s.store8(A + 0x10000 + PAGE, 8);
    const minor = await s.serve(s.kernel.load(s.task, A + PAGE, 1), () => s.act(UFFDIO_CONTINUE, A + PAGE));
    expect(minor.value).toBe(8);
    expect(minor.messages).toMatchObject([{ flags: UFFD_PAGEFAULT_FLAG_MINOR, address: A + PAGE }]);
    s.end();
  });

  it('a huge page is filled as a whole', async () => {
    const s = new Scene(profile);
    s.task.mmap(A, HUGE, RW, ANON | MAP_FIXED | MAP_HUGETLB, -1, 0);
    s.register(A, HUGE / PAGE);
    const src = new Uint8Array(HUGE).fill(7);
    const { value, messages } = await s.serve(s.kernel.load(s.task, A + 5 * PAGE, 1), () => {
      s.task.ioctl(s.fd, UFFDIO_COPY, { dst: A, src, len: HUGE, mode: 0, copy: 0 });
    });
    expect([value, s.load(A + HUGE - 1), messages.length]).toEqual([7, 7, 1]);
    s.end();
  });
});

describe('write protection', () => {
  it('reports a store to a protected page, also to one that was not there', async () => {
    const s = new Scene(LINUX_6_12, 0x2000);
    s.anon(A, 3);
    s.store8(A, 1);
    s.register(A, 3, UFFDIO_REGISTER_MODE_WP);
    expect(s.act(UFFDIO_WRITEPROTECT, A, 2, UFFDIO_WRITEPROTECT_MODE_WP)).toBe(0);
    expect([s.load(A), s.load(A + PAGE), s.store8(A + 2 * PAGE, 1)]).toEqual([1, 0, 'ok']);
    for (const at of [A, A + PAGE]) {
      const { messages } = await s.serve(s.kernel.store(s.task, at, 9, 1), () => s.act(UFFDIO_WRITEPROTECT, at));
      expect(messages).toEqual([
        { event: UFFD_EVENT_PAGEFAULT, flags: UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP, address: at },
      ]);
      expect(s.load(at)).toBe(9);
    }
    s.end();
  });

  it('holds through mprotect, and ends with fork and with unregistering', () => {
    const s = new Scene(LINUX_6_12, UFFD_FEATURE_SIGBUS | 0x2000);
    s.anon(A, 2);
    s.store8(A, 1);
    s.register(A, 2, UFFDIO_REGISTER_MODE_WP);
    s.act(UFFDIO_WRITEPROTECT, A, 2, UFFDIO_WRITEPROTECT_MODE_WP);
    s.task.mprotect(A, 2 * PAGE, 1);
    s.task.mprotect(A, 2 * PAGE, RW);
    expect([s.store8(A, 2), s.store8(A + PAGE, 2)]).toEqual(['SIGBUS BUS_ADRERR', 'SIGBUS BUS_ADRERR']);
    const child = s.task.fork() as Task;
    expect(s.store8(A, 3, child)).toBe('ok');
    child.exit(0);
    s.act(UFFDIO_UNREGISTER, A, 2);
    expect([s.store8(A, 2), s.store8(A + PAGE, 2)]).toEqual(['ok', 'ok']);
    s.end();
  });

  it('of a file stays when the page is dropped; UFFD_FEATURE_WP_ASYNC only notes the store', () => {
    const s = new Scene(LINUX_6_12, UFFD_FEATURE_SIGBUS);
    const fd = s.task.memfdCreate('m', 0);
    s.task.ftruncate(fd, PAGE);
    s.task.mmap(A, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    s.register(A, 1, UFFDIO_REGISTER_MODE_WP);
    s.store8(A, 4);
    s.act(UFFDIO_WRITEPROTECT, A, 1, UFFDIO_WRITEPROTECT_MODE_WP);
    s.task.madvise(A, PAGE, MADV_DONTNEED);
    expect([s.load(A), s.store8(A, 5)]).toEqual([4, 'SIGBUS BUS_ADRERR']);
    s.end();
    const async_ = new Scene(LINUX_6_12, UFFD_FEATURE_WP_ASYNC);
    async_.anon(A, 1);
    async_.register(A, 1, UFFDIO_REGISTER_MODE_WP);
    async_.act(UFFDIO_WRITEPROTECT, A, 1, UFFDIO_WRITEPROTECT_MODE_WP);
    expect([async_.store8(A, 5), async_.load(A)]).toEqual(['ok', 5]);
    async_.end();
  });

  it('comes with a copied page', () => {
    const s = new Scene(LINUX_6_12, UFFD_FEATURE_SIGBUS);
    s.anon(A, 1);
    s.register(A, 1, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
    expect(s.copy(A, 6, UFFDIO_COPY_MODE_WP)).toBe(0);
    expect([s.load(A), s.store8(A, 5)]).toEqual([6, 'SIGBUS BUS_ADRERR']);
    s.act(UFFDIO_WRITEPROTECT, A);
    expect(s.store8(A, 5)).toBe('ok');
    s.end();
  });
});

describe('events', () => {
  const ALL = UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP;

  it('a call ends when its event is read; until then pages cannot be filled', async () => {
    const s = new Scene(LINUX_6_12, ALL);
    s.anon(A, 8);
    s.register(A, 8);
    for (let i = 0; i < 8; i++) s.copy(A + i * PAGE, i);
    const B = A + 0x100000;
    const calls: readonly (readonly [() => number, UffdMessage])[] = [
      [() => s.task.sys.madvise(A, PAGE, MADV_DONTNEED), { event: UFFD_EVENT_REMOVE, start: A, end: A + PAGE }],
      [() => s.task.sys.munmap(A + PAGE, PAGE), { event: UFFD_EVENT_UNMAP, start: A + PAGE, end: A + 2 * PAGE }],
      [
        () => s.task.sys.mmap(A + 2 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0),
        { event: UFFD_EVENT_UNMAP, start: A + 2 * PAGE, end: A + 3 * PAGE },
      ],
    ];
    for (const [call, event] of calls) {
      expect(call()).toBe(RETRY);
      expect(s.copy(A + 3 * PAGE, 1)).toBe(-EAGAIN);
      expect(s.task.cur.call.reason).toBe(USERFAULTFD_MAPPINGS_CHANGE);
      expect(s.uffd.read()).toEqual(event);
      expect(s.uffd.read()).toBe(null);
    }
    const moved = await s.serve(
      s.kernel.run(s.task, () => s.task.sys.mremap(A + 4 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, B)),
      () => undefined,
    );
    expect(moved.value).toBe(B);
    expect(moved.messages).toContainEqual({ event: UFFD_EVENT_REMAP, from: A + 4 * PAGE, to: B, len: 2 * PAGE });
    // The moved area stays registered.
    expect([s.task.mm.tree.find(B)!.userfaultCtx === s.uffd, s.load(B)]).toEqual([true, 4]);
    s.end();
  });

  it('without them mremap ends the registration', () => {
    const s = new Scene(LINUX_6_12);
    s.anon(A, 2);
    s.register(A, 2);
    s.task.mremap(A, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, A + 0x100000);
    expect([s.task.mm.tree.find(A + 0x100000)!.userfaultCtx, s.load(A + 0x100000)]).toEqual([null, 0]);
    s.end();
  });

  it('a fork gives the reader a userfaultfd for the child', async () => {
    const s = new Scene(LINUX_6_12, UFFD_FEATURE_EVENT_FORK);
    s.anon(A, 2);
    s.register(A, 2);
    const child = s.task.fork() as Task;
    const message = s.uffd.read();
    if (message?.event !== UFFD_EVENT_FORK) throw new Error('no event of the fork');
    expect(message.child.mm).toBe(child.mm);
    const loading = s.kernel.load(child, A + PAGE, 1);
    await Promise.resolve();
    expect(message.child.read()).toMatchObject({ event: UFFD_EVENT_PAGEFAULT, address: A + PAGE });
    const source = (_offset: number, target: Uint8Array): number => (target.fill(8), 0);
    expect(message.child.copy(s.task.cur, { dst: A + PAGE, len: PAGE, mode: 0, copy: 0 }, source)).toBe(0);
    expect([await loading, s.load(A + PAGE)]).toEqual([8, 'RETRY']);
    message.child.release();
    s.end();
  });
});

it('poison: an access fails, moves with the area, is inherited, and ends with MADV_DONTNEED or a copy', () => {
  const s = new Scene(LINUX_6_12, UFFD_FEATURE_SIGBUS);
  s.anon(A, 2);
  s.register(A, 2);
  expect(s.act(UFFDIO_POISON, A, 2)).toBe(0);
  const child = s.task.fork() as Task;
  const broken = 'SIGBUS BUS_MCEERR_AR';
  expect([s.load(A), s.store8(A + PAGE, 1), s.load(A, child)]).toEqual([broken, broken, broken]);
  expect(s.copy(A, 1)).toBe(0);
  s.task.mremap(A, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, A + 0x100000);
  expect([s.load(A + 0x100000), s.load(A + 0x100000 + PAGE)]).toEqual([1, broken]);
  s.task.madvise(A + 0x100000, 2 * PAGE, MADV_DONTNEED);
  expect(s.load(A + 0x100000 + PAGE)).toBe(0);
  s.end();
});

describe('by number, with structures in memory', () => {
  it('registers, reads a message and copies from memory of the task', () => {
    const s = new Scene(LINUX_6_12, 0, O_NONBLOCK);
    s.anon(A, 2);
    s.anon(A + 0x100000, 2);
    const call = (name: string, ...args: number[]): number => s.number(name, args);
    const put = (at: number, ...words: number[]): void => {
      words.forEach((word, i) => s.put64(at + 8 * i, word));
    };
    const data = A + 0x100000;
    const buffer = data + PAGE;
    s.store8(data + 3, 42);
    put(buffer, A, 2 * PAGE, UFFDIO_REGISTER_MODE_MISSING, 0);
    expect(call('ioctl', s.fd, UFFDIO_REGISTER, buffer)).toBe(0);
    expect(s.get64(buffer + 24)).toBe(0x13c);
    expect(call('read', s.fd, buffer, 64)).toBe(-EAGAIN);
    expect(s.load(A + 3)).toBe('RETRY');
    expect(call('read', s.fd, buffer, 64)).toBe(32);
    expect([s.load(buffer), s.get64(buffer + 8), s.get64(buffer + 16)]).toEqual([UFFD_EVENT_PAGEFAULT, 0, A]);
    put(buffer, A, data, PAGE, 0, 0);
    expect(call('ioctl', s.fd, UFFDIO_COPY, buffer)).toBe(0);
    expect([s.get64(buffer + 32), s.load(A + 3)]).toEqual([PAGE, 42]);
    expect(call('ioctl', s.fd, UFFDIO_COPY, 8)).toBe(-14);
    s.end();
  });
});

it('an allocation that fails leaves nothing behind', () => {
  for (const profile of BOTH) {
    for (let n = 1; n < 12; n++) {
      for (const frames of [false, true]) {
        const s = new Scene(profile, UFFD_FEATURE_SIGBUS);
        s.anon(A, 6);
        const inject = (on: number): void => {
          if (frames) s.kernel.memory!.frames.failNth = on;
          else s.system.failCountdown = on;
        };
        inject(n);
        const mode = UFFDIO_REGISTER_MODE_MISSING;
        s.task.sys.ioctl(s.fd, UFFDIO_REGISTER, { start: A + PAGE, len: 4 * PAGE, mode, ioctls: 0 });
        s.copy(A + PAGE, 1);
        s.act(UFFDIO_ZEROPAGE, A + 2 * PAGE);
        s.store8(A + 3 * PAGE, 1);
        s.act(UFFDIO_UNREGISTER, A + 2 * PAGE, 2);
        inject(0);
        s.check();
        s.end();
      }
    }
  }
});
