// The TLB's arrays in a buffer of the embedder: what compiled code reads there is what loads and stores use.
import { createArm64 } from '@vmarea/arch-arm64';
import { DEFAULT_CONFIG, MAP_ANONYMOUS, MAP_PRIVATE, MSM_4_4, PROT_READ, PROT_WRITE } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { createCaller, createMm, doMprotect, MmSystem, vmMmapPgoff, type Caller } from '../../src/index.ts';
import { createMemory, stateOf, TLB_BYTES, TLB_ENTRIES, UserMemory } from '../../src/memory/index.ts';

const PAGE = 4096;
const RAM = 4 * 2 ** 20;

/** A process whose physical memory is the first part of `buffer`. */
function processIn(buffer: ArrayBufferLike): Caller {
  const arch = createArm64({ pageSize: PAGE, vaBits: 48 });
  const system = new MmSystem({ arch, profile: MSM_4_4, config: DEFAULT_CONFIG });
  createMemory(system, { buffer, bytes: RAM });
  return createCaller(createMm(system)!);
}

describe('a TLB behind physical memory in one buffer', () => {
  it('shows each translation at the documented bytes, and takes it back', () => {
    const buffer = new SharedArrayBuffer(RAM + TLB_BYTES);
    const cur = processIn(buffer);
    stateOf(cur.mm).placeTlb(buffer, RAM);
    const user = new UserMemory(cur);
    const at = vmMmapPgoff(cur, null, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
    const view = new DataView(buffer);
    const i = (at / PAGE) % TLB_ENTRIES;
    const tags = () => [0, 8, 16].map((x) => view.getFloat64(RAM + x * TLB_ENTRIES + i * 8, true));
    expect(tags()).toEqual([-1, -1, -1]);

    expect(user.store32(at + 8, 0xcafe)).toBe(0);
    expect(tags()).toEqual([at, at, -1]);
    const word = view.getInt32(RAM + 24 * TLB_ENTRIES + i * 4, true);
    expect(view.getUint32(word * 4 + 8, true)).toBe(0xcafe);

    // What another side writes is loaded.
    view.setUint32(word * 4 + 8, 0xbeef, true);
    expect(user.load32(at + 8)).toBe(0xbeef);

    expect(doMprotect(cur, at, PAGE, PROT_READ)).toBe(0);
    expect(tags()[1]).toBe(-1);
  });

  it('is refused where it would lie over memory, the end, or an odd byte, and where there is one', () => {
    const buffer = new ArrayBuffer(RAM + TLB_BYTES);
    const state = stateOf(processIn(buffer).mm);
    for (const offset of [0, RAM - 8, RAM + 8, RAM + 4, 0.5, NaN])
      expect(() => state.placeTlb(buffer, offset), String(offset)).toThrow(RangeError);
    expect(() => state.placeTlb(new ArrayBuffer(TLB_BYTES), 0)).not.toThrow();
    expect(() => state.placeTlb(new ArrayBuffer(TLB_BYTES), 0)).toThrow('has a TLB already');
  });

  it('leaves no memory beyond the buffer', () => {
    const arch = createArm64({ pageSize: PAGE, vaBits: 48 });
    const system = new MmSystem({ arch, profile: MSM_4_4, config: DEFAULT_CONFIG });
    expect(() => createMemory(system, { buffer: new ArrayBuffer(RAM), bytes: RAM + PAGE })).toThrow('in a buffer of');
  });
});
