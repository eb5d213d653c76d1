/**
 * `vmarea explain`: what it says is what the engine decides, and a change that it names turns the decision.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { explain, filesOf, formatAnswer, parseScript, setStage, type Answer } from '@vmarea/explain';
import { findVma, whyNotMerged } from '@vmarea/mm-core';
import {
  inferSituation,
  parseCapabilityNames,
  parseFileOption,
  parseRlimits,
  parseSysctls,
  whyApart,
  type GivenFacts,
  type Situation,
} from '@vmarea/situation';
import { parseMaps } from '@vmarea/strace';
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ } from '@vmarea/uapi';
import { afterAll, describe, expect, it } from 'vitest';
import { makeMachine, reasonBook } from '../src/machine/lab.ts';
import { vmarea } from './cli.ts';

const book = reasonBook();

interface Ask {
  readonly given?: GivenFacts;
  readonly file?: string;
  readonly rlimit?: string;
  readonly sysctl?: string;
  readonly capabilities?: string;
  readonly changes?: boolean;
}

function situationOf(options: Ask): Situation {
  const given: GivenFacts = {
    ...options.given,
    ...(options.sysctl === undefined ? {} : { sysctls: parseSysctls(options.sysctl) }),
    ...(options.rlimit === undefined ? {} : { limits: parseRlimits(options.rlimit) }),
    ...(options.file === undefined ? {} : { files: [parseFileOption(options.file)] }),
    ...(options.capabilities === undefined ? {} : { capabilities: parseCapabilityNames(options.capabilities) }),
  };
  return inferSituation({ given, clues: null });
}

function ask(script: string, options: Ask = {}): Answer {
  return explain({
    make: makeMachine,
    situation: situationOf(options),
    script: parseScript(script),
    book,
    withoutChanges: options.changes === false,
  });
}

const changesOf = (e: Answer): string[] => e.changes.map(({ change }) => change);
const msm: GivenFacts = { kernel: 'msm-4.4' };
const anon = 'PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS';

describe('the path of a call', () => {
  it('is the checks before the decision, each with its operands, then the decision', () => {
    const e = ask('mmap(0x1000, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0)', { file: 'ro,size=8192' });
    expect(e.result).toBe('-1 EACCES');
    expect(e.refusal?.reason.id).toBe('do_mmap.shared_write_needs_fmode_write');
    expect(e.checks.slice(0, -1).every(({ passed }) => passed)).toBe(true);
    expect(e.checks.map(({ reason }) => reason.id)).toEqual([
      'sys_mmap.offset_unaligned',
      'sys_mmap.bad_descriptor',
      'security_mmap_file.refused',
      'do_mmap.zero_len',
      'do_mmap.len_wraps',
      'do_mmap.pgoff_overflow',
      'do_mmap.max_map_count',
      'get_unmapped_area.len_over_task_size',
      'get_unmapped_area.len_over_room',
      'get_unmapped_area.no_gap',
      'security_mmap_addr.refused',
      'do_mmap.file_offset',
      'do_mmap.shared_write_needs_fmode_write',
    ]);
    expect(e.checks.at(-1)).toMatchObject({
      passed: false,
      operands: 'PROT_READ|PROT_WRITE, the file is open read-only',
    });
    expect(e.events.flatMap((event) => (event.kind === 'enter' ? [event.fn] : []))).toEqual([
      'vm_mmap_pgoff',
      'do_mmap',
      'get_unmapped_area',
    ]);
    expect(e.before).toBe(e.after);
  });

  it('goes through mmap_region for a call that is granted, and the map changes', () => {
    const e = ask(`mmap(NULL, 8192, ${anon}, -1, 0)`, { changes: false });
    expect(e.refusal).toBeNull();
    expect(e.checks.every(({ passed }) => passed)).toBe(true);
    expect(e.events.some((event) => event.kind === 'enter' && event.fn === 'mmap_region')).toBe(true);
    expect(e.after).not.toBe(e.before);
  });

  it('keeps the results of the calls before', () => {
    const e = ask(`p = mmap(0x40000000, 4096, ${anon}|MAP_FIXED, -1, 0)\nmunmap(p, 0)`, { changes: false });
    expect(e.earlier).toEqual([expect.objectContaining({ result: '0x40000000' })]);
    expect(e.refusal?.reason.id).toBe('do_munmap.zero_len');
  });
});

describe('what would change it', () => {
  it('is the smallest RLIMIT_AS: the stack and the mapping', () => {
    const e = ask(`mmap(NULL, 64M, ${anon}, -1, 0)`, { rlimit: 'as=16M' });
    expect(e.refusal?.reason.id).toBe('may_expand_vm.rlimit_as');
    const stack = 33 * 4;
    expect(changesOf(e)[0]).toBe(`RLIMIT_AS of at least ${65536 + stack} KiB (is 16 MiB)`);
  });

  it('is the smallest RLIMIT_MEMLOCK, a shorter range, or the capability', () => {
    const e = ask(`p = mmap(NULL, 1M, ${anon}, -1, 0)\nmlock(p, 1M)`, { rlimit: 'memlock=64k' });
    expect(e.result).toBe('-1 ENOMEM');
    expect(changesOf(e)).toEqual([
      'RLIMIT_MEMLOCK of at least 1 MiB (is 64 KiB)',
      'CAP_IPC_LOCK',
      'len 65536 (64 KiB), the most that goes',
    ]);
  });

  it('is the smallest vm.max_map_count', () => {
    const e = ask(
      `mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)\nmmap(0x40000000, 4096, ${anon}, -1, 0)`,
      {
        sysctl: 'vm.max_map_count=1',
      },
    );
    expect(e.refusal?.reason.id).toBe('do_mmap.max_map_count');
    expect(changesOf(e)[0]).toBe('vm.max_map_count of at least 2 (is 1)');
  });

  it('is a smaller vm.mmap_min_addr or CAP_SYS_RAWIO', () => {
    const e = ask(`mmap(0x8000, 4096, ${anon}|MAP_FIXED, -1, 0)`, { sysctl: 'vm.mmap_min_addr=65536' });
    expect(e.result).toBe('-1 EPERM');
    expect(changesOf(e)).toContain('vm.mmap_min_addr of at most 32768 (is 65536)');
    expect(changesOf(e)).toContain('CAP_SYS_RAWIO');
  });

  it('is a larger pool for huge pages, or MAP_NORESERVE', () => {
    const e = ask(`mmap(NULL, 4M, ${anon}|MAP_HUGETLB, -1, 0)`);
    expect(e.result).toBe('-1 ENOMEM');
    expect(changesOf(e)).toContain('vm.nr_hugepages of at least 2 (is 0)');
    expect(changesOf(e)).toContain('with MAP_NORESERVE');
  });

  it('is a file opened otherwise, a mount without noexec, no append-only attribute, no lock, no seal', () => {
    expect(changesOf(ask('mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0)', { file: 'wo' }))).toContain(
      'descriptor 3 open read-write (is write-only)',
    );
    expect(changesOf(ask('mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE, 3, 0)', { file: 'noexec' }))).toContain(
      'descriptor 3 on a mount without noexec',
    );
    expect(changesOf(ask('mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0)', { file: 'append,rw' }))).toContain(
      'descriptor 3 without the append-only attribute (chattr -a)',
    );
    expect(changesOf(ask('mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0)', { given: msm, file: 'locked' }))).toContain(
      "nobody's mandatory lock on descriptor 3",
    );
    expect(changesOf(ask('mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0)', { file: 'sealed' }))).toContain(
      'descriptor 3 not sealed',
    );
  });

  it('is a longer file for a store beyond its end', () => {
    const e = ask('p = mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0)\nstore(p + 5000)', {
      file: 'rw,size=1000',
    });
    expect(e.result).toBe('SIGBUS');
    expect(e.refusal?.reason.id).toBe('fault.beyond_eof');
    expect(changesOf(e)).toEqual(['descriptor 3 with at least 4097 bytes (has 1000 bytes)']);
  });

  it('is for a granted call what would refuse it', () => {
    const e = ask(`mmap(NULL, 4096, ${anon}, -1, 0)`);
    expect(e.refusal).toBeNull();
    expect(changesOf(e)).toContain('RLIMIT_AS of at most 132 KiB (is unlimited)');
    expect(e.changes.every(({ reason }) => reason !== null)).toBe(true);
  });
});

describe('every verb', () => {
  it.each([
    ['munmap(0x1001, 4096)', 'do_munmap.unaligned'],
    ['mprotect(0x40000000, 4096, PROT_READ)', 'mprotect.not_mapped'],
    ['mremap(0x40000000, 4096, 8192, 0)', 'mremap.not_mapped'],
    ['brk(4096)', 'brk.below_start'],
    ['madvise(0x40000001, 4096, MADV_DONTNEED)', 'madvise.unaligned'],
    ['mlock2(0x40000000, 4096, 8)', 'mlock2.bad_flags'],
    ['mlockall(64)', 'mlockall.bad_flags'],
    ['msync(0x40000000, 4096, MS_SYNC|MS_ASYNC)', 'msync.both_modes'],
    ['mincore(0x40000001, 4096)', 'mincore.unaligned'],
    [`mmap(0x50000000, 4096, ${anon}, -1, 0)\nload(0x40000000)`, 'fault.no_vma'],
    ['load(0x40000000)', 'expand_stack.rlimit_stack'],
    [`p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)\nstore(p)`, 'fault.not_writable'],
    [`p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)\nexec(p)`, 'fault.not_executable'],
    ['mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 9, 0)', 'sys_mmap.bad_descriptor'],
    ['mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 12)', 'sys_mmap.offset_unaligned'],
    [`mmap(NULL, 4096, ${anon}|MAP_HUGETLB|(20*64M), -1, 0)`, 'sys_mmap.no_huge_size'],
  ])('%s ends in %s', (script, id) => {
    const e = ask(script, { changes: false });
    expect(e.refusal?.reason.id).toBe(id);
    expect(e.checks.at(-1)).toMatchObject({ passed: false, reason: { id } });
    expect(formatAnswer(e)).toContain(id);
  });
});

describe('elsewhere', () => {
  it('tells what the other version answers', () => {
    const e = ask(
      'p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)\nmremap(p, 0, 4096, MREMAP_MAYMOVE)',
      {
        changes: false,
      },
    );
    expect(e.refusal?.reason.id).toBe('mremap.duplicate_private');
    const other = e.elsewhere.find(({ kernel }) => kernel === 'msm-4.4');
    expect(other).toMatchObject({ pageSize: 4096, same: false, reason: null });
  });

  it('tells what another page size answers', () => {
    const e = ask(`mmap(0x40001000, 4096, ${anon}|MAP_FIXED, -1, 0)`, { changes: false });
    expect(e.elsewhere.filter(({ kernel }) => kernel === 'linux-6.1').map(({ reason }) => reason?.id)).toEqual([
      'get_unmapped_area.unaligned',
      'get_unmapped_area.unaligned',
    ]);
  });
});

describe('choices', () => {
  const page = 'PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS';

  it.each<[what: string, script: string, options: Ask, said: string]>([
    ['a hint that is taken', `mmap(0x10000000, 4096, ${page}, -1, 0)`, {}, 'The hint 0x10000000 was taken'],
    [
      'a hint where something is',
      `mmap(0x10000000, 4096, ${page}|MAP_FIXED, -1, 0)\nmmap(0x10000000, 4096, ${page}, -1, 0)`,
      {},
      'The hint 0x10000000 was not taken: 0x10000000-0x10001000 rw-p is there already',
    ],
    [
      'a hint in a guard gap',
      `mmap(0x10100000, 65536, ${page}|MAP_FIXED|MAP_GROWSDOWN, -1, 0)\nmmap(0x100f0000, 4096, ${page}, -1, 0)`,
      {},
      'it would lie in the guard gap of 1 MiB below',
    ],
    [
      'the legacy layout of a personality',
      `mmap(NULL, 4096, ${page}, -1, 0)`,
      { given: { personality: 0x0200000 } },
      'upwards (legacy layout), because the personality has ADDR_COMPAT_LAYOUT',
    ],
    [
      'the legacy layout of an unlimited stack',
      `mmap(NULL, 4096, ${page}, -1, 0)`,
      { rlimit: 'stack=unlimited' },
      'because the program was started with RLIMIT_STACK unlimited',
    ],
    [
      'mode 2 and MAP_NORESERVE',
      `mmap(NULL, 1M, ${page}|MAP_NORESERVE, -1, 0)`,
      { sysctl: 'overcommit_memory=2' },
      '1 MiB are charged to Committed_AS (private and writable). vm.overcommit_memory=2 ignores MAP_NORESERVE.',
    ],
    [
      'read-only private memory',
      'mmap(NULL, 1M, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)',
      {},
      'It is charged when mprotect makes it writable.',
    ],
    [
      'memory that becomes writable',
      'p = mmap(NULL, 1M, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)\nmprotect(p, 1M, PROT_READ|PROT_WRITE)',
      {},
      '1 MiB are charged now',
    ],
    ['fork', `mmap(NULL, 1M, ${page}, -1, 0)\nfork()`, {}, 'fork charged 1156 KiB once more'],
    ['a flag of another machine', `mmap(NULL, 4096, ${page}|MAP_32BIT, -1, 0)`, {}, 'MAP_32BIT is a flag of x86-64'],
    ['a descriptor that is ignored', `mmap(NULL, 4096, ${page}, 7, 0)`, {}, 'Descriptor 7 is ignored'],
    [
      'a flag that an old kernel does not know',
      `mmap(0x10000000, 4096, ${page}|MAP_FIXED_NOREPLACE, -1, 0)`,
      { given: msm },
      'MAP_FIXED_NOREPLACE is of 4.17 and unknown to msm-4.4',
    ],
    [
      'mlockall(MCL_FUTURE)',
      `mlockall(MCL_FUTURE)\nmmap(NULL, 1M, ${page}, -1, 0)`,
      {},
      '1 MiB were locked and brought in at once: mlockall(MCL_FUTURE) holds for every new mapping.',
    ],
    [
      'the first half of a split that stays',
      `p = mmap(NULL, 16384, ${page}, -1, 0)\nmprotect(p + 4096, 4096, PROT_READ)`,
      { sysctl: 'max_map_count=3' },
      'The call failed, but a split that came before stays: 2 areas became 3.',
    ],
    ['munmap of nothing', 'munmap(0x10000000, 4096)', {}, 'Nothing was mapped there, and munmap of nothing succeeds.'],
    [
      'mremap that moves',
      `p = mmap(NULL, 8192, ${page}, -1, 0)\nq = mmap(p - 8192, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)\nmremap(q, 8192, 65536, MREMAP_MAYMOVE)`,
      {},
      'It was moved from',
    ],
  ])('say: %s', (_, script, options, said) => {
    const { choices } = ask(script, { ...options, changes: false });
    expect(choices.join(' ')).toContain(said);
  });

  it('of vm.max_map_count tell that one more than the limit can exist', () => {
    const e = ask(
      `mmap(0x40000000, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)\nmmap(NULL, 4096, ${page}, -1, 0)`,
      {
        sysctl: 'max_map_count=1',
        changes: false,
      },
    );
    expect(e.refusal?.figures).toContain('mmap refuses only when the count is above the limit, so 2 can exist.');
  });
});

describe('neighbours', () => {
  it('name every rule between them, the first of which is the one that the engine names', () => {
    const e = ask(
      `a = mmap(0x40000000, 8192, ${anon}|MAP_FIXED, -1, 0)
       store(a)
       mmap(0x40002000, 8192, PROT_READ, MAP_PRIVATE|MAP_FIXED, 3, 0)`,
      { file: 'ro', changes: false },
    );
    const pair = e.neighbours.find(({ upper }) => upper[0] === 0x40002000);
    expect(pair?.reasons.map(({ reason }) => reason.id)).toEqual([
      'vma_merge.flags',
      'vma_merge.file',
      'vma_merge.pgoff',
    ]);
    expect(pair?.reasons[0]?.operands).toBe(
      'only the lower is writable (VM_WRITE), charged to Committed_AS (VM_ACCOUNT)',
    );
  });

  it('are told for a range that crosses them', () => {
    const e = ask(
      `a = mmap(0x40000000, 16384, ${anon}, -1, 0)
       mprotect(a + 4096, 4096, PROT_READ)
       mremap(a, 16384, 65536, MREMAP_MAYMOVE)`,
      { changes: false },
    );
    expect(e.refusal?.reason.id).toBe('mremap.crosses_vma');
    expect(e.neighbours.map(({ reasons }) => reasons.map(({ reason }) => reason.id))).toEqual([
      ['vma_merge.flags'],
      ['vma_merge.flags'],
    ]);
  });

  it('that were written to apart stay apart', () => {
    const e = ask(
      `p = mmap(0x40000000, 8192, ${anon}|MAP_FIXED, -1, 0)
       store(p)
       q = mmap(p+16384, 8192, ${anon}|MAP_FIXED, -1, 0)
       store(q)
       mmap(p+8192, 8192, ${anon}|MAP_FIXED, -1, 0)`,
      { changes: false },
    );
    expect(e.neighbours.map(({ reasons }) => reasons.map(({ reason }) => reason.id))).toEqual([['vma_merge.anon_vma']]);
  });

  it('are a seal, and all others that stand behind it', () => {
    const situation = situationOf({ given: { kernel: 'linux-6.12' } });
    const { task } = setStage(makeMachine, { situation, files: new Map(), needs: { memory: false } });
    const { sys } = task;
    const at = sys.mmap(0x40000000, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(sys.mseal(at, 4096, 0)).toBe(0);
    const left = findVma(task.mm, at)!;
    const why = whyApart(left, left.vmNext!);
    expect(why.map(({ operands }) => operands)).toEqual(['only the lower is sealed by mseal (VM_SEALED)']);
    expect(why[0]!.decision).toBe(whyNotMerged(left, left.vmNext!));
  });

  it('agree with the engine on a whole map', () => {
    const situation = situationOf({ given: { mapBefore } });
    const { task } = setStage(makeMachine, { situation, files: filesOf(situation), needs: { memory: false } });
    let pairs = 0;
    for (let left = task.mm.tree.first; left !== null && left.vmNext !== null; left = left.vmNext) {
      if (left.vmEnd !== left.vmNext.vmStart) continue;
      pairs++;
      expect(whyApart(left, left.vmNext)[0]?.decision ?? 0).toBe(whyNotMerged(left, left.vmNext));
    }
    expect(pairs).toBeGreaterThan(3);
  });
});

const REAL_MAPS = `aaaaaaaa0000-aaaaaaab0000 r-xp 00000000 fe:01 100        /usr/bin/prog
aaaaaaab0000-aaaaaaab1000 r--p 00010000 fe:01 100        /usr/bin/prog
aaaaaaab1000-aaaaaaab2000 rw-p 00011000 fe:01 100        /usr/bin/prog
aaaaaaab2000-aaaaaaad3000 rw-p 00000000 00:00 0          [heap]
fffff7de0000-fffff7f68000 r-xp 00000000 fe:01 200        /lib/libc.so.6
fffff7f68000-fffff7f77000 ---p 00188000 fe:01 200        /lib/libc.so.6
fffff7f77000-fffff7f7b000 r--p 00187000 fe:01 200        /lib/libc.so.6
fffff7f7b000-fffff7f7d000 rw-p 0018b000 fe:01 200        /lib/libc.so.6
fffff7f7d000-fffff7f89000 rw-p 00000000 00:00 0
fffff7f89000-fffff7f8b000 rw-p 00000000 00:00 0
fffff7ffb000-fffff7ffd000 r--p 00000000 00:00 0          [vvar]
fffff7ffd000-fffff7ffe000 r-xp 00000000 00:00 0          [vdso]
fffffffdf000-1000000000000 rw-p 00000000 00:00 0         [stack]
`;

const mapBefore = { lines: parseMaps(REAL_MAPS).lines, source: 'a test' };

describe('a given map', () => {
  it('is there before the call, byte for byte', () => {
    const e = ask('munmap(0x1234, 1)', { given: { mapBefore }, changes: false });
    const rows = (text: string): string[] =>
      text
        .trim()
        .split('\n')
        .map((line) => line.replaceAll(/ +/g, ' ').trim());
    expect(rows(e.before)).toEqual(rows(REAL_MAPS));
  });
});

describe('the command', () => {
  const dir = mkdtempSync(join(tmpdir(), 'vmarea-explain-'));
  afterAll(() => rmSync(dir, { recursive: true }));

  it('takes a script from a file or from standard input', async () => {
    const path = join(dir, 'script');
    const script = `p = mmap(NULL, 4096, ${anon}, -1, 0)\nmunmap(p, 0)\n`;
    writeFileSync(path, script);
    const fromFile = await vmarea(['explain', path, '--no-changes']);
    expect(fromFile.out).toContain('do_munmap.zero_len');
    expect(await vmarea(['explain', '-', '--no-changes'], script)).toEqual(fromFile);
  });

  it('asks about a line in the middle of a log, in the state that the process has there', async () => {
    const log = join(dir, 'log');
    const lines = [
      'execve("/usr/bin/prog", ["prog"], 0x7fe3d61648 /* 20 vars */) = 0',
      'mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7fb7ff6000',
      'mprotect(0x7fb7ff6000, 4096, PROT_NONE) = 0',
      'mremap(0x7fb7ff6000, 8192, 16384, MREMAP_MAYMOVE) = -1 EFAULT (Bad address)',
      'munmap(0x7fb7ff6000, 8192) = 0',
    ];
    writeFileSync(log, `${lines.join('\n')}\n`);
    const { out, status } = await vmarea(['explain', log, '--at', '4']);
    expect(status).toBe(0);
    expect(out).toContain('mremap takes one area at a time');
    expect(out).toContain('In the state of the process at line 4: memory call 3 of the log, 2 areas.');
    expect(out).toContain('39-bit');
    // Asked about a later line, the earlier question has changed nothing.
    expect((await vmarea(['explain', log, '--at', '5'])).out).toContain('The number of areas went from 2 to 0.');
    const none = await vmarea(['explain', log, '--at', '1']);
    expect([none.status, none.err]).toEqual([2, expect.stringContaining('line 1 is no memory call')]);
    expect((await vmarea(['explain', log, '--at', '0'])).status).toBe(2);
  });

  it('takes the last failed memory call of a long log', async () => {
    const log = join(dir, 'long');
    const calls = Array.from({ length: 50 }, () => 'brk(NULL) = 0x5555a0000');
    writeFileSync(log, `${[...calls, 'munmap(0x1001, 4096) = -1 EINVAL (Invalid argument)', ...calls].join('\n')}\n`);
    const { out } = await vmarea(['explain', log]);
    expect(out.split('\n')[0]).toBe('munmap(0x1001, 4096) = -1 EINVAL');
    writeFileSync(log, `${calls.join('\n')}\n`);
    expect((await vmarea(['explain', log])).err).toContain('no memory call in it failed');
  });

  it('prints JSON', async () => {
    const { out, status } = await vmarea(['explain', 'munmap(1, 1)', '--json', '--kernel', 'msm-4.4']);
    const parsed = JSON.parse(out) as Answer;
    expect(status).toBe(0);
    expect(parsed.refusal?.reason.id).toBe('do_munmap.unaligned');
    expect(JSON.stringify(parsed)).toContain('msm-4.4');
  });

  it('takes maps and meminfo from files, limits and rights by name', async () => {
    const maps = join(dir, 'maps');
    const meminfo = join(dir, 'meminfo');
    writeFileSync(maps, REAL_MAPS);
    writeFileSync(meminfo, 'MemTotal: 65536 kB\nMemFree: 32768 kB\nCommitted_AS: 1024 kB\n');
    const call = `mmap(NULL, 1G, ${anon}, -1, 0)`;
    const { out } = await vmarea([
      'explain',
      call,
      '--maps',
      maps,
      '--meminfo',
      meminfo,
      '--capabilities',
      'CAP_SYS_ADMIN',
      '--rlimit',
      'as=4g:8g',
    ]);
    expect(out).toContain('vm_enough_memory.guess');
    expect(out.replaceAll(/\s+/g, ' ')).toContain('RAM and swap together are 64 MiB');
  });

  it.each([
    ['munmap 1 2'],
    ['jump(1)'],
    ['/no/such/file'],
    ['munmap(1, 1)', '--kernel', '5.10'],
    ['munmap(1, 1)', '--page-size', '8k'],
  ])('says what is wrong with %s', async (...args) => {
    const { status, err } = await vmarea(['explain', ...args]);
    expect(status).toBe(2);
    expect(err).toMatch(/^vmarea: /);
  });
});

