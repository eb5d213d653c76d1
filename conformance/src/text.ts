/**
 * Converts /proc text for comparison: maps lines and smaps entries with the inode and device numbers of a recording, and the
 * figures of status.
 */

/** Numbers inodes as recordings do: 999 for the executor, others from 1001 on, in the order of their first appearance. */
export class InodeNumbers {
  private readonly numbers: Map<string, number>;
  private next: number;

  constructor(numbers: Map<string, number> = new Map<string, number>(), next: number = 1001) {
    this.numbers = numbers;
    this.next = next;
  }

  /** The executor's own file. */
  setExecutor(device: string, ino: number): void {
    this.numbers.set(`${device}:${ino}`, 999);
  }

  /** Returns the number of a file; a new one at its first appearance. Inode 0 is none, unless {@link add} gave it one. */
  of(device: string, ino: number): number {
    const key = `${device}:${ino}`;
    let number = this.numbers.get(key);
    if (ino === 0) return number ?? 0;
    if (number === undefined) {
      number = this.next++;
      this.numbers.set(key, number);
    }
    return number;
  }

  /** Numbers a file, also one of inode 0: a segment of System V shared memory has its identifier as inode. */
  add(device: string, ino: number): void {
    const key = `${device}:${ino}`;
    if (!this.numbers.has(key)) this.numbers.set(key, this.next++);
  }

  /** Returns a copy for a child. */
  copy(): InodeNumbers {
    return new InodeNumbers(new Map(this.numbers), this.next);
  }
}

/** Maps our device numbers to recorded ones: decided at the first appearance of a filesystem. */
export class Devices {
  private readonly recorded = new Map<string, string>();
  private readonly ours = new Map<string, string>();

  /** Returns the recorded number for one of ours, given the recorded number of the same line; ours when they do not match. */
  bind(ours: string, recorded: string | undefined): string {
    const known = this.recorded.get(ours);
    if (known !== undefined) return known;
    if (recorded === undefined || this.ours.has(recorded)) return ours === '00:00' ? ours : `?${ours}`;
    if ((ours === '00:00') !== (recorded === '00:00')) return `?${ours}`;
    this.recorded.set(ours, recorded);
    this.ours.set(recorded, ours);
    return recorded;
  }
}

const LINE = /^(\S+) (\S+) (\S+) (\S+) (\d+)(?:\s+(.*))?$/;

/**
 * Returns our maps text with the numbers of a recording.
 *
 * @param text /proc/PID/maps
 * @param recorded the recorded lines, which give the device numbers
 */
export function normalizeMaps(
  text: string,
  recorded: readonly string[],
  inodes: InodeNumbers,
  devices: Devices,
): string[] {
  const lines = text.split('\n');
  const result: string[] = [];
  for (const line of lines) {
    if (line === '') continue;
    const match = LINE.exec(line);
    if (match === null) throw new Error(`conformance: not a maps line: ${line}`);
    const [, range, perms, offset, device, ino, name] = match as unknown as string[];
    const theirs = LINE.exec(recorded[result.length] ?? '')?.[4];
    const number = inodes.of(device!, Number(ino));
    const shown = `${range!} ${perms!} ${offset!} ${devices.bind(device!, theirs)} ${number}`;
    result.push(name === undefined || name === '' ? shown : `${shown} ${name}`);
  }
  return result;
}

/** One entry of smaps: maps' fields and the figures. */
export interface SmapsEntry {
  readonly start: string;
  readonly end: string;
  readonly perms: string;
  readonly off: string;
  readonly ino: number;
  readonly path: string;
  readonly vmFlags: string;
  readonly figures: Readonly<Record<string, number>>;
}

/** Parses smaps text. */
export function parseSmaps(text: string, inodes: InodeNumbers): SmapsEntry[] {
  const entries: SmapsEntry[] = [];
  let head: RegExpExecArray | null = null;
  let figures: Record<string, number> = {};
  for (const line of text.split('\n')) {
    if (line === '') continue;
    if (line.startsWith('VmFlags:')) {
      const [, range, perms, off, device, ino, name] = head as unknown as string[];
      const [start, end] = range!.split('-');
      entries.push({
        start: `0x${BigInt(`0x${start!}`).toString(16)}`,
        end: `0x${BigInt(`0x${end!}`).toString(16)}`,
        perms: perms!,
        off: `0x${BigInt(`0x${off!}`).toString(16)}`,
        ino: inodes.of(device!, Number(ino)),
        path: name ?? '',
        vmFlags: line.slice('VmFlags:'.length).trim(),
        figures,
      });
      figures = {};
      continue;
    }
    const figure = /^(\w+):\s+(\d+)/.exec(line);
    if (figure !== null) figures[figure[1]!] = Number(figure[2]);
    else if (!line.startsWith('Name:')) head = LINE.exec(line);
  }
  return entries;
}

/** Returns the Vm and Rss figures of status, in kB, and THP_enabled. */
export function parseStatus(text: string): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const match = /^((?:Vm|Rss|Hugetlb|THP_)\w+):\s+(\d+)(?: kB)?$/.exec(line);
    if (match !== null) figures[match[1]!] = Number(match[2]);
  }
  return figures;
}

/** Returns the figures of meminfo: kB or counts. */
export function parseMeminfo(text: string): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const match = /^([\w()]+):\s+(\d+)(?: kB)?$/.exec(line);
    if (match !== null) figures[match[1]!] = Number(match[2]);
  }
  return figures;
}
