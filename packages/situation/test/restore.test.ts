import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createArm64 } from '@vmarea/arch-arm64';
import { createKernel, type Task } from '@vmarea/kernel';
import { validateMm } from '@vmarea/mm-core';
import { Shmem } from '@vmarea/shmem';
import { formatMaps, parseMaps, type MapsLine } from '@vmarea/strace';
import {
  DEFAULT_CONFIG,
  IPC_STAT,
  LINUX_6_1,
  newShmidDs,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from '@vmarea/uapi';
import {
  inferSituation,
  MapFiles,
  mapLinesOf,
  restoreMap,
  stateLinesOf,
  type RestoredMap,
  type RestoreOptions,
  type SituationMapLine,
  whyApart,
} from '../src/index.ts';

function process(lines: readonly MapsLine[], memory = false): Task {
  const situation = inferSituation({ given: { mapBefore: { lines, source: 'a map' } }, clues: null });
  // 48 bits reach every address that x86-64's 47 bits do.
  const pageSize = situation.pageSize.value;
  const vaBits = situation.architecture.value === 'arm64' ? situation.vaBits.value : 48;
  const kernel = createKernel({
    arch: createArm64({ pageSize, vaBits } as Parameters<typeof createArm64>[0]),
    profile: LINUX_6_1,
    config: { ...DEFAULT_CONFIG, ramBytes: 2 ** 26 },
    memory: memory ? { bytes: 2 ** 26 } : false,
    sharedMemory: (system) => new Shmem(system),
  });
  return kernel.spawn();
}

function restore(
  task: Task,
  lines: readonly SituationMapLine[],
  randomized: RestoreOptions['randomized'] = 'unknown',
): RestoredMap {
  const files = new MapFiles(task.kernel.system);
  return restoreMap(task, lines, { open: (line) => files.open(line), randomized });
}

function again(text: string): string {
  const { lines } = parseMaps(text);
  const task = process(lines);
  const restored = restore(task, lines);
  expect(validateMm(task.mm)).toEqual([]);
  return formatMaps(mapLinesOf(task.mm, restored));
}

const root = join(import.meta.dirname, '../../..');
const recorded = ['conformance/straces', 'apps/demo/recordings'].flatMap((dir) =>
  readdirSync(join(root, dir))
    .filter((name) => name.endsWith('.maps'))
    .map((name) => join(dir, name)),
);

describe('System V segments of a map', () => {
  it('are attached, each shmat by itself, so that they can be detached', () => {
    const text = [
      '20000000-20001000 rw-s 00000000 00:01 32769                              /SYSV00001234 (deleted)',
      '20002000-20004000 r--s 00002000 00:01 32769                              /SYSV00001234 (deleted)',
      '20010000-20012000 rw-s 00000000 00:01 32769                              /SYSV00001234 (deleted)',
      '30000000-30001000 rw-s 00000000 00:01 5                                  /SYSV00000000 (deleted)',
    ].join('\n');
    const { lines } = parseMaps(`${text}\n`);
    const task = process(lines);
    const restored = restore(task, lines);
    const stat = (id: number): [number, number] => {
      const ds = newShmidDs();
      expect(task.sys.shmctl(id, IPC_STAT, ds)).toBe(0);
      return [ds.segsz, ds.nattch];
    };
    expect(formatMaps(mapLinesOf(task.mm, restored))).toBe(`${text}\n`);
    expect(stat(32769)).toEqual([0x4000, 3]);
    expect(stat(5)).toEqual([0x1000, 1]);
    expect(task.sys.shmget(0x1234, 0, 0)).toBe(32769);
    expect(task.sys.shmdt(0x20000000)).toBe(0);
    expect(stat(32769)).toEqual([0x4000, 1]);
    expect(validateMm(task.mm)).toEqual([]);
  });
});

describe('a map restored is the map', () => {
  it.each(recorded)('%s', (name) => {
    const text = formatMaps(parseMaps(readFileSync(join(root, name), 'utf8')).lines);
    expect(again(text)).toBe(text);
  });

  it.each([
    [
      'equal lines that stand apart, names, deleted files, devices',
      `12c00000-52c00000 rw-p 00000000 00:00 0                                  [anon:dalvik-main space (region space)]
767b600000-767b800000 rw-p 00000000 00:00 0                              [anon:libc_malloc]
767b822000-767b823000 ---p 00000000 00:00 0                              [anon:thread stack guard page]
767b824000-767b91f000 rw-p 00000000 00:00 0                              [stack:9683]
767b91f000-767b920000 ---p 00000000 00:01 44019446                       /dev/ashmem/dalvik-Jit thread pool worker thread 0 (deleted)
767b920000-767b921000 ---p 00001000 00:01 44019446                       /dev/ashmem/dalvik-Jit thread pool worker thread 0 (deleted)
767b921000-767ba20000 rw-p 00002000 00:01 44019446                       /dev/ashmem/dalvik-Jit thread pool worker thread 0 (deleted)
`,
    ],
    [
      'anonymous lines that touch and stay apart, a heap between lines that are not called so',
      `00400000-00407000 r-xp 00000000 fd:02 999                                /system/bin/app
00407000-00408000 rw-p 00000000 00:00 0 
00408000-00500000 rw-p 00000000 00:00 0                                  [heap]
00500000-00501000 rw-p 00000000 00:00 0 
00501000-00502000 ---p 00000000 00:00 0 
00502000-00503000 ---p 00000000 00:00 0 
ffff00000000-ffff00001000 rw-p 00000000 00:00 0 
ffff00001000-ffff00002000 rw-p 00000000 00:00 0 
fffffffdf000-1000000000000 rw-p 00000000 00:00 0                         [stack]
`,
    ],
    [
      'pipes, sockets, shared memory, a name with a newline',
      `ffff80000000-ffff80001000 rw-s 00000000 00:09 12                         anon_inode:[perf_event]
ffff80001000-ffff80002000 rw-s 00000000 00:05 32769                      /SYSV00000000 (deleted)
ffff80002000-ffff80003000 r--s 00000000 00:01 1024                       /dev/zero (deleted)
ffff80003000-ffff80004000 r--p 00003000 08:01 77                         /tmp/a\\012b
fffffffdf000-1000000000000 rw-p 00000000 00:00 0                         [stack]
`,
    ],
    [
      '[vsyscall], which no call reaches',
      `555555554000-555555556000 r--p 00000000 fd:00 1                          /bin/cat
7ffff7fc1000-7ffff7fc5000 r--p 00000000 00:00 0                          [vvar]
7ffff7fc5000-7ffff7fc7000 r-xp 00000000 00:00 0                          [vdso]
7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
`,
    ],
  ])('%s', (_name, text) => {
    expect(again(text)).toBe(text);
  });

  it('any map', () => {
    const area = fc.record({
      gap: fc.constantFrom(0, 0, 0, 1, 7),
      pages: fc.integer({ min: 1, max: 40 }),
      rights: fc.integer({ min: 0, max: 7 }),
      kind: fc.constantFrom(
        '',
        '',
        '[heap]',
        '[anon:a]',
        '[anon:b]',
        '/lib/a.so',
        '/lib/a.so',
        '/tmp/b (deleted)',
        'shared',
      ),
      offset: fc.integer({ min: 0, max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(area, { minLength: 1, maxLength: 40 }), (areas) => {
        let at = 0xffff00000000;
        let heaps = 0;
        const lines = areas.map(({ gap, pages, rights, kind, offset }): MapsLine => {
          at += gap * 4096;
          const start = at;
          at += pages * 4096;
          const shared = kind === 'shared';
          const file = kind.startsWith('/') || shared;
          // A process has one heap: the areas of it touch.
          const heap = kind === '[heap]' && heaps++ === 0;
          return {
            start,
            end: at,
            read: (rights & 1) !== 0,
            write: (rights & 2) !== 0,
            exec: (rights & 4) !== 0,
            shared,
            offset: file ? offset * 4096 : 0,
            major: 0,
            minor: file ? 1 : 0,
            inode: file ? 100 + kind.length : 0,
            name: shared ? '/dev/zero (deleted)' : kind === '[heap]' && !heap ? '' : kind,
          };
        });
        const text = formatMaps(lines);
        expect(again(text)).toBe(text);
      }),
      { numRuns: 200 },
    );
  });
});

const STACK = 'fffffffdf000-1000000000000 rw-p 00000000 00:00 0                         [stack]\n';
const anywhere = (task: Task): number => task.sys.mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

describe('what follows from a map', () => {
  it.each([
    ['off', 'fffff8000000'],
    ['unknown', 'fffff8000000'],
    ['on', 'fffff8000000'],
    // Below and above where it would be without randomisation.
    ['on', 'ffff90000000'],
    ['unknown', 'ffff90000000'],
    ['on', 'fffffc000000'],
  ] as const)('the mmap area ends where the map shows it (addresses random: %s, %s)', (randomized, end) => {
    const top = parseInt(end, 16);
    const text = `${(top - 4096).toString(16)}-${end} r-xp 00000000 00:00 0                          [vdso]\n${STACK}`;
    const { lines } = parseMaps(text);
    const task = process(lines);
    expect(restore(task, lines, randomized).placementKnown).toBe(true);
    expect(anywhere(task)).toBe(top - 8192);
  });

  it('a part of a map does not tell where the kernel maps next', () => {
    const { lines } = parseMaps('ffff80000000-ffff80001000 rw-p 00000000 00:00 0 \n');
    expect(restore(process(lines), lines)).toMatchObject({ placementKnown: false, heapKnown: false });
  });

  it('lines that do not fit are told, with the line', () => {
    const { lines } = parseMaps(`7fff9d664000-7fff9d665000 rw-p 00000000 00:00 0 \n`);
    const big = process(
      parseMaps(
        `7fff9d664000-7fff9d668000 rw-p 00000000 00:00 0 \n7fffe09c0000-7fffe09e4000 rw-p 00000000 00:00 0                          [stack]\n`,
      ).lines,
    );
    expect(() => restore(big, lines)).toThrow(
      'the map before, line 1 «7fff9d664000-7fff9d665000 rw-p 00000000 00:00 0»: it ends at 0x7fff9d665000, no multiple of 16 KiB pages (--page-size)',
    );
    const wide = parseMaps(STACK).lines;
    const narrow = process(
      parseMaps('7ffffdf000-8000000000 rw-p 00000000 00:00 0                             [stack]\n').lines,
    );
    expect(() => restore(narrow, wide)).toThrow('it lies beyond 39-bit addresses (--va-bits)');
    const twice = parseMaps(
      `00400000-00402000 r--p 00000000 00:00 0 \n00401000-00403000 r--p 00000000 00:00 0 \n`,
    ).lines;
    expect(() => restore(process(twice), twice)).toThrow(
      'line 2 «00401000-00403000 r--p 00000000 00:00 0»: it begins before',
    );
  });

  it('VmFlags tell what is locked, charged and not to be charged', () => {
    const { lines } = parseMaps(`ffff80000000-ffff80010000 rw-p 00000000 00:00 0 \n${STACK}`);
    const flagged = (text: string): SituationMapLine[] => [{ ...lines[0]!, vmFlags: text.split(' ') }, lines[1]!];
    const locked = process(lines);
    restore(locked, flagged('rd wr mr mw me lo ac'));
    expect(locked.mm.lockedVm).toBe(16);
    const charged = process(lines);
    const before = charged.kernel.system.committedAs;
    restore(charged, flagged('rd wr mr mw me ac'));
    const uncharged = process(lines);
    restore(uncharged, flagged('rd wr mr mw me nr'));
    expect(charged.kernel.system.committedAs - before).toBeGreaterThanOrEqual(16);
    expect(charged.kernel.system.committedAs - uncharged.kernel.system.committedAs).toBe(16);
    const sealed = process(lines);
    restore(sealed, flagged('rd wr mr mw ac'));
    expect(sealed.sys.mprotect(0xffff80000000, 4096, 4)).toBe(-13);
  });

  it('VmFlags tell what is sealed and droppable, and are printed again', () => {
    const { lines } = parseMaps(
      `ffff80000000-ffff80010000 rw-p 00000000 00:00 0 \nffff80010000-ffff80020000 rw-p 00000000 00:00 0 \n${STACK}`,
    );
    const task = process(lines);
    restore(task, [
      { ...lines[0]!, vmFlags: ['rd', 'wr', 'mr', 'mw', 'me', 'nr', 'dp'] },
      { ...lines[1]!, vmFlags: ['rd', 'wr', 'mr', 'mw', 'me', 'ac', 'sl'] },
      lines[2]!,
    ]);
    expect(stateLinesOf(task.mm).map(({ vmFlags }) => vmFlags?.at(-1))).toEqual(['dp', 'sl', 'ac']);
    validateMm(task.mm);
    const [first, second] = [task.mm.tree.first!, task.mm.tree.first!.vmNext!];
    expect(whyApart(first, second)[0]?.operands).toBe(
      'only the lower is MAP_NORESERVE (VM_NORESERVE), MAP_DROPPABLE (VM_DROPPABLE); only the upper is charged to Committed_AS (VM_ACCOUNT), sealed by mseal (VM_SEALED)',
    );
  });

  it('calls go on from it as from the real one: a part is unmapped, another joins, the break moves', () => {
    const { lines } = parseMaps(
      `00400000-00401000 rw-p 00000000 00:00 0                                  [heap]\nffff80000000-ffff80010000 rw-p 00000000 00:00 0 \n${STACK}`,
    );
    const task = process(lines);
    const restored = restore(task, lines);
    expect(restored.heapKnown).toBe(true);
    expect(task.sys.brk(0)).toBe(0x401000);
    expect(task.sys.brk(0x403000)).toBe(0x403000);
    expect(task.sys.munmap(0xffff80004000, 0x4000)).toBe(0);
    expect(task.sys.mprotect(0xffff80000000, 0x4000, PROT_NONE)).toBe(0);
    expect(task.sys.mprotect(0xffff80000000, 0x4000, PROT_READ | PROT_WRITE)).toBe(0);
    expect(validateMm(task.mm)).toEqual([]);
    expect(mapLinesOf(task.mm, restored).map(({ start, end }) => [start, end])).toEqual([
      [0x400000, 0x403000],
      [0xffff80000000, 0xffff80004000],
      [0xffff80008000, 0xffff80010000],
      [0xfffffffdf000, 0x1000000000000],
    ]);
  });
});
