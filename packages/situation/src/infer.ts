/**
 * Infers a situation from options, a log's clues and maps. An option has precedence over a clue, a clue over an assumption; an
 * assumption must be possible with the other facts.
 */
import type { MapsLine } from '@vmarea/strace';
import { allCapabilities, PROFILES, type KernelConfig, type KernelName } from '@vmarea/uapi';
import type { AddressClue, Clue, LogClues } from './clues.ts';
import { nothingTold, type Told } from './paste/told.ts';
import { assumed, fromLog, given, isAssumed, type Evidence, type Fact } from './evidence.ts';
import { SituationError } from './error.ts';
import { placeFiles, type FileSpec, type NamedFile } from './files.ts';
import { ASSUMED_MOUNTS, type GivenMount, type Mounts } from './mounts.ts';
import { chooseKernel } from './kernel.ts';
import { mapClues, type MapClues } from './map/clues.ts';
import {
  arm64VaBits,
  ASSUMED_RAM,
  defaultSituation,
  memoryOf,
  usualVaBits,
  vaBitsOf,
  type Architecture,
  type Limit,
  type MapBefore,
  type MemoryFigures,
  type Situation,
} from './situation.ts';
import { configWord, type NamedLimit } from './values.ts';

/** The facts given by options; a field is absent when its option is. */
export interface GivenFacts {
  readonly architecture?: Architecture | undefined;
  readonly pageSize?: number | undefined;
  readonly vaBits?: number | undefined;
  readonly kernel?: KernelName | undefined;
  /** As `uname -r` prints it: the nearest kernel is taken. `kernel` wins over it. */
  readonly release?: string | undefined;
  readonly config?: readonly (readonly [keyof KernelConfig, boolean | number])[] | undefined;
  readonly sysctls?: readonly (readonly [string, string])[] | undefined;
  readonly limits?: readonly NamedLimit[] | undefined;
  readonly capabilities?: ReadonlySet<number> | undefined;
  readonly personality?: number | undefined;
  readonly aslr?: 'on' | 'off' | undefined;
  readonly meminfo?: MemoryFigures | undefined;
  /** Bytes. */
  readonly ram?: number | undefined;
  readonly mapBefore?: MapBefore | undefined;
  readonly files?: readonly NamedFile[] | undefined;
  readonly mounts?: readonly GivenMount[] | undefined;
}

/** The sources of a situation. */
export interface Sources {
  readonly given: GivenFacts;
  /** Null without a log. */
  readonly clues: LogClues | null;
  /** The real map at the end, if known: it also shows the machine. */
  readonly mapAfter?: readonly MapsLine[] | undefined;
  /** What the text of a question tells beside its calls. An option has precedence. */
  readonly told?: Told | undefined;
}

/** A clue, and its source. */
interface Sourced<T> {
  readonly value: T;
  readonly evidence: Evidence;
}

function ofLog<T>(clue: Clue<T> | null | undefined): Sourced<T> | null {
  if (clue == null) return null;
  return { value: clue.value, evidence: { kind: 'log', line: clue.line, what: clue.what } };
}

function ofMap<T>(clue: Clue<T> | null): Sourced<T> | null {
  return clue === null ? null : { value: clue.value, evidence: { kind: 'map', line: clue.line, what: clue.what } };
}

/** The part of an address space above which an address counts as placed from the top down. */
const NEAR_TOP = 0.85;

/** The part of the address space at which position-independent programs are placed. */
const PROGRAMS = 2 / 3;

/** Returns the smallest number of address bits of arm64 kernels that contains an address. */
function reach(address: number): number {
  return [36, 39, 42, 47, 48].find((bits) => address <= 2 ** bits) ?? 57;
}

/** Reads addresses, most reliable first: each shows the size of the address space, or only a lower bound. */
function widths(
  log: LogClues | null,
  maps: readonly MapClues[],
): { bits: Sourced<number> | null; least: Sourced<number> | null } {
  let bits: Sourced<number> | null = null;
  let least: Sourced<number> | null = null;
  const take = (found: AddressClue | null | undefined, source: 'log' | 'map', program = false): void => {
    if (found == null) return;
    const size = reach(found.value);
    const evidence: Evidence = { kind: source, line: found.line, what: found.what };
    if (least === null || size > least.value) least = { value: size, evidence };
    const part = found.value / 2 ** size;
    const near = part >= NEAR_TOP || (program && part >= PROGRAMS);
    // A small number is near the end of some address space, but not of one that a 64-bit program has.
    if (bits === null && found.chosen && near && size >= 36 && found.value > 2 ** 32) bits = { value: size, evidence };
  };
  for (const map of maps) take(map.top, 'map');
  take(log?.stack, 'log');
  take(log?.highestChosen, 'log');
  take(log?.firstBreak, 'log', true);
  take(log?.highestAny, 'log');
  return { bits, least };
}

