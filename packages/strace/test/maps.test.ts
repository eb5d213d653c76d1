// Maps and smaps, whoever printed them: what is read is printed again byte for byte.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMaps, formatMapsLine, type MapsLine, parseMaps, parseMapsLine, smapsFigures } from '@vmarea/strace';

describe('a line is printed again as it was read', () => {
  it.each([
    [
      'the kernel, with a name',
      '7fff9d664000-7fff9d668000 r-xp 00001000 08:02 1849096                    /home/user/mprot',
    ],
    ['the kernel, without a name', '7fff9d664000-7fff9d668000 rw-p 00000000 00:00 0 '],
    ['cut at the end', '7fff9d664000-7fff9d668000 rw-p 00000000 00:00 0'],
    ['rr', '0x8048000-0x8fa9000 r-xp 00000000 fe:04 13119698   /home/user/js'],
    ['32 bits', 'b6f00000-b6f01000 r-xp 00000000 00:00 0          [sigpage]'],
    ['vsyscall', 'ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]'],
    ['a long head', '7fff9d664000-7fff9d668000 rw-s 123456789000 fd:1234 18446744073709 /dev/shm/x (deleted)'],
    [
      'Android names',
      '12c00000-52c00000 rw-p 00000000 00:00 0                                  [anon:dalvik-main space (region space)]',
    ],
    [
      'a newline, blanks and an escape in a name',
      '00400000-00401000 r--p 00000000 08:02 12                                  a\\012b  \u001b[31m ',
    ],
    ['CRLF', '00400000-00401000 r--p 00000000 08:02 12 /x\r'],
    ['digits in excess', '0000000000400000-0000000000401000 r--p 00000000 8:2 12 /x'],
    ['a large inode', '00400000-00401000 r--p 00000000 00:2d 18446744073709551557 /x'],
  ])('%s', (_name, text) => {
    const line = parseMapsLine(text)!;
    expect(line).not.toBeNull();
    expect(formatMapsLine(line)).toBe(text);
  });

  it('any text that is read', () => {
    const hex = fc.stringMatching(/^[0-9a-f]{1,12}$/);
    fc.assert(
      fc.property(
        fc.tuple(
          fc.constantFrom('', '0x'),
          hex,
          hex,
          hex,
          fc.nat(),
          fc.nat({ max: 90 }),
          fc.string({ unit: 'binary' }),
        ),
        ([prefix, start, end, offset, inode, blanks, name]) => {
          const text = `${prefix}${start}-${prefix}${end} rw-p ${offset} 00:0f ${inode} ${' '.repeat(blanks)}${name.replaceAll('\n', '')}`;
          expect(formatMapsLine(parseMapsLine(text)!)).toBe(text);
        },
      ),
    );
  });

  it('but a changed line as the kernel prints it', () => {
    const line = parseMapsLine('0x8048000-0x8fa9000 r-xp 00000000 fe:04 13   /js')!;
    expect(formatMapsLine({ ...line, name: '' })).toBe('08048000-08fa9000 r-xp 00000000 fe:04 13 ');
  });

  it.each([
    '',
    'x',
    '1-2',
    '1-2 rwxp',
    '1-2 rwxp 0 0:0 0x',
    '1-2 rwx 0 0:0 0',
    '-2 rwxp 0 0:0 0',
    `${'1'.repeat(30)}-2 rwxp 0 0:0 0`,
  ])('«%s» is none', (text) => {
    expect(parseMapsLine(text)).toBeNull();
  });
});

const SMAPS = `7feea51fe000-7feea5801000 rw-p 00000000 00:00 0 
Size:               6156 kB
KernelPageSize:        4 kB
Rss:                6148 kB
Private_Dirty:      6148 kB
THPeligible:    1
VmFlags: rd wr mr mw me ac sd 
7feea5801000-7feea5802000 ---p 00000000 00:00 0                          [anon:guard]
Size:                  4 kB
VmFlags: mr mw me nr 
`;

describe('files', () => {
  it('smaps: figures, flags, and the same text again', () => {
    const { lines, numbers, strange } = parseMaps(SMAPS);
    expect(strange).toEqual([]);
    expect(numbers).toEqual([1, 8]);
    expect(lines.map(({ vmFlags }) => vmFlags)).toEqual([
      ['rd', 'wr', 'mr', 'mw', 'me', 'ac', 'sd'],
      ['mr', 'mw', 'me', 'nr'],
    ]);
    expect(smapsFigures(lines[0]!).get('Rss')).toBe(6148 * 1024);
    expect(smapsFigures(lines[0]!).get('THPeligible')).toBe(1);
    expect(formatMaps(lines)).toBe(SMAPS);
  });

  it('the prefix of logcat and quoting are taken away, what a log quotes is not taken for a map', () => {
    const line = '767b600000-767b800000 rw-p 00000000 00:00 0                              [anon:libc_malloc]';
    const { lines, prefixed, strange } = parseMaps(
      `2019-12-03 21:01:50.732 9676-9676/pkg D/CrashReport-Native: Parsing line: ${line}\n> ${line}\nread(3, "${line}\\n", 100) = 90\n\n`,
    );
    expect(prefixed).toBe(2);
    expect(lines.map(formatMapsLine)).toEqual([line, line]);
    expect(strange.map(({ line: number }) => number)).toEqual([3]);
  });

  it('a line of smaps without its mapping is strange', () => {
    expect(parseMaps('Size: 4 kB\n').strange).toHaveLength(1);
  });
});

it('65,000 lines are read and printed again', () => {
  const lines: MapsLine[] = [];
  for (let i = 0; i < 65_000; i += 1) {
    const start = 0x7f0000000000 + i * 8192;
    const flags = { read: i % 2 === 0, write: false, exec: false, shared: false };
    lines.push({ start, end: start + 4096, ...flags, offset: 0, major: 0, minor: 0, inode: 0, name: '' });
  }
  const text = formatMaps(lines);
  expect(parseMaps(text).lines).toEqual(lines);
});
