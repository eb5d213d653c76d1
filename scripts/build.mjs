// `tsc -b` with one addition: numbers for imported constants (inline-constants.mjs says why).
//
//     node scripts/build.mjs [--force] [project ...]      projects are folders with a tsconfig.json; none is this folder
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import ts from 'typescript';
import { inlineConstants } from './inline-constants.mjs';

const { values, positionals } = parseArgs({
  options: { force: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const projects = (positionals.length > 0 ? positionals : ['.']).map((dir) => resolve(dir));
const host = ts.createSolutionBuilderHost(
  ts.sys,
  undefined,
  ts.createDiagnosticReporter(ts.sys, ts.sys.writeOutputIsTTY?.()),
);
const builder = ts.createSolutionBuilder(host, projects, { force: values.force });
let failed = false;
for (let project = builder.getNextInvalidatedProject(); project; project = builder.getNextInvalidatedProject()) {
  const program = project.kind === ts.InvalidatedProjectKind.Build ? project.getProgram() : undefined;
  const transformers = program && { before: [inlineConstants(program.getTypeChecker())] };
  if (project.done(undefined, undefined, transformers) !== ts.ExitStatus.Success) failed = true;
}
process.exitCode = failed ? 1 : 0;
