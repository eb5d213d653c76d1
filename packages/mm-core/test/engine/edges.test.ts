/**
 * 64-bit edges: every verb with every combination of registers at which C's unsigned arithmetic wraps, overflows or
 * rounds, compared with the model, whose checks are BigInt arithmetic modulo 2^64. And the same pictures at addresses
 * where 32-bit operators would break.
 */
import {
  DEFAULT_CONFIG,
  defaultSysctls,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_READ,
  PROT_WRITE,
} from '@vmarea/uapi';
import { describe, expect, test } from 'vitest';
import {
  alignDown,
  alignDownSize,
  alignUp,
  alignUpSize,
  createCaller,
  createMm,
  doMadvise,
  doMlock,
  doMprotect,
  doMremap,
  doMunlock,
  MmSystem,
  VM_LOCKED,
  vmMmapPgoff,
  vmMunmap,
} from '../../src/index.ts';
import { createTestArch, validateMm } from '../../src/testing/index.ts';
import { Machine, PAGE, type Op, type Setup } from './harness.ts';
import { BOTH } from './picture.ts';

const T = 64n * 4096n;
const TOP = 1n << 64n;

/** Registers at which something turns. */
const EDGES: readonly bigint[] = [
  0n,
  1n,
  4095n,
  4096n,
  0x10_000n,
  T - 4096n,
  T - 1n,
  T,
  T + 1n,
  T + 4096n,
  1n << 31n,
  (1n << 32n) - 4096n,
  1n << 48n,
  (1n << 52n) - 4096n,
  1n << 52n,
  (1n << 53n) + 4096n,
  (1n << 63n) - 4096n,
  1n << 63n,
  TOP - (1n << 52n) - 4096n,
  TOP - T,
  TOP - 0x10_000n,
  TOP - 8192n,
  TOP - 4096n,
  TOP - 4095n,
  TOP - 1n,
];
const FEW: readonly bigint[] = [0n, 4096n, 4097n, T, 1n << 52n, 1n << 63n, TOP - 0x10_000n, TOP - 4096n, TOP - 1n];

function setupOf(profile: Setup['profile']): Setup {
  return {
    profile,
    pages: 64,
    guardPages: 2,
    maxMapCount: 65530,
    overcommit: 1,
    commitPages: 1000,
    legacy: false,
    swap: true,
    ksm: false,
    limits: { as: Infinity, data: Infinity, dataMax: Infinity, stack: 2 ** 40, memlock: Infinity },
    caps: 7,
    readImpliesExec: false,
    dacMin: 1,
    lsmMin: 2,
    brkPage: 4,
  };
}

/** An address space with something at both ends: pages 16 to 24 (a file, shared), and the last four. */
function machine(profile: Setup['profile']): Machine {
  const made = new Machine(setupOf(profile), null);
  const file = { op: 'mmap', prot: 3, flags: 0x11, file: 0, off: 0n } as const;
  made.run({ ...file, addr: 0x10_000n, len: 0x8_000n });
  made.run({ op: 'mmap', addr: T - 0x4_000n, len: 0x4_000n, prot: 3, flags: 0x32, file: -1, off: 0n });
  return made;
}

/** Registers of which `fromRegister` keeps the alignment only: beyond every address space, and not near 2^64. */
function isLost(register: unknown): boolean {
  return typeof register === 'bigint' && register >= 1n << 52n && register < TOP - (1n << 52n);
}

/** Of two such registers in one call the engine knows neither order nor sum: those calls are left out. */
function isKnown(op: Op): boolean {
  return Object.values(op).filter(isLost).length < 2;
}

