// Shows that lint refuses an import against the layers and rooms of layers.json. The texts are linted under invented file names,
// so nothing of the kind ever stands in the tree. Rules with types are off: the texts belong to no project.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { afterAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const eslint = new ESLint({ cwd: root, overrideConfig: [tseslint.configs.disableTypeChecked] });

/** The messages of the layering rule for a file `filePath` that consists of `import * as x from specifier`. */
async function layering(filePath: string, specifier: string): Promise<string[]> {
  const text = `import * as x from '${specifier}';\nexport const y: unknown = x;\n`;
  const [result] = await eslint.lintText(text, { filePath: join(root, filePath) });
  const fatal = result?.messages.filter((message) => message.fatal === true) ?? [];
  expect(fatal).toEqual([]);
  return (result?.messages ?? [])
    .filter((message) => message.ruleId === '@typescript-eslint/no-restricted-imports')
    .map((message) => message.message);
}

const layers = JSON.parse(readFileSync(join(root, 'layers.json'), 'utf8')) as Record<string, string[]>;

const packages = Object.keys(layers).filter((name) => !name.includes('/'));
const rooms = Object.keys(layers).filter((name) => name.startsWith('mm-core/'));

describe('ESLint', () => {
  it.each(packages)('lets %s import the layers below it and no others', async (name) => {
    for (const other of packages) {
      const messages = await layering(`packages/${name}/src/virtual.ts`, `@vmarea/${other}`);
      if (layers[name]!.includes(other)) expect(messages).toEqual([]);
      else expect(messages, `${name} importing ${other}`).toHaveLength(1);
    }
  });

  it('refuses the files of another package', async () => {
    expect(await layering('packages/vfs/src/virtual.ts', '@vmarea/uapi/src/errno.ts')).toHaveLength(1);
    expect(await layering('packages/vfs/src/virtual.ts', '../../uapi/src/errno.ts')).toHaveLength(1);
    expect(await layering('packages/vfs/src/deep/virtual.ts', '../../../packages/uapi/src/errno.ts')).toHaveLength(1);
    expect(await layering('packages/vfs/src/deep/virtual.ts', '../inode.ts')).toEqual([]);
  });

  it('refuses Node built-ins, except in the file helpers of strace', async () => {
    expect(await layering('packages/replay/src/virtual.ts', 'node:fs')).toHaveLength(1);
    expect(await layering('packages/replay/src/virtual.ts', 'fs/promises')).toHaveLength(1);
    expect(await layering('packages/strace/src/virtual.ts', 'node:fs')).toHaveLength(1);
    expect(await layering('packages/strace/src/node/virtual.ts', 'node:fs')).toEqual([]);
    expect(await layering('packages/strace/src/node/virtual.ts', '@vmarea/kernel')).toHaveLength(1);
    expect(await layering('apps/demo/src/virtual.ts', 'node:fs')).toEqual([]);
  });

  it.each(rooms)('lets the room %s import the rooms below it and no others', async (name) => {
    const room = name.replace('mm-core/', '');
    const up = '../'.repeat(room.split('/').length);
    for (const other of rooms.map((x) => x.replace('mm-core/', ''))) {
      if (other === room) continue;
      const messages = await layering(`packages/mm-core/src/${room}/virtual.ts`, `${up}${other}/x.ts`);
      const allowed = layers[name]!.includes(other);
      expect(messages.length > 0, `${room} importing ${other}: ${messages.join()}`).toBe(!allowed);
    }
  });

  it('sees a sibling room of the memory by its short path, too', async () => {
    expect(await layering('packages/mm-core/src/memory/tlb/virtual.ts', '../cache/x.ts')).toHaveLength(1);
    expect(await layering('packages/mm-core/src/memory/cache/virtual.ts', '../tlb/x.ts')).toEqual([]);
  });

  it('keeps the engine of mm-core from its memory and its doubles', async () => {
    expect(await layering('packages/mm-core/src/virtual.ts', './memory/frames.ts')).toHaveLength(1);
    expect(await layering('packages/mm-core/src/ports/virtual.ts', '../memory/index.ts')).toHaveLength(1);
    expect(await layering('packages/mm-core/src/virtual.ts', './testing/index.ts')).toHaveLength(1);
    expect(await layering('packages/mm-core/src/memory/virtual.ts', '../space/mm.ts')).toEqual([]);
    expect(await layering('packages/mm-core/src/memory/virtual.ts', '../testing/index.ts')).toHaveLength(1);
    expect(await layering('packages/mm-core/src/testing/virtual.ts', '../memory/index.ts')).toEqual([]);
  });
});

