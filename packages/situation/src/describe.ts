/**
 * Formats a situation: three lines for the top of a report, or every fact with its evidence.
 */
import {
  DEFAULT_CONFIG,
  formatCapabilities,
  PROFILES,
  RLIMIT_NOFILE,
  RLIMIT_NPROC,
  rlimitName,
  type KernelConfig,
} from '@vmarea/uapi';
import { describeEvidence, isAssumed, type Fact } from './evidence.ts';
import { arm64VaBits, isArm64, memoryIsKnown, usualHugePage, type Situation } from './situation.ts';
import { configWord } from './values.ts';

/** Formats bytes in common units: `8 GiB`, `2052 KiB`, `100 bytes`. */
export function formatBytes(value: number): string {
  if (value === Infinity) return 'unlimited';
  for (const [unit, name] of [
    [2 ** 40, 'TiB'],
    [2 ** 30, 'GiB'],
    [2 ** 20, 'MiB'],
    [2 ** 10, 'KiB'],
  ] as const) {
    if (value < unit) continue;
    if (value % unit === 0) return `${value / unit} ${name}`;
    // At most two exact decimals; smaller units would give a long number.
    if (value / unit >= 1 && (value * 100) % unit === 0) return `${value / unit} ${name}`;
  }
  if (value >= 2 ** 10 && value % 2 ** 10 === 0) return `${value / 2 ** 10} KiB`;
  return `${value} bytes`;
}

/** Formats the size of an address space: `512 GiB` for 39 bits. */
function spaceOf(bits: number): string {
  return formatBytes(2 ** bits);
}

/** A word of a line, and its evidence. */
type Word = readonly [text: string, evidence: string];

/** Joins words; prints equal evidence of several words once, behind the last of them. */
function joinWords(words: readonly Word[]): string {
  let text = '';
  words.forEach(([word, evidence], index) => {
    const next = words[index + 1];
    text += index === 0 ? word : `, ${word}`;
    if (evidence !== '' && next?.[1] !== evidence) text += ` (${evidence})`;
  });
  return text;
}

function wordOf(text: string, fact: Fact<unknown>): Word {
  return [text, describeEvidence(fact.evidence)];
}

function configWords(situation: Situation): Word[] {
  const profile = PROFILES[situation.kernel.value];
  const all: KernelConfig = { ...DEFAULT_CONFIG, ...profile.usualConfig };
  const words = (['thp', 'ksm'] as const).map((name): Word => {
    const fact = situation.config.get(name);
    const text = `${name.toUpperCase()} ${(fact?.value ?? all[name]) === true ? 'on' : 'off'}`;
    return fact === undefined ? [text, 'assumed'] : wordOf(text, fact);
  });
  for (const [name, fact] of situation.config) {
    if (name !== 'thp' && name !== 'ksm') words.push(wordOf(`${configWord(name)} ${String(fact.value)}`, fact));
  }
  return words;
}

/** Formats a limit: those of processes and descriptors are counts. */
function formatLimit(resource: number, value: number): string {
  const counts = resource === RLIMIT_NPROC || resource === RLIMIT_NOFILE;
  return counts && value !== Infinity ? String(value) : formatBytes(value);
}

function machineLine(situation: Situation): string {
  const { architecture, pageSize, vaBits, kernel } = situation;
  const bits = vaBits.value;
  const words = [
    wordOf(architecture.value === '32-bit' ? 'a 32-bit machine' : architecture.value, architecture),
    wordOf(`${pageSize.value / 1024} KiB pages`, pageSize),
    wordOf(`${bits}-bit addresses, ${spaceOf(bits)}`, vaBits),
    wordOf(kernel.value, kernel),
  ];
  return `Machine: ${joinWords(words)}.`;
}

function settingsLine(situation: Situation): string {
  const words = configWords(situation);
  const { memory, sysctls, limits, capabilities } = situation;
  for (const [name, fact] of sysctls) words.push(wordOf(`${name}=${fact.value}`, fact));
  for (const [resource, fact] of limits)
    words.push(wordOf(`${rlimitName(resource)} ${formatLimit(resource, fact.value.soft)}`, fact));
  const other = sysctls.size + limits.size === 0 ? '' : 'other ';
  words.push([`${other}sysctls and limits as at boot`, 'assumed']);
  words.push(wordOf(`capabilities ${formatCapabilities(capabilities.value)}`, capabilities));
  words.push(
    memoryIsKnown(situation) ? wordOf(`${formatBytes(memory.value.total)} of RAM`, memory) : ['RAM not known', ''],
  );
  return `Settings: ${joinWords(words)}.`;
}

