/**
 * The commands of `vmarea` and their options. Nothing is done here: each command has a file.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { addCatMappedOptions, catMappedCommand, type CatMappedOptions } from './commands/cat-mapped.ts';
import { elfHeadersCommand, type ElfHeadersOptions } from './commands/elf-headers.ts';
import { addExplainOptions, explainCommand, type ExplainOptions } from './commands/explain.ts';
import { UsageError, type Io } from './text/io.ts';
import { addTourOptions, tourCommand, type TourOptions } from './commands/tour.ts';
import { addSituationOptions, SIZE_HELP, usage } from './options/situation.ts';
import { replayCommand, type ReplayCommandOptions } from './commands/replay.ts';
import { bundleArguments } from './intake/bundle.ts';
import { completionText, manText } from './intake/completion.ts';
import { mapsCommand, type MapsOptions } from './intake/maps.ts';
import { record, recordFor } from './intake/record.ts';
import { recognizeFile } from './intake/recognize-file.ts';
import { safeIo } from './text/safe-io.ts';
import { shortText } from '@vmarea/uapi';

const EXIT_HELP = `
Exit status:
  0  every judged answer and the map agree with the real kernel's
  1  something differs
  2  bad usage, or input that cannot be read`;

/** The recording that comes with the command. */
const RECORDINGS: string = join(dirname(fileURLToPath(import.meta.url)), '../recordings');

/**
 * Runs the command line.
 *
 * @param args without the program's name
 * @returns the exit status
 */
export async function run(args: readonly string[], unsafe: Io): Promise<number> {
  const io = safeIo(unsafe);
  let status = 0;
  const program = new Command('vmarea')
    .description("Replays the memory calls of real Linux programs on vmarea's mmap, and compares every answer.")
    .version(version())
    .argument('[FILE...]', 'a log, a map, smaps, calls or a bundle: what is meant is done with it')
    .helpCommand(true)
    .addHelpText('after', EXIT_HELP);

  const replay = program
    .command('replay')
    .description('replay strace logs: every answer and the final map against those of the real kernel')
    .argument('<LOG...>', 'logs of strace -f (also .gz; the NAME of strace -ff -o NAME; - for standard input)')
    .option('--maps <FILE>', 'the /proc/PID/maps that the real process had at the end')
    .option('--sysroot <DIR>', 'root of the traced machine: programs and links are looked up below it')
    .option('--elf <FILE>', 'headers of the programs, as made by «vmarea elf-headers»')
    .option('--pid <N>', 'the process whose map is shown')
    .option('--at <CALL>', 'show the map after this memory call, counted from 1');
  addSituationOptions(replay)
    .option('--verbose', 'show every fact, what became of the areas, all notes and the whole map')
    .option('--json', 'print JSON')
    .addHelpText('after', `\n${SIZE_HELP}${EXIT_HELP}`)
    .action(async (logs: string[], options: ReplayCommandOptions) => {
      status = await replayCommand(logs, options, io);
    });

  addExplainOptions(program.command('explain')).action(async (call: string, options: ExplainOptions) => {
    status = await explainCommand(call, options, io);
  });

  addTourOptions(program.command('tour')).action(async (options: TourOptions) => {
    status = await tourCommand(options, io);
  });

  addCatMappedOptions(program.command('cat-mapped')).action(async (file: string, options: CatMappedOptions) => {
    status = await catMappedCommand(file, options, io);
  });

  program
    .command('elf-headers')
    .description('print the program headers of ELF files, and of their loaders, as JSON for replay --elf')
    .argument('<FILE...>', 'programs')
    .option('--sysroot <DIR>', 'the files are named from this directory on')
    .option('--output <FILE>', 'write to a file')
    .addHelpText('after', '\nExit status:\n  0  written\n  2  bad usage, or a file that is not ELF')
    .action((files: string[], options: ElfHeadersOptions) => {
      status = elfHeadersCommand(files, options, io);
    });

  program
    .command('maps')
    .description('say what a map alone tells: how many areas of which kind, holes, guards, what fits')
    .argument('<FILE...>', 'files of /proc/PID/maps or smaps')
    .option('--need <BYTES>', 'whether and where a mapping of this size fits')
    .option('--max-map-count <N>', 'vm.max_map_count of that machine', '65530')
    .option('--json', 'print JSON')
    .addHelpText('after', `\n${SIZE_HELP}`)
    .action((files: string[], options: MapsOptions) => {
      status = usage(() => mapsCommand(files, options, io));
    });

  program
    .command('record')
    .description('trace a program with strace, and keep all that a replay needs in a directory')
    .requiredOption('-o, --output <DIR>', 'a directory that is empty or not there yet')
    .argument('<COMMAND...>', 'the program and its arguments, behind --')
    .action(async (command: string[], options: { readonly output: string }) => {
      await record(command, options.output, io);
      io.out(`Recorded into ${options.output}: «vmarea ${options.output}» opens it, here or elsewhere.\n`);
    });

  program
    .command('run')
    .description('trace a program on this machine with strace, and replay it')
    .argument('<COMMAND...>', 'the program and its arguments, behind --')
    .option('--verbose', 'show every fact, what became of the areas, all notes and the whole map')
    .option('--json', 'print JSON')
    .action(async (command: string[], options: { readonly verbose?: boolean; readonly json?: boolean }) => {
      const more = [options.verbose === true ? '--verbose' : '', options.json === true ? '--json' : ''];
      status = await recordFor(command, io, (dir) =>
        run(
          bundleArguments(
            dir,
            more.filter((option) => option !== ''),
          ),
          unsafe,
        ),
      );
    });

  program
    .command('completion')
    .description('print the completion script of a shell')
    .argument('<SHELL>', 'bash, zsh or fish')
    .action((shell: string) => io.out(completionText(program, shell)));

  program
    .command('man')
    .description('print the man page, for «man -l»')
    .action(() => io.out(manText(program, version())));

  program
    .command('demo')
    .description('replay the recording of a real program that comes with vmarea (the same as no command at all)')
    .option('--json', 'print JSON')
    .addHelpText('after', EXIT_HELP)
    .action(async (options: { json?: boolean }) => {
      status = await demo(options.json, io);
    });

  program.action(async () => {
    status = await demo(false, io);
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
  const kinds = files.map((file) => ({ file, kind: file === '-' ? 'strace' : recognizeFile(file) }));
  let status = 0;
  for (const { file, kind } of kinds) {
    const command = kind === 'maps' ? 'maps' : kind === 'calls' ? 'explain' : 'replay';
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
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

async function demo(json: boolean | undefined, io: Io): Promise<number> {
  const file = (name: string): string => join(RECORDINGS, name);
  if (json !== true) {
    io.out(
      'A Python program was traced on a real arm64 machine: it allocates, forks a child, frees, and prints its own\n' +
        '/proc/self/maps. Its recorded memory calls are now made again on vmarea, which does not look at the answers\n' +
        'before it has given its own.\n\n',
    );
  }
  const options: ReplayCommandOptions = {
    maps: file('python3.maps'),
    elf: file('elf.json'),
    json,
    verbose: true,
  };
  return replayCommand([file('python3.strace')], options, io);
}
