import { describe, expect, it } from 'vitest';
import { formatMaps, parseMaps, recognize } from '../src/index.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const MAPS: readonly (readonly [name: string, text: string, first: string, last: string])[] = [
  [
    'gdb',
    `process 12345
Mapped address spaces:

          Start Addr           End Addr       Size     Offset  Perms  objfile
      0x555555554000     0x555555555000     0x1000        0x0  r--p   /tmp/a.out
      0x555555555000     0x555555556000     0x1000     0x1000  r-xp   /tmp/a.out
      0x7ffff7d8d000     0x7ffff7d90000     0x3000        0x0  rw-p
      0x7ffffffde000     0x7ffffffff000    0x21000        0x0  rw-p   [stack]
`,
    '555555554000-555555555000 r--p 0 /tmp/a.out',
    '7ffffffde000-7ffffffff000 rw-p 0 [stack]',
  ],
  [
    'pmap -x',
    `4321:   /usr/bin/redis-server *:6379
Address           Kbytes     RSS   Dirty Mode  Mapping
0000555555554000     632     500       0 r-x-- redis-server
00007ffff0000000     132       8       8 rw---   [ anon ]
00007ffffffde000     132      12      12 rw---   [ stack ]
---------------- ------- ------- -------
total kB           68128    1616      16
`,
    '555555554000-5555555f2000 r-xp 0 redis-server',
    '7ffffffde000-7ffffffff000 rw-p 0 [stack]',
  ],
  [
    'pmap',
    `4321:   bash
0000555555554000   1116K r-x-- bash
00007ffff7ffe000      4K rw---   [ anon ]
`,
    '555555554000-55555566b000 r-xp 0 bash',
    '7ffff7ffe000-7ffff7fff000 rw-p 0 ',
  ],
  [
    'a tombstone',
    `memory map (3 entries):
    0000007a'3c5f0000-0000007a'3c5f0fff rw-         0      1000  [anon:stack_and_tls:4345]
--->Fault address falls at 0000007a'3c5f1000 between mapped regions
    0000007a'3c6f0000-0000007a'3c70ffff r-x     8a000     20000  /apex/lib64/bionic/libc.so (BuildId: 9c2d3a)
`,
    '7a3c5f0000-7a3c5f1000 rw-p 0 [anon:stack_and_tls:4345]',
    '7a3c6f0000-7a3c710000 r-xp 8a000 /apex/lib64/bionic/libc.so',
  ],
  [
    'AddressSanitizer',
    `==12345==Process memory map follows:
\t0x000000400000-0x000000401000\t/tmp/a.out
\t0x7fff5a3f9000-0x7fff5a41a000\t[stack]
==12345==End of process memory map.
`,
    '400000-401000 r--p 0 /tmp/a.out',
    '7fff5a3f9000-7fff5a41a000 r--p 0 [stack]',
  ],
];

describe('a map that another program printed', () => {
  it.each(MAPS)('%s', (_name, text, first, last) => {
    const { lines, numbers, format } = parseMaps(text);
    const shown = lines.map(
      ({ start, end, read, write, exec, shared, offset, name }) =>
        `${start.toString(16)}-${end.toString(16)} ${read ? 'r' : '-'}${write ? 'w' : '-'}${exec ? 'x' : '-'}${shared ? 's' : 'p'} ${offset.toString(16)} ${name}`,
    );
    expect(shown[0]).toBe(first);
    expect(shown.at(-1)).toBe(last);
    expect(numbers.length).toBe(lines.length);
    expect(format).toMatch(/without/);
    expect(recognize(bytes(text), true).kind).toBe('maps');
  });

  it('is not looked for beside lines of the kernel', () => {
    const { lines, format } = parseMaps(`400000-401000 r--p 00000000 00:00 0 \n${MAPS[0]![1]}`);
    expect([lines.length, format]).toEqual([1, undefined]);
  });
});

it('a name in another column is the same name', () => {
  const text = '7ffffdf000-8000000000 rw-p 00000000 00:00 0                                   [stack]';
  const { lines } = parseMaps(`${text}\n`);
  expect(lines[0]!.name).toBe('[stack]');
  expect(formatMaps(lines)).toBe(`${text}\n`);
});

describe('brackets at the beginning', () => {
  it('are a log of the kernel', () => {
    expect(
      recognize(bytes('[ 1234.567890] mmap: java (4321): VmData 8392704 exceed data ulimit 8388608.\n'), true).what,
    ).toContain('dmesg');
  });

  it('are JSON', () => {
    expect(recognize(bytes('[\n  {"a": 1}\n]\n'), true).what).toBe('JSON');
  });
});
