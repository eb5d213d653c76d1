/**
 * vm_area_cachep: counts the VMAs of a system, and fails where a failure is injected.
 *
 * Mirrors the counting of kmem_cache_alloc/kmem_cache_free. The records belong to each address space (areas/table.ts),
 * which reuses them, so that a steady load allocates nothing.
 */
import type { MmSystem } from '../space/system.ts';

/** The count of the VMAs of one system. */
export class Slab {
  /** VMAs in use. */
  active = 0;
  private readonly system: MmSystem;

  constructor(system: MmSystem) {
    this.system = system;
  }

  /** Counts one more VMA. Returns false, and counts nothing, when a failure of this allocation is injected. */
  take(): boolean {
    if (this.system.failCountdown !== 0 && this.system.shouldFail()) return false;
    this.active++;
    return true;
  }

  /** Counts `n` more VMAs. The caller has checked that no failure is to be injected. */
  takeAll(n: number): void {
    this.active += n;
  }

  /** Counts one VMA less. */
  give(): void {
    this.active--;
  }
}
