/** The machine that the recordings were made on, and the recordings. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createArm64 } from '@vmarea/arch-arm64';
import { Hugetlb } from '@vmarea/hugetlbfs';
import { createKernel, type Kernel } from '@vmarea/kernel';
import { inferSituation, type GivenFacts, type Situation } from '@vmarea/situation';
import { parseMaps, type MapsLine } from '@vmarea/strace';
import { Shmem } from '@vmarea/shmem';
import { DEFAULT_CONFIG, LINUX_6_1, type KernelConfig } from '@vmarea/uapi';
import { parseElfJson, programsFromDirectory, Replay, type ReplayOptions } from '../src/index.ts';

const folder = join(import.meta.dirname, '../../../conformance/straces');

export const PROGRAMS = ['bash_ls', 'busybox_static', 'cat', 'grep', 'perl', 'python3', 'sort', 'sqlite3'] as const;

export const directory = parseElfJson(readFileSync(join(folder, 'elf.json'), 'utf8'), 'elf.json');

export function logText(name: string): string {
  return readFileSync(join(folder, `${name}.strace`), 'utf8');
}

export function realMapText(name: string): string {
  return readFileSync(join(folder, `${name}.maps`), 'utf8');
}

export function realMap(name: string): readonly MapsLine[] {
  return parseMaps(realMapText(name)).lines;
}

export function machine(config: Partial<KernelConfig> = {}): Kernel {
  return createKernel({
    arch: createArm64({ pageSize: 4096, vaBits: 48 }),
    profile: LINUX_6_1,
    config: { ...DEFAULT_CONFIG, ramBytes: 2 ** 31, ...config },
    memory: false,
    hugePages: (system) => new Hugetlb(system),
    sharedMemory: (system) => new Shmem(system),
  });
}

export function replayOf(options: Partial<ReplayOptions> = {}): Replay {
  return new Replay({
    kernel: machine(),
    programs: programsFromDirectory(directory),
    ...options,
  });
}

/** The situation that options give, without a log's clues. */
export function situationOf(facts: GivenFacts): Situation {
  return inferSituation({ given: { vaBits: 48, ...facts }, clues: null });
}
