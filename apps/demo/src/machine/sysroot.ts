/**
 * Programs and links from a real tree of files: a copy of the traced machine's root, or this machine's own.
 */
import { closeSync, fstatSync, lstatSync, openSync, readlinkSync, readSync } from 'node:fs';
import { join } from 'node:path';
import {
  ElfError,
  ELF_PROBE_BYTES,
  normalizePath,
  parseElf,
  type ElfHeaders,
  type ProgramSource,
} from '@vmarea/replay';

/** The first bytes of a file and its size, or null when it cannot be read. */
export function probe(file: string): { bytes: Uint8Array; size: number } | null {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return null;
  }
  try {
    const { size } = fstatSync(fd);
    const bytes = new Uint8Array(Math.min(size, ELF_PROBE_BYTES));
    let at = 0;
    while (at < bytes.length) {
      const count = readSync(fd, bytes, at, bytes.length - at, at);
      if (count === 0) break;
      at += count;
    }
    return { bytes: bytes.subarray(0, at), size };
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}

/** Answers replay's questions from the files below a directory. */
export class Sysroot implements ProgramSource {
  readonly #root: string;
  readonly #resolved = new Map<string, string>();
  readonly #headers = new Map<string, ElfHeaders | null>();

  constructor(root: string) {
    this.#root = root;
  }

  resolve(path: string): string {
    const known = this.#resolved.get(path);
    if (known !== undefined) return known;
    const resolved = this.#walk(path);
    // Paths of a log are many; those of libraries and programs few.
    if (this.#resolved.size < 100_000) this.#resolved.set(path, resolved);
    return resolved;
  }

  /** Follows links without leaving the root: an absolute link begins at it again. */
  #walk(path: string): string {
    let todo = path.split('/').filter((part) => part !== '');
    let at = '';
    for (let links = 0; todo.length > 0;) {
      const [part, ...rest] = todo as [string, ...string[]];
      todo = rest;
      const next = normalizePath(`${at}/${part}`);
      let target: string | null = null;
      try {
        if (lstatSync(join(this.#root, next)).isSymbolicLink()) target = readlinkSync(join(this.#root, next));
      } catch {
        // What is not there has no links.
      }
      if (target === null || links++ > 40) at = next === '/' ? '' : next;
      else {
        if (target.startsWith('/')) at = '';
        todo = [...target.split('/').filter((name) => name !== '' && name !== '.'), ...todo];
      }
    }
    return at === '' ? '/' : at;
  }

  headers(path: string): ElfHeaders | null {
    const resolved = this.resolve(path);
    const known = this.#headers.get(resolved);
    if (known !== undefined) return known;
    let elf: ElfHeaders | null = null;
    const found = probe(join(this.#root, resolved));
    if (found !== null) {
      try {
        elf = parseElf(found.bytes, resolved, found.size);
      } catch (error) {
        if (!(error instanceof ElfError)) throw error;
      }
    }
    this.#headers.set(resolved, elf);
    return elf;
  }

  script(path: string): string | null {
    const found = probe(join(this.#root, this.resolve(path)));
    if (found?.bytes[0] !== 0x23 || found.bytes[1] !== 0x21) return null;
    const line = new TextDecoder().decode(found.bytes.subarray(2, 258)).split('\n', 1)[0]!;
    const interpreter = line.trim().split(/[ \t]/, 1)[0]!;
    return interpreter.startsWith('/') ? interpreter : null;
  }
}
