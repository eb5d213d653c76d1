/**
 * Test vectors: what a fresh process has mapped, the calls that it makes, their results, and what it has mapped then; cut from
 * the recordings, so every line of a vector is what a real kernel answered.
 *
 * A vector begins with the process: an area has state that maps does not show (whether its pages were touched, whether they are
 * charged), and only a fresh process has none of it.
 */
import { parseRecording, type Header, type Op, type RecordingText, type Ret } from './recording.ts';

/** The name and version of the format, as the first line of a file has them. */
export const VECTOR_FORMAT = { format: 'vmarea-vectors', version: 1 } as const;

/** What a vector is about. One may have several. */
export type VectorTag =
  /** Areas have become one: fewer are there than were made. */
  | 'merge'
  /** Areas have been divided: more are there than were made. */
  | 'split'
  | 'mremap'
  /** The kernel has chosen an address. */
  | 'placement'
  /** VmSize and the like are known before and after. */
  | 'accounting'
  /** A call was refused. */
  | 'refused';

/** A call as it was recorded: `op`, its arguments, and `ret`. 64-bit quantities are hexadecimal strings. */
export interface VectorCall {
  readonly op: string;
  readonly ret: Ret;
  readonly [argument: string]: unknown;
}

/** One vector, a line of a file. */
export interface Vector {
  /** Stable: set, recording, and the number of the operation that showed `after`. */
  readonly id: string;
  /** `recorded`: a kernel gave every answer. (`derived` would be: computed from recorded ones. There are none.) */
  readonly source: 'recorded' | 'derived';
  readonly tags: readonly VectorTag[];
  /** Lines of /proc/PID/maps before the first call; left out where it is the file's `initial_maps`. */
  readonly before?: readonly string[];
  readonly calls: readonly VectorCall[];
  /** Lines of /proc/PID/maps after the last call. */
  readonly after: readonly string[];
  /** Figures of /proc/PID/status in kB, before and after; VmSize, VmLck, VmData, VmStk, VmExe, VmLib. */
  readonly status?: {
    readonly before: Readonly<Record<string, number>>;
    readonly after: Readonly<Record<string, number>>;
  };
  /** Where they differ from the file's. */
  readonly rlimits?: Header['rlimits'];
  readonly sysctl?: Header['sysctl'];
  readonly layout?: Header['layout'];
  readonly mmap_base?: string;
}

/** The first line of a file: what its vectors have in common. */
export interface VectorFileHeader {
  readonly format: string;
  readonly version: number;
  readonly set: string;
  readonly kernel: string;
  readonly arch: string;
  readonly page_size: number;
  readonly va_bits: number;
  readonly task_size: string;
  readonly mmap_base: string;
  /** Where the heap begins: `brk(0)` of a fresh process. */
  readonly start_brk: string;
  readonly layout: Header['layout'];
  readonly rlimits: Header['rlimits'];
  readonly sysctl: Header['sysctl'];
  readonly initial_maps: readonly string[];
  readonly vectors: { readonly recorded: number; readonly derived: number };
}

/** Calls that a vector may hold. None of them needs a file. */
const CALLS: ReadonlySet<string> = new Set([
  ...['mmap', 'munmap', 'mprotect', 'mremap', 'brk', 'madvise', 'mseal', 'mlock', 'mlock2', 'munlock', 'mlockall'],
  ...['munlockall', 'msync', 'mincore', 'remap_file_pages', 'rtouch', 'wtouch', 'fill', 'write', 'read', 'setrlimit'],
]);
/** Operations that show something and change nothing. */
const OBSERVATIONS: ReadonlySet<string> = new Set(['maps', 'smaps', 'status', 'faults', 'meminfo', 'hash', 'vmaquery']);
/** Calls that a vector holds at most. */
const MOST_CALLS = 24;
const FIGURES = ['VmSize', 'VmLck', 'VmData', 'VmStk', 'VmExe', 'VmLib'] as const;
const MAP_FIXED = 0x10;
const MAP_FIXED_NOREPLACE = 0x100000;

/** What vectors of a set have in common, from the header that most of its recordings have. */
function commonOf(headers: readonly Header[]): Header {
  const counts = new Map<string, { header: Header; count: number }>();
  for (const header of headers) {
    const { rlimits, sysctl, layout, mmap_base, initial_maps } = header;
    const key = JSON.stringify([rlimits, sysctl, layout, mmap_base, initial_maps]);
    const one = counts.get(key);
    if (one === undefined) counts.set(key, { header, count: 1 });
    else one.count++;
  }
  return [...counts.values()].reduce((most, one) => (one.count > most.count ? one : most)).header;
}

function differs(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) !== JSON.stringify(b);
}

function figures(status: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(FIGURES.flatMap((name) => (status[name] === undefined ? [] : [[name, status[name]]])));
}

function failed({ ret }: VectorCall): boolean {
  return typeof ret === 'object' || (typeof ret === 'string' && ret.startsWith('-'));
}

