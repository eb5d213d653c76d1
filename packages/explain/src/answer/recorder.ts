/**
 * A tracer that stores the events: functions entered, decisions, changes of VMAs, faults.
 */
import type { Tracer, Vma, VmaEvent } from '@vmarea/mm-core';

/** One event. */
export type TraceEvent =
  | { readonly kind: 'enter'; readonly fn: string; readonly args: readonly [number, number, number, number] }
  | { readonly kind: 'decide'; readonly decision: number; readonly result: number }
  | {
      readonly kind: 'vma';
      readonly event: VmaEvent;
      readonly start: number;
      readonly end: number;
      readonly detail: number;
    }
  | { readonly kind: 'fault'; readonly what: string; readonly address: number; readonly decision: number };

/** Attach it to `mm.tracer`. */
export class Recorder implements Tracer {
  readonly events: TraceEvent[] = [];

  enter(fn: string, a: number, b: number, c: number, d: number): void {
    this.events.push({ kind: 'enter', fn, args: [a, b, c, d] });
  }

  decide(decision: number, result: number): void {
    this.events.push({ kind: 'decide', decision, result });
  }

  vma(event: VmaEvent, vma: Vma, detail: number): void {
    this.events.push({ kind: 'vma', event, start: vma.vmStart, end: vma.vmEnd, detail });
  }

  fault(kind: string, _vma: Vma | null, address: number, decision: number): void {
    this.events.push({ kind: 'fault', what: kind, address, decision });
  }
}
