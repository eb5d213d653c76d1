import { describe, expect, it } from 'vitest';
import {
  defaultSetup,
  evaluate,
  parseFile,
  parseLimits,
  parsePageSize,
  parseProfile,
  parseScript,
  parseSize,
  parseSysctls,
  ScriptError,
  withMeminfo,
} from '@vmarea/explain';

const none = new Map<string, bigint>();

describe('scripts', () => {
  it('have one call per line, comments, and names for results', () => {
    const [first, second] = parseScript(
      '# setup\np = mmap(NULL, 4*4K, PROT_READ, MAP_PRIVATE, 3, 0) = 0x1000\n\nstore(p + 1) # touch',
    );
    expect(first).toMatchObject({
      name: 'mmap',
      assign: 'p',
      args: ['NULL', '4*4K', 'PROT_READ', 'MAP_PRIVATE', '3', '0'],
    });
    expect(second).toMatchObject({ name: 'store', assign: null, args: ['p + 1'] });
  });

  it('are refused when a line is no call, or there is none', () => {
    expect(() => parseScript('mmap 1 2')).toThrow(ScriptError);
    expect(() => parseScript('# nothing')).toThrow(ScriptError);
  });

  it('evaluate numbers, units, constants and names', () => {
    expect(evaluate('64K', none)).toBe(65536n);
    expect(evaluate('0x10 + 2*3 - 1', none)).toBe(21n);
    expect(evaluate('PROT_READ|PROT_WRITE', none)).toBe(3n);
    expect(evaluate('MAP_PRIVATE | (MAP_ANONYMOUS)', none)).toBe(0x22n);
    expect(evaluate('-1', none)).toBe(-1n);
    expect(evaluate('~0', none)).toBe(-1n);
    expect(evaluate('NULL', none)).toBe(0n);
    expect(evaluate('p+4096', new Map([['p', 0x1000n]]))).toBe(0x2000n);
    expect(evaluate('0xffffffffffffffff', none)).toBe(2n ** 64n - 1n);
  });

  it.each(['PROT_NOTHING', 'q', '1 2', '(1', '1 +', '$', 'errnoName'])('do not evaluate %s', (text) => {
    expect(() => evaluate(text, none)).toThrow(ScriptError);
  });
});

describe('situations', () => {
  it('read sizes', () => {
    expect([parseSize('8192'), parseSize('64k'), parseSize('0x10'), parseSize('unlimited')]).toEqual([
      8192,
      65536,
      16,
      Infinity,
    ]);
    expect(() => parseSize('many')).toThrow(ScriptError);
  });

  it('read files: attributes and locks need tmpfs, a seal a memfd', () => {
    expect(parseFile('ro,size=8192,noexec')).toMatchObject({ mode: 'ro', size: 8192, noexec: true, kind: 'ramfs' });
    expect(parseFile('append').kind).toBe('tmpfs');
    expect(parseFile('locked,fs=tmpfs').locked).toBe(true);
    expect(parseFile('sealed').kind).toBe('memfd');
    expect(() => parseFile('red')).toThrow(ScriptError);
  });

  it('read limits, sysctls, versions and page sizes', () => {
    const setup = defaultSetup();
    expect(parseLimits('as=1M,RLIMIT_MEMLOCK=0', setup.limits)).toMatchObject({ as: 2 ** 20, memlock: 0 });
    expect(() => parseLimits('heat=1', setup.limits)).toThrow(ScriptError);
    expect(parseSysctls('vm.max_map_count=5,vm.nr_hugepages=2', setup).machine).toMatchObject({
      sysctl: { maxMapCount: 5 },
      config: { hugePages: [{ pages: 2 }] },
    });
    expect(() => parseSysctls('vm.swappiness=1', setup)).toThrow(ScriptError);
    expect(parseProfile('msm-4.4').release).toMatch(/^4\.4/);
    expect(() => parseProfile('5.10')).toThrow(ScriptError);
    expect(parsePageSize('16k')).toBe(16384);
    expect(() => parsePageSize('8k')).toThrow(ScriptError);
  });

  it('take memory and the pool from /proc/meminfo', () => {
    const text =
      'MemTotal:  2048 kB\nMemFree: 1000 kB\nCached: 24 kB\nSwapTotal: 8 kB\nCommitted_AS: 40 kB\nHugePages_Total: 1\nHugepagesize: 2048 kB\n';
    const setup = withMeminfo(defaultSetup(), text);
    expect(setup.committedBytes).toBe(40960);
    expect(setup.machine).toMatchObject({
      freeBytes: 1024 * 1024,
      swapBytes: 8192,
      config: { ramBytes: 2048 * 1024, hugePages: [{ size: 2 ** 21, pages: 1 }] },
    });
    expect(() => withMeminfo(defaultSetup(), 'nothing')).toThrow(ScriptError);
  });
});