/** What a vector is about, from its calls and the numbers of areas. */
function tagsOf(calls: readonly VectorCall[], before: number, after: number, accounted: boolean): VectorTag[] {
  const tags = new Set<VectorTag>();
  const made = calls.filter((call) => call.op === 'mmap' && !failed(call));
  if (after < before + made.length && calls.every(({ op }) => op !== 'munmap' && op !== 'mremap')) tags.add('merge');
  if (after > before + made.length) tags.add('split');
  for (const call of calls) {
    if (failed(call)) tags.add('refused');
    else if (call.op === 'mremap') tags.add('mremap');
    else if (call.op === 'mmap' && (Number(call['flags']) & (MAP_FIXED | MAP_FIXED_NOREPLACE)) === 0)
      tags.add('placement');
  }
  if (accounted) tags.add('accounting');
  return [...tags];
}

/** The vectors of one recording. */
function vectorsOfRecording(set: string, name: string, header: Header, ops: readonly Op[]): Vector[] {
  const vectors: Vector[] = [];
  const calls: VectorCall[] = [];
  for (const [i, op] of ops.entries()) {
    if (op.pid !== 0 || calls.length > MOST_CALLS) break;
    const { n: _n, pid: _pid, as: _slot, ...call } = op;
    if (!OBSERVATIONS.has(op.op)) {
      if (!CALLS.has(op.op) || op.ret === undefined) break;
      const flags = Number(call['flags'] ?? 0);
      // A call on a descriptor needs a file, and anonymous memory with MAP_SHARED or MAP_HUGETLB a driver: its name and inode show.
      if (op.op === 'mmap' && ((flags & 0x20) === 0 || (flags & 0x40003) !== 2)) break;
      calls.push(call as VectorCall);
      continue;
    }
    if (op.maps === undefined || calls.length === 0) continue;
    // The figures of the same moment: what is observed before the next call.
    let status: Op['status'];
    for (let k = i + 1; k < ops.length && OBSERVATIONS.has(ops[k]!.op) && status === undefined; k++)
      status = ops[k]!.status;
    const accounted = typeof status === 'object';
    const tags = tagsOf(calls, header.initial_maps.length, op.maps.length, accounted);
    vectors.push({
      id: `${set}/${name}:${op.n}`,
      source: 'recorded',
      tags,
      before: header.initial_maps,
      calls: [...calls],
      after: op.maps,
      ...(typeof status === 'object'
        ? { status: { before: figures(header.initial_status), after: figures(status) } }
        : {}),
    });
  }
  return vectors;
}

/**
 * Cuts the vectors of a set.
 *
 * @param set the folder's name
 * @returns what they have in common, and the vectors without it
 */
export function vectorsOf(
  set: string,
  texts: readonly RecordingText[],
): { readonly header: VectorFileHeader; readonly vectors: readonly Vector[] } {
  const recordings = texts.map(({ name, text }) => ({ name, ...parseRecording(text) }));
  const common = commonOf(recordings.map(({ header }) => header));
  const vectors: Vector[] = [];
  const seen = new Set<string>();
  for (const { name, header, ops } of recordings) {
    for (const vector of vectorsOfRecording(set, name, header, ops)) {
      const { before, ...rest } = vector;
      const one = {
        ...rest,
        ...(differs(before, common.initial_maps) ? { before: before! } : {}),
        ...(differs(header.rlimits, common.rlimits) ? { rlimits: header.rlimits } : {}),
        ...(differs(header.sysctl, common.sysctl) ? { sysctl: header.sysctl } : {}),
        ...(header.layout === common.layout ? {} : { layout: header.layout }),
        ...(header.mmap_base === common.mmap_base ? {} : { mmap_base: header.mmap_base }),
      };
      // Two recordings may begin alike.
      const key = JSON.stringify({ ...one, id: '' });
      if (seen.has(key)) continue;
      seen.add(key);
      vectors.push(one);
    }
  }
  const header: VectorFileHeader = {
    ...VECTOR_FORMAT,
    set,
    kernel: common.kernel,
    arch: common.arch ?? 'aarch64',
    page_size: common.page_size,
    va_bits: common.va_bits,
    task_size: common.task_size,
    mmap_base: common.mmap_base,
    start_brk: common.start_brk,
    layout: common.layout,
    rlimits: common.rlimits,
    sysctl: common.sysctl,
    initial_maps: common.initial_maps,
    vectors: {
      recorded: vectors.filter(({ source }) => source === 'recorded').length,
      derived: vectors.filter(({ source }) => source === 'derived').length,
    },
  };
  return { header, vectors };
}

/** Writes a file of vectors: the header, then one vector a line. */
export function vectorFile(set: string, texts: readonly RecordingText[]): string {
  const { header, vectors } = vectorsOf(set, texts);
  return [header, ...vectors].map((line) => `${JSON.stringify(line)}\n`).join('');
}