describe('lines of a log that are no memory calls', () => {
  const log = [
    'execve("/bin/a", ["a"], 0xfffffffff648 /* 39 vars */) = 0',
    'brk(NULL) = 0xaaaaaaac0000',
    `mmap(NULL, 8192, ${anon}, -1, 0) = 0xfffff7ff8000`,
    'mprotect(0xfffff7ff8000, 4096, PROT_READ) = 0',
    'clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0xfffff7ff80f0) = 77',
    '--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_ACCERR, si_addr=0xfffff7ff8010} ---',
    '--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0xfffff7ffa000} ---',
    '+++ killed by SIGSEGV +++',
  ].join('\n');
  const dir = mkdtempSync(join(tmpdir(), 'vmarea-at-'));
  const file = join(dir, 'log');
  writeFileSync(file, `${log}\n`);
  afterAll(() => rmSync(dir, { recursive: true }));

  it.each([
    [5, 'fork charged 8 KiB once more', 'In the state of the process at line 5: 2 areas.'],
    [6, 'The mapping is not writable. The area is 0xfffff7ff8000-0xfffff7ff9000 r--p', 'SIGSEGV (SEGV_ACCERR)'],
    [7, 'Nothing is mapped at 0xfffff7ffa000', 'In the state of the process at line 7: 2 areas.'],
  ])('line %d: a fork or a signal, in the state that the process has there', async (line, ...said) => {
    const { out, status } = await vmarea(['explain', file, '--at', String(line)]);
    const first = out.split('\n').slice(0, 6).join(' ').replaceAll(/\s+/g, ' ');
    for (const text of said) expect(first).toContain(text);
    expect(status).toBe(0);
  });

  it('another line is refused by what it is', async () => {
    const { err, status } = await vmarea(['explain', file, '--at', '8']);
    expect(err).toContain('line 8 is no memory call, fork or signal of a running process');
    expect(status).toBe(2);
  });
});

