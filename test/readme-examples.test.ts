// Runs the examples of the READMEs. Every ```ts block is type-checked and run as a module of the package that it stands in;
// when a ```text block follows it directly, that is what the example must print. A ```ts block marked `no-run` is only
// type-checked. The root's README and the guides in docs are run from apps/demo, which depends on every package.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { format } from 'node:util';
import ts from 'typescript';
import { afterAll, describe, expect, it, vi } from 'vitest';

const root = join(import.meta.dirname, '..');

interface Example {
  title: string;
  file: string;
  run: boolean;
  output: string | undefined;
}

const folders = ['packages', 'apps'].flatMap((folder) =>
  readdirSync(join(root, folder)).map((name) => `${folder}/${name}`),
);
const dirs: string[] = [];
const examples: Example[] = [];

/** Writes the examples of `readme` below `home` and notes them. */
function collect(readme: string, home: string): void {
  if (!existsSync(readme)) return;
  const blocks = readFileSync(readme, 'utf8').matchAll(/^```ts( no-run)?\n(.*?)^```\n(?:\s*^```text\n(.*?)^```$)?/gms);
  let count = 0;
  for (const [, noRun, code, output] of blocks) {
    const dir = join(home, 'artifacts/readme');
    count += 1;
    const file = join(dir, `${relative(root, readme).replaceAll(/[^a-z0-9]+/gi, '-')}-${count}.ts`);
    mkdirSync(dir, { recursive: true });
    writeFileSync(file, code!);
    dirs.push(dir);
    examples.push({ title: `${relative(root, readme)}, example ${count}`, file, run: noRun === undefined, output });
  }
}

collect(join(root, 'README.md'), join(root, 'apps/demo'));
for (const name of readdirSync(join(root, 'docs'))) {
  if (name.endsWith('.md')) collect(join(root, 'docs', name), join(root, 'apps/demo'));
}
for (const folder of folders) collect(join(root, folder, 'README.md'), join(root, folder));

afterAll(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

describe('README', () => {
  it('has a whole CPU in at most 50 lines', () => {
    const { file } = examples.find(({ title }) => title === 'docs/embedding-a-cpu.md, example 1')!;
    expect(readFileSync(file, 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(50);
  });

  it('examples type-check', () => {
    const { config } = ts.readConfigFile(join(root, 'tsconfig.test.json'), (file) => ts.sys.readFile(file)) as {
      config: { compilerOptions: object };
    };
    const base = ts.readConfigFile(join(root, 'tsconfig.base.json'), (file) =>
      ts.sys.readFile(file),
    ) as typeof config & {
      config: { compilerOptions: object };
    };
    const { options } = ts.convertCompilerOptionsFromJson(
      { ...base.config.compilerOptions, ...config.compilerOptions, incremental: false, noUnusedLocals: false },
      root,
    );
    delete options.tsBuildInfoFile;
    const program = ts.createProgram(
      examples.map((example) => example.file),
      options,
    );
    const problems = examples.flatMap((example) =>
      ts
        .getPreEmitDiagnostics(program, program.getSourceFile(example.file))
        .map((problem) => `${example.title}: ${ts.flattenDiagnosticMessageText(problem.messageText, '\n')}`),
    );
    expect(problems).toEqual([]);
  });

  it.each(examples.filter((example) => example.run))('$title runs', async ({ file, output }) => {
    const lines: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((...args: unknown[]) => {
      lines.push(format(...args));
    });
    try {
      await import(/* @vite-ignore */ file);
    } finally {
      log.mockRestore();
    }
    if (output !== undefined) expect(lines.join('\n').trimEnd()).toBe(output.trimEnd());
  });
});
