/**
 * Which recording shows a difference between versions: one that passes, and no longer does when the fact alone is exchanged
 * for that of the other version.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { KernelProfile } from '@vmarea/uapi';
import { findSets, readSet } from '../archive.ts';
import type { Kind } from '../compare.ts';
import { Exceptions } from '../exceptions.ts';
import { profileOf, readGuest, type Guest } from '../machine.ts';
import { parseRecording, type Recording } from '../recording.ts';
import { readCompared } from '../run-set.ts';
import { runRecording } from '../runner.ts';
import { changesOf, withFactOf, type Fact } from './facts.ts';

const RECORDINGS: string = join(import.meta.dirname, '../../recordings');

/** Where what was found is kept. */
export const EVIDENCE_FILE: string = join(import.meta.dirname, '../../versions.json');

/** A recording by `SET/NAME` for each change of a fact, by `GROUP.NAME FROM→TO`; null where none is known. */
export type Evidence = Readonly<Record<string, string | null>>;

/** The key of a change in {@link Evidence}. */
export function changeKey(fact: Fact, from: KernelProfile, to: KernelProfile): string {
  return `${fact.group}.${fact.name} ${from.name}→${to.name}`;
}

/** A recording with what it needs to be run. */
export interface Witness {
  /** `SET/NAME`. */
  readonly name: string;
  readonly text: string;
  readonly guest: Guest;
  readonly kinds: readonly Kind[];
}

/** All recordings of the repository, scenarios first: their names say what they do. */
export function witnesses(): Witness[] {
  const all = findSets(RECORDINGS).flatMap((dir) => {
    const guest = readGuest(dir);
    const kinds = readCompared(dir);
    return readSet(dir).map(({ name, text }) => ({ name: `${basename(dir)}/${name}`, text, guest, kinds }));
  });
  return all.sort((a, b) => Number(a.name.includes('/random/')) - Number(b.name.includes('/random/')));
}

function passes({ guest, kinds }: Witness, recording: Recording, profile: KernelProfile): boolean {
  const outcome = runRecording(recording, guest, {
    kinds: new Set(kinds),
    maxFailures: 1,
    exceptions: new Exceptions([], '', ''),
    check: false,
    way: 'records',
    profile,
  });
  return outcome.error === null && outcome.failures.length === 0;
}

/** Whether a recording tells the recorded kernel from one with the other version's fact. */
export function shows(witness: Witness, fact: Fact, other: KernelProfile): boolean {
  const recording = parseRecording(witness.text);
  return !passes(witness, recording, withFactOf(profileOf(recording.header.kernel), fact, other));
}

/** A copy of a profile that notes, as `GROUP.NAME`, each fact that is asked for. */
function noting(profile: KernelProfile, asked: Set<string>): KernelProfile {
  const groups = Object.entries(profile).map(([group, facts]: [string, unknown]) => {
    if (typeof facts !== 'object' || facts === null) return [group, facts];
    return [
      group,
      new Proxy(facts, {
        get: (target, name) => {
          asked.add(`${group}.${String(name)}`);
          return Reflect.get(target, name) as unknown;
        },
      }),
    ];
  });
  return Object.fromEntries(groups) as KernelProfile;
}

/** The recordings, with what each of them asks the profile for: only those can show a fact. */
class Search {
  private readonly all: readonly { readonly witness: Witness; readonly kernel: string }[];
  private readonly asked = new Map<Witness, ReadonlySet<string>>();

  constructor() {
    this.all = witnesses().map((witness) => ({
      witness,
      kernel: profileOf(parseRecording(witness.text.slice(0, witness.text.indexOf('\n'))).header.kernel).name,
    }));
  }

  /** The facts that a recording asks for. */
  private askedBy(witness: Witness): ReadonlySet<string> {
    const known = this.asked.get(witness);
    if (known !== undefined) return known;
    const asked = new Set<string>();
    const recording = parseRecording(witness.text);
    passes(witness, recording, noting(profileOf(recording.header.kernel), asked));
    this.asked.set(witness, asked);
    return asked;
  }

  /** The first recording of a kernel that shows a fact; those are tried first whose names have the fact's group in them. */
  find(fact: Fact, kernel: KernelProfile, other: KernelProfile): string | null {
    const own = this.all.filter((one) => one.kernel === kernel.name).map((one) => one.witness);
    const named = own.filter(({ name }) => name.includes(fact.group) && name.includes('/scenarios/'));
    const rest = own.filter((witness) => !named.includes(witness));
    for (const witness of [...named, ...rest]) {
      if (this.askedBy(witness).has(`${fact.group}.${fact.name}`) && shows(witness, fact, other)) return witness.name;
    }
    return null;
  }
}

/**
 * Looks for a recording for each change of each fact.
 *
 * @param known what is known already and not looked for again
 */
export function findEvidence(facts: readonly Fact[], known: Evidence, tell: (line: string) => void): Evidence {
  const search = new Search();
  const found: Record<string, string | null> = {};
  for (const fact of facts) {
    for (const { from, to } of changesOf(fact)) {
      const key = changeKey(fact, from, to);
      found[key] = known[key] ?? search.find(fact, to, from) ?? search.find(fact, from, to);
      tell(`${key}: ${found[key] ?? 'no recording shows it'}`);
    }
  }
  return found;
}

/** What was found the last time. */
export function readEvidence(): Evidence {
  return existsSync(EVIDENCE_FILE) ? (JSON.parse(readFileSync(EVIDENCE_FILE, 'utf8')) as Evidence) : {};
}