describe('huge pages of a map before', () => {
  const dir = mkdtempSync(join(tmpdir(), 'vmarea-huge-'));
  const file = join(dir, 'maps');
  afterAll(() => rmSync(dir, { recursive: true }));
  const rest = `fffff7ffb000-fffff7ffc000 r-xp 00000000 00:00 0                          [vdso]
fffffffdf000-1000000000000 rw-p 00000000 00:00 0                         [stack]
`;
  const HUGE = `fffff7400000-fffff7800000 rw-p 00000000 00:0f 12345                      /anon_hugepage (deleted)\n`;
  const FLAGS = 'Size: 4096 kB\nKernelPageSize: 2048 kB\nMMUPageSize: 2048 kB\nVmFlags: rd wr mr mw me ac de ht\n';
  const shared = `fffff7400000-fffff7800000 rw-s 00200000 00:10 99                         /dev/hugepages/pool\n`;

  it.each([
    ['by the name of the kernel', HUGE],
    ['by smaps', `${shared}${FLAGS}`],
  ])('are cut at their borders only, %s', async (_how, area) => {
    writeFileSync(file, `${area}${rest}`);
    const ran = await vmarea(['explain', '--maps-before', file, '--verbose', 'munmap(0xfffff7401000, 4096)']);
    expect(ran.out).toMatch(/^munmap\(0xfffff7401000, 4096\) = -1 EINVAL\nA mapping of huge pages can be cut only at/);
    // Printed again it is the same line.
    expect(ran.out).toContain(`Map before\n  ${area.split('\n')[0]!}\n`);
  });

  it('a size that the machine has not is said', async () => {
    writeFileSync(file, `${shared}${FLAGS.replaceAll('2048', '1024')}${rest}`);
    const ran = await vmarea(['explain', '--maps-before', file, '--verbose', 'munmap(0xfffff7401000, 4096)']);
    expect(ran.out).toMatch(/^munmap\(0xfffff7401000, 4096\) = 0\n/);
    expect(ran.out).toContain('1 area of huge pages is taken as files with small pages');
  });
});

