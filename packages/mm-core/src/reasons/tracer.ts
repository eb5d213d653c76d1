/**
 * The listener that can be attached to an Mm. Without one, each event costs one null check.
 */
import type { Vma } from '../areas/vma.ts';

/** What happened to a VMA. */
export type VmaEvent = 'insert' | 'remove' | 'split' | 'merge' | 'expand' | 'shrink' | 'grow' | 'flags' | 'copy';

/** A listener. All methods are called synchronously, with the mmap lock held; none may change the address space. */
export interface Tracer {
  /**
   * A function was entered.
   *
   * @param fn the kernel's name of the function
   * @param a its numeric arguments, in the kernel's order: `a`, `b`, `c`, `d` (0 where there are fewer)
   */
  enter(fn: string, a: number, b: number, c: number, d: number): void;
  /**
   * A decision ended or changed the path of a call.
   *
   * @param decision the number of the reason
   * @param result the errno, or 0 when the call continues (a refused merge)
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
   * @param kind what happened: 'anon', 'zero', 'file', 'around', 'cow', 'shared', 'reuse', 'hugetlb', 'sigbus', 'sigsegv', 'oom'
   * @param decision the number of the reason for a refusal or a copy; otherwise 0
   */
  fault(kind: string, vma: Vma | null, address: number, decision: number): void;
}
