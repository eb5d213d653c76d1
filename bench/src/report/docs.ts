/** Writes docs/performance.md and its charts from a report. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { growthChart } from './chart.ts';
import type { Figure } from '../measure/harness.ts';
import { HOST } from '../peers/host.ts';
import { short, type Report } from './text.ts';
import { OURS, OURS_WITH_MEMORY, INDEX, type Row } from '../measure/rows.ts';

const ENGINE = ['find', 'pair', 'split_merge', 'punch_refill', 'churn'];

/** What a row means for an embedder. */
const MEANING: Readonly<Record<string, string>> = {
  find: 'Every page fault of an emulator that has no page tables of its own, and every lookup of a tool, begins with this.',
  pair: 'What an mmap and a munmap cost together: all checks, limits, accounting, the search for a place. The mapping goes in below all others.',
  split_merge:
    'An allocator or JIT that changes the protection of a page in the middle of a mapping and back: two splits, then a merge of three.',
  punch_refill: 'A mapping is freed and one of the same size takes its place.',
  churn: 'A long-lived process: any mapping goes, another of 1 to 8 pages comes into the highest hole. Nothing merges.',
  anon_fault: 'The first touch of a page: walk, VMA lookup, frame, zeroing, page-table entry, TLB refill.',
  populate: 'The same without the access: what MAP_POPULATE and mlock pay per page.',
  cow_fault: 'The first store to a page after a fork: a frame is copied.',
  tlb_load: 'An interpreter’s load of a simulated register’s width, when the translation is cached.',
  tlb_store: 'The same for a store.',
  walk: 'A load whose translation is not cached: 4 levels of arm64 tables in simulated memory, then the refill.',
  copy_to_user: 'read(2) into user memory, by pages.',
  copy_from_user: 'write(2) from user memory.',
  fork_touched: 'What each page that the parent has touched adds to a fork.',
  fork: 'A fork of an address space with that many untouched mappings: their records and the index are copied at once.',
  maps: 'The text of /proc/PID/maps, as bytes.',
};

/** A comparison that no run can repeat here: the native peers are not part of the project. */
const SIDE_BY_SIDE = `## Against native code, side by side

On 2026-11-28 the engine of commit cf7f9ab ran beside Linux's own VMA code (6.12.117: \`mm/vma.c\` and \`lib/maple_tree.c\`, compiled for user space
by gcc 12 at -O2, assertions off) and gVisor's set of VMAs (3c5eee17, Go 1.23) in the same rounds, five of them, with the rules of msm-4.4; sums over
all addresses, sizes and counts were equal. Numbers are the time of vmarea divided by that of Linux's code (of gVisor's); **bold** misses the goal of
that day or the one beside it.

| VMAs | 10 | 1,000 | 10,000 | 60,000 | goal at most |
|---|---:|---:|---:|---:|---|
| find_vma | **1.02** | 0.60 | 0.53 | 0.64 | 0.8 |
| mmap + munmap of one page | **0.66 (0.92)** | **0.53** (0.62) | 0.46 (0.51) | 0.45 (0.51) | 0.5 (0.8) |
| mprotect of a middle page and back | **0.91** (0.73) | **0.74** (0.48) | 0.70 (0.42) | **0.77** (0.42) | 0.7 |
| munmap of one VMA + mmap into that hole | **0.89 (0.98)** | 0.51 (0.55) | 0.43 (0.45) | **0.53** (0.45) | 0.7 (0.8); 0.45 at 60,000 |
| munmap of a random VMA + mmap of 1 to 8 pages | **0.62 (1.04)** | 0.55 (0.71) | 0.52 (0.64) | **0.61** (0.62) | 0.55 (0.9) |

What has changed since is measured against that commit: \`pnpm bench --against cf7f9ab\`.
`;

function cell(f: Figure | undefined): string {
  return f === undefined || Number.isNaN(f.median) ? '—' : short(f.median);
}

function ratio(row: Row, name: string): string {
  const f = row.ratio[name];
  if (f === undefined || Number.isNaN(f.median)) return '—';
  return `${short(f.median)} (${short(f.min)}–${short(f.max)})`;
}

