// The dialects of strace: one small program with threads, forks, signals and files, logged with many options, and pieces
// of logs of other versions and machines.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as uapi from '@vmarea/uapi';
import {
  type Call,
  CallDecoder,
  type LogEvent,
  LogParser,
  LogWriter,
  formatResult,
  type Op,
  parseLog,
} from '@vmarea/strace';
import { findLogParts, readLogFile, readLogParts } from '@vmarea/strace/node';

const read = (name: string): string => readFileSync(new URL(`logs/${name}`, import.meta.url), 'utf8');
const path = (name: string): string => new URL(`logs/${name}`, import.meta.url).pathname;

function parse(text: string): { events: LogEvent[]; parser: LogParser } {
  const events: LogEvent[] = [];
  const parser = new LogParser();
  parser.push(text, (event) => events.push(event));
  parser.end((event) => events.push(event));
  return { events, parser };
}

function calls(events: readonly LogEvent[], name: string): Call[] {
  return events.flatMap((event) => (event.type === 'call' && event.call.name === name ? [event.call] : []));
}

function decoded(text: string): Op {
  const events = parseLog(text);
  const event = events[events.length - 1]!;
  if (event.type !== 'call') throw new Error(`${event.type}: ${text}`);
  const op = new CallDecoder().decode(event.call);
  if (op === null) throw new Error(`not decoded: ${text}`);
  return op;
}

const whole = ['terminal', 'yy-tt-i', 'y-r', 'ttt-T', 'raw-all', 'decode-pids-n'];

