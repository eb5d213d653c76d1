/** What a replay says of failures, signals and borders, and that the state follows the log. */
import { describe, expect, it } from 'vitest';
import { formatMapsLine, parseMaps } from '@vmarea/strace';
import { validateMm, type Mm, type Tracer } from '@vmarea/mm-core';
import type { CallRecord, ReplayOptions, ReplayReport } from '../src/index.ts';
import { machine, replayOf, situationOf } from './machine.ts';

const ANON = 'PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0';

const MAP = `00400000-00421000 rw-p 00000000 00:00 0                                  [heap]
ffff80000000-ffff80010000 rw-p 00000000 00:00 0 
ffff80010000-ffff80011000 ---p 00000000 00:00 0 
ffff80020000-ffff80022000 r--p 00000000 08:01 77                         /lib/a.so
fffff7ffe000-fffff7fff000 r--p 00000000 00:00 0                          [vvar]
fffff7fff000-fffff8000000 r-xp 00000000 00:00 0                          [vdso]
fffffffdf000-1000000000000 rw-p 00000000 00:00 0                         [stack]
`;

/** A log that goes on from {@link MAP}. */
function from(lines: readonly string[], options: Partial<ReplayOptions> = {}): ReplayReport {
  const mapBefore = { lines: parseMaps(MAP).lines, source: 'a map' };
  return report(lines, { situation: situationOf({ mapBefore }), ...options });
}

/** A log that begins in the middle, without a map. */
function report(lines: readonly string[], options: Partial<ReplayOptions> = {}): ReplayReport {
  const replay = replayOf({ situation: situationOf({}), ...options });
  replay.push(`${lines.join('\n')}\n`);
  const done = replay.finish();
  for (const { task } of replay.processes.all()) expect(validateMm(task.mm)).toEqual([]);
  return done;
}

const text = (done: ReplayReport): string =>
  (done.map?.lines ?? []).map((line) => `${formatMapsLine(line)}\n`).join('');

describe('the state follows the log', () => {
  it.each([
    ['mmap', `mmap(NULL, 1073741824, ${ANON}) = -1 ENOMEM (Cannot allocate memory)`],
    ['munmap', 'munmap(0xffff80000000, 65536) = -1 EUCLEAN (Structure needs cleaning)'],
    ['mprotect', 'mprotect(0xffff80000000, 4096, PROT_READ|PROT_EXEC) = -1 EACCES (Permission denied)'],
    ['mremap', 'mremap(0xffff80000000, 65536, 131072, MREMAP_MAYMOVE) = -1 ENOMEM (Cannot allocate memory)'],
    ['brk', 'brk(0x500000) = 0x421000'],
    ['mlock', 'mlock(0xffff80000000, 65536) = -1 ENOMEM (Cannot allocate memory)'],
    ['a failure of which no errno is told', 'munmap(0xffff80000000, 65536) = -1'],
    ['fork', 'clone(child_stack=0, flags=SIGCHLD) = -1 ENOMEM (Cannot allocate memory)'],
  ])('%s that failed changes nothing', (_name, line) => {
    const before = line.startsWith('brk') ? ['brk(NULL) = 0x421000'] : [];
    const done = from([...before, line]);
    expect(text(done)).toBe(MAP);
    expect(done.failures).toHaveLength(1);
    expect(done.failures[0]!.kind).not.toBe('agrees');
    expect(done.processes).toMatchObject({ seen: 1, forks: 0 });
    expect(done.vmas.copied).toBe(0);
    expect(done.difference).toBeNull();
  });

  it('a call that fails here in the same way keeps what it keeps there', () => {
    // The first half of the range is changed before the hole is met.
    const done = from(['mprotect(0xffff80000000, 131072, PROT_READ) = -1 ENOMEM (Cannot allocate memory)']);
    expect(done.failures[0]).toMatchObject({ kind: 'agrees', error: 'ENOMEM' });
    expect(text(done)).toContain('ffff80000000-ffff80010000 r--p');
    expect(text(done)).toContain('ffff80010000-ffff80011000 r--p');
  });

  it('goes on after a failure that it does not share', () => {
    const done = from([
      `mmap(NULL, 4096, ${ANON}) = -1 ENOMEM (Cannot allocate memory)`,
      `mmap(NULL, 4096, ${ANON}) = 0xfffff7ffd000`,
    ]);
    expect(done.answers).toMatchObject({ replayed: 2, reproduced: 1, failed: 1, failedAlike: 0 });
    expect(done.verdict).toBe('agrees');
  });
});

