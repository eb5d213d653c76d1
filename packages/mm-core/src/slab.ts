/**
 * vm_area_cachep: where Vma objects come from and go to. Objects are reused, so that a steady load allocates nothing.
 *
 * Mirrors kmem_cache_zalloc/kmem_cache_free for this one cache.
 */
import type { MmSystem } from './system.ts';
import { Vma } from './vma.ts';

/** The pool of Vma objects of one system. */
export class Slab {
  /** Objects in use. */
  active = 0;
  /** Objects ever made; `total - active` are waiting for reuse. */
  total = 0;
  private readonly free: Vma[] = [];
  private readonly system: MmSystem;

  constructor(system: MmSystem) {
    this.system = system;
  }

  /** kmem_cache_zalloc: a Vma with every field zero or null; null when memory is exhausted (injected). */
  alloc(): Vma | null {
    if (this.system.failCountdown !== 0 && this.system.shouldFail()) return null;
    this.active++;
    const vma = this.free.pop();
    if (vma !== undefined) return vma;
    this.total++;
    const made = new Vma();
    made.vmStart = 0;
    made.vmEnd = 0;
    made.vmPgoff = 0;
    return made;
  }

  /** kmem_cache_free. The object must be out of every index. */
  release(vma: Vma): void {
    vma.vmStart = 0;
    vma.vmEnd = 0;
    vma.vmPgoff = 0;
    vma.vmFlags = 0;
    vma.vmPageProt = 0;
    vma.vmMm = null;
    vma.vmFile = null;
    vma.clearExtra();
    vma.anonVma = null;
    vma.anonVmaChain = null;
    vma.vmPrev = null;
    vma.vmNext = null;
    this.active--;
    this.free.push(vma);
  }
}
