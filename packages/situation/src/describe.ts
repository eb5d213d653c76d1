/**
 * A situation as text: three lines for the top of a report, or every fact with its evidence.
 */
import { DEFAULT_CONFIG, formatCapabilities, PROFILES, rlimitName, type KernelConfig } from '@vmarea/uapi';
import { describeEvidence, isAssumed, type Fact } from './evidence.ts';
import { arm64VaBits, isArm64, memoryIsKnown, type Situation } from './situation.ts';
import { configWord } from './values.ts';

/** Bytes in units that people use: `8 GiB`, `2052 KiB`, `100 bytes`. */
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
    // Two decimals that mean something; smaller units would print a long number.
    if (value / unit >= 1 && (value * 100) % unit === 0) return `${value / unit} ${name}`;
  }
  if (value >= 2 ** 10 && value % 2 ** 10 === 0) return `${value / 2 ** 10} KiB`;
  return `${value} bytes`;
}

/** `512 GiB` for 39 bits. */
function spaceOf(bits: number): string {
  return formatBytes(2 ** bits);
}

function withEvidence<T>(text: string, fact: Fact<T>): string {
  return `${text} (${describeEvidence(fact.evidence)})`;
}

function configWords(situation: Situation): string[] {
  const profile = PROFILES[situation.kernel.value];
  const all: KernelConfig = { ...DEFAULT_CONFIG, ...profile.usualConfig };
  const shown = ['thp', 'ksm'] as const;
  const words = shown.map((name) => {
    const fact = situation.config.get(name);
    const value = fact?.value ?? all[name];
    return `${name === 'thp' ? 'THP' : 'KSM'} ${value === true ? 'on' : 'off'}${fact === undefined ? '' : ` (${describeEvidence(fact.evidence)})`}`;
  });
  for (const [name, fact] of situation.config) {
    if (name !== 'thp' && name !== 'ksm') words.push(withEvidence(`${configWord(name)} ${String(fact.value)}`, fact));
  }
  return words;
}

function machineLine(situation: Situation): string {
  const { architecture, pageSize, vaBits, kernel } = situation;
  const name = architecture.value === '32-bit' ? 'a 32-bit machine' : architecture.value;
  const bits = vaBits.value;
  const parts = [
    withEvidence(name, architecture),
    withEvidence(kernel.value, kernel),
    withEvidence(`${pageSize.value / 1024} KiB pages`, pageSize),
    withEvidence(`${bits}-bit addresses, ${spaceOf(bits)}`, vaBits),
  ];
  return `Machine: ${parts.join(', ')}.`;
}

function settingsLine(situation: Situation): string {
  const words = configWords(situation);
  const { memory, sysctls, limits, capabilities } = situation;
  words.push(
    memoryIsKnown(situation)
      ? withEvidence(`${formatBytes(memory.value.total)} of RAM`, memory)
      : `RAM not known (${formatBytes(memory.value.total)} assumed, --meminfo or --ram tells)`,
  );
  for (const [name, { value }] of sysctls) words.push(`${name}=${value}`);
  for (const [resource, { value }] of limits) words.push(`${rlimitName(resource)} ${formatBytes(value.soft)}`);
  if (sysctls.size + limits.size === 0) words.push('sysctls and limits as at boot');
  words.push(withEvidence(`capabilities ${formatCapabilities(capabilities.value)}`, capabilities));
  return `Settings: ${words.join(', ')}.`;
}

function processLine(situation: Situation): string {
  const { aslr, mapBefore, personality, files, seccomp } = situation;
  const words = [
    mapBefore === null
      ? 'starts without a map'
      : `starts from ${mapBefore.value.source} (${mapBefore.value.lines.length} areas)`,
    aslr.value === 'unknown'
      ? 'the log tells whether addresses are random'
      : withEvidence(`addresses ${aslr.value === 'on' ? '' : 'not '}random`, aslr),
  ];
  if (personality.value !== 0) words.push(withEvidence(`personality 0x${personality.value.toString(16)}`, personality));
  for (const [fd, { value }] of files)
    words.push(`descriptor ${fd}: ${value.kind}, ${value.mode}, ${formatBytes(value.size)}`);
  if (seccomp !== null) words.push(`a seccomp filter is installed (line ${seccomp.value})`);
  return `Process: ${words.join(', ')}.`;
}

/** Three lines without newlines: machine, settings, process. */
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

/** Every fact, with its evidence: for `--verbose` and `--json`. */
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
    add(rlimitName(resource), `${formatBytes(fact.value.soft)}:${formatBytes(fact.value.hard)}`, fact);
  add('capabilities', formatCapabilities(capabilities.value), capabilities);
  add('uid', String(uid.value), uid);
  add('personality', `0x${personality.value.toString(16)}`, personality);
  add('random addresses', aslr.value, aslr);
  if (situation.mapBefore !== null)
    add('map before', `${situation.mapBefore.value.lines.length} areas`, situation.mapBefore);
  for (const [fd, fact] of situation.files)
    add(`descriptor ${fd}`, `${fact.value.kind}, ${fact.value.mode}, ${formatBytes(fact.value.size)}`, fact);
  if (situation.seccomp !== null) add('seccomp filter', `from line ${situation.seccomp.value}`, situation.seccomp);
  return lines;
}