function architectureFact(
  facts: GivenFacts,
  log: LogClues | null,
  maps: readonly MapClues[],
  bits: Sourced<number> | null,
  page: Sourced<number> | null,
): Fact<Architecture> {
  if (facts.architecture !== undefined) return given(facts.architecture, `--arch ${facts.architecture}`);
  const narrow = ofLog(log?.compat) ?? ofLog(log?.narrow);
  const paths = ofLog(log?.path);
  const header = ofLog(log?.machine);
  if (narrow !== null) {
    const named = [header, paths, telling(log, 'arm'), telling(log, 'i386')].find(
      (found) => found?.value === 'arm' || found?.value === 'i386',
    );
    return named ?? { value: '32-bit', evidence: narrow.evidence };
  }
  const named =
    header ??
    paths ??
    telling(log, 'x86-64') ??
    telling(log, 'riscv64') ??
    maps.map((map) => ofMap(map.architecture)).find((found) => found !== null) ??
    null;
  if (named !== null) return named;
  if (log?.old != null) return fromLog('x86-64', log.old.line, log.old.what);
  if (log?.modern != null) return fromLog('arm64', log.modern.line, log.modern.what);
  // x86-64 has 47 bits; arm64 has them with 16 KiB pages only.
  if (bits?.value === 47 && page?.value === 4096 && facts.pageSize === undefined)
    return { value: 'x86-64', evidence: bits.evidence };
  if (bits?.value === 48) return { value: 'arm64', evidence: bits.evidence };
  if (bits?.value === 47 && facts.pageSize !== 16384) {
    // Only the width is known: both are possible, and most logs are from x86-64.
    return facts.pageSize === undefined && !onlyBigPages(page, log)
      ? { value: 'x86-64', evidence: bits.evidence }
      : { value: 'arm64', evidence: bits.evidence };
  }
  if (bits !== null) return { value: 'arm64', evidence: bits.evidence };
  const refused = ofLog(log?.largePages);
  if (refused !== null && page === null) return { value: 'arm64', evidence: refused.evidence };
  return assumed('arm64');
}

/** Returns whether enough borders were seen to exclude 4 KiB pages. */
function onlyBigPages(page: Sourced<number> | null, log: LogClues | null): boolean {
  if (page === null) return log?.largePages != null;
  return page.value >= 16384 && ((log?.answers ?? 0) >= 3 || log?.largePages != null || log === null);
}

function telling(log: LogClues | null, architecture: Architecture): Sourced<Architecture> | null {
  const found = log?.telling.get(architecture);
  return found === undefined
    ? null
    : { value: architecture, evidence: { kind: 'log', line: found.line, what: found.what } };
}

function smaller(a: Sourced<number> | null, b: Sourced<number> | null): Sourced<number> | null {
  if (a === null || b === null) return a ?? b;
  return b.value < a.value ? b : a;
}

function pageFact(
  facts: GivenFacts,
  architecture: Architecture,
  bits: Sourced<number> | null,
  page: Sourced<number> | null,
  log: LogClues | null,
): Fact<number> {
  if (facts.pageSize !== undefined) {
    if (architecture === 'x86-64' && facts.pageSize !== 4096)
      throw new SituationError(`--page-size ${facts.pageSize / 1024}k: x86-64 has pages of 4 KiB`);
    return given(facts.pageSize, `--page-size ${facts.pageSize / 1024}k`);
  }
  if (architecture !== 'arm64') return assumed(4096, `${architecture} has 4 KiB pages`);
  // An address is no multiple of 16 KiB.
  if (page?.value === 4096) return page;
  if (facts.vaBits !== undefined) {
    const size = [4096, 16384, 65536].find((candidate) => arm64VaBits(candidate).includes(facts.vaBits!));
    if (size !== undefined && size !== 4096) return given(size, `--va-bits ${facts.vaBits}`);
  }
  if (bits !== null && bits.value !== 48) {
    const size = [4096, 16384, 65536].find((candidate) => arm64VaBits(candidate).includes(bits.value));
    if (size !== undefined) return { value: size, evidence: bits.evidence };
  }
  const refused = ofLog(log?.largePages);
  if (refused !== null && (page === null || page.value >= refused.value)) return refused;
  return assumed(4096);
}

