/** Explanations on a machine with ramfs, tmpfs and huge pages; the command line has the longer list of questions. */
import { createArm64, type PageSize } from '@vmarea/arch-arm64';
import {
  argumentsOf,
  defaultSetup,
  explain,
  formatCall,
  formatEvents,
  formatExplanation,
  makeCall,
  neighboursIn,
  parseFile,
  parseScript,
  ReasonBook,
  Recorder,
  ScriptError,
  setStage,
  vmFlagNames,
  whyApart,
  withHugePages,
  type MachineMaker,
  type Setup,
} from '@vmarea/explain';
import { Hugetlb, hugetlbfs } from '@vmarea/hugetlbfs';
import { createKernel } from '@vmarea/kernel';
import { Decision } from '@vmarea/mm-core';
import { Shmem, tmpfs } from '@vmarea/shmem';
import { devfs, ramfs } from '@vmarea/vfs';
import { describe, expect, it } from 'vitest';

const make: MachineMaker = (spec, ram) =>
  createKernel({
    arch: createArm64({ pageSize: spec.pageSize as PageSize, vaBits: spec.pageSize === 16384 ? 47 : 48 }),
    profile: spec.profile,
    config: spec.config,
    sysctl: { ...spec.sysctl },
    memory: { bytes: spec.memoryBytes },
    ram,
    hugePages: (system) => new Hugetlb(system),
    sharedMemory: (system) => new Shmem(system),
    mounts: [
      { path: '/dev', filesystem: (system) => devfs(system) },
      { path: '/ram', filesystem: (system) => ramfs(system) },
      { path: '/tmp', filesystem: (system) => tmpfs(system) },
      { path: '/huge', filesystem: (system) => hugetlbfs(system) },
    ],
  });

const book = new ReasonBook();
const setup = defaultSetup();
const anon = 'PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS';

function ask(script: string, from: Setup = setup): ReturnType<typeof explain> {
  return explain({ make, setup: from, script: parseScript(script) });
}

describe('a stage', () => {
  it.each(['ramfs', 'tmpfs', 'hugetlbfs', 'memfd', 'zero', 'null', 'pipe', 'dir'])(
    'has a file of kind %s at descriptor 3',
    (kind) => {
      const { task } = setStage(make, { ...withHugePages(setup, 1), files: [parseFile(`${kind},size=5000`)] });
      expect(task.cur.files.fget(3)).not.toBeNull();
      expect(task.cur.files.fget(4)).toBeNull();
    },
  );

  it('tells what of a map could not be made', () => {
    const maps = '00001000-00001800 r--p 00000000 00:00 0\n40000000-40001000 r--p 00000000 00:00 0\n';
    const { notMade, task } = setStage(make, { ...setup, maps });
    expect(notMade).toHaveLength(0);
    expect(task.mm.mapCount).toBe(2);
    expect(() => setStage(make, { ...setup, maps: 'no map\n' })).toThrow(ScriptError);
  });

  it('refuses what it cannot set up', () => {
    expect(() => setStage(make, { ...setup, files: [parseFile('noexec')] })).toThrow(ScriptError);
  });

  it('leaves the task with the limits and rights of the setup', () => {
    const { task } = setStage(make, {
      ...setup,
      limits: { ...setup.limits, memlock: 0 },
      capabilities: new Set([14, 40]),
    });
    expect(task.cur.rlimits.memlock).toBe(0);
    expect([task.cur.cred.capLow, task.cur.cred.capHigh]).toEqual([1 << 14, 1 << 8]);
  });
});

describe('calls', () => {
  it('are checked for their names and the number of their arguments', () => {
    expect(() => ask('jump(1)')).toThrow(/unknown call/);
    expect(() => ask('munmap(1)')).toThrow(/munmap takes/);
    expect(() => explain({ make, setup, script: [] })).toThrow(ScriptError);
  });

  it('are printed with their values', () => {
    const [call] = parseScript('mremap(p, 4K, 2*4K, MREMAP_MAYMOVE)');
    expect(formatCall(call!, argumentsOf(call!, new Map([['p', 0x1000n]])))).toBe(
      'mremap(0x1000, 4096, 8192, MREMAP_MAYMOVE)',
    );
  });

  it('are printed with nonsense, too', () => {
    const [call] = parseScript('mremap(-1, -1, -1, -1, -1)');
    expect(formatCall(call!, argumentsOf(call!, new Map()))).toBe(
      'mremap(0xffffffffffffffff, -1, -1, -1, 0xffffffffffffffff)',
    );
  });

  it('reach everything that a script can name', () => {
    const { task } = setStage(make, { ...setup, files: [parseFile('size=16384')] });
    const names = new Map<string, bigint>();
    const results = parseScript(`
      p = mmap(NULL, 16384, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0)
      store(p, 7)
      load(p)
      msync(p, 16384, MS_SYNC)
      mlock(p, 4096)
      munlock(p, 4096)
      mincore(p, 4096)
      remap_file_pages(p, 4096, 0, 1, 0)
      mprotect(p, 4096, PROT_READ)
      madvise(p, 4096, MADV_RANDOM)
      mlockall(MCL_FUTURE)
      munlockall()
      ftruncate(3, 4096)
      dup(3)
      fork()
      personality(0)
      close(3)
      brk(0)
      mlock2(p, 4096, MLOCK_ONFAULT)
      munmap(p, 16384)
    `).map((call) => {
      const outcome = makeCall(task, call, argumentsOf(call, names));
      if (call.assign !== null) names.set(call.assign, BigInt(outcome.result));
      return [call.name, outcome.signal, outcome.result >= 0];
    });
    expect(results.filter(([, signal, passed]) => signal !== 0 || !(passed as boolean))).toEqual([]);
  });
});

