/**
 * Checks the counts of the frames: for tests, after each operation or at the end. Mirrors the checks of CONFIG_DEBUG_VM.
 */
import { isAddressSpace } from './cache/address-space.ts';
import type { Frames } from './frames/buddy.ts';
import { PG_BUDDY, PG_CACHED, PG_COMPOUND, PG_DIRTY, PG_SWAPBACKED, PG_TABLE } from './frames/flags.ts';

/**
 * Checks all frames that were ever allocated.
 *
 * @returns one sentence for each violation; empty when there is none
 */
export function validateFrames(frames: Frames): string[] {
  const wrong: string[] = [];
  const hot = frames.hotFrames();
  let free = frames.nrFrames - frames.highWater;
  let cached = 0;
  let shmem = 0;
  let tables = 0;
  let fileDirty = 0;
  for (let pfn = 0; pfn < frames.highWater;) {
    const flags = frames.flags[pfn]!;
    const refs = frames.refcount[pfn]!;
    const maps = frames.mapcount[pfn]!;
    const size = 1 << frames.order(pfn);
    const say = (text: string): void => {
      wrong.push(
        `frame ${String(pfn)} (flags 0x${flags.toString(16)}, ${String(refs)} refs, ${String(maps)} maps): ${text}`,
      );
    };
    if ((flags & PG_BUDDY) !== 0 || hot.has(pfn)) {
      free += size;
      if (refs !== 0) say('free, but referenced');
    } else {
      if (refs <= 0) say('in use without a reference');
      if (maps < 0 || maps > refs) say('mapped by more entries than it has references');
      if (size > 1 !== ((flags & PG_COMPOUND) !== 0)) say('an order that does not fit its flags');
      if ((flags & PG_TABLE) !== 0) tables++;
      if ((flags & PG_CACHED) !== 0) {
        cached++;
        if ((flags & PG_SWAPBACKED) !== 0) shmem++;
        const owner = frames.owner(pfn);
        const index = frames.index[pfn]!;
        if (!isAddressSpace(owner)) say('in a page cache, but no file owns it');
        else if (owner.find(index) !== pfn) say(`its file has another page at ${String(index)}`);
        else if (owner.accountsDirty && (flags & PG_DIRTY) !== 0) fileDirty++;
      }
    }
    pfn += size;
  }
  const compare = (name: string, has: number, counted: number): void => {
    if (has !== counted) wrong.push(`${name} is ${String(has)}, counted ${String(counted)}`);
  };
  compare('nrFree', frames.nrFree, free);
  compare('nrFilePages', frames.nrFilePages, cached);
  compare('nrShmem', frames.nrShmem, shmem);
  compare('nrPageTable', frames.nrPageTable, tables);
  compare('nrFileDirty', frames.nrFileDirty, fileDirty);
  return wrong;
}
