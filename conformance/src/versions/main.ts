/**
 * `pnpm versions`: looks for the recordings that show each difference between the profiles, and keeps their names in
 * conformance/versions.json, from which docs/versions.md is written (`pnpm reference`). What was found before is not looked
 * for again, but with `--all`.
 */
import { writeFileSync } from 'node:fs';
import { EVIDENCE_FILE, findEvidence, readEvidence } from './evidence.ts';
import { readFacts } from './facts.ts';

const known = process.argv.includes('--all') ? {} : readEvidence();
const evidence = findEvidence(readFacts(), known, (line) => process.stdout.write(`${line}\n`));
writeFileSync(EVIDENCE_FILE, `${JSON.stringify(evidence, null, 2)}\n`);
