/** The memory behind mappings, as a part that memory.ts loads. */
export {
  accessOk,
  accessPfn,
  accessProcessVm,
  AddressSpace,
  clearUser,
  copyFromUser,
  copyToUser,
  createMemory,
  createSpecialPages,
  filemapFault,
  filemapMapPage,
  filemapPageMkwrite,
  flushTlbRange,
  genericFileMmap,
  strncpyFromUser,
  UserMemory,
} from '@vmarea/mm-core/memory';
