// Flags as text: what strace 6.1 printed for these values on a running system, and that every value survives the way
// to text and back.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_HUGETLB,
  MAP_HUGE_2MB,
  MAP_PRIVATE,
  MAP_SHARED_VALIDATE,
  O_CLOEXEC,
  O_DIRECT,
  O_DIRECTORY,
  O_LARGEFILE,
  O_NOFOLLOW,
  explainFlags,
  formatFallocateMode,
  formatMadvise,
  formatMapFlags,
  formatMemfdFlags,
  formatMlock2Flags,
  formatMlockallFlags,
  formatMremapFlags,
  formatMsyncFlags,
  formatOpenFlags,
  formatPersonality,
  formatProt,
  formatSeals,
  openFlagsFromGeneric,
  parseFallocateMode,
  parseFlagNumber,
  parseMadvise,
  parseMapFlags,
  parseMemfdFlags,
  parseMlock2Flags,
  parseMlockallFlags,
  parseMremapFlags,
  parseMsyncFlags,
  parseOpenFlags,
  parsePersonality,
  parseProt,
  parseSeals,
} from '@vmarea/uapi';

const printed: [(value: number) => string, number, string][] = [
  [formatProt, 0, 'PROT_NONE'],
  [formatProt, 7, 'PROT_READ|PROT_WRITE|PROT_EXEC'],
  [formatProt, 0x1000003, 'PROT_READ|PROT_WRITE|PROT_GROWSDOWN'],
  [formatProt, 0xc0, '0xc0 /* PROT_??? */'],
  [formatMapFlags, 0x22, 'MAP_PRIVATE|MAP_ANONYMOUS'],
  [formatMapFlags, 0, 'MAP_FILE'],
  [formatMapFlags, 3, 'MAP_SHARED_VALIDATE'],
  [formatMapFlags, 4, '0x4 /* MAP_??? */'],
  [formatMapFlags, 0x10, 'MAP_FILE|MAP_FIXED'],
  [formatMapFlags, 0x222, 'MAP_PRIVATE|MAP_ANONYMOUS|0x200'],
  [formatMapFlags, 0x54040022, 'MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT'],
  [formatMapFlags, 0x80000002, 'MAP_PRIVATE|32<<MAP_HUGE_SHIFT'],
  [formatMapFlags, 0x1f000022, 'MAP_PRIVATE|MAP_ANONYMOUS|0x3000000|7<<MAP_HUGE_SHIFT'],
  [formatMadvise, 4, 'MADV_DONTNEED'],
  [formatMadvise, 5, '0x5 /* MADV_??? */'],
  [formatMadvise, -1, '0xffffffff /* MADV_??? */'],
  [formatMremapFlags, 0, '0'],
  [formatMremapFlags, 7, 'MREMAP_MAYMOVE|MREMAP_FIXED|MREMAP_DONTUNMAP'],
  [formatMremapFlags, 8, '0x8 /* MREMAP_??? */'],
  [formatMsyncFlags, 7, 'MS_SYNC|MS_ASYNC|MS_INVALIDATE'],
  [formatMlock2Flags, 3, 'MLOCK_ONFAULT|0x2'],
  [formatMlockallFlags, 7, 'MCL_CURRENT|MCL_FUTURE|MCL_ONFAULT'],
  [formatMemfdFlags, 0x54000004, 'MFD_HUGETLB|21<<MFD_HUGE_SHIFT'],
  [formatMemfdFlags, 0x54000000, '21<<MFD_HUGE_SHIFT'],
  [formatSeals, 0x1f, 'F_SEAL_SEAL|F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE|F_SEAL_FUTURE_WRITE'],
  [formatFallocateMode, 3, 'FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE'],
  [formatPersonality, 0, 'PER_LINUX'],
  [formatPersonality, 0x240000, 'PER_LINUX|ADDR_NO_RANDOMIZE|ADDR_COMPAT_LAYOUT'],
  [formatPersonality, 0x8000008, 'PER_LINUX32|ADDR_LIMIT_3GB'],
  [formatPersonality, 0xffffffff, '0xffffffff'],
  [formatOpenFlags, 0, 'O_RDONLY'],
  [formatOpenFlags, 0o3, 'O_ACCMODE'],
  [formatOpenFlags, 0o4010000, 'O_RDONLY|O_SYNC'],
  [formatOpenFlags, 0o20040002, 'O_RDWR|O_TMPFILE'],
  [
    formatOpenFlags,
    O_DIRECTORY | O_NOFOLLOW | O_DIRECT | O_LARGEFILE | O_CLOEXEC,
    'O_RDONLY|O_DIRECT|O_LARGEFILE|O_NOFOLLOW|O_CLOEXEC|O_DIRECTORY',
  ],
];

