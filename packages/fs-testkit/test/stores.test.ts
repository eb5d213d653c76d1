// Stores with and without each function, so that every negative test runs; and drivers with mistakes, which the suite must find.
import { testDriver, type TestDriverOptions } from '@vmarea/fs-testkit';
import { judgeDriver, storeFs, storeManifest, type Store, type StoreFsOptions, type Violation } from '@vmarea/vfs';
import { createKernel } from '@vmarea/kernel';
import { createArm64 } from '@vmarea/arch-arm64';
import { DEFAULT_CONFIG, LINUX_6_1, O_CREAT, O_RDWR } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { memoryStore, type MemoryNode } from './memory-store.ts';

type Part = Store<MemoryNode>;

/** A store's test options. */
function suiteOf(name: string, make: () => Part, options: StoreFsOptions = {}): Omit<TestDriverOptions, 'runner'> {
  return {
    name,
    create: (system) => storeFs(system, make(), options),
    capabilities: storeManifest(make(), options).capabilities,
  };
}

/** The store without some functions. */
function without(...names: (keyof Part)[]): Part {
  const store: Partial<Part> = memoryStore();
  for (const one of names) Reflect.deleteProperty(store, one);
  return store as Part;
}

/** The same store answering with promises. */
function promising(): Part {
  const store = memoryStore();
  for (const [key, value] of Object.entries(store)) {
    if (typeof value !== 'function') continue;
    const call = value as (...args: unknown[]) => unknown;
    Object.assign(store, { [key]: async (...args: unknown[]) => Promise.resolve(call(...args)) });
  }
  return store;
}

const runner = { describe, it };
testDriver({ ...suiteOf('a whole store', memoryStore), runner });
testDriver({ ...suiteOf('a store that answers with promises, reading ahead', promising, { readAhead: 8 }), runner });
testDriver({ ...suiteOf('a store without mmap', memoryStore, { mmap: 'none' }), runner });
testDriver({ ...suiteOf('a store without shared writes', memoryStore, { mmap: 'no-shared-writes' }), runner });
testDriver({
  ...suiteOf('a store without names to change', () =>
    without('truncate', 'rename', 'link', 'symlink', 'mkdir', 'rmdir', 'sync'),
  ),
  runner,
});
testDriver({ ...suiteOf('a store of small files', memoryStore, { maxBytes: 2 ** 30 }), runner });

/** Runs the suite on its own: the titles of the tests that fail, or only of the first. */
async function failures(options: Omit<TestDriverOptions, 'runner'>, all = false): Promise<string[]> {
  const tests: [string, () => Promise<void>][] = [];
  testDriver({
    ...options,
    runner: { describe: (_title, body) => body(), it: (title, body) => void tests.push([title, body]) },
  });
  const failed: string[] = [];
  for (const [title, body] of tests) {
    try {
      await body();
    } catch {
      failed.push(title);
      if (!all) break;
    }
  }
  return failed;
}

describe('the suite finds', () => {
  const mistakes: Record<string, (store: ReturnType<typeof memoryStore>) => Partial<Part>> = {
    'a store that reads every page from the beginning': (store) => ({
      read: (node, target) => store.read(node, target, 0),
    }),
    'a store that forgets the last byte of a write': (store) => ({
      write: (node, source, pos) => store.write(node, source.subarray(0, -1), pos),
    }),
    'a store that answers a positive errno': (store) => ({
      read: (node, target, pos) => (pos > 0 ? 5 : store.read(node, target, pos)),
    }),
    'a store that tells another size than it has': () => ({
      lookup: (dir, name) => {
        const node = dir.children.get(name);
        return node === undefined ? null : { ...node.entry(), size: node.size + 1 };
      },
    }),
    'a store that keeps what was cut off': () => ({ truncate: (node, size) => ((node.size = size), 0) }),
    'a store that writes where it should not': (store) => ({
      write: (node, source, pos) => store.write(node, source, pos === 4096 ? 0 : pos),
    }),
  };

  it.each(Object.entries(mistakes))('%s', async (_title, mistake) => {
    const make = (): Part => {
      const store = memoryStore();
      return { ...store, ...mistake(store) };
    };
    expect((await failures(suiteOf('wrong', make))).length).toBeGreaterThan(0);
  });

  it('a manifest that claims too much', async () => {
    const options = suiteOf('boasting', memoryStore);
    const failed = await failures({ ...options, capabilities: { ...options.capabilities, fallocate: true } }, true);
    expect(failed).toContain('has a manifest that says what it can do');
    expect(failed).toContain('fallocate makes a file longer, or only its room');
  });
});

describe('the judge', () => {
  /** The rules that a store breaks while a file is made, written, brought to storage and read. */
  async function broken(part: (store: ReturnType<typeof memoryStore>) => Partial<Part>): Promise<string[]> {
    const found: Violation[] = [];
    const store = memoryStore();
    const kernel = createKernel({
      arch: createArm64({ pageSize: 4096, vaBits: 48 }),
      profile: LINUX_6_1,
      config: DEFAULT_CONFIG,
      memory: { bytes: 2 ** 22 },
      mounts: [
        {
          path: '/m',
          filesystem(system) {
            const sb = storeFs(system, { ...store, ...part(store) });
            judgeDriver(sb, (violation) => found.push(violation));
            return sb;
          },
        },
      ],
    });
    const task = kernel.spawn();
    const run = (call: () => number): Promise<number> => kernel.run(task, call);
    const fd = await run(() => task.sys.open('/m/f', O_CREAT | O_RDWR, 0o644));
    await run(() => task.sys.write(fd, new Uint8Array(5000)));
    await run(() => task.sys.fsync(fd));
    task.cur.files.fgetRaw(fd)?.fInode.iPages?.invalidate(0, Infinity);
    await run(() => task.sys.pread(fd, new Uint8Array(5000), 0));
    kernel.shutdown();
    return found.map((violation) => violation.rule);
  }

  it('has nothing to say of a driver that is right', async () => {
    expect(await broken(() => ({}))).toEqual([]);
  });

  it('tells of a positive errno, of fractions, and of errnos that there are not', async () => {
    expect(await broken(() => ({ sync: () => 5 }))).toContainEqual(expect.stringContaining('positive errno'));
    expect(await broken(() => ({ sync: () => 0.5 }))).toContain('A result must be a whole number.');
    expect(await broken(() => ({ sync: () => -5000 }))).toContain('An error must be a negative errno.');
    expect(await broken(() => ({ write: async () => Promise.resolve(3) }))).toContainEqual(
      expect.stringContaining("A page's promise"),
    );
  });
});