describe('lines of the kernel source', () => {
  it('are shown for the kernel that they are of, and for no other', async () => {
    const of = async (kernel: string): Promise<string> =>
      (
        await vmarea([
          'explain',
          '--verbose',
          '--kernel',
          kernel,
          'mmap(NULL, 0, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)',
        ])
      ).out;
    expect(await of('msm-4.4')).toMatch(/Source: do_mmap in mm\/mmap\.c \(msm-4\.4 mm\/mmap\.c:\d+/);
    expect(await of('linux-6.1')).not.toMatch(/mmap\.c:\d/);
  });
});

describe('x86-64', () => {
  const x86 = async (call: string, ...options: string[]): Promise<string> =>
    (await vmarea(['explain', '--arch', 'x86-64', ...options, call])).out.replaceAll(/\s+/g, ' ');
  const map = (addr: string, length: string, more = ''): string => `mmap(${addr}, ${length}, ${anon}${more}, -1, 0)`;

  it.each([
    ['a search', map('NULL', '4096'), '= 0x7ffbff6ff000', 'from mmap_base 0x7ffbff700000 downwards'],
    [
      'MAP_32BIT',
      map('NULL', '4096', '|MAP_32BIT'),
      '|MAP_32BIT, -1, 0) = 0x40000000',
      'from 0x40000000 upwards to 0x80000000',
    ],
    [
      'MAP_32BIT with more than its window',
      map('NULL', '3221225472', '|MAP_32BIT'),
      '3 GiB are asked for, and MAP_32BIT searches only from 0x40000000 to 0x80000000',
      'without MAP_32BIT: succeeds',
    ],
    ['MAP_32BIT without room', map('NULL', '2147483648', '|MAP_32BIT'), '= -1 ENOMEM', 'without MAP_32BIT: succeeds'],
    ['a hint of another half', map('0x800000000000', '4096'), '= 0x7ffbff6ff000', 'which end at 0x7ffffffff000'],
    ['an address that is not canonical', 'load(0x800000000000)', '= SIGSEGV', 'fault.not_canonical'],
    ['too long', map('NULL', '140737488355328'), '= -1 ENOMEM', 'a program has 128 TiB (47-bit addresses)'],
    ['the page at 0x1000', map('0x1000', '4096', '|MAP_FIXED'), '= -1 EPERM', 'vm.mmap_min_addr 0x10000'],
  ])('%s', async (_what, call, result, reason) => {
    const out = await x86(call);
    expect(out).toContain(result);
    expect(out).toContain(reason);
    expect(out).toContain('Asked on x86-64 (--arch x86-64)');
    expect(out).not.toContain('arm64');
  });

  it('5 levels of page tables: only a hint above 47 bits leads there', async () => {
    expect(await x86(map('0x800000000000', '4096'), '--va-bits', '57')).toContain('= 0x800000000000');
    expect(await x86(map('NULL', '4096'), '--va-bits', '57')).toContain('= 0x7ffbff6ff000');
    expect(await x86(map('0x7fffffffe000', '8192'), '--va-bits', '57')).toContain(
      'it would lie across 0x7ffffffff000, where the addresses of 4 levels of page tables end',
    );
  });

  it('a line of a log is asked on its own machine', async () => {
    const { out } = await vmarea(['explain', `mmap(NULL, 4096, ${anon}, -1, 0) = 0x7ffff7fb9000`]);
    expect(out).toContain('Asked on x86-64 (line 1: mmap answers 0x7ffff7fb9000)');
    expect(out).not.toContain('arm64');
  });

  it('MAP_32BIT has no effect on arm64, and other kernels and pages are asked where they exist', async () => {
    const { out } = await vmarea(['explain', map('NULL', '4096', '|MAP_32BIT')]);
    expect(out.replaceAll(/\s+/g, ' ')).toContain('MAP_32BIT is a flag of x86-64, and had no effect here');
    const all = await x86(map('NULL', '0'), '--verbose');
    expect(all).toContain('linux-6.12, 4 KiB pages');
    expect(all).not.toContain('16 KiB pages');
    expect(all).not.toContain('msm-4.4');
  });

  it('protection keys are refused by name', async () => {
    const { err, status } = await vmarea(['explain', 'pkey_mprotect(0x10000, 4096, PROT_READ, 1)']);
    expect([status, err]).toEqual([2, expect.stringContaining('protection keys are not modelled') as unknown]);
  });
});

describe('signals that are pasted without their map', () => {
  it.each([
    ['SIGBUS', 'BUS_ADRERR', 'a file was mapped there and the page lies beyond its end'],
    ['SIGSEGV', 'SEGV_ACCERR', 'something was mapped there that did not allow the access'],
  ])('%s, %s: the code is explained, and what is needed for more', async (name, code, said) => {
    const line = `--- ${name} {si_signo=${name}, si_code=${code}, si_addr=0x7f1234567000} ---`;
    const { out, status } = await vmarea(['explain', line]);
    const flat = out.replaceAll(/\s+/g, ' ');
    expect(flat).toContain(said);
    expect(flat).toContain('«explain LOG --at LINE», or --maps-before FILE');
    expect(status).toBe(0);
  });

  it('a signal without an address is not taken for an access to NULL', async () => {
    const { err, status } = await vmarea([
      'explain',
      '--- SIGSEGV {si_signo=SIGSEGV, si_code=SI_KERNEL, si_addr=NULL} ---',
    ]);
    expect(status).toBe(2);
    expect(err).toContain('SI_KERNEL with no address is no access to NULL');
    expect(err).toContain('a pointer was not canonical');
  });

  it('a seal says what it forbids, and huge pages that do not fit what helps', async () => {
    const mseal = await vmarea([
      'explain',
      '--kernel',
      '6.12',
      `p = mmap(NULL, 8192, ${anon}, -1, 0)\nmseal(p, 4096, 0)`,
    ]);
    expect(mseal.out.replaceAll(/\s+/g, ' ')).toContain(
      'is sealed: munmap, mprotect, mremap and MAP_FIXED over it answer EPERM',
    );
    const huge = await vmarea([
      'explain',
      `p = mmap(NULL, 2097152, ${anon}, -1, 0)\nmadvise(p, 2097152, MADV_HUGEPAGE)`,
    ]);
    expect(huge.out.replaceAll(/\s+/g, ' ')).toContain('map 2 MiB more and use the aligned part');
  });
});

describe('what a cold reader would miss', () => {
  it.each([
    [
      'mprotect(0x7f0000000000, 4096, PROT_READ|PROT_EXEC) = -1 EACCES (Permission denied)',
      'Of mm two rules give EACCES',
      [],
    ],
    ['fork() = -1 EAGAIN (Resource temporarily unavailable)', 'the pids limit of a cgroup', []],
    ['fork() = -1 ENOMEM (Cannot allocate memory)', 'vm.overcommit_memory=1» lets fork succeed', []],
    [
      `mmap(NULL, 4096, ${anon}, -1, 0)`,
      'because RLIMIT_STACK is unlimited',
      ['--arch', 'x86-64', '--rlimit', 'stack=unlimited'],
    ],
    [
      'mmap(NULL, 4096, PROT_READ, MAP_DROPPABLE|MAP_ANONYMOUS, -1, 0)',
      'MAP_DROPPABLE|MAP_ANONYMOUS, -1, 0) = 0x',
      ['--kernel', '6.12'],
    ],
    [
      `a = mmap(NULL, 12288, ${anon}, -1, 0)\nmprotect(a + 4096, 4096, PROT_READ)`,
      'the first cut of the call reaches the limit, and the second is refused',
      ['--sysctl', 'max_map_count=3'],
    ],
  ])('%s', async (call, said, options) => {
    expect((await vmarea(['explain', call, ...options])).out.replaceAll(/\s+/g, ' ')).toContain(said);
  });
});
