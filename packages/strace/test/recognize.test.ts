// What a file is, from its first bytes.

import { describe, expect, it } from 'vitest';
import { type Recognized, recognize } from '@vmarea/strace';

const of = (text: string | Uint8Array): Recognized =>
  recognize(typeof text === 'string' ? new TextEncoder().encode(text) : text, true);

const CALL = 'mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xffff90000000\n';
const LINE = '7fff9d664000-7fff9d668000 rw-p 00000000 00:00 0 \n';

describe('what is read', () => {
  it.each([
    ['a log', CALL, 'strace'],
    ['a log without a memory call', 'write(1, "x", 1) = 1\n', 'strace'],
    [
      'a log of a signal and a death',
      'user@host:~$ ./x\n--- SIGSEGV {si_signo=SIGSEGV} ---\n+++ killed by SIGSEGV +++\n',
      'strace',
    ],
    ['a log behind the prefix of a journal', `Nov 28 04:53:55 board strace[12]: ${CALL}`, 'strace'],
    ['a quoted log', `> ${CALL}> ${CALL}`, 'strace'],
    ['QEMU', '1 mremap(940810240,4096,8192,0,0,1082132616) = -1 errno=12 (Out of memory)\n', 'strace'],
    [
      'a program that prints its map',
      `${CALL}read(3, "7fff9d664000-7fff9d668000 rw-p 00000000 00:00 0 \\n", 100) = 50\n`,
      'strace',
    ],
    ['a map', LINE, 'maps'],
    ['a map in logcat', `2019-12-03 21:01:50.732 9676-9676/pkg D/Tag: Parsing line: ${LINE}`, 'maps'],
    ['smaps', `${LINE}Rss:   4 kB\n`, 'smaps'],
    ['calls', 'p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 3, 0)\nstore(p + 5000)\n', 'calls'],
    ['C', 'void *p = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd, 0);\n', 'calls'],
    ['gzip', new Uint8Array([0x1f, 0x8b, 8]), 'gzip'],
  ])('%s', (_name, text, kind) => {
    expect(of(text)).toMatchObject({ kind, advice: '' });
  });
});

describe('what is known, and what to do instead', () => {
  const core = new Uint8Array(64);
  core.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  core[16] = 4;
  it.each<[string, string | Uint8Array, RegExp]>([
    ['a PDF', '%PDF-1.7\n', /PDF/],
    ['a core dump', core, /core dump/],
    ['a program', core.slice(0, 8), /ELF/],
    ['nothing', '', /empty/],
    ['blank lines', '\n \n', /blank/],
    ['zeros', new Uint8Array(1000), /zeros/],
    ['noise', Uint8Array.from({ length: 1000 }, (_, i) => (i * 7919) % 256), /binary/],
    [
      'perf trace',
      `     0.000 ( 0.012 ms): ls/12345 brk()                     = 0xaaaaf2a3d000\n` +
        '     0.215 ( 0.009 ms): ls/12345 mmap(len: 8192, prot: READ|WRITE, flags: PRIVATE|ANONYMOUS)           = 0xffff9c5b1000\n',
      /perf trace/,
    ],
    [
      'gVisor',
      'I0208 02:35:38.246266   12345 strace.go:576] [   1:   1] ls X mmap(0x0, 0x1000, PROT_READ, MAP_PRIVATE, -1 (bad FD), 0x0) = 3 (0x3) (66.5us)\n',
      /gVisor/,
    ],
    [
      'a tombstone',
      "    0000007b'12345000-0000007b'12346fff r--         0      1000  /system/lib64/libc.so\n",
      /tombstone/,
    ],
    ['pmap', '1234:   bash\n0000555555554000    324K r-x-- bash\n', /pmap/],
    ['pmap -x', 'Address           Kbytes     RSS   Dirty Mode  Mapping\n', /pmap/],
    [
      'gdb',
      'process 12\nMapped address spaces:\n\n          Start Addr           End Addr       Size     Offset objfile\n',
      /gdb/,
    ],
    ['numa_maps', '7f2a10000000 default anon=1 dirty=1 N0=1\n', /numa_maps/],
    ['meminfo', 'MemTotal:       8000000 kB\nMemFree: 1 kB\n', /meminfo/],
    ['strace -c', '% time     seconds  usecs/call     calls    errors syscall\n 50.0 0.1 1 2 mmap\n', /strace -c/],
    ['HTML', '<!DOCTYPE html>\n<p>mmap\n', /HTML/],
    ['JSON', '{"a": 1}\n', /JSON/],
    ['prose', 'My program fails, what can I do?\n', /text without/],
    ['UTF-16', new Uint8Array([0xff, 0xfe, 0x6d, 0]), /UTF-16/],
  ])('%s', (_name, text, what) => {
    const found = of(text);
    expect(found.kind).toBe('other');
    expect(found.what).toMatch(what);
    expect(found.advice).toMatch(/\.$/);
    expect(`${found.what} ${found.advice}`).not.toContain('\n');
  });
});

it('a beginning that ends inside of a line', () => {
  expect(recognize(new TextEncoder().encode(`${CALL.repeat(3)}mmap(NU`), false).kind).toBe('strace');
  expect(recognize(new TextEncoder().encode(`openat(AT_FDCWD, "${'A'.repeat(65000)}`), false).kind).not.toBe('maps');
});
