/**
 * Whole processes: the processor time of a command from start to end.
 *
 * The command line and the bundles of mm-core and uapi must have been built (`pnpm bench` does); otherwise their figures are NaN.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { figure, type Figure } from './harness.ts';
import { LogWriter } from '../workloads/strace-log.ts';

/** One command. */
export interface ProcessRow {
  readonly id: string;
  readonly title: string;
  /** Seconds of processor time, of all threads. */
  readonly cpu: Figure;
}

const root = resolve(import.meta.dirname, '../../..');
const main = join(root, 'apps/demo/bin/main.js');
/** Writes the processor time to descriptor 3 when the process ends. */
const TELL =
  'data:text/javascript,import{writeSync}from"node:fs";process.on("exit",()=>{const{user,system}=process.cpuUsage();writeSync(3,String((user+system)/1e6))})';

/** Returns the processor time of one run in seconds; NaN when it cannot be measured. */
function run(args: readonly string[]): number {
  const { output } = spawnSync(process.execPath, ['--import', TELL, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const told = output[3] ?? '';
  return told === '' ? NaN : Number(told);
}

/**
 * Installs mm-core and what it imports in a folder, as they are published.
 *
 * @returns the module that an import of mm-core finds there
 */
function installEngine(dir: string): string {
  for (const name of ['uapi', 'mm-core']) {
    const from = join(root, 'packages', name);
    const to = join(dir, 'node_modules/@vmarea', name);
    cpSync(join(from, 'dist/node'), join(to, 'dist/node'), { recursive: true });
    const manifest = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as { publishConfig: object };
    writeFileSync(join(to, 'package.json'), JSON.stringify({ ...manifest, ...manifest.publishConfig }));
  }
  return join(dir, 'node_modules/@vmarea/mm-core/dist/node/index.js');
}

/** Measures each command `rounds` times, in turns. */
export function processRows(rounds: number): ProcessRow[] {
  const dir = mkdtempSync(join(tmpdir(), 'vmarea-bench-'));
  const log = join(dir, 'short.strace');
  const writer = new LogWriter('linux-6.1', 1);
  const lines: string[] = [];
  for (let i = 0; i < 500; i++) lines.push(writer.line());
  writeFileSync(log, `${lines.join('\n')}\n`);
  const call = 'mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)';
  const bundled =
    existsSync(join(root, 'packages/mm-core/dist/node')) && existsSync(join(root, 'packages/uapi/dist/node'));
  const engine = bundled ? installEngine(dir) : '';
  const load = `await import(${JSON.stringify(`file://${engine}`)})`;
  const commands: readonly (readonly [string, string, readonly string[]])[] = [
    ['bare', 'bare Node', ['--input-type=module', '--eval', '0']],
    ['import', 'import of @vmarea/mm-core', ['--input-type=module', '--eval', load]],
    ['help', 'vmarea --help', [main, '--help']],
    ['explain', 'vmarea explain of a granted mmap', [main, 'explain', call]],
    ['replay', 'vmarea replay of 500 lines', [main, 'replay', log]],
  ];
  const samples = commands.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    commands.forEach(([, , args], i) => {
      const built = (!args.includes(main) || existsSync(main)) && (!args.includes(load) || bundled);
      samples[i]!.push(built ? run(args) : NaN);
    });
  }
  rmSync(dir, { recursive: true });
  return commands.map(([id, title], i) => ({ id, title, cpu: figure(samples[i]!) }));
}
