import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseLog, parseMaps } from '@vmarea/strace';
import {
  describeSituation,
  inferSituation,
  listFacts,
  LogClues,
  parseRelease,
  SituationError,
  type GivenFacts,
} from '../src/index.ts';

function situation(log: string, given: GivenFacts = {}, map?: string): ReturnType<typeof inferSituation> {
  const clues = new LogClues();
  for (const event of parseLog(log)) clues.event(event);
  const lines = map === undefined ? undefined : parseMaps(map).lines;
  const mapBefore = lines === undefined ? undefined : { lines, source: 'a.maps' };
  return inferSituation({ given: { ...given, mapBefore }, clues: log === '' ? null : clues });
}

/** Architecture, page size in KiB, address bits. */
function machine(log: string, given: GivenFacts = {}, map?: string): [string, number, number] {
  const { architecture, pageSize, vaBits } = situation(log, given, map);
  return [architecture.value, pageSize.value / 1024, vaBits.value];
}

const ANON = 'PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0';

describe('the machine of a log', () => {
  it.each([
    [
      'the pointer of execve on a 39-bit stack',
      'execve("/usr/bin/ape", ["ape"], 0x7fe3d61648 /* 39 vars */) = 0\n',
      ['arm64', 4, 39],
    ],
    [
      '16 KiB arm64, told by paths',
      `brk(NULL) = 0x55557e2b0000\nopenat(AT_FDCWD, "/lib/aarch64-linux-gnu/libc.so.6", O_RDONLY|O_CLOEXEC) = 3\nmmap(NULL, 12288, ${ANON}) = 0x7fff9d664000\n`,
      ['arm64', 16, 47],
    ],
    [
      '16 KiB arm64, told by an ELF header',
      `read(3, "\\177ELF\\2\\1\\1\\3\\0\\0\\0\\0\\0\\0\\0\\0\\3\\0\\267\\0\\1\\0\\0\\0"..., 832) = 832\nmmap(NULL, 16384, ${ANON}) = 0x7fffa0000000\n`,
      ['arm64', 16, 47],
    ],
    [
      'x86-64, told by an ELF header',
      `read(3, "\\177ELF\\2\\1\\1\\3\\0\\0\\0\\0\\0\\0\\0\\0\\3\\0>\\0\\1\\0\\0\\0"..., 832) = 832\nmmap(NULL, 4096, ${ANON}) = 0x7ffff7fb9000\n`,
      ['x86-64', 4, 47],
    ],
    ['riscv64, told by a call', 'riscv_flush_icache(0, 0, 0) = 0\nbrk(NULL) = 0x2aaaab0000\n', ['riscv64', 4, 39]],
    ['arm, told by a call', `mmap2(NULL, 4096, ${ANON}) = 0xb6f00000\nset_tls(0xb6f00000) = 0\n`, ['arm', 4, 32]],
    [
      'what is not there is no path of this machine',
      'openat(AT_FDCWD, "/lib/x86_64-linux-gnu/libc.so.6", O_RDONLY) = -1 ENOENT (No such file or directory)\nbrk(NULL) = 0xaaaac0000000\n',
      ['arm64', 4, 48],
    ],
    [
      'a compiler reads files of another machine; its loader does not',
      `read(3, "\\177ELF\\2\\1\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0\\1\\0>\\0\\1\\0\\0\\0"..., 4096) = 4096\nread(3, "\\177ELF\\2\\1\\1\\3\\0\\0\\0\\0\\0\\0\\0\\0\\3\\0\\267\\0\\1\\0\\0\\0"..., 832) = 832\nmmap(NULL, 4096, ${ANON}) = 0xfffff7ffc000\n`,
      ['arm64', 4, 48],
    ],
    [
      'an Android library',
      'openat(AT_FDCWD, "/data/app/~~x==/org.app-1/lib/arm64/libfoo.so", O_RDONLY|O_CLOEXEC) = 30\n',
      ['arm64', 4, 48],
    ],
    [
      'the loader of a machine without access',
      `faccessat(AT_FDCWD, "/etc/ld.so.preload", R_OK) = -1 ENOENT (No such file or directory)\nmmap(NULL, 16384, ${ANON}) = 0x7fffa0000000\n`,
      ['arm64', 16, 47],
    ],
    ['x86-64, told by a call', `arch_prctl(ARCH_SET_FS, 0x7ffff7d8a740) = 0\n`, ['x86-64', 4, 47]],
    [
      'x86-64, told by 47 bits and an address that only 4 KiB pages give',
      `mmap(NULL, 4096, ${ANON}) = 0x7ffff7fb9000\n`,
      ['x86-64', 4, 47],
    ],
    ['mmap2 alone is some 32-bit machine', `mmap2(NULL, 4096, ${ANON}) = 0x76f7f000\n`, ['32-bit', 4, 32]],
    [
      '32-bit arm with calls that i386 has, too',
      `open("/lib/arm-linux-gnueabihf/libc.so.6", O_RDONLY) = 3\nmmap2(NULL, 4096, ${ANON}) = 0x76f7f000\n`,
      ['arm', 4, 32],
    ],
    [
      'a Go heap: more than 39 bits, no other hint',
      `mmap(0xc000000000, 67108864, ${ANON}) = 0xc000000000\n`,
      ['arm64', 4, 48],
    ],
    [
      'a sanitizer shadow: the width stays a lower bound',
      `mmap(0x611000200000, 65536, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x611000200000\n`,
      ['arm64', 4, 48],
    ],
    ['39 bits, from an answer', `mmap(NULL, 4096, ${ANON}) = 0x783672e000\n`, ['arm64', 4, 39]],
    ['64 KiB pages with 42 bits', `mmap(NULL, 65536, ${ANON}) = 0x3ffb7ff0000\n`, ['arm64', 64, 42]],
    ['48 bits', `mmap(NULL, 4096, ${ANON}) = 0xfffff7ffc000\n`, ['arm64', 4, 48]],
    [
      'a signal handed over in the middle of the log',
      `--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0xffffc0000000} ---\n`,
      ['arm64', 4, 48],
    ],
  ])('%s', (_name, log, expected) => {
    expect(machine(log)).toEqual(expected);
  });

  it('areas that only one machine has', () => {
    expect(machine('', {}, 'ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n')[0]).toBe('x86-64');
    expect(machine('', {}, 'ffff0000-ffff1000 r-xp 00000000 00:00 0 [vectors]\n')[0]).toBe('arm');
  });

  const logs = new URL('../../strace/test/logs/', import.meta.url);
  it.each(readdirSync(logs).filter((name) => name.endsWith('.strace')))('every form of log: %s', (name) => {
    const found = situation(readFileSync(new URL(name, logs), 'utf8')).architecture;
    expect(found.value).toBe(name.includes('i386') ? 'i386' : 'x86-64');
    expect(found.evidence.kind).toBe('log');
  });

  const recorded = new URL('../../../conformance/straces/', import.meta.url);
  it.each(readdirSync(recorded).filter((name) => name.endsWith('.strace')))('without its head: %s', (name) => {
    const lines = readFileSync(new URL(name, recorded), 'utf8').split('\n');
    expect(machine(lines.slice(Math.floor(lines.length / 2)).join('\n'))).toEqual(['arm64', 4, 48]);
  });

  it('a map and a refusal that only larger pages give', () => {
    const map = `555587e80000-555587e84000 r-xp 00000000 08:02 1849096                    /home/user/mprot
7fff9d664000-7fff9d668000 rw-p 00000000 00:00 0 
7fffe09c0000-7fffe09e4000 rw-p 00000000 00:00 0                          [stack]
`;
    const log = 'mprotect(0x7fff9d665000, 4096, PROT_NONE) = -1 EINVAL (Invalid argument)\n';
    expect(machine(log, {}, map)).toEqual(['arm64', 16, 47]);
    expect(machine('', {}, map)).toEqual(['arm64', 16, 47]);
    expect(machine('', { kernel: 'msm-4.4' }, map)).toEqual(['arm64', 16, 47]);
  });

  it('an option wins, and each combination fits', () => {
    const log = `mmap(NULL, 16384, ${ANON}) = 0x7fffa0000000\n`;
    expect(machine(log, { pageSize: 16384 })).toEqual(['arm64', 16, 47]);
    expect(machine(log, { architecture: 'arm64' })).toEqual(['arm64', 16, 47]);
    expect(machine(log, { architecture: 'arm64', pageSize: 4096 })).toEqual(['arm64', 4, 48]);
    expect(machine('', { vaBits: 42 })).toEqual(['arm64', 64, 42]);
    expect(() => machine('', { vaBits: 47, pageSize: 4096 })).toThrow(SituationError);
    expect(() => machine('', { vaBits: 47, pageSize: 4096 })).toThrow(
      '--va-bits 47: arm64 with 4 KiB pages has 39 or 48 address bits',
    );
  });

  it('says of each fact how it is known', () => {
    const { architecture, vaBits, pageSize } = situation(
      'execve("/bin/a", ["a"], 0x7fe3d61648 /* 39 vars */) = 0\nopenat(AT_FDCWD, "/lib/aarch64-linux-gnu/libc.so.6", O_RDONLY) = 3\n',
    );
    expect(architecture.evidence).toEqual({ kind: 'log', line: 2, what: 'a path with aarch64-linux-gnu' });
    expect(vaBits.evidence).toEqual({ kind: 'log', line: 1, what: "the stack of execve's caller at 0x7fe3d61648" });
    expect(pageSize.evidence.kind).toBe('log');
  });

  it('capabilities: all where the log shows root, none where it shows a user or nothing', () => {
    expect(situation('geteuid() = 0\n').capabilities).toMatchObject({ evidence: { kind: 'log', line: 1 } });
    expect(situation('geteuid() = 0\n').capabilities.value.size).toBeGreaterThan(30);
    expect(situation('geteuid() = 1000\n').capabilities.value.size).toBe(0);
    expect(situation('').capabilities.evidence.kind).toBe('assumed');
  });

  it('three lines, and a list of every fact', () => {
    const lines = describeSituation(situation('', { sysctls: [['vm.max_map_count', '10']] }));
    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe(
      'Machine: arm64, 4 KiB pages (assumed), 48-bit addresses, 256 TiB (assumed: of 39 and 48), linux-6.1 (assumed).',
    );
    expect(lines[1]).toContain('THP on, KSM on (assumed), vm.max_map_count=10 (--sysctl vm.max_map_count=10), other');
    expect(lines[1]).toContain('vm.max_map_count=10');
    expect(listFacts(situation('')).map(({ name }) => name)).toContain('address bits');
  });
});

