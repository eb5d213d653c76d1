import { describe, expect, it } from 'vitest';
import {
  defaultSituation,
  describeSituation,
  inferSituation,
  isAssumed,
  parseConfig,
  parseFileOption,
  parseKernelName,
  parseMeminfo,
  parseMounts,
  parsePageSize,
  parsePersonality,
  parseRlimits,
  parseSysctls,
  placeFiles,
  placementOf,
} from '../src/index.ts';

describe('option values', () => {
  it('a kernel by its version alone', () => {
    expect(parseKernelName('6.1')).toBe('linux-6.1');
    expect(parseKernelName('linux-6.1')).toBe('linux-6.1');
    expect(parseKernelName('4.4')).toBe('msm-4.4');
    expect(() => parseKernelName('5.0')).toThrow('--kernel: «5.0» is none of');
  });

  it('sysctls with and without their directory, every one that the kernel has', () => {
    expect(parseSysctls('max_map_count=5,vm.nr_hugepages=2,kernel/randomize_va_space=0')).toEqual([
      ['vm.max_map_count', '5'],
      ['vm.nr_hugepages', '2'],
      ['kernel.randomize_va_space', '0'],
    ]);
    expect(() => parseSysctls('vm.nonsense=1')).toThrow('--sysctl: there is no «vm.nonsense»; there are');
    expect(() => parseSysctls('overcommit_memory=3')).toThrow('3 is more than 2');
  });

  it('limits with a hard one', () => {
    expect(parseRlimits('stack=8m:unlimited,memlock=0')).toEqual([
      { resource: 3, soft: 8388608, hard: Infinity },
      { resource: 8, soft: 0, hard: 0 },
    ]);
    expect(() => parseRlimits('stack=9m:8m')).toThrow('the soft limit is above the hard one');
    expect(() => parseRlimits('core size=1')).toThrow('there is no limit «core size»');
  });

  it('the configuration', () => {
    expect(parseConfig('thp=off,ksm=on,stack_guard_gap=16')).toEqual([
      ['thp', false],
      ['ksm', true],
      ['stackGuardGapPages', 16],
    ]);
    expect(() => parseConfig('thp=maybe')).toThrow('thp=on or thp=off');
    expect(() => parseConfig('smp=on')).toThrow('--config: unknown «smp»; there are thp'.replace('thp', 'ksm'));
  });

  it('files at descriptors of their own', () => {
    const files = placeFiles(['13=rw,size=64k,o_append', 'ro', '4=ro,same=13', 'wo'].map(parseFileOption));
    expect([...files.keys()]).toEqual([3, 4, 5, 13]);
    expect(files.get(13)).toMatchObject({ mode: 'rw', size: 65536, openAppend: true, append: false });
    expect(files.get(4)).toMatchObject({ mode: 'ro', sameAs: 13 });
    expect(() => placeFiles(['3=rw', '3=ro'].map(parseFileOption))).toThrow('descriptor 3 is given twice');
    expect(() => placeFiles([parseFileOption('same=9')])).toThrow('there is no other file at descriptor 9');
    expect(() => parseFileOption('rwx')).toThrow('--file rwx: unknown «rwx»');
  });

  it('personalities, page sizes, meminfo', () => {
    expect(parsePersonality('ADDR_NO_RANDOMIZE|0x400000')).toBe(0x440000);
    expect(() => parsePersonality('x')).toThrow('--personality: «x» is none of');
    expect([parsePageSize('16k'), parsePageSize('4'), parsePageSize('65536')]).toEqual([16384, 4096, 65536]);
    expect(() => parsePageSize('8k')).toThrow('--page-size: «8k» is none of 4k, 16k, 64k');
    const meminfo = 'MemTotal: 8000 kB\nMemFree: 6000 kB\nSwapTotal: 10 kB\nCommitted_AS: 200 kB\n';
    expect(parseMeminfo(meminfo, 'm')).toEqual({
      total: 8192000,
      free: 6144000,
      swap: 10240,
      committed: 204800,
      hugePages: null,
    });
    expect(() => parseMeminfo('x', 'm')).toThrow('--meminfo: m has no line «MemTotal: N kB»');
  });
});

describe('mounts', () => {
  it('a file system decides how its files are placed', () => {
    expect(parseMounts('/=overlay,/data/=ext4')).toEqual([
      { directory: '/', placement: 'page', text: '/=overlay' },
      { directory: '/data', placement: 'huge', text: '/data/=ext4' },
    ]);
    const situation = inferSituation({ given: { mounts: parseMounts('/=overlay,/data=xfs') }, clues: null });
    const of = (path: string): string => placementOf(situation.mounts, path);
    expect(['/usr/lib/x', '/data/x', '/data', '/database', '/dev/shm/x'].map(of)).toEqual([
      'page',
      'huge',
      'huge',
      'page',
      'page',
    ]);
    expect(describeSituation(situation)[2]).toContain(
      'files of 2 MiB and more below / at any page (--mount /=overlay)',
    );
  });

  it('what nothing tells is assumed', () => {
    const { mounts } = defaultSituation();
    expect([placementOf(mounts, '/bin/x'), placementOf(mounts, '/run/x')]).toEqual(['huge', 'page']);
    expect([...mounts.values()].every(isAssumed)).toBe(true);
  });

  it.each([
    ['ext4', '--mount: «ext4» is not DIRECTORY=TYPE (for instance /=ext4)'],
    ['/=ext5', '--mount /: «ext5» is none of ext4, xfs, btrfs'],
    ['/', '--mount /: «» is none of'],
  ])('--mount %s is refused', (text, message) => {
    expect(() => parseMounts(text)).toThrow(message);
  });
});
