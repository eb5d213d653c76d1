/**
 * `vmarea maps`: what a map alone tells. Figures and sums only: nothing is replayed, and 65,000 lines are a summary.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { areaPattern, flagDifference, parseBytes, type AreaPattern } from '@vmarea/situation';
import { formatMapsLine, parseMaps, smapsFigures, type MapsLine } from '@vmarea/strace';
import { UsageError, type Io } from '../text/io.ts';
import { grouped, patternText } from '../text/numbers.ts';
import type { FitQuestion } from './fit.ts';

/** As commander gives them. */
export interface MapsOptions {
  readonly need?: string | undefined;
  readonly within?: string | undefined;
  readonly near?: string | undefined;
  readonly reach?: string | undefined;
  readonly vaBits?: string | undefined;
  readonly pageSize?: string | undefined;
  readonly arch?: string | undefined;
  readonly kernel?: string | undefined;
  readonly maxMapCount: string;
  readonly json?: boolean | undefined;
}

/** Bytes in the largest unit that they fill, with one digit behind the point where they do not fill it exactly. */
function amount(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < 6; unit++) value /= 1024;
  const shown = Number.isInteger(value) ? String(value) : value.toFixed(1);
  return `${shown} ${['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'][unit]!}`;
}

/** Bytes of a map's text that are read, at most: some ten million areas. */
const MOST = 2 ** 30;

function readMapText(file: string): string {
  const fd = openSync(file, 'r');
  try {
    const pieces: Buffer[] = [];
    let length = 0;
    for (;;) {
      const piece = Buffer.alloc(1 << 20);
      const count = readSync(fd, piece, 0, piece.length, null);
      if (count === 0) break;
      length += count;
      if (length > MOST) throw new UsageError(`maps: ${file} has more than ${amount(MOST)}: it is no map`);
      pieces.push(piece.subarray(0, count));
    }
    return Buffer.concat(pieces).toString('utf8');
  } finally {
    closeSync(fd);
  }
}

/** What an area is, by its name and rights. */
function kindOf(line: MapsLine): string {
  const { name } = line;
  if (!line.read && !line.write && !line.exec && line.inode === 0) return 'no access (reserved, or a guard)';
  if (name === '[heap]') return 'heap';
  if (name.startsWith('[stack')) return 'stacks';
  if (name.startsWith('[anon:')) return 'anonymous, named';
  if (name.startsWith('[')) return 'of the kernel (vdso, vvar)';
  if (line.inode === 0 && name === '') return line.shared ? 'anonymous, shared' : 'anonymous';
  if (line.exec) return 'code of files';
  return line.shared ? 'files, shared' : 'files, private';
}

interface Sum {
  areas: number;
  bytes: number;
}

/** A stretch without an area. */
interface Hole {
  readonly start: number;
  readonly bytes: number;
}

/** Transparent huge pages of anonymous memory, by smaps. Sizes in bytes. */
export interface HugeSummary {
  readonly anonymous: number;
  readonly huge: number;
  /** Anonymous memory in areas with VM_NOHUGEPAGE. */
  readonly forbidden: number;
  /** Anonymous memory in areas that hold no aligned huge page of 2 MiB. */
  readonly small: number;
}

/** What a map tells. Sizes in bytes. */
export interface MapSummary {
  readonly areas: number;
  readonly maxMapCount: number;
  readonly bytes: number;
  readonly kinds: Readonly<Record<string, Sum>>;
  readonly guards: Sum;
  readonly writableAndExecutable: readonly string[];
  /** Largest first, below the highest area. */
  readonly holes: readonly Hole[];
  /** Neighbours that touch and look alike, and did not join. */
  readonly apart: number;
  /** The first of their borders, and what keeps the two apart. */
  readonly borders: readonly { readonly at: number; readonly why: string }[];
  /** What smaps tells of transparent huge pages; null for a map. */
  readonly huge: HugeSummary | null;
  /** The pattern that fills the map; null when none does. */
  readonly pattern: AreaPattern | null;
  /** Bits that the highest address of user space needs. */
  readonly addressBits: number;
  /** The largest size of which all borders are multiples, up to 64 KiB. */
  readonly pageSizeAtMost: number;
  /** Sums of smaps; empty for a map. */
  readonly resident: Readonly<Record<string, number>>;
}

