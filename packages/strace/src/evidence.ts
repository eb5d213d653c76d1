// What a log or a map shows about the machine that made it, as data: each piece with the line and what was read there.
// Nothing is decided here. The pieces may contradict each other: a compiler reads libraries of other machines.

import {
  EM_386,
  EM_AARCH64,
  EM_ARM,
  EM_RISCV,
  EM_X86_64,
  ELFCLASS32,
  ELFCLASS64,
  ELFDATA2MSB,
  EI_CLASS,
  EI_DATA,
  shortText,
} from '@vmarea/uapi';
import { callOrigin, type Machine } from './calls.ts';
import { type Call } from './events.ts';
import { parseRegister, parseText } from './parse/args.ts';

/** What a piece of evidence rests on. */
export type EvidenceKind =
  /** A call that only some machines have, or a call on which their C libraries differ. */
  | 'call'
  /** A path that belongs to a machine: `/lib/aarch64-linux-gnu/`, `ld-linux-armhf.so.3`. */
  | 'path'
  /** The header of an ELF file that was read. */
  | 'elf'
  /** A message of strace: the process runs in 32-bit mode. */
  | 'mode'
  /** An address that the kernel chose, or that is mapped. `value` is the highest byte of it that is known. */
  | 'address'
  /** A pointer of execve: it lies on the stack of the program that called it. `value` is the pointer. */
  | 'pointer'
  /** An area named [stack]. `value` is its end. */
  | 'stack'
  /** Addresses that the kernel chose or accepted are multiples of `value` and no more: a page has at most that. */
  | 'alignment'
  /** An address with no other fault was refused with EINVAL: a page has more than `value` bytes. */
  | 'refusal';

/** One thing that was read. */
export interface MachineEvidence {
  readonly kind: EvidenceKind;
  /** Where, from 1. */
  readonly line: number;
  /** What was read: short, on one line, escaped. */
  readonly read: string;
  /** Machines that it fits; empty when it says nothing about that. */
  readonly fits: readonly Machine[];
  /** Width of registers that it shows; 0 when it does not. */
  readonly bits: 0 | 32 | 64;
  /** 3: the loader or the kernel said so; 2: hard to explain otherwise; 1: a hint. */
  readonly strength: 1 | 2 | 3;
  /** An address or a size in bytes, as the kind says; 0 for kinds without one. */
  readonly value: number;
}

/** Pieces of one kind that are kept: more of the same say nothing more. */
const KEPT = 8;

