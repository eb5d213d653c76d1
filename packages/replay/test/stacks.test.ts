// Which call stack an area comes from: logs of `strace -k` and `-kk`.

import { describe, expect, it } from 'vitest';
import type { ReplayReport } from '../src/index.ts';
import { replayOf } from './machine.ts';

const START = 0xffff80000000;
const hex = (value: number): string => `0x${value.toString(16)}`;

/** Two frames as strace 6 prints them with -k: the wrapper, then the caller. */
function stack(caller: string, wrapper = '__mmap+0x13'): string {
  return ` > /usr/lib/libc.so.6(${wrapper}) [0x1019b3]\n > ${caller}\n > /bin/prog(main+0x10) [0x1200]\n`;
}

function mapped(at: number, bytes: number, prot: string, flags = 'MAP_PRIVATE|MAP_ANONYMOUS'): string {
  return `7 mmap(${flags.includes('FIXED') ? hex(at) : 'NULL'}, ${bytes}, ${prot}, ${flags}, -1, 0) = ${hex(at)}\n`;
}

function report(log: string, maxMapCount = 65_530): ReplayReport {
  const replay = replayOf({ stacks: true, recorded: true });
  replay.kernel.system.sysctl.maxMapCount = maxMapCount;
  replay.push(log);
  return replay.finish();
}

/** An allocator that maps 16 KiB and makes the upper half a hole, `times` times, downwards. */
function holes(times: number): string {
  let log = '';
  for (let i = 0; i < times; i++) {
    const at = START - i * 16384;
    log += mapped(at, 16384, 'PROT_READ|PROT_WRITE') + stack('/usr/lib/libjemalloc.so.2(pages_map+0x30) [0x1c2f0]');
    log += `7 mprotect(${hex(at + 8192)}, 8192, PROT_NONE) = 0\n`;
    log += stack('/usr/lib/libjemalloc.so.2(pages_guard+0x20) [0x1d000]', 'mprotect+0x7');
  }
  return log;
}

describe('an area is owed to the call that made it begin', () => {
  it('pieces that joined their neighbours, and holes cut out of them, to the one that cuts', () => {
    const { stacks } = report(holes(60));
    expect(stacks).toMatchObject({
      areas: 120,
      calls: 120,
      callsWithStack: 120,
      stacks: 2,
      notByCalls: 0,
      withoutStack: 0,
    });
    expect(stacks!.files).toEqual([['libjemalloc.so.2', 120]]);
    const [a, b] = stacks!.holding;
    // Each new piece joins the one above it until the hole is cut: only the lowest begins where it was mapped.
    expect([a!.areas, b!.areas]).toEqual([119, 1]);
    const hole = stacks!.holding.find(({ frames, caller }) => frames[caller]!.includes('pages_guard'))!;
    expect(hole.frames[hole.caller]).toBe('libjemalloc.so.2+0x1d000 (pages_guard+0x20)');
    expect(hole).toMatchObject({
      calls: 60,
      splits: 1 + 59 * 2,
      kind: { text: '8 KiB ---p right above 8 KiB rw-p', times: 60 },
    });
  });

  it('what munmap leaves above its range, to munmap', () => {
    const { stacks } = report(
      mapped(START, 16384, 'PROT_READ') +
        stack('/bin/prog(a+0x1) [0x10]') +
        `7 munmap(${hex(START + 4096)}, 4096) = 0\n` +
        stack('/bin/prog(b+0x1) [0x20]', '__munmap+0x7'),
    );
    expect(stacks!.holding.map(({ frames, caller, areas }) => [frames[caller], areas])).toEqual([
      ['prog+0x10 (a+0x1)', 1],
      ['prog+0x20 (b+0x1)', 1],
    ]);
  });

  it('a range mapped again to the later call, a border that was there before to the earlier', () => {
    const { stacks } = report(
      mapped(START, 8192, 'PROT_READ') +
        stack('/bin/prog(a+0x1) [0x10]') +
        mapped(START, 8192, 'PROT_READ', 'MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED') +
        stack('/bin/prog(b+0x1) [0x20]') +
        `7 mprotect(${hex(START)}, 8192, PROT_NONE) = 0\n` +
        stack('/bin/prog(c+0x1) [0x30]', 'mprotect+0x7'),
    );
    expect(stacks!.holding.map(({ frames, caller }) => frames[caller])).toEqual(['prog+0x20 (b+0x1)']);
  });

  it('a child has what its parent made', () => {
    const log =
      mapped(START, 8192, 'PROT_READ') +
      stack('/bin/prog(a+0x1) [0x10]') +
      '7 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 8\n' +
      `7 munmap(${hex(START)}, 8192) = 0\n` +
      '8 getpid() = 8\n8 exit_group(0) = ?\n8 +++ exited with 0 +++\n';
    const replay = replayOf({ stacks: true, recorded: true, pid: 8 });
    replay.push(log);
    expect(replay.finish().stacks).toMatchObject({ pid: 8, holding: [{ areas: 1 }], withoutStack: 0 });
  });
});