function engineTable(rows: readonly Row[], id: string): string {
  const own = rows.filter((row) => row.id === id);
  const names = [OURS, OURS_WITH_MEMORY, INDEX, 'sorted-btree', 'bintrees', HOST].filter((name) =>
    own.some((row) => row.ns[name] !== undefined && !Number.isNaN(row.ns[name].median)),
  );
  const lines = [
    `### ${own[0]!.title}`,
    '',
    `${MEANING[id]!} Nanoseconds per ${own[0]!.per}.`,
    '',
    `| VMAs | ${names.join(' | ')} | vmarea / sorted-btree${id === 'find' ? '' : ' | vmarea / host'} |`,
    `|---:|${names.map(() => '---:').join('|')}|---:|${id === 'find' ? '' : '---:|'}`,
  ];
  for (const row of own) {
    const host = id === 'find' ? '' : ` ${ratio(row, HOST)} |`;
    lines.push(
      `| ${row.n!.toLocaleString('en')} | ${names.map((name) => cell(row.ns[name])).join(' | ')} | ${ratio(row, 'sorted-btree')} |${host}`,
    );
  }
  return [...lines, '', `![${own[0]!.title}](growth-${id.replaceAll('_', '-')}.svg)`, ''].join('\n');
}

function memoryTable(rows: readonly Row[]): string {
  const lines = ['| what | ns | peers, ns | vmarea takes |', '|---|---:|---|---|'];
  for (const row of rows.filter((r) => !ENGINE.includes(r.id))) {
    const peers = Object.keys(row.ns).filter((name) => name !== OURS);
    const n = row.n === null ? '' : ` (${row.n.toLocaleString('en')} VMAs)`;
    lines.push(
      `| **${row.title}**${n}, per ${row.per}. ${MEANING[row.id]!} | ${cell(row.ns[OURS])} | ${peers.map((p) => `${p} ${cell(row.ns[p])}`).join('<br>')} | ${peers.map((p) => `${ratio(row, p)} ×`).join('<br>')} |`,
    );
  }
  return lines.join('\n');
}

function latencyTable(report: Report): string {
  const { latency } = report;
  const all = [
    ['vmarea', latency.vmarea] as const,
    ...(latency.host === null ? [] : [['host kernel', latency.host] as const]),
  ];
  return [
    '| | p50 | p99 | p99.9 | max | mean |',
    '|---|---:|---:|---:|---:|---:|',
    ...all.map(
      ([name, l]) =>
        `| ${name} | ${short(l.p50)} | ${short(l.p99)} | ${short(l.p999)} | ${short(l.max)} | ${short(l.mean)} |`,
    ),
  ].join('\n');
}

function steadyList(report: Report): string {
  const { steady, replay } = report;
  const { cold } = steady;
  return [
    '| load | heap after a million operations, bytes more | short-lived bytes per operation |',
    '|---|---:|---:|',
    ...steady.heap.map((h) => `| ${h.id} | ${h.retained.toLocaleString('en')} | ${short(h.garbagePerOperation)} |`),
    '',
    'The short-lived bytes are boxes for 64-bit addresses where V8 passes them between functions that it does not inline into',
    'each other; the young generation drops them, and nothing of them lives on.',
    '',
    `- Deoptimisations of optimised code after the warm-up: ${steady.deoptimisations}.`,
    `- Bytes per anonymous VMA, all told (record and index; an object, once somebody has asked for it, is some 80 more): ${short(steady.bytesPerVma)}; after churn, when the nodes of the index are less full: ${short(steady.bytesPerVmaChurned)}.`,
    `- Bytes of metadata per 4 KiB frame: ${short(steady.bytesPerFrame)}.`,
    `- A fresh process: loading the engine takes ${short(cold.load.median / 1000)} ms, the first mmap ${short(cold.firstCall.median)} µs, the first 100 calls ${short(cold.first100.median / 1000)} ms (interpreted code).`,
    `- Replay of a generated log of ${replay.lines.toLocaleString('en')} lines: ${short(replay.linesPerSecond.median)} lines a second, heap ${short((replay.heapLate - replay.heapEarly) / 1024)} KiB more at the end than after a tenth of it.`,
    `- Processor time of whole processes: ${report.processes.map((row) => `${row.title} ${short(row.cpu.median)} s`).join(', ')}.`,
  ].join('\n');
}

