/** The recordings of real programs on x86-64, and machines like those that they were made on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Hugetlb } from '@vmarea/hugetlbfs';
import { createKernel } from '@vmarea/kernel';
import { Shmem } from '@vmarea/shmem';
import { archOf, inferSituation, LogClues, machineOf, type GivenFacts } from '@vmarea/situation';
import { parseLog, parseMaps, type MapsLine } from '@vmarea/strace';
import {
  parseElfJson,
  programsFromDirectory,
  Replay,
  type ProgramSource,
  type ReplayOptions,
  type ReplayReport,
} from '../src/index.ts';

const folder = join(import.meta.dirname, '../../../conformance/straces');

/** The recorded kernels: the set of logs, and the profile. */
export const SETS = [
  ['linux-6.1-x86-64', 'linux-6.1'],
  ['linux-6.12-x86-64', 'linux-6.12'],
  ['host-6.18-x86-64', 'linux-6.18'],
] as const;

export const PROGRAMS = [
  'bash_ls',
  'busybox_static',
  'cat',
  'go_reserve',
  'grep',
  'node',
  'perl',
  'python3',
  'sort',
  'sqlite3',
] as const;

export type SetName = (typeof SETS)[number][0];

function read(set: SetName, name: string): string {
  return readFileSync(join(folder, set, name), 'utf8');
}

export function logText(set: SetName, name: string): string {
  return read(set, `${name}.strace`);
}

/** What the program printed of its map: the lines of maps alone. */
export function realMapText(set: SetName, name: string): string {
  const lines = read(set, `${name}.maps`)
    .split('\n')
    .filter((line) => /^[0-9a-f]+-/.test(line));
  return `${lines.join('\n')}\n`;
}

export function realMap(set: SetName, name: string): readonly MapsLine[] {
  return parseMaps(realMapText(set, name)).lines;
}

export function programsOf(set: SetName): ProgramSource {
  return programsFromDirectory(parseElfJson(read(set, 'elf.json'), `${set}/elf.json`));
}

/** Replays a log as a command would: the machine is what the log shows, the kernel is given. */
export function replayLog(
  set: SetName,
  text: string,
  facts: GivenFacts,
  options: Partial<ReplayOptions> = {},
): ReplayReport {
  const clues = new LogClues();
  for (const event of parseLog(text)) clues.event(event);
  const situation = inferSituation({ given: facts, clues, mapAfter: options.maps });
  const spec = machineOf(situation);
  const kernel = createKernel({
    arch: archOf(spec),
    profile: spec.profile,
    config: spec.config,
    memory: false,
    hugePages: (system) => new Hugetlb(system),
    sharedMemory: (system) => new Shmem(system),
  });
  const replay = new Replay({ kernel, programs: programsOf(set), situation, ...options });
  replay.push(text);
  return replay.finish();
}
