/**
 * The mmap lock (mmap_sem). The code is synchronous, so only a driver that calls a mapping call from its own operation can
 * meet the held lock: a deadlock in the kernel, a named error here.
 */
import type { Mm } from './mm.ts';

/** Thrown when a driver's operation maps or unmaps in the address space whose lock is held. */
export class MmapLockError extends Error {
  override readonly name = 'MmapLockError';
  /** The call that found the lock held. */
  readonly verb: string;

  constructor(verb: string) {
    super(`${verb}: the mmap lock is held; a driver operation must not map or unmap in the same address space`);
    this.verb = verb;
  }
}

/** down_write(&mm->mmap_sem). @throws MmapLockError when it is held */
export function mmapLock(mm: Mm, verb: string): void {
  if (mm.locked) throw new MmapLockError(verb);
  mm.locked = true;
}

/** up_write(&mm->mmap_sem). */
export function mmapUnlock(mm: Mm): void {
  mm.locked = false;
}