/** Runs every operation on a machine that nothing has changed. */
function check(profile: Setup['profile'], ops: Iterable<Op>): void {
  let at = machine(profile);
  let n = 0;
  for (const op of ops) {
    if (!isKnown(op)) continue;
    n++;
    try {
      const result = at.run(op);
      // A refusal leaves it as it was but for what is known to stay; to be sure, only those that change nothing go on.
      if (result >= 0 || op.op === 'mremap' || op.op === 'mmap' || op.op === 'brk') at = machine(profile);
    } catch (error) {
      const text = JSON.stringify(op, (_key, v: unknown) => (typeof v === 'bigint' ? `0x${v.toString(16)}` : v));
      throw new Error(`${text}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  expect(n).toBeGreaterThan(10);
}

function* pairs(make: (addr: bigint, len: bigint) => Op): Generator<Op> {
  for (const addr of EDGES) for (const len of EDGES) yield make(addr, len);
}

describe.each(BOTH)('edges of 64 bits, $name', ({ name }) => {
  test('munmap', () =>
    check(
      name,
      pairs((addr, len) => ({ op: 'munmap', addr, len })),
    ));
  test('mprotect', () =>
    check(
      name,
      pairs((addr, len) => ({ op: 'mprotect', addr, len, prot: 1 })),
    ));
  test('mprotect, PROT_GROWSDOWN', () =>
    check(
      name,
      pairs((addr, len) => ({ op: 'mprotect', addr, len, prot: 0x01000001 })),
    ));
  test('madvise', () =>
    check(
      name,
      pairs((addr, len) => ({ op: 'madvise', addr, len, advice: 10 })),
    ));
  test('mlock', () =>
    check(
      name,
      pairs((addr, len) => ({ op: 'mlock', addr, len, onfault: false })),
    ));
  test('munlock', () =>
    check(
      name,
      pairs((addr, len) => ({ op: 'munlock', addr, len })),
    ));
  test('msync', () =>
    check(
      name,
      pairs((addr, len) => ({ op: 'msync', addr, len, flags: 4 })),
    ));
  test('mincore', () =>
    check(
      name,
      pairs((addr, len) => ({ op: 'mincore', addr, len })),
    ));
  test('prctl', () =>
    check(
      name,
      pairs((addr, len) => ({ op: 'name', addr, len, name: 1 })),
    ));
  test('brk', () =>
    check(
      name,
      [...EDGES, ...FEW].map((addr) => ({ op: 'brk', addr })),
    ));

  test('mlock under a limit', () => {
    const limits = { as: Infinity, data: Infinity, dataMax: Infinity, stack: 2 ** 40, memlock: 20 * PAGE };
    const at = machine(name);
    at.run({ op: 'limits', limits, caps: 0, readImpliesExec: false });
    for (const op of pairs((addr, len) => ({ op: 'mlock', addr, len, onfault: false }))) if (isKnown(op)) at.run(op);
  });

  test('remap_file_pages', () =>
    check(
      name,
      (function* () {
        for (const addr of [0x10_000n, ...FEW]) {
          for (const len of FEW) {
            for (const pgoff of FEW) {
              yield { op: 'remap', addr, len, prot: 0, pgoff, flags: 0 };
            }
          }
        }
      })(),
    ));

  test('mmap, fixed and as a hint', () =>
    check(
      name,
      (function* () {
        for (const flags of [0x32, 0x22]) {
          for (const op of pairs((addr, len) => ({ op: 'mmap', addr, len, prot: 3, flags, file: -1, off: 0n })))
            yield op;
        }
      })(),
    ));

  test('mmap, offsets of files of three kinds and of none', () =>
    check(
      name,
      (function* () {
        for (const file of [-1, 0, 3, 12]) {
          for (const off of EDGES) {
            // Of two registers beyond 2^52 the engine does not know the sum: see fromRegister.
            for (const len of [1n, 4096n, 0x3_000n, TOP - 1n]) {
              yield {
                op: 'mmap',
                addr: 0x20_000n,
                len,
                prot: 1,
                flags: file < 0 ? 0x32 : 0x12,
                file,
                off: off & ~0xfffn,
              };
            }
          }
        }
      })(),
    ));

  test('mremap, in place and anywhere', () =>
    check(
      name,
      (function* () {
        for (const flags of [0, 1]) {
          for (const addr of [0x10_000n, T - 0x4_000n, TOP - 0x10_000n, 1n << 52n]) {
            for (const len of FEW) for (const newLen of EDGES) yield { op: 'mremap', addr, len, newLen, flags, to: 0n };
          }
        }
      })(),
    ));

  test('mremap, to a fixed place', () =>
    check(
      name,
      (function* () {
        for (const addr of [0x10_000n, 0x11_000n, TOP - 4096n]) {
          for (const len of FEW) {
            for (const newLen of FEW) for (const to of EDGES) yield { op: 'mremap', addr, len, newLen, flags: 3, to };
          }
        }
      })(),
    ));
});

const RW = PROT_READ | PROT_WRITE;

describe('addresses beyond 32 bits', () => {
  test('the arithmetic itself', () => {
    for (const base of [2 ** 31, 2 ** 32, 2 ** 48, 2 ** 52 - 2 ** 21]) {
      for (const [value, up, down] of [
        [base, base, base],
        [base + 1, base + 4096, base],
        [base + 4095, base + 4096, base],
        [base - 1, base, base - 4096],
      ] as const) {
        expect([alignUp(value, 4095), alignDown(value, 4095)]).toEqual([up, down]);
        expect([alignUpSize(value, 4096), alignDownSize(value, 4096)]).toEqual([up, down]);
      }
      expect(alignUpSize(base + 1, 2 ** 34)).toBe(Math.ceil((base + 1) / 2 ** 34) * 2 ** 34);
    }
  });

  test.each(BOTH)('the same calls do the same at any address, $name', (profile) => {
    const pages = 2 ** 40;
    const last = pages * PAGE;
    const pictures = [2 ** 20, 2 ** 31, 2 ** 32, 2 ** 47, 2 ** 48, last - 2 ** 20].map((centre) => {
      const arch = createTestArch({ pages });
      const sysctl = { ...defaultSysctls(), overcommitMemory: 1 };
      const system = new MmSystem({ arch, profile, config: DEFAULT_CONFIG, sysctl });
      const cur = createCaller(createMm(system)!);
      const at = centre - 8 * PAGE;
      const results = [
        vmMmapPgoff(cur, null, at, 16 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0) - at,
        doMprotect(cur, at + 4 * PAGE, 8 * PAGE, PROT_READ),
        doMlock(cur, at + 7 * PAGE + 5, PAGE, VM_LOCKED),
        doMadvise(cur, at + 2 * PAGE, 3 * PAGE, 10),
        doMremap(cur, at + 5 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + 20 * PAGE) - at,
        vmMunmap(cur, at + 9 * PAGE, 2 * PAGE),
        doMunlock(cur, at + 7 * PAGE, PAGE),
        vmMmapPgoff(cur, null, at + 3 * PAGE + 7, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, 0) < 0 ? -1 : 0,
      ];
      expect(validateMm(cur.mm)).toEqual([]);
      const shapes: string[] = [];
      for (let vma = cur.mm.tree.first; vma !== null; vma = vma.vmNext) {
        // The searched one lies below mmap_base, wherever the picture is.
        if (Math.abs(vma.vmStart - at) > 64 * PAGE) continue;
        expect(vma.vmPgoff * PAGE).toBe(vma.vmStart);
        shapes.push(`${(vma.vmStart - at) / PAGE}-${(vma.vmEnd - at) / PAGE} ${vma.vmFlags.toString(16)}`);
      }
      return [...results, ...shapes];
    });
    for (const picture of pictures) expect(picture).toEqual(pictures[0]);
  });
});