function sameLooks(a: MapsLine, b: MapsLine): boolean {
  if (a.end !== b.start || a.name !== b.name || a.inode !== b.inode || a.name.startsWith('[stack')) return false;
  if (a.read !== b.read || a.write !== b.write || a.exec !== b.exec || a.shared !== b.shared) return false;
  return a.inode === 0 || a.offset + (a.end - a.start) === b.offset;
}

/** Borders that are shown. */
const FEW_BORDERS = 3;

/** What keeps two neighbours apart that look alike. */
function whyBorder(lower: MapsLine, upper: MapsLine): string {
  const others =
    lower.inode === 0
      ? 'each was written to before they touched (its own anon_vma), or one was copied by fork'
      : 'the file was opened twice, or each was written to before they touched';
  if (lower.vmFlags === undefined || upper.vmFlags === undefined)
    return `${others}, or their flags differ (MAP_NORESERVE, madvise, mlock, mseal): VmFlags of smaps show those`;
  const flags = flagDifference(lower.vmFlags, upper.vmFlags);
  return flags === '' ? `the flags are the same: ${others}; or no call has tried to join them` : flags;
}

const HUGE = 2 ** 21;

/** Adds up what smaps tells of huge pages. */
class HugePages {
  anonymous = 0;
  huge = 0;
  forbidden = 0;
  small = 0;

  get summary(): HugeSummary {
    const { anonymous, huge, forbidden, small } = this;
    return { anonymous, huge, forbidden, small };
  }

  add(line: MapsLine, figures: ReadonlyMap<string, number>): void {
    const anonymous = figures.get('Anonymous') ?? 0;
    this.anonymous += anonymous;
    this.huge += figures.get('AnonHugePages') ?? 0;
    const first = Math.ceil(line.start / HUGE) * HUGE;
    if (line.vmFlags?.includes('nh') === true) this.forbidden += anonymous;
    else if (first + HUGE > line.end) this.small += anonymous;
  }
}

const RESIDENT = [
  'Rss',
  'Private_Clean',
  'Private_Dirty',
  'Shared_Clean',
  'Shared_Dirty',
  'LazyFree',
  'AnonHugePages',
  'Swap',
  'Locked',
];

/** Sums up a map. */
export function summarize(lines: readonly MapsLine[], maxMapCount: number): MapSummary {
  const kinds = new Map<string, Sum>();
  const resident = new Map<string, number>();
  const guards: Sum = { areas: 0, bytes: 0 };
  const rwx: string[] = [];
  const borders: { at: number; why: string }[] = [];
  const huge = new HugePages();
  const holes: Hole[] = [];
  let [bytes, apart, last, alignment] = [0, 0, 0, 65536];
  // vsyscall lies beyond user space, and is no area of the process.
  const own = lines.filter((line) => line.start < 2 ** 63).sort((a, b) => a.start - b.start);
  for (const [i, line] of own.entries()) {
    const size = line.end - line.start;
    bytes += size;
    const kind = kindOf(line);
    const sum = kinds.get(kind) ?? { areas: 0, bytes: 0 };
    kinds.set(kind, { areas: sum.areas + 1, bytes: sum.bytes + size });
    if (!line.read && !line.write && !line.exec && size <= 65536) {
      guards.areas++;
      guards.bytes += size;
    }
    if (line.write && line.exec) rwx.push(formatMapsLine(line).trimEnd());
    if (line.start > last) holes.push({ start: last, bytes: line.start - last });
    if (i > 0 && sameLooks(own[i - 1]!, line)) {
      apart++;
      if (borders.length < FEW_BORDERS) borders.push({ at: line.start, why: whyBorder(own[i - 1]!, line) });
    }
    last = Math.max(last, line.end);
    for (const edge of [line.start, line.end]) {
      while (alignment > 1 && edge % alignment !== 0) alignment /= 2;
    }
    const figures = line.details === undefined ? null : smapsFigures(line);
    if (figures === null) continue;
    huge.add(line, figures);
    for (const name of RESIDENT) resident.set(name, (resident.get(name) ?? 0) + (figures.get(name) ?? 0));
  }
  return {
    areas: own.length,
    maxMapCount,
    bytes,
    kinds: Object.fromEntries([...kinds].sort((a, b) => b[1].bytes - a[1].bytes)),
    guards,
    writableAndExecutable: rwx,
    holes: holes.sort((a, b) => b.bytes - a.bytes).slice(0, 5),
    apart,
    borders,
    huge: resident.size === 0 ? null : huge.summary,
    pattern: areaPattern(own),
    addressBits: [32, 36, 39, 42, 47, 48, 56].find((bits) => last <= 2 ** bits) ?? 64,
    pageSizeAtMost: alignment,
    resident: Object.fromEntries(resident),
  };
}

