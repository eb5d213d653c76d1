import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { recording, straces, vmarea } from './cli.ts';

const PROGRAMS = ['bash_ls', 'busybox_static', 'cat', 'grep', 'perl', 'python3', 'sort', 'sqlite3'];
const folder = mkdtempSync(join(tmpdir(), 'vmarea-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const elf = join(straces, 'elf.json');
const log = (name: string): string => readFileSync(join(straces, `${name}.strace`), 'utf8');

describe('vmarea replay', () => {
  it.each(PROGRAMS.flatMap((name) => [`${name}.aslr-off`, `${name}.aslr-on`]))('%s: exit status 0', async (name) => {
    const { status, out, err } = await vmarea(recording(name));
    expect(err).toBe('');
    expect(out).toMatch(/agree with the real kernel/);
    expect(status).toBe(0);
  });

  it('prints no colours and no progress when nobody looks', async () => {
    const { out, err } = await vmarea(recording('cat.aslr-off'));
    expect(out).not.toContain('\u001b');
    expect(err).toBe('');
  });

  it('shuffled answers: exit status 1 at the first', async () => {
    const lines = log('cat.aslr-off').split('\n');
    const where = lines.flatMap((line, i) => (/ mmap\(NULL.*= 0x/.test(line) ? [i] : []));
    const answers = where.map((i) => lines[i]!.slice(lines[i]!.lastIndexOf('= ')));
    where.forEach((i, n) => {
      lines[i] = lines[i]!.slice(0, lines[i]!.lastIndexOf('= ')) + answers[(n + 1) % answers.length]!;
    });
    const first = where.find((i) => lines[i] !== log('cat.aslr-off').split('\n')[i])! + 1;
    const { status, out } = await vmarea(['replay', file('shuffled.strace', lines.join('\n')), '--elf', elf]);
    expect(status).toBe(1);
    expect(out).toContain(`line ${first}, process`);
    expect(out).toContain(`Differs: the answer at line ${first}.`);
  });

  it('a map that differs: exit status 1, and the line is marked', async () => {
    const maps = readFileSync(join(straces, 'cat.aslr-off.maps'), 'utf8').replace(' r-xp ', ' r--p ');
    const { status, out } = await vmarea([
      ...recording('cat.aslr-off').slice(0, 2),
      '--elf',
      elf,
      '--maps',
      file('other.maps', maps),
    ]);
    expect(status).toBe(1);
    expect(out).toMatch(/\n {2}< aaaaaaaa0000-.* r-xp .*\n {2}> aaaaaaaa0000-.* r--p .*\n {6}is r-xp, not r--p\n/);
  });

  it('--json prints one object, with maps as text', async () => {
    const { status, out } = await vmarea(recording('cat.aslr-off', '--json'));
    const { logs } = JSON.parse(out) as { logs: { verdict: string; map: { lines: string[] }; answers: object }[] };
    expect(status).toBe(0);
    expect(logs).toHaveLength(1);
    expect(logs[0]).toMatchObject({ verdict: 'agrees', answers: { unjudged: 0 } });
    expect(logs[0]!.map.lines.at(-1)).toMatch(/\[stack\]$/);
  });

  it('several logs, packed logs, standard input', async () => {
    const packed = file('cat.strace.gz', gzipSync(log('cat.aslr-off')));
    const two = await vmarea(['replay', packed, join(straces, 'sort.aslr-on.strace'), '--elf', elf, '--json']);
    expect((JSON.parse(two.out) as { logs: unknown[] }).logs).toHaveLength(2);
    const piped = await vmarea(['replay', '-', '--elf', elf], log('cat.aslr-off'));
    expect(piped.status).toBe(0);
  });

  it('the files of strace -ff', async () => {
    const parts = new Map<string, string[]>();
    for (const line of log('perl.aslr-off').split('\n')) {
      const match = /^(\d+) +(.*)$/.exec(line);
      if (match === null) continue;
      const lines = parts.get(match[1]!) ?? [];
      lines.push(match[2]!);
      parts.set(match[1]!, lines);
    }
    for (const [pid, lines] of parts) file(`parts.${pid}`, `${lines.join('\n')}\n`);
    const { status, out } = await vmarea([
      'replay',
      join(folder, 'parts'),
      '--elf',
      elf,
      '--maps',
      join(straces, 'perl.aslr-off.maps'),
    ]);
    expect(out.replaceAll(/\s+/g, ' ')).toContain('2 tasks (1 fork');
    expect(status).toBe(0);
  });

  it('a failing call is explained', async () => {
    const text = `${log('cat.aslr-off').split('\n').slice(0, 29).join('\n')}\n118   mmap(NULL, 0, PROT_READ, MAP_PRIVATE, 3, 0) = -1 EBADF (Bad file descriptor)\n118   mmap(NULL, 0, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 EINVAL (Invalid argument)\n`;
    const { status, out } = await vmarea(['replay', file('fails.strace', text), '--elf', elf]);
    expect(status).toBe(0);
    expect(out).toContain('do_mmap.zero_len: The length is 0; a mapping needs at least one byte');
    expect(out).toContain('What would change it:');
  });

  it('a log of another architecture is recognised by itself', async () => {
    const text = [
      'execve("/usr/bin/true", ["true"], 0x7ffd1c3b1a50 /* 20 vars */) = 0',
      'brk(NULL) = 0x55b6c2f4e000',
      'access("/etc/ld.so.preload", R_OK) = -1 ENOENT (No such file or directory)',
      'mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f2c1f9d6000',
      'exit_group(0) = ?',
      '+++ exited with 0 +++',
      '',
    ].join('\n');
    const { status, out } = await vmarea(['replay', file('x86.strace', text)]);
    expect(status).toBe(0);
    expect(out).toContain('Machine: x86-64 (line 3: access, a call that arm64 does not have)');
    expect(out).toContain('Nothing could be judged');
  });

  it('the size of the address space is read off the log', async () => {
    const text = [
      '9 execve("/x", ["x"], 0x1 /* 0 vars */) = 0',
      '9 brk(NULL) = 0x5f00b7d000',
      '9 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7c2f9d6000',
      '',
    ].join('\n');
    const { out } = await vmarea(['replay', file('android.strace', text), '--kernel', 'msm-4.4']);
    expect(out).toMatch(/39-bit addresses, 512 GiB \(line 3: .*msm-4\.4 \(--kernel msm-4\.4\)/s);
    const told = await vmarea(['replay', file('android.strace', text), '--va-bits', '48']);
    expect(told.out).toContain('48-bit addresses');
  });

  it('limits and sysctls hold', async () => {
    const small = await vmarea(recording('sort.aslr-off', '--rlimit', 'as=4m'));
    expect(small.status).toBe(1);
    expect(small.out).toContain('may_expand_vm.rlimit_as');
    const few = await vmarea(recording('sort.aslr-off', '--sysctl', 'vm.max_map_count=12'));
    expect(few.status).toBe(1);
    const kernel = await vmarea(recording('sort.aslr-off', '--kernel', 'msm-4.4'));
    expect(kernel.status).toBe(1);
  });

  it('every kernel sysctl and meminfo may be given', async () => {
    const meminfo = file('meminfo', 'MemTotal: 2000000 kB\nMemFree: 1000000 kB\nSwapTotal: 0 kB\n');
    const { status } = await vmarea(
      recording('sort.aslr-off', '--meminfo', meminfo, '--sysctl', 'vm.overcommit_memory=0', '--capabilities', 'all'),
    );
    expect(status).toBe(0);
  });
});

describe('vmarea replay --sysroot', () => {
  it('finds programs, loaders, links and scripts below it', async () => {
    const root = join(folder, 'root');
    mkdirSync(join(root, 'usr/bin'), { recursive: true });
    writeFileSync(join(root, 'usr/bin/script'), '#!/usr/bin/none -x\n');
    symlinkSync('/usr/bin', join(root, 'bin'));
    const text = 'execve("/bin/script", ["script"], 0x1 /* 1 var */) = 0\nbrk(NULL) = 0xaaaadc30b000\n';
    const { status, out } = await vmarea(['replay', file('script.strace', text), '--sysroot', root]);
    expect(status).toBe(0);
    expect(out.replaceAll(/\s+/g, ' ')).toContain('there are no ELF headers of /usr/bin/none');
  });
});

describe('usage errors', () => {
  const good = recording('cat.aslr-off');
  it.each([
    [[], /Replay of/, 0],
    [['nothing'], /does not exist, and is no command/, 2],
    [['replay'], /missing required argument 'LOG'/, 2],
    [['replay', '/no/such/file'], /no such file/i, 2],
    [['replay', straces], /EISDIR/, 2],
    [[...good, '--bogus'], /unknown option '--bogus'/, 2],
    [[...good, '--kernel', 'linux-2.4'], /--kernel: «linux-2.4» is none of .*linux-6.1/, 2],
    [[...good, '--aslr', 'maybe'], /--aslr: «maybe» is none of auto, on, off/, 2],
    [[...good, '--va-bits', '12'], /--va-bits 12: arm64 with 4 KiB pages has 39 or 48 address bits/, 2],
    [[...good, '--page-size', 'huge'], /--page-size: «huge»/, 2],
    [[...good, '--pid', '-1'], /--pid: «-1» is no whole number/, 2],
    [[...good, '--at', '0'], /--at: «0» is no whole number from 1 on/, 2],
    [[...good, '--rlimit', 'as'], /--rlimit: «as» is not NAME=SOFT/, 2],
    [[...good, '--rlimit', 'bs=1'], /--rlimit: there is no limit «bs»/, 2],
    [[...good, '--rlimit', 'as=2:1'], /the soft limit is above the hard one/, 2],
    [[...good, '--sysctl', 'vm.nothing=1'], /--sysctl: there is no «vm.nothing»; there are .*vm.max_map_count/, 2],
    [[...good, '--sysctl', 'vm.max_map_count=x'], /--sysctl vm.max_map_count: «x» is no number/, 2],
    [[...good, '--capabilities', 'fly'], /--capabilities: «fly» is no capability/, 2],
    [[...good, '--meminfo', elf], /has no line «MemTotal: N kB»/, 2],
    [[...good, '--sysroot', folder], /--sysroot and --elf: give one of them/, 2],
    [['replay', good[1]!, '--sysroot', elf], /--sysroot: .* is no directory/, 2],
    [['replay', good[1]!, '--elf', good[1]!], /--elf: .*: it is not JSON/, 2],
    [['replay', good[1]!, '--maps', elf], /--maps: .* has no line of/, 2],
    [['replay', elf], /is no log of strace: line 1/, 2],
    [['replay', good[1]!, good[1]!, '--maps', good[3]!], /--maps: a map belongs to one log/, 2],
    [['elf-headers', elf], /it is not an ELF file/, 2],
    [['elf-headers', '/no/such/file'], /cannot be read/, 2],
  ] as const)('%#: %j', async (args, message, status) => {
    const ran = await vmarea([...args]);
    expect(`${ran.out}${ran.err}`).toMatch(message);
    expect(ran.status).toBe(status);
  });

  it.each([
    [['--help']],
    [['replay', '--help']],
    [['elf-headers', '--help']],
    [['demo', '--help']],
    [['help', 'replay']],
  ])('%j tells the exit statuses', async (args) => {
    const ran = await vmarea(args);
    expect(ran.status).toBe(0);
    expect(ran.out).toContain('Exit status:');
  });
});

describe('vmarea elf-headers', () => {
  it('makes what replay --elf reads, from the program that runs this test', async () => {
    const out = join(folder, 'headers.json');
    const ran = await vmarea(['elf-headers', process.execPath, '--output', out]);
    expect(ran).toEqual({ status: 0, out: '', err: '' });
    const headers = JSON.parse(readFileSync(out, 'utf8')) as { files: Record<string, { phdrs: unknown[] }> };
    expect(headers.files[process.execPath]!.phdrs.length).toBeGreaterThan(2);
    const text = `execve("${process.execPath}", ["node"], 0x1 /* 1 var */) = 0\n`;
    expect((await vmarea(['replay', file('node.strace', text), '--elf', out])).status).toBe(0);
  });
});

describe('the recording that comes along', () => {
  it('is that of conformance', () => {
    const own = (name: string): string => readFileSync(join(import.meta.dirname, '../recordings', name), 'utf8');
    expect(own('python3.strace')).toBe(log('python3.aslr-off'));
    expect(own('python3.maps')).toBe(readFileSync(join(straces, 'python3.aslr-off.maps'), 'utf8'));
  });

  it('is what the command without arguments replays', async () => {
    const alone = await vmarea([]);
    expect(alone).toEqual(await vmarea(['demo']));
    expect(alone.out).toContain('345 of 345');
  });
});

it('the README of the repository shows what the demo prints', async () => {
  const readme = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8');
  const sample = /```console\n([^]*?)```/.exec(readme)![1]!;
  const { out } = await vmarea(['demo']);
  let at = 0;
  for (const part of sample.split('  …\n')) {
    const found = out.indexOf(part, at);
    expect(found, part).toBeGreaterThanOrEqual(at);
    at = found + part.length;
  }
});

describe('which kernel', () => {
  const log = (name: string): string => join(straces, `${name}.strace`);
  const elf = ['--elf', join(straces, 'elf.json')];
  const flat = (text: string): string => text.replaceAll(/\s+/g, ' ');

  it('where the newest differs, the older one that agrees is taken, and the report says where it shows', async () => {
    const { out, status } = await vmarea(['replay', log('sort.aslr-off'), ...elf]);
    expect(status).toBe(0);
    expect(flat(out)).toContain('linux-6.1 (line 3: linux-6.18 answers otherwise there).');
    const read = readFileSync(log('sort.aslr-off'), 'utf8');
    const piped = await vmarea(['replay', '-', ...elf], read);
    expect(flat(piped.out)).toContain('linux-6.1 (line 3: linux-6.18 answers otherwise there).');
  });

  it('where several agree, the newest is taken, and the report says so', async () => {
    const read = readFileSync(log('sort.aslr-off'), 'utf8').split('\n').slice(60).join('\n');
    const { out, status } = await vmarea(['replay', '-', ...elf], read);
    expect(status).toBe(0);
    expect(flat(out)).toContain('linux-6.18 (assumed: linux-6.1 and linux-6.12 fit as well, the newest is taken)');
  });

  it('several are compared: the first call that differs for each', async () => {
    const { out, status } = await vmarea(['replay', log('sort.aslr-off'), ...elf, '--kernel', '6.1,6.12']);
    expect(status).toBe(0);
    expect(out).toMatch(/^sort\.aslr-off\.strace: Only linux-6\.1 explains the log\.\n/);
    expect(flat(out)).toContain('linux-6.1 agrees, 60 of 60 memory calls judged');
    expect(flat(out)).toMatch(
      /linux-6\.12 differs first at line 3: mmap\(NULL, 8192, .*: the log says 0xfffff7ff7000, this kernel 0xfffff7ff6000/,
    );
    const none = await vmarea(['replay', log('sort.aslr-off'), ...elf, '--kernel', '6.12,6.18', '--json']);
    expect(none.status).toBe(1);
    const { logs } = JSON.parse(none.out) as {
      logs: { kernels: { kernel: string; difference: { line: number } }[] }[];
    };
    expect(logs[0]!.kernels.map(({ kernel, difference }) => [kernel, difference.line])).toEqual([
      ['linux-6.12', 3],
      ['linux-6.18', 3],
    ]);
    const wrong = await vmarea(['replay', log('sort.aslr-off'), '--kernel', '6.1,9']);
    expect([wrong.status, wrong.err]).toEqual([2, expect.stringContaining('«9» is none of') as unknown]);
  });
});
