/**
 * The commands of `vmarea`, their arguments and options: all that help, completion and the man page say. What a command does
 * has a file of its own, which is loaded when the command runs.
 */
import type { Command } from 'commander';
import type { CatMappedOptions } from '../commands/cat-mapped.ts';
import type { CheckElfOptions } from '../commands/check-elf.ts';
import type { ElfHeadersOptions } from '../commands/elf-headers.ts';
import type { ExplainOptions } from '../commands/explain.ts';
import type { ReplayCommandOptions } from '../commands/replay.ts';
import type { TourOptions } from '../commands/tour.ts';
import type { UiOptions } from '../commands/ui.ts';
import type { MapsOptions } from '../intake/maps.ts';
import type { Io } from '../text/io.ts';
import { DRIVER_SPECS } from './drivers.ts';
import { addSituationOptions, SIZE_HELP } from './vocabulary.ts';

const EXIT_HELP = `
Exit status:
  0  every judged answer and the map agree with the real kernel's
  1  something differs
  2  bad usage, or input that cannot be read`;

/** What the commands need of whoever runs them. */
export interface CommandContext {
  readonly io: Io;
  readonly version: string;
  /** The calls that explain knows, for its help; empty where that is not printed. */
  readonly explainedCalls: readonly string[];
  /** Takes the exit status of the command that has run. */
  readonly ended: (status: number) => void;
  /** Runs another command line. Returns its exit status. */
  readonly again: (args: readonly string[]) => Promise<number>;
}

/** Adds all commands to the program. */
export function addCommands(program: Command, context: CommandContext): void {
  program
    .description("Replays the memory calls of real Linux programs on vmarea's mmap, and compares every answer.")
    .version(context.version)
    .argument('[FILE...]', 'a log, a map, smaps, calls or a bundle: what is meant is done with it')
    .helpCommand(true)
    .addHelpText('after', EXIT_HELP);
  addReplay(program.command('replay'), context);
  addExplain(program.command('explain'), context);
  addTour(program.command('tour'), context);
  addCatMapped(program.command('cat-mapped'), context);
  addElfHeaders(program.command('elf-headers'), context);
  addCheckElf(program.command('check-elf'), context);
  addMaps(program.command('maps'), context);
  addRecord(program.command('record'), context);
  addRun(program.command('run'), context);
  addUi(program.command('ui'), context);
  addShells(program, context);
  program
    .command('demo')
    .description('replay the recording of a real program that comes with vmarea (the same as no command at all)')
    .option('--json', 'print JSON')
    .addHelpText('after', EXIT_HELP)
    .action((options: { json?: boolean }) => demo(options.json, context));
  program.action(() => demo(false, context));
}

async function demo(json: boolean | undefined, { io, ended }: CommandContext): Promise<void> {
  const { demoCommand } = await import('../commands/demo.ts');
  ended(await demoCommand(json, io));
}

function addReplay(command: Command, { io, ended }: CommandContext): void {
  command
    .description('replay strace logs: every answer and the final map against those of the real kernel')
    .argument('<LOG...>', 'logs of strace -f (also .gz; the NAME of strace -ff -o NAME; - for standard input)')
    .option('--maps <FILE>', 'the /proc/PID/maps that the real process had at the end')
    .option('--sysroot <DIR>', 'root of the traced machine: programs and links are looked up below it')
    .option('--elf <FILE>', 'headers of the programs, as made by «vmarea elf-headers»')
    .option('--cwd <DIR>', 'where the first process began: relative paths are seen from it')
    .option('--pid <N>', 'the process whose map is shown')
    .option('--at <CALL>', 'show the map after this memory call, counted from 1')
    .option('--by-stack', 'the call stacks that hold most areas, or whose calls failed: for logs of strace -k or -kk');
  addSituationOptions(command)
    .option('--verbose', 'show every fact, what became of the areas, all notes and the whole map')
    .option('--json', 'print JSON')
    .addHelpText('after', `\n${SIZE_HELP}${EXIT_HELP}`)
    .action(async (logs: string[], options: ReplayCommandOptions) => {
      const { replayCommand } = await import('../commands/replay.ts');
      ended(await replayCommand(logs, options, io));
    });
}