function goalTable(report: Report): string {
  return [
    '| goal | value | at most | |',
    '|---|---:|---:|---|',
    ...report.verdicts.map((v) => {
      const word = v.met === null ? 'not judged' : v.met ? 'reached' : '**missed**';
      return `| ${v.goal} | ${short(v.value)} ${v.unit} | ${short(v.limit)} | ${word} |`;
    }),
  ].join('\n');
}

/** Returns the text of the page. */
export function performancePage(report: Report): string {
  const m = report.machine;
  return `# Speed

This page and its charts are written by the benchmarks themselves. The run was the ${report.form} form of ${report.date}, with the rules of
${report.profile}, on ${m.cores} cores of «${m.cpu}» with ${m.memoryGiB} GiB, ${m.system}, Node ${m.node}; the host's peer was compiled by
${m.compiler || 'nobody (no C compiler)'}.

    pnpm bench                                  # the short form: text, in less than three minutes
    pnpm bench --full --docs docs               # the long one, and this page
    pnpm bench --json report.json               # every figure
    pnpm bench --kernel linux-6.1               # with another kernel's rules
    pnpm bench --against COMMIT                 # this checkout and another commit in turns

Each row compares vmarea with its peers in one run: in every round each contender runs once, in rotating order. What is counted is processor
time, so that a busy machine measures, too. Figures are medians over the rounds; a ratio is taken within each round, and stands with the least
and the greatest that there was. Quote ratios, not times.

The operations are complete: every check, every limit, accounting, the ids of decisions, objects for drivers that ask. «vmarea» is the engine
alone; «vmarea + memory» has frames and page tables behind it, as a kernel package has. «index alone» is the tree of VMAs without the engine
around it. sorted-btree and bintrees do an index's part alone: they check nothing, and in the rows with a hole to find they are told the place.
«host kernel» is the kernel under the benchmark, through its system calls.

${SIDE_BY_SIDE}
## The engine over the number of mappings

${ENGINE.map((id) => engineTable(report.rows, id)).join('\n')}
## Memory

${memoryTable(report.rows)}

## Latency

Churn at ${report.latency.vmas.toLocaleString('en')} VMAs, pair by pair, nanoseconds on the wall clock (one reading takes ${short(report.latency.clock)}, and is in each). On a machine that others use, the last
columns are the scheduler's.

${latencyTable(report)}

## Steady state

${steadyList(report)}

## Goals

${goalTable(report)}

## Where goals are missed, and what the profile shows

- **At 10 mappings** nearly everything is the engine's: some hundreds of instructions per call, spread flat over the checks, with V8's
  test of shape, bounds and small integer at each load. A profile shows no function above a fifth.
- **churn** is mostly the index: the search for the highest hole that fits passes 12 nodes and slots at 1,000 mappings and 24 at
  60,000, since small holes stay behind where nothing fits; each level ends in a branch that cannot be predicted.
- **At 60,000 mappings** the processor waits for memory: the leaf, its parents, and the records of the mapping and its neighbours. Keys,
  gaps and ids of a leaf lie together, and a record is half a cache line; with an object per mapping these rows took twice as long.
- **The short-lived bytes** are two boxes for each address that goes in or out.
- **Latency beyond p99** is the scheduler's and the collector's.

What brought most, in this order: numbers in place of imported constants (V8 loads an imported binding at each use), flat records instead of
objects, no links between neighbours, fields that are assigned rather than defined (so that V8 knows the classes of the arrays), hints from
addresses to leaves, holes in the leaves, a bit for each gap above 0. Tried without gain: scans instead of branchless searches, eight
comparisons at once per node, arrays that begin at a page.

Since that run, leaves that a run of mappings leaves behind keep room for two: at 60,000 mappings the index has 2,143 leaves after 600,000 pairs
of mprotect, where it had 4,137. A hole at the border of two leaves is refilled where it was made: 2,143 leaves after as many pairs of munmap and
mmap into the hole, where it had 2,840.
`;
}

/** Writes the page and the charts into a folder. */
export function writeDocs(dir: string, report: Report): void {
  mkdirSync(dir, { recursive: true });
  for (const id of ENGINE) {
    const own = report.rows.filter((row) => row.id === id);
    const svg = growthChart(own[0]!.title, own);
    writeFileSync(join(dir, `growth-${id.replaceAll('_', '-')}.svg`), svg);
  }
  writeFileSync(join(dir, 'performance.md'), performancePage(report));
}
