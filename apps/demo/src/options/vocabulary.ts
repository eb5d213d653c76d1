/**
 * The options that say what the machine and the process are: one table for every command that makes a machine. Nothing is
 * read here, so that the help needs no more than this.
 */
import { Option, type Command } from 'commander';
import { PROFILES } from '@vmarea/uapi';

/** The values of these options, as commander gives them. */
export interface SituationOptions {
  readonly mapsBefore?: string | undefined;
  readonly kernel?: string | undefined;
  readonly release?: string | undefined;
  readonly arch?: string | undefined;
  readonly pageSize?: string | undefined;
  readonly vaBits?: string | undefined;
  readonly aslr?: string | undefined;
  readonly personality?: string | undefined;
  readonly rlimit?: readonly string[] | undefined;
  readonly sysctl?: readonly string[] | undefined;
  readonly capabilities?: string | undefined;
  readonly meminfo?: string | undefined;
  readonly ram?: string | undefined;
  readonly config?: readonly string[] | undefined;
  readonly file?: readonly string[] | undefined;
  readonly mount?: readonly string[] | undefined;
}

interface Row {
  readonly flags: string;
  readonly help: string;
  /** It may be given several times. */
  readonly several?: boolean;
}

/** The vocabulary, in the order of the help text. */
const ROWS: readonly Row[] = [
  { flags: '--maps-before <FILE>', help: 'the /proc/PID/maps or smaps to start from' },
  {
    flags: `--kernel <${Object.keys(PROFILES).join('|')}>`,
    help: 'whose rules hold; 6.1 is linux-6.1 (default: what the log shows; replay compares several: 6.1,6.12)',
  },
  {
    flags: '--release <RELEASE>',
    help: 'what «uname -r» prints there, for instance 6.8.0-45-generic: the nearest kernel is taken',
  },
  { flags: '--arch <arm64|x86-64>', help: 'the architecture (default: what the log or the map shows)' },
  { flags: '--page-size <4k|16k|64k>', help: 'bytes of a page (default: what the log or the map shows)' },
  { flags: '--va-bits <N>', help: 'size of the address space (default: what the log or the map shows)' },
  { flags: '--aslr <auto|on|off>', help: 'whether addresses are random (default: what the log shows)' },
  { flags: '--personality <BITS>', help: 'as personality(2) takes it, for instance ADDR_NO_RANDOMIZE' },
  { flags: '--rlimit <NAME=SOFT[:HARD]>', help: 'a limit of the process, for instance stack=8m', several: true },
  { flags: '--sysctl <NAME=VALUE>', help: 'for instance max_map_count=1000; vm. may be left out', several: true },
  { flags: '--capabilities <none|all|LIST>', help: 'of the process (default: none, or what the log shows)' },
  { flags: '--meminfo <FILE>', help: "the machine's /proc/meminfo, for overcommit and huge pages" },
  { flags: '--ram <BYTES>', help: 'RAM, all of it free, where there is no --meminfo' },
  {
    flags: '--config <NAME=VALUE>',
    help: 'how the kernel was built: thp, ksm, swap, …; for instance thp=off',
    several: true,
  },
  {
    flags: '--file <[FD=]MODE,…>',
    help: 'an open file: ro|wo|rw,size=N,noexec,append,o_append,locked,sealed,same=FD,ramfs|tmpfs|hugetlbfs|memfd|zero|null|pipe|dir',
    several: true,
  },
  {
    flags: '--mount <DIRECTORY=TYPE>',
    help: 'a file system, for instance /=ext4: it decides where files of 2 MiB and more go (default: what the log shows)',
    several: true,
  },
];

/** Sizes in option values. */
export const SIZE_HELP = 'Sizes are bytes, or end in k, m, g, t.';

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

/** Adds the options of the vocabulary to a command. */
export function addSituationOptions(command: Command): Command {
  for (const { flags, help, several } of ROWS) {
    const option = new Option(flags, help);
    if (several === true) option.argParser(collect).default([], 'none');
    command.addOption(option);
  }
  return command;
}
