/**
 * docs/reasons.md is generated from the catalogues; this fails when it is stale (`pnpm reference` writes it).
 */
import { expect, it } from 'vitest';
import { reasonBook } from '../src/machine/lab.ts';

const REASONS = reasonBook().all();

/** The packages by the first number of their decisions. */
const PACKAGES: readonly (readonly [base: number, name: string])[] = [
  [0, '@vmarea/mm-core'],
  [1000, '@vmarea/vfs'],
  [2000, '@vmarea/shmem'],
  [3000, '@vmarea/hugetlbfs'],
  [4000, '@vmarea/kernel'],
];

function section(title: string, rows: readonly string[]): string {
  return `### ${title}\n\n${rows.join('\n\n')}\n`;
}

function reasonsText(): string {
  const parts = [
    '# Reasons',
    '<!-- Generated from the catalogues by `pnpm reference`. Do not edit. -->',
    'Every refusal has a stable id. A call leaves the number in `cur.call.reason`; `describeDecision` of `@vmarea/mm-core/reasons` gives the entry, and the other packages export their catalogues. `vmarea explain` prints them for a call, with the operands. A decision without an errno turns the path (two mappings stay apart) and refuses nothing.',
  ];
  PACKAGES.forEach(([base, name], i) => {
    const end = PACKAGES[i + 1]?.[0] ?? Infinity;
    parts.push(`## ${name}`);
    const byFunction = new Map<string, string[]>();
    for (const entry of REASONS.filter(({ decision }) => decision >= base && decision < end)) {
      const prefix = entry.id.slice(0, entry.id.indexOf('.'));
      const rows = byFunction.get(prefix) ?? [];
      const errno = entry.errno === 'none' ? '' : `, ${entry.errno}`;
      const source = entry.reference === '' ? '' : `\n\nSource: ${entry.reference}.`;
      rows.push(
        `#### ${entry.id}\n\n\`${entry.fn}\`${errno}. ${entry.sentence}\n\nWhat would change it: ${entry.change}${source}`,
      );
      byFunction.set(prefix, rows);
    }
    for (const [prefix, rows] of byFunction) parts.push(section(prefix, rows).trimEnd());
  });
  return `${parts.join('\n\n')}\n`;
}

it('docs/reasons.md is what the catalogues say', async () => {
  await expect(reasonsText()).toMatchFileSnapshot('../../../docs/reasons.md');
});

it('every entry has a number, an id and a sentence of its own', () => {
  const ids = new Set(REASONS.map((entry) => entry.id));
  const numbers = new Set(REASONS.map((entry) => entry.decision));
  expect(ids.size).toBe(REASONS.length);
  expect(numbers.size).toBe(REASONS.length);
  for (const entry of REASONS) {
    expect(entry.sentence, entry.id).toMatch(/^[A-Z].*\.$/s);
    expect(entry.change, entry.id).toMatch(/^[A-Z].*\.$/s);
  }
});