/** Parts of paths, and whose they are. */
const PATHS: readonly (readonly [RegExp, readonly Machine[], 0 | 32 | 64, 1 | 2 | 3])[] = [
  [/ld-linux-aarch64|ld-musl-aarch64/, ['arm64'], 64, 3],
  [/ld-linux-x86-64|ld-musl-x86_64/, ['x86_64'], 64, 3],
  [/ld-linux-armhf|ld-musl-arm(?:hf)?\.so|ld-linux\.so\.3/, ['arm'], 32, 3],
  [/ld-musl-i386|\/ld-linux\.so\.2$/, ['i386'], 32, 3],
  [/ld-linux-riscv64|ld-musl-riscv64/, ['riscv64'], 64, 3],
  [
    /aarch64-linux-(?:gnu|musl|android)|\/(?:lib|oat)\/arm64(?:-v8a)?\/|\/hwcaps\/aarch64|glibc-hwcaps\/aarch64/,
    ['arm64'],
    64,
    2,
  ],
  [/x86_64-linux-(?:gnu|musl|android)|glibc-hwcaps\/x86-64|\/(?:lib|oat)\/x86_64\//, ['x86_64'], 64, 2],
  [/arm-linux-(?:gnueabi|musleabi|android)|armv[67]l|armeabi|\/oat\/arm\/|\/lib\/arm\//, ['arm'], 32, 2],
  [/i[3-6]86-linux-(?:gnu|musl|android)|\/(?:lib|oat)\/x86\//, ['i386'], 32, 2],
  [/riscv64-linux-(?:gnu|musl)/, ['riscv64'], 64, 2],
  [
    /^\/system\/lib64\/|^\/vendor\/lib64\/|^\/system\/bin\/linker64|^\/apex\/[^/]+\/lib64\//,
    ['arm64', 'x86_64', 'riscv64'],
    64,
    1,
  ],
  [/^\/lib64\/|^\/usr\/lib64\//, ['arm64', 'x86_64', 'riscv64'], 64, 1],
];

/** What a path says of the machine; null for one that says nothing. */
function ofPath(path: string, line: number): MachineEvidence | null {
  const probed = path.slice(0, 1024);
  for (const [pattern, fits, bits, strength] of PATHS) {
    if (pattern.test(probed)) return { kind: 'path', line, read: shortText(path, 80), fits, bits, strength, value: 0 };
  }
  return null;
}

const ELF_MACHINES: ReadonlyMap<number, readonly [Machine, string]> = new Map([
  [EM_AARCH64, ['arm64', 'EM_AARCH64']],
  [EM_X86_64, ['x86_64', 'EM_X86_64']],
  [EM_386, ['i386', 'EM_386']],
  [EM_ARM, ['arm', 'EM_ARM']],
  [EM_RISCV, ['riscv64', 'EM_RISCV']],
]);

/** Sizes of the first read of loaders: glibc of 64 and of 32 bits, musl, bionic. */
const LOADER_READS: ReadonlySet<number> = new Set([832, 512, 960, 936, 1024, 64, 52]);

/** What the beginning of an ELF file says; null for other bytes, and for fewer than 20 of them. */
function ofElf(bytes: string, asked: number, call: string, line: number): MachineEvidence | null {
  if (bytes.length < 20 || !bytes.startsWith('\u007fELF')) return null;
  const at = (i: number): number => bytes.charCodeAt(i);
  const machine = at(EI_DATA) === ELFDATA2MSB ? at(18) * 256 + at(19) : at(18) + at(19) * 256;
  const bits = at(EI_CLASS) === ELFCLASS64 ? 64 : at(EI_CLASS) === ELFCLASS32 ? 32 : 0;
  const known = ELF_MACHINES.get(machine);
  return {
    kind: 'elf',
    line,
    read: `${call} of an ELF header: e_machine ${machine}${known ? ` (${known[1]})` : ''}`,
    fits: known ? [known[0]] : [],
    bits,
    strength: LOADER_READS.has(asked) ? 3 : 1,
    value: 0,
  };
}

/** Machines that give addresses as high as this one, judged by its upper bits. */
function ofAddress(address: number): Pick<MachineEvidence, 'fits' | 'bits' | 'strength'> {
  if (address < 2 ** 32) return { fits: [], bits: 0, strength: 1 };
  const top = Math.floor(address / 2 ** 40);
  // 48 bits of address: arm64 maps below 0xffff… and puts programs at 0xaaaa….
  if (top >= 0x80) return { fits: ['arm64'], bits: 64, strength: 2 };
  // 39 bits: arm64 of phones and of the Raspberry Pi, and riscv64's smallest.
  if (address < 2 ** 39) return { fits: ['arm64', 'riscv64', 'x86_64'], bits: 64, strength: 1 };
  // 47 bits: x86_64, and arm64 with pages of 16 KiB.
  return { fits: top >= 0x55 ? ['x86_64', 'arm64'] : [], bits: 64, strength: 1 };
}

/** The largest power of two up to 64 KiB that divides an address. */
function alignmentOf(address: number): number {
  const low = address % 65536;
  return low === 0 ? 65536 : low & -low;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

/** Collects what a log shows. {@link LogParser} feeds it. */
export class EvidenceCollector {
  readonly #kept: MachineEvidence[] = [];
  readonly #counts = new Map<string, number>();
  #highest: MachineEvidence | null = null;
  #alignment: MachineEvidence | null = null;

  /** Everything so far, in the order of the log; the highest address and the smallest alignment come last. */
  list(): readonly MachineEvidence[] {
    const last = [this.#highest, this.#alignment].filter((piece) => piece !== null);
    return [...this.#kept, ...last];
  }

  #add(piece: MachineEvidence, key: string = piece.kind + piece.fits.join()): void {
    const count = this.#counts.get(key) ?? 0;
    if (count >= (piece.kind === 'call' ? KEPT : 2)) return;
    this.#counts.set(key, count + 1);
    this.#kept.push(piece);
  }

  /** A call's name, at its first appearance. */
  call(name: string, line: number): void {
    const origin = callOrigin(name);
    if (origin === undefined) return;
    const one = origin.machines.length === 1;
    this.#add({
      kind: 'call',
      line,
      read: name,
      fits: origin.machines,
      bits: origin.bits,
      strength: one || origin.bits === 32 ? 3 : 2,
      value: 0,
    });
  }

  /** A message of strace about itself. */
  note(text: string, line: number): void {
    const mode = /runs in (32|64|x32) bit mode/.exec(text);
    if (mode === null) return;
    const bits = mode[1] === '32' ? 32 : 64;
    this.#add({ kind: 'mode', line, read: shortText(text, 80), fits: [], bits, strength: 3, value: 0 }, `mode${bits}`);
  }

  /** A call that returned. */
  returned(call: Call): void {
    switch (call.name) {
      case 'mmap':
      case 'mmap2':
      case 'brk':
      case 'mremap':
      case 'shmat':
        if (call.ret !== null && call.ret >= 0x10000) this.#address(call, call.ret);
        return;
      case 'munmap':
      case 'mprotect':
        this.#range(call);
        return;
      case 'execve':
        this.#exec(call);
        return;
      case 'open':
      case 'openat':
      case 'access':
      case 'faccessat':
      case 'readlink':
      case 'readlinkat':
        this.#path(call);
        return;
      case 'read':
      case 'pread64':
        if (call.args[1]?.startsWith('"\\177ELF') === true || call.args[1]?.startsWith('"\\x7f\\x45') === true)
          this.#elf(call);
        return;
      default:
    }
  }

  #address(call: Call, address: number): void {
    const where = `${call.name} returned ${hex(address)}`;
    if (this.#highest === null || address > this.#highest.value) {
      this.#highest = { kind: 'address', line: call.line, read: where, ...ofAddress(address), value: address };
    }
    if (call.name === 'brk') {
      // The first break lies where the program was put; later ones say the same.
      if (call.args[0] === 'NULL' || call.args[0] === '0')
        this.#add({ kind: 'address', line: call.line, read: where, ...ofAddress(address), value: address }, 'brk');
      return;
    }
    this.#aligned(address, where, call.line);
  }

  #aligned(address: number, where: string, line: number): void {
    const value = alignmentOf(address);
    if (value < 4096 || (this.#alignment !== null && value >= this.#alignment.value)) return;
    this.#alignment = { kind: 'alignment', line, read: where, fits: [], bits: 0, strength: 2, value };
  }

  #range(call: Call): void {
    const address = parseRegister(call.args[0] ?? '');
    const length = parseRegister(call.args[1] ?? '');
    if (typeof address !== 'number' || typeof length !== 'number' || address <= 0 || length <= 0) return;
    const where = `${call.name}(${hex(address)}, ${length})`;
    if (call.ret === 0) this.#aligned(address, `${where} succeeded`, call.line);
    else if (call.errno === 22 && call.name === 'mprotect' && /^PROT_[A-Z|_]+$/.test(call.args[2] ?? '')) {
      const value = alignmentOf(address);
      if (value < 4096 || value >= 65536 || (call.args[2] ?? '').includes('GROWS')) return;
      const read = `${where} failed with EINVAL`;
      this.#add({ kind: 'refusal', line: call.line, read, fits: [], bits: 0, strength: 2, value }, `refusal${value}`);
    }
  }

  #exec(call: Call): void {
    const pointer = parseRegister(call.args[2] ?? '');
    if (typeof pointer === 'number' && pointer >= 0x10000) {
      const read = `execve with its environment at ${hex(pointer)}`;
      this.#add({ kind: 'pointer', line: call.line, read, ...ofAddress(pointer), value: pointer }, 'pointer');
    }
    if (call.ret === 0) this.#path(call);
  }

  #path(call: Call): void {
    const at = call.name.endsWith('at') ? 1 : 0;
    const text = call.args[at];
    if (text?.charCodeAt(0) !== 34) return;
    if (text.startsWith('"/etc/ld.so.preload"')) {
      // The loader of glibc asks with the oldest call that its machine has.
      const modern = call.name === 'faccessat';
      const fits: readonly Machine[] = modern ? ['arm64', 'riscv64'] : ['x86_64', 'i386', 'arm'];
      const read = `${call.name} of /etc/ld.so.preload`;
      this.#add({ kind: 'call', line: call.line, read, fits, bits: 0, strength: 3, value: 0 }, 'preload');
      return;
    }
    // What is not there may have been looked for on the way to what is.
    if (call.failed && !text.includes('hwcaps')) return;
    const piece = ofPath(parseText(text.length > 4096 ? `${text.slice(0, 4096)}"` : text)?.value ?? '', call.line);
    if (piece !== null) this.#add(piece);
  }

  #elf(call: Call): void {
    const text = call.args[1]!;
    const bytes = parseText(text.length > 4096 ? `${text.slice(0, 4000)}"` : text, true)?.value ?? '';
    const asked = parseRegister(call.args[2] ?? '');
    const piece = ofElf(bytes, typeof asked === 'number' ? asked : 0, call.name, call.line);
    if (piece !== null) this.#add(piece, `elf${piece.read}`);
  }
}

