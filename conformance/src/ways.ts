/**
 * The ways to run a recording, which must all give the recorded answers: the path that a call takes shows to nobody.
 */
import type { Task } from '@vmarea/kernel';
import type { Tracer } from '@vmarea/mm-core';

/** How plain memory is handled, and whether somebody listens. */
export const WAYS = ['records', 'heard', 'objects'] as const;
export type Way = (typeof WAYS)[number];

/** What each way is, for `--help`. */
export const WAY_MEANS: Readonly<Record<Way, string>> = {
  records: 'as it ships',
  heard: 'with a tracer, a perf hook and uprobes that listen',
  objects: 'with the fast paths for plain memory switched off',
};

/** Hears everything and looks at each VMA, so that what it is shown must be there. */
class Listener implements Tracer {
  /** Pages that were ever told of: only so that each is really read. */
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

/** Sends a machine that way, before the first recorded operation. Children inherit their parent's tracer. */
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
