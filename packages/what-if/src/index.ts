/**
 * @vmarea/what-if: a call tried on a copy of a process, under other limits, sysctls, rights, RAM and build options.
 *
 * Reads no logs and no text formats. {@link causesOf} finds what would make a call fail as it failed elsewhere;
 * {@link searchKnob} finds the value of a limit or sysctl at which a result changes.
 */
export { onCopy, setConfig } from './copy.ts';
export { succeeded, type Attempt, type Outcome } from './outcome.ts';
export { searchKnob, searchRange, tryOnCopy, type SearchRange, type Turn } from './search.ts';
export { causesOf, type Cause, type CauseKind } from './causes.ts';
export { usualCauses, type FoundCause, type RecordedFailure, type UsualCause } from './usual.ts';
export {
  KNOBS,
  LIMIT_AS,
  LIMIT_DATA,
  LIMIT_MEMLOCK,
  LIMIT_STACK,
  MAX_MAP_COUNT,
  MMAP_MIN_ADDR,
  NR_HUGEPAGES,
  OVERCOMMIT_KBYTES,
  OVERCOMMIT_RATIO,
  RAM,
  type Knob,
} from './knobs.ts';
export { bytes, exactBytes, optionBytes, pageCount } from './text.ts';
