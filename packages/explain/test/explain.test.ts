/** Explanations on a machine with ramfs, tmpfs and huge pages; the command line has the longer list of questions. */
import { createArm64, type PageSize, type VaBits } from '@vmarea/arch-arm64';
import {
  argumentsOf,
  explain,
  filesOf,
  formatAnswer,
  formatCall,
  formatEvents,
  formatVerbose,
  makeCall,
  neighboursIn,
  parseScript,
  ReasonBook,
  Recorder,
  ScriptError,
  setStage,
  type Answer,
  type MachineMaker,
  type Stage,
} from '@vmarea/explain';
import { Hugetlb, hugetlbfs } from '@vmarea/hugetlbfs';
import { createKernel } from '@vmarea/kernel';
import { validateMm } from '@vmarea/mm-core';
import { reason, VMA_MERGE_NOT_ADJACENT } from '@vmarea/mm-core/reasons';
import { Shmem, tmpfs } from '@vmarea/shmem';
import {
  inferSituation,
  parseFileOption,
  parseRlimits,
  vmFlagNames,
  whyApart,
  type GivenFacts,
} from '@vmarea/situation';
import { parseMaps } from '@vmarea/strace';
import { devfs, ramfs } from '@vmarea/vfs';
import { describe, expect, it } from 'vitest';

const make: MachineMaker = (spec, { memory }) =>
  createKernel({
    arch: createArm64({ pageSize: spec.pageSize as PageSize, vaBits: spec.vaBits as VaBits }),
    profile: spec.profile,
    config: spec.config,
    sysctl: { ...spec.sysctl },
    memory: memory ? { bytes: 2 ** 26 } : false,
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
const anon = 'PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS';
const noNames = { values: new Map<string, bigint>() };

function ask(script: string, given: GivenFacts = {}): Answer {
  return explain({ make, situation: inferSituation({ given, clues: null }), script: parseScript(script) });
}

function stage(given: GivenFacts = {}, memory: boolean = false): Stage {
  const situation = inferSituation({ given, clues: null });
  return setStage(make, { situation, files: filesOf(situation), needs: { memory } });
}

const file = (text: string): GivenFacts => ({ files: [parseFileOption(text)] });

describe('a stage', () => {
  it.each(['ramfs', 'tmpfs', 'hugetlbfs', 'memfd', 'zero', 'null', 'pipe', 'dir'])(
    'has a file of kind %s at descriptor 3',
    (kind) => {
      const { task } = stage({ ...file(`${kind},size=5000`), sysctls: [['vm.nr_hugepages', '1']] });
      expect(task.cur.files.fget(3)).not.toBeNull();
      expect(task.cur.files.fget(4)).toBeNull();
    },
  );

  it('has files at the descriptors that were asked for, one of them twice', () => {
    const { task } = stage({ files: ['13=rw,size=8192', '20=ro,same=13'].map(parseFileOption) });
    const [first, second] = [task.cur.files.fget(13)!, task.cur.files.fget(20)!];
    expect(first.fInode).toBe(second.fInode);
    expect([first.fMode & 3, second.fMode & 3]).toEqual([3, 1]);
    expect(task.cur.files.fget(3)).toBeNull();
  });

  it('has the map before, with its names, and refuses one that does not fit', () => {
    const text = '40000000-40001000 r--p 00000000 08:01 77                                 /usr/lib/libx.so\n';
    const lines = (maps: string): GivenFacts => ({ mapBefore: { lines: parseMaps(maps).lines, source: 'a test' } });
    const { task, kernel } = stage(lines(text));
    validateMm(task.mm);
    expect(kernel.proc.maps(task)).toBe(text);
    expect(() => stage({ ...lines('ffffffff0000-ffffffff1000 r--p 00000000 00:00 0\n'), vaBits: 39 })).toThrow(
      ScriptError,
    );
  });

  it('refuses what it cannot set up', () => {
    expect(() => stage(file('noexec,tmpfs'))).toThrow(ScriptError);
  });

  it('leaves the task with the limits and rights of the situation', () => {
    const { task } = stage({ limits: parseRlimits('memlock=0'), capabilities: new Set([14, 40]) });
    expect(task.cur.rlimits.memlock).toBe(0);
    expect([task.cur.cred.capLow, task.cur.cred.capHigh]).toEqual([1 << 14, 1 << 8]);
  });
});

describe('calls', () => {
  it('are checked for their names and the number of their arguments', () => {
    expect(() => ask('jump(1)')).toThrow(/unknown call/);
    expect(() => ask('munmap(1)')).toThrow(/munmap takes \(addr, len\), and here are 1/);
    expect(() => ask('mbind(0, 4096, 0, 0, 0, 0)')).toThrow(/NUMA placement is not modelled/);
    expect(() => explain({ make, situation: inferSituation({ given: {}, clues: null }), script: [] })).toThrow(
      ScriptError,
    );
  });

  it('are printed with their values', () => {
    const [call] = parseScript('mremap(p, 4K, 2*4K, MREMAP_MAYMOVE)');
    expect(formatCall(call!, argumentsOf(call!, { values: new Map([['p', 0x1000n]]) }))).toBe(
      'mremap(0x1000, 4096, 8192, MREMAP_MAYMOVE)',
    );
  });

  it('are printed with nonsense, too', () => {
    const [call] = parseScript('mremap(-1, -1, -1, -1, -1)');
    expect(formatCall(call!, argumentsOf(call!, noNames))).toBe(
      'mremap(0xffffffffffffffff, 18446744073709551615, 18446744073709551615, 18446744073709551615, 0xffffffffffffffff)',
    );
  });

  it('reach everything that a script can name', () => {
    const { task } = stage(file('size=16384'), true);
    const values = new Map<string, bigint>();
    const names = { values };
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
      const outcome = makeCall(task, call, argumentsOf(call, names), names);
      if (call.assign !== null) values.set(call.assign, BigInt(outcome.result));
      return [call.name, outcome.signal, outcome.result >= 0];
    });
    expect(results.filter(([, signal, passed]) => signal !== 0 || !(passed as boolean))).toEqual([]);
  });
});

