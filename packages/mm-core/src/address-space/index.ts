/**
 * @vmarea/mm-core/address-space: an address space as an object, for embedders. One method per call, with named arguments,
 * throwing or returning negative errnos.
 *
 * The sentences of reasons are loaded by `@vmarea/mm-core/reasons`; without it errors have the reason's number only.
 */
export {
  AddressSpace,
  createAddressSpace,
  type AddressSpaceInit,
  type Area,
  type MmapArguments,
  type MremapArguments,
  type Register,
} from './space.ts';
export { MemoryFaultError, SyscallError, toError, WouldWaitError } from './errors.ts';
export { loadValue, storeValue, type AccessSize } from './access.ts';
export { repeatCall } from './repeat.ts';
export type { MemoryBehind, UserAccess } from '../ports/memory.ts';