describe('one program under many options', () => {
  it.each([...whole, 'x-raw', 'x-verbose', 'xx', 'k', 'thread-exec', 'odd-arguments'])(
    '%s: no line is strange',
    (name) => {
      const { events } = parse(read(`${name}.strace`));
      expect(events.filter((event) => event.type === 'strange')).toEqual([]);
    },
  );

  it.each(whole)('%s: tells who forked whom and how they ended', (name) => {
    const { events } = parse(read(`${name}.strace`));
    const decoder = new CallDecoder('x86_64');
    const children = events.flatMap((event) => {
      if (event.type !== 'call') return [];
      const op = decoder.decode(event.call);
      if (op?.op === 'fork') return [op.child];
      // Undecoded, clone3 shows only the address of its struct.
      return op?.op === 'undecoded' ? [event.call.ret] : [];
    });
    expect(children).toHaveLength(8);
    expect(new Set(children).size).toBe(8);
    const main = events[0]!.pid;
    for (const event of events) expect([main, ...children]).toContain(event.pid);
    const ends = events.flatMap((event) =>
      event.type === 'exited' ? [String(event.status)] : event.type === 'killed' ? [event.name] : [],
    );
    expect(ends.sort()).toEqual(['0', '0', '0', '0', '1', '14', '3', 'SIGKILL', 'SIGSEGV']);
    const fault = events.find((event) => event.type === 'signal' && event.name === 'SIGSEGV');
    expect(fault).toMatchObject({ signal: 11, code: 1, addr: 0x1234, stopped: false });
  });

  it.each(['terminal', 'yy-tt-i', 'y-r', 'ttt-T', 'raw-all', 'x-raw', 'x-verbose'])(
    '%s: means the same calls',
    (name) => {
      const { events } = parse(read(`${name}.strace`));
      const decoder = new CallDecoder('x86_64');
      const ops = events.flatMap((event) => (event.type === 'call' ? [decoder.decode(event.call)] : []));
      const maps = ops.flatMap((op) => (op?.op === 'mmap' ? [op] : []));
      expect(maps[0]).toMatchObject({ addr: 0, len: 8192, prot: 3, flags: 0x22, fd: -1, offset: 0 });
      expect(maps.some((op) => op.flags === 0x812 && op.prot === 5 && op.fd === 3 && op.offset === 0x26000)).toBe(true);
      // A stack for a thread.
      expect(maps.some((op) => op.flags === 0x20022 && op.prot === 0 && op.len === 8392704)).toBe(true);
      const opens = ops.flatMap((op) => (op?.op === 'open' ? [op] : []));
      expect(opens[0]!.flags).toBe(0o2000000);
    },
  );

  it('keeps the place of an entry whose return comes later', () => {
    const { events } = parse(read('terminal.strace'));
    const entries = events.filter((event) => event.type === 'entry');
    for (const entry of entries) {
      const at = events.findIndex((event) => event.type === 'call' && event.call === entry.call);
      expect(at).toBeGreaterThan(events.indexOf(entry));
      expect(entry.call.entryLine).toBeLessThan(entry.call.line);
      expect(entry.call.split).toBe(true);
    }
    const vfork = calls(events, 'vfork')[0]!;
    const child = events.findIndex((event) => event.pid === vfork.ret);
    const entered = events.findIndex((event) => event.type === 'entry' && event.call === vfork);
    expect(entered).toBeGreaterThan(0);
    expect(child).toBeGreaterThan(entered);
    expect(child).toBeLessThan(events.findIndex((event) => event.type === 'call' && event.call === vfork));
  });

  it('knows the first task of a terminal by the pid that it gets later', () => {
    const { events, parser } = parse(read('terminal.strace'));
    expect(parser.mainPid).toBe(18684);
    expect(events.some((event) => event.pid === 18684)).toBe(false);
    expect(events[events.length - 1]).toMatchObject({ type: 'exited', pid: 0, status: 14 });
  });

  it('reads descriptors with -y and -yy', () => {
    const { events } = parse(read('yy-tt-i.strace'));
    const decoder = new CallDecoder('x86_64');
    const ops = events.flatMap((event) => (event.type === 'call' ? [decoder.decode(event.call)] : []));
    expect(ops).toContainEqual(expect.objectContaining({ op: 'mmap', fd: 8, path: '/memfd:mm' }));
    const awkward = ops.flatMap((op) => (op?.op === 'open' && op.path === '/tmp/work/x>y,(z' ? [op] : []));
    expect(awkward[0]!.opened).toEqual({ fd: 12, path: '/tmp/work/x>y,(z', deleted: false });
    const writes = ops.flatMap((op) => (op?.op === 'write' ? [op] : []));
    expect(writes[writes.length - 1]!.file).toEqual({ fd: 12, path: '/tmp/work/x>y,(z', deleted: true });
    const pipes = ops.flatMap((op) => (op?.op === 'pipe' && op.kind === 'pipe' ? [op.fds] : []));
    expect(pipes[0]!.map((end) => end.fd)).toEqual([6, 7]);
    expect(pipes[0]![0].path).toMatch(/^pipe:\[\d+\]$/);
    expect(ops).toContainEqual(
      expect.objectContaining({ op: 'dup', to: expect.objectContaining({ fd: 9 }) as unknown }),
    );
    expect(events[1]).toMatchObject({ call: { ip: expect.stringMatching(/^0000/) as unknown } });
  });

  it('reads time stamps and durations', () => {
    const { events } = parse(read('ttt-T.strace'));
    for (const event of events) {
      if (event.type === 'call') expect(event.call.time).toMatch(/^[0-9]{10}\.[0-9]{6}$/);
    }
    expect(calls(events, 'brk')[0]!.elapsed).toMatch(/^0\.[0-9]{6}$/);
    expect(calls(events, 'brk')[0]!.result).not.toContain('<');
  });

  it('lets exec by a thread return as the leader', () => {
    const { events } = parse(read('thread-exec.strace'));
    const superseded = events.find((event) => event.type === 'superseded')!;
    const exec = calls(events, 'execve')[1]!;
    expect(exec).toMatchObject({ pid: superseded.pid, entryPid: superseded.by, ret: 0 });
  });
});

