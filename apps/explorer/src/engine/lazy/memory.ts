/**
 * The memory of `@vmarea/mm-core` as the worker has it. A log is replayed without memory, so that its code is loaded only when
 * pages are looked at. vite.config.mjs gives this module to every package that imports `@vmarea/mm-core/memory`.
 *
 * Names that are not declared here come from the package itself and are in the worker from the start.
 */
import { VmOperations } from '@vmarea/mm-core';
import type * as Memory from '@vmarea/mm-core/memory';
import type * as WholeMemory from './whole-memory.ts';

export * from '@vmarea/mm-core/memory';

type Whole = typeof WholeMemory;

let whole: Whole | null = null;

/** Loads the memory. Machines with memory may be made afterwards. */
export async function loadMemory(): Promise<void> {
  whole ??= await import('./whole-memory.ts');
}

/** Returns a function or class of the memory that is used only on a machine with memory. */
function later<K extends keyof Whole>(name: K): Whole[K] {
  const call = function (...args: readonly unknown[]): unknown {
    if (whole === null) throw new Error(`${name}: the memory is not loaded`);
    const real = whole[name] as unknown as (...given: readonly unknown[]) => unknown;
    const made: unknown = new.target;
    return made === undefined ? real(...args) : Reflect.construct(real, args);
  };
  return call as unknown as Whole[K];
}

export const accessOk: typeof Memory.accessOk = later('accessOk');
export const accessPfn: typeof Memory.accessPfn = later('accessPfn');
export const accessProcessVm: typeof Memory.accessProcessVm = later('accessProcessVm');
export const AddressSpace: typeof Memory.AddressSpace = later('AddressSpace');
export const clearUser: typeof Memory.clearUser = later('clearUser');
export const copyFromUser: typeof Memory.copyFromUser = later('copyFromUser');
export const copyToUser: typeof Memory.copyToUser = later('copyToUser');
export const createMemory: typeof Memory.createMemory = later('createMemory');
export const createSpecialPages: typeof Memory.createSpecialPages = later('createSpecialPages');
export const filemapMapPage: typeof Memory.filemapMapPage = later('filemapMapPage');
export const flushTlbRange: typeof Memory.flushTlbRange = later('flushTlbRange');
export const genericFileMmap: typeof Memory.genericFileMmap = later('genericFileMmap');
export const strncpyFromUser: typeof Memory.strncpyFromUser = later('strncpyFromUser');
export const UserMemory: typeof Memory.UserMemory = later('UserMemory');

/** The operations of mappings of files; their faults need the memory. */
export const genericFileVmOps: VmOperations = new VmOperations({
  fault: later('filemapFault'),
  mapPage: filemapMapPage,
  pageMkwrite: later('filemapPageMkwrite'),
});