function processLine(situation: Situation): string {
  const { aslr, mapBefore, personality, files, seccomp } = situation;
  const words: Word[] = [];
  if (mapBefore !== null)
    words.push([`starts from ${mapBefore.value.source} (${mapBefore.value.lines.length} areas)`, '']);
  if (aslr.value !== 'unknown') words.push(wordOf(`addresses ${aslr.value === 'on' ? '' : 'not '}random`, aslr));
  if (personality.value !== 0) words.push(wordOf(`personality 0x${personality.value.toString(16)}`, personality));
  for (const [fd, { value }] of files)
    words.push([`descriptor ${fd}: ${value.kind}, ${value.mode}, ${formatBytes(value.size)}`, '']);
  for (const [directory, fact] of situation.mounts)
    if (!isAssumed(fact)) words.push(wordOf(mountWord(situation, directory), fact));
  if (seccomp !== null) words.push([`a seccomp filter from line ${seccomp.value} on`, '']);
  return `Process: ${words.length === 0 ? 'nothing is mapped before' : joinWords(words)}.`;
}

/** Says how files of a mount are placed: `files of 2 MiB and more below / at multiples of 2 MiB`. */
function mountWord(situation: Situation, directory: string): string {
  const size = formatBytes(usualHugePage(situation.pageSize.value));
  const where = situation.mounts.get(directory)?.value === 'huge' ? `multiples of ${size}` : 'any page';
  return `files of ${size} and more below ${directory} at ${where}`;
}

/** Returns three lines without newlines: machine, settings, process. */
export function describeSituation(situation: Situation): readonly [machine: string, settings: string, process: string] {
  return [machineLine(situation), settingsLine(situation), processLine(situation)];
}

/** One fact of a situation for a list. */
export interface FactLine {
  readonly name: string;
  readonly value: string;
  readonly evidence: string;
  readonly assumed: boolean;
}

/** Returns every fact with its evidence: for `--verbose` and `--json`. */
export function listFacts(situation: Situation): FactLine[] {
  const lines: FactLine[] = [];
  const add = (name: string, value: string, fact: Fact<unknown>): void => {
    lines.push({ name, value, evidence: describeEvidence(fact.evidence), assumed: isAssumed(fact) });
  };
  const { architecture, pageSize, vaBits, kernel, memory, capabilities, uid, personality, aslr } = situation;
  add('architecture', architecture.value, architecture);
  add('kernel', kernel.value, kernel);
  add('page size', formatBytes(pageSize.value), pageSize);
  const others = isArm64(situation) ? arm64VaBits(pageSize.value) : [];
  add(
    'address bits',
    `${vaBits.value}${isAssumed(vaBits) && others.length > 1 ? ` (could be ${others.join(', ')})` : ''}`,
    vaBits,
  );
  if (architecture.value === 'x86-64') add('vsyscall', situation.vsyscall.value, situation.vsyscall);
  add('RAM', formatBytes(memory.value.total), memory);
  add('swap', formatBytes(memory.value.swap), memory);
  const profile = PROFILES[kernel.value];
  const usual: KernelConfig = { ...DEFAULT_CONFIG, ...profile.usualConfig };
  for (const name of ['thp', 'ksm', 'memoryFailure'] as const) {
    if (!situation.config.has(name))
      lines.push({
        name: configWord(name),
        value: usual[name] ? 'on' : 'off',
        evidence: `assumed: usual for ${kernel.value}`,
        assumed: true,
      });
  }
  for (const [name, fact] of situation.config) add(configWord(name), String(fact.value), fact);
  for (const [name, fact] of situation.sysctls) add(name, fact.value, fact);
  for (const [resource, fact] of situation.limits)
    add(
      rlimitName(resource),
      `${formatLimit(resource, fact.value.soft)}:${formatLimit(resource, fact.value.hard)}`,
      fact,
    );
  add('capabilities', formatCapabilities(capabilities.value), capabilities);
  add('uid', String(uid.value), uid);
  add('personality', `0x${personality.value.toString(16)}`, personality);
  add('random addresses', aslr.value, aslr);
  if (situation.mapBefore !== null)
    add('map before', `${situation.mapBefore.value.lines.length} areas`, situation.mapBefore);
  for (const [directory, fact] of situation.mounts)
    add(
      `mount ${directory}`,
      fact.value === 'huge'
        ? 'files at huge pages (as on ext4, xfs, btrfs)'
        : 'files at any page (as on tmpfs, overlay)',
      fact,
    );
  for (const [fd, fact] of situation.files)
    add(`descriptor ${fd}`, `${fact.value.kind}, ${fact.value.mode}, ${formatBytes(fact.value.size)}`, fact);
  if (situation.seccomp !== null) add('seccomp filter', `from line ${situation.seccomp.value}`, situation.seccomp);
  return lines;
}
