// What is loaded before a command runs: help and errors need little, and everybody waits for it.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, it } from 'vitest';

const src = join(import.meta.dirname, '../src');

/** The modules that a file loads before it runs: its static imports that are not types, and theirs. */
function loadedBy(file: string, found: Set<string>): Set<string> {
  found.add(relative(src, file));
  const text = readFileSync(file, 'utf8');
  for (const [, what, name] of text.matchAll(/^(?:import|export)\s+(?!type\b)([^;']*?)\s*from\s+'([^']+)'/gms)) {
    const names = /\{([^}]*)\}/.exec(what!)?.[1] ?? 'all';
    if (names.split(',').every((word) => /^\s*(type\s.*)?$/s.test(word))) continue;
    if (!name!.startsWith('.')) {
      found.add(name!);
      continue;
    }
    const next = join(dirname(file), name!);
    expect(existsSync(next), next).toBe(true);
    if (!found.has(relative(src, next))) loadedBy(next, found);
  }
  return found;
}

it('help loads the parser of options and the tables of the ABI, and no command, driver or engine', () => {
  const packages = [...loadedBy(join(src, 'cli.ts'), new Set())].filter((name) => !name.endsWith('.ts'));
  expect(packages.filter((name) => !name.startsWith('node:')).sort()).toEqual([
    '@vmarea/uapi',
    'commander',
    'picocolors',
  ]);
});

it('a map is read without a machine', () => {
  const packages = [...loadedBy(join(src, 'intake/maps.ts'), new Set())];
  expect(packages).not.toContain('@vmarea/kernel');
  expect(packages).not.toContain('@vmarea/mm-core');
});

it('a driver is loaded when it is named', () => {
  const packages = [...loadedBy(join(src, 'commands/cat-mapped.ts'), new Set())];
  for (const driver of ['@vmarea/hostfs', '@vmarea/httpfs', '@vmarea/zenfs', '@zenfs/core', '@zenfs/archives'])
    expect(packages).not.toContain(driver);
});
