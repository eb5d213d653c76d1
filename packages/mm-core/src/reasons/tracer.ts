/**
 * What can be attached to an Mm to hear what its verbs do. Detached, the cost is one null check.
 */
import type { Vma } from '../areas/vma.ts';

/** What happened to a VMA. */
export type VmaEvent = 'insert' | 'remove' | 'split' | 'merge' | 'expand' | 'shrink' | 'grow' | 'flags' | 'copy';

/** A listener. All methods are called synchronously, with the mmap lock held; none may change the address space. */
export interface Tracer {
  /**
   * A function has been entered.
   *
   * @param fn the kernel's name of it
   * @param a its numeric arguments, in the kernel's order: `a`, `b`, `c`, `d` (0 where there are fewer)
   */
  enter(fn: string, a: number, b: number, c: number, d: number): void;
  /**
   * A decision was taken that ends or turns the path.
   *
   * @param decision id in the catalogue
   * @param result the errno, or 0 where the path goes on (a merge refused)
   */
  decide(decision: number, result: number): void;
  /**
   * A VMA was made, changed or removed.
   *
   * @param detail for a merge its case (1 to 8), otherwise an address, or 0
   */
  vma(event: VmaEvent, vma: Vma, detail: number): void;
  /**
   * A page was faulted in, copied or refused.
   *
   * @param kind what was done: 'anon', 'zero', 'file', 'around', 'cow', 'shared', 'reuse', 'hugetlb', 'sigbus', 'sigsegv', 'oom'
   * @param decision for a refusal and for a copy why; otherwise 0
   */
  fault(kind: string, vma: Vma | null, address: number, decision: number): void;
}
