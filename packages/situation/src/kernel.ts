/**
 * Which kernel made a log: by its release, or by what only some profiles do. Where several fit, the newest is taken, and the
 * others are kept: who replays the log can ask them as well.
 */
import type { MapsLine } from '@vmarea/strace';
import { PROFILES, type KernelName } from '@vmarea/uapi';
import { archOf } from './arch.ts';
import type { Clue, LogClues } from './clues.ts';
import { assumed, fromLog, given, type Fact } from './evidence.ts';
import type { GivenFacts } from './infer.ts';
import { kernelCluesOfMap, versionOf, type KernelClue } from './kernel-clues.ts';
import { kernelsOf, vaBitsOf, type Architecture } from './situation.ts';

/** A kernel, and the other ones that fit as well, newest first. */
export interface KernelChoice {
  readonly kernel: Fact<KernelName>;
  readonly others: readonly KernelName[];
}

/** What the machine is, as far as the choice of a kernel depends on it. */
export interface KernelMachine {
  readonly architecture: Architecture;
  /** Bytes. */
  readonly pageSize: number;
  /** Address bits that something shows; undefined where nothing does. */
  readonly bits: number | undefined;
}

/** What a kernel may be read from. */
export interface KernelSources {
  readonly facts: GivenFacts;
  /** Null without a log. */
  readonly clues: LogClues | null;
  readonly maps: readonly (readonly MapsLine[])[];
  /** A release that is told beside the log; the log's own has precedence. */
  readonly release?: Clue<string> | null | undefined;
}

/** The default kernel, where there is no log. */
const DEFAULT_KERNEL: KernelName = 'linux-6.1';

/**
 * The oldest release that a profile stands for, where that is older than its own: arm64 has the layout of linux-6.1 since
 * 5.4, private anonymous memory is placed on borders of 2 MiB since 6.7, and areas with and without pages of their own join since 6.16.
 */
const STANDS_SINCE: Readonly<Partial<Record<KernelName, string>>> = {
  'linux-6.1': '5.4',
  'linux-6.12': '6.7',
  'linux-6.18': '6.16',
};

/** The profile that is nearest to a release: the newest that is not newer, the oldest for what is older than all. */
function nearest(release: string, names: readonly KernelName[]): KernelName {
  const version = versionOf(release);
  const older = names.filter((name) => versionOf(STANDS_SINCE[name] ?? PROFILES[name].release) <= version);
  return older.at(-1) ?? names[0]!;
}

/** Clues that do not hold: a kernel without huge pages places nothing at their borders, whatever its version is. */
function trusted(clues: readonly KernelClue[], facts: GivenFacts, pageSize: number): readonly KernelClue[] {
  const placed = pageSize === 4096 && facts.config?.some(([name]) => name === 'thp') !== true;
  return placed ? clues : clues.filter(({ what }) => !what.includes('border of 2 MiB'));
}

/** The names joined: `linux-6.1 and linux-6.12`. */
function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)!}`;
}

/** Returns the kernel of a log or a map. */
export function chooseKernel(
  { facts, clues, maps, release: told }: KernelSources,
  machine: KernelMachine,
): KernelChoice {
  if (facts.kernel !== undefined) return { kernel: given(facts.kernel, `--kernel ${facts.kernel}`), others: [] };
  const all = kernelsOf(machine.architecture);
  const shownRelease = clues?.release ?? told ?? null;
  const release = facts.release ?? shownRelease?.value;
  if (release !== undefined && versionOf(release) > 0) {
    const name = nearest(release, all);
    const own = versionOf(PROFILES[name].release) - versionOf(release);
    const how = own === 0 ? '' : own < 0 ? ', which is later' : ', which is earlier';
    const kernel =
      facts.release === undefined
        ? fromLog(name, shownRelease!.line, `${shownRelease!.what}${how}`)
        : given(name, `release ${release}${how}`);
    return { kernel, others: [] };
  }
  const vaBits = vaBitsOf(machine.architecture, machine.pageSize).at(-1) ?? 48;
  const arch = archOf({ architecture: machine.architecture, pageSize: machine.pageSize, vaBits, vsyscall: 'xonly' });
  const read = trusted(clues?.kernel.list ?? [], facts, machine.pageSize).map((clue) => ({ ...clue, map: false }));
  const shown = maps.flatMap((lines) => kernelCluesOfMap(lines, arch)).map((clue) => ({ ...clue, map: true }));
  // Kernels that are usual with another size of the address space.
  const { bits, pageSize } = machine;
  const usual = all.filter((name) => pageSize !== 4096 || bits === 39 || PROFILES[name].usualVaBits !== 39);
  let fitting: readonly KernelName[] = usual;
  let telling: ((typeof read)[number] & { map: boolean }) | null = null;
  for (const clue of [...read, ...shown]) {
    const left = fitting.filter((name) => clue.value(PROFILES[name]));
    // What no profile does says nothing.
    if (left.length === 0 || left.length === fitting.length) continue;
    fitting = left;
    telling = clue;
  }
  const others = fitting.slice(0, -1).toReversed();
  const newest = fitting.at(-1)!;
  const also =
    others.length === 0
      ? ''
      : `${listed(others.toReversed())} ${others.length === 1 ? 'fits' : 'fit'} as well, the newest is taken`;
  if (telling === null) {
    if (clues === null || clues.answers + clues.calls === 0) return { kernel: assumed(DEFAULT_KERNEL), others: [] };
    return { kernel: assumed(newest, also), others };
  }
  const what = also === '' ? telling.what : `${telling.what}; ${also}`;
  const evidence = { kind: telling.map ? ('map' as const) : ('log' as const), line: telling.line, what };
  return { kernel: { value: newest, evidence }, others };
}