describe('the kernel of a release', () => {
  it.each([
    ['6.1.0-18-amd64', 'linux-6.1', ''],
    ['6.18.44', 'linux-6.18', ''],
    // 2 MiB borders came with 6.7: 6.8 places as 6.12 does.
    ['6.8.0-45-generic', 'linux-6.12', ', which is earlier'],
    ['6.14.2-arch1-1', 'linux-6.12', ', which is later'],
    ['5.15.0-91-generic', 'linux-6.1', ', which is earlier'],
    ['4.9.186-perf', 'msm-4.4', ', which is later'],
    ['3.10.0', 'msm-4.4', ', which is earlier'],
    ['7.0.0', 'linux-6.18', ', which is later'],
  ])('%s', (release, kernel, how) => {
    const { kernel: fact } = inferSituation({ given: { release }, clues: null });
    expect(fact).toEqual({ value: kernel, evidence: { kind: 'option', what: `release ${release}${how}` } });
    expect(inferSituation({ given: { release, kernel: 'linux-6.1' }, clues: null }).kernel.value).toBe('linux-6.1');
  });

  it.each(['', 'six', '6', '6.x'])('«%s» is none', (text) => {
    expect(() => parseRelease(text)).toThrow(`--release: «${text}» is no release of a kernel`);
  });
});