describe('an answer', () => {
  const few: GivenFacts = { sysctls: [['vm.max_map_count', '2']] };

  it('of a refusal has the decision last among its checks', () => {
    const e = ask(`mmap(NULL, 1T, ${anon}, -1, 0)`);
    expect(e.refusal?.reason.id).toBe('vm_enough_memory.guess');
    expect(e.checks.at(-1)?.passed).toBe(false);
    expect(e.changes.map(({ change }) => change)).toContain('vm.overcommit_memory=1 (is 0)');
    expect(formatAnswer(e)).toContain('What helps:');
  });

  it('names the innermost decision, and what passed it on', () => {
    const e = ask(`p = mmap(NULL, 12288, ${anon}, -1, 0)\nmunmap(p + 4096, 4096)`, few);
    expect(e.refusal?.reason.id).toBe('do_munmap.max_map_count');
    const over = ask(
      `p = mmap(NULL, 12288, ${anon}, -1, 0)\nmmap(p + 4096, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)`,
      few,
    );
    expect(over.refusal?.reason.id).toBe('do_munmap.max_map_count');
    expect(over.refusal?.passedOn.map(({ id }) => id)).toEqual(['mmap_region.clear_old_maps']);
    expect(formatVerbose(over, book)).toContain('passed on by mmap_region (mmap_region.clear_old_maps)');
  });

  it('of an access tells the fault', () => {
    const e = ask(`p = mmap(NULL, 4096, ${anon}, -1, 0)\nstore(p)`);
    expect(e.refusal).toBeNull();
    expect(formatEvents(e.events, book).some((line) => line.includes('fault: anon'))).toBe(true);
  });

  it('is about the call that failed first when a later one needs what it gives', () => {
    const e = ask('a = mmap(NULL, 64T, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)\nmunmap(a, 4096)', { vaBits: 39 });
    expect(e.refusal?.reason.id).toBe('get_unmapped_area.len_over_task_size');
    expect(e.notes).toEqual([expect.stringContaining('Line 2 was not made: it uses «a»')]);
  });

  it('says that linux-6.12 places multiples of 2 MiB on their border', () => {
    const text = 'mmap(NULL, 2M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)';
    const newer = ask(text, { kernel: 'linux-6.12' });
    expect(Number(newer.result) % 2 ** 21).toBe(0);
    expect(newer.choices.join(' ')).toMatch(/placed on a border of 2 MiB/);
    expect(newer.choices.join(' ')).not.toMatch(/highest hole/);
    const small = ask(text.replace('2M', '3M'), { kernel: 'linux-6.12' });
    expect(small.choices.join(' ')).toMatch(/highest hole that is long enough/);
    expect(ask(text).choices.join(' ')).toMatch(/highest hole that is long enough/);
  });

  it('offers no address that helps nobody', () => {
    const changes = (text: string): string[] => ask(text).changes.map(({ change }) => change);
    expect(changes('munmap(1, 1)').filter((change) => change.includes('NULL'))).toEqual([]);
    expect(changes('mprotect(1, 1, PROT_READ)').filter((change) => change.includes('NULL'))).toEqual([]);
    expect(changes('munmap(4097, 1)')).toContain('addr 0x1000, rounded down to a page');
  });

  it('compares with what the line says, and finds what would make it so', () => {
    const line = 'mmap(NULL, 1T, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = -1 ENOMEM';
    const { comparison } = ask(line);
    expect(comparison?.agrees).toBe(false);
    expect(comparison?.causes.map(({ options }) => options)).toContainEqual(['--va-bits 39']);
    expect(ask(line, { vaBits: 39 }).comparison?.agrees).toBe(true);
    const strange = ask('[pid 12] munmap(0x1000, 4096) = -1 EUCLEAN (Structure needs cleaning)');
    expect(strange.comparison).toMatchObject({
      agrees: false,
      causes: [],
      note: expect.stringContaining('seccomp') as string,
    });
  });

  it('takes an open file from a line, opened so that the recorded failure comes about', () => {
    const e = ask(
      'mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3</srv/data>, 0) = -1 EACCES (Permission denied)',
    );
    expect(e.refusal?.reason.id).toBe('do_mmap.shared_write_needs_fmode_write');
    expect(e.refusal?.figures).toBe('Descriptor 3 (/srv/data) is open read-only.');
    expect(e.comparison?.agrees).toBe(true);
  });

  it('has at most 25 lines, whatever it has to say', () => {
    const script = Array.from(
      { length: 40 },
      (_, i) => `mmap(0x${(0x40000000 + i * 8192).toString(16)}, 4096, ${anon}|MAP_FIXED, -1, 0)`,
    );
    for (const last of [
      `mmap(0x40000000, 1M, ${anon}|MAP_FIXED, 7, 12)`,
      'munmap(0x40000000, 1M)',
      `mmap(NULL, 1T, ${anon}, -1, 0)`,
    ])
      expect(
        formatAnswer(ask([...script, last].join('\n')), 'The machine.')
          .trimEnd()
          .split('\n').length,
      ).toBeLessThanOrEqual(25);
  });
});

