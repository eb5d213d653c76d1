/**
 * docs/reasons.md is generated from the table of reasons; this fails when it is stale (`pnpm reference` writes it).
 */
import * as hugetlbfs from '@vmarea/hugetlbfs';
import * as kernel from '@vmarea/kernel';
import * as core from '@vmarea/mm-core/reasons';
import { describeReason, formatSource, type Reason } from '@vmarea/mm-core/reasons';
import * as shmem from '@vmarea/shmem';
import { errnoName, signalName } from '@vmarea/uapi';
import * as vfs from '@vmarea/vfs';
import { expect, it } from 'vitest';
import { reasonNumber } from '../../../scripts/inline-constants.mjs';

const PACKAGES = { 'mm-core': core, vfs, shmem, hugetlbfs, kernel };

/** The reasons of a package by the names of their constants. */
function reasonsOf(module: object): Map<string, Reason> {
  const found = new Map<string, Reason>();
  for (const [name, value] of Object.entries(module) as [string, unknown][]) {
    const reason = typeof value === 'number' ? describeReason(value) : undefined;
    if (reason !== undefined) found.set(name, reason);
  }
  return found;
}

const ALL = core.allReasons();

function row({ id, errno, signal, says, change, source }: Reason): string {
  let ending = '';
  if (errno !== undefined) ending = `, ${errnoName(errno)}`;
  else if (signal !== undefined) ending = `, ${signalName(signal)}`;
  return [
    `#### ${id}`,
    `\`${source.fn}\`${ending}. ${says}`,
    `What would change it: ${change}`,
    `Source: ${formatSource(source, 'msm-4.4')}.`,
  ].join('\n\n');
}

function reasonsText(): string {
  const parts = [
    '# Reasons',
    '<!-- Generated from the table of reasons by `pnpm reference`. Do not edit. -->',
    'Every refusal has a stable id. A call leaves the number in `cur.call.reason`; `describeReason` of `@vmarea/mm-core/reasons` gives the entry, also of the other packages that are loaded. `vmarea explain` prints them for a call, with the operands. A reason without an errno and without a signal turns the path (two mappings stay apart) and refuses nothing.',
  ];
  for (const [name, module] of Object.entries(PACKAGES)) {
    const own = new Set(reasonsOf(module).values());
    const byFunction = new Map<string, string[]>();
    for (const reason of ALL.filter((one) => own.has(one))) {
      const prefix = reason.id.slice(0, reason.id.indexOf('.'));
      byFunction.set(prefix, [...(byFunction.get(prefix) ?? []), row(reason)]);
    }
    parts.push(`## @vmarea/${name}`);
    for (const prefix of [...byFunction.keys()].sort()) parts.push(`### ${prefix}`, ...byFunction.get(prefix)!);
  }
  return `${parts.join('\n\n')}\n`;
}

it('docs/reasons.md is what the table says', async () => {
  await expect(reasonsText()).toMatchFileSnapshot('../../../docs/reasons.md');
});

it('every reason is exported by its package, as a constant named as its id', () => {
  const exported = Object.values(PACKAGES).flatMap((module) => [...reasonsOf(module)]);
  for (const [name, { id }] of exported) expect(name).toBe(id.toUpperCase().replaceAll('.', '_'));
  expect(exported.map(([, { id }]) => id).sort()).toEqual(ALL.map(({ id }) => id).sort());
});

it('the build makes the numbers that the table makes', () => {
  for (const { id, number } of ALL) expect(reasonNumber(id), id).toBe(number);
});

it('every reason has an id and sentences', () => {
  for (const { id, says, change } of ALL) {
    expect(id).toMatch(/^[a-z0-9_]+\.[a-z0-9_]+$/);
    expect(says, id).toMatch(/^[A-Z].*\.$/s);
    expect(change, id).toMatch(/^[A-Z].*\.$/s);
  }
});