const hex = (value: number): string => `0x${value.toString(16)}`;

/** What the options ask about room; null when they ask nothing. */
function roomAsked(options: MapsOptions, lines: readonly MapsLine[]): FitQuestion | null {
  const { need, within, near, reach } = options;
  if (need === undefined && within === undefined && near === undefined) return null;
  if (within !== undefined && near !== undefined) throw new UsageError('--within and --near: give one of them');
  const bytes = need === undefined ? 0 : parseBytes('--need', need);
  if (need !== undefined && bytes <= 0) throw new UsageError(`--need: «${need}» is no size of a mapping`);
  if (near !== undefined && bytes === 0) throw new UsageError('--near: --need says how much is wanted there');
  const sorted = lines.filter((line) => line.start < 2 ** 63).sort((a, b) => a.start - b.start);
  const window = near === undefined ? null : windowOf(sorted, near, parseBytes('--reach', reach ?? '128m'));
  return {
    lines: sorted,
    need: bytes,
    within: window?.range ?? (within === undefined ? null : rangeOf(within)),
    anchor: window?.anchor ?? null,
    machine: { vaBits: options.vaBits, pageSize: options.pageSize, arch: options.arch, kernel: options.kernel },
  };
}

/** `0x7fff8000-0x10007fff8000`, in hexadecimal with or without 0x. */
function rangeOf(text: string): { start: number; end: number } {
  const match = /^(?:0x)?([0-9a-f]{1,13})-(?:0x)?([0-9a-f]{1,13})$/i.exec(text);
  const [start, end] = [parseInt(match?.[1] ?? '', 16), parseInt(match?.[2] ?? '', 16)];
  if (match === null || end <= start)
    throw new UsageError(`--within: «${text}» is no range such as 0x7fff8000-0x10007fff8000`);
  return { start, end };
}

/** The addresses from which all code of a file is within reach. */
function windowOf(
  lines: readonly MapsLine[],
  name: string,
  reach: number,
): { range: { start: number; end: number }; anchor: number } {
  const code = lines.filter((line) => line.exec && (line.name === name || line.name.endsWith(`/${name}`)));
  const [first] = code;
  if (first === undefined) throw new UsageError(`--near: no executable area of the map is of «${name}»`);
  const range = { start: Math.max(0, code.at(-1)!.end - reach), end: first.start + reach };
  if (range.end <= range.start) throw new UsageError(`--reach: the code of ${name} is wider than ${amount(reach)}`);
  return { range, anchor: first.start };
}

/** Why anonymous memory has no huge pages. */
function hugeText(pages: HugeSummary | null): string[] {
  if (pages === null || pages.anonymous < HUGE) return [];
  const { anonymous, huge, forbidden, small } = pages;
  const why = [
    forbidden > 0 ? `${amount(forbidden)} lie in areas with VM_NOHUGEPAGE (madvise(MADV_NOHUGEPAGE), MAP_STACK)` : '',
    small > 0 ? `${amount(small)} lie in areas that hold no aligned 2 MiB` : '',
  ].filter((words) => words !== '');
  const rest = anonymous - huge - forbidden - small;
  if (why.length === 0 && rest > 0 && huge === 0)
    why.push(
      'see /sys/kernel/mm/transparent_hugepage/enabled: with [madvise] only MADV_HUGEPAGE asks for them, with [never] nothing does',
    );
  return [
    `Transparent huge pages: ${amount(huge)} of ${amount(anonymous)} anonymous memory${why.length === 0 ? '' : `; ${why.join('; ')}`}.`,
  ];
}

