// `tsc -b` with one addition: numbers for imported constants (inline-constants.mjs says why).
//
//     node scripts/build.mjs [project ...]      projects are folders with a tsconfig.json; none is this folder
//
// What was built otherwise (by tsc itself, or by another version of the transformer) is built again: for each package a
// stamp in node_modules/.cache says which build information this script has left.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { inlineConstants } from './inline-constants.mjs';
import { root } from './workspace.mjs';

const cache = join(root, 'node_modules/.cache/vmarea-build');
const version = createHash('sha256')
  .update(readFileSync(new URL('inline-constants.mjs', import.meta.url)))
  .digest('hex');

/** Adds a project to `found`, and what it refers to. Others may be under construction by another process. */
function addWithReferences(dir, found) {
  if (found.has(dir)) return;
  found.add(dir);
  const { config } = ts.readConfigFile(join(dir, 'tsconfig.json'), ts.sys.readFile);
  for (const { path } of config?.references ?? []) addWithReferences(resolve(dir, path), found);
}

/** The build information of a project: where it is, where its stamp is, and what the stamp should say. */
function buildInfo(dir) {
  const path = join(dir, 'dist/.tsbuildinfo');
  const stamp = join(cache, `of-${relative(root, dir)}`.replaceAll(/[/\\]/g, '-'));
  return { path, stamp, text: existsSync(path) ? `${statSync(path).mtimeMs} ${version}` : '' };
}

const projects = (process.argv.length > 2 ? process.argv.slice(2) : ['.']).map((dir) => resolve(dir));
const found = new Set();
for (const dir of projects) addWithReferences(dir, found);
const dirs = [...found];

for (const { path, stamp, text } of dirs.map(buildInfo)) {
  const stamped = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
  if (text !== '' && stamped !== text) rmSync(path, { force: true });
}

const host = ts.createSolutionBuilderHost(
  ts.sys,
  undefined,
  ts.createDiagnosticReporter(ts.sys, ts.sys.writeOutputIsTTY?.()),
);
const builder = ts.createSolutionBuilder(host, projects, {});
let failed = false;
for (let project = builder.getNextInvalidatedProject(); project; project = builder.getNextInvalidatedProject()) {
  const program = project.kind === ts.InvalidatedProjectKind.Build ? project.getProgram() : undefined;
  const transformers = program && { before: [inlineConstants(program.getTypeChecker())] };
  if (project.done(undefined, undefined, transformers) !== ts.ExitStatus.Success) failed = true;
}
mkdirSync(cache, { recursive: true });
for (const { stamp, text } of dirs.map(buildInfo)) if (text !== '') writeFileSync(stamp, text);
process.exitCode = failed ? 1 : 0;
