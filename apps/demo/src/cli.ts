/**
 * The command line: finds the command, or recognises the files that stand in its place, and tells errors of input in one line.
 *
 * Only what help and errors need is loaded here; a command loads its own modules when it runs.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { shortText } from '@vmarea/uapi';
import { Command, CommanderError } from 'commander';
import { packagePath } from './machine/package.ts';
import { addCommands } from './options/commands.ts';
import type { InputKind } from './intake/recognize-file.ts';
import { UsageError, type Io } from './text/io.ts';
import { safeIo } from './text/safe-io.ts';

/**
 * Runs the command line.
 *
 * @param args without the program's name
 * @returns the exit status
 */
export async function run(args: readonly string[], unsafe: Io): Promise<number> {
  const io = safeIo(unsafe);
  let status = 0;
  const program = new Command('vmarea');
  addCommands(program, {
    io,
    version: version(),
    explainedCalls: await callsForHelp(args),
    ended: (result) => void (status = result),
    again: (other) => run(other, unsafe),
  });
  for (const command of [program, ...program.commands]) {
    command.exitOverride();
    command.showHelpAfterError('(--help tells more)');
    command.configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) });
  }
  try {
    const files = filesOf(args, program);
    if (files.length > 0) return await runFiles(files, args.slice(files.length), unsafe);
    // A line of a log about a signal begins like an option.
    const plain = args.map((arg) => (arg.startsWith('--- ') ? ` ${arg}` : arg));
    await program.parseAsync(plain, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const message = inputError(error);
    if (message === null) throw error;
    // A line or a name of the input may stand in it.
    io.err(`vmarea: ${message.length > 2000 ? shortText(message, 2000) : message}\n`);
    return 2;
  }
  return status;
}

/** The calls that explain knows, where its help may be printed: the package behind it takes most of the time of a help text. */
async function callsForHelp(args: readonly string[]): Promise<readonly string[]> {
  const [first] = args;
  if (first !== 'help' && first !== 'man' && !(first === 'explain' && args.some((arg) => /^(-h|--help)$/.test(arg))))
    return [];
  const { callNames } = await import('@vmarea/explain');
  return callNames();
}

/** The operands that stand where a command should: files to be recognised. */
function filesOf(args: readonly string[], program: Command): readonly string[] {
  const first = args[0];
  if (first === undefined || first === '' || (first.startsWith('-') && first !== '-') || first === 'help') return [];
  if (program.commands.some((command) => command.name() === first)) return [];
  const end = args.findIndex((arg) => arg.startsWith('-') && arg !== '-');
  return end < 0 ? args : args.slice(0, end);
}

/** Does with each file what its kind means. The highest status counts. */
async function runFiles(files: readonly string[], options: readonly string[], io: Io): Promise<number> {
  const { recognizeFile } = await import('./intake/recognize-file.ts');
  const { bundleArguments } = await import('./intake/bundle.ts');
  const kinds: { file: string; kind: InputKind }[] = [];
  for (const file of files) kinds.push({ file, kind: file === '-' ? 'strace' : await recognizeFile(file) });
  let status = 0;
  for (const { file, kind } of kinds) {
    const command = kind === 'maps' ? 'maps' : kind === 'calls' || kind === 'question' ? 'explain' : 'replay';
    const args = kind === 'bundle' ? bundleArguments(file, options) : [command, file, ...options];
    status = Math.max(status, await run(args, io));
  }
  return status;
}

/** What an input that cannot be read is told, or null for a fault of the program. */
function inputError(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  if (error instanceof UsageError || error.name === 'LogError' || error.name === 'SituationError') return error.message;
  const code = 'code' in error ? String(error.code) : '';
  if (code.startsWith('Z_')) return `the packed input is damaged: ${error.message}`;
  return 'syscall' in error ? error.message : null;
}

/** As package.json says. */
function version(): string {
  return (JSON.parse(readFileSync(join(packagePath(), 'package.json'), 'utf8')) as { version: string }).version;
}
