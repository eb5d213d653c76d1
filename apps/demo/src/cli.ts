/**
 * The commands of `vmarea` and their options. Nothing is done here: each command has a file.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { addCatMappedOptions, catMappedCommand, type CatMappedOptions } from './commands/cat-mapped.ts';
import { elfHeadersCommand, type ElfHeadersOptions } from './commands/elf-headers.ts';
import { addExplainOptions, explainCommand, type ExplainOptions } from './commands/explain.ts';
import { UsageError, type Io } from './text/io.ts';
import { addTourOptions, tourCommand, type TourOptions } from './commands/tour.ts';
import { addSituationOptions, SIZE_HELP } from './options/situation.ts';
import { replayCommand, type ReplayCommandOptions } from './commands/replay.ts';

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
export async function run(args: readonly string[], io: Io): Promise<number> {
  let status = 0;
  const program = new Command('vmarea')
    .description("Replays the memory calls of real Linux programs on vmarea's mmap, and compares every answer.")
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
    // A line of a log about a signal begins like an option.
    const plain = args.map((arg) => (arg.startsWith('--- ') ? ` ${arg}` : arg));
    await program.parseAsync(plain, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof UsageError) {
      io.err(`vmarea: ${error.message}\n`);
      return 2;
    }
    throw error;
  }
  return status;
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
