/** The reader, the index and the vectors, on the recordings of the repository. */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  indexOf,
  parseRecording,
  splitSet,
  vectorFile,
  vectorsOf,
  type RecordingText,
  type Vector,
} from '../src/index.ts';
import { readRecording, readSet, setNames } from '../src/node.ts';

const DIR = join(import.meta.dirname, '../../../conformance/recordings');
const SET = 'linux-6.1-va48';
let texts: readonly RecordingText[] = [];
beforeAll(() => {
  texts = readSet(SET, DIR);
});

describe('the reader', () => {
  it('reads sets and recordings', () => {
    expect(setNames(DIR)).toContain(SET);
    expect(texts).toHaveLength(605);
    const { header, ops } = readRecording(SET, 'scenarios/062_merge_case1', DIR);
    expect(header).toMatchObject({ page_size: 4096, va_bits: 48, start_brk: '0x506000' });
    expect(ops[0]).toMatchObject({ n: 1, pid: 0, op: 'mmap', ret: '0x10000000' });
  });

  it('names what it cannot read', () => {
    expect(() => readRecording(SET, 'scenarios/none', DIR)).toThrow('linux-6.1-va48 has no recording "scenarios/none"');
    expect(() => parseRecording('{"format":"mmtrace","version":2,"name":"x"}\n')).toThrow('x: not a recording');
    expect(() => splitSet('{"format":"mmtrace"}\n')).toThrow('a recording without a name at character 0');
  });
});

it('the index tells where an answer is: the operation there has it', () => {
  const { sets, calls } = indexOf(SET, texts);
  expect(sets).toMatchObject([{ set: SET, recordings: 605, pageSize: 4096 }]);
  const entry = calls.find(({ call, answer }) => call === 'mremap' && answer === 'EFAULT')!;
  expect(entry.count).toBeGreaterThanOrEqual(entry.places.length);
  for (const place of entry.places) {
    const [name, n] = place.split(':');
    const { ops } = parseRecording(texts.find((one) => one.name === name)!.text);
    expect(ops.find((op) => op.n === Number(n))).toMatchObject({ op: 'mremap', ret: '-EFAULT' });
  }
  const operations = texts.reduce((sum, { text }) => sum + text.trimEnd().split('\n').length - 1, 0);
  expect(sets[0]!.operations).toBe(operations);
});

describe('vectors', () => {
  it('are at least 1,000 over all kernels, all of them recorded, with ids of their own', () => {
    const all = setNames(DIR).flatMap((set) => vectorsOf(set, readSet(set, DIR)).vectors);
    expect(all.length).toBeGreaterThanOrEqual(1000);
    expect(all.filter(({ source }) => source !== 'recorded')).toEqual([]);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    for (const tag of ['merge', 'split', 'mremap', 'placement', 'accounting', 'refused'] as const)
      expect(all.filter(({ tags }) => tags.includes(tag)).length, tag).toBeGreaterThanOrEqual(100);
  });

  it('are lines of JSON, the header first, which counts them', () => {
    const [header, ...lines] = vectorFile(SET, texts).trimEnd().split('\n');
    expect(JSON.parse(header!)).toMatchObject({
      format: 'vmarea-vectors',
      version: 1,
      set: SET,
      start_brk: '0x506000',
      vectors: { recorded: lines.length, derived: 0 },
    });
    const vector = lines
      .map((line) => JSON.parse(line) as Vector)
      .find(({ id }) => id === `${SET}/scenarios/062_merge_case1:4`);
    expect(vector?.tags).toEqual(['merge', 'accounting']);
    expect(vector?.calls.map(({ op, ret }) => [op, ret])).toEqual([
      ['mmap', '0x10000000'],
      ['mmap', '0x10004000'],
      ['mmap', '0x10002000'],
    ]);
    expect(vector?.after).toContain('10000000-10006000 rw-p 00000000 00:00 0');
    expect(vector?.status?.after['VmSize']).toBe(1216);
  });
});
