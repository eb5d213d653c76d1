// The public surface of every package as text, packages/*/api/*.api.md, so that a review sees when it changes.
//
//     node scripts/api-reports.mjs            fails when a report is not what the build exports
//     node scripts/api-reports.mjs --write    writes the reports
//
// Needs a build. One report for each entry point with types.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { publicPackages, root } from './workspace.mjs';

const write = process.argv.includes('--write');
const silent = { logLevel: ExtractorLogLevel.None };
const changed = [];
let entries = 0;

/** The entry points with types: `[name of the report, d.ts]`. */
function entryPoints({ exports = {} }) {
  return Object.entries(exports)
    .filter(([, target]) => typeof target === 'object' && target.types !== undefined)
    .map(([path, { types }]) => [path === '.' ? 'index' : path.slice(2).replaceAll('/', '-'), types]);
}

for (const { dir, manifest } of publicPackages()) {
  const home = join(root, dir);
  const folder = join(home, 'api');
  const kept = new Set();
  for (const [name, types] of entryPoints(manifest)) {
    entries++;
    kept.add(`${name}.api.md`);
    mkdirSync(folder, { recursive: true });
    const config = ExtractorConfig.prepare({
      configObject: {
        projectFolder: home,
        mainEntryPointFilePath: join(home, types),
        compiler: {
          overrideTsconfig: {
            compilerOptions: {
              target: 'es2023',
              module: 'nodenext',
              moduleResolution: 'nodenext',
              lib: ['es2023', 'dom'],
              types: ['node'],
              skipLibCheck: true,
              strict: true,
            },
            files: [join(home, types)],
          },
        },
        apiReport: {
          enabled: true,
          reportFileName: `${name}.api.md`,
          reportFolder: folder,
          reportTempFolder: join(root, 'artifacts/api', manifest.name),
        },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        newlineKind: 'lf',
        messages: {
          compilerMessageReporting: { default: silent },
          extractorMessageReporting: { default: silent },
          tsdocMessageReporting: { default: silent },
        },
      },
      configObjectFullPath: undefined,
      packageJsonFullPath: join(home, 'package.json'),
    });
    const result = Extractor.invoke(config, {
      localBuild: write,
      messageCallback: (message) => {
        message.handled = true;
      },
    });
    if (result.apiReportChanged) changed.push(`${dir}/api/${name}.api.md`);
  }
  for (const file of existsSync(folder) ? readdirSync(folder) : []) {
    if (kept.has(file)) continue;
    changed.push(`${dir}/api/${file}`);
    if (write) rmSync(join(folder, file));
  }
}
const verb = write ? 'written' : 'not what the build exports';
for (const file of changed) console.log(`${file}: ${verb}`);
console.log(`${entries} entry points, ${changed.length} reports ${verb}`);
if (!write && changed.length > 0) {
  console.log('Run: pnpm api-reports');
  process.exitCode = 1;
}