function addExplain(command: Command, { io, ended, explainedCalls }: CommandContext): void {
  command
    .description('say why a memory call gives its answer, and what would change it')
    .argument(
      '<CALL>',
      "a call, a line of strace as it is, C, a file of them, or - for standard input: 'mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0)'",
    );
  addSituationOptions(command);
  command
    .option('--maps <FILE>', 'the same as --maps-before')
    .option(
      '--at <LINE>',
      'the memory call, fork or signal on this line of a log, in the state that its process has there',
    )
    .option('--no-changes', 'do not search for what would change the answer')
    .option('--verbose', 'show checks, path, other machines, the whole map and every fact')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `\n${SIZE_HELP}\nCalls: ${explainedCalls.join(', ')}.\nA line may name its result: p = mmap(…); the next ones can use it: store(p + 4096).`,
    )
    .action(async (call: string, options: ExplainOptions) => {
      const { explainCommand } = await import('../commands/explain.ts');
      ended(await explainCommand(call, options, io));
    });
}

function addTour(command: Command, { io, ended }: CommandContext): void {
  command
    .description('make the three kinds of mapping step by step, with the functions that each call goes through')
    .option(`--fs <${DRIVER_SPECS}>`, 'where the file lives (hostfs alone: a directory for the tour only)', 'ramfs')
    .option('--name <PATH>', 'the file (default: data; for drivers that cannot be written to, one that is there)')
    .option('--memory', 'two tasks and their pages: stores, fork, truncation');
  addSituationOptions(command)
    .option('--json', 'print JSON')
    .addHelpText('after', `\n${SIZE_HELP}`)
    .action(async (options: TourOptions) => {
      const { tourCommand } = await import('../commands/tour.ts');
      ended(await tourCommand(options, io));
    });
}

function addCatMapped(command: Command, { io, ended }: CommandContext): void {
  command
    .description('print a file through a mapping of it, and tell how many of its pages were read')
    .argument(
      '<FILE>',
      'path in the filesystem; for one that begins empty a file of this machine, which is copied there first',
    )
    .requiredOption(`--fs <${DRIVER_SPECS}>`, 'the filesystem driver')
    .option('--offset <BYTES>', 'where to begin', '0')
    .option('--length <BYTES>', 'how much to print (default: to the end)');
  addSituationOptions(command)
    .addHelpText(
      'after',
      `\n${SIZE_HELP}\n\nExit status:\n  0  printed\n  2  bad usage, or something that cannot be read`,
    )
    .action(async (file: string, options: CatMappedOptions) => {
      const { catMappedCommand } = await import('../commands/cat-mapped.ts');
      ended(await catMappedCommand(file, options, io));
    });
}

function addElfHeaders(command: Command, { io, ended }: CommandContext): void {
  command
    .description('print the program headers of ELF files, and of their loaders, as JSON for replay --elf')
    .argument('<FILE...>', 'programs')
    .option('--sysroot <DIR>', 'the files are named from this directory on')
    .option('--output <FILE>', 'write to a file')
    .addHelpText('after', '\nExit status:\n  0  written\n  2  bad usage, or a file that is not ELF')
    .action(async (files: string[], options: ElfHeadersOptions) => {
      const { elfHeadersCommand } = await import('../commands/elf-headers.ts');
      ended(elfHeadersCommand(files, options, io));
    });
}

function addCheckElf(command: Command, { io, ended }: CommandContext): void {
  command
    .description('say whether programs and libraries can be loaded where pages have a given size, and which call fails')
    .argument('<FILE...>', 'programs and libraries')
    .requiredOption('--page-size <4k|16k|64k>', 'bytes of a page')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit status:\n  0  every file fits\n  1  one does not\n  2  bad usage, or a file that is no program or library',
    )
    .action(async (files: string[], options: CheckElfOptions) => {
      const { checkElfCommand } = await import('../commands/check-elf.ts');
      ended(checkElfCommand(files, options, io));
    });
}