describe('the files of -ff', () => {
  it('without time stamps: a child stands behind its fork', async () => {
    const parts = await findLogParts(path('ff/tasks'));
    expect(parts).toHaveLength(9);
    const events = await readLogParts(parts);
    const seen = new Set<number>([parts[0]!.pid]);
    for (const event of events) {
      expect(seen).toContain(event.pid);
      if (event.type === 'call' && /^(clone|clone3|vfork|fork)$/.test(event.call.name)) seen.add(event.call.ret!);
    }
    expect(seen.size).toBe(9);
  });

  it('with time stamps: in the order of time', async () => {
    const events = await readLogParts(await findLogParts(path('ff-time/tasks')));
    let last = 0;
    for (const event of events) {
      if (event.type !== 'call') continue;
      expect(Number(event.call.time)).toBeGreaterThanOrEqual(last);
      last = Number(event.call.time);
    }
    expect(events.filter((event) => event.type === 'entry').length).toBe(8);
  });

  it('streams a file', async () => {
    const events: LogEvent[] = [];
    let bytes = 0;
    const options = { onProgress: (read: number): void => void (bytes = read) };
    for await (const event of readLogFile(path('thread-exec.strace'), options)) events.push(event);
    expect(events).toEqual(parseLog(read('thread-exec.strace')));
    expect(bytes).toBe(read('thread-exec.strace').length);
  });

  it('says which file cannot be read', async () => {
    const reading = async (): Promise<void> => {
      for await (const event of readLogFile(path('none.strace.gz'))) expect(event).toBeUndefined();
    };
    await expect(reading()).rejects.toThrow(/ENOENT.*none\.strace\.gz/);
  });
});

describe('other versions and machines', () => {
  it('reads 4.8 on a 32-bit machine', () => {
    const { events } = parse(read('strace-4.8-i386.strace'));
    expect(events.filter((event) => event.type === 'strange')).toEqual([]);
    const decoder = new CallDecoder('i386');
    const maps = calls(events, 'mmap2').map((call) => decoder.decode(call));
    // The same mapping, its offset printed in bytes and in pages.
    expect(maps[3]).toMatchObject({ op: 'mmap', offset: 0x1a9000 });
    expect(maps[4]).toMatchObject({ op: 'mmap', offset: 0x1a9000 });
    expect(decoder.decode(calls(events, 'clone')[0]!)).toMatchObject({ op: 'fork', child: 2002, exitSignal: 17 });
    expect(decoder.decode(calls(events, 'getrlimit')[0]!)).toMatchObject({
      op: 'rlimit',
      resource: 3,
      set: null,
      was: { soft: 8192 * 1024, hard: Infinity },
    });
    expect(calls(events, 'read')[0]).toMatchObject({ ret: null, errno: 512 });
    expect(events.find((event) => event.type === 'signal')).toMatchObject({ name: 'SIGCHLD', signal: 17, code: null });
  });
});

describe('lines that are not what they should be', () => {
  it('are reported with number and reason, and change nothing', () => {
    const { events } = parse(
      'brk(NULL) = 0x1000\nrubbish\nmmap(NULL, 4096\nbrk(0x2000)\nbrk(NULL) = what\n<... read resumed>) = 1\nbrk(NULL) = 0x1000\n\n',
    );
    expect(events.map((event) => (event.type === 'strange' ? [event.line, event.reason] : event.type))).toEqual([
      'call',
      [2, 'it is not a line of strace'],
      [3, 'its call has no closing parenthesis'],
      [4, 'its call has no result'],
      [5, 'its result is not understood'],
      [6, 'it resumes a call that was never begun'],
      'call',
    ]);
  });

  it('counts a call as entered when the log is cut in its result', () => {
    const { events } = parse('1 brk(NULL) = 0x1000\n1 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0) = 0xffff8');
    expect(events.map((event) => event.type)).toEqual(['call', 'entry', 'pending']);
    expect(events[2]).toMatchObject({ call: { state: 'cut', ret: null, args: { length: 6 } } });
  });

  it.each(['1 mmap(NULL, 40', '1 +++ exited with 1', '1 --- SIGSEGV {si_signo=SIG', '1 m'])('cut: %s', (text) => {
    expect(parse(text).events).toMatchObject([{ type: 'strange', reason: 'the log ends in the middle of it' }]);
  });

  it('survives any cut of a real log', () => {
    const text = read('terminal.strace').slice(0, 12000);
    for (let end = 0; end < text.length; end += 37) {
      const { events } = parse(text.slice(0, end));
      expect(events.filter((event) => event.type === 'strange').length).toBeLessThanOrEqual(1);
      for (let from = end; from < end + 1; from += 1) parse(text.slice(from, from + 3000));
    }
  });

  it('ends what a dying task was doing', () => {
    const { events } = parse('7 read(3,  <unfinished ...>\n7 +++ killed by SIGKILL +++\n');
    expect(events.map((event) => event.type)).toEqual(['entry', 'pending', 'killed']);
  });
});

