// What all manifests say alike, and the links of what is published.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { absoluteLinks, repositoryOf, withCommon } from '../scripts/manifests.mjs';
import { publicPackages } from '../scripts/workspace.mjs';

const root = join(import.meta.dirname, '..');
const packages = publicPackages();

it.each(packages)('$dir says what all say', ({ dir, manifest }) => {
  expect(JSON.stringify(manifest)).toBe(JSON.stringify(withCommon(manifest, dir, '')));
});

describe('where the project lives', () => {
  it('is not decided: no manifest names a repository', () => {
    const setting = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as object;
    if (repositoryOf(setting) !== '') return;
    for (const { manifest } of packages) {
      for (const key of ['repository', 'homepage', 'bugs']) expect(manifest).not.toHaveProperty(key);
    }
  });

  it('is one setting', () => {
    expect(withCommon({ name: 'vmarea', version: '0.1.0' }, 'apps/demo', 'https://host.example/a/b')).toMatchObject({
      repository: { type: 'git', url: 'git+https://host.example/a/b.git', directory: 'apps/demo' },
      homepage: 'https://host.example/a/b/tree/HEAD/apps/demo#readme',
      bugs: { url: 'https://host.example/a/b/issues' },
    });
    expect(repositoryOf({ vmarea: { repository: 'https://host.example/a/b.git' } })).toBe('https://host.example/a/b');
    expect(() => repositoryOf({ vmarea: { repository: 'git@host.example:a/b' } })).toThrow('not the https address');
  });

  it('makes links absolute when a README is published', () => {
    const text = '[a](../vfs/src/x.ts#L1) [b](https://x.example/) [c](#part) ![d](d.svg)';
    expect(absoluteLinks(text, 'packages/kernel', 'https://host.example/a/b')).toBe(
      '[a](https://host.example/a/b/blob/HEAD/packages/vfs/src/x.ts#L1) [b](https://x.example/) [c](#part) ' +
        '![d](https://host.example/a/b/blob/HEAD/packages/kernel/d.svg)',
    );
  });
});

const texts = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md'].map((name) => join(root, name)),
  ...readdirSync(join(root, 'docs')).map((name) => join(root, 'docs', name)),
  ...packages.map(({ dir }) => join(root, dir, 'README.md')),
].filter((file) => file.endsWith('.md') && existsSync(file));

it.each(texts.map((file) => relative(root, file)))('%s links to files that are there', (name) => {
  const file = join(root, name);
  const targets = [...readFileSync(file, 'utf8').matchAll(/\]\((?![a-z]+:|#)([^)\s#]+)/g)].map((match) => match[1]!);
  expect(targets.filter((target) => !existsSync(join(dirname(file), target)))).toEqual([]);
});
