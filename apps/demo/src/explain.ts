/**
 * `vmarea explain`: reads the situation from options, the calls from an argument, a file or standard input.
 */
import { readFileSync } from 'node:fs';
import {
  callNames,
  defaultSetup,
  explain,
  formatExplanation,
  parseFile,
  parseLimits,
  parsePageSize,
  parseProfile,
  parseRights,
  parseScript,
  parseSysctls,
  withMeminfo,
  type Explanation,
  type Setup,
} from '@vmarea/explain';
import type { Command } from 'commander';
import { makeMachine, reasonBook } from './lab.ts';

interface ExplainOptions {
  readonly file: readonly string[];
  readonly maps?: string;
  readonly rlimit: readonly string[];
  readonly sysctl: readonly string[];
  readonly capabilities: string;
  readonly meminfo?: string;
  readonly kernel: string;
  readonly pageSize: string;
  readonly personality?: string;
  readonly changes: boolean;
  readonly json?: boolean;
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

/** The situation that the options describe. */
function setupOf(options: ExplainOptions): Setup {
  let setup = defaultSetup(parseProfile(options.kernel), parsePageSize(options.pageSize));
  if (options.meminfo !== undefined) setup = withMeminfo(setup, readFileSync(options.meminfo, 'utf8'));
  for (const text of options.sysctl) setup = parseSysctls(text, setup);
  for (const text of options.rlimit) setup = { ...setup, limits: parseLimits(text, setup.limits) };
  const capabilities = parseRights(options.capabilities);
  return {
    ...setup,
    capabilities,
    uid: capabilities.size > 0 ? 0 : setup.uid,
    personality: options.personality === undefined ? 0 : Number(options.personality),
    files: options.file.map(parseFile),
    maps: options.maps === undefined ? '' : readFileSync(options.maps, 'utf8'),
  };
}

/** What is to be explained: the argument itself when it is a call, otherwise the file of that name; `-` is standard input. */
function scriptText(what: string): string {
  if (what.includes('(')) return what;
  return readFileSync(what === '-' ? 0 : what, 'utf8');
}

/** Explains; the text or JSON of the answer. */
export function runExplain(what: string, options: ExplainOptions): string {
  const book = reasonBook();
  const explanation: Explanation = explain({
    make: makeMachine,
    setup: setupOf(options),
    script: parseScript(scriptText(what)),
    book,
    withoutChanges: !options.changes,
  });
  return options.json === true ? `${JSON.stringify(explanation, null, 2)}\n` : formatExplanation(explanation, book);
}

/** Adds the command. */
export function addExplainCommand(program: Command): void {
  program
    .command('explain')
    .description('say why a call about mappings gives its answer, and what would change it')
    .argument(
      '<call>',
      "a call such as 'mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0)', a file with calls, or - for standard input",
    )
    .option(
      '--file <what>',
      'a file open at descriptor 3, 4, …: ro|wo|rw,size=N,noexec,append,locked,sealed,ramfs|tmpfs|hugetlbfs|memfd|zero|null|pipe|dir',
      collect,
      [],
    )
    .option('--maps <file>', 'text of /proc/PID/maps that is there before the calls')
    .option('--rlimit <limits>', 'soft limits: as=N,data=N,stack=N,memlock=N', collect, [])
    .option('--sysctl <settings>', 'vm.max_map_count=N,vm.overcommit_memory=N,vm.nr_hugepages=N,…', collect, [])
    .option('--capabilities <list>', 'all, none, or names such as CAP_IPC_LOCK', 'none')
    .option('--meminfo <file>', 'text of /proc/meminfo: sizes of memory, of the pool, and what is committed')
    .option('--kernel <version>', 'msm-4.4 or linux-6.1', 'linux-6.1')
    .option('--page-size <bytes>', '4k, 16k or 64k', '4k')
    .option('--personality <bits>', 'as personality(2) takes it')
    .option('--no-changes', 'do not search for what would change the answer')
    .option('--json', 'print everything as JSON')
    .addHelpText('after', `\nCalls: ${callNames().join(', ')}. A line may name its result: p = mmap(…); store(p)`)
    .action((what: string, options: ExplainOptions) => {
      try {
        process.stdout.write(runExplain(what, options));
      } catch (error) {
        if (!(error instanceof Error && (error.name === 'ScriptError' || 'code' in error))) throw error;
        process.stderr.write(`vmarea explain: ${error.message}\n`);
        process.exitCode = 2;
      }
    });
}
