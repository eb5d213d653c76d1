/**
 * Reads a pasted question: prompts with their outputs, settings, figures of /proc, maps. Calls and prose are left to others.
 *
 * One pass over the lines; each is looked at once, up to a fixed length.
 */
import { parseMaps, parseMapsLine } from '@vmarea/strace';
import type { KernelConfig } from '@vmarea/uapi';
import type { Clue } from '../clues.ts';
import { fromLog, type Fact } from '../evidence.ts';
import { memoryOf, type Architecture, type Limit, type MapBefore, type MemoryFigures } from '../situation.ts';
import { configuredLimit, limitByLetter, limitValue, procLimit, sizeOf, sysctlLines, ulimitLine } from './outputs.ts';
import { nothingTold, type Told, type ToldMount, type ToldProcess } from './told.ts';

/** A pasted text, read. */
export interface Paste {
  readonly told: Told;
  /** The text without the lines that were read; they are blank, so that numbers of lines stay. */
  readonly rest: string;
  /** The numbers of the lines that were read, from 1. */
  readonly read: ReadonlySet<number>;
}

/** The most lines that a question has: what is longer is a log or a map. */
export const MOST_PASTE_LINES = 5000;
/** The number of characters of a line that are looked at. */
const MOST_LINE = 1000;

const COMMANDS =
  'ulimit|cat|sysctl|uname|getconf|free|grep|mount|findmnt|df|wc|echo|getenforce|docker|kubectl|prlimit|id|whoami|sudo|ls|strace|gdb|pmap|dmesg|head|tail|lscpu|zcat';