/** The facts about a machine on which its address bits depend. */
interface KnownMachine {
  readonly architecture: Architecture;
  readonly kernel: KernelName;
  readonly pageSize: Fact<number>;
}

function bitsFact(
  facts: GivenFacts,
  { architecture, kernel, pageSize }: KnownMachine,
  bits: Sourced<number> | null,
  least: Sourced<number> | null,
): Fact<number> {
  const size = pageSize.value;
  const allowed = vaBitsOf(architecture, size);
  if (facts.vaBits !== undefined) {
    // The kernel's half is the other half: of 48 and 57 bits a program has 47 and 56.
    if (architecture === 'x86-64' && allowed.includes(facts.vaBits - 1))
      return given(facts.vaBits - 1, `--va-bits ${facts.vaBits}`);
    if (allowed.length > 0 && !allowed.includes(facts.vaBits)) {
      throw new SituationError(
        `--va-bits ${facts.vaBits}: ${architecture} with ${size / 1024} KiB pages has ${allowed.join(' or ')} address bits`,
      );
    }
    return given(facts.vaBits, `--va-bits ${facts.vaBits}`);
  }
  const usual = usualVaBits(architecture, PROFILES[kernel], size);
  if (architecture !== 'arm64') {
    if (architecture === 'x86-64' && least !== null && least.value > 47) return { value: 56, evidence: least.evidence };
    return assumed(usual);
  }
  if (bits !== null && allowed.includes(bits.value)) return { value: bits.value, evidence: bits.evidence };
  if (least !== null) {
    const fitting = allowed.filter((candidate) => candidate >= least.value);
    // One possible size contains the address: the address shows it. Of several, the usual one is assumed.
    if (fitting.length === 1 && allowed.length > 1) return { value: fitting[0]!, evidence: least.evidence };
    if (fitting.length > 0 && !fitting.includes(usual)) return { value: fitting[0]!, evidence: least.evidence };
  }
  return assumed(usual, allowed.length > 1 ? `of ${allowed.join(' and ')}` : '');
}

/** Returns the architecture that the text of a question names, unless the log shows another one. */
function toldArchitecture(found: Fact<Architecture>, told: Told, log: LogClues | null): Fact<Architecture> {
  if (found.evidence.kind === 'option' || found.evidence.kind === 'map') return found;
  const shown = log !== null && (log.compat ?? log.narrow ?? log.machine ?? log.path ?? null) !== null;
  if (shown || (log?.telling.size ?? 0) > 0) return found;
  const named = ofLog(told.architecture);
  if (named !== null) return named;
  if (told.pageSize !== null && told.pageSize.value > 4096)
    return fromLog('arm64', told.pageSize.line, told.pageSize.what);
  return found;
}

function toldPageSize(found: Fact<number>, told: Told, architecture: Architecture): Fact<number> {
  const { pageSize } = told;
  // What addresses and options show holds.
  if (pageSize === null || architecture !== 'arm64' || found.evidence.kind === 'option') return found;
  return found.value === 4096 && !isAssumed(found) ? found : ofLog(pageSize)!;
}

function toldBits(found: Fact<number>, told: Told, { architecture, pageSize }: KnownMachine): Fact<number> {
  const { vaBits } = told;
  if (vaBits === null || !isAssumed(found) || !vaBitsOf(architecture, pageSize.value).includes(vaBits.value))
    return found;
  return ofLog(vaBits)!;
}

function mapBeforeFact(facts: GivenFacts, told: Told): Fact<MapBefore> | null {
  if (facts.mapBefore !== undefined) return given(facts.mapBefore, facts.mapBefore.source);
  return told.mapBefore === null ? null : fromLog(told.mapBefore, 0, told.mapBefore.source);
}

function memoryFact(facts: GivenFacts, told: Told): Fact<MemoryFigures> {
  if (facts.meminfo !== undefined)
    return { value: facts.meminfo, evidence: { kind: 'meminfo', line: 0, what: 'its figures' } };
  if (facts.ram !== undefined) return given(memoryOf(facts.ram), `--ram ${facts.ram}`);
  return told.memory ?? assumed(memoryOf(ASSUMED_RAM));
}

/**
 * Infers a situation.
 *
 * @throws SituationError when options contradict each other
 */
