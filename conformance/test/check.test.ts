// The checks of --check: on a sample of the random recordings of each set, and that they see what is wrong.
import { join } from 'node:path';
import { createArm64 } from '@vmarea/arch-arm64';
import { createKernel, type Kernel, type Task } from '@vmarea/kernel';
import { ACCESS_READ, translate as translateFor } from '@vmarea/mm-core/memory';
import { DEFAULT_CONFIG, LINUX_6_1, MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_READ, PROT_WRITE } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { translate } from '../../packages/arch-arm64/test/mmu.ts';
import { readSet } from '../src/archive.ts';
import { MachineCheck } from '../src/check.ts';
import { KINDS } from '../src/compare.ts';
import { Exceptions, readExceptions } from '../src/exceptions.ts';
import { readGuest } from '../src/machine.ts';
import { translations } from '../src/mmu/arm64.ts';
import { parseRecording } from '../src/recording.ts';
import { describeFailure } from '../src/report.ts';
import { runRecording } from '../src/runner.ts';

const HOME = join(import.meta.dirname, '..');

describe('after every operation', () => {
  // Every n-th recording: all of them are checked by `pnpm conformance --check`.
  it.each([
    ['msm-4.4-va39', 80],
    ['msm-4.4-va48', 80],
    ['linux-6.1-va48', 80],
    ['msm-4.4-16k-va47', 20],
    ['msm-4.4-64k-va42', 20],
  ] as const)('hardware finds in the tables of %s what the soft MMU does, and nothing is lost', (set, every) => {
    const dir = join(HOME, 'recordings', set);
    const exceptions = readExceptions(join(HOME, 'exceptions.json'));
    const guest = readGuest(dir);
    const random = readSet(dir).filter(({ name }) => name.startsWith('random/'));
    for (let i = 0; i < random.length; i += every) {
      const { name, text } = random[i]!;
      const options = {
        kinds: new Set(KINDS),
        maxFailures: 1,
        exceptions: new Exceptions(exceptions, set, name),
        check: true,
      };
      const outcome = runRecording(parseRecording(text), guest, options);
      const failed = outcome.failures.length > 0 || outcome.error !== null;
      expect(failed ? describeFailure(set, outcome) : '').toBe('');
    }
  });
});

const A = 0x10000000;
const PAGE = 4096;

interface Scene {
  kernel: Kernel;
  task: Task;
  check: MachineCheck;
}

/** A task with four written pages. */
function scene(): Scene {
  const kernel = createKernel({
    arch: createArm64({ pageSize: 4096, vaBits: 48 }),
    profile: LINUX_6_1,
    config: DEFAULT_CONFIG,
    memory: { bytes: 2 ** 24 },
  });
  const check = new MachineCheck(kernel);
  const task = kernel.spawn();
  task.mmap(A, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  for (let i = 0; i < 4; i++) translateFor(task.cur, A + i * PAGE, 1);
  expect(check.afterOperation()).toEqual([]);
  return { kernel, task, check };
}

describe('the checks', () => {
  const slot = ({ task }: Scene): number => task.mm.pageTables!.slot(A);

  it('see an entry that nobody cleared in the caches', () => {
    const s = scene();
    s.task.mm.pageTables!.clear(slot(s));
    const bad = s.check.afterOperation().join('\n');
    expect(bad).toMatch(/0x10000000: went, and nobody was told/);
    expect(bad).toMatch(/the TLB still has it for read/);
    expect(bad).toMatch(/resident pages/);
  });

  it('see a permission that was taken in silence, and one that was given', () => {
    const s = scene();
    s.task.mm.pageTables!.wrprotect(slot(s));
    expect(s.check.afterOperation().join('\n')).toMatch(/lost a permission, and nobody was told/);
    const t = scene();
    t.task.mprotect(A, PAGE, PROT_READ);
    expect(t.check.afterOperation()).toEqual([]);
    t.task.mm.pageTables!.mkwriteDirty(slot(t));
    expect(t.check.afterOperation().join('\n')).toMatch(/writable, its mapping is not/);
  });

  it('see a wrong frame', () => {
    const s = scene();
    const pt = s.task.mm.pageTables!;
    const other = pt.pfn(pt.slot(A + PAGE));
    pt.setEntry(slot(s), other, 3, 6);
    expect(s.check.afterOperation().join('\n')).toMatch(/a page of index/);
  });

  it('see a frame that is lost', () => {
    const s = scene();
    s.kernel.memory!.frames.alloc(0);
    expect(s.check.atEnd()).toEqual(['at the end: 1 frames are missing']);
    expect(scene().check.atEnd()).toEqual([]);
  });
});

describe('the two walkers', () => {
  it('agree on every page of a program', () => {
    const { kernel, task } = scene();
    const { u32 } = kernel.memory!.physical;
    const { ttbr0 } = task.mm.pageTables as unknown as { ttbr0: number };
    const all = translations(u32, ttbr0, 12, 16);
    expect(all.length).toBeGreaterThanOrEqual(4);
    for (const t of all) {
      const other = translate(u32, ttbr0, 12, 16, t.va);
      expect(other).toMatchObject({ fault: null, pa: BigInt(t.pa), read: t.read, write: t.write, execute: t.execute });
      expect(translateFor(task.cur, t.va + 5, ACCESS_READ)).toBe(t.pa + 5);
    }
  });
});
