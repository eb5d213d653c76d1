/**
 * Scripts of memory operations: the lines that the executor on the host reads (host/executor.c), and the names of their
 * arguments in a recording.
 */

/** An argument: a number, or the result of an earlier line plus a number. */
export type Argument = number | bigint | { readonly line: number; readonly plus: number };

/** One operation. */
export interface Line {
  /** From 1; unique in its script, and unchanged when other lines are removed. */
  readonly n: number;
  readonly op: string;
  readonly args: readonly Argument[];
}

/** A script. */
export interface Script {
  readonly name: string;
  readonly lines: readonly Line[];
}

/** The names of the arguments in recordings. */
export const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  mmap: ['addr', 'len', 'prot', 'flags', 'fd', 'off'],
  munmap: ['addr', 'len'],
  mprotect: ['addr', 'len', 'prot'],
  mremap: ['old', 'oldlen', 'newlen', 'flags', 'newaddr'],
  brk: ['addr'],
  madvise: ['addr', 'len', 'advice'],
  mlock: ['addr', 'len'],
  mlock2: ['addr', 'len', 'flags'],
  munlock: ['addr', 'len'],
  mlockall: ['flags'],
  munlockall: [],
  msync: ['addr', 'len', 'flags'],
  mincore: ['addr', 'len'],
  remap_file_pages: ['addr', 'len', 'prot', 'pgoff', 'flags'],
  mseal: ['addr', 'len', 'flags'],
  read: ['addr', 'count'],
  fill: ['addr', 'len', 'byte'],
  rtouch: ['addr', 'len'],
  wtouch: ['addr', 'len', 'byte'],
  putret: ['addr'],
  call: ['addr'],
  memfd_create: [],
  ftruncate: ['fd', 'len'],
  fallocate: ['fd', 'mode', 'off', 'len'],
  close: ['fd'],
  pfill: ['fd', 'byte', 'len', 'off'],
  pread: ['fd', 'count', 'off'],
  setrlimit: ['resource', 'soft', 'hard'],
  capdrop: [],
  maps: [],
  fork: [],
  end: [],
};

function argumentText(argument: Argument): string {
  if (typeof argument !== 'object') return argument < 0 ? String(argument) : `0x${argument.toString(16)}`;
  const { line, plus } = argument;
  return plus === 0 ? `$${line}` : `$${line}${plus < 0 ? '-' : '+'}0x${Math.abs(plus).toString(16)}`;
}

/** Formats a line for the executor. */
export function lineText({ n, op, args }: Line): string {
  return [n, op, ...args.map(argumentText)].join(' ');
}

/** Formats a batch of scripts for the launcher. */
export function batchText(scripts: readonly Script[]): string {
  return scripts.map(({ name, lines }) => `= ${name}\n${lines.map((line) => `${lineText(line)}\n`).join('')}`).join('');
}

/** Returns whether every reference names an earlier line. */
export function isWhole(lines: readonly Line[]): boolean {
  const seen = new Set<number>();
  let depth = 0;
  for (const { n, op, args } of lines) {
    if (args.some((argument) => typeof argument === 'object' && !seen.has(argument.line))) return false;
    if (op === 'fork') depth++;
    if (op === 'end' && --depth < 0) return false;
    seen.add(n);
  }
  return depth === 0;
}
