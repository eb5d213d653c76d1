// Logs as people paste them: through mail, browsers, journals, other tracers; and the programs' own output in between.

import { describe, expect, it } from 'vitest';
import { type Call, LogParser, type LogEvent, MEMORY_CALLS } from '@vmarea/strace';

function parse(text: string, calls?: ReadonlySet<string>): LogEvent[] {
  const events: LogEvent[] = [];
  const parser = new LogParser({ calls });
  parser.push(text, (event) => events.push(event));
  if (!text.endsWith('\n')) parser.push('\n', (event) => events.push(event));
  parser.end((event) => events.push(event));
  return events;
}

const callsOf = (events: readonly LogEvent[]): Call[] =>
  events.flatMap((event) => (event.type === 'call' ? [event.call] : []));
const strange = (events: readonly LogEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'strange' ? [`${event.line}: ${event.text}`] : []));
const shown = (events: readonly LogEvent[]): string[] =>
  callsOf(events).map(({ line, name, argsText, result }) => `${line} ${name}(${argsText}) = ${result}`);

const CLEAN = [
  'brk(NULL) = 0xaaaac0000000',
  'mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xffff90000000',
  'openat(AT_FDCWD, "/a <b> & c", O_RDONLY) = -1 ENOENT (No such file or directory)',
  '--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---',
  '+++ killed by SIGSEGV +++',
];

describe('a prefix before every line', () => {
  it.each([
    ['quoting', '> '],
    ['quoting twice', '> > '],
    ['quoting as HTML', '&gt; '],
    ['the journal', 'Nov 28 04:53:55 board strace[1234]: '],
    ['the journal with ISO time', '2026-11-28T04:53:55+0000 board strace[1234]: '],
    ['logcat', '11-28 04:53:55.123  1234  1240 I wrap    : '],
    ['logcat with a package', '2019-12-03 21:01:50.732 9676-9676/com.pkg D/Tag: '],
    ['docker compose', 'web-1  | '],
    ['grep -n', '123:'],
    ['one that nobody knows', 'stderr [worker 3] >>> '],
    ['a name', 'strace output: '],
  ])('%s is taken away', (_name, prefix) => {
    const events = parse(CLEAN.map((line) => `${prefix}${line}\n`).join(''));
    const clean = parse(CLEAN.map((line) => `${line}\n`).join(''));
    expect(JSON.stringify(events)).toBe(JSON.stringify(clean));
  });

  it('is not taken for one when a single line has it', () => {
    const events = parse(`my log: ${CLEAN[1]!}\n${CLEAN[0]!}\n`);
    expect(strange(events)).toEqual([`1: my log: ${CLEAN[1]!}`]);
    expect(callsOf(events).map(({ name }) => name)).toEqual(['brk']);
  });

  it('is not looked for once lines without one were read: what a program prints is no call', () => {
    const events = parse(`${CLEAN[0]!}\nerror: ${CLEAN[1]!}\nerror: ${CLEAN[1]!}\n`);
    expect(strange(events)).toHaveLength(2);
  });
});

describe('a log that went through a browser or a mail gateway', () => {
  it('is read with &nbsp; and with non-breaking blanks', () => {
    const events = parse('brk(NULL)&nbsp; &nbsp; &nbsp;= 0xbcec6d2d8000\nclose(3)\u00a0\u00a0 = 0\n');
    expect(strange(events)).toEqual([]);
    expect(callsOf(events).map(({ ret }) => ret)).toEqual([0xbcec6d2d8000, 0]);
  });

  it('is read when its lines were broken', () => {
    const events = parse(
      'mmap(NULL, 8192, PROT_READ|\nPROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS,\n-1, 0) = 0xffff90000000\nmunmap(0xffff90000000,\n8192) = 0\n',
    );
    expect(strange(events)).toEqual([]);
    expect(callsOf(events).map(({ args }) => args)).toEqual([
      ['NULL', '8192', 'PROT_READ|PROT_WRITE', 'MAP_PRIVATE|MAP_ANONYMOUS', '-1', '0'],
      ['0xffff90000000', '8192'],
    ]);
  });

  it('is read when its lines were joined', () => {
    const text = CLEAN.join(' ').replace('brk(NULL)', 'PROT_NONE, MAP_PRIVATE, 3, 0) = 0x7000 brk(NULL)');
    const events = parse(`${text}\n`);
    expect(strange(events)).toEqual(['1: PROT_NONE, MAP_PRIVATE, 3, 0) = 0x7000 ']);
    expect(events.map((event) => event.type)).toEqual(['strange', 'call', 'call', 'call', 'signal', 'killed']);
    expect(shown(events)).toEqual(CLEAN.slice(0, 3).map((line) => `1 ${line}`));
  });
});

describe("the program's own output", () => {
  const text =
    'write(2, "ape error: ./model"..., 66ape error: ./model: prog\nmmap failed (errno 12)\n) = 66\n' +
    'writev(2, [{iov_base="x) = 1", iov_len=97}, {iov_base="\\n", iov_len=1}], 2Failed\n) = 98\nbrk(NULL) = 0x1000\n';

  it('in the middle of a write leaves the write whole', () => {
    const events = parse(text);
    expect(strange(events)).toEqual([]);
    expect(callsOf(events).map(({ name, ret, args }) => [name, ret, args.at(-1)])).toEqual([
      ['write', 66, '66'],
      ['writev', 98, '2'],
      ['brk', 0x1000, 'NULL'],
    ]);
  });

  it('is not strange when nobody wants the write', () => {
    const events = parse(text, MEMORY_CALLS);
    expect(strange(events)).toEqual([]);
    expect(callsOf(events)).toHaveLength(1);
  });

  it('is strange anywhere else', () => {
    expect(strange(parse('brk(NULL) = 0x1000\nhello\nbrk(NULL) = 0x1000\n'))).toEqual(['2: hello']);
    expect(strange(parse('close(3) = 0\nhello\n', MEMORY_CALLS))).toEqual(['2: hello']);
  });
});

