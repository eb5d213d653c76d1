/**
 * docs/reasons.md is generated from the catalogues; this fails when it is stale (`pnpm reference` writes it).
 */
import { CATALOGUE } from '@vmarea/mm-core/reasons';
import { expect, it } from 'vitest';

function section(title: string, rows: readonly string[]): string {
  return `## ${title}\n\n${rows.join('\n\n')}\n`;
}

function reasonsText(): string {
  const parts = [
    '# Reasons',
    '<!-- Generated from the catalogues by `pnpm reference`. Do not edit. -->',
    'Every refusal has a stable id. A verb leaves the number in `mm.lastDecision`; `describeDecision` of `@vmarea/mm-core/reasons` gives the entry. A decision without an errno turns the path (two mappings stay apart) and refuses nothing.',
  ];
  const byFunction = new Map<string, string[]>();
  for (const entry of CATALOGUE) {
    const prefix = entry.id.slice(0, entry.id.indexOf('.'));
    const rows = byFunction.get(prefix) ?? [];
    const errno = entry.errno === 'none' ? '' : `, ${entry.errno}`;
    rows.push(
      `### ${entry.id}\n\n\`${entry.fn}\`${errno}. ${entry.sentence}\n\nWhat would change it: ${entry.change}\n\nSource: ${entry.reference}.`,
    );
    byFunction.set(prefix, rows);
  }
  for (const [prefix, rows] of byFunction) parts.push(section(prefix, rows).trimEnd());
  return `${parts.join('\n\n')}\n`;
}

it('docs/reasons.md is what the catalogue says', async () => {
  await expect(reasonsText()).toMatchFileSnapshot('../../../docs/reasons.md');
});

it('every entry has a number, an id and a sentence of its own', () => {
  const ids = new Set(CATALOGUE.map((entry) => entry.id));
  const numbers = new Set(CATALOGUE.map((entry) => entry.decision));
  expect(ids.size).toBe(CATALOGUE.length);
  expect(numbers.size).toBe(CATALOGUE.length);
  for (const entry of CATALOGUE) {
    expect(entry.sentence, entry.id).toMatch(/^[A-Z].*\.$/s);
    expect(entry.change, entry.id).toMatch(/^[A-Z].*\.$/s);
  }
});