describe('arguments', () => {
  it.each<[string, object]>([
    [
      'mmap(0x1000, 5, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, 3, 0xfffffffffffff000) = 0x10000',
      { op: 'mmap', fd: 3, offset: 0xfffffffffffff000n },
    ],
    [
      'mmap(0, 0x2000, 0x3, 0x22, 0xffffffff, 0) = 0x7f0000000000',
      { op: 'mmap', fd: -1, len: 8192, prot: 3, flags: 0x22 },
    ],
    [
      'mmap(NULL, 18446744073709551615, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (Cannot allocate memory)',
      { op: 'mmap', len: 18446744073709551615n },
    ],
    [
      'mmap(NULL, 4096, PROT_WRONG, MAP_PRIVATE, -1, 0) = 0x1000',
      { op: 'undecoded', index: 2, text: 'PROT_WRONG', expected: 'protection' },
    ],
    ['munmap(0x10000) = 0', { op: 'undecoded', index: 1, text: '', expected: 'length' }],
    [
      'mremap(0x1000, 4096, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, 0x20000) = 0x20000',
      { op: 'mremap', flags: 3, newAddr: 0x20000 },
    ],
    ['mremap(0x1000, 4096, 8192, 0) = -1 ENOMEM (Cannot allocate memory)', { op: 'mremap', flags: 0, newAddr: 0 }],
    ['brk(NULL) = 0x1000', { op: 'brk', addr: 0 }],
    ['madvise(0x10000, 4096, 0x5 /* MADV_??? */) = -1 EINVAL (Invalid argument)', { op: 'madvise', advice: 5 }],
    ['mlock(0x1000, 10) = 0', { op: 'mlock', flags: null }],
    ['mlock2(0x1000, 10, MLOCK_ONFAULT) = 0', { op: 'mlock', flags: 1 }],
    ['mlockall(MCL_CURRENT|MCL_FUTURE) = 0', { op: 'mlockall', flags: 3 }],
    ['munlockall() = 0', { op: 'munlockall' }],
    ['msync(0x1000, 4096, MS_SYNC) = 0', { op: 'msync', flags: 4 }],
    ['mincore(0x1000, 4096, [1]) = 0', { op: 'mincore', len: 4096 }],
    [
      'remap_file_pages(0x1000, 4096, PROT_NONE, 5, MAP_NONBLOCK) = 0',
      { op: 'remapFilePages', pgoff: 5, flags: 0x10000 },
    ],
    [
      'prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x10000, 4096, "hey") = 0',
      { op: 'setVmaName', addr: 0x10000, name: 'hey' },
    ],
    ['prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x10000, 4096, NULL) = 0', { op: 'setVmaName', name: null }],
    ['prctl(PR_SET_NAME, "x") = 0', { op: 'prctl', option: 'PR_SET_NAME' }],
    ['shmget(IPC_PRIVATE, 4096, IPC_CREAT|0600) = 7', { op: 'shmget', key: 0, flags: 0o1600 }],
    ['shmat(7, NULL, SHM_RDONLY) = 0x7f0000', { op: 'shmat', id: 7, flags: 0o10000 }],
    [
      'openat(AT_FDCWD</tmp>, "a\\"\\n\\303\\244", O_RDWR|O_CREAT, 0640) = 3</tmp/a>',
      {
        op: 'open',
        path: 'a"\nä',
        flags: 0o102,
        mode: 0o640,
        dir: { fd: -100, path: '/tmp', deleted: false },
        opened: { fd: 3, path: '/tmp/a', deleted: false },
      },
    ],
    ['openat(AT_FDCWD, NULL, O_RDONLY) = -1 EFAULT (Bad address)', { op: 'open', path: null, opened: null }],
    [
      'openat2(AT_FDCWD, "/x", {flags=O_RDONLY|O_CLOEXEC, resolve=RESOLVE_BENEATH}, 24) = 4',
      { op: 'open', flags: 0o2000000 },
    ],
    ['creat("/x", 0600) = 4', { op: 'open', flags: 0o1101, mode: 0o600 }],
    ['close(0</dev/pts/0<char 136:0>>) = 0', { op: 'close', fd: 0 }],
    ['close_range(3, 4294967295, CLOSE_RANGE_CLOEXEC) = 0', { op: 'closeRange', first: 3, last: 4294967295, flags: 4 }],
    [
      'fcntl(3, F_DUPFD_CLOEXEC, 10) = 10',
      { op: 'dup', closeOnExec: true, to: { fd: 10, path: null, deleted: false } },
    ],
    ['fcntl(3, F_SETFD, FD_CLOEXEC) = 0', { op: 'fcntl', command: 'F_SETFD', arg: 1 }],
    ['fcntl(3, F_GETFL) = 0x20002 (flags O_RDWR|O_LARGEFILE)', { op: 'fcntl', command: 'F_GETFL', arg: null }],
    ['fcntl(3, F_ADD_SEALS, F_SEAL_SHRINK|F_SEAL_WRITE) = 0', { op: 'fcntl', arg: 10 }],
    [
      'memfd_create("nm", MFD_CLOEXEC|MFD_HUGETLB|21<<MFD_HUGE_SHIFT) = 3',
      { op: 'memfdCreate', name: 'nm', flags: 0x54000005 },
    ],
    ['ftruncate(3, 1099511627776) = 0', { op: 'truncate', fd: 3, size: 2 ** 40 }],
    ['fallocate(3, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 0, 4096) = 0', { op: 'fallocate', mode: 3 }],
    ['socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, [4, 5]) = 0', { op: 'pipe', kind: 'socket', closeOnExec: true }],
    ['read(3</proc/1/maps>, "00400000-00401000 r-xp"..., 4096) = 1808', { op: 'read', bytes: 1808, position: null }],
    ['pread64(3, "x", 20, 5) = 1', { op: 'read', position: 5 }],
    [
      'copy_file_range(3, NULL, 1, NULL, 9223372035781033984, 0) = -1 EXDEV (Invalid cross-device link)',
      { op: 'copy', bytes: null },
    ],
    ['unlinkat(AT_FDCWD, "/tmp/d", AT_REMOVEDIR) = 0', { op: 'unlink', path: '/tmp/d', directory: true }],
    ['rename("a", "b") = 0', { op: 'rename', from: 'a', to: 'b' }],
    ['chdir("/") = 0', { op: 'chdir', path: '/' }],
    [
      'newfstatat(3, "", {st_mode=S_IFREG|0755, st_size=1651408, ...}, AT_EMPTY_PATH) = 0',
      { op: 'stat', path: '', size: 1651408, mode: 'S_IFREG|0755' },
    ],
    [
      'clone(child_stack=0x7f00, flags=CLONE_VM|CLONE_VFORK|SIGCHLD) = 12',
      { op: 'fork', flags: 0x4100, exitSignal: 17, stack: 0x7f00, child: 12 },
    ],
    [
      'clone(0x1200011, 0, 0, 0x7f55827b7a10, 0) = 0x490c',
      { op: 'fork', flags: 0x1200000, exitSignal: 17, child: 0x490c },
    ],
    [
      'clone3({flags=CLONE_VM|CLONE_THREAD, exit_signal=0, stack=0x7f01, stack_size=0x7fff80} => {parent_tid=[5]}, 88) = 5',
      { op: 'fork', flags: 0x10100, exitSignal: 0, stack: 0x7f01, stackSize: 0x7fff80, child: 5 },
    ],
    ['vfork() = 9', { op: 'fork', flags: 0x4100, child: 9 }],
    [
      'execve("/bin/sh", ["sh", "-c", "very long"...], 0xfff0 /* 5 vars */) = 0',
      { op: 'exec', path: '/bin/sh', argv: ['sh', '-c', 'very long'], argvTruncated: true },
    ],
    ['exit_group(3) = ?', { op: 'exit', status: 3, group: true }],
    ['personality(PER_LINUX|ADDR_NO_RANDOMIZE) = 0 (PER_LINUX)', { op: 'personality', personality: 0x40000 }],
    ['personality(0xffffffff) = 0x40000 (PER_LINUX|ADDR_NO_RANDOMIZE)', { op: 'personality', personality: 0xffffffff }],
    [
      'prlimit64(0, RLIMIT_STACK, {rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}, NULL) = 0',
      { op: 'rlimit', resource: 3, set: { soft: 8388608, hard: Infinity }, was: null },
    ],
    ['setrlimit(RLIMIT_AS, {rlim_cur=2, rlim_max=3}) = 0', { op: 'rlimit', resource: 9, set: { soft: 2, hard: 3 } }],
  ])('%s', (text, expected) => {
    expect(decoded(text)).toMatchObject(expected);
  });
});

