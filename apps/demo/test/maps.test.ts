/** `vmarea maps` on every map of the repository, and on what people paste as a map. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseMaps } from '@vmarea/strace';
import { vmarea } from './cli.ts';

const root = join(import.meta.dirname, '../../..');
const dir = mkdtempSync(join(tmpdir(), 'vmarea-maps-'));
afterAll(() => rmSync(dir, { recursive: true }));

const MAPS = ['conformance/straces', 'apps/demo/recordings', 'test/cases'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.s?maps$/.test(name))
    .map((name) => join(root, folder, name)),
);

async function maps(text: string): Promise<string> {
  const file = join(dir, 'some.maps');
  writeFileSync(file, text);
  const { out, err, status } = await vmarea([file]);
  expect([status, err]).toEqual([0, '']);
  return out.replaceAll(/\s+/g, ' ');
}

describe('every map of the repository', () => {
  it('there are some', () => {
    expect(MAPS.length).toBeGreaterThan(75);
  });

  it.each(MAPS.map((file) => [relative(root, file), file] as const))('%s', async (_name, file) => {
    const { out, err, status } = await vmarea(['maps', file]);
    expect([status, err]).toEqual([0, '']);
    const { lines } = parseMaps(readFileSync(file, 'utf8'));
    const areas = lines.filter(({ name }) => name !== '[vsyscall]').length;
    expect(out.split('\n')[0]).toContain(`: ${areas} areas, 0 % of 65,530 (vm.max_map_count`);
    // A summary, whatever the map has.
    expect(out.split('\n').length).toBeLessThan(30);
    expect(out).toMatch(/Fits (?:32|36|39|42|47|48) address bits and pages of at most (?:4|16|64) KiB\./);
    const { out: json } = await vmarea(['maps', '--json', file]);
    expect((JSON.parse(json) as { maps: { areas: number }[] }).maps[0]!.areas).toBe(areas);
  });
});

describe('neighbours that stay apart', () => {
  it('a map names where, and what may keep them apart', async () => {
    const said = await maps(
      '7ffff7a00000-7ffff7a21000 rw-p 00000000 00:00 0 \n7ffff7a21000-7ffff7a42000 rw-p 00000000 00:00 0 \n',
    );
    expect(said).toContain(
      'Neighbours that look alike and did not join: 1. at 0x7ffff7a21000: each was written to before they touched',
    );
  });

  it('smaps tells which flags differ', async () => {
    const said = await maps(
      '7f1000000000-7f1000100000 rw-p 00000000 00:00 0 \nSize: 1024 kB\nVmFlags: rd wr mr mw me ac \n7f1000100000-7f1000200000 rw-p 00000000 00:00 0 \nSize: 1024 kB\nVmFlags: rd wr mr mw me nr hg \n',
    );
    expect(said).toContain(
      'at 0x7f1000100000: only the lower is charged to Committed_AS (VM_ACCOUNT); only the upper is MAP_NORESERVE (VM_NORESERVE), MADV_HUGEPAGE (VM_HUGEPAGE).',
    );
  });

  it('smaps tells that no flag differs', async () => {
    const flags = 'VmFlags: rd wr mr mw me ac sd \n';
    const said = await maps(
      `7f1000000000-7f1000100000 rw-p 00000000 00:00 0 \n${flags}7f1000100000-7f1000200000 rw-p 00000000 00:00 0 \n${flags.replace(' sd', '')}`,
    );
    expect(said).toContain('the flags are the same: each was written to before they touched (its own anon_vma)');
  });
});

describe('huge pages by smaps', () => {
  it('names what forbids them', async () => {
    const said = await maps(
      '7f8a40000000-7f8a80000000 rw-p 00000000 00:00 0 \nRss: 1048576 kB\nAnonymous: 1048576 kB\nAnonHugePages: 0 kB\nVmFlags: rd wr mr mw me ac nh \n',
    );
    expect(said).toContain(
      'Transparent huge pages: 0 bytes of 1 GiB anonymous memory; 1 GiB lie in areas with VM_NOHUGEPAGE (madvise(MADV_NOHUGEPAGE), MAP_STACK).',
    );
  });
});

it('a map of gdb is read, and what it leaves out is said', async () => {
  const said = await maps(
    '      0x555555554000     0x555555555000     0x1000        0x0  r--p   /tmp/a.out\n      0x7ffffffde000     0x7ffffffff000    0x21000        0x0  rw-p   [stack]\n',
  );
  expect(said).toContain('2 areas');
  expect(said).toContain('Read from a map of gdb, without devices and inodes.');
});
