/**
 * Counts the events of VMAs during a replay. It is a listener and changes nothing.
 */
import { type Tracer, type Vma, type VmaEvent } from '@vmarea/mm-core';
import { MMAP_REGION_DRIVER_REFUSED, VMA_MERGE_ANON_VMA } from '@vmarea/mm-core/reasons';

/** The listener of every address space of a replay. */
export class VmaCounter implements Tracer {
  created = 0;
  merged = 0;
  split = 0;
  removed = 0;
  peak = 0;
  peakPid = 0;
  peakLine = 0;
  /** Merges that were refused only because both sides had been assumed as written. */
  touchRefusals = 0;
  touchLine = 0;
  /** The last reason before that of the engine, so the driver's own after a driver's error; 0 for none. Clear it before a call. */
  driverDecision = 0;
  /** The task that makes the call. */
  pid = 0;
  line = 0;

  enter(): void {
    // Entered functions are not counted.
  }

  decide(decision: number, result: number): void {
    // A driver's own reason comes directly before that of the engine, which only says that the driver refused.
    if (result < 0 && decision !== MMAP_REGION_DRIVER_REFUSED) this.driverDecision = decision;
    if (decision !== VMA_MERGE_ANON_VMA) return;
    this.touchRefusals++;
    if (this.touchLine === 0) this.touchLine = this.line;
  }

  vma(event: VmaEvent, vma: Vma): void {
    switch (event) {
      case 'insert':
        this.created++;
        this.atPeak(vma);
        return;
      case 'split':
        this.split++;
        this.atPeak(vma);
        return;
      case 'merge':
        this.merged++;
        return;
      case 'remove':
        this.removed++;
        return;
      default:
        return;
    }
  }

  fault(): void {
    // A replay has no memory.
  }

  private atPeak(vma: Vma): void {
    const { mapCount } = vma.vmMm;
    if (mapCount <= this.peak) return;
    this.peak = mapCount;
    this.peakPid = this.pid;
    this.peakLine = this.line;
  }
}
