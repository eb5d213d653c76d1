/**
 * The rows of the benchmark: the contenders of each, and its goal. Not here: the workloads.
 */
import { showMaps } from '@vmarea/kernel';
import { createMemory, type Memory } from '@vmarea/mm-core/memory';
import type { KernelProfile } from '@vmarea/uapi';
import { compare, cpuTime, inProcess, type Contender, type Effort, type Measured } from './harness.ts';
import type { Host } from '../peers/host.ts';
import { IndexAlone } from '../workloads/index-alone.ts';
import { BLOCK, forkTime, MemorySpace, RawArray } from '../workloads/memory-space.ts';
import { benchSystem, Space } from '../workloads/space.ts';
import { BintreesPeer, SortedBTreePeer, type TreePeer } from '../peers/trees.ts';

/** The name of vmarea in results. */
export const OURS = 'vmarea';
/** The name of vmarea with memory and page tables. */
export const OURS_WITH_MEMORY = 'vmarea + memory';
export const INDEX = 'index alone';
/** Measured with every row of the engine: the present speed of the machine. */
export const YARDSTICK = 'yardstick';

/** A finished row. */
export interface Row extends Measured {
  readonly id: string;
  readonly title: string;
  /** What one operation is. */
  readonly per: string;
  /** VMAs, where the row is measured over their number. */
  readonly n: number | null;
}

/** What a run needs. */
export interface Setting {
  readonly profile: KernelProfile['name'];
  readonly sizes: readonly number[];
  readonly effort: Effort;
  readonly host: Host;
  /** Told what is being measured. */
  readonly progress: (what: string) => void;
}

const ENGINE_ROWS = [
  { id: 'find', title: 'find_vma of a random address', per: 'call' },
  { id: 'pair', title: 'mmap + munmap of one page', per: 'pair' },
  { id: 'split_merge', title: 'mprotect of a middle page and back', per: 'pair' },
  { id: 'punch_refill', title: 'munmap of one VMA + mmap into that hole', per: 'pair' },
  { id: 'churn', title: 'munmap of a random VMA + mmap of 1 to 8 pages', per: 'pair' },
] as const;

type EngineId = (typeof ENGINE_ROWS)[number]['id'];

function ours(id: EngineId, space: Space): (count: number) => void {
  switch (id) {
    case 'find':
      return (count) => space.find(count);
    case 'pair':
      return (count) => space.pair(count);
    case 'split_merge':
      return (count) => space.splitMerge(count);
    case 'punch_refill':
      return (count) => space.punchRefill(count);
    case 'churn':
      return (count) => space.churn(count);
  }
}

function indexAlone(id: Exclude<EngineId, 'find'>, n: number): (count: number) => void {
  const index = new IndexAlone(n);
  switch (id) {
    case 'pair':
      return (count) => index.pair(count);
    case 'split_merge':
      return (count) => index.splitMerge(count);
    case 'punch_refill':
      return (count) => index.punchRefill(count);
    case 'churn':
      return (count) => index.churn(count);
  }
}

function tree(id: EngineId, peer: TreePeer): Contender {
  if (id === 'find') return inProcess(peer.name, (count) => peer.find(count));
  if (id === 'split_merge') return inProcess(peer.name, (count) => peer.splitMerge(count));
  return inProcess(peer.name, (count) => peer.punchRefill(count));
}

/** The engine over the number of VMAs. */
export async function engineRows(setting: Setting): Promise<Row[]> {
  const { profile, host } = setting;
  const rows: Row[] = [];
  const yardstick = new SortedBTreePeer(1000);
  for (const row of ENGINE_ROWS) {
    for (const n of setting.sizes) {
      setting.progress(`${row.id}, ${n} VMAs`);
      const contenders: Contender[] = [];
      const space = new Space(benchSystem(profile), n);
      contenders.push(inProcess(OURS, ours(row.id, space)));
      if (row.id !== 'find') {
        const system = benchSystem(profile);
        createMemory(system, { bytes: 64 * 1024 * 1024 });
        contenders.push(inProcess(OURS_WITH_MEMORY, ours(row.id, new Space(system, n))));
        contenders.push(inProcess(INDEX, indexAlone(row.id, n)));
      }
      contenders.push(tree(row.id, new SortedBTreePeer(n)), tree(row.id, new BintreesPeer(n)));
      if (row.id !== 'find') contenders.push(host.contender(row.id, n));
      contenders.push(inProcess(YARDSTICK, (count) => yardstick.find(count)));
      rows.push({ ...row, n, ...(await compare(contenders, setting.effort)) });
    }
  }
  return rows;
}

