/**
 * Compares the answers of one operation, by kind. A difference has the kernel's answer and ours.
 */
import type { Fault, Op, Ret, SmapsVma } from './recording.ts';
import type { SmapsEntry } from './text.ts';

/** The kinds of comparison. */
export const KINDS = [
  'results',
  'signals',
  'maps',
  'bytes',
  'mincore',
  'fstat',
  'smaps',
  'status',
  'faults',
  'meminfo',
] as const;
export type Kind = (typeof KINDS)[number];

/** One difference. */
export interface Difference {
  readonly kind: Kind;
  /** For snapshots the field, otherwise the kind. */
  readonly field: string;
  readonly expected: string;
  readonly actual: string;
}

function isFault(ret: Ret | undefined): ret is Fault {
  return typeof ret === 'object';
}

function show(ret: Ret | undefined): string {
  if (isFault(ret)) return `${ret.sig} ${ret.code} at ${ret.addr}, done ${ret.done}`;
  return String(ret);
}

const BYTES: ReadonlySet<string> = new Set(['read', 'hash', 'pread']);

/** Compares results, signals and bytes. */
export function compareRet(op: Op, actual: Ret): Difference | null {
  const expected = op.ret;
  const same =
    isFault(expected) && isFault(actual)
      ? expected.sig === actual.sig &&
        expected.code === actual.code &&
        expected.addr === actual.addr &&
        expected.done === actual.done
      : !isFault(expected) && !isFault(actual) && String(expected) === String(actual);
  if (same) return null;
  let kind: Kind = 'results';
  if (isFault(expected) || isFault(actual)) kind = 'signals';
  else if (BYTES.has(op.op) && !show(expected).startsWith('-') && !show(actual).startsWith('-')) kind = 'bytes';
  return { kind, field: 'ret', expected: show(expected), actual: show(actual) };
}

/** Compares lists of maps lines. */
export function compareMaps(expected: readonly string[], actual: readonly string[]): Difference | null {
  const count = Math.max(expected.length, actual.length);
  for (let i = 0; i < count; i++) {
    if (expected[i] === actual[i]) continue;
    return {
      kind: 'maps',
      field: `line ${i + 1}`,
      expected: expected[i] ?? '(no more lines)',
      actual: actual[i] ?? '(no more lines)',
    };
  }
  return null;
}

/** Figures that recordings leave out when they are 0. */
const OPTIONAL: readonly string[] = [
  'LazyFree',
  'AnonHugePages',
  'ShmemPmdMapped',
  'Shared_Hugetlb',
  'Private_Hugetlb',
];
const TEXT_FIELDS: readonly string[] = ['start', 'end', 'perms', 'off', 'ino', 'path', 'VmFlags'];

const identity = (vma: { start: unknown; end: unknown; perms: unknown; off: unknown; path: unknown }): string =>
  `${String(vma.start)} ${String(vma.end)} ${String(vma.perms)} ${String(vma.off)} ${String(vma.path)}`;

/** How the recorder recognises an initial mapping: not by its name, which PR_SET_MM changes. */
const place = (vma: { start: unknown; end: unknown; perms: unknown; off: unknown }): string =>
  `${String(vma.start)} ${String(vma.end)} ${String(vma.perms)} ${String(vma.off)}`;

/** Compares smaps: every mapping except the initial ones. Returns every difference, in order. */
export function compareSmaps(
  expected: readonly SmapsVma[],
  actual: readonly SmapsEntry[],
  initial: readonly SmapsVma[],
): Difference[] {
  const began = new Set(initial.map((vma) => place(vma as never)));
  const ours = actual.filter((vma) => !began.has(place(vma)));
  const differences: Difference[] = [];
  const add = (field: string, e: unknown, a: unknown): void => {
    differences.push({ kind: 'smaps', field, expected: String(e), actual: String(a) });
  };
  const count = Math.max(expected.length, ours.length);
  for (let i = 0; i < count; i++) {
    const theirs = expected[i];
    const own = ours[i];
    if (theirs === undefined || own === undefined) {
      add(
        `entry ${i + 1}`,
        theirs === undefined ? '(none)' : identity(theirs as never),
        own === undefined ? '(none)' : identity(own),
      );
      break;
    }
    const where = `${own.start}-${own.end}`;
    const text: Readonly<Record<string, string | number>> = {
      start: own.start,
      end: own.end,
      perms: own.perms,
      off: own.off,
      ino: own.ino,
      path: own.path,
      VmFlags: own.vmFlags,
    };
    for (const field of TEXT_FIELDS)
      if (theirs[field] !== text[field]) add(`${where} ${field}`, theirs[field], text[field]);
    for (const field of Object.keys(theirs)) {
      if (TEXT_FIELDS.includes(field)) continue;
      if (theirs[field] !== (own.figures[field] ?? 0)) add(`${where} ${field}`, theirs[field], own.figures[field] ?? 0);
    }
    for (const field of OPTIONAL) {
      if (theirs[field] === undefined && (own.figures[field] ?? 0) !== 0)
        add(`${where} ${field}`, 0, own.figures[field]);
    }
  }
  return differences;
}

/** Compares named figures, as differences from their values at the start. */
export function compareFigures(
  kind: Kind,
  expected: Readonly<Record<string, number>>,
  expectedStart: Readonly<Record<string, number>>,
  actual: Readonly<Record<string, number>>,
  actualStart: Readonly<Record<string, number>>,
): Difference[] {
  const differences: Difference[] = [];
  for (const [field, value] of Object.entries(expected)) {
    const theirs = value - (expectedStart[field] ?? 0);
    const ours = (actual[field] ?? 0) - (actualStart[field] ?? 0);
    if (theirs !== ours) differences.push({ kind, field, expected: String(theirs), actual: String(ours) });
  }
  return differences;
}