describe('an explanation', () => {
  it('of a refusal has the decision last among its checks', () => {
    const e = ask(`mmap(NULL, 1T, ${anon}, -1, 0)`);
    expect(e.decision?.id).toBe('vm_enough_memory.guess');
    expect(e.checks.at(-1)?.passed).toBe(false);
    expect(e.changes.map(({ change }) => change)).toContain('vm.overcommit_memory=1 (is 0)');
    expect(formatExplanation(e, book)).toContain('What would change it');
  });

  it('names what led to the decision', () => {
    const e = ask(`p = mmap(NULL, 12288, ${anon}, -1, 0)\nmunmap(p + 4096, 4096)`, {
      ...setup,
      machine: { ...setup.machine, sysctl: { ...setup.machine.sysctl, maxMapCount: 2 } },
    });
    expect(e.decision?.id).toBe('do_munmap.max_map_count');
    const over = ask(
      `p = mmap(NULL, 12288, ${anon}, -1, 0)\nmmap(p + 4096, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)`,
      {
        ...setup,
        machine: { ...setup.machine, sysctl: { ...setup.machine.sysctl, maxMapCount: 2 } },
      },
    );
    expect(over.decision?.id).toBe('mmap_region.clear_old_maps');
    expect(over.because.map(({ id }) => id)).toEqual(['do_munmap.max_map_count']);
    expect(formatExplanation(over, book)).toContain('because of do_munmap.max_map_count');
  });

  it('of an access tells the fault', () => {
    const e = ask(`p = mmap(NULL, 4096, ${anon}, -1, 0)\nstore(p)`);
    expect(e.decision).toBeNull();
    expect(formatEvents(e.events, book).some((line) => line.includes('fault: anon'))).toBe(true);
  });
});

describe('neighbours', () => {
  it('give every reason with what differs', () => {
    const { task } = setStage(make, setup);
    const recorder = new Recorder();
    task.mm.tracer = recorder;
    for (const call of parseScript(`
      mmap(0x40000000, 4096, ${anon}|MAP_FIXED, -1, 0)
      mmap(0x40001000, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
      mmap(0x40002000, 4096, PROT_READ, MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
    `))
      makeCall(task, call, argumentsOf(call, new Map()));
    const pairs = neighboursIn(task.mm, 0x40000000, 0x40003000, book);
    expect(pairs.map(({ reasons }) => reasons.map(({ reason }) => reason.id))).toEqual([
      ['vma_merge.flags'],
      ['vma_merge.flags', 'vma_merge.file', 'vma_merge.pgoff'],
    ]);
    expect(whyApart(task.mm.tree.first!, task.mm.tree.last!)[0]?.[0]).toBe(Decision.mergeNotAdjacent);
    expect(recorder.events.length).toBeGreaterThan(6);
  });

  it('name flags by their bits', () => {
    expect(vmFlagNames(0x2003)).toEqual(['VM_READ', 'VM_WRITE', 'VM_LOCKED']);
    expect(vmFlagNames(0x80000000 | 0)).toEqual(['VM_MERGEABLE']);
  });
});

describe('the book of reasons', () => {
  it('has those of this machine and of handed-in drivers', () => {
    const own = { id: 'mine.no', fn: 'mine', errno: 22, sentence: 'No.', change: 'Nothing.' };
    const more = new ReasonBook([{ base: 9000, reasons: [own] }]);
    expect(more.find(9000)).toMatchObject({ id: 'mine.no', errno: 'EINVAL' });
    expect(more.find(0)).toBeUndefined();
    expect(more.all().length).toBe(book.all().length + 1);
  });
});
