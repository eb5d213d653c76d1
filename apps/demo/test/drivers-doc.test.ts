/**
 * docs/drivers.md is generated from the drivers' manifests; this fails when it is stale (`pnpm reference` writes it).
 */
import { createArm64 } from '@vmarea/arch-arm64';
import { hostfsManifest } from '@vmarea/hostfs';
import { httpfsManifest } from '@vmarea/httpfs';
import { HUGETLBFS_MANIFEST } from '@vmarea/hugetlbfs';
import { MmSystem } from '@vmarea/mm-core';
import { tmpfsManifest } from '@vmarea/shmem';
import { DEFAULT_CONFIG, LINUX_6_1, MSM_4_4, type KernelProfile } from '@vmarea/uapi';
import { PROCFS_MANIFEST, RAMFS_MANIFEST, type DriverCapabilities, type DriverManifest } from '@vmarea/vfs';
import { zenfsManifest } from '@vmarea/zenfs';
import { Zip } from '@zenfs/archives';
import { InMemory, resolveMountConfig, type FileSystem } from '@zenfs/core';
import { expect, it } from 'vitest';

type Cell = keyof DriverCapabilities;

/** What the columns are about. */
const CELLS: readonly (readonly [Cell, string])[] = [
  ['read', 'read(2)'],
  ['write', 'write(2), new files'],
  ['mmapPrivate', 'mmap, private'],
  ['mmapShared', 'mmap, shared'],
  ['mmapSharedWrite', 'stores through a shared mapping'],
  ['truncate', 'truncate'],
  ['fallocate', 'fallocate'],
  ['punchHole', 'holes, MADV_REMOVE'],
  ['rename', 'rename'],
  ['link', 'hard links'],
  ['symlink', 'making symbolic links'],
  ['mkdir', 'making directories'],
  ['appendOnly', 'append-only files'],
  ['persistent', 'contents outlive the machine'],
  ['asynchronous', 'calls may wait'],
];

const READ_ONLY = 'the filesystem is read-only: EROFS, and EACCES for a shared mapping that could be written';

/** Why a cell is no: for all drivers, and for one. */
const WHY: Readonly<Partial<Record<Cell, string>>> = {
  fallocate: 'the storage has no such thing that could be asked for: EOPNOTSUPP',
  punchHole: 'the storage has no such thing that could be asked for: EOPNOTSUPP',
  appendOnly: 'there is no place for the flag: FS_IOC_SETFLAGS is ENOTTY',
  persistent: 'files are in the machine’s memory, or in memory of the host',
  asynchronous: 'everything is answered at once, so nobody ever has to wait',
  truncate: READ_ONLY,
  write: READ_ONLY,
  mmapSharedWrite: READ_ONLY,
  rename: READ_ONLY,
  link: READ_ONLY,
  symlink: READ_ONLY,
  mkdir: READ_ONLY,
};

const PROC =
  'texts are made when they are read, and the tree is the kernel’s: EIO for mmap, EACCES and EPERM for changes';
const WHY_HERE: Readonly<Record<string, Readonly<Partial<Record<Cell, string>>>>> = {
  ramfs: {
    fallocate: 'as in Linux, ramfs has no fallocate: EOPNOTSUPP',
    punchHole: 'as in Linux, ramfs has no fallocate: EOPNOTSUPP',
    appendOnly: 'as in Linux, ramfs has no file flags: ENOTTY',
  },
  'tmpfs (msm-4.4)': { appendOnly: 'tmpfs has no file flags before Linux 6.0: ENOTTY' },
  hugetlbfs: {
    write: 'as in Linux, hugetlbfs files are written through mappings only: write is EINVAL; files can be made',
    appendOnly: 'as in Linux, hugetlbfs has no file flags: ENOTTY',
  },
  'zenfs (memory)': {
    link: 'one inode must stand for all names of a file, and backends do not tell which names are one: EPERM',
  },
  proc: Object.fromEntries(
    CELLS.filter(
      ([cell]) => !['appendOnly', 'persistent', 'asynchronous', 'fallocate', 'punchHole'].includes(cell),
    ).map(([cell]) => [cell, PROC]),
  ),
};