/** `user@host:~$ cat …`, `$ cat …`, `# sysctl …`, `> ulimit …`; the prompt may be missing for what looks like a command alone. */
const PROMPT = new RegExp(
  `^\\s{0,12}(?:[\\w.@:~/ \\[\\]()-]{0,80}[$#%>]\\s{1,4})?((?:sudo\\s+)?(?:${COMMANDS})(?:\\s.{0,300}|))$`,
);
/** What only stands in a call or in a result: no command. */
const CALLISH = /^\s{0,8}(?:\[pid|\d{1,8}\s)?[^"]{0,60}\b[a-z_0-9]{2,30}\(.*\)\s*=\s/;

const ARCHITECTURES: readonly (readonly [pattern: RegExp, architecture: Architecture])[] = [
  [/\b(?:aarch64|arm64|armv8|arm64-v8a)\b/i, 'arm64'],
  [/\b(?:x86_64|x86-64|amd64)\b/i, 'x86-64'],
];

/** A fact of the text, and where it stands. */
function clue<T>(value: T, line: number, what: string): Clue<T> {
  return { value, line, what };
}

/** What a command prints is read by; it returns whether the line was its output. */
type Output = (line: string, number: number) => boolean;

/** The facts while they are collected. */
class Collector implements Told {
  architecture: Clue<Architecture> | null = null;
  pageSize: Clue<number> | null = null;
  vaBits: Clue<number> | null = null;
  release: Clue<string> | null = null;
  uid: Clue<number> | null = null;
  readonly config = new Map<keyof KernelConfig, Fact<boolean | number>>();
  readonly limits = new Map<number, Fact<Limit>>();
  readonly sysctls = new Map<string, Fact<string>>();
  memory: Fact<MemoryFigures> | null = null;
  mapBefore: MapBefore | null = null;
  readonly mounts: ToldMount[] = [];
  process: ToldProcess = nothingTold().process;
  security: Clue<string> | null = null;
  /** Figures of /proc/meminfo by name, and the line of the first. */
  readonly #meminfo = new Map<string, number>();
  #meminfoLine = 0;
  /** What the next lines are the output of; null for none. */
  #output: Output | null = null;

  /** Reads a line. Returns whether it needs no other reader. */
  line(text: string, number: number): boolean {
    const line = text.slice(0, MOST_LINE);
    if (CALLISH.test(line)) {
      this.#output = null;
      return false;
    }
    const command = PROMPT.exec(line)?.[1];
    if (command !== undefined) return this.#command(command.replace(/^sudo\s+/, ''), number);
    if (this.#output !== null && line.trim() !== '') {
      const output = this.#output;
      if (output(line.trim(), number)) return true;
      this.#output = null;
    }
    return this.#own(line, number);
  }

  /** Draws what needs all lines. */
  finish(): void {
    if (this.#meminfo.size > 0) this.memory = this.#figures();
  }

  #once(read: (line: string, number: number) => boolean): void {
    this.#output = (line, number) => {
      this.#output = null;
      return read(line, number);
    };
  }

  #command(command: string, number: number): boolean {
    this.#output = null;
    const limit = /^ulimit\s+(?:-[HS]{0,2})?\s*-?([a-z])\b[\s:=>]*(unlimited|[0-9]+)?\s*$/.exec(command);
    if (limit !== null) return this.#ulimit(limit[1]!, limit[2], number);
    const proc = /^(?:cat|head|tail)\s+\/proc\/sys\/([a-z]+)\/([a-z_]+)\s*$/.exec(command);
    const sysctl = /^sysctl\s+(?:-n\s+)?([a-z]+)[./]([a-z_]+)\s*$/.exec(command) ?? proc;
    if (sysctl !== null) {
      const name = `${sysctl[1]!}.${sysctl[2]!}`;
      this.#once((line, at) =>
        this.#settings(line.includes('=') ? line : `${name} = ${line}`, at, `${name} is ${line}`),
      );
      return true;
    }
    const written = /^echo\s+([0-9]+)\s*(?:>|\|\s*(?:sudo\s+)?tee)\s*\/proc\/sys\/([a-z]+)\/([a-z_]+)/.exec(command);
    if (written !== null) return this.#settings(`${written[2]!}.${written[3]!} = ${written[1]!}`, number);
    if (/^sysctl\s+-w\s/.test(command)) return this.#settings(command.replace(/^sysctl\s+-w\s+/, ''), number);
    if (/^getconf\s+PAGE_?SIZE/.test(command)) {
      this.#once((line, at) => this.#page(Number(line), at, `getconf PAGESIZE prints ${line}`));
      return true;
    }
    if (/^uname(?:\s+-[a-z]+)*\s*$/.test(command)) {
      this.#once((line, at) => this.#uname(line, at));
      return true;
    }
    if (/^wc\s+-l.*\/maps|^cat\s+\/proc\/.*\/maps\s*\|\s*wc/.test(command)) {
      this.#once((line, at) => this.#areas(line, at));
      return true;
    }
    if (command.startsWith('getenforce')) {
      this.#once((line, at) => {
        if (line === 'Enforcing') this.security ??= clue('SELinux', at, 'SELinux is enforcing');
        return /^(?:Enforcing|Permissive|Disabled)$/.test(line);
      });
      return true;
    }
    if (/^cat\s+\/sys\/kernel\/mm\/transparent_hugepage\/enabled/.test(command)) {
      this.#once((line, at) => this.#thp(line, at));
      return true;
    }
    if (/^free\b/.test(command)) {
      const unit = /\s-[a-z]*g/.test(command)
        ? 2 ** 30
        : /\s-[a-z]*m/.test(command)
          ? 2 ** 20
          : /\s-[a-z]*b/.test(command)
            ? 1
            : 1024;
      this.#output = (line, at) => this.#free(line, at, unit);
      return true;
    }
    return this.#own(command, number) || !/^(?:echo|docker|kubectl)/.test(command);
  }

  #ulimit(letter: string, value: string | undefined, number: number): boolean {
    if (letter === 'a') return true;
    const resource = limitByLetter(letter);
    const take = (text: string, at: number): boolean => {
      const soft = limitValue(text, 1024);
      if (Number.isNaN(soft)) return false;
      if (resource !== undefined) this.limits.set(resource, fromLog({ soft, hard: soft }, at, `ulimit -${letter}`));
      return true;
    };
    if (value !== undefined) return take(value, number);
    this.#once(take);
    return true;
  }

  /** Lines that say by themselves what they are. */
  #own(line: string, number: number): boolean {
    const limit = procLimit(line) ?? ulimitLine(line) ?? configuredLimit(line);
    if (limit !== null) {
      const { resource, soft, hard } = limit;
      this.limits.set(resource, fromLog({ soft, hard }, number, shortened(line)));
      return true;
    }
    // Limits that memory calls do not ask, and the head of their table.
    if (
      /\([^()]{0,30}-[a-zR]\) {1,20}(?:unlimited|-?[0-9]+)\s{0,4}$|^\s{0,20}(?:Max [a-z -]{4,30} {2,}(?:unlimited|[0-9]+) |Limit {3,}Soft Limit)/.test(
        line,
      )
    )
      return true;
    if (this.#settings(line, number)) return true;
    if (this.#figure(line, number)) return true;
    if (this.#mounted(line, number)) return true;
    if (/^\s{0,8}Linux \S+ [0-9]+\.[0-9]+\S* /.test(line) || /^\s{0,8}(?:Linux version|uname -a:?) /.test(line)) {
      return this.#uname(line.replace(/^\s*uname -a:?\s*/, ''), number);
    }
    return this.#prose(line, number);
  }

  #settings(line: string, number: number, what = ''): boolean {
    const found = sysctlLines(line);
    for (const [name, value] of found)
      this.sysctls.set(name, fromLog(value, number, what === '' ? `${name} is ${value}` : what));
    if (found.length > 0) return true;
    return /^\s{0,8}(?:vm|kernel|fs|net)\.[a-z_.]+ = \S/.test(line);
  }

  #page(value: number, number: number, what: string): boolean {
    if (value !== 4096 && value !== 16384 && value !== 65536) return false;
    this.pageSize ??= clue(value, number, what);
    return true;
  }

  #uname(line: string, number: number): boolean {
    const release = /\b([2-7]\.[0-9]{1,2}(?:\.[0-9]{1,3})?[\w.+~-]*)/.exec(line)?.[1];
    if (release !== undefined) {
      this.release ??= clue(release, number, `uname: ${release}`);
      // Names of kernels that are built with large pages only.
      const large = /[+-]16k\b|asahi|rpi-2712|-v8-16k/i.test(release) ? 16384 : /[+-]64k\b/.test(release) ? 65536 : 0;
      if (large > 0) this.#page(large, number, `the kernel ${release} has pages of ${large / 1024} KiB`);
    }
    const found = ARCHITECTURES.find(([pattern]) => pattern.test(line));
    if (found !== undefined) this.architecture = clue(found[1], number, `uname: ${found[1]}`);
    return release !== undefined || found !== undefined;
  }

  #areas(line: string, number: number): boolean {
    const count = /^([0-9]{1,9})\b/.exec(line)?.[1];
    if (count === undefined) return false;
    this.process = { ...this.process, areas: clue(Number(count), number, `${count} lines of /proc/PID/maps`) };
    return true;
  }

  #thp(line: string, number: number): boolean {
    const chosen = /\[(always|madvise|never)\]/.exec(line)?.[1];
    if (chosen === undefined) return false;
    if (chosen === 'never') this.config.set('thp', fromLog(false, number, 'transparent_hugepage/enabled is [never]'));
    return true;
  }

  #free(line: string, number: number, unit: number): boolean {
    if (/^total\s+used\s+free/.test(line)) return true;
    const match =
      /^(Mem|Swap):\s+([0-9.]+[KMGT]?)i?\s+([0-9.]+[KMGT]?)i?\s+([0-9.]+[KMGT]?)i?(?:\s+\S+\s+([0-9.]+[KMGT]?)i?)?/.exec(
        line,
      );
    if (match === null) return false;
    const bytes = (text: string | undefined): number =>
      text === undefined ? 0 : /[KMGT]$/.test(text) ? sizeOf(text) : Number(text) * unit;
    const before = this.memory?.value ?? memoryOf(0);
    const value =
      match[1] === 'Swap'
        ? { ...before, swap: bytes(match[2]) }
        : { ...before, total: bytes(match[2]), free: bytes(match[4]) + bytes(match[5]) };
    if (!Object.values(value).some((entry) => Number.isNaN(entry)) && value.total > 0)
      this.memory = fromLog(value, this.memory === null ? number : this.#lineOf(this.memory), 'free');
    return true;
  }

  #lineOf({ evidence }: Fact<unknown>): number {
    return evidence.kind === 'log' ? evidence.line : 0;
  }

  /** A line of /proc/meminfo or /proc/PID/status. */
  #figure(line: string, number: number): boolean {
    const match = /^\s{0,12}([A-Z][A-Za-z_()0-9]{2,24}):\s+([0-9]{1,15})(?: kB)?\s*$/.exec(line);
    if (match === null) return false;
    const [, name, text] = match;
    const value = Number(text) * 1024;
    const { process } = this;
    if (name === 'VmSize') this.process = { ...process, size: clue(value, number, `VmSize is ${text!} kB`) };
    else if (name === 'VmData') this.process = { ...process, data: clue(value, number, `VmData is ${text!} kB`) };
    else if (name === 'VmLck') this.process = { ...process, locked: clue(value, number, `VmLck is ${text!} kB`) };
    else if (/^(?:Mem|Swap|Huge|Commit|Cached|Shmem|SReclaim|Buffers|Inactive|Active)/.test(name!)) {
      if (this.#meminfo.size === 0) this.#meminfoLine = number;
      this.#meminfo.set(name!, Number(text));
    } else return /^(?:Vm|Rss|Anon|Threads|Tgid|Pid|Hugetlb|File|KReclaim|Slab|Sunrec|Page|Direct)/.test(name!);
    return true;
  }

  #figures(): Fact<MemoryFigures> {
    const kb = (name: string): number => (this.#meminfo.get(name) ?? 0) * 1024;
    const plain = (name: string): number => this.#meminfo.get(name) ?? 0;
    const { value } = this.memory ?? { value: null };
    const total = kb('MemTotal') > 0 ? kb('MemTotal') : (value?.total ?? 0);
    const free = this.#meminfo.has('MemFree') ? kb('MemFree') + kb('Cached') - kb('Shmem') + kb('SReclaimable') : total;
    const size = this.#meminfo.has('Hugepagesize') ? kb('Hugepagesize') : 2 ** 21;
    const pool = this.#meminfo.has('HugePages_Total')
      ? { size, pages: plain('HugePages_Total'), held: this.#held() }
      : null;
    const figures: MemoryFigures = {
      // Only the pool was told: RAM is as much as it needs.
      total: total > 0 ? total : Math.max(2 ** 33, 2 * (pool?.pages ?? 0) * size),
      free: total > 0 ? free : 2 ** 33,
      swap: kb('SwapTotal'),
      committed: this.#meminfo.has('Committed_AS') ? kb('Committed_AS') : null,
      hugePages: pool,
    };
    return fromLog(figures, this.#meminfoLine, total > 0 ? '/proc/meminfo' : 'the pool of huge pages');
  }

  /** Huge pages that others have or have reserved. */
  #held(): number {
    const total = this.#meminfo.get('HugePages_Total') ?? 0;
    const free = this.#meminfo.get('HugePages_Free') ?? total;
    return Math.max(0, total - free + (this.#meminfo.get('HugePages_Rsvd') ?? 0));
  }

  #mounted(line: string, number: number): boolean {
    const mount = /^\s{0,8}\S+ on (\/\S*) type \S+ \(([^()]{1,300})\)/.exec(line);
    if (mount !== null) {
      const options = mount[2]!.split(',');
      const size = options.find((option) => option.startsWith('size='));
      this.mounts.push({
        directory: mount[1]!,
        noexec: options.includes('noexec'),
        size: size === undefined ? null : sizeOf(size.slice(5)),
        line: number,
      });
      return true;
    }
    const df = /^\s{0,8}(?:shm|tmpfs|none|\/dev\/\S+|overlay)\s+([0-9.]+[KMGT]?)\s+\S+\s+\S+\s+\S+%\s+(\/\S*)\s*$/.exec(
      line,
    );
    if (df !== null) {
      // Without a unit, df counts KiB.
      const size = /[KMGT]$/.test(df[1]!) ? sizeOf(df[1]!) : Number(df[1]) * 1024;
      this.mounts.push({ directory: df[2]!, noexec: false, size, line: number });
      return true;
    }
    const shm = /(?:--shm-size[= ]|\bshm_size:\s*["']?)([0-9.]+[kKmMgG]?)i?b?/.exec(line)?.[1];
    if (shm !== undefined) this.mounts.push({ directory: '/dev/shm', noexec: false, size: sizeOf(shm), line: number });
    return shm !== undefined || /^\s{0,8}Filesystem\s+.*Mounted on\s*$/.test(line);
  }

  /** Sentences that name the machine. They stay for other readers. */
  #prose(line: string, number: number): boolean {
    if (/\bavc: +denied\b/.test(line)) {
      const right = /\{ ([a-z_ ]{1,60}) \}/.exec(line)?.[1] ?? 'a right';
      this.security ??= clue(`SELinux (${right})`, number, `SELinux denied ${right}`);
      return true;
    }
    const page =
      /\b(16|64)(?:[ -]?[kK](?:iB|B)?)[ -]?(?:byte )?[pP]ages?\b|\bpage ?size (?:is |of |= ?|: ?)?(16384|65536|4096|16 ?[kK]|64 ?[kK])/i.exec(
        line,
      );
    if (page !== null) {
      const word = page[1] ?? page[2]!;
      const value = Number(/^[0-9]+/.exec(word)![0]);
      this.#page(value < 100 ? value * 1024 : value, number, `«${page[0]}»`);
    }
    const configured = /\bCONFIG_ARM64_(?:VA_BITS=(36|39|42|47|48)|(4|16|64)K_PAGES=y)/.exec(line);
    if (configured?.[2] !== undefined) this.#page(Number(configured[2]) * 1024, number, configured[0]);
    const bits = configured?.[1] ?? /\b(36|39|42|47|48)[ -]?bits?\b.{0,30}\b(?:VA|virtual|address)/i.exec(line)?.[1];
    if (bits !== undefined) this.vaBits ??= clue(Number(bits), number, `«${bits} bits»`);
    const named = ARCHITECTURES.filter(([pattern]) => pattern.test(line));
    if (named.length === 1 && !line.includes('linux-gnu'))
      this.architecture ??= clue(named[0]![1], number, `the text names ${named[0]![1]}`);
    const kernel = /\b(?:[kK]ernel|Linux)(?: version)?:? v?([2-7]\.[0-9]{1,2}(?:\.[0-9]{1,3})?[\w.+~-]*)/.exec(
      line,
    )?.[1];
    if (kernel !== undefined) this.#uname(kernel, number);
    return false;
  }
}

function shortened(line: string): string {
  return line.trim().replaceAll(/\s+/g, ' ').slice(0, 60);
}

/** Takes the lines of a map out of the text. */
function takeMap(lines: string[]): MapBefore | null {
  const numbers = lines.flatMap((line, index) => (parseMapsLine(line.trimStart()) === null ? [] : [index]));
  if (numbers.length === 0) return null;
  const kept = numbers.map((index) => {
    // The lines of smaps below.
    let end = index + 1;
    while (end < lines.length && /^[A-Z][A-Za-z_]{1,30}:\s/.test(lines[end]!) && end - index < 40) end++;
    return [index, end] as const;
  });
  const text = kept
    .map(([from, to]) =>
      lines
        .slice(from, to)
        .map((line) => line.trimStart())
        .join('\n'),
    )
    .join('\n');
  for (const [from, to] of kept) lines.fill('', from, to);
  return { lines: parseMaps(text).lines, source: `the map at line ${numbers[0]! + 1}` };
}

/**
 * Reads what a pasted question tells of machine and process.
 *
 * @returns what is told, and the rest of the text: calls, messages, prose
 */
export function readPaste(text: string): Paste {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  if (lines.length > MOST_PASTE_LINES) return { told: nothingTold(), rest: text, read: new Set() };
  const collector = new Collector();
  const mapBefore = takeMap(lines);
  const read = new Set<number>();
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '' || !collector.line(line, index + 1)) continue;
    lines[index] = '';
    read.add(index + 1);
  }
  collector.finish();
  collector.mapBefore = mapBefore;
  return { told: collector, rest: lines.join('\n'), read };
}