describe('the kernel of a log', () => {
  const kernel = (log: string, given: GivenFacts = {}, map?: string): [string, string] => {
    const { kernel: fact } = situation(log, given, map);
    return [fact.value, 'what' in fact.evidence ? fact.evidence.what : ''];
  };
  const x86: GivenFacts = { architecture: 'x86-64' };
  const stack = '7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]\n';
  const special = (name: string, start: number, pages: number): string =>
    `${start.toString(16)}-${(start + pages * 4096).toString(16)} r--p 00000000 00:00 0                          [${name}]\n`;

  it.each([
    ['its release', 'uname({sysname="Linux", release="6.12.9-amd64"}) = 0\n', 'linux-6.12', /^uname: 6\.12\.9-amd64$/],
    ['a release between two profiles', 'uname({release="6.8.0-45-generic"}) = 0\n', 'linux-6.12', /which is earlier$/],
    [
      'a release before 2 MiB placement',
      'uname({release="5.15.0-91-generic"}) = 0\n',
      'linux-6.1',
      /5\.15\.0-91-generic, which is earlier$/,
    ],
    ['a release newer than all', 'uname({release="7.3.1"}) = 0\n', 'linux-6.18', /7\.3\.1, which is later$/],
    [
      'a flag that only newer ones know',
      'mmap(NULL, 4096, PROT_READ, MAP_DROPPABLE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7ff9000\n',
      'linux-6.18',
      /MAP_DROPPABLE, since 6\.11; linux-6\.12 fits as well, the newest is taken/,
    ],
    [
      'a call that only newer ones have',
      'mseal(0x7ffff7ff9000, 4096, 0) = 0\n',
      'linux-6.18',
      /mseal, a call that kernels have since 6\.10/,
    ],
    [
      'memory on a border of 2 MiB',
      `mmap(NULL, 4194304, ${ANON}) = 0x7ffff7800000\n`,
      'linux-6.18',
      /4 MiB lie at 0x7ffff7800000, on a border/,
    ],
    [
      'memory on none',
      `mmap(NULL, 4194304, ${ANON}) = 0x7ffff7bff000\n`,
      'linux-6.1',
      /4 MiB lie at 0x7ffff7bff000, on no border/,
    ],
    [
      'nothing',
      `mmap(NULL, 4096, ${ANON}) = 0x7ffff7ff9000\n`,
      'linux-6.18',
      /^linux-6\.1 and linux-6\.12 fit as well/,
    ],
  ])('is told by %s', (_how, log, name, what) => {
    const [value, read] = kernel(log, x86);
    expect([value, read]).toEqual([name, expect.stringMatching(what)]);
  });

  it('a call that does not exist there tells nothing', () => {
    expect(kernel('mseal(0x1000, 4096, 0) = -1 ENOSYS (Function not implemented)\n', x86)[1]).not.toContain('mseal');
  });

  it('what touches an aligned mapping is aligned on every kernel', () => {
    const log = `mmap(0x7ffff7800000, 4096, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x7ffff7800000\nmmap(NULL, 2097152, ${ANON}) = 0x7ffff7600000\n`;
    expect(kernel(log, x86)[1]).not.toContain('border');
  });

  it('without huge pages their borders tell nothing', () => {
    const given: GivenFacts = { ...x86, config: [['thp', false]] };
    expect(kernel(`mmap(NULL, 4194304, ${ANON}) = 0x7ffff7bff000\n`, given)[1]).not.toContain('border');
  });

  it.each([
    [
      'linux-6.18',
      special('vvar', 0x7ffff7ff5000, 4) + special('vvar_vclock', 0x7ffff7ff9000, 2),
      /vvar_vclock\], which newer/,
    ],
    [
      'linux-6.12',
      special('vvar', 0x7ffff7ff5000, 4) + special('vdso', 0x7ffff7ff9000, 2),
      /\[vvar\] without \[vvar_vclock\]; linux-6\.1 fits as well/,
    ],
    [
      'linux-6.1',
      special('vvar', 0x7ffff7ff5000, 4) +
        stack +
        special('vdso', 0x7ffffffff000, 2).replace('7ffffffff000-', '7ffffffff000-'),
      /above \[stack\]/,
    ],
  ])('the kernel of a map: %s', (name, map, what) => {
    const [value, read] = kernel('', { ...x86, vaBits: 56 }, map);
    expect([value, read]).toEqual([name, expect.stringMatching(what)]);
  });

  it('a bundle knows its release, an option wins', () => {
    expect(kernel('', { release: '6.1.0-18-amd64' })).toEqual(['linux-6.1', 'release 6.1.0-18-amd64']);
    expect(kernel('', { release: '6.1.0', kernel: 'msm-4.4' })[0]).toBe('msm-4.4');
  });

  it('other kernels that fit are kept, newest first', () => {
    expect(situation(`mmap(NULL, 4096, ${ANON}) = 0x7ffff7ff9000\n`).otherKernels).toEqual(['linux-6.12', 'linux-6.1']);
    expect(situation('').otherKernels).toEqual([]);
  });
});