describe('what would make a call fail so', () => {
  it.each([
    [
      'RLIMIT_AS',
      `mmap(NULL, 8388608, ${ANON}) = -1 ENOMEM (Cannot allocate memory)`,
      'RLIMIT_AS is below',
      '--rlimit as=',
    ],
    [
      'RLIMIT_MEMLOCK',
      'mlock(0xffff80000000, 65536) = -1 ENOMEM (Cannot allocate memory)',
      'RLIMIT_MEMLOCK is below 64 KiB',
      '--rlimit memlock=',
    ],
    [
      'CONFIG_KSM',
      'madvise(0xffff80000000, 4096, MADV_MERGEABLE) = -1 EINVAL (Invalid argument)',
      'without CONFIG_KSM',
      '--config ksm=off',
    ],
    [
      'overcommit',
      'clone(child_stack=0, flags=SIGCHLD) = -1 ENOMEM (Cannot allocate memory)',
      'vm.overcommit_memory is 2',
      '--sysctl vm.overcommit_memory=2',
    ],
  ])('%s', (_name, line, condition, option) => {
    const done = from([line], { kernel: machine({ ksm: true }) });
    const [failure] = done.failures;
    expect(failure?.kind).toBe('cause');
    const causes = failure?.causes ?? [];
    expect(causes.map((cause) => cause.condition).join('; ')).toContain(condition);
    expect(causes.flatMap((cause) => cause.options).join(' ')).toContain(option);
  });

  it('what is outside of the rules is named: a device, a seccomp filter, an LSM, an old kernel', () => {
    const sentence = (lines: readonly string[], options: Partial<ReplayOptions> = {}): string | undefined =>
      from(lines, options).failures.at(-1)?.reason.sentence;
    expect(
      sentence([
        'openat(AT_FDCWD, "/dev/kgsl-3d0", O_RDWR) = 6',
        'mmap(NULL, 4096, PROT_READ, MAP_SHARED, 6, 0) = -1 EINVAL (Invalid argument)',
      ]),
    ).toContain('/dev/kgsl-3d0 is a device');
    const seccomp = { value: 1, evidence: { kind: 'log', line: 1, what: 'seccomp' } } as const;
    const filtered = {
      situation: { ...situationOf({ mapBefore: { lines: parseMaps(MAP).lines, source: 'a map' } }), seccomp },
    };
    expect(sentence(['munmap(0xffff80000000, 4096) = -1 EUCLEAN (Structure needs cleaning)'], filtered)).toContain(
      'the seccomp filter that line 1 installs',
    );
    expect(sentence(['mprotect(0xffff80000000, 4096, PROT_READ|PROT_EXEC) = -1 EACCES (Permission denied)'])).toContain(
      'an LSM',
    );
    expect(sentence(['madvise(0xffff80000000, 4096, MADV_COLD) = -1 ENOSYS (Function not implemented)'])).toContain(
      "The log's kernel has no call madvise",
    );
  });

  it('a failure of wholly known memory that nothing gives differs', () => {
    const done = from(['munmap(0xffff80000000, 4096) = -1 EINVAL (Invalid argument)']);
    expect(done.failures[0]).toMatchObject({ kind: 'unexplained', line: 1 });
    expect(done.verdict).toBe('differs');
  });
});

