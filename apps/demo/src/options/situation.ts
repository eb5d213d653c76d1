/**
 * What the options of vocabulary.ts say, read: the facts about machine and process.
 */
import { readFileSync } from 'node:fs';
import {
  inferSituation,
  parseArchitecture,
  parseBytes,
  parseCapabilityNames,
  parseConfig,
  parseFileOption,
  parseKernelName,
  parseMeminfo,
  parseMounts,
  parsePageSize,
  parsePersonality,
  parseRelease,
  parseRlimits,
  parseSysctls,
  SituationError,
  type GivenFacts,
  type LogClues,
  type MapBefore,
  type Situation,
  type Sources,
} from '@vmarea/situation';
import { parseMaps, type MapsLine } from '@vmarea/strace';
import { allCapabilities } from '@vmarea/uapi';
import { parseChoice, parseCount } from '../text/values.ts';
import { UsageError } from '../text/io.ts';
import type { SituationOptions } from './vocabulary.ts';

/** Reads a whole text file that an option names. */
export function readText(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${option}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Reads a file of /proc/PID/maps. */
export function readMap(option: string, file: string): readonly MapsLine[] {
  const { lines } = parseMaps(readText(option, file));
  if (lines.length === 0) throw new UsageError(`${option}: ${file} has no line of /proc/PID/maps`);
  return lines;
}

function readMapBefore(file: string): MapBefore {
  return { lines: readMap('--maps-before', file), source: `--maps-before ${file}` };
}

function optional<T>(text: string | undefined, read: (text: string) => T): T | undefined {
  return text === undefined ? undefined : read(text);
}

/**
 * What the options give.
 *
 * @throws UsageError for a file that cannot be read; SituationError for a value that cannot be
 */
export function givenFacts(options: SituationOptions): GivenFacts {
  const aslr = optional(options.aslr, (text) =>
    parseChoice<'auto' | 'on' | 'off'>('--aslr', text, ['auto', 'on', 'off']),
  );
  return {
    architecture: optional(options.arch, parseArchitecture),
    pageSize: optional(options.pageSize, parsePageSize),
    vaBits: optional(options.vaBits, (text) => parseCount('--va-bits', text, 1)),
    kernel: optional(options.kernel, parseKernelName),
    release: optional(options.release, parseRelease),
    config: (options.config ?? []).flatMap(parseConfig),
    sysctls: (options.sysctl ?? []).flatMap(parseSysctls),
    limits: (options.rlimit ?? []).flatMap(parseRlimits),
    capabilities: optional(options.capabilities, parseCapabilityNames),
    personality: optional(options.personality, parsePersonality),
    aslr: aslr === 'auto' ? undefined : aslr,
    meminfo: optional(options.meminfo, (file) => parseMeminfo(readText('--meminfo', file), file)),
    ram: optional(options.ram, (text) => parseBytes('--ram', text)),
    mapBefore: optional(options.mapsBefore, readMapBefore),
    files: (options.file ?? []).map(parseFileOption),
    mounts: (options.mount ?? []).flatMap(parseMounts),
  };
}

/** Sources beside options and log: the real map at the end, and what a pasted text tells. */
export type MoreSources = Pick<Sources, 'mapAfter' | 'told'>;

/**
 * The situation of a command without a log, or with a log's clues.
 *
 * @throws UsageError for a value that cannot be
 */
export function situationOf(facts: GivenFacts, clues: LogClues | null, more: MoreSources = {}): Situation {
  return usage(() => inferSituation({ given: facts, clues, ...more }));
}

/**
 * The situation of a command that makes files of its own: its process is root's unless `--capabilities` says otherwise.
 *
 * @throws UsageError for a value that cannot be
 */
export function situationOfRoot(options: SituationOptions): Situation {
  const facts = usage(() => givenFacts(options));
  return situationOf({ ...facts, capabilities: facts.capabilities ?? allCapabilities() }, null);
}

/** Makes a SituationError an error of usage. */
export function usage<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof SituationError) throw new UsageError(error.message);
    throw error;
  }
}
