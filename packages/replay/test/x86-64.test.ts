/** Logs of real programs on x86-64: what the kernels of three versions answered is predicted, address by address. */
import { describe, expect, it } from 'vitest';
import type { ElfProgramHeader } from '@vmarea/kernel';
import { parseMounts } from '@vmarea/situation';
import { formatMaps } from '@vmarea/strace';
import { NO_PROGRAMS, type ReplayReport } from '../src/index.ts';
import { logText, PROGRAMS, programsOf, realMap, realMapText, replayLog, SETS } from './x86-64.ts';

describe.each(SETS)('%s', (set, kernel) => {
  it.each(PROGRAMS)('every answer and the map of %s are predicted when addresses are not random', (program) => {
    const name = `${program}.aslr-off`;
    const report = replayLog(set, logText(set, name), { kernel }, { maps: realMap(set, name) });
    expect(report.difference).toBeNull();
    expect(report.answers).toMatchObject({ reproduced: report.answers.replayed, unjudged: 0 });
    expect(report.map?.comparison?.different).toBe(0);
    expect(report.notes.assumed.count).toBe(0);
    expect(report.machine).toMatchObject({ randomized: false, addresses: 'predicted' });
    expect(report.situation.architecture.value).toBe('x86-64');
    // The map is the real one byte for byte.
    expect(formatMaps(report.map!.lines)).toBe(realMapText(set, name));
  });

  it.each(PROGRAMS)('every answer of %s is one that the kernel could have given at random addresses', (program) => {
    const name = `${program}.aslr-on`;
    const report = replayLog(set, logText(set, name), { kernel }, { maps: realMap(set, name) });
    expect(report.difference).toBeNull();
    // The first free mapping and the first break of each program tell where it is. A Go program asks for no break.
    const told = 2 * report.processes.execs - (program === 'go_reserve' ? 1 : 0);
    expect(report.answers.unjudged).toBe(told);
    expect(report.answers.reproduced).toBe(report.answers.replayed - told);
    expect(report.map?.comparison?.different).toBe(0);
    expect(report.machine).toMatchObject({ randomized: true, addresses: 'predicted' });
    expect(formatMaps(report.map!.lines)).toBe(realMapText(set, name));
  });

  it('a single address that is wrong by one page is found, wherever it is', () => {
    const lines = logText(set, 'cat.aslr-off').split('\n');
    let wrong = 0;
    for (const [index, line] of lines.entries()) {
      const match = /^(.*(?:mmap|brk)\(.*= 0x)([0-9a-f]+)$/.exec(line);
      if (match === null) continue;
      const changed = [...lines];
      changed[index] = `${match[1]!}${(parseInt(match[2]!, 16) - 4096).toString(16)}`;
      const report = replayLog(set, changed.join('\n'), { kernel, aslr: 'off' });
      expect(report.difference?.line).toBe(index + 1);
      wrong++;
    }
    expect(wrong).toBeGreaterThan(20);
  });

  it('a log may end after any line', () => {
    const lines = logText(set, 'perl.aslr-on').split('\n');
    for (let end = 0; end <= lines.length; end += 5) {
      const report = replayLog(set, `${lines.slice(0, end).join('\n')}\n`, { kernel, architecture: 'x86-64' });
      expect(report.difference).toBeNull();
    }
  });
});

describe('x86-64', () => {
  it('the order that was taken of two overlapping calls is said', () => {
    const report = replayLog('linux-6.12-x86-64', logText('linux-6.12-x86-64', 'node.aslr-off'), {
      kernel: 'linux-6.12',
    });
    expect(report.notes.info.notes.map(({ line, text }) => [line, text])).toEqual([
      [570, expect.stringMatching(/it overlapped mmap of thread 390 \(line 566\), taken to have come first/)],
    ]);
  });

  it('6.12 places a multiple of 2 MiB at such a border, and 6.1 does not', () => {
    const name = 'node.aslr-off';
    const other = replayLog('linux-6.12-x86-64', logText('linux-6.12-x86-64', name), { kernel: 'linux-6.1' });
    expect(other.difference?.explanation).toBe('The search for 32768 free pages ends at another place.');
  });

  it('[vdso] of a random 6.1 lies above the stack: without the map its place is assumed, and takes none below', () => {
    const report = replayLog('linux-6.1-x86-64', logText('linux-6.1-x86-64', 'cat.aslr-on'), { kernel: 'linux-6.1' });
    expect(report.difference).toBeNull();
    const lines = report.map!.lines;
    const stack = lines.find(({ name }) => name === '[stack]')!;
    expect(lines.filter(({ start }) => start >= stack.end).map(({ name }) => name)).toEqual([
      '[vvar]',
      '[vdso]',
      '[vsyscall]',
    ]);
    expect(report.notes.assumed.notes.map(({ text }) => text)).toEqual([
      'the stack of /usr/bin/env: taken as displaced by 2 MiB, with [vdso] above it',
      'the stack of /bin/cat: taken as displaced by 2 MiB, with [vdso] above it',
    ]);
  });

  it('the last line of a map says how the kernel was booted; it is not predicted', () => {
    const maps = realMap('linux-6.12-x86-64', 'cat.aslr-off');
    const gate = { ...maps[0]!, start: 2 ** 64 - 0xa00000, end: 2 ** 64 - 0x9ff000, name: '[vsyscall]' };
    const mode = (lines: typeof maps): string[] => {
      const text = logText('linux-6.12-x86-64', 'cat.aslr-off');
      const report = replayLog('linux-6.12-x86-64', text, { kernel: 'linux-6.12' }, { maps: lines });
      expect(report.map?.comparison?.different).toBe(0);
      const last = report.map!.lines.at(-1)!;
      return [report.situation.vsyscall.value, last.name];
    };
    expect(mode(maps)).toEqual(['none', '[stack]']);
    const shown = { offset: 0, major: 0, minor: 0, inode: 0, shared: false, write: false, exec: true };
    expect(mode([...maps, { ...gate, ...shown, read: false }])).toEqual(['xonly', '[vsyscall]']);
    expect(mode([...maps, { ...gate, ...shown, read: true }])).toEqual(['emulate', '[vsyscall]']);
  });

  it.each([
    [{ machine: 3, bits: 32 }, /\/bin\/cat is a 32-bit program \(EM_386\), and 32-bit programs are out of scope/],
    // x32: 64-bit registers, 32-bit addresses.
    [{ machine: 62, bits: 32 }, /\/bin\/cat is a 32-bit program \(EM_X86_64\), and 32-bit programs are out of scope/],
    [{ machine: 183, bits: 64 }, /\/bin\/cat is a program for EM_AARCH64, not for the EM_X86_64 of this replay/],
  ] as const)('a program of another machine is named: %j', (kind, said) => {
    const elf = { ...kind, path: '/bin/cat', type: 2, entry: 0, size: 0, interp: null, phdrs: [] };
    const programs = { ...NO_PROGRAMS, headers: () => elf };
    const text = logText('linux-6.1-x86-64', 'cat.aslr-off').split('\n').slice(38, 60).join('\n');
    const report = replayLog('linux-6.1-x86-64', text, { kernel: 'linux-6.1' }, { programs });
    expect(report.notes.assumed.notes[0]?.text).toMatch(said);
    expect(report.verdict).toBe('agrees');
  });
});

describe('where large files go', () => {
  const set = 'linux-6.12-x86-64';
  const text = logText(set, 'node.aslr-off');
  const facts = { kernel: 'linux-6.12' } as const;

  it('the log shows that its root is no file system that aligns (it was ramfs)', () => {
    const report = replayLog(set, text, facts);
    expect(report.verdict).toBe('agrees');
    expect(report.learned).toEqual([
      'files of 2 MiB and more below / are placed at any page, as on tmpfs and overlay: line 88, mmap(NULL, 2201728, PROT_READ, MAP_PRIVATE|MAP_DENYWRITE, 3, 0)',
    ]);
    expect(report.situation.mounts.get('/')).toEqual({
      value: 'page',
      evidence: { kind: 'log', line: 88, what: 'where /usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30 was mapped' },
    });
  });

  it('what an option tells is not corrected', () => {
    expect(replayLog(set, text, { ...facts, mounts: parseMounts('/=overlay') })).toMatchObject({
      verdict: 'agrees',
      learned: [],
    });
    const other = replayLog(set, text, { ...facts, mounts: parseMounts('/=ext4') });
    expect(other.difference?.line).toBe(88);
  });

  /** A program that has begun, and maps files of 2 MiB and a page. */
  const begun = logText(set, 'cat.aslr-off').split('\n').slice(0, 60);
  const pid = begun[0]!.split(' ')[0]!;
  const call = (line: string): string => `${pid.padEnd(5)} ${line}`;
  const mapped = (path: string, fd: number, at: number): string[] => [
    call(`openat(AT_FDCWD, "${path}", O_RDONLY) = ${fd}`),
    call(`mmap(NULL, 2101248, PROT_READ, MAP_PRIVATE, ${fd}, 0) = 0x${at.toString(16)}`),
  ];
  const MIB = 2 ** 20;
  const of = (lines: readonly string[]): ReplayReport => replayLog(set, `${lines.join('\n')}\n`, facts);

  it('a mapping that is congruent to 2 MiB confirms it, and one that is not shows a mount of its own', () => {
    const before = replayLog(set, begun.join('\n'), facts);
    const lowest = before.map!.lines.find(({ start, name }) => start > 0x7fff00000000 && name !== '[stack]')!.start;
    const placed = Math.ceil((lowest - 2101248 - 2 * MIB) / (2 * MIB)) * 2 * MIB;
    const plain = placed - 2101248;
    const log = [...begun.filter((line) => line !== ''), ...mapped('/usr/lib/big', 70, placed)];
    const first = of(log);
    expect(first.verdict).toBe('agrees');
    expect(first.learned).toEqual([]);
    expect(first.situation.mounts.get('/')).toMatchObject({ value: 'huge', evidence: { kind: 'log' } });
    // Below it is room for what is not aligned.
    const second = of([...log, ...mapped('/tmp/x/big', 71, plain)]);
    expect(second.verdict).toBe('agrees');
    expect(second.situation.mounts.get('/tmp/x')).toMatchObject({ value: 'page', evidence: { kind: 'log' } });
    expect(second.situation.mounts.get('/')?.value).toBe('huge');
    // Neither of the two.
    const third = of([...log, ...mapped('/tmp/x/big', 71, plain - 4096)]);
    expect(third.difference?.line).toBe(log.length + 2);
  });
});

describe('programs and names', () => {
  const set = 'linux-6.12-x86-64';
  const facts = { kernel: 'linux-6.12', aslr: 'off' } as const;
  const text = logText(set, 'cat.aslr-off');
  const started = text.split('\n').slice(38);
  const programs = programsOf(set);

  it('children that end leave their program as executable as it was', () => {
    const pid = started[0]!.split(' ')[0]!.padEnd(5);
    const forks = [900, 901, 902].flatMap((child) => [
      `${pid} clone(child_stack=NULL, flags=SIGCHLD) = ${child}`,
      `${child}   +++ exited with 0 +++`,
    ]);
    const again = [started[0]!, ...forks, ...started];
    const report = replayLog(set, again.join('\n'), facts);
    expect(report.notes.assumed.notes).toEqual([]);
    expect(report.answers).toMatchObject({ unjudged: 0, reproduced: report.answers.replayed });
  });

  it('a script is run by the interpreter that its first line names', () => {
    const log = started.join('\n').replace('execve("/bin/cat"', 'execve("/usr/bin/script"');
    const scripts = { ...programs, script: (path: string) => (path === '/usr/bin/script' ? '/bin/cat' : null) };
    expect(replayLog(set, log, facts, { programs: scripts }).answers.unjudged).toBe(0);
    expect(replayLog(set, log, facts).notes.assumed.notes[0]?.text).toMatch(/no ELF headers of \/usr\/bin\/script/);
  });

  it('a relative path is seen from the directory in which the program began', () => {
    const log = started.join('\n').replace('execve("/bin/cat"', 'execve("./cat"');
    expect(replayLog(set, log, facts, { cwd: '/bin' }).answers.unjudged).toBe(0);
    expect(replayLog(set, log, facts).notes.assumed.notes[0]?.text).toMatch(/its path is relative/);
  });

  it.each([
    ['/usr/lib/x86_64-linux-gnu/libc.so.6', 0],
    ['/lib/x86_64-linux-gnu/libc-2.36.so', 0],
    ['/lib/x86_64-linux-gnu/libc.so.6.0.1', 0],
    ['/lib/x86_64-linux-gnu/libcap.so.2', 5],
    ['/opt/x86_64-linux-gnu/libc.so.6', 5],
  ])('libc.so.6 may be shown as %s', (shown, different) => {
    const maps = realMap(set, 'cat.aslr-off').map((line) =>
      line.name === '/lib/x86_64-linux-gnu/libc.so.6' ? { ...line, name: shown } : line,
    );
    expect(replayLog(set, text, facts, { maps }).map?.comparison?.different).toBe(different);
  });

  it('a real map is compared with the moment that it is like: a look at it in the log, or the exit', () => {
    const last = text.split('\n').findLast((line) => line.includes('exit_group'))!;
    const pid = last.split(' ')[0]!.padEnd(5);
    const more = `${pid} mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7ddc000`;
    const log = text.replace(last, `${more}\n${last}`);
    const maps = realMap(set, 'cat.aslr-off');
    const read = replayLog(set, log, facts, { maps });
    expect([read.map?.moment, read.map?.comparison?.different]).toEqual(['when /proc/self/maps was read', 0]);
    const whole = replayLog(set, log.replaceAll('/proc/self/maps', '/proc/none'), facts);
    const atExit = replayLog(set, log, facts, { maps: whole.map!.lines });
    expect([atExit.map?.moment, atExit.map?.comparison?.different]).toEqual(['at its exit', 0]);
  });
});

describe('a static PIE', () => {
  const load = (
    type: number,
    flags: number,
    offset: number,
    vaddr: number,
    filesz: number,
    memsz: number,
  ): ElfProgramHeader => ({ type, flags, offset, vaddr, filesz, memsz, align: 0x1000 });
  const elf = {
    path: '/tmp/sp',
    type: 3,
    machine: 62,
    bits: 64,
    entry: 0x95f0,
    size: 900_000,
    interp: null,
    phdrs: [
      load(1, 4, 0, 0, 0x8020, 0x8020),
      load(1, 5, 0x9000, 0x9000, 0x78d01, 0x78d01),
      load(1, 4, 0x82000, 0x82000, 0x29282, 0x29282),
      load(1, 6, 0xab518, 0xac518, 0x5d58, 0xb528),
      load(0x6474e551, 6, 0, 0, 0, 0),
    ],
  } as const;
  const programs = { ...NO_PROGRAMS, headers: (path: string) => (path === '/tmp/sp' ? elf : null) };

  it('lies below mmap_base, and its heap where others are (6.18, as its /proc/self/maps showed)', () => {
    const log = [
      '10    execve("/tmp/sp", ["sp"], 0x7ffd0f576238 /* 3 vars */) = 0',
      '10    brk(NULL) = 0x555555555000',
      '10    brk(0x555555555d00) = 0x555555555d00',
      '10    brk(0x555555577000) = 0x555555577000',
      '10    mprotect(0x7ffff7ff3000, 16384, PROT_READ) = 0',
      '10    exit_group(0) = ?',
      '10    +++ exited with 0 +++',
      '',
    ].join('\n');
    const report = replayLog('host-6.18-x86-64', log, { kernel: 'linux-6.18', architecture: 'x86-64' }, { programs });
    expect(report.difference).toBeNull();
    expect(report.machine.randomized).toBe(false);
    const shown = formatMaps(report.map!.lines)
      .split('\n')
      .map((line) => line.replace(/ [0-9]{2}:[0-9]{2} [0-9]+ */, ' ').trimEnd());
    expect(shown).toEqual([
      '555555555000-555555577000 rw-p 00000000 [heap]',
      '7ffff7f3f000-7ffff7f43000 r--p 00000000 [vvar]',
      '7ffff7f43000-7ffff7f45000 r--p 00000000 [vvar_vclock]',
      '7ffff7f45000-7ffff7f47000 r-xp 00000000 [vdso]',
      '7ffff7f47000-7ffff7f50000 r--p 00000000 /tmp/sp',
      '7ffff7f50000-7ffff7fc9000 r-xp 00009000 /tmp/sp',
      '7ffff7fc9000-7ffff7ff3000 r--p 00082000 /tmp/sp',
      '7ffff7ff3000-7ffff7ff7000 r--p 000ab000 /tmp/sp',
      '7ffff7ff7000-7ffff7ffa000 rw-p 000af000 /tmp/sp',
      '7ffff7ffa000-7ffff7fff000 rw-p 00000000',
      '7ffffffde000-7ffffffff000 rw-p 00000000 [stack]',
      'ffffffffff600000-ffffffffff601000 --xp 00000000 [vsyscall]',
      '',
    ]);
  });
});