describe('dependency-cruiser', () => {
  const dir = mkdtempSync(join(root, 'node_modules', '.layering-'));
  afterAll(() => {
    rmSync(dir, { recursive: true });
  });

  /** The rules that a workspace made of `files` breaks. */
  function broken(files: Record<string, string>): string[] {
    rmSync(join(dir, 'packages'), { recursive: true, force: true });
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, file)), { recursive: true });
      writeFileSync(join(dir, file), text);
    }
    const bin = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
    const args = [bin, '--config', join(root, '.dependency-cruiser.mjs'), '--output-type', 'json', 'packages'];
    writeFileSync(join(dir, 'tsconfig.base.json'), '{}');
    // The json reporter always ends with status 0.
    const out = execFileSync(process.execPath, args, { cwd: dir, encoding: 'utf8' });
    const { summary } = JSON.parse(out) as { summary: { violations: { rule: { name: string } }[] } };
    return [...new Set(summary.violations.map((violation) => violation.rule.name))].sort();
  }

  it('accepts files that keep to the layers', () => {
    expect(
      broken({
        'packages/mm-core/src/mm.ts': 'export const mm = 1;\n',
        'packages/mm-core/src/memory/fault.ts': "import { mm } from '../mm.ts';\nexport const fault = mm;\n",
      }),
    ).toEqual([]);
  });

  it('refuses a value from a room above, and a type from there that is not shared', () => {
    const files = {
      'packages/mm-core/src/areas/a.ts': "import { m } from '../space/mm.ts';\nexport const a = m;\n",
      'packages/mm-core/src/areas/b.ts': "import type { M } from '../space/mm.ts';\nexport type B = M;\n",
      'packages/mm-core/src/areas/c.ts': "import type { L } from '../space/lock.ts';\nexport type C = L;\n",
      'packages/mm-core/src/space/mm.ts': 'export const m = 1;\nexport type M = number;\n',
      'packages/mm-core/src/space/lock.ts': 'export type L = number;\n',
      'packages/mm-core/src/memory/tlb/t.ts': "import { c } from '../cache/c.ts';\nexport const t = c;\n",
      'packages/mm-core/src/memory/cache/c.ts': 'export const c = 1;\n',
    };
    expect(broken(files)).toEqual(['room-mm-core/areas', 'room-mm-core/memory/tlb', 'room-types-mm-core/areas']);
    expect(broken({ ...files, 'packages/mm-core/src/areas/a.ts': '', 'packages/mm-core/src/areas/c.ts': '' })).toEqual([
      'room-mm-core/memory/tlb',
    ]);
  });

  it('refuses upward and dynamic imports, cycles, Node built-ins, and the memory in the engine', () => {
    expect(
      broken({
        'packages/uapi/src/a.ts': "export const a = () => import('../../vfs/src/b.ts');\n",
        'packages/vfs/src/b.ts': "import '../../uapi/src/a.ts';\nimport 'node:fs';\nimport '@vmarea/kernel';\n",
        'packages/mm-core/src/mm.ts': "import './memory/fault.ts';\n",
        'packages/mm-core/src/memory/fault.ts': 'export const fault = 1;\n',
      }),
    ).toEqual(['engine-without-memory', 'layer-uapi', 'no-circular', 'no-node-in-packages', 'no-unresolvable']);
  });
});
