/**
 * Counts what happens to VMAs while a log is replayed. It listens to the engine; it decides nothing.
 */
import { type Tracer, type Vma, type VmaEvent } from '@vmarea/mm-core';
import { MMAP_REGION_DRIVER_REFUSED, VMA_MERGE_ANON_VMA } from '@vmarea/mm-core/reasons';

/** Attached to every address space of a replay. */
export class VmaCounter implements Tracer {
  created = 0;
  merged = 0;
  split = 0;
  removed = 0;
  peak = 0;
  peakPid = 0;
  peakLine = 0;
  /** Merges that were refused only because both sides had been taken as written. */
  touchRefusals = 0;
  touchLine = 0;
  /** The last refusal before that of the engine, so the driver's own when a driver refused; 0 for none. Whoever makes a call clears it. */
  driverDecision = 0;
  /** Who is at work. */
  pid = 0;
  line = 0;

  enter(): void {
    // Which functions are entered does not matter here.
  }

  decide(decision: number, result: number): void {
    // A driver's own reason comes right before that of the engine, which only says that the driver refused.
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
    // There is no memory behind a replay.
  }

  private atPeak(vma: Vma): void {
    const { mapCount } = vma.vmMm;
    if (mapCount <= this.peak) return;
    this.peak = mapCount;
    this.peakPid = this.pid;
    this.peakLine = this.line;
  }
}
