/**
 * vm_area_cachep: how many VMAs a system has, and whether there may be one more.
 *
 * Mirrors the counting side of kmem_cache_alloc/kmem_cache_free; the records themselves belong to each address space
 * (areas/table.ts), which reuses them, so that a steady load allocates nothing.
 */
import type { MmSystem } from '../space/system.ts';

/** The VMAs of one system. */
export class Slab {
  /** VMAs in use. */
  active = 0;
  private readonly system: MmSystem;

  constructor(system: MmSystem) {
    this.system = system;
  }

  /** Counts one VMA more. False, and nothing counted, when memory is exhausted (injected). */
  take(): boolean {
    if (this.system.failCountdown !== 0 && this.system.shouldFail()) return false;
    this.active++;
    return true;
  }

  /** Counts `n` VMAs more, where nothing is injected. */
  takeAll(n: number): void {
    this.active += n;
  }

  /** One VMA less. */
  give(): void {
    this.active--;
  }
}