/** Everything with memory behind it. */
export async function memoryRows(setting: Setting): Promise<Row[]> {
  const { profile, host, effort } = setting;
  const space = new MemorySpace(profile);
  const raw = new RawArray();
  const rows: Row[] = [];
  const add = async (
    id: string,
    title: string,
    per: string,
    contenders: Contender[],
    n: number | null = null,
  ): Promise<void> => {
    setting.progress(id);
    rows.push({ id, title, per, n, ...(await compare(contenders, effort)) });
  };
  await add('anon_fault', 'first store to an anonymous page', 'page', [
    { name: OURS, measure: (ms) => space.anonFault(ms) },
    host.contender('first_touch', 0),
    inProcess('zeroing 4 KiB', (count) => space.zero(count)),
  ]);
  await add('populate', 'mmap with MAP_POPULATE', 'page', [
    { name: OURS, measure: (ms) => space.populate(ms) },
    host.contender('populate', 0),
  ]);
  await add('cow_fault', 'store to a page shared by a fork', 'page', [
    { name: OURS, measure: (ms) => space.cowFault(ms) },
    host.contender('cow', 0),
  ]);
  await add('tlb_load', '64-bit load, TLB hit', 'load', [
    inProcess(OURS, (count) => space.loadHit(count)),
    inProcess('raw typed array', (count) => raw.load(count)),
  ]);
  await add('tlb_store', '64-bit store, TLB hit', 'store', [
    inProcess(OURS, (count) => space.storeHit(count)),
    inProcess('raw typed array', (count) => raw.store(count)),
  ]);
  await add('walk', 'load that misses: walk of 4 levels and refill', 'load', [
    inProcess(OURS, (count) => space.walk(count)),
    inProcess('raw typed array', (count) => raw.load(count)),
  ]);
  await add('copy_to_user', 'copy to user memory, 16 pages at a time', '4 KiB', [
    inProcess(OURS, (count) => space.copyTo(count)),
    host.contender('memcpy', 0, 'C memcpy'),
    host.contender('copy_read', 0),
  ]);
  await add('copy_from_user', 'copy from user memory, 16 pages at a time', '4 KiB', [
    inProcess(OURS, (count) => space.copyFrom(count)),
    host.contender('memcpy', 0, 'C memcpy'),
    host.contender('copy_read', 0),
  ]);
  await add('fork_touched', 'fork, per touched page', 'page', [
    { name: OURS, measure: (ms) => space.forkTouched(16 * BLOCK, ms) },
    host.contender('fork_touched', 16 * BLOCK),
  ]);
  space.end();
  for (const n of [1000, 10000]) {
    const system = benchSystem(profile);
    createMemory(system, { bytes: 64 * 1024 * 1024 });
    const many = new Space(system, n);
    await add(
      'fork',
      'fork of an address space',
      'fork',
      [{ name: OURS, measure: (ms) => forkTime(many.cur, ms) * 1e6 }, host.contender('fork', n)],
      n,
    );
    await add(
      'maps',
      '/proc/PID/maps',
      'line',
      [{ name: OURS, measure: (ms) => mapsTime(many, ms) }, host.contender('maps', n)],
      n,
    );
  }
  return rows;
}

/** Nanoseconds per line of maps. */
function mapsTime(space: Space, ms: number): number {
  let lines = 0;
  const from = cpuTime();
  do {
    showMaps(space.mm);
    lines += space.n;
  } while (cpuTime() - from < ms);
  return ((cpuTime() - from) * 1e6) / lines;
}

/** Bytes that a machine's frames cost beside their contents, per frame: every array of `Frames` with an entry for each. */
export function bytesPerFrame(profile: KernelProfile['name']): number {
  const { frames }: Memory = createMemory(benchSystem(profile), { bytes: 256 * 1024 * 1024 });
  let bytes = 0;
  for (const value of Object.values(frames) as unknown[])
    if (ArrayBuffer.isView(value) && (value as Uint8Array).length >= frames.nrFrames) bytes += value.byteLength;
  return bytes / frames.nrFrames;
}
