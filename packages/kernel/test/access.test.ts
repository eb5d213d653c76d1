/** Loads, stores and touches that wait, and what a driver threw as the cause of a SIGBUS. */
import { createArm64 } from '@vmarea/arch-arm64';
import { DEFAULT_CONFIG, LINUX_6_1, MAP_PRIVATE, MAP_SHARED, PROT_READ, S_IFREG } from '@vmarea/uapi';
import { storeFs, type Store } from '@vmarea/vfs';
import { describe, expect, it } from 'vitest';
import { createKernel, MemoryFaultError, SyscallError, type Kernel, type Task } from '../src/index.ts';

const P = 4096;

/** One file of three pages, `f`, whose pages are read by `read`. */
function boot(read: (pos: number) => number | Promise<number>): { kernel: Kernel; task: Task; warnings: string[] } {
  const store: Store<object> = {
    name: 'onefile',
    root: {},
    lookup: (_dir, name) => (name === 'f' ? { node: {}, mode: S_IFREG | 0o444, size: 3 * P } : null),
    read: (_node, target, pos) => {
      target.fill(pos / P + 1);
      return read(pos);
    },
  };
  const warnings: string[] = [];
  const kernel = createKernel({
    arch: createArm64({ pageSize: P, vaBits: 48 }),
    profile: LINUX_6_1,
    config: DEFAULT_CONFIG,
    memory: { bytes: 2 ** 22 },
    mounts: [{ path: '/d', filesystem: (system) => storeFs(system, store) }],
    onWarning: (text) => warnings.push(text),
  });
  return { kernel, task: kernel.spawn(), warnings };
}

async function map(kernel: Kernel, task: Task, pages = 4): Promise<number> {
  const fd = await kernel.run(task, () => task.sys.open('/d/f', 0));
  return kernel.run(task, () => task.sys.mmap(0, pages * P, PROT_READ, MAP_SHARED, fd, 0));
}

describe.each([
  ['at once', (n: number): number | Promise<number> => n],
  ['a turn later', (n: number): number | Promise<number> => Promise.resolve(n)],
])('a file that answers %s', (_how, answer) => {
  it('is loaded from, and touched', async () => {
    const { kernel, task } = boot(() => answer(P));
    const at = await map(kernel, task);
    expect(await kernel.load(task, at, 1)).toBe(1);
    expect(await kernel.load(task, at + P - 4, 8)).toBe(0x0202020201010101n);
    await kernel.touch(task, at + 5, 3 * P - 5);
    expect(task.memory.load8(at + 2 * P)).toBe(3);
  });

  it('earns SIGBUS behind its end, and never a byte', async () => {
    const { kernel, task } = boot(() => answer(P));
    const at = await map(kernel, task);
    const error: unknown = await kernel.load(task, at + 3 * P, 1).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(MemoryFaultError);
    expect(error).toMatchObject({ code: 'SIGBUS', address: at + 3 * P });
    await expect(kernel.touch(task, at, 4 * P)).rejects.toMatchObject({ code: 'SIGBUS', address: at + 3 * P });
    await expect(kernel.store(task, at, 1)).rejects.toMatchObject({ code: 'SIGSEGV' });
  });

  it('tells what the driver threw as the cause of the SIGBUS, each time, and once as a warning', async () => {
    const fault = new Error('disk on fire');
    const { kernel, task, warnings } = boot(() => {
      if (answer(0) === 0) throw fault;
      return Promise.reject(fault);
    });
    const at = await map(kernel, task);
    for (let i = 0; i < 2; i++)
      await expect(kernel.load(task, at, 1)).rejects.toMatchObject({ code: 'SIGBUS', cause: fault });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('disk on fire');
    expect(warnings[0]).toContain('access.test.ts');
    const fd = await kernel.run(task, () => task.sys.open('/d/f', 0));
    const pread = (): number => task.pread(fd, new Uint8Array(4), 0);
    await expect(kernel.run(task, pread)).rejects.toBeInstanceOf(SyscallError);
    await expect(kernel.run(task, pread)).rejects.toMatchObject({ code: 'EIO', cause: fault });
    // A later access elsewhere does not inherit it.
    const later: unknown = await kernel.load(task, at + 3 * P, 1).catch((error: unknown) => error);
    expect(later).toMatchObject({ code: 'SIGBUS' });
    expect((later as Error).cause).toBeUndefined();
  });
});

it('loads and stores what is not behind a file, too', async () => {
  const { kernel, task } = boot(() => P);
  const at = task.mmap(0, P, 3, MAP_PRIVATE | 0x20, -1, 0);
  await kernel.store(task, at, 0x1_2345_6789_abcdn, 8);
  expect(await kernel.load(task, at, 8)).toBe(0x1_2345_6789_abcdn);
  expect(await kernel.load(task, at + 1)).toBe(0x456789ab);
  await kernel.touch(task, at, P, 'store');
});