describe('the forms of strace', () => {
  it.each([
    ['source behind the address', '/bin/prog(grow+0x42) [0x1234] arena.c:120', 'prog+0x1234 (grow+0x42, arena.c:120)'],
    ['source before the address', '/bin/prog(grow+0x42) arena.c:120 [0x1234]', 'prog+0x1234 (grow+0x42, arena.c:120)'],
    [
      'C++',
      '/bin/prog(ns::Heap::grow(unsigned long)+0x42) [0x1234]',
      'prog+0x1234 (ns::Heap::grow(unsigned long)+0x42)',
    ],
    ['no symbol', '/bin/prog() [0x1234]', 'prog+0x1234'],
    ['no file', 'unexpected_backtracing_error\n > (anonymous+0x0) [0x1234]', 'an unknown file+0x1234 (anonymous+0x0)'],
  ])('%s', (_name, frame, expected) => {
    const { stacks } = report(mapped(START, 8192, 'PROT_READ') + stack(frame));
    const [row] = stacks!.holding;
    expect(row!.frames[row!.caller]).toBe(expected);
  });

  it('a log without stacks says so', () => {
    expect(report(mapped(START, 8192, 'PROT_READ')).stacks).toMatchObject({
      callsWithStack: 0,
      withoutStack: 1,
      holding: [],
    });
  });

  it('a call that was interrupted has its stack behind its return', () => {
    const log = `7 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0 <unfinished ...>\n8 getpid() = 8\n7 <... mmap resumed>) = ${hex(START)}\n${stack('/bin/prog(a+0x1) [0x10]')}`;
    expect(report(log).stacks).toMatchObject({ holding: [{ areas: 1 }] });
  });
});

describe('a map that is full', () => {
  const full = 'mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (Cannot allocate memory)\n';
  const freed = `7 munmap(${hex(START - 59 * 16384)}, ${60 * 16384}) = 0\n`;

  it('is shown as it was when a call was refused, and the refusal belongs to its stack', () => {
    const log = `${holes(60)}7 ${full}${stack('/bin/prog(wants_more+0x1) [0x99]')}${freed}`;
    const { stacks, crowded } = report(log, 120);
    expect(crowded).toMatchObject({ areas: 120, line: 121 + 3 * 120, moment: 'when a call was refused' });
    expect(crowded!.pattern!.times).toBeGreaterThan(50);
    expect(stacks).toMatchObject({ areas: 120, failing: [{ areas: 0, failed: { ENOMEM: 1 } }] });
  });

  it('is named without stacks, and one that has room is not', () => {
    const log = holes(60).replace(/^ > .*\n/gm, '');
    const pattern = { first: '8 KiB rw-p', second: '8 KiB ---p', times: 60 };
    const { crowded } = report(log, 130);
    expect([pattern, { first: pattern.second, second: pattern.first, times: 59 }]).toContainEqual(crowded!.pattern);
    expect(report(log).crowded).toBeNull();
  });
});
