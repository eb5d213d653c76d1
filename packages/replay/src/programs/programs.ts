/**
 * The source of the facts about files that a log does not contain: the headers of programs, and the targets of links.
 *
 * `programsFromDirectory` uses a header file; an application may use a real tree of files.
 */
import type { ElfDirectory, ElfHeaders } from './elf.ts';

/** The facts about files that replay needs. */
export interface ProgramSource {
  /**
   * Returns the path that maps shows for a path that a program opened, with links followed.
   *
   * @param path absolute, without `.` and `..`
   */
  resolve(path: string): string;
  /**
   * Returns the headers of a program or loader; null when they are unknown.
   *
   * @param path absolute, as passed to exec or as in PT_INTERP
   */
  headers(path: string): ElfHeaders | null;
  /** Returns the interpreter of a script (`#!`); null when the file is no script or unknown. */
  script?(path: string): string | null;
}

/** A source without facts. */
export const NO_PROGRAMS: ProgramSource = { resolve: (path) => path, headers: () => null };

/** Follows links; a link may be a directory of the path. */
export function followLinks(links: ReadonlyMap<string, string>, path: string): string {
  let at = path;
  // A chain of links is short; the limit ends a loop.
  for (let steps = 0; steps < 40; steps++) {
    const direct = links.get(at);
    if (direct !== undefined) {
      at = direct.startsWith('/') ? direct : normalizePath(`${at.slice(0, at.lastIndexOf('/'))}/${direct}`);
      continue;
    }
    let changed = false;
    for (let slash = at.lastIndexOf('/'); slash > 0; slash = at.lastIndexOf('/', slash - 1)) {
      const target = links.get(at.slice(0, slash));
      if (target === undefined) continue;
      const base = target.startsWith('/') ? target : `${at.slice(0, at.lastIndexOf('/', slash - 1))}/${target}`;
      at = normalizePath(base + at.slice(slash));
      changed = true;
      break;
    }
    if (!changed) return at;
  }
  return at;
}

/** Creates a source from the headers and links of a file. */
export function programsFromDirectory(directory: ElfDirectory): ProgramSource {
  return {
    resolve: (path) => followLinks(directory.links, path),
    headers: (path) => {
      const resolved = followLinks(directory.links, path);
      // The file may list a program under either name.
      return directory.files.get(path) ?? directory.files.get(resolved) ?? null;
    },
    script: (path) =>
      directory.scripts?.get(path) ?? directory.scripts?.get(followLinks(directory.links, path)) ?? null,
  };
}

/** Returns an absolute path without `.`, `..` and double slashes. */
export function normalizePath(path: string): string {
  if (!path.includes('/.') && !path.includes('//')) return path;
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') out.pop();
    else out.push(part);
  }
  return `/${out.join('/')}`;
}

/** Joins a path to a directory; null when the directory is unknown and the path is relative. */
export function joinPath(dir: string | null, path: string): string | null {
  if (path.startsWith('/')) return normalizePath(path);
  if (dir === null) return null;
  return normalizePath(`${dir}/${path}`);
}
