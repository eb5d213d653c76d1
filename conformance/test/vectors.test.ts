// Runs the vectors of @vmarea/recordings as another project would: on an address space with calls, here the front door.
import { join } from 'node:path';
import { createArm64, type PageSize, type VaBits } from '@vmarea/arch-arm64';
import { createAddressSpace, type AddressSpace } from '@vmarea/mm-core/address-space';
import { validateMm } from '@vmarea/mm-core';
import { ram, type UserMemory } from '@vmarea/mm-core/memory';
import { TestFile } from '@vmarea/mm-core/testing';
import { vectorsOf, type Vector, type VectorCall, type VectorFileHeader } from '@vmarea/recordings';
import { readSet } from '@vmarea/recordings/node';
import {
  defaultSysctls,
  errnoName,
  LINUX_6_1,
  LINUX_6_12,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_GROWSDOWN,
  MAP_PRIVATE,
  MSM_4_4,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';

const DIR = join(import.meta.dirname, '../recordings');
const SETS = {
  'linux-6.1-va48': LINUX_6_1,
  'linux-6.12-va48': LINUX_6_12,
  'msm-4.4-va48': MSM_4_4,
  'msm-4.4-64k-va42': MSM_4_4,
} as const;

type Space = AddressSpace<UserMemory>;
const num = (value: unknown): number => Number(value);
/** A 64-bit argument, exact. */
const reg = (value: unknown): bigint => BigInt(value as string | number);

/** A limit in bytes. */
function limit(text: string): number {
  return text === 'inf' ? Infinity : Number(text);
}

/** A fresh process. */
function freshProcess(set: keyof typeof SETS, header: VectorFileHeader, vector: Vector): Space {
  const { AS, DATA, STACK, MEMLOCK } = vector.rlimits ?? header.rlimits;
  const sysctl = vector.sysctl ?? header.sysctl;
  const profile = SETS[set];
  const space = createAddressSpace({
    arch: createArm64({ pageSize: header.page_size as PageSize, vaBits: header.va_bits as VaBits }),
    profile,
    sysctl: {
      ...defaultSysctls(),
      maxMapCount: Number(sysctl['max_map_count']),
      overcommitMemory: Number(sysctl['overcommit_memory']),
      mmapMinAddr: Number(sysctl['mmap_min_addr']),
    },
    rlimits: {
      as: limit(AS![0]),
      data: limit(DATA![0]),
      dataMax: limit(DATA![1]),
      stack: limit(STACK![0]),
      memlock: limit(MEMLOCK![0]),
    },
    memory: ram({ bytes: 2 ** 24 }),
    errors: 'errno',
  });
  for (const line of vector.before ?? header.initial_maps) {
    const [range, perms, , , , name = ''] = line.split(' ');
    const [start, end] = range!.split('-').map((text) => parseInt(text, 16));
    const prot =
      (perms!.startsWith('r') ? PROT_READ : 0) |
      (perms![1] === 'w' ? PROT_WRITE : 0) |
      (perms![2] === 'x' ? PROT_EXEC : 0);
    const flags = MAP_PRIVATE | MAP_FIXED;
    const length = end! - start!;
    // What is no plain memory merges with none: a file stands in for it.
    if (name === '[stack]') space.mmap({ addr: start!, length, prot, flags: flags | MAP_ANONYMOUS | MAP_GROWSDOWN });
    else space.mmap({ addr: start!, length, prot, flags, file: new TestFile() });
  }
  space.setHeap(Number(header.start_brk));
  return space;
}

/** Accesses one byte of every page, or every byte: the answer as recordings have it. */
function touch(space: Space, call: VectorCall, length: number, step: number, store: boolean): string {
  const { memory } = space;
  const from = num(call['addr']);
  for (let at = from; at < from + length; at += step) {
    if ((store ? memory.store8(at, 1) : memory.load8(at)) < 0) return 'signal';
  }
  return 'done';
}

/** Makes a call: its answer as text. */
function make(space: Space, call: VectorCall): string {
  const [addr, len] = [reg(call['addr'] ?? 0), reg(call['len'] ?? 0)];
  const flags = num(call['flags'] ?? 0);
  const page = space.system.pageSize;
  const answer = (result: number): string => (result < 0 ? `-${errnoName(result)}` : String(result));
  switch (call.op) {
    case 'mmap':
      return answer(space.mmap({ addr, length: len, prot: num(call['prot']), flags }));
    case 'munmap':
      return answer(space.munmap(addr, len));
    case 'mprotect':
      return answer(space.mprotect(addr, len, num(call['prot'])));
    case 'mremap':
      return answer(
        space.mremap({
          addr: reg(call['old']),
          oldLength: reg(call['oldlen']),
          newLength: reg(call['newlen']),
          flags,
          newAddr: reg(call['newaddr'] ?? 0),
        }),
      );
    case 'rtouch':
    case 'wtouch':
      return touch(space, call, Number(len), page, call.op === 'wtouch');
    case 'fill':
      return touch(space, call, Number(len), 1, true);
    case 'read':
      return touch(space, call, num(call['count']), 1, false);
    case 'write':
      return touch(space, call, String(call['hex']).length / 2, 1, true);
    default:
      throw new Error(`this runner has no ${call.op}`);
  }
}

/** The answer of the kernel in the same form. */
function recorded({ op, ret }: VectorCall): string {
  if (typeof ret === 'object') return 'signal';
  if (['rtouch', 'wtouch', 'fill', 'read', 'write'].includes(op)) return 'done';
  return typeof ret === 'string' && ret.startsWith('-') ? ret : String(num(ret));
}

/** Calls of this runner: enough for what merges, splits, moves and is placed. */
const KNOWN: ReadonlySet<string> = new Set([
  ...['mmap', 'munmap', 'mprotect', 'mremap', 'rtouch', 'wtouch', 'fill', 'read', 'write'],
]);
const plain = (line: string): string => line.split(' ').slice(0, 2).join(' ');

describe.each(Object.keys(SETS) as (keyof typeof SETS)[])('the vectors of %s', (set) => {
  const { header, vectors } = vectorsOf(set, readSet(set, DIR));
  const runnable = vectors.filter(
    ({ calls, layout }) => layout === undefined && calls.every(({ op }) => KNOWN.has(op)),
  );

  it('are what the engine answers, call by call, and maps', () => {
    expect(runnable.length).toBeGreaterThan(50);
    const wrong: string[] = [];
    for (const vector of runnable) {
      const space = freshProcess(set, header, vector);
      for (const [i, call] of vector.calls.entries()) {
        const answer = make(space, call);
        if (answer !== recorded(call))
          wrong.push(`${vector.id}: call ${i} ${call.op}: ${answer}, not ${recorded(call)}`);
      }
      const maps = space.maps().map(({ start, end, perms }) => `${hex(start)}-${hex(end)} ${perms}`);
      const after = vector.after.map(plain);
      if (maps.join() !== after.join()) wrong.push(`${vector.id}: ${maps.join()} is not ${after.join()}`);
      wrong.push(...validateMm(space.mm).map((problem) => `${vector.id}: ${problem}`));
    }
    expect(wrong).toEqual([]);
  });
});

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
