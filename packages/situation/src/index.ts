/**
 * @vmarea/situation: all facts about a machine and a process, each with its evidence. One default machine, one parser for option
 * values, one inference from logs and maps, for every command and page.
 */
export { describeEvidence, assumed, fromLog, fromMap, given, isAssumed, type Evidence, type Fact } from './evidence.ts';
export {
  arm64VaBits,
  kernelsOf,
  pageSizesOf,
  vaBitsOf,
  ASSUMED_RAM,
  defaultSituation,
  isArm64,
  machineOf,
  memoryIsKnown,
  memoryOf,
  sysctlField,
  usualHugePage,
  usualVaBits,
  type Architecture,
  type Limit,
  type MachineSpec,
  type MapBefore,
  type MemoryFigures,
  type Situation,
  type SituationMapLine,
} from './situation.ts';
export { archOf, isModelled, MODELLED_ARCHITECTURES, type ArchSpec } from './arch.ts';
export { kernelInit, settleKernel, type MachineInit } from './machine.ts';
export { inferSituation, type GivenFacts, type Sources } from './infer.ts';
export { alignmentOf, architectureOfPath, LogClues, type AddressClue, type Clue } from './clues.ts';
export { kernelCluesOfMap, KernelClues, versionOf, type FitsKernel, type KernelClue } from './kernel-clues.ts';
export { chooseKernel, type KernelChoice, type KernelMachine, type KernelSources } from './kernel.ts';
export { mapClues, type MapClues } from './map/clues.ts';
export { whyApart, type ApartReason } from './map/apart.ts';
export { MapFiles } from './map/files.ts';
export {
  mapLinesOf,
  nameInMap,
  restoreMap,
  stateLinesOf,
  type RestoredMap,
  type RestoreOptions,
} from './map/restore.ts';
export { flagDifference, flagsOf, vmFlagNames } from './map/flags.ts';
export { areaKind, areaPattern, KindCounter, type AreaPattern } from './map/pattern.ts';
export { describeSituation, formatBytes, listFacts, type FactLine } from './describe.ts';
export { DEFAULT_FILE, parseFileOption, placeFiles, type FileKind, type FileSpec, type NamedFile } from './files.ts';
export {
  configWord,
  parseArchitecture,
  parseBytes,
  parseCapabilityNames,
  parseConfig,
  parseKernelName,
  parseMeminfo,
  parsePageSize,
  parsePersonality,
  parseRelease,
  parseRlimits,
  parseSysctls,
  SYSCTL_NAMES,
  type NamedLimit,
} from './values.ts';
export {
  ASSUMED_MOUNTS,
  mountOf,
  parseMounts,
  placementOf,
  type FilePlacement,
  type GivenMount,
  type Mounts,
} from './mounts.ts';
export { MOST_PASTE_LINES, readPaste, type Paste } from './paste/reader.ts';
export { nothingTold, type Told, type ToldMount, type ToldProcess } from './paste/told.ts';
export { SituationError } from './error.ts';
