// Failure at every n: each verb is done with its first allocation failing, then its second, and so on until nothing fails; the
// same with each operation of the drivers. What it answers must be the kernel's errno, and the machine must be as it was before,
// but for what the kernel keeps (KEPT, by name). The table is in docs/reliability.md: VMAREA_UPDATE=1 writes it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isErr, RETRY } from '@vmarea/mm-core';
import { errnoName, LINUX_6_18, MSM_4_4, type KernelProfile } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { populated, VERBS, type Scene } from './failure-scenes.ts';
import type { Bench } from './memory-machine.ts';

/** Has the n-th event from now fail. */
interface Injector {
  /** Names it in the table. */
  readonly title: string;
  /** Makes ready; the answer tells whether something has failed since, and ends it. */
  arm(scene: Scene, n: number): () => boolean;
}

const INJECTORS: readonly Injector[] = [
  {
    title: 'structures',
    arm({ b: { system } }, n) {
      system.failCountdown = n;
      return () => {
        const fired = system.failCountdown === 0;
        system.failCountdown = 0;
        return fired;
      };
    },
  },
  {
    title: 'frames',
    arm({ b: { kernel } }, n) {
      const { frames } = kernel.memory!;
      frames.failNth = n;
      return () => {
        const fired = frames.failNth === 0;
        frames.failNth = 0;
        return fired;
      };
    },
  },
  {
    title: 'driver operations',
    arm({ drivers }, n) {
      drivers.left = n;
      return () => {
        drivers.left = 0;
        return drivers.failed;
      };
    },
  },
];

/** All that a program could find out: maps, counters, limits of memory, sizes of files. */
function state(b: Bench): string {
  const { task, system } = b;
  const { mm } = task;
  const counters = [mm.totalVm, mm.lockedVm, mm.dataVm, mm.execVm, mm.stackVm, mm.brk, mm.defFlags];
  const rss = [mm.rssFile, mm.rssAnon, mm.rssShmem];
  const sizes = task.cur.files.openFds().map((fd) => {
    const stat = task.sys.fstat(fd);
    return typeof stat === 'number' ? stat : `${stat.size}/${stat.blocks}`;
  });
  return JSON.stringify({
    maps: b.kernel.proc.maps(task),
    counters,
    rss,
    committed: system.committedAs,
    sizes,
    hugeReserved: b.kernel.hugePool!.resvHugePages,
  });
}

/** What differs between two states, by its name. */
function changes(before: string, after: string): string[] {
  const one = JSON.parse(before) as Record<string, unknown>;
  const other = JSON.parse(after) as Record<string, unknown>;
  return Object.keys(one).filter((key) => JSON.stringify(one[key]) !== JSON.stringify(other[key]));
}

/** One verb with one kind of failure. */
interface Row {
  readonly verb: string;
  readonly kind: string;
  /** The last n at which something failed; 0: nothing can. */
  readonly most: number;
  /** What was answered, in the order met: an errno or a signal; «done» where the failure does not reach the caller. */
  readonly answers: readonly string[];
  /** What was not as before, with the failures (n) that left it so. */
  readonly kept: readonly string[];
}

function told(got: number | string): string {
  if (typeof got === 'string') return got.split(' ')[0]!.replace('ok', 'done');
  return isErr(got) ? errnoName(got) : 'done';
}

function measure(profile: KernelProfile, verb: string, injector: Injector): Row {
  const answers = new Set<string>();
  const kept = new Map<string, number[]>();
  for (let n = 1; ; n++) {
    const scene = populated(profile);
    const { b } = scene;
    const before = state(b);
    const ended = injector.arm(scene, n);
    const got = VERBS[verb]!(b);
    const fired = ended();
    b.check();
    expect(got).not.toBe(RETRY);
    if (!fired) {
      expect(told(got), `${verb} without a failure`).toBe('done');
      return {
        verb,
        kind: injector.title,
        most: n - 1,
        answers: [...answers],
        kept: [...kept].map(([what, at]) => `${what} (${at.join(', ')})`),
      };
    }
    const answer = told(got);
    answers.add(answer);
    if (answer !== 'done') {
      const what = changes(before, state(b)).join(', ');
      if (what !== '') kept.set(what, [...(kept.get(what) ?? []), n]);
    }
    expect(n, `${verb} has failures without end`).toBeLessThan(80);
  }
}