/** What a map needs to have to be looked at. */
export interface MappedRange {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

/** What the lines of a map show: paths, the highest address, the stack, how addresses are aligned. Lines count from 1. */
export function evidenceOfMap(lines: readonly MappedRange[]): readonly MachineEvidence[] {
  const found: MachineEvidence[] = [];
  const seen = new Set<string>();
  let highest: MachineEvidence | null = null;
  let alignment: MachineEvidence | null = null;
  for (const [i, { start, end, name }] of lines.entries()) {
    const line = i + 1;
    const read = shortText(`${hex(start)}-${hex(end)} ${name}`.trim(), 80);
    if (name === '[vsyscall]' && start >= 2 ** 63) {
      found.push({ kind: 'address', line, read, fits: ['x86_64'], bits: 64, strength: 3, value: 0 });
      continue;
    }
    if (name === '[stack]') found.push({ kind: 'stack', line, read, ...ofAddress(end - 1), value: end });
    if (name === '[vectors]' || name === '[sigpage]')
      found.push({ kind: 'address', line, read, fits: ['arm'], bits: 32, strength: 3, value: 0 });
    if (highest === null || end - 1 > highest.value)
      highest = { kind: 'address', line, read, ...ofAddress(end - 1), value: end - 1 };
    for (const edge of [start, end]) {
      const value = alignmentOf(edge);
      if (value >= 4096 && (alignment === null || value < alignment.value))
        alignment = { kind: 'alignment', line, read, fits: [], bits: 0, strength: 3, value };
    }
    const piece = name.startsWith('/') ? ofPath(name, line) : null;
    if (piece === null || seen.has(piece.fits.join())) continue;
    seen.add(piece.fits.join());
    found.push(piece);
  }
  return [...found, ...[highest, alignment].filter((piece) => piece !== null)];
}
