// What the command line is given: every kind of file is recognised, and what cannot be read is one line and status 2.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import type { StackReport } from '@vmarea/replay';
import { straces, vmarea } from './cli.ts';

const dir = mkdtempSync(join(tmpdir(), 'vmarea-intake-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

const CALL = 'mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xffff90000000\n';

describe('a file without a command', () => {
  it.each([
    ['a log', 'a.strace', CALL, /^Replay of a\.strace/],
    ['a packed log', 'b.strace.gz', gzipSync(CALL), /^Replay of b\.strace\.gz/],
    [
      'calls',
      'c.calls',
      'p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)\nmunmap(p + 1, 4096)\n',
      /EINVAL/,
    ],
    ['a map', 'd.maps', '7fff9d664000-7fff9d668000 rw-p 00000000 00:00 0 \n', /1 areas/],
    ['smaps', 'e.smaps', '7fff9d664000-7fff9d668000 rw-p 00000000 00:00 0 \nRss:   8 kB\n', /smaps: Rss 8 KiB/],
  ])('%s', async (_name, name, content, expected) => {
    const ran = await vmarea([file(name, content)]);
    expect(ran.err).toBe('');
    expect(ran.out).toMatch(expected);
    expect(ran.status).toBe(0);
  });

  it('several files, each by its kind', async () => {
    const maps = join(straces, 'cat.aslr-off.maps');
    const { out, status } = await vmarea([maps, file('f.strace', CALL)]);
    expect(out).toMatch(/areas[^]*Replay of f\.strace/);
    expect(status).toBe(0);
  });
});

describe('what cannot be read is told in one line, with status 2', () => {
  const core = new Uint8Array(64);
  core.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  core[16] = 4;
  const zeros = file('zeros', '');
  truncateSync(zeros, 2 ** 30);
  const packed = gzipSync(CALL.repeat(1000));
  mkdirSync(join(dir, 'directory'));
  it.each<[string, string, RegExp]>([
    ['a PDF', file('a.pdf', '%PDF-1.7\n'), /is a PDF/],
    ['a core dump', file('core', core), /is a core dump/],
    ['an empty file', file('empty', ''), /is empty/],
    ['a directory', join(dir, 'directory'), /is a directory without bundle\.json/],
    ['1 GiB of zeros', zeros, /is full of zeros/],
    ['nothing', join(dir, 'none'), /does not exist/],
    ['damaged gzip', file('bad.gz', new Uint8Array([0x1f, 0x8b, 8, 255, 1, 2, 3])), /is damaged/],
    ['a picture', file('a.png', new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10])), /is a PNG picture/],
    ['prose', file('a.txt', 'My program fails.\n'), /is text without a call/],
    ['a device', '/dev/null', /is a device/],
  ])('%s', async (_name, path, expected) => {
    const { out, err, status } = await vmarea([path]);
    expect(out).toBe('');
    expect(err).toMatch(expected);
    expect(err.trimEnd()).not.toContain('\n');
    expect(status).toBe(2);
  });

  it('a socket', async () => {
    const path = join(dir, 'socket');
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(path, resolve));
    const { err, status } = await vmarea([path]);
    server.close();
    expect(err).toMatch(/is a socket/);
    expect(status).toBe(2);
  });

  it('a packed log that is cut off, a packed line without an end: with replay as well', async () => {
    const cut = await vmarea(['replay', file('cut.gz', packed.subarray(0, packed.length - 20))]);
    expect(cut.err).toMatch(/damaged: unexpected end of file/);
    expect(cut.status).toBe(2);
    const long = gzipSync(`1 openat(AT_FDCWD, "${'A'.repeat(20_000_000)}`);
    const { err, status } = await vmarea(['replay', file('long.gz', long)]);
    expect(err).toMatch(/^vmarea: line 1: it has more than 16,777,216 characters/);
    expect(status).toBe(2);
  });
});

