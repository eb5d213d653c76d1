/**
 * `vmarea elf-headers`: the headers that replay needs, out of real files, as JSON.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ElfError, formatElfJson, normalizePath, parseElf, type ElfHeaders } from '@vmarea/replay';
import { UsageError, type Io } from '../text/io.ts';
import { probe, Sysroot } from '../machine/sysroot.ts';

/** The options of the command. */
export interface ElfHeadersOptions {
  readonly sysroot?: string | undefined;
  readonly output?: string | undefined;
}

/** Reads the files, and the loaders that they name; writes JSON. */
export function elfHeadersCommand(paths: readonly string[], options: ElfHeadersOptions, io: Io): number {
  const root = options.sysroot ?? '/';
  const tree = new Sysroot(root);
  const files = new Map<string, ElfHeaders>();
  const links = new Map<string, string>();
  const add = (path: string): ElfHeaders => {
    const resolved = tree.resolve(path);
    if (resolved !== path) links.set(path, resolved);
    const found = probe(join(root, resolved));
    if (found === null) throw new UsageError(`elf-headers: ${join(root, path)} cannot be read`);
    const elf = parseElf(found.bytes, path, found.size);
    files.set(path, elf);
    return elf;
  };
  for (const given of paths) {
    const path = options.sysroot === undefined && !given.startsWith('/') ? join(process.cwd(), given) : `/${given}`;
    try {
      const { interp } = add(normalizePath(path));
      if (interp !== null && !files.has(interp) && probe(join(root, tree.resolve(interp))) !== null) add(interp);
    } catch (error) {
      if (error instanceof ElfError) throw new UsageError(`elf-headers: ${error.message}`);
      throw error;
    }
  }
  const text = formatElfJson({ files, links });
  if (options.output === undefined) io.out(text);
  else {
    try {
      writeFileSync(options.output, text);
    } catch (error) {
      throw new UsageError(`--output: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return 0;
}
