/**
 * Compares replay's map with the real one: which lines agree, which differ and in what, which do not count.
 *
 * Device and inode numbers are not in a log: a file gets those of the first line that shows it; then all its lines must have
 * them, and no line of another file may.
 */
import { formatPermissions, type MapsLine } from '@vmarea/strace';
import type { Space } from '../process/process.ts';
import type { MapComparison, MapRow } from '../report/report.ts';
import type { SnapshotLine } from './snapshot.ts';

/** The comparison, and replay's lines with the real device and inode numbers where they are known. */
export interface ComparedMaps extends MapComparison {
  readonly lines: readonly MapsLine[];
}

function deviceOf(line: MapsLine): string {
  return `${line.major.toString(16).padStart(2, '0')}:${line.minor.toString(16).padStart(2, '0')} ${line.inode}`;
}

/** Replaces `/lib` and the like by `/usr/lib`: they are links on most distributions. */
function merged(path: string): string {
  return path.replace(/^\/(?=(?:bin|sbin|lib[a-z0-9]*)\/)/, '/usr/');
}

/**
 * Returns whether a path may be a link to another one, of the kinds that distributions install and that no log shows: `/lib` to
 * `/usr/lib`, `libx.so.1` to `libx.so.1.2` or `libx-1.2.so`. The device and inode identify the file.
 */
function isLinkTo(ours: string, real: string): boolean {
  const [from, to] = [merged(ours), merged(real)];
  if (from === to) return true;
  const [at, other] = [from.lastIndexOf('/'), to.lastIndexOf('/')];
  const stem = /^(.+?)\.so(?:\.|$)/.exec(from.slice(at + 1))?.[1];
  if (stem === undefined || from.slice(0, at) !== to.slice(0, other)) return false;
  const rest = to.slice(other + 1 + stem.length);
  return to.startsWith(stem, other + 1) && /^(?:\.so\b|-[0-9.]+\.so$)/.test(rest);
}

/** A path that replay could not make absolute agrees with any path that ends like it. */
function sameName(ours: string, real: string): boolean {
  if (ours === real || isLinkTo(ours, real)) return true;
  if (ours.startsWith('/unknown/')) return true;
  return (
    ours !== '' && !ours.startsWith('/') && !ours.startsWith('[') && real.endsWith(`/${ours.replace(/^(\.\/)+/, '')}`)
  );
}

class Binder {
  readonly #byName = new Map<string, string>();
  readonly #byDevice = new Map<string, string>();
  readonly #lines = new Map<string, MapsLine>();

  /** Returns what is wrong with the pair; empty when nothing is. */
  bind(ours: SnapshotLine, real: MapsLine): string {
    const device = deviceOf(real);
    const bound = this.#byName.get(ours.name);
    const owner = this.#byDevice.get(device);
    if (bound === undefined && owner === undefined) {
      this.#byName.set(ours.name, device);
      this.#byDevice.set(device, ours.name);
      this.#lines.set(ours.name, real);
      return '';
    }
    if (bound !== device)
      return bound === undefined
        ? `${device} belongs to ${owner ?? ''}`
        : `device and inode are ${device}, were ${bound}`;
    return '';
  }

  /** Returns the line with the numbers of its file. */
  bound(line: SnapshotLine): MapsLine {
    const real = line.anyDevice ? this.#lines.get(line.name) : undefined;
    const { start, end, read, write, exec, shared, offset, name } = line;
    const { major, minor, inode } = real ?? line;
    return { start, end, read, write, exec, shared, offset, major, minor, inode, name };
  }
}

function differences(ours: SnapshotLine, real: MapsLine, binder: Binder): string[] {
  const found: string[] = [];
  if (ours.start !== real.start) found.push(`begins at ${ours.start.toString(16)}, not ${real.start.toString(16)}`);
  if (ours.end !== real.end) found.push(`ends at ${ours.end.toString(16)}, not ${real.end.toString(16)}`);
  const permissions = formatPermissions(ours);
  if (permissions !== formatPermissions(real)) found.push(`is ${permissions}, not ${formatPermissions(real)}`);
  if (ours.offset !== real.offset)
    found.push(`has offset ${ours.offset.toString(16)}, not ${real.offset.toString(16)}`);
  if (!sameName(ours.name, real.name))
    found.push(`is ${ours.name || 'without a name'}, not ${real.name || 'without a name'}`);
  else if (ours.anyDevice) {
    const problem = binder.bind(ours, real);
    if (problem !== '') found.push(problem);
  } else if (deviceOf(ours) !== deviceOf(real)) found.push(`has ${deviceOf(ours)}, not ${deviceOf(real)}`);
  return found;
}

/** Gate areas lie in the kernel's half of the addresses. */
const GATES = 2 ** 63;

/** Returns why a line of the map does not count; empty when it does. */
function excuse(line: MapsLine, space: Space): string {
  // Without the program the map contains only the areas of the log.
  if (space.recorded) return 'recorded';
  // How the kernel was booted is read from the real map.
  if (line.start >= GATES) return 'assumed';
  if (space.assumedStack && line.name === '[stack]') return 'assumed';
  if (space.assumedProgram && (line.name === space.program || line.name === '[heap]')) return 'assumed';
  const special = line.name === '[vdso]' || line.name.startsWith('[vvar');
  if (special && space.assumedVdso) return 'assumed';
  return space.assumedLibraries && (special || line.name === space.interpreter) ? 'assumed' : '';
}

/**
 * Compares two maps.
 *
 * @param ours replay's lines, by address
 * @param real lines of the real map, by address
 * @param space the assumptions
 */
export function compareMaps(ours: readonly SnapshotLine[], real: readonly MapsLine[], space: Space): ComparedMaps {
  const binder = new Binder();
  const pairs: [SnapshotLine | null, MapsLine | null][] = [];
  let i = 0;
  let j = 0;
  while (i < ours.length || j < real.length) {
    const a = ours[i];
    const b = real[j];
    if (a !== undefined && b !== undefined && a.start < b.end && b.start < a.end) {
      pairs.push([a, b]);
      i++;
      j++;
    } else if (b === undefined || (a !== undefined && a.start < b.start)) {
      pairs.push([a!, null]);
      i++;
    } else {
      pairs.push([null, b]);
      j++;
    }
  }
  let different = 0;
  let excused = 0;
  const found = pairs.map(([a, b]) => {
    if (a === null) return ['is only in the real map'];
    return b === null ? ['is only in the replay'] : differences(a, b, binder);
  });
  const rows = pairs.map(([a, b], index): MapRow => {
    const line = a ?? b!;
    const what = found[index]!;
    let excusedBy = excuse(line, space);
    // A stack grows with accesses, which are not in a log.
    if (
      excusedBy === '' &&
      a !== null &&
      b !== null &&
      a.name === '[stack]' &&
      what.length === 1 &&
      b.start < a.start
    ) {
      excusedBy = 'grown';
    }
    if (excusedBy !== '') excused++;
    else if (what.length > 0) different++;
    return { ours: a === null ? null : binder.bound(a), real: b, differences: what, excused: excusedBy };
  });
  return { rows, different, excused, lines: ours.map((line) => binder.bound(line)) };
}