function addMaps(command: Command, { io, ended }: CommandContext): void {
  command
    .description('say what a map alone tells: how many areas of which kind, holes, guards, what fits')
    .argument('<FILE...>', 'files of /proc/PID/maps or smaps')
    .option('--need <BYTES>', 'whether and where a mapping of this size fits, and in how many random layouts')
    .option('--within <START-END>', 'whether this range is free, or what --need says fits into it')
    .option('--near <NAME>', 'whether what --need says fits within reach of the code of this program or library')
    .option('--reach <BYTES>', 'how far a jump of that code reaches', '128m')
    .option('--va-bits <N>', 'size of the address space (default: what the map shows)')
    .option('--page-size <4k|16k|64k>', 'bytes of a page (default: each that the map fits)')
    .option('--arch <arm64|x86-64>', 'the architecture (default: what the map shows)')
    .option('--kernel <NAME>', 'whose rules hold, for instance 6.1')
    .option('--max-map-count <N>', 'vm.max_map_count of that machine', '65530')
    .option('--json', 'print JSON')
    .addHelpText('after', `\n${SIZE_HELP}`)
    .action(async (files: string[], options: MapsOptions) => {
      const { mapsCommand } = await import('../intake/maps.ts');
      ended(await mapsCommand(files, options, io));
    });
}

function addRecord(command: Command, { io }: CommandContext): void {
  command
    .description('trace a program with strace, and keep all that a replay needs in a directory')
    .requiredOption('-o, --output <DIR>', 'a directory that is empty or not there yet')
    .argument('<COMMAND...>', 'the program and its arguments, behind --')
    .action(async (traced: string[], options: { readonly output: string }) => {
      const { record } = await import('../intake/record.ts');
      await record(traced, options.output, io);
      io.out(`Recorded into ${options.output}: «vmarea ${options.output}» opens it, here or elsewhere.\n`);
    });
}

function addRun(command: Command, { io, ended, again }: CommandContext): void {
  command
    .description('trace a program on this machine with strace, and replay it')
    .argument('<COMMAND...>', 'the program and its arguments, behind --')
    .option('--verbose', 'show every fact, what became of the areas, all notes and the whole map')
    .option('--json', 'print JSON')
    .action(async (traced: string[], options: { readonly verbose?: boolean; readonly json?: boolean }) => {
      const { recordFor } = await import('../intake/record.ts');
      const { bundleArguments } = await import('../intake/bundle.ts');
      const more = [...(options.verbose === true ? ['--verbose'] : []), ...(options.json === true ? ['--json'] : [])];
      ended(await recordFor(traced, io, (dir) => again(bundleArguments(dir, more))));
    });
}

function addUi(command: Command, { io, ended }: CommandContext): void {
  command
    .description('serve the page that shows an address space over time, to this machine, and open files in it')
    .argument('[FILE...]', 'a log with what belongs to it, maps, smaps, or a bundle')
    .option('--port <N>', 'the port to listen on; 0: any that is free', '0')
    .addHelpText('after', '\nExit status:\n  0  interrupted\n  2  bad usage, or a file that is not there')
    .action(async (files: string[], options: UiOptions) => {
      const { uiCommand } = await import('../commands/ui.ts');
      ended(await uiCommand(files, options, io));
    });
}

function addShells(program: Command, { io, version }: CommandContext): void {
  program
    .command('completion')
    .description('print the completion script of a shell')
    .argument('<SHELL>', 'bash, zsh or fish')
    .action(async (shell: string) => {
      const { completionText } = await import('../intake/completion.ts');
      io.out(completionText(program, shell));
    });
  program
    .command('man')
    .description('print the man page, for «man -l»')
    .action(async () => {
      const { manText } = await import('../intake/completion.ts');
      io.out(manText(program, version));
    });
}
