import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findSets, packSet, readSet, unpackSet } from '../src/archive.ts';
import { compareRet, compareSmaps, KINDS } from '../src/compare.ts';
import { Exceptions, MAX_EXCEPTIONS, readExceptions, type ExceptionEntry } from '../src/exceptions.ts';
import { readGuest } from '../src/machine.ts';
import { parseRecording, type Recording } from '../src/recording.ts';
import { describeFailure } from '../src/report.ts';
import { runRecording, type Outcome } from '../src/runner.ts';
import { Devices, InodeNumbers, normalizeMaps } from '../src/text.ts';

const RECORDINGS = join(import.meta.dirname, '..', 'recordings');
const SET = join(RECORDINGS, 'msm-4.4-va39');
const scratch = mkdtempSync(join(tmpdir(), 'conformance-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A recording with the answer of one operation changed. */
function changed(name: string, change: (lines: string[]) => void): Recording {
  const text = readSet(SET).find((recording) => recording.name === name)!.text;
  const lines = text.split('\n');
  change(lines);
  return parseRecording(lines.join('\n'));
}

function run(recording: Recording, exceptions: readonly ExceptionEntry[] = []): [Outcome, Exceptions] {
  const own = new Exceptions(exceptions, 'msm-4.4-va39', recording.header.name);
  return [
    runRecording(recording, readGuest(SET), { kinds: new Set(KINDS), maxFailures: 1, exceptions: own, check: false }),
    own,
  ];
}

describe('the archives', () => {
  it('hold 5,329 recordings', () => {
    const counts = findSets(RECORDINGS).map((dir) => readSet(dir).length);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5329);
  });

  it('come out of packing and unpacking unchanged', () => {
    const from = join(scratch, 'unpacked');
    const some = join(scratch, 'some');
    expect(unpackSet(join(RECORDINGS, 'msm-4.4-64k-va42'), from)).toBe(267);
    expect(readdirSync(from).sort()).toContain('guest-meminfo');
    expect(packSet(join(from, 'random'), some)).toBe(50);
    const original = readSet(from).filter((recording) => recording.name.startsWith('random/'));
    expect(readSet(some)).toEqual(original);
  });
});

describe('a wrong answer', () => {
  it('is found, with the operation, both answers and both maps', () => {
    const recording = changed('scenarios/062_merge_case1', (lines) => {
      const i = lines.findIndex((line) => line.includes('"op":"maps"'));
      lines[i] = lines[i]!.replace('rw-p 00000000 00:00 0"', 'rwxp 00000000 00:00 0"');
    });
    const [outcome] = run(recording);
    expect(outcome.failures).toHaveLength(1);
    expect(outcome.failures[0]!.kind).toBe('maps');
    const text = describeFailure('msm-4.4-va39', outcome);
    expect(text).toMatch(/process 0: maps/);
    expect(text).toMatch(/rwxp .*\|/);
  });

  it('of a system call is found', () => {
    const recording = changed('scenarios/002_badf', (lines) => {
      const i = lines.findIndex((line) => line.includes('-EBADF'));
      lines[i] = lines[i]!.replace('-EBADF', '-EINVAL');
    });
    const [outcome] = run(recording);
    expect(outcome.failures[0]).toMatchObject({ kind: 'results', expected: '-EINVAL', actual: '-EBADF' });
  });

  it('passes only by an exception for that operation and field', () => {
    const recording = changed('scenarios/125_brk_grow_shrink', (lines) => {
      const i = lines.findIndex((line) => line.includes('"op":"status"'));
      lines[i] = lines[i]!.replace(/"VmPeak":\d+/, '"VmPeak":7');
    });
    const [plain] = run(recording);
    expect(plain.failures[0]).toMatchObject({ kind: 'status', field: 'VmPeak' });
    const entry: ExceptionEntry = {
      set: 'msm-4.4-va39',
      recording: 'scenarios/125_brk_grow_shrink',
      operation: plain.failures[0]!.op.n,
      kind: 'status',
      field: 'VmPeak',
      dependsOn: 'nothing: a test',
    };
    const [excepted, used] = run(recording, [entry]);
    expect(excepted.failures).toEqual([]);
    expect(used.used).toBe(1);
    expect(used.needless(new Set(KINDS))).toEqual([]);
    const [other] = run(recording, [{ ...entry, field: 'VmSize' }]);
    expect(other.failures).toHaveLength(1);
  });
});

describe('an exceptions file', () => {
  const entry = { set: 's', recording: 'r', operation: 1, kind: 'status', field: 'VmHWM', dependsOn: 'x' };
  const write = (entries: unknown): string => {
    const path = join(scratch, 'exceptions.json');
    writeFileSync(path, JSON.stringify(entries));
    return path;
  };

  it('may not have wildcards, gaps, doubles or too many entries', () => {
    expect(readExceptions(write([entry]))).toHaveLength(1);
    expect(() => readExceptions(write([{ ...entry, recording: 'random/*' }]))).toThrow(/incomplete/);
    expect(() => readExceptions(write([{ ...entry, dependsOn: '' }]))).toThrow(/incomplete/);
    expect(() => readExceptions(write([{ ...entry, kind: 'all' }]))).toThrow(/incomplete/);
    expect(() => readExceptions(write([entry, entry]))).toThrow(/twice/);
    const many = Array.from({ length: MAX_EXCEPTIONS + 1 }, (_, i) => ({ ...entry, operation: i }));
    expect(() => readExceptions(write(many))).toThrow(/61 exceptions/);
  });

  it('tells an entry that was not needed', () => {
    const all = [{ ...entry, kind: 'status' as const }];
    const exceptions = new Exceptions(all, 's', 'r');
    expect(exceptions.needless(new Set(['status']))).toEqual(['s/r operation 1: status VmHWM']);
    expect(exceptions.needless(new Set(['maps']))).toEqual([]);
    expect(new Exceptions(all, 's', 'other').needless(new Set(['status']))).toEqual([]);
  });
});

describe('comparisons', () => {
  it('see a fault where there was none', () => {
    const fault = { sig: 'SIGBUS', code: 'BUS_ADRERR', addr: '0x1000', done: 0 };
    expect(compareRet({ n: 1, pid: 0, op: 'read', ret: '00' }, fault)?.kind).toBe('signals');
    expect(compareRet({ n: 1, pid: 0, op: 'read', ret: fault }, { ...fault, done: 1 })?.kind).toBe('signals');
    expect(compareRet({ n: 1, pid: 0, op: 'read', ret: '00' }, '01')?.kind).toBe('bytes');
    expect(compareRet({ n: 1, pid: 0, op: 'mmap', ret: '0x1000' }, '0x1000')).toBeNull();
  });

  it('bind a device at first sight and then insist on it', () => {
    const devices = new Devices();
    const inodes = new InodeNumbers();
    const line = (device: string): string => `1000-2000 r--p 00000000 ${device} 7 /w/f\n`;
    expect(normalizeMaps(line('00:05'), ['1000-2000 r--p 00000000 00:1a 1001 /w/f'], inodes, devices)).toEqual([
      '1000-2000 r--p 00000000 00:1a 1001 /w/f',
    ]);
    expect(normalizeMaps(line('00:05'), ['1000-2000 r--p 00000000 00:1b 1001 /w/f'], inodes, devices)).toEqual([
      '1000-2000 r--p 00000000 00:1a 1001 /w/f',
    ]);
    expect(normalizeMaps(line('00:06'), ['1000-2000 r--p 00000000 00:1a 1001 /w/f'], inodes, devices)[0]).toMatch(
      /\?00:06/,
    );
  });

  it('leave out mappings of smaps that were there at the start, and see every figure of the others', () => {
    const mapping = { start: '0x1000', end: '0x2000', perms: 'r--p', off: '0x0', ino: 0, path: '' };
    const ours = { ...mapping, vmFlags: 'rd', figures: { Rss: 4 } };
    expect(compareSmaps([], [ours], [{ ...mapping, VmFlags: 'rd', Rss: 0 }])).toEqual([]);
    const [difference] = compareSmaps([{ ...mapping, VmFlags: 'rd', Rss: 0 }], [ours], []);
    expect(difference).toMatchObject({ field: '0x1000-0x2000 Rss', expected: '0', actual: '4' });
  });
});
