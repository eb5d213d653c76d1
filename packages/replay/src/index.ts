// @vmarea/replay: ELF headers, and the engine behind `vmarea replay`: repeats a recorded log on the kernel package, and compares
// every answer and the final map. It has no placement, merge or accounting code of its own, and no Node built-ins.

export {
  Replay,
  type CallRecord,
  type CallToCome,
  type EventToCome,
  type ProcessRecord,
  type ReplayOptions,
} from './replay.ts';
export {
  ElfError,
  ELF_PROBE_BYTES,
  formatElfJson,
  machineName,
  parseElf,
  parseElfJson,
  type ElfDirectory,
  type ElfHeaders,
} from './programs/elf.ts';
export {
  followLinks,
  joinPath,
  NO_PROGRAMS,
  normalizePath,
  programsFromDirectory,
  type ProgramSource,
} from './programs/programs.ts';
export { replayFitting, type FittingReplay } from './kernels.ts';
export { firstDifference, type FirstDifference } from './report/difference.ts';
export { REPLAYED_CALLS } from './wanted.ts';
export type {
  Border,
  CrowdedMap,
  Difference,
  FailedCalls,
  FailureCause,
  FailureKind,
  MapComparison,
  MapRow,
  NoteList,
  Reason,
  ReplayedMap,
  ReplayNote,
  ReplayReport,
  ReplayedSignal,
  SignalKind,
  StackReport,
  StackRow,
} from './report/report.ts';
