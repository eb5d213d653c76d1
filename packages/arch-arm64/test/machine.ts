// A machine for the tests: physical memory with a table allocator that keeps books, and every granule with every VA size.
import { createArm64, type Arm64, type Arm64PageTables, type TableAllocator } from '@vmarea/arch-arm64';

/** Every combination that Linux knows. */
export const machines: Arm64[] = [
  createArm64({ pageSize: 4096, vaBits: 39 }),
  createArm64({ pageSize: 4096, vaBits: 48 }),
  createArm64({ pageSize: 4096, vaBits: 52 }),
  createArm64({ pageSize: 16384, vaBits: 36 }),
  createArm64({ pageSize: 16384, vaBits: 47 }),
  createArm64({ pageSize: 16384, vaBits: 48 }),
  createArm64({ pageSize: 16384, vaBits: 52 }),
  createArm64({ pageSize: 65536, vaBits: 42 }),
  createArm64({ pageSize: 65536, vaBits: 48 }),
  createArm64({ pageSize: 65536, vaBits: 52 }),
];

export const machineName = (arch: Arm64): string => `${arch.pageSize / 1024}K/${arch.vaBits}`;

/** Whether the machine needs FEAT_LPA2: the descriptors have no shareability bits then. */
export const lpa2 = (arch: Arm64): boolean => arch.vaBits > 48 && arch.pageSize < 65536;

/** Frames handed out from `first` on; a freed frame is filled with rubbish and may come back. */
export class TestAllocator implements TableAllocator {
  readonly live = new Set<number>();
  /** Allocations that still succeed. */
  budget = Infinity;
  private readonly free: number[] = [];
  private next: number;
  private readonly u32: Uint32Array;
  private readonly words: number;

  constructor(u32: Uint32Array, pageSize: number, first = 1) {
    this.u32 = u32;
    this.words = pageSize / 4;
    this.next = first;
  }

  allocTable(): number {
    if (this.budget <= 0) return -1;
    this.budget--;
    const pfn = this.free.pop() ?? this.next++;
    if ((pfn + 1) * this.words > this.u32.length) throw new Error('the test machine is too small');
    for (let i = 0; i < this.words; i++) this.u32[pfn * this.words + i] = 0;
    this.live.add(pfn);
    return pfn;
  }

  freeTable(pfn: number): void {
    if (!this.live.delete(pfn)) throw new Error(`frame ${pfn} is not in use`);
    for (let i = 0; i < this.words; i++) this.u32[pfn * this.words + i] = 0xdeadbeef;
    this.free.push(pfn);
  }
}

export interface Machine {
  arch: Arm64;
  u32: Uint32Array;
  alloc: TestAllocator;
  pt: Arm64PageTables;
}

const shared = new Uint32Array(2 ** 24);

/** New page tables in 64 MiB of memory that the tests share one after the other. */
export function boot(arch: Arm64, u32: Uint32Array = shared, firstPfn = 1): Machine {
  const alloc = new TestAllocator(u32, arch.pageSize, firstPfn);
  const pt = arch.createPageTables({ u32 }, alloc);
  if (pt === null) throw new Error('no memory for the root table');
  return { arch, u32, alloc, pt };
}

/** The 64-bit descriptor in a slot, as hex text. */
export function descriptor(u32: Uint32Array, slot: number): string {
  return `0x${u32[slot + 1]!.toString(16).padStart(8, '0')}${u32[slot]!.toString(16).padStart(8, '0')}`;
}
