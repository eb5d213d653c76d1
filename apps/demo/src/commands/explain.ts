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
import { UsageError, type Io } from '../text/io.ts';
import { makeMachine, reasonBook } from '../machine/lab.ts';

/** As the command line gives them. */
export interface ExplainOptions {
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
async function scriptText(what: string, io: Io): Promise<string> {
  if (what.includes('(')) return what;
  if (what !== '-') return readFileSync(what, 'utf8');
  let text = '';
  for await (const chunk of io.input()) text += chunk;
  return text;
}

/** Explains a script; the text or JSON of the answer. */
export function explainText(script: string, options: ExplainOptions): string {
  const book = reasonBook();
  const explanation: Explanation = explain({
    make: makeMachine,
    setup: setupOf(options),
    script: parseScript(script),
    book,
    withoutChanges: !options.changes,
  });
  return options.json === true ? `${JSON.stringify(explanation, null, 2)}\n` : formatExplanation(explanation, book);
}

/** `vmarea explain`. Exit status 0, whatever the call's answer; bad input is a UsageError. */
export async function explainCommand(what: string, options: ExplainOptions, io: Io): Promise<number> {
  try {
    io.out(explainText(await scriptText(what, io), options));
    return 0;
  } catch (error) {
    if (error instanceof Error && (error.name === 'ScriptError' || 'code' in error))
      throw new UsageError(error.message);
    throw error;
  }
}

/** The command's arguments and options. */
export function addExplainOptions(command: Command): Command {
  return command
    .description('say why a memory call gives its answer, and what would change it')
    .argument(
      '<CALL>',
      "a call, a file of calls, or - for standard input: 'mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0)'",
    )
    .option(
      '--file <WHAT>',
      'a file open at descriptor 3, 4, …: ro|wo|rw,size=N,noexec,append,locked,sealed,ramfs|tmpfs|hugetlbfs|memfd|zero|null|pipe|dir',
      collect,
      [],
    )
    .option('--maps <FILE>', 'the /proc/PID/maps that is there before the calls')
    .option('--rlimit <NAME=SOFT>', 'as, data, stack, memlock, fsize; for instance as=64m', collect, [])
    .option('--sysctl <NAME=VALUE>', 'for instance vm.max_map_count=1000', collect, [])
    .option('--capabilities <none|all|LIST>', 'of the caller', 'none')
    .option('--meminfo <FILE>', "the machine's /proc/meminfo, for overcommit and the pool of huge pages")
    .option('--kernel <linux-6.1|msm-4.4>', 'whose rules hold', 'linux-6.1')
    .option('--page-size <N>', '4k, 16k or 64k', '4k')
    .option('--personality <BITS>', 'as personality(2) takes it')
    .option('--no-changes', 'do not search for what would change the answer')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `\nCalls: ${callNames().join(', ')}.\nA line may name its result: p = mmap(…); the next ones can use it: store(p + 4096).`,
    );
}
