/**
 * docs/support.md says what the machine answers to each call and flag, for each kernel; this fails when it is stale (`pnpm reference` writes it).
 */
import { createArm64 } from '@vmarea/arch-arm64';
import { hugetlbfs, Hugetlb } from '@vmarea/hugetlbfs';
import { createKernel } from '@vmarea/kernel';
import { validateMm } from '@vmarea/mm-core';
import { ACCESS_WRITE, translate } from '@vmarea/mm-core/memory';
import { describeReason } from '@vmarea/mm-core/reasons';
import { Shmem, tmpfs } from '@vmarea/shmem';
import {
  DEFAULT_CONFIG,
  defaultSysctls,
  errnoName,
  LINUX_6_1,
  LINUX_6_12,
  LINUX_6_18,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MFD_ALLOW_SEALING,
  MSM_4_4,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  type KernelProfile,
} from '@vmarea/uapi';
import { ramfs } from '@vmarea/vfs';
import { expect, it } from 'vitest';
import { ROWS, type Ground, type Row } from './support/rows.ts';

const PROFILES: readonly KernelProfile[] = [MSM_4_4, LINUX_6_1, LINUX_6_12, LINUX_6_18];
const ANON = 0x20000000;
/** The memory of one machine after the other. */
const BUFFER = new ArrayBuffer(2 ** 24);

/** Builds a process of a new machine: root, three huge pages, tmpfs at /t. */
function ground(profile: KernelProfile): Ground {
  const kernel = createKernel({
    arch: createArm64({ pageSize: 4096, vaBits: 48 }),
    profile,
    config: { ...DEFAULT_CONFIG, ...profile.usualConfig, ramBytes: BUFFER.byteLength },
    sysctl: defaultSysctls(),
    memory: { buffer: BUFFER },
    hugePages: (system) => {
      const pools = new Hugetlb(system);
      pools.defaultHstate.setNrHugePages(3);
      return pools;
    },
    sharedMemory: (system) => new Shmem(system),
    root: (system) => ramfs(system),
    mounts: [
      { path: '/t', filesystem: (system) => tmpfs(system) },
      { path: '/huge', filesystem: (system) => hugetlbfs(system) },
    ],
  });
  const task = kernel.spawn();
  task.setHeap(0x30000000);
  const prot = PROT_READ | PROT_WRITE;
  task.mmap(ANON, 4 * 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  translate(task.cur, ANON, ACCESS_WRITE);
  const fd = task.open('/t/file', O_RDWR | O_CREAT, 0o644);
  task.ftruncate(fd, 8192);
  const shared = task.mmap(0, 8192, prot, MAP_SHARED, fd, 0);
  const memfd = task.memfdCreate('sealed', MFD_ALLOW_SEALING);
  return { task, anon: ANON, shared, fd, memfd };
}

/** Makes a call, on a process of its own. */
function answer(row: Row, profile: KernelProfile): string {
  const on = ground(profile);
  const result = row.make(on);
  expect(validateMm(on.task.mm), `${row.call} ${row.flag}`).toEqual([]);
  if (result >= 0) return 'works';
  const reason = describeReason(on.task.cur.call.reason);
  const { missing, since = MSM_4_4.name } = row.note;
  const index = (name: string): number => PROFILES.findIndex((one) => one.name === name);
  const lacks = missing !== undefined && index(profile.name) >= index(since);
  return `${lacks ? 'not modelled: ' : ''}${errnoName(result)}${reason === undefined ? '' : ` ([${reason.id}](reasons.md#${reason.id.replaceAll('.', '')}))`}`;
}

function line(title: string, row: Row): string {
  const cells = PROFILES.map((profile) => answer(row, profile));
  const { missing, asKernel } = row.note;
  const notes = missing === undefined ? (asKernel ?? '') : `missing: ${missing}`;
  return `| ${title.replaceAll('|', '\\|')} | ${cells.join(' | ')} | ${notes} |`;
}

function table(rows: readonly (readonly [string, Row])[]): string {
  const names = PROFILES.map(({ name }) => name);
  return [
    `| | ${names.join(' | ')} | note |`,
    `|---|${names.map(() => '---|').join('')}---|`,
    ...rows.map(([title, row]) => line(title, row)),
  ].join('\n');
}

function supportText(): string {
  const alone = ROWS.filter(({ flag }) => flag === '');
  const flagged = ROWS.filter(({ flag }) => flag !== '');
  const parts = [
    '# What is supported',
    '<!-- Generated from what the machine answers by `pnpm reference`. Do not edit. -->',
    'Each call is made on a new arm64 machine (4 KiB pages, 48-bit addresses, no BTI, no MTE) by root, for each kernel. «works»: it succeeds, and does what that kernel does unless a note says what is missing. An errno is what that kernel answers too, with the reason; «not modelled» is an answer that a real kernel would not give.',
    '## Calls without a flag',
    table(alone.map((row) => [row.call, row])),
  ];
  for (const call of new Set(flagged.map((row) => row.call))) {
    parts.push(`## ${call}`, table(flagged.filter((row) => row.call === call).map((row) => [row.flag, row])));
  }
  return `${parts.join('\n\n')}\n`;
}

it('docs/support.md is what the machine answers', async () => {
  await expect(supportText()).toMatchFileSnapshot('../../../docs/support.md');
});