function tmpfsOf(profile: KernelProfile): DriverManifest {
  return tmpfsManifest(
    new MmSystem({ arch: createArm64({ pageSize: 4096, vaBits: 48 }), profile, config: DEFAULT_CONFIG }),
  );
}

/** An archive without files: the end record alone. */
const EMPTY_ZIP = Uint8Array.from([0x50, 0x4b, 5, 6, ...new Array<number>(18).fill(0)]);

async function manifests(): Promise<[string, string, DriverManifest][]> {
  const memory = await resolveMountConfig({ backend: InMemory });
  const zip: unknown = await resolveMountConfig({ backend: Zip, data: EMPTY_ZIP.buffer });
  return [
    ['ramfs', '@vmarea/vfs', RAMFS_MANIFEST],
    ['tmpfs (linux-6.1)', '@vmarea/shmem', tmpfsOf(LINUX_6_1)],
    ['tmpfs (msm-4.4)', '@vmarea/shmem', tmpfsOf(MSM_4_4)],
    ['hugetlbfs', '@vmarea/hugetlbfs', HUGETLBFS_MANIFEST],
    ['hostfs', '@vmarea/hostfs', hostfsManifest()],
    ['hostfs (read-only)', '@vmarea/hostfs', hostfsManifest({ readOnly: true })],
    ['zenfs (memory)', '@vmarea/zenfs', zenfsManifest({ fs: memory })],
    ['zenfs (zip)', '@vmarea/zenfs', zenfsManifest({ fs: zip as FileSystem })],
    ['httpfs', '@vmarea/httpfs', httpfsManifest()],
    ['proc', '@vmarea/vfs', PROCFS_MANIFEST],
  ];
}

async function driversText(): Promise<string> {
  const all = await manifests();
  const rows = CELLS.map(([cell, title]) =>
    [title, ...all.map(([, , manifest]) => (manifest.capabilities[cell] ? 'yes' : 'no'))].join(' | '),
  );
  const reasons = all.flatMap(([name, from, manifest]) => {
    const lines = CELLS.filter(([cell]) => !manifest.capabilities[cell]).map(([cell, title]) => {
      const why = WHY_HERE[name]?.[cell] ?? WHY[cell];
      if (why === undefined) throw new Error(`drivers.md: no reason why ${name} has no ${cell}`);
      return `- ${title}: ${why}.`;
    });
    for (const sentence of manifest.notPromised ?? []) lines.push(`- not promised: ${sentence}.`);
    return [`### ${name}\n\n\`${from}\`.\n\n${lines.join('\n')}`];
  });
  return `${[
    '# Drivers',
    '<!-- Generated from the manifests by `pnpm reference`. Do not edit. -->',
    'What each filesystem driver can do, as its manifest says. `@vmarea/fs-testkit` tests all of it but proc: what is «no» is refused with the errno below. How a driver is written: [the port](../packages/vfs/src/drivers/driver.ts).',
    `| | ${all.map(([name]) => name).join(' | ')} |\n| --- | ${all.map(() => '---').join(' | ')} |\n${rows.map((row) => `| ${row} |`).join('\n')}`,
    '## Why not',
    ...reasons,
    '## Devices',
    '`/dev/null` and `/dev/full` cannot be mapped (ENODEV). `/dev/zero` mapped privately is anonymous memory, mapped shared it is the shared memory that the machine has (ENODEV without). `/dev/mem` shows physical memory: its mappings are VM_IO and VM_PFNMAP. They go through the same tables as files.',
  ].join('\n\n')}\n`;
}

it('docs/drivers.md is what the manifests say', async () => {
  await expect(await driversText()).toMatchFileSnapshot('../../../docs/drivers.md');
});
