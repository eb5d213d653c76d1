// Whether a size fits into the address space of a map: by the kernel's search, and with random addresses.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Fit } from '../src/intake/fit.ts';
import { vmarea } from './cli.ts';

const dir = mkdtempSync(join(tmpdir(), 'vmarea-fit-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

type Row = readonly [start: number, bytes: number, rights: string, name?: string];

const KB = 1024;
const GB = 2 ** 30;

/** A map of an Android process with 39-bit addresses, and more. */
function android(name: string, ...more: Row[]): string {
  const rows: Row[] = [
    [0x5583a04000, 8 * KB, 'r--p', '/system/bin/app'],
    [0x5583a06000, 20 * KB, 'r-xp', '/system/bin/app'],
    [0x5583a0b000, 8 * KB, 'rw-p', '/system/bin/app'],
    [0x5593a0b000, 132 * KB, 'rw-p', '[heap]'],
    [0x7b00000000, 2 ** 20, 'r-xp', '/apex/libart.so'],
    [0x7b00100000, 2 ** 20, 'rw-p'],
    [0x7fc0000000, 132 * KB, 'rw-p', '[stack]'],
    ...more,
  ];
  const lines = rows
    .sort(([a], [b]) => a - b)
    .map(([start, bytes, rights, path]) => {
      const inode = path?.startsWith('/') === true ? 7 : 0;
      const hex = (value: number): string => value.toString(16).padStart(10, '0');
      return `${hex(start)}-${hex(start + bytes)} ${rights} 00000000 fe:0c ${inode}                 ${path ?? ''}\n`;
    });
  const file = join(dir, name);
  writeFileSync(file, lines.join(''));
  return file;
}

async function fitOf(file: string, ...options: string[]): Promise<Fit> {
  const { out, err, status } = await vmarea(['maps', file, ...options, '--json']);
  expect({ err, status }).toEqual({ err: '', status: 0 });
  return (JSON.parse(out) as { maps: { fit: Fit }[] }).maps[0]!.fit;
}

describe('maps --need', () => {
  it('says first where mmap(NULL, N) goes: below the lowest area of the top, and bottom-up from a quarter of the space', async () => {
    const found = await fitOf(android('a.maps'), '--need', '64g', '--arch', 'arm64');
    expect(found.placements).toMatchObject([
      { pageSize: 4096, vaBits: 39, layout: 'top-down', at: 0x7b00000000 - 64 * GB, why: '' },
      { pageSize: 4096, vaBits: 39, layout: 'bottom-up', at: 0x2000000000 },
    ]);
    const { out } = await vmarea(['maps', android('a.maps'), '--need', '64g', '--arch', 'arm64']);
    expect(out).toMatch(
      /^64 GiB fit: mmap\(NULL, 68719476736\) gets 0x6b00000000\.\n {2}4 KiB pages, 39 bits, top-down/,
    );
  });

  it('what exceeds every hole is refused with ENOMEM, and fits in no layout', async () => {
    const found = await fitOf(android('b.maps'), '--need', '500g', '--arch', 'arm64');
    expect(found.placements.map(({ at, why }) => [at, why])).toEqual([
      [null, 'ENOMEM'],
      [null, 'ENOMEM'],
    ]);
    expect(found.draws[0]).toMatchObject({ drawn: 10_000, fits: 0 });
  });

  it('with random addresses it fits in some: the program moves, what stands at a fixed address does not', async () => {
    // The hole below the program is as wide as the program is high: two thirds of the space and up to 1 GiB.
    const two = (2 ** 40 / 3 - ((2 ** 40 / 3) % 4096)) / 2 ** 20;
    const found = await fitOf(android('c.maps'), '--need', `${Math.round(two * 1.0 + 512)}m`, '--arch', 'arm64');
    const [draws] = found.draws;
    expect(draws!.fits).toBeGreaterThan(3000);
    expect(draws!.fits).toBeLessThan(7000);
    const fixed: Row = [0x1000000000, 4096, 'rw-p'];
    const split = await fitOf(android('d.maps', fixed), '--need', `${Math.round(two + 512)}m`, '--arch', 'arm64');
    expect(split.draws[0]).toMatchObject({ fits: 0, moved: { fixed: 1, program: 3, heap: 1 } });
  });

  it('each page size that the map fits is asked, and the one that an option names', async () => {
    const file = join(dir, 'big.maps');
    writeFileSync(
      file,
      'aaaac0000000-aaaac0010000 r-xp 00000000 fe:0c 7 /bin/prog\nfffff0000000-fffff0010000 rw-p 00000000 00:00 0 [stack]\n',
    );
    const all = await fitOf(file, '--need', '1g', '--arch', 'arm64', '--va-bits', '48');
    expect([...new Set(all.placements.map(({ pageSize }) => pageSize))]).toEqual([4096, 16384, 65536]);
    const one = await fitOf(file, '--need', '1g', '--arch', 'arm64', '--page-size', '64k', '--va-bits', '48');
    expect([...new Set(one.placements.map(({ pageSize }) => pageSize))]).toEqual([65536]);
  });

  it('a map with addresses beyond the given bits is asked only with its parts moved', async () => {
    const file = join(dir, 'wide.maps');
    writeFileSync(
      file,
      'aaaac0000000-aaaac0010000 r-xp 00000000 fe:0c 7 /bin/prog\nfffff0000000-fffff0010000 rw-p 00000000 00:00 0 [stack]\n',
    );
    const found = await fitOf(file, '--need', '64g', '--arch', 'arm64', '--page-size', '4k', '--va-bits', '39');
    expect(found.placements).toMatchObject([{ asked: false, why: expect.stringContaining('39-bit') as unknown }]);
    expect(found.draws[0]).toMatchObject({ vaBits: 39, fits: 10_000 });
  });
});

describe('maps --within and --near', () => {
  it("a sanitizer's shadow: what lies in the range, and how often it is free", async () => {
    const shadow = ['--within', '0x2000000000-0x2100000000', '--arch', 'arm64'];
    expect(await fitOf(android('e.maps'), ...shadow)).toMatchObject({ inTheWay: [], draws: [{ fits: 10_000 }] });
    const taken = await fitOf(android('f.maps', [0x2080000000, 4096, 'rw-p']), ...shadow);
    expect(taken.inTheWay).toHaveLength(1);
    expect(taken.draws[0]!.fits).toBe(0);
    const { out } = await vmarea(['maps', android('f.maps', [0x2080000000, 4096, 'rw-p']), ...shadow]);
    expect(out).toMatch(
      /^It is not free: 1 area lies in the range 0x2000000000-0x2100000000 \(4 GiB\), the largest hole in it has 2 GiB/,
    );
  });

  it("a JIT's window moves with the code that it must be near to", async () => {
    const found = await fitOf(android('g.maps'), '--near', 'libart.so', '--need', '64m', '--arch', 'arm64');
    expect(found.draws[0]).toMatchObject({ fits: 10_000 });
    // The neighbours on both sides are reserved.
    const full = android('h.maps', [0x7af0000000, 0x10000000, '---p'], [0x7b00200000, 0x10000000, '---p']);
    expect((await fitOf(full, '--near', 'libart.so', '--need', '64m', '--arch', 'arm64')).draws[0]).toMatchObject({
      fits: 0,
    });
  });

  it.each([
    [['--within', 'shadow'], /--within: «shadow» is no range/],
    [['--within', '0x2000-0x1000'], /is no range/],
    [['--near', 'libnone.so', '--need', '1m'], /--near: no executable area of the map is of «libnone\.so»/],
    [['--near', 'libart.so'], /--near: --need says how much/],
    [['--need', '0'], /--need: «0»/],
    [['--need', 'much'], /--need/],
    [['--need', '1g', '--page-size', '5k'], /--page-size|5k/],
  ])('%j is refused in one line', async (options, expected) => {
    const { err, status } = await vmarea(['maps', android('i.maps'), ...options]);
    expect(err).toMatch(expected);
    expect(err.trimEnd()).not.toContain('\n');
    expect(status).toBe(2);
  });

  it('a map without a stack is a part of one', async () => {
    const file = join(dir, 'part.maps');
    writeFileSync(file, '7b00000000-7b00100000 r-xp 00000000 fe:0c 7 /apex/libart.so\n');
    const { out } = await vmarea(['maps', file, '--need', '1g', '--arch', 'arm64']);
    expect(out).toContain('The map shows no [stack]');
  });
});
