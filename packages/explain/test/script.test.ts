import { describe, expect, it } from 'vitest';
import { evaluate as evaluateIn, parseRecorded, parseScript, ScriptError, type Names } from '@vmarea/explain';

const none: Names = { values: new Map() };
const evaluate = (text: string, names: Names = none): bigint => evaluateIn(text, names);

describe('scripts', () => {
  it('have one call per line, comments, and names for results', () => {
    const [first, second] = parseScript(
      '# setup\np = mmap(NULL, 4*4K, PROT_READ, MAP_PRIVATE, 3, 0) = 0x1000\n\nstore(p + 1) # touch',
    );
    expect(first).toMatchObject({
      name: 'mmap',
      assign: 'p',
      args: ['NULL', '4*4K', 'PROT_READ', 'MAP_PRIVATE', '3', '0'],
      line: 2,
      recorded: { ret: 0x1000 },
    });
    expect(second).toMatchObject({ name: 'store', assign: null, args: ['p + 1'], recorded: null });
  });

  it.each([
    '[pid 12] munmap(0x1000, 4096) = -1 EINVAL (Invalid argument)',
    '[pid  3017] 10:00:01.123456 munmap(0x1000, 4096) = -1 EINVAL (Invalid argument) <0.000012>',
    '1234  munmap(0x1000, 4096)      = -1 EINVAL (Invalid argument)',
    '1234<python3> 1700000000.123456 munmap(0x1000, 4096) = -1 EINVAL (Invalid argument)',
    '     0.000021 [0000ffffb7f0a1b4] munmap(0x1000, 4096) = -1 EINVAL (Invalid argument)',
    'munmap(0x1000, 4096) = -1 errno=22 (Invalid argument)',
    'munmap(0x1000, 4096)\u00a0= -1 EINVAL (Invalid argument)\r',
  ])('take a line of a log as it is: %s', (line) => {
    expect(parseScript(line)[0]).toMatchObject({
      name: 'munmap',
      args: ['0x1000', '4096'],
      text: 'munmap(0x1000, 4096)',
      recorded: { ret: -22 },
    });
  });

  it.each([
    ['char *p = mmap(NULL, 1UL << 30, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1, 0);', 'mmap', 'p'],
    ['void *p = (void *) mmap64(nullptr, len, 0, 2, fd, 0);', 'mmap', 'p'],
    ['if ((p = (char*)mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0)) == MAP_FAILED) {', 'mmap', 'p'],
    ['auto *p = static_cast<char*>(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0));', 'mmap', 'p'],
    ['int r = mprotect(p,\n                 4096,\n                 PROT_READ);', 'mprotect', 'r'],
    ['syscall(SYS_mmap, 0, 4096, 1, 2, 3, 0);', 'mmap', null],
    ['mmap2(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0x3f007) = -1 EPERM (Operation not permitted)', 'mmap', null],
  ])('take C: %s', (line, name, assign) => {
    expect(parseScript(line)).toHaveLength(1);
    expect(parseScript(line)[0]).toMatchObject({ name, assign });
  });

  it('take a signal of a log as an access, and pass over what changes nothing', () => {
    const calls = parseScript(
      'strace: Process 12 attached\n--- SIGCHLD {si_signo=SIGCHLD} ---\n--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_ACCERR, si_addr=0x10} ---\n+++ killed by SIGSEGV +++',
    );
    expect(calls).toMatchObject([{ name: 'access', args: ['0x10'], recorded: { text: 'SIGSEGV (SEGV_ACCERR)' } }]);
  });

  it('keep commas in texts, structures and paths together', () => {
    expect(parseScript('openat(AT_FDCWD</a, b>, "x,(y", O_RDONLY) = 3</a, b/x,(y>')[0]).toMatchObject({
      args: ['AT_FDCWD</a, b>', '"x,(y"', 'O_RDONLY'],
      recorded: { ret: 3, path: '/a, b/x,(y' },
    });
    expect(parseScript('setrlimit(RLIMIT_AS, {rlim_cur=1, rlim_max=2}) = 0')[0]!.args).toHaveLength(2);
  });

  it('are refused when a line is no call, is not closed, or there is none, with the line', () => {
    expect(() => parseScript('munmap(1, 1)\nmmap 1 2')).toThrow(/line 2 is not a call/);
    expect(() => parseScript('mmap(1, 2')).toThrow(/no closing parenthesis/);
    expect(() => parseScript('# nothing')).toThrow(ScriptError);
  });

  it('read every form of a result', () => {
    expect(parseRecorded(' = -1')).toMatchObject({ ret: null, unnamed: true });
    expect(parseRecorded(' = ?')).toMatchObject({ ret: null, unnamed: false });
    expect(parseRecorded(' = ENOMEM')).toMatchObject({ ret: -12 });
    expect(parseRecorded(' = 0x7f00 <0.01>')).toMatchObject({ ret: 0x7f00 });
    expect(parseRecorded(' == MAP_FAILED) {')).toBeNull();
  });
});

describe('values', () => {
  it.each<[string, bigint]>([
    ['64K', 65536n],
    ['1GiB', 2n ** 30n],
    ['4096UL', 4096n],
    ['0644', 420n],
    ['0x10 + 2*3 - 1', 21n],
    ['1<<40', 2n ** 40n],
    ['1UL << 30 | 1', 2n ** 30n + 1n],
    ['PROT_READ|PROT_WRITE', 3n],
    ['MAP_PRIVATE | (MAP_ANON)', 0x22n],
    ['MAP_PRIVATE|MAP_HUGETLB|21<<MAP_HUGE_SHIFT', 0x2n + 0x40000n + 21n * 2n ** 26n],
    ['MAP_32BIT', 0x40n],
    ['-1', -1n],
    ['~0', -1n],
    ['~(4096 - 1) & 0x12345', 0x12000n],
    ['(void*)0x1000', 0x1000n],
    ['(char *)(size_t) 4096 + 1', 4097n],
    ['reinterpret_cast<void*>(0x2000)', 0x2000n],
    ['nullptr', 0n],
    ['sizeof(int) * 2', 8n],
    ['4 * getpagesize()', 16384n],
    ['sysconf(_SC_PAGESIZE)', 4096n],
    ['(10 + 4095) / 4096 % 3', 1n],
    ['0xffffffffffffffff', 2n ** 64n - 1n],
  ])('%s', (text, value) => {
    expect(evaluate(text)).toBe(value);
  });

  it('of earlier results and of the page size', () => {
    expect(evaluate('p+4096', { values: new Map([['p', 0x1000n]]) })).toBe(0x2000n);
    expect(evaluate('PAGE_SIZE', { values: new Map(), pageSize: 16384 })).toBe(16384n);
  });

  it.each(['PROT_NOTHING', 'q', '1 2', '(1', '1 +', '$', 'errnoName', '1/0', '1<<64', '1<<-1'])(
    'are none for %s',
    (text) => {
      expect(() => evaluate(text)).toThrow(ScriptError);
    },
  );

  it('say of which system a flag is, and which result is missing', () => {
    expect(() => evaluate('MAP_JIT')).toThrow(/macOS/);
    expect(() => evaluate('p', { values: new Map(), failed: new Map([['p', 0]]) })).toThrow(/failed/);
  });
});
