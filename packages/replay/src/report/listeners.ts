/** Passes the events of an address space to several listeners. */
import type { Tracer, Vma, VmaEvent } from '@vmarea/mm-core';

/** Combines several tracers, called in their order. */
export class FanOut implements Tracer {
  readonly #listeners: readonly Tracer[];

  constructor(listeners: readonly Tracer[]) {
    this.#listeners = listeners;
  }

  enter(fn: string, a: number, b: number, c: number, d: number): void {
    for (const listener of this.#listeners) listener.enter(fn, a, b, c, d);
  }

  decide(decision: number, result: number): void {
    for (const listener of this.#listeners) listener.decide(decision, result);
  }

  vma(event: VmaEvent, vma: Vma, detail: number): void {
    for (const listener of this.#listeners) listener.vma(event, vma, detail);
  }

  fault(kind: string, vma: Vma | null, address: number, decision: number): void {
    for (const listener of this.#listeners) listener.fault(kind, vma, address, decision);
  }
}