describe('neighbours', () => {
  it('give every reason with what differs', () => {
    const { task } = stage();
    const recorder = new Recorder();
    task.mm.tracer = recorder;
    for (const call of parseScript(`
      mmap(0x40000000, 4096, ${anon}|MAP_FIXED, -1, 0)
      mmap(0x40001000, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
      mmap(0x40002000, 4096, PROT_READ, MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
    `))
      makeCall(task, call, argumentsOf(call, noNames));
    const pairs = neighboursIn(task.mm, 0x40000000, 0x40003000, book);
    expect(pairs.map(({ reasons }) => reasons.map(({ reason }) => reason.id))).toEqual([
      ['vma_merge.flags'],
      ['vma_merge.flags', 'vma_merge.file', 'vma_merge.pgoff'],
    ]);
    expect(whyApart(task.mm.tree.first!, task.mm.tree.last!)[0]?.decision).toBe(VMA_MERGE_NOT_ADJACENT);
    expect(recorder.events.length).toBeGreaterThan(6);
  });

  it('name flags by their bits', () => {
    expect(vmFlagNames(0x2003)).toEqual(['VM_READ', 'VM_WRITE', 'VM_LOCKED']);
    expect(vmFlagNames(0x80000000 | 0)).toEqual(['VM_MERGEABLE']);
  });
});

describe('the book of reasons', () => {
  it('has those of the packages that are loaded, and what else is declared', () => {
    const before = book.all().length;
    const own = reason('mine.no', {
      errno: 22,
      says: 'No.',
      change: 'Nothing.',
      source: { fn: 'mine', file: 'mine.c' },
    });
    expect(book.find(own)).toMatchObject({ id: 'mine.no', errno: 'EINVAL', reference: 'mine in mine.c' });
    expect(book.find(0)).toBeUndefined();
    expect(book.all().length).toBe(before + 1);
  });
});
