/**
 * docs/versions.md is generated (`pnpm versions` finds the recordings, `pnpm reference` writes the page), and what it says
 * of a recording is so.
 */
import { expect, it } from 'vitest';
import { changeKey, readEvidence, shows, witnesses } from '../src/versions/evidence.ts';
import { changesOf, readFacts } from '../src/versions/facts.ts';
import { versionsPage } from '../src/versions/page.ts';
import { profileOf } from '../src/machine.ts';
import { parseRecording } from '../src/recording.ts';

const facts = readFacts();
const evidence = readEvidence();

it('docs/versions.md is what the profiles and the recordings say', async () => {
  await expect(versionsPage(facts, evidence)).toMatchFileSnapshot('../../docs/versions.md');
});

it('every fact has a sentence', () => {
  for (const { group, name, says } of facts) expect(says, `${group}.${name}`).toMatch(/^[A-Z[{`_a-z].*\.$/);
});

it('each recording that the page names fails when its fact alone is exchanged', () => {
  const byName = new Map(witnesses().map((witness) => [witness.name, witness]));
  const keys: string[] = [];
  for (const fact of facts) {
    for (const { from, to } of changesOf(fact)) {
      const key = changeKey(fact, from, to);
      keys.push(key);
      const name = evidence[key];
      if (name == null) continue;
      const witness = byName.get(name);
      expect(witness, name).toBeDefined();
      const recorded = profileOf(parseRecording(witness!.text).header.kernel).name;
      expect(shows(witness!, fact, recorded === to.name ? from : to), `${key}: ${name}`).toBe(true);
    }
  }
  expect(Object.keys(evidence).sort()).toEqual(keys.sort());
});