describe('flags as text', () => {
  it.each(printed)('%o of %i', (format, value, text) => {
    expect(format(value)).toBe(text);
  });

  const kinds: [string, (value: number) => string, (text: string) => number | null][] = [
    ['prot', formatProt, parseProt],
    ['map', formatMapFlags, parseMapFlags],
    ['madvise', formatMadvise, parseMadvise],
    ['mremap', formatMremapFlags, parseMremapFlags],
    ['mlockall', formatMlockallFlags, parseMlockallFlags],
    ['mlock2', formatMlock2Flags, parseMlock2Flags],
    ['msync', formatMsyncFlags, parseMsyncFlags],
    ['memfd', formatMemfdFlags, parseMemfdFlags],
    ['seals', formatSeals, parseSeals],
    ['fallocate', formatFallocateMode, parseFallocateMode],
    ['open', formatOpenFlags, parseOpenFlags],
    ['personality', formatPersonality, parsePersonality],
  ];
  it.each(kinds)('%s: every value of 32 bits survives', (_name, format, parse) => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (value) => {
        expect(parse(format(value))).toBe(value);
      }),
    );
    for (let bit = 0; bit < 32; bit += 1) expect(parse(format(2 ** bit))).toBe(2 ** bit);
  });

  it('reads what -X verbose, -X raw and other machines print', () => {
    expect(parseProt('0x3 /* PROT_READ|PROT_WRITE */')).toBe(3);
    expect(parseProt('0x7')).toBe(7);
    expect(parseMapFlags('MAP_PRIVATE|MAP_ANON|MAP_FIXED')).toBe(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
    expect(parseMapFlags('MAP_PRIVATE|MAP_HUGETLB|MAP_HUGE_2MB')).toBe(MAP_PRIVATE | MAP_HUGETLB | MAP_HUGE_2MB);
    expect(parseMapFlags('MAP_SHARED_VALIDATE')).toBe(MAP_SHARED_VALIDATE);
    expect(parseMapFlags('0xf /* MAP_??? */|MAP_FIXED')).toBe(0x1f);
    expect(openFlagsFromGeneric(0o200000 | 0o2000000)).toBe(O_DIRECTORY | O_CLOEXEC);
    expect(openFlagsFromGeneric(0o740000)).toBe(0o740000);
  });

  it('keeps the low bits exact below a 64-bit pattern', () => {
    const all = parseProt('PROT_READ|PROT_WRITE|0xfffffffffcfffff0');
    expect(all).not.toBeNull();
    expect(Number.isSafeInteger(all)).toBe(true);
    expect(all! % 16).toBe(3);
    expect(parseFlagNumber('0xffffffffffffffff')).toBe(2 ** 53 - 1);
  });

  it('names the word that it does not understand', () => {
    expect(parseMapFlags('MAP_PRIVATE|MAP_WRONG')).toBeNull();
    expect(explainFlags('map', 'MAP_PRIVATE|MAP_WRONG|MAP_FIXED')).toEqual({ value: null, token: 'MAP_WRONG' });
    expect(explainFlags('prot', '')).toEqual({ value: null, token: '' });
    expect(explainFlags('prot', 'PROT_READ')).toEqual({ value: 1, token: '' });
  });
});
