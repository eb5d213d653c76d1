// What the suite does with time, with tests that are not to pass yet, and with what a driver throws.

import { caseTitles, Rig, testDriver, type CaseReport, type TestDriverOptions } from '@vmarea/fs-testkit';
import type { MmSystem } from '@vmarea/mm-core';
import { storeFs, storeManifest, type Store } from '@vmarea/vfs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { within } from '../src/limits.ts';
import { memoryStore, type MemoryNode } from './memory-store.ts';

const { capabilities } = storeManifest(memoryStore());
const LINKS = 'two names of a file are one file; it goes with the last';

interface Registered {
  readonly title: string;
  readonly body: () => Promise<void>;
  readonly timeout: number | undefined;
  readonly skipped: boolean;
}

/** Registers the suite with a runner that runs nothing. */
function registered(store: () => Store<MemoryNode>, options: Partial<TestDriverOptions> = {}): Registered[] {
  const tests: Registered[] = [];
  const note = (title: string, body: () => Promise<void>, timeout?: number): void =>
    void tests.push({ title, body, timeout, skipped: false });
  const skip = (title: string, body: () => Promise<void>): void =>
    void tests.push({ title, body, timeout: undefined, skipped: true });
  testDriver({
    create: (system) => storeFs(system, store()),
    capabilities,
    runner: { describe: (_title, body) => body(), it: Object.assign(note, { skip }) },
    ...options,
  });
  return tests;
}

const find = (tests: readonly Registered[], title: string): Registered => tests.find((one) => one.title === title)!;

describe('tests that are not to pass yet', () => {
  it('are skipped, with the reason, and told apart', () => {
    const reports: CaseReport[] = [];
    const tests = registered(memoryStore, { notYet: { [LINKS]: 'no keys' }, onCase: (one) => reports.push(one) });
    expect(tests.filter(({ skipped }) => skipped).map(({ title }) => title)).toEqual([
      `${LINKS} (not yet: no keys)`,
      `${LINKS} (not yet: no keys)`,
    ]);
    expect(reports.map(({ outcome }) => outcome)).toEqual(['not yet', 'not yet']);
  });

  it('exist: another title is refused', () => {
    expect(() => registered(memoryStore, { notYet: { 'two names': 'no keys' } })).toThrow(
      'testDriver: notYet names no test of this driver: "two names"',
    );
    expect(() => registered(memoryStore, { notYet: { 'without hard links: EPERM': 'can' } })).toThrow(TypeError);
  });

  it('may be any of caseTitles', () => {
    const all = Object.fromEntries(caseTitles(capabilities).map((title) => [title, 'later']));
    const left = registered(memoryStore, { notYet: all }).filter(({ skipped }) => !skipped);
    expect(left.map(({ title }) => title)).toEqual(['has a manifest that says what it can do']);
  });
});

describe('time', () => {
  afterEach(() => vi.useRealTimers());

  it('is limited by the suite, and the runner is told more', () => {
    const tests = registered(memoryStore, { timeLimits: { each: 1000 } });
    expect(find(tests, LINKS).timeout).toBe(6000);
    expect(find(tests, 'writing survives an error of every operation').timeout).toBe(305_000);
  });

  it('ends a test whose answer never comes, with a sentence', async () => {
    vi.useFakeTimers();
    const ended = within(60_000, () => new Promise(() => undefined)).catch(
      (error: unknown) => (error as Error).message,
    );
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await ended).toBe('the test has not ended after 60 s: does an answer of the driver never come?');
    await within(60_000, () => Promise.resolve());
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is told for each test', async () => {
    const reports: CaseReport[] = [];
    const tests = registered(memoryStore, { onCase: (one) => reports.push(one) });
    await find(tests, LINKS).body();
    expect(reports).toEqual([
      { title: `driver > names > ${LINKS}`, outcome: 'passed', milliseconds: expect.any(Number) as number },
    ]);
    expect(reports[0]!.milliseconds).toBeGreaterThanOrEqual(0);
  });
});

it('finds lookups that lose the key of a file with two names', async () => {
  const keyless = (): Store<MemoryNode> => {
    const store = memoryStore();
    return {
      ...store,
      lookup: (dir, name) => {
        const entry = dir.children.get(name)?.entry();
        return entry === undefined ? null : { ...entry, key: undefined };
      },
    };
  };
  await expect(find(registered(keyless), LINKS).body()).rejects.toThrow('lead to the same inode');
  await find(registered(memoryStore), LINKS).body();
});

it('tells what the driver threw, with its stack', async () => {
  const broken = (): Store<MemoryNode> => ({
    ...memoryStore(),
    read: () => {
      throw new TypeError('bytes is not defined');
    },
  });
  const reading = registered(broken).find((one) => one.title.includes('read'))!;
  await expect(reading.body()).rejects.toThrow(
    /driver memory: read threw, taken as EIO: TypeError: bytes is not defined\n\s+at /,
  );
});

it('names errnos in its sentences', async () => {
  const rig = await Rig.create({ create: (system: MmSystem) => storeFs(system, memoryStore()) });
  await expect(rig.bytes(99, 4, 0)).rejects.toThrow('pread of 4 bytes at 0: -EBADF');
  await rig.end();
});
