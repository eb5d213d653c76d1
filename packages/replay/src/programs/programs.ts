/**
 * Where replay gets what a log does not say about files: the headers of programs, and where links lead.
 *
 * `programsFromDirectory` answers from a header file; an app may answer from a real tree of files.
 */
import type { ElfDirectory, ElfHeaders } from './elf.ts';

/** What replay asks about files. */
export interface ProgramSource {
  /**
   * The path that maps shows for a path that a program opened: links followed.
   *
   * @param path absolute, without `.` and `..`
   */
  resolve(path: string): string;
  /**
   * The headers of a program or loader; null when they are not known.
   *
   * @param path absolute, as exec was given it or as PT_INTERP names it
   */
  headers(path: string): ElfHeaders | null;
  /** The interpreter of a script (`#!`), by path; null when it is none or not known. */
  script?(path: string): string | null;
}

/** A source that knows nothing. */
export const NO_PROGRAMS: ProgramSource = { resolve: (path) => path, headers: () => null };

/** Links from a path to where it leads; a link may be a directory of the path. */
export function followLinks(links: ReadonlyMap<string, string>, path: string): string {
  let at = path;
  // A chain of links is short; a loop ends here.
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

/** A source that answers from the headers and links of a file. */
export function programsFromDirectory(directory: ElfDirectory): ProgramSource {
  return {
    resolve: (path) => followLinks(directory.links, path),
    headers: (path) => {
      const resolved = followLinks(directory.links, path);
      // The file may list a program by either name.
      return directory.files.get(path) ?? directory.files.get(resolved) ?? null;
    },
    script: (path) =>
      directory.scripts?.get(path) ?? directory.scripts?.get(followLinks(directory.links, path)) ?? null,
  };
}

/** An absolute path without `.`, `..` and double slashes. */
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

/** A path seen from a directory; null when the directory is not known and the path is relative. */
export function joinPath(dir: string | null, path: string): string | null {
  if (path.startsWith('/')) return normalizePath(path);
  if (dir === null) return null;
  return normalizePath(`${dir}/${path}`);
}