describe('a failure in a process of which the log shows a part', () => {
  const cause = (line: string): string => {
    const [failure] = report([line]).failures;
    return `${failure!.kind}: ${failure!.reason.sentence} ${failure!.causes.map(({ condition }) => condition).join('; ')}`;
  };

  it('is no agreement when only the missing map refuses it', () => {
    const said = cause('mlock(0x7f8a4c000000, 131072) = -1 ENOMEM (Cannot allocate memory)');
    expect(said).toMatch(/^cause: The log does not show what is mapped there/);
    expect(said).toContain('RLIMIT_MEMLOCK is too low');
  });

  it('has no limit of a few pages as its cause', () => {
    const said = cause(`mmap(NULL, 65536, ${ANON}) = -1 ENOMEM (Cannot allocate memory)`);
    expect(said).toContain('ENOMEM if the process has vm.max_map_count areas already');
    expect(said).not.toContain('below 64 KiB');
  });

  it('is a mapping above the heap for brk', () => {
    const done = report(['brk(NULL) = 0x555555559000', 'brk(0x55555957a000) = 0x555555559000']);
    expect(done.failures[0]!.reason.sentence).toContain('The break stays unchanged if a mapping lies above the heap');
  });
});

describe('a recorded success is evidence', () => {
  it('of RAM: overcommit is judged only where RAM was told', () => {
    const line = `mmap(NULL, 1099511627776, ${ANON}) = 0xfeff80000000`;
    expect(from([line]).verdict).toBe('agrees');
    const mapBefore = { lines: parseMaps(MAP).lines, source: 'a map' };
    const told = from([line], { situation: situationOf({ mapBefore, ram: 2 ** 30 }) });
    expect(told.difference?.reason?.id).toBe('vm_enough_memory.guess');
  });

  it('of capabilities, where only assumed ones are missing', () => {
    const line = 'mlock(0xffff80000000, 65536) = 0';
    const mapBefore = { lines: parseMaps(MAP).lines, source: 'a map' };
    const limits = [{ resource: 8, soft: 4096, hard: 4096 }];
    const done = from([line], { situation: situationOf({ mapBefore, limits }) });
    expect(done.verdict).toBe('agrees');
    expect(done.learned).toEqual([expect.stringContaining('the process has capabilities: line 1')]);
    expect(done.situation.capabilities.evidence).toMatchObject({ kind: 'log', line: 1 });
    const none = from([line], { situation: situationOf({ mapBefore, limits, capabilities: new Set() }) });
    expect(none.verdict).toBe('differs');
  });
});

describe('what does not depend on placement is judged in every log', () => {
  it('an unaligned munmap that succeeds differs', () => {
    const done = report(['munmap(0xffff90000001, 8192) = 0']);
    expect(done.verdict).toBe('differs');
    expect(done.difference).toMatchObject({ line: 1, recorded: '0' });
  });

  it('only what could have differed is counted', () => {
    const done = report([
      `mmap(NULL, 4096, ${ANON}) = 0xffff90000000`,
      'munmap(0xffff90000000, 4096) = 0',
      'mprotect(0xffffa0000000, 4096, PROT_READ) = 0',
      'mprotect(0xffffa0000000, 4096, PROT_READ) = -1 ENOMEM (Cannot allocate memory)',
    ]);
    expect(done.answers).toMatchObject({ replayed: 4, reproduced: 1, unjudged: 3 });
  });
});

describe('signals', () => {
  const segv = (addr: string, code: string): string =>
    `--- SIGSEGV {si_signo=SIGSEGV, si_code=${code}, si_addr=${addr}} ---`;

  it.each([
    ['a guard', segv('0xffff80010008', 'SEGV_ACCERR'), 'agrees', 'allows nothing (PROT_NONE)'],
    [
      'a write to what is read-only',
      segv('0xffff80020010', 'SEGV_ACCERR'),
      'agrees',
      'does not allow writes or execution',
    ],
    ['NULL', segv('0x8', 'SEGV_MAPERR'), 'agrees', 'a pointer that is NULL'],
    ['nothing there', segv('0xffff90000000', 'SEGV_MAPERR'), 'agrees', 'Nothing is mapped at 0xffff90000000'],
    ['far below the stack', segv('0xfffff9000000', 'SEGV_MAPERR'), 'agrees', 'RLIMIT_STACK'],
    ['near below the stack', segv('0xfffffffde000', 'SEGV_MAPERR'), 'open', 'could grow so far'],
    [
      'the end of a file',
      segv('0xffff80021000', 'BUS_ADRERR').replaceAll('SIGSEGV', 'SIGBUS'),
      'agrees',
      'beyond its end',
    ],
    ['no address of a user', segv('0xffff000000000000', 'SEGV_MAPERR'), 'agrees', 'no address of user space'],
    [
      'what the map contradicts',
      segv('0xffff80000000', 'SEGV_MAPERR'),
      'differs',
      'here ffff80000000-ffff80010000 rw- is',
    ],
  ])('%s', (_name, line, kind, sentence) => {
    const done = from(['brk(NULL) = 0x421000', line, '+++ killed by SIGSEGV +++']);
    expect(done.signals).toHaveLength(1);
    expect(done.signals[0]).toMatchObject({ kind, line: 2, deadly: !line.includes('SIGBUS') });
    expect(done.signals[0]!.sentence).toContain(sentence);
    expect(done.verdict).toBe(kind === 'differs' ? 'differs' : 'agrees');
  });

  it('other signals say nothing about memory', () => {
    const done = from(['brk(NULL) = 0x421000', '--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=2} ---']);
    expect(done.signals).toEqual([]);
  });
});

