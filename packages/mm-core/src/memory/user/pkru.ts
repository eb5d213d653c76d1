/**
 * PKRU, the register with the rights of protection keys: belongs to a task, and is loaded into the page tables' MMU.
 */
import type { Caller } from '../../space/caller.ts';
import { flushTlbMm } from '../tlb/flush.ts';

/**
 * Loads the task's PKRU and drops what was cached under another one. Call it when `cur.pkru` has changed, and when another task
 * of the same address space begins to run.
 */
export function loadPkru(cur: Caller): void {
  const tables = cur.mm.pageTables as { pkru?: number } | null;
  if (tables === null || tables.pkru === undefined || tables.pkru === cur.pkru) return;
  tables.pkru = cur.pkru;
  flushTlbMm(cur.mm);
}
