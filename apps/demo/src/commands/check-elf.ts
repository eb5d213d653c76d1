/**
 * `vmarea check-elf`: whether programs and libraries can be loaded where pages have a given size, by the kernel, glibc and Android.
 */
import { ElfError, parseElf, type ElfHeaders } from '@vmarea/replay';
import { parsePageSize } from '@vmarea/situation';
import { ET_CORE, ET_EXEC, ET_REL, PT_LOAD } from '@vmarea/uapi';
import { checkPages, type LoaderName, type LoaderVerdict } from '../elf/rules.ts';
import { probe } from '../machine/sysroot.ts';
import { UsageError, type Io } from '../text/io.ts';
import { wrap } from '../text/wrap.ts';

/** As commander gives them. */
export interface CheckElfOptions {
  readonly pageSize: string;
  readonly json?: boolean | undefined;
}

const NAMES: Readonly<Record<LoaderName, string>> = {
  kernel: 'kernel (programs and their loader)',
  glibc: 'glibc (libraries)',
  bionic: 'Android (libraries)',
};

function readHeaders(file: string): ElfHeaders {
  const found = probe(file);
  if (found === null) throw new UsageError(`check-elf: ${file} cannot be read`);
  try {
    const elf = parseElf(found.bytes, file, found.size);
    if (elf.type === ET_REL) throw new UsageError(`check-elf: ${file} is an object file (.o): no loader maps it`);
    if (elf.type === ET_CORE) throw new UsageError(`check-elf: ${file} is a core dump: no loader maps it`);
    if (!elf.phdrs.some(({ type }) => type === PT_LOAD))
      throw new UsageError(`check-elf: ${file} has no segment to load`);
    return elf;
  } catch (error) {
    if (error instanceof ElfError) throw new UsageError(`check-elf: ${error.message}`);
    throw error;
  }
}

/** Who loads the file: the kernel a program, the C library a library; a loader or a static-pie is both. */
function concerns(elf: ElfHeaders): (loader: LoaderName) => boolean {
  const program = elf.interp !== null || elf.type === ET_EXEC;
  return (loader) => !program || loader === 'kernel';
}

/** The answer, then what each loader does. */
function verdictText(elf: ElfHeaders, page: number, verdicts: readonly LoaderVerdict[], io: Io): string {
  const c = io.colors;
  const concerned = concerns(elf);
  const failing = verdicts.filter(({ loader, verdict }) => concerned(loader) && verdict === 'fails');
  const size = `${page / 1024} KiB pages`;
  const answer = failing.length === 0 ? c.green(`fits ${size}`) : c.red(`does not fit ${size}`);
  const aligned = Math.min(...elf.phdrs.filter(({ type }) => type === PT_LOAD).map(({ align }) => align));
  let text = `${c.bold(elf.path)}: ${answer} (its segments are aligned to ${aligned >= 1024 ? `${aligned / 1024} KiB` : aligned})\n`;
  for (const { loader, verdict, problems } of verdicts) {
    if (!concerned(loader) && verdict !== 'fails') continue;
    const word = { fits: 'loads it', weaker: 'loads it, less protected', fails: 'fails' }[verdict];
    text += `  ${NAMES[loader]}: ${word}${concerned(loader) ? '' : ' if it is loaded as a library'}\n`;
    for (const { sentence, call } of problems.slice(0, 4)) {
      text += wrap(`${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`, io.columns, '    ');
      if (call !== '') text += `      ${call}\n`;
    }
    if (problems.length > 4) text += `    and ${problems.length - 4} more\n`;
  }
  return text;
}

/** Runs the command. Exit status 0: every file fits; 1: one does not. */
export function checkElfCommand(files: readonly string[], options: CheckElfOptions, io: Io): number {
  const page = parsePageSize(options.pageSize);
  const checked = files.map(readHeaders).map((elf) => ({ elf, loaders: checkPages(elf, page) }));
  let status = 0;
  for (const { elf, loaders } of checked) {
    const concerned = concerns(elf);
    if (loaders.some(({ loader, verdict }) => concerned(loader) && verdict === 'fails')) status = 1;
    if (options.json !== true) io.out(verdictText(elf, page, loaders, io));
  }
  if (options.json === true) {
    const shown = checked.map(({ elf, loaders }) => ({ file: elf.path, pageSize: page, loaders }));
    io.out(`${JSON.stringify({ files: shown }, null, 2)}\n`);
  }
  return status;
}