function summaryText(file: string, summary: MapSummary, room: readonly string[], io: Io): string {
  const c = io.colors;
  const number = (value: number): string => grouped(value);
  const share = Math.round((100 * summary.areas) / summary.maxMapCount);
  const near = summary.areas >= summary.maxMapCount * 0.9;
  const lines = [
    ...room,
    `${c.bold(file)}: ${number(summary.areas)} areas, ${share} % of ${number(summary.maxMapCount)} (vm.max_map_count${near ? ': the next calls that need one more fail with ENOMEM' : ''}), ${amount(summary.bytes)} mapped.`,
  ];
  if (summary.pattern !== null) lines.push(`What fills it: ${patternText(summary.pattern)}.`);
  lines.push('What it is:');
  for (const [kind, sum] of Object.entries(summary.kinds)) {
    lines.push(`  ${amount(sum.bytes).padStart(11)}  ${number(sum.areas).padStart(7)}  ${kind}`);
  }
  if (summary.guards.areas > 0)
    lines.push(
      `Areas without access of at most 64 KiB (guards): ${number(summary.guards.areas)}, ${amount(summary.guards.bytes)}.`,
    );
  if (summary.apart > 0) {
    lines.push(`Neighbours that look alike and did not join: ${number(summary.apart)}.`);
    for (const { at, why } of summary.borders) lines.push(`  at ${hex(at)}: ${why}.`);
    if (summary.apart > summary.borders.length)
      lines.push(`  and ${number(summary.apart - summary.borders.length)} more.`);
  }
  lines.push(
    `Holes, largest first: ${summary.holes.map((hole) => `${amount(hole.bytes)} at ${hex(hole.start)}`).join(', ') || 'none'}.`,
  );
  lines.push(`Fits ${summary.addressBits} address bits and pages of at most ${amount(summary.pageSizeAtMost)}.`);
  const rwx = summary.writableAndExecutable;
  if (rwx.length > 0) {
    lines.push(`Writable and executable: ${number(rwx.length)}`);
    for (const line of rwx.slice(0, 5)) lines.push(`  ${line}`);
  }
  const resident = Object.entries(summary.resident).filter(([, value]) => value > 0);
  if (resident.length > 0)
    lines.push(
      ...hugeText(summary.huge),
      `smaps: ${resident.map(([name, value]) => `${name} ${amount(value)}`).join(', ')}.`,
    );
  return `${lines.join('\n')}\n`;
}

/** `vmarea maps`. Exit status 0; 2 for what is no map. */
export async function mapsCommand(files: readonly string[], options: MapsOptions, io: Io): Promise<number> {
  const limit = Number(options.maxMapCount);
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new UsageError(`--max-map-count: «${options.maxMapCount}» is no whole number from 1 on`);
  const printed: unknown[] = [];
  for (const file of files) {
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory() !== false)
      throw new UsageError(`maps: ${file} is no file that can be read`);
    const { lines, strange, format } = parseMaps(readMapText(file));
    if (lines.length === 0) {
      const first = strange[0];
      const where = first === undefined ? 'it is empty' : `line ${first.line} is ${first.text.slice(0, 100)}`;
      throw new UsageError(`maps: ${file} has no line of /proc/PID/maps: ${where}`);
    }
    const bad = lines.find((line) => line.end <= line.start);
    if (bad !== undefined)
      throw new UsageError(`maps: ${file}: an area ends before it begins: ${formatMapsLine(bad).trimEnd()}`);
    const summary = summarize(lines, limit);
    const question = roomAsked(options, lines);
    const found = question === null ? null : (await import('./fit.ts')).fit(question);
    if (options.json === true) printed.push({ file, skippedLines: strange.length, ...summary, fit: found });
    else {
      const room = question === null || found === null ? [] : (await import('./fit-text.ts')).fitText(found, question);
      io.out(summaryText(file, summary, room, io));
      if (format !== undefined) io.out(`Read from a map of ${format}.\n`);
      if (strange.length > 0)
        io.out(`Lines that are no areas: ${strange.length}, the first is line ${strange[0]!.line}.\n`);
    }
  }
  if (options.json === true) io.out(`${JSON.stringify({ maps: printed }, null, 2)}\n`);
  return 0;
}