describe('what came from input controls no terminal', () => {
  const hostile =
    'execve("/bin/x\\33[2J", ["x"], 0xfffffffffd20 /* 5 vars */) = 0\nbrk(NULL) = 0xaaaaaaac1000\n' +
    'openat(AT_FDCWD, "/lib/\\33]52;c;cHdu\\7\u202e", O_RDONLY) = 3\nmmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 3, 0) = 0xfffff7ff6000\n' +
    '\u001b]0;title\u0007 garbage\u009b31m\n';

  it.each([[[]], [['--verbose']], [['--json']]])('%j', async (options: string[]) => {
    const { out, err } = await vmarea([file('h.strace', hostile), ...options]);
    expect(`${out}${err}`.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
    if (options[0] === '--json') expect(() => JSON.parse(out) as unknown).not.toThrow();
  });

  it('in error messages', async () => {
    const { err } = await vmarea(['maps', file('\u001b[31mx', 'nothing\u001b[2J\n')]);
    expect(err.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    expect(err).toContain('\\u001b');
  });
});

describe('maps', () => {
  it('65,000 areas are a summary that names what fills them', async () => {
    let text = '';
    for (let i = 0; i < 32_500; i++) {
      const at = 0x7f0000000000 + i * 12288;
      text += `${at.toString(16)}-${(at + 8192).toString(16)} rw-p 00000000 00:00 0 \n`;
      text += `${(at + 8192).toString(16)}-${(at + 12288).toString(16)} ---p 00000000 00:00 0 \n`;
    }
    const { out, status } = await vmarea(['maps', file('many.maps', text), '--need', '64g']);
    expect(status).toBe(0);
    expect(out.split('\n').length).toBeLessThan(20);
    expect(out).toMatch(/65,000 areas, 99 % of 65,530 .*ENOMEM/);
    expect(out).toContain('What fills it: 8 KiB rw-p with 4 KiB ---p right above it, 32,500 times.');
    expect(out).toContain('64 GiB fit');
  });

  it('what is not modelled says so', async () => {
    const { out } = await vmarea([
      'maps',
      file('low.maps', '08048000-08fa9000 r-xp 00000000 fe:04 13 /js\n'),
      '--need',
      '1g',
    ]);
    expect(out).toMatch(/^Where a 32-bit machine places a mapping is not modelled: see the holes below\.$/m);
  });

  it('areas that touch and look alike are counted, writable and executable ones are shown', async () => {
    const text = '1000-2000 rwxp 00000000 00:00 0 \n2000-3000 rwxp 00000000 00:00 0 \n';
    const { out } = await vmarea(['maps', file('rwx.maps', text), '--json']);
    expect(JSON.parse(out)).toMatchObject({ maps: [{ areas: 2, apart: 1, writableAndExecutable: { length: 2 } }] });
  });

  it('a reversed area is an error', async () => {
    const { err, status } = await vmarea(['maps', file('r.maps', '2000-1000 rwxp 00000000 00:00 0 \n')]);
    expect(err).toContain('ends before it begins');
    expect(status).toBe(2);
  });
});

describe('help for shells', () => {
  it.each(['bash', 'zsh', 'fish'])('%s: every command is completed', async (shell) => {
    const { out, status } = await vmarea(['completion', shell]);
    expect(status).toBe(0);
    for (const command of ['replay', 'explain', 'maps', 'run', 'record', 'tour']) expect(out).toContain(command);
    expect(out).toMatch(/need/);
  });

  it('another shell, the version, the man page', async () => {
    expect(await vmarea(['completion', 'csh'])).toMatchObject({
      status: 2,
      err: expect.stringContaining('csh') as unknown,
    });
    expect((await vmarea(['--version'])).out).toMatch(/^\d+\.\d+\.\d+/);
    expect((await vmarea(['man'])).out).toMatch(/^\.TH VMAREA 1[^]*\.SH REPLAY/);
  });
});

describe('replay --by-stack', () => {
  const at = (i: number): string => `0x${(0xffff90000000 + i * 16384).toString(16)}`;
  const calls = (stacks: boolean): string =>
    Array.from({ length: 60 }, (_, i) => [
      `mmap(${at(i)}, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = ${at(i)}`,
      ...(stacks ? [' > /lib/libc.so.6(mmap+0x13) [0x1019b3]', ' > /lib/libheap.so(grow+0x30) [0x1c2f0]'] : []),
      `mmap(0x${(0xffff90002000 + i * 16384).toString(16)}, 8192, PROT_NONE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x${(0xffff90002000 + i * 16384).toString(16)}`,
      ...(stacks ? [' > /lib/libc.so.6(mmap+0x13) [0x1019b3]', ' > /lib/libheap.so(guard+0x8) [0x1c400]'] : []),
    ])
      .flat()
      .join('\n')
      .concat('\n');

  it('names the stack that holds most areas first', async () => {
    const { out, status } = await vmarea(['replay', file('k.strace', calls(true)), '--by-stack']);
    expect(status).toBe(0);
    expect(out).toContain('60 of 120 areas: libheap.so+0x1c2f0 (grow+0x30). 2 different stacks hold areas.');
    expect(out).toMatch(/60 of them 8 KiB ---p right above 8 KiB rw-p; 60 calls/);
  });

  it('says how to record a log that has no stacks, and what fills its map', async () => {
    const log = file('plain.strace', calls(false));
    const { err, status } = await vmarea(['replay', log, '--by-stack', '--sysctl', 'max_map_count=120']);
    expect(status).toBe(2);
    expect(err).toMatch(
      /no stack behind any of its 120 memory calls: record with «strace -k -f».* What fills its map: 8 KiB/,
    );
    const { out } = await vmarea(['replay', log, '--sysctl', 'max_map_count=120']);
    expect(out.replace(/\s+/g, ' ')).toMatch(
      /has 120 of 120 areas \(vm\.max_map_count\) .* what fills it is 8 KiB .* times/,
    );
  });
});

const strace = spawnSync('strace', ['-V']).error === undefined;
const compiler = spawnSync('cc', ['--version']).error === undefined;

describe.skipIf(!strace)('run and record (skipped where there is no strace)', () => {
  it('a bundle of /bin/ls opens again, with no line unread', async () => {
    const bundle = join(dir, 'bundle');
    const made = await vmarea(['record', '-o', bundle, '--', 'ls', '/']);
    expect(made).toMatchObject({ status: 0, err: '' });
    const { out, status } = await vmarea([bundle, '--json']);
    expect(status).toBe(0);
    const { logs } = JSON.parse(out) as { logs: { notes: { strange: { count: number } }; map: unknown }[] };
    expect(logs[0]!.notes.strange.count).toBe(0);
    expect(logs[0]!.map).not.toBeNull();
  });

  it.skipIf(!compiler)('strace -k of a program: its functions hold what they map', async () => {
    const source = file(
      'stacks.c',
      '#include <sys/mman.h>\n' +
        'int __attribute__((noinline)) fill(void) { int made = 0; for (int i = 0; i < 50; i++) made += mmap(0, 8192, i & 1 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED; return made; }\n' +
        'int main(void) { return fill() == 50 ? 0 : 1; }\n',
    );
    const program = join(dir, 'stacks');
    expect(spawnSync('cc', ['-O0', '-g', '-o', program, source]).status).toBe(0);
    const log = join(dir, 'stacks.strace');
    if (spawnSync('strace', ['-k', '-f', '-o', log, program]).status !== 0) return; // strace without an unwinder has no -k
    const { out } = await vmarea(['replay', log, '--by-stack', '--json']);
    const { logs } = JSON.parse(out) as { logs: { stacks: StackReport }[] };
    const [row] = logs[0]!.stacks.holding;
    expect(row!.frames[row!.caller]).toMatch(/^stacks\+0x[0-9a-f]+ \(fill\+0x/);
    expect(row).toMatchObject({ areas: 50, calls: 50 });
  });

  it('a directory that is not empty, a program that does not exist', async () => {
    expect((await vmarea(['record', '-o', dir, '--', 'ls'])).err).toContain('is not empty');
    const none = await vmarea(['record', '-o', join(dir, 'none-bundle'), '--', join(dir, 'no-program')]);
    expect(none.err).toContain('was not started under strace');
    expect(none.status).toBe(2);
  });
});