describe('texts', () => {
  it('are those that strace 6.1 printed, flags and errors alike', () => {
    const decoder = new CallDecoder('x86_64');
    const compared = new Map<string, number>();
    for (const event of parseLog(read('odd-arguments.strace'))) {
      if (event.type !== 'call') continue;
      const { call } = event;
      const pairs: [string, string][] = [];
      const op = decoder.decode(call);
      if (op === null) continue;
      if (op.op === 'mmap') {
        pairs.push([uapi.formatProt(op.prot), call.args[2]!], [uapi.formatMapFlags(op.flags), call.args[3]!]);
      } else if (op.op === 'mprotect') pairs.push([uapi.formatProt(op.prot), call.args[2]!]);
      else if (op.op === 'madvise') pairs.push([uapi.formatMadvise(op.advice), call.args[2]!]);
      else if (op.op === 'mremap') pairs.push([uapi.formatMremapFlags(op.flags), call.args[3]!]);
      else if (op.op === 'msync') pairs.push([uapi.formatMsyncFlags(op.flags), call.args[2]!]);
      else if (op.op === 'mlockall') pairs.push([uapi.formatMlockallFlags(op.flags), call.args[0]!]);
      else if (op.op === 'memfdCreate') pairs.push([uapi.formatMemfdFlags(op.flags), call.args[1]!]);
      else if (op.op === 'personality') pairs.push([uapi.formatPersonality(op.personality), call.args[0]!]);
      else if (op.op === 'fallocate') pairs.push([uapi.formatFallocateMode(op.mode), call.args[1]!]);
      else if (op.op === 'open' && call.name === 'open') pairs.push([uapi.formatOpenFlags(op.flags), call.args[1]!]);
      if (call.errno !== 0) pairs.push([formatResult(call.ret!), call.result]);
      for (const [ours, theirs] of pairs) {
        // Flags of x86 only, bits above 53, and names that are younger than 6.1 or arm64's own.
        if (/MAP_32BIT|0xf{8}|PROT.*0xf|MFD.*0x|0x8 /.test(theirs)) continue;
        expect(ours).toBe(theirs);
        compared.set(op.op, (compared.get(op.op) ?? 0) + 1);
      }
    }
    expect(compared.size).toBeGreaterThan(15);
  });
});

describe('writing', () => {
  it.each(['x-raw', 'x-verbose', 'xx', 'raw-all', 'thread-exec', 'odd-arguments'])(
    '%s: comes out as it went in',
    (name) => {
      const text = read(`${name}.strace`);
      const writer = new LogWriter();
      expect(
        parseLog(text)
          .map((event) => writer.line(event))
          .filter((line) => line !== null)
          .join('\n') + '\n',
      ).toBe(text);
    },
  );
});
