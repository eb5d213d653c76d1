/** What the build writes for constants of other modules: scripts/inline-constants.mjs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inlineConstants, reasonNumber } from '../scripts/inline-constants.mjs';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'vmarea-inline-'));
});
afterAll(() => {
  rmSync(dir, { recursive: true });
});

const CONSTANTS = `
export const READ = 0x1;
export const WRITE = 0x2;
export const BOTH: number = READ | WRITE;
export const NONE: number = ~BOTH;
export const SHIFT = 5;
export const SLOTS: number = 1 << SHIFT;
export let changes = 3;
export const measured: number = Math.max(1, 2);
export const text = 'READ';
`;

const REASONS = `
const reason = (id: string, _text: object): number => id.length;
export const ROOM_FULL: number = reason('room.full', { says: 'The room is full.' });
`;

/** The JavaScript of a module that imports CONSTANTS. */
function emittedWhole(body: string): string {
  const main = join(dir, 'main.ts');
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(dir, 'constants.ts'), CONSTANTS);
  writeFileSync(join(dir, 'reasons.ts'), REASONS);
  writeFileSync(
    main,
    `import { READ, WRITE, BOTH, NONE, SLOTS, changes, measured, text } from './constants.ts';\n${body}\n`,
  );
  const program = ts.createProgram([main], {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    rewriteRelativeImportExtensions: true,
    verbatimModuleSyntax: true,
    types: [],
  });
  let text = '';
  program.emit(
    program.getSourceFile(main),
    (_name, content) => {
      text = content;
    },
    undefined,
    false,
    { before: [inlineConstants(program.getTypeChecker())] },
  );
  return text.trim();
}

/** The same without its imports. */
function emitted(body: string): string {
  return emittedWhole(body)
    .replace(/^import .*\n/gm, '')
    .trim();
}

describe('a build', () => {
  it('writes numbers for constants of other modules, and their names beside them', () => {
    expect(emitted('export const f = (x: number) => (x & READ) !== 0;')).toBe(
      'export const f = (x) => (x & 1 /* READ */) !== 0;',
    );
  });

  it('works out what is made of constants', () => {
    expect(emitted('export const f = (x: number) => [x & BOTH, x & NONE, x % SLOTS];')).toBe(
      'export const f = (x) => [x & 3 /* BOTH */, x & (-4) /* NONE */, x % 32 /* SLOTS */];',
    );
  });

  it('leaves what may change, what is no number, and what only the program knows', () => {
    const body = 'export const f = () => [changes, measured, text];';
    expect(emitted(body)).toBe(body);
  });

  it('leaves names that only look alike', () => {
    expect(emitted('export const f = (o: { READ: number }, WRITE: number) => [o.READ, WRITE, { READ: 7 }];')).toBe(
      'export const f = (o, WRITE) => [o.READ, WRITE, { READ: 7 }];',
    );
  });

  it('keeps the name of a shorthand property', () => {
    expect(emitted('export const table = { READ, WRITE };')).toBe(
      'export const table = { READ: 1 /* READ */, WRITE: 2 /* WRITE */ };',
    );
  });

  it('writes the number of a reason, and drops the import of its texts', () => {
    const text = emittedWhole("import { ROOM_FULL } from './reasons.ts';\nexport const f = () => ROOM_FULL + READ;");
    expect(text).toContain(`export const f = () => ${reasonNumber('room.full')} /* ROOM_FULL */ + 1 /* READ */;`);
    expect(text).not.toContain('reasons');
  });

  it('keeps types and exports', () => {
    expect(emitted('export type T = typeof READ;\nexport { READ };\nexport const x: typeof WRITE = WRITE;')).toBe(
      'export { READ };\nexport const x = 2 /* WRITE */;',
    );
  });
});