/** What a failure may be told as, by what fails. «done»: the kernel goes on without (populating, a merge that is not made). */
const ANSWERS: Readonly<Record<string, readonly string[]>> = {
  structures: ['ENOMEM', 'EAGAIN', 'done'],
  frames: ['ENOMEM', 'SIGKILL', 'done'],
  'driver operations': ['EIO', 'SIGBUS', 'done'],
};

const SPLIT = 'a border that was cut before the failing cut stays cut, as in the kernel';
const LOCKED = `${SPLIT}; areas that were locked before stay locked`;
const CHARGE = '6.x keeps the charge of the growth when page tables cannot be moved';

/** What is not as before although the verb failed, and why: the kernel leaves it so. */
const KEPT: Readonly<Record<string, string>> = {
  'mmap over parts of others, structures': SPLIT,
  'munmap in the middle, structures': SPLIT,
  'munmap of several, structures': SPLIT,
  'mprotect in the middle, structures': SPLIT,
  'madvise DONTFORK, structures': `${SPLIT}; EAGAIN is madvise's name for ENOMEM`,
  'PR_SET_VMA_ANON_NAME, structures': SPLIT,
  'munlock, structures': SPLIT,
  'mlock, structures': LOCKED,
  'mlock2 MLOCK_ONFAULT, structures': LOCKED,
  'remap_file_pages, structures': 'the old pages are unmapped before the new mapping is made',
  'remap_file_pages, driver operations': 'the old pages are unmapped before the new mapping is made',
  'mremap that moves, frames': CHARGE,
  'mremap that moves a part, frames': CHARGE,
  'store that lets a stack grow, frames': 'the stack has grown before its page is asked for',
};

/** Verbs that a kernel does not have. */
const ABSENT: ReadonlySet<string> = new Set(['msm-4.4, madvise POPULATE_WRITE']);

const rows: { readonly kernel: string; readonly row: Row }[] = [];

describe.each([MSM_4_4, LINUX_6_18])('$name', (profile) => {
  const verbs = Object.keys(VERBS).filter((verb) => !ABSENT.has(`${profile.name}, ${verb}`));
  it.each(verbs)('%s', (verb) => {
    for (const injector of INJECTORS) {
      const row = measure(profile, verb, injector);
      rows.push({ kernel: profile.name, row });
      for (const answer of row.answers) expect(ANSWERS[row.kind]).toContain(answer);
      if (KEPT[`${verb}, ${row.kind}`] === undefined) expect(row.kept, row.kind).toEqual([]);
    }
  });
});

/** The lines of the table: one for each verb, the last n of each kind of failure on both kernels. */
function table(): string[] {
  const lines = [
    '| verb | structures | frames | driver operations | answers | kept |',
    '| --- | --- | --- | --- | --- | --- |',
  ];
  for (const verb of Object.keys(VERBS)) {
    const own = rows.filter(({ row }) => row.verb === verb);
    const cell = (kind: string): string => {
      const counts = own.filter(({ row }) => row.kind === kind).map(({ row }) => row.most);
      return [...new Set(counts)].join(' / ');
    };
    const answers = [...new Set(own.flatMap(({ row }) => row.answers))].sort();
    const kept = INJECTORS.flatMap(({ title }) =>
      own.some(({ row }) => row.kind === title && row.kept.length > 0) ? [KEPT[`${verb}, ${title}`]!] : [],
    );
    const why = [...new Set(kept)].join('; ');
    const cells = [verb, ...INJECTORS.map(({ title }) => cell(title)), answers.join(', '), why];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  return lines;
}

it('docs/reliability.md has the table', () => {
  const path = join(import.meta.dirname, '../../../docs/reliability.md');
  const text = readFileSync(path, 'utf8');
  const [begin, end] = ['<!-- failures: begin -->\n', '<!-- failures: end -->'];
  const from = text.indexOf(begin) + begin.length;
  const to = text.indexOf(end);
  const wanted = table();
  if (process.env['VMAREA_UPDATE'] !== undefined) {
    writeFileSync(path, `${text.slice(0, from)}\n${wanted.join('\n')}\n\n${text.slice(to)}`);
    return;
  }
  // The formatter pads the cells.
  const plain = (line: string): string => line.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---');
  const given = text.slice(from, to).trim().split('\n').map(plain);
  expect(given, 'VMAREA_UPDATE=1 pnpm exec vitest run packages/kernel/test/every-failure.test.ts writes it').toEqual(
    wanted.map(plain),
  );
});
