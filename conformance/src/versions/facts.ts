/**
 * The facts of the kernel profiles, with the sentences that their declarations carry, and in which profiles they differ.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROFILES, type KernelProfile } from '@vmarea/uapi';

/** Where the facts are declared, one file per group. */
const DECLARATIONS: string = join(import.meta.dirname, '../../../packages/uapi/src/profile/facts');

/** One fact of the profiles. */
export interface Fact {
  /** Its group, for instance `mremap`. */
  readonly group: string;
  /** Its name in the group. */
  readonly name: string;
  /** The sentence of its declaration. */
  readonly says: string;
}

/** A fact's value in one profile, as JSON shows it. */
export function valueOf(profile: KernelProfile, fact: Fact): string {
  return JSON.stringify(groupOf(profile, fact.group)[fact.name]);
}

function groupOf(profile: KernelProfile, group: string): Readonly<Record<string, unknown>> {
  return (profile as unknown as Record<string, Readonly<Record<string, unknown>>>)[group] ?? {};
}

/** The profile that is `profile` but for one fact, which is that of `other`. */
export function withFactOf(profile: KernelProfile, fact: Fact, other: KernelProfile): KernelProfile {
  const group = { ...groupOf(profile, fact.group), [fact.name]: groupOf(other, fact.group)[fact.name] };
  return { ...profile, [fact.group]: group };
}

/** All facts, in the order of their declarations. */
export function readFacts(): Fact[] {
  const facts: Fact[] = [];
  for (const file of readdirSync(DECLARATIONS).sort()) {
    const text = readFileSync(join(DECLARATIONS, file), 'utf8');
    const group = file.slice(0, -'.ts'.length);
    for (const [, comment, name] of text.matchAll(/\n {2}(\/\*\*(?:(?!\*\/)[\s\S])*\*\/)\n {2}readonly (\w+):/g)) {
      facts.push({ group, name: name!, says: plain(comment!) });
    }
  }
  return facts;
}

/** A doc comment without its marks, on one line. */
function plain(comment: string): string {
  return comment
    .replace(/^\/\*\*|\*\/$/g, '')
    .replace(/\n\s*\*/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** The steps from one profile to the next in which a fact changes, oldest first. */
export function changesOf(fact: Fact): { readonly from: KernelProfile; readonly to: KernelProfile }[] {
  const profiles = Object.values(PROFILES);
  return profiles
    .slice(1)
    .map((to, i) => ({ from: profiles[i]!, to }))
    .filter(({ from, to }) => valueOf(from, fact) !== valueOf(to, fact));
}