export function inferSituation(sources: Sources): Situation {
  const { given: facts, clues } = sources;
  const mapLines = [(facts.mapBefore ?? sources.told?.mapBefore)?.lines, sources.mapAfter].filter(
    (lines) => lines !== undefined,
  );
  const maps = mapLines.map((lines) => mapClues(lines));
  const { bits, least } = widths(clues, maps);
  const page = maps.reduce((found, map) => smaller(found, ofMap(map.page)), ofLog(clues?.smallPages));
  const told = sources.told ?? nothingTold();
  const architecture = toldArchitecture(architectureFact(facts, clues, maps, bits, page), told, clues);
  const pageSize = toldPageSize(pageFact(facts, architecture.value, bits, page, clues), told, architecture.value);
  const machine = { architecture: architecture.value, pageSize: pageSize.value, bits: facts.vaBits ?? bits?.value };
  const { kernel, others } = chooseKernel({ facts, clues, maps: mapLines, release: told.release }, machine);
  const known = { architecture: architecture.value, kernel: kernel.value, pageSize };
  const vaBits = toldBits(bitsFact(facts, known, bits, least), told, known);
  const config = new Map<keyof KernelConfig, Fact<boolean | number>>();
  for (const [name, value] of facts.config ?? []) {
    const shown = typeof value === 'number' ? value : value ? 'on' : 'off';
    config.set(name, given(value, `--config ${configWord(name)}=${shown}`));
  }
  for (const [name, fact] of told.config) if (!config.has(name)) config.set(name, fact);
  const sysctls = new Map<string, Fact<string>>(told.sysctls);
  for (const [name, value] of facts.sysctls ?? []) sysctls.set(name, given(value, `--sysctl ${name}=${value}`));
  const limits = new Map<number, Fact<Limit>>(told.limits);
  for (const { resource, soft, hard } of facts.limits ?? []) limits.set(resource, given({ soft, hard }, '--rlimit'));
  const { capabilities, uid } = identity(facts, clues);
  return {
    ...defaultSituation(PROFILES[kernel.value]),
    architecture,
    pageSize,
    vaBits,
    kernel,
    otherKernels: others,
    config,
    sysctls,
    limits,
    capabilities,
    uid,
    vsyscall: maps.map((map) => ofMap(map.vsyscall)).find((found) => found !== null) ?? assumed('xonly'),
    personality: personalityFact(facts, clues),
    aslr: aslrFact(facts, clues),
    memory: memoryFact(facts, told),
    mapBefore: mapBeforeFact(facts, told),
    mounts: mountsFact(facts.mounts ?? []),
    files: filesFact(facts.files ?? []),
    seccomp: ofLog(clues?.seccomp),
  };
}

function identity(facts: GivenFacts, clues: LogClues | null): Pick<Situation, 'capabilities' | 'uid'> {
  const told = ofLog(clues?.uid);
  if (facts.capabilities !== undefined) {
    const uid = facts.capabilities.size > 0 ? 0 : 1000;
    return { capabilities: given(facts.capabilities, '--capabilities'), uid: told ?? assumed(uid) };
  }
  if (told === null) return { capabilities: assumed(new Set<number>()), uid: assumed(1000) };
  const { evidence } = told;
  return { capabilities: { value: told.value === 0 ? allCapabilities() : new Set<number>(), evidence }, uid: told };
}

function personalityFact(facts: GivenFacts, clues: LogClues | null): Fact<number> {
  if (facts.personality !== undefined)
    return given(facts.personality, `--personality 0x${facts.personality.toString(16)}`);
  // The log itself sets what it sets later, at its line.
  return assumed(0, clues?.noRandomize != null ? 'until the log sets it' : '');
}

function aslrFact(facts: GivenFacts, clues: LogClues | null): Fact<'on' | 'off' | 'unknown'> {
  if (facts.aslr !== undefined) return given(facts.aslr, `--aslr ${facts.aslr}`);
  const sysctl = facts.sysctls?.find(([name]) => name === 'kernel.randomize_va_space');
  if (sysctl?.[1] === '0') return given('off', '--sysctl kernel.randomize_va_space=0');
  if (((facts.personality ?? 0) & 0x40000) !== 0) return given('off', '--personality ADDR_NO_RANDOMIZE');
  if (clues?.noRandomize != null) return fromLog('off', clues.noRandomize.line, clues.noRandomize.what);
  return assumed('unknown');
}

function mountsFact(mounts: readonly GivenMount[]): Mounts {
  const placed = new Map(ASSUMED_MOUNTS);
  for (const { directory, placement, text } of mounts) placed.set(directory, given(placement, `--mount ${text}`));
  return placed;
}

function filesFact(files: readonly NamedFile[]): ReadonlyMap<number, Fact<FileSpec>> {
  const placed = new Map<number, Fact<FileSpec>>();
  for (const [fd, spec] of placeFiles(files)) placed.set(fd, given(spec, '--file'));
  return placed;
}
