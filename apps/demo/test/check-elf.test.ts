// Whether ELF files can be loaded where pages have another size: small generated headers, and real files where there is a linker.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { vmarea } from './cli.ts';

const dir = mkdtempSync(join(tmpdir(), 'vmarea-check-elf-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const [LOAD, RELRO, R, RX, RW] = [1, 0x6474e552, 4, 5, 6];

/** type, rights, offset in the file, address, bytes, alignment. */
type Header = readonly [type: number, flags: number, offset: number, vaddr: number, bytes: number, align: number];

/** A library (or a program, with type 2) of nothing but headers. */
function elf(name: string, headers: readonly Header[], type = 3): string {
  const bytes = new Uint8Array(64 + headers.length * 56);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, type, true);
  view.setUint16(18, 183, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, headers.length, true);
  headers.forEach(([kind, flags, offset, vaddr, size, align], i) => {
    const at = 64 + i * 56;
    view.setUint32(at, kind, true);
    view.setUint32(at + 4, flags, true);
    [offset, vaddr, vaddr, size, size, align].forEach((value, field) => {
      view.setBigUint64(at + 8 + field * 8, BigInt(value), true);
    });
  });
  const file = join(dir, name);
  writeFileSync(file, bytes);
  return file;
}

interface Loader {
  readonly loader: string;
  readonly verdict: string;
  readonly problems: readonly { sentence: string; call: string; header: number }[];
}

async function check(
  file: string,
  size: string,
): Promise<{ status: number; kernel: Loader; glibc: Loader; bionic: Loader }> {
  const { out, err, status } = await vmarea(['check-elf', file, '--page-size', size, '--json']);
  expect(err).toBe('');
  const { loaders } = (JSON.parse(out) as { files: { loaders: Loader[] }[] }).files[0]!;
  const of = (name: string): Loader => loaders.find(({ loader }) => loader === name)!;
  return { status, kernel: of('kernel'), glibc: of('glibc'), bionic: of('bionic') };
}

/** As linkers lay a library out for a page size: data one page behind the code. */
const library = (align: number): readonly Header[] => [
  [LOAD, RX, 0, 0, 0x1f00, align],
  [LOAD, RW, 0x1f00, 0x1f00 + align, 0x300, align],
  [RELRO, R, 0x1f00, 0x1f00 + align, align - (0x1f00 % align), 1],
];

describe('check-elf', () => {
  it.each([
    [4096, '4k', ['fits', 'fits', 'fits'], 0],
    [4096, '16k', ['fails', 'fails', 'fails'], 1],
    [4096, '64k', ['fails', 'fails', 'fails'], 1],
    [65536, '4k', ['fits', 'fits', 'fits'], 0],
    [65536, '16k', ['fits', 'fits', 'fits'], 0],
    [65536, '64k', ['fits', 'fits', 'fits'], 0],
  ] as const)('a library aligned to %i on pages of %s', async (align, size, verdicts, status) => {
    const found = await check(elf(`lib${align}.so`, library(align)), size);
    expect([found.kernel.verdict, found.glibc.verdict, found.bionic.verdict]).toEqual(verdicts);
    expect(found.status).toBe(status);
  });

  it('names the mmap that is refused, and what glibc and Android say before any call', async () => {
    const { kernel, glibc, bionic } = await check(elf('small.so', library(4096)), '16k');
    expect(kernel.problems[0]).toMatchObject({
      header: 1,
      call: 'mmap(base+0x0, 12800, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED, FD, -0x1000) = -1 EINVAL',
    });
    expect(glibc.problems[0]!.sentence).toContain('ELF load command alignment not page-aligned');
    expect(bionic.problems[0]!.sentence).toContain(
      'program alignment (4096) cannot be smaller than system page size (16384)',
    );
  });

  it('segments that share a page: the later one takes the right to execute, or the bytes', async () => {
    const rights = elf(
      'shared',
      [
        [LOAD, RX, 0, 0x400000, 0x1f00, 4096],
        [LOAD, RW, 0x2000, 0x402000, 0x300, 4096],
      ],
      2,
    );
    expect((await check(rights, '4k')).kernel.verdict).toBe('fits');
    const { kernel, status } = await check(rights, '16k');
    expect(kernel.problems[0]!.sentence).toMatch(/takes PROT_EXEC from the last 7936 bytes of segment 0/);
    expect(kernel.problems[0]!.call).toBe('mmap(0x400000, 8960, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED, FD, 0x0)');
    expect(status).toBe(1);
    const bytes = elf(
      'moved',
      [
        [LOAD, RW, 0, 0x400000, 0x1f00, 4096],
        [LOAD, RW, 0x6000, 0x402000, 0x300, 4096],
      ],
      2,
    );
    expect((await check(bytes, '16k')).kernel.problems[0]!.sentence).toMatch(/replaces the last 7936 bytes/);
    // Alike in everything, the page that they share is the same.
    const same = elf(
      'same',
      [
        [LOAD, RW, 0, 0x400000, 0x1f00, 4096],
        [LOAD, RW, 0x2000, 0x402000, 0x300, 4096],
      ],
      2,
    );
    expect((await check(same, '16k')).kernel.verdict).toBe('fits');
  });

  it('RELRO that ends inside of a page: glibc leaves its end writable, Android protects what lies behind', async () => {
    const headers: Header[] = [
      [LOAD, RX, 0, 0, 0x1f00, 65536],
      [LOAD, RW, 0x10000, 0x20000, 0x9000, 65536],
      [RELRO, R, 0x10000, 0x20000, 0x5000, 1],
    ];
    const { glibc, bionic, status } = await check(elf('relro.so', headers), '16k');
    expect(glibc).toMatchObject({
      verdict: 'weaker',
      problems: [{ header: 2, call: 'mprotect(base+0x20000, 16384, PROT_READ)' }],
    });
    expect(glibc.problems[0]!.sentence).toContain('its last 4096 bytes stay writable');
    expect(bionic).toMatchObject({
      verdict: 'fails',
      problems: [{ call: 'mprotect(base+0x20000, 32768, PROT_READ)' }],
    });
    expect(bionic.problems[0]!.sentence).toContain('12288 bytes of writable data behind it become read-only');
    expect(status).toBe(1);
    expect((await check(elf('relro4.so', headers), '4k')).bionic.verdict).toBe('fits');
  });

  it('prints the answer first', async () => {
    const { out } = await vmarea(['check-elf', elf('first.so', library(4096)), '--page-size', '16k']);
    expect(out.split('\n')[0]).toMatch(/first\.so: does not fit 16 KiB pages \(its segments are aligned to 4 KiB\)$/);
  });

  it.each([
    ['prose', 'text.so', 'prose', /is not an ELF file/],
    ['an empty file', 'empty.so', '', /is not an ELF file/],
  ])('%s is refused in one line', async (_name, name, text, expected) => {
    const file = join(dir, name);
    writeFileSync(file, text);
    const { err, status } = await vmarea(['check-elf', file, '--page-size', '16k']);
    expect(err).toMatch(expected);
    expect(err.trimEnd()).not.toContain('\n');
    expect(status).toBe(2);
  });

  it('object files, files without a segment, and page sizes that no machine has are refused', async () => {
    expect((await vmarea(['check-elf', elf('a.o', library(1), 1), '--page-size', '16k'])).err).toContain(
      'is an object file',
    );
    expect((await vmarea(['check-elf', elf('none.so', []), '--page-size', '16k'])).err).toContain('no segment to load');
    expect((await vmarea(['check-elf', elf('b.so', library(4096)), '--page-size', '5k'])).status).toBe(2);
    expect((await vmarea(['check-elf', join(dir, 'absent'), '--page-size', '4k'])).err).toContain('cannot be read');
  });
});

const linker = spawnSync('cc', ['--version']).error === undefined;

describe.skipIf(!linker)('libraries and programs of this linker (skipped where there is no cc)', () => {
  it.each([4096, 65536])('max-page-size=%i', async (size) => {
    const source = join(dir, 'v.c');
    writeFileSync(source, 'int v = 1; void *p = &v; int main(void) { return v - 1; }\n');
    for (const [name, options] of [
      [`real${size}.so`, ['-shared', '-fPIC']],
      [`real${size}`, []],
    ] as const) {
      const file = join(dir, name);
      const made = spawnSync('cc', [
        ...options,
        `-Wl,-z,max-page-size=${size},-z,common-page-size=${size}`,
        '-o',
        file,
        source,
      ]);
      if (made.status !== 0) return; // a linker without these options
      expect((await check(file, '4k')).status, name).toBe(0);
      expect((await check(file, '64k')).status, name).toBe(size === 4096 ? 1 : 0);
    }
  });
});