describe('messages inside of lines', () => {
  it('a change of personality inside of execve', () => {
    const events = parse(
      'execve("/data/local/tmp/bridge", ["bridge"], 0x7ff0148530 /* 23 vars */strace: [ Process PID=9373 runs in 32 bit mode. ]\n' +
        'strace: WARNING: Proper structure decoding for this personality is not supported, please consider building strace with mpers support enabled.\n' +
        ') = 0\n',
    );
    expect(strange(events)).toEqual([]);
    expect(events.map((event) => event.type)).toEqual(['note', 'note', 'call']);
    expect(callsOf(events)[0]).toMatchObject({ name: 'execve', ret: 0, args: { length: 3 } });
  });

  it('a shell around strace is no strange line', () => {
    const events = parse(
      'root@board:~# strace -e trace=mmap ./skipgen\n--- SIGSEGV {si_signo=SIGSEGV, si_code=SI_KERNEL, si_addr=NULL} ---\n' +
        '+++ killed by SIGSEGV +++\nSegmentation fault (core dumped)\n# strace -e mmap2 ./zmq\n$ strace -f ls\n',
    );
    expect(events.map((event) => event.type)).toEqual(['note', 'signal', 'killed', 'note', 'note', 'note']);
  });
});

describe('results', () => {
  const result = (text: string): Pick<Call, 'ret' | 'failed' | 'errno'> => {
    const [call] = callsOf(parse(`mmap(NULL, 1, PROT_READ, MAP_PRIVATE, 3, 0) = ${text}\n`));
    return { ret: call!.ret, failed: call!.failed, errno: call!.errno };
  };

  it.each([
    ['-1 ENOMEM (Cannot allocate memory)', -12, true, 12],
    ['-1 errno=12 (Out of memory)', -12, true, 12],
    ['0 (0x0) errno=12 (cannot allocate memory) (11.1\u00b5s)', -12, true, 12],
    ['-1 (errno 512)', -512, true, 512],
    ['-1', null, true, 0],
    ['-1 (whatever)', null, true, 0],
    ['-12', -12, true, 12],
    ['-2105344', 0xffdfe000, false, 0],
    ['0xffffffdfe000', 0xffffffdfe000, false, 0],
    ['3 (0x3)', 3, false, 0],
    ['?', null, false, 0],
    ['? ERESTARTSYS (To be restarted)', null, false, 512],
  ])('%s', (text, ret, failed, errno) => {
    expect(result(text)).toEqual({ ret, failed, errno });
  });

  it.each(['what', '', '-', '0x', '-99999999999', '99999999999999999999999'])('«%s» is none', (text) => {
    expect(strange(parse(`brk(NULL) = ${text}\n`))).toHaveLength(1);
  });

  it('exit needs none', () => {
    expect(parse('exit_group(1) \n')).toMatchObject([{ type: 'call', call: { name: 'exit_group', ret: null } }]);
  });
});

it('ltrace -S: names without their prefix', () => {
  expect(callsOf(parse('SYS_brk(0) = 0x5570\n'))[0]).toMatchObject({ name: 'brk', ret: 0x5570 });
});

describe('stacks of -k', () => {
  it('are reported behind their call, when asked for', () => {
    const events: LogEvent[] = [];
    const parser = new LogParser({ calls: new Set(['mmap']), stacks: true });
    const sink = (event: LogEvent): void => void events.push(event);
    parser.push(
      'mmap(NULL, 1, PROT_READ, MAP_PRIVATE, 3, 0) = 0x7f0000\n > /usr/lib/libc.so.6(mmap64+0x23) [0x101bd3]\n > /usr/lib/libjemalloc.so (deleted)(foo(int, char)+0x1) src/a.c:12 [0x5]\n' +
        'close(3) = 0\n > /usr/lib/libc.so.6(close+0x1) [0x1]\n--- SIGSEGV {si_signo=SIGSEGV} ---\n > /bin/x() [0x10]\n > unexpected_backtracing_error [0x7f]\n',
      sink,
    );
    parser.end(sink);
    const frame = { source: '', symbolOffset: -1 };
    expect(events.filter((event) => event.type === 'stack')).toEqual([
      {
        type: 'stack',
        pid: 0,
        line: 2,
        of: events[0]?.type === 'call' ? events[0].call : null,
        frames: [
          { file: '/usr/lib/libc.so.6', symbol: 'mmap64', symbolOffset: 0x23, offset: 0x101bd3, source: '' },
          {
            file: '/usr/lib/libjemalloc.so (deleted)',
            symbol: 'foo(int, char)',
            symbolOffset: 1,
            offset: 5,
            source: 'src/a.c:12',
          },
        ],
      },
      {
        type: 'stack',
        pid: 0,
        line: 5,
        of: null,
        frames: [{ file: '/usr/lib/libc.so.6', symbol: 'close', symbolOffset: 1, offset: 1, source: '' }],
      },
      { type: 'stack', pid: 0, line: 7, of: null, frames: [{ ...frame, file: '/bin/x', symbol: '', offset: 0x10 }] },
    ]);
  });
});
