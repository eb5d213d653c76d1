/**
 * Collects what a log shows about its machine, line by line: calls that only some architectures have, paths, ELF headers,
 * addresses. infer.ts draws the conclusions. Memory does not grow with the log.
 */
import {
  callOrigin,
  parseRegister,
  parseText,
  type Call,
  type CallOrigin,
  type LogEvent,
  type Machine,
} from '@vmarea/strace';
import {
  EM_386,
  EM_AARCH64,
  EM_ARM,
  EM_RISCV,
  EM_X86_64,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  parseMapFlags,
} from '@vmarea/uapi';
import { KernelClues } from './kernel-clues.ts';
import type { Architecture } from './situation.ts';

/** A value and the line that shows it. */
export interface Clue<T> {
  readonly value: T;
  readonly line: number;
  readonly what: string;
}

/** An address, and whether the kernel chose it: then it is near the top of the area from which it was chosen. */
export interface AddressClue extends Clue<number> {
  readonly chosen: boolean;
}

/** The architectures by the machine names of strace's table. */
const NAMED: Readonly<Record<Machine, Architecture>> = {
  arm64: 'arm64',
  x86_64: 'x86-64',
  i386: 'i386',
  arm: 'arm',
  riscv64: 'riscv64',
};

/** Parts of paths, most reliable first. */
const PATHS: readonly (readonly [part: RegExp, architecture: Architecture])[] = [
  [/ld-linux-aarch64|ld-musl-aarch64/, 'arm64'],
  [/ld-linux-x86-64|ld-musl-x86_64/, 'x86-64'],
  [/ld-linux-armhf|ld-musl-arm(?:hf)?\.so|ld-linux\.so\.3/, 'arm'],
  [/ld-musl-i386|\/ld-linux\.so\.2$/, 'i386'],
  [/ld-linux-riscv64|ld-musl-riscv64/, 'riscv64'],
  [/aarch64-(?:\w+-)?linux-(?:gnu|musl|android)|\/(?:lib|oat)\/arm64(?:-v8a)?\/|hwcaps\/aarch64/, 'arm64'],
  [/x86_64-(?:\w+-)?linux-(?:gnu|musl|android)|hwcaps\/x86-64|\/(?:lib|oat)\/x86_64\//, 'x86-64'],
  [/arm-(?:\w+-)?linux-(?:gnueabi|musleabi|android)|armv[67]l|armeabi|\/oat\/arm\/|\/lib\/arm\//, 'arm'],
  [/i[3-6]86-(?:\w+-)?linux-(?:gnu|musl|android)|\/(?:lib|oat)\/x86\//, 'i386'],
  [/riscv64-(?:\w+-)?linux-(?:gnu|musl)/, 'riscv64'],
];

/** The number of characters of a path that are read. */
const MOST_PATH = 1024;

/** e_machine of ELF headers. */
const MACHINES: ReadonlyMap<number, Architecture> = new Map<number, Architecture>([
  [EM_AARCH64, 'arm64'],
  [EM_X86_64, 'x86-64'],
  [EM_ARM, 'arm'],
  [EM_386, 'i386'],
  [EM_RISCV, 'riscv64'],
]);

/** Sizes of the first read of loaders: glibc (64 and 32 bits), musl, bionic. Other programs read files of any machine. */
const LOADER_READS: ReadonlySet<string> = new Set(['832', '512', '960', '936', '1024', '64', '52']);

/** Calls whose path belongs to the program: it is opened, run or looked for. */
const OWN_PATHS: ReadonlySet<string> = new Set(
  'open openat openat2 execve execveat access faccessat faccessat2 stat newfstatat readlink readlinkat'.split(' '),
);

/** Returns the architecture that a path names, and the part that names it; null for most paths. */
export function architectureOfPath(path: string): readonly [Architecture, string] | null {
  const probed = path.slice(0, MOST_PATH);
  for (const [part, architecture] of PATHS) {
    const found = part.exec(probed);
    if (found !== null) return [architecture, found[0]];
  }
  return null;
}

/** Returns the lowest page size that `value` is no multiple of: 16 KiB for 0x1000; 0: a multiple of all sizes. */
export function alignmentOf(value: number): number {
  if (value % 16384 !== 0) return 4096;
  return value % 65536 !== 0 ? 16384 : 65536;
}

/** Collects the clues of a log. Pass it the events of a parser that leaves no call out. */
export class LogClues {
  /** A message of strace says that the program is a 32-bit one. */
  compat: Clue<true> | null = null;
  /** A call of 32-bit ABIs. */
  narrow: Clue<string> | null = null;
  /** A call that arm64 never had. */
  old: Clue<string> | null = null;
  /** The loader of glibc uses the `…at` call: its machine has no older one. */
  modern: Clue<string> | null = null;
  /** The architecture by the kind of clue; the first of each. An ELF header that a loader reads has precedence. */
  machine: Clue<Architecture> | null = null;
  path: Clue<Architecture> | null = null;
  readonly telling: Map<Architecture, Clue<string>> = new Map<Architecture, Clue<string>>();
  /** The highest address of each kind. */
  highestChosen: AddressClue | null = null;
  highestAny: AddressClue | null = null;
  /** The first break: two thirds up the address space for a position-independent program. */
  firstBreak: AddressClue | null = null;
  /** The address of the stack at exec. */
  stack: AddressClue | null = null;
  /** A result of mmap that excludes larger pages; value: the largest possible page size. */
  smallPages: Clue<number> | null = null;
  /** An EINVAL for an address that would be aligned with smaller pages; value: the smallest possible page size. */
  largePages: Clue<number> | null = null;
  uid: Clue<number> | null = null;
  seccomp: Clue<number> | null = null;
  /** personality with ADDR_NO_RANDOMIZE. */
  noRandomize: Clue<true> | null = null;
  /** What shows the version of the kernel. */
  readonly kernel: KernelClues = new KernelClues();
  /** The kernel's release, from uname or /proc/version. */
  release: Clue<string> | null = null;
  /** Whether the log begins with exec. */
  begins: boolean | null = null;
  /** The number of calls read. */
  calls = 0;
  /** The number of results of mmap read. */
  answers = 0;
  #byLoader = false;

  /** Whether the rest of the log is unlikely to show more. */
  get enough(): boolean {
    return this.calls >= 20_000 || (this.answers >= 200 && this.calls >= 400);
  }

  /** Reads an event. */
  event(event: LogEvent): void {
    if (event.type === 'note') {
      if (event.text.includes('runs in 32 bit mode'))
        this.compat ??= clue(true, event.line, 'strace says: 32 bit mode');
      return;
    }
    if (event.type === 'signal' && event.addr !== null && event.addr > 0x10000) {
      this.address({ value: event.addr, line: event.line, what: `${event.name} at ${hex(event.addr)}`, chosen: false });
      return;
    }
    if (event.type === 'call') this.call(event.call);
  }

  private call(call: Call): void {
    const { name, line } = call;
    this.calls++;
    this.begins ??= name.startsWith('exec');
    const origin = callOrigin(name);
    if (origin !== undefined) this.origin(name, line, origin);
    if (this.path === null || this.modern === null) this.paths(call);
    this.identity(call);
    this.addresses(call);
    this.kernel.call(call);
  }

  private origin(name: string, line: number, { machines, bits }: CallOrigin): void {
    const [first] = machines;
    // Two machines have arch_prctl; the 32-bit one is recognised by other calls.
    const told = machines.length === 1 || name === 'arch_prctl' || name === 'modify_ldt' ? NAMED[first!] : undefined;
    if (told !== undefined && !this.telling.has(told)) this.telling.set(told, clue(name, line, `the call ${name}`));
    if (bits === 32 && machines.length > 1) this.narrow ??= clue(name, line, `${name}, a call of 32-bit machines`);
    else if (machines.length > 2) this.old ??= clue(name, line, `${name}, a call that arm64 does not have`);
  }

  private paths(call: Call): void {
    // What a program writes or reads may name any machine; what it opens or runs is its own.
    if (!OWN_PATHS.has(call.name)) return;
    const text = call.args[0]?.startsWith('"') === true ? call.args[0] : (call.args[1] ?? '');
    if (text.startsWith('"/etc/ld.so.preload"') && call.name === 'faccessat')
      this.modern ??= clue(call.name, call.line, 'faccessat of /etc/ld.so.preload, where older machines have access');
    // A missing file may have been looked for on behalf of another machine.
    if (this.path !== null || (call.failed && !text.includes('hwcaps') && !call.name.startsWith('exec'))) return;
    const found = architectureOfPath(text.replace(/"$/, ''));
    if (found !== null) this.path = clue(found[0], call.line, `a path with ${found[1]}`);
  }

  private identity(call: Call): void {
    const { name, line, ret, args } = call;
    switch (name) {
      case 'read':
      case 'pread64':
        this.elfHeader(call);
        if (this.release === null && args[1]?.startsWith('"Linux version ') === true)
          this.release = clue(
            /^"Linux version ([^ "]+)/.exec(args[1])?.[1] ?? '',
            line,
            'what was read from /proc/version',
          );
        return;
      case 'uname': {
        const release = /release="([^"]+)"/.exec(call.argsText)?.[1];
        if (release !== undefined) this.release ??= clue(release, line, `uname: ${release}`);
        return;
      }
      case 'getuid':
      case 'geteuid':
      case 'getuid32':
      case 'geteuid32':
        if (ret !== null && ret >= 0) this.uid ??= clue(ret, line, `${name}() = ${ret}`);
        return;
      case 'seccomp':
        if (ret !== null && ret >= 0 && args[0] === 'SECCOMP_SET_MODE_FILTER')
          this.seccomp ??= clue(line, line, 'seccomp installs a filter');
        return;
      case 'prctl':
        if (ret === 0 && args[0] === 'PR_SET_SECCOMP') this.seccomp ??= clue(line, line, 'prctl installs a filter');
        return;
      case 'personality':
        if (ret !== null && ret >= 0 && args[0]?.includes('ADDR_NO_RANDOMIZE') === true)
          this.noRandomize ??= clue(true, line, 'personality(ADDR_NO_RANDOMIZE)');
        return;
      default:
        return;
    }
  }

  private elfHeader(call: Call): void {
    const text = call.args[1] ?? '';
    if (!text.startsWith('"\\177ELF') && !text.startsWith('"\\x7f\\x45')) return;
    const byLoader = LOADER_READS.has(call.args[2] ?? '');
    if (this.#byLoader || (this.machine !== null && !byLoader)) return;
    const bytes = parseText(text.length > MOST_PATH ? `${text.slice(0, MOST_PATH - 4)}"` : text, true)?.value ?? '';
    if (bytes.length < 20) return;
    const little = bytes.charCodeAt(5) !== 2;
    const [low, high] = [bytes.charCodeAt(18) & 0xff, bytes.charCodeAt(19) & 0xff];
    const found = MACHINES.get(little ? low + 256 * high : high + 256 * low);
    if (found === undefined) return;
    this.machine = clue(found, call.line, `an ELF header of ${found}`);
    this.#byLoader = byLoader;
  }

  private addresses(call: Call): void {
    const { name, line, ret, args } = call;
    if (name === 'execve' || name === 'execveat') {
      const shown = /(0x[0-9a-f]+) \/\* [0-9]+ vars/.exec(call.argsText)?.[1];
      const value = shown === undefined ? null : parseRegister(shown);
      if (call.argsText.includes('runs in 32 bit mode')) this.compat ??= clue(true, line, 'strace says: 32 bit mode');
      // The pointer is on the stack of the program that called exec: near the end of the address space.
      if (typeof value === 'number' && value > 0x10000)
        this.stack ??= { value, line, what: `the stack of execve's caller at ${hex(value)}`, chosen: true };
      return;
    }
    if (ret === null) return;
    if (name === 'mmap') {
      this.flags(call);
      if (call.errno === 22) this.refusedOffset(call);
    }
    switch (name) {
      case 'brk':
        if (ret > 0x10000) this.firstBreak ??= { value: ret, line, what: `the break at ${hex(ret)}`, chosen: true };
        return;
      case 'mmap':
      case 'mmap2':
      case 'mremap':
        if (ret > 0x10000) this.answered(call, ret);
        return;
      case 'munmap':
      case 'mprotect':
      case 'madvise': {
        const addr = parseRegister(args[0] ?? '');
        if (typeof addr !== 'number' || addr < 0x10000) return;
        const what = `${name} of ${hex(addr)}`;
        if (ret === 0) {
          this.address({ value: addr, line, what, chosen: false });
          if (addr % 65536 !== 0) this.page(addr, line, `${what} succeeds`);
        } else if (call.errno === 22 && addr % 4096 === 0 && addr % 65536 !== 0 && name !== 'madvise') {
          const size = addr % 16384 !== 0 ? 16384 : 65536;
          this.largePages ??= clue(size, line, `${what} is refused as not aligned`);
        }
        return;
      }
      default:
        return;
    }
  }

  /** An offset of whole 4 KiB that is refused: pages are larger. */
  private refusedOffset({ args, line }: Call): void {
    const off = parseRegister(args[5] ?? '');
    if (typeof off !== 'number' || off === 0 || off % 4096 !== 0 || off % 65536 === 0) return;
    const size = off % 16384 !== 0 ? 16384 : 65536;
    this.largePages ??= clue(size, line, `mmap of offset ${hex(off)} is refused as not aligned`);
  }

  /** Flags that only the headers of one machine have. */
  private flags({ args, line }: Call): void {
    if (/\bMAP_32BIT\b/.test(args[3] ?? '') && !this.telling.has('x86-64'))
      this.telling.set('x86-64', clue('MAP_32BIT', line, 'MAP_32BIT, a flag of x86-64'));
  }

  private answered(call: Call, ret: number): void {
    this.answers++;
    const { line, name, args } = call;
    // A hint that was not taken leaves the choice to the kernel.
    const hinted = name === 'mremap' ? args[4] !== undefined : parseRegister(args[0] ?? '') === ret;
    const flags = name === 'mremap' ? 0 : (parseMapFlags(args[3] ?? '') ?? 0);
    const chosen = !hinted && (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) === 0;
    this.address({ value: ret, line, what: `${name} answers ${hex(ret)}`, chosen });
    this.page(ret, line, `${name} answers ${hex(ret)}`);
  }

  private page(value: number, line: number, what: string): void {
    const size = alignmentOf(value);
    if (this.smallPages === null || size < this.smallPages.value) this.smallPages = clue(size, line, what);
  }

  private address(found: AddressClue): void {
    if (found.value >= 2 ** 57) return;
    if (found.chosen && (this.highestChosen === null || found.value > this.highestChosen.value))
      this.highestChosen = found;
    if (this.highestAny === null || found.value > this.highestAny.value) this.highestAny = found;
  }
}

function clue<T>(value: T, line: number, what: string): Clue<T> {
  return { value, line, what };
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
