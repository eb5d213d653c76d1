/**
 * The ways to run a recording, which must all give the recorded answers: no program can see which path a call takes.
 */
import type { Task } from '@vmarea/kernel';
import type { Tracer } from '@vmarea/mm-core';

/** Whether plain memory is handled as records, and whether a listener is attached. */
export const WAYS = ['records', 'heard', 'objects'] as const;
export type Way = (typeof WAYS)[number];

/** The description of each way, for `--help`. */
export const WAY_MEANS: Readonly<Record<Way, string>> = {
  records: 'as it ships',
  heard: 'with a tracer, a perf hook and uprobes that listen',
  objects: 'with the fast paths for plain memory switched off',
};

/** Receives every event and reads each VMA, to check that its fields are readable. */
class Listener implements Tracer {
  /** The pages of all reported VMAs: only so that each is really read. */
  bytes = 0;

  enter(): void {
    return;
  }

  decide(): void {
    return;
  }

  vma(_event: string, vma: { readonly vmStart: number; readonly vmEnd: number }): void {
    this.look(vma);
  }

  fault(_kind: string, vma: { readonly vmStart: number; readonly vmEnd: number } | null): void {
    if (vma !== null) this.look(vma);
  }

  look(vma: { readonly vmStart: number; readonly vmEnd: number }): void {
    this.bytes += vma.vmEnd - vma.vmStart;
  }
}

/** Sets a machine to a way, before the first recorded operation. Children inherit their parent's tracer. */
export function goWay(task: Task, way: Way): void {
  const { system } = task.kernel;
  if (way === 'objects') system.fastPaths = false;
  if (way !== 'heard') return;
  const listener = new Listener();
  task.mm.tracer = listener;
  system.perf = { mmap: (vma) => listener.look(vma) };
  system.uprobes = {
    mmap: (vma) => {
      listener.look(vma);
      return 0;
    },
    munmap: (vma) => listener.look(vma),
  };
}