const WRITTEN = 'each has pages of its own, because memory is taken as written as soon as it is there';

describe('borders', () => {
  it('of areas that look alike have a reason, others have none', () => {
    const done = from([
      'mmap(0xffff80030000, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0xffff80030000',
      'madvise(0xffff80030000, 4096, MADV_DONTFORK) = 0',
      'mmap(0xffff80031000, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0xffff80031000',
    ]);
    expect(
      done.borders.map(({ at, reasons }) => [at.toString(16), ...reasons.map(({ operands }) => operands)]),
    ).toEqual([['ffff80031000', 'only the lower is MADV_DONTFORK (VM_DONTCOPY)', WRITTEN]]);
  });

  it('every rule that keeps them apart is named, in the order in which the kernel asks', () => {
    const done = from([
      'mmap(0xffff80030000, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0xffff80030000',
      'madvise(0xffff80030000, 4096, MADV_DONTFORK) = 0',
      'madvise(0xffff80030000, 4096, MADV_DONTDUMP) = 0',
      'mmap(0xffff80031000, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = 0xffff80031000',
    ]);
    const [border] = done.borders;
    expect(border!.reasons.map(({ reason }) => reason.id)).toEqual(['vma_merge.flags', 'vma_merge.anon_vma']);
    expect(border!.reasons[0]!.operands).toBe(
      'only the lower is MADV_DONTFORK (VM_DONTCOPY), charged to Committed_AS (VM_ACCOUNT), MADV_DONTDUMP (VM_DONTDUMP); ' +
        'only the upper is MAP_NORESERVE (VM_NORESERVE)',
    );
  });
});

describe('who listens', () => {
  it('several listeners hear, and each call is told before and after', () => {
    const heard: string[] = [];
    const listener = (name: string): Tracer => ({
      enter: () => undefined,
      decide: () => undefined,
      vma: (event) => void heard.push(`${name} ${event}`),
      fault: () => undefined,
    });
    const calls: CallRecord[] = [];
    const counts: number[] = [];
    const spaces = new Set<Mm>();
    from(
      [
        `mmap(NULL, 4096, ${ANON}) = 0xfffff7ffd000`,
        'munmap(0xffff80000001, 4096) = -1 EINVAL (Invalid argument)',
        'munmap(0xfffff7ffd000, 4096) = 0',
      ],
      {
        listeners: [listener('a'), listener('b')],
        beforeCall: ({ task, number }) => {
          counts.push(number, task.mm.mapCount);
          spaces.add(task.mm);
        },
        onCall: (record) => calls.push(record),
      },
    );
    expect(heard).toEqual(['a insert', 'b insert', 'a remove', 'b remove']);
    expect(counts).toEqual([1, 7, 2, 8, 3, 8]);
    expect(spaces.size).toBe(1);
    expect(
      calls.map(({ number, line, result, recorded, reason }) => [number, line, result, recorded, reason?.id]),
    ).toEqual([
      [1, 1, 0xfffff7ffd000, 0xfffff7ffd000, undefined],
      [2, 2, -22, -22, 'do_munmap.unaligned'],
      [3, 3, 0, 0, undefined],
    ]);
  });
});
