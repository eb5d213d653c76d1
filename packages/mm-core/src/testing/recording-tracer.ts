/**
 * A tracer that counts: decisions by reason, merges by case, splits by kind, functions by name.
 */
import type { Tracer, VmaEvent } from '../reasons/tracer.ts';
import type { Vma } from '../areas/vma.ts';

/** Attach to `mm.tracer`. */
export class CountingTracer implements Tracer {
  readonly functions: Map<string, number> = new Map<string, number>();
  readonly decisions: Map<number, number> = new Map<number, number>();
  /** Merges by case; index 0 is not used. */
  readonly merges: number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  readonly events: Map<VmaEvent, number> = new Map<VmaEvent, number>();
  /** Splits whose new object is the lower part, and the upper part. */
  splitsBelow = 0;
  splitsAbove = 0;

  enter(fn: string): void {
    this.functions.set(fn, (this.functions.get(fn) ?? 0) + 1);
  }

  decide(decision: number): void {
    this.decisions.set(decision, (this.decisions.get(decision) ?? 0) + 1);
  }

  vma(event: VmaEvent, vma: Vma, detail: number): void {
    this.events.set(event, (this.events.get(event) ?? 0) + 1);
    if (event === 'merge') this.merges[detail]!++;
    if (event === 'split') {
      if (vma.vmEnd === detail) this.splitsBelow++;
      else this.splitsAbove++;
    }
  }

  fault(): void {
    // There are no faults without memory.
  }
}
