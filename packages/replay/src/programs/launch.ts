/**
 * Exec in a replay: finds the headers and the random displacements. The kernel package's execve maps the program.
 *
 * The displacements of a randomised program are not in a log, but follow from its first answers: the first address that mmap
 * chose gives that of the mmap area (and so of loader and vdso), the first break that of the heap, the loader's mprotect of the
 * program's relocated data that of the program. Each is computed by comparing with an exec without displacement.
 */
import { createMm, pickMmapLayout, type Arch, type Mm } from '@vmarea/mm-core';
import { beginNewExec, TaskCaller, type ElfImage, type ExecLayout, type ExecRandom } from '@vmarea/kernel';
import type { Call, MapsLine, Op } from '@vmarea/strace';
import {
  ET_DYN,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_PRIVATE,
  PROT_NONE,
  PT_GNU_RELRO,
  PT_LOAD,
  type KernelProfile,
} from '@vmarea/uapi';
import { machineName, type ElfHeaders } from './elf.ts';
import type { Process } from '../process/process.ts';
import type { ProgramSource } from './programs.ts';
import type { RecordedFiles } from '../process/recorded-files.ts';

/** A program to run. */
export interface Program {
  /** Its path in maps. */
  readonly path: string;
  readonly elf: ElfHeaders;
  readonly interpreterPath: string;
  readonly interpreter: ElfHeaders | null;
}

/** The first answers after an exec. Numbers are -1 before they are known. */
export interface PendingExec {
  readonly program: Program;
  readonly line: number;
  /** The first break. */
  firstBrk: number;
  /** The first address that mmap chose freely, and the requested bytes. */
  firstMmap: number;
  firstMmapLen: number;
  /** It tells the displacement to the page, not only to a huge page. */
  firstMmapExact: boolean;
  /** Load bias of the program. */
  bias: number;
  /** Whether the program's address is random. */
  readonly movable: boolean;
}

/**
 * Why a program cannot be laid out, as a sentence; or the program.
 *
 * @param machine EM_ constant of the programs that run here; 0: any
 */
export function findProgram(source: ProgramSource, path: string, machine: number): Program | string {
  let at = path;
  let elf = source.headers(at);
  // The kernel follows at most four scripts.
  for (let depth = 0; elf === null && depth < 5; depth++) {
    const next = source.script?.(at) ?? null;
    if (next === null) break;
    at = next;
    elf = source.headers(at);
  }
  if (elf === null) return `there are no ELF headers of ${at} (--elf, --sysroot)`;
  if (elf.bits === 32) {
    return `${at} is a 32-bit program (${machineName(elf.machine)}), and 32-bit programs are out of scope`;
  }
  if (machine !== 0 && elf.machine !== machine) {
    return `${at} is a program for ${machineName(elf.machine)}, not for the ${machineName(machine)} of this replay`;
  }
  if (elf.interp === null) return { path: source.resolve(at), elf, interpreterPath: '', interpreter: null };
  const interpreter = source.headers(elf.interp);
  if (interpreter === null) return `there are no ELF headers of ${elf.interp}, the loader of ${at} (--elf, --sysroot)`;
  return { path: source.resolve(at), elf, interpreterPath: source.resolve(elf.interp), interpreter };
}

/** A program's base is rounded down to the alignment of its segments, which is unknown; this is its upper bound. */
const ALIGN_SLACK = 2 ** 30;

/** Starts to collect the answers after an exec. */
export function pendingExec(program: Program, line: number): PendingExec {
  const movable = program.elf.type === ET_DYN && program.interpreter !== null;
  return {
    program,
    line,
    firstBrk: -1,
    firstMmap: -1,
    firstMmapLen: 0,
    firstMmapExact: false,
    bias: movable ? -1 : 0,
    movable,
  };
}

/** Returns whether the first answers give no more displacements. */
export function isFixed(exec: PendingExec): boolean {
  return exec.firstBrk >= 0 && exec.firstMmap >= 0 && exec.firstMmapExact && exec.bias >= 0;
}

/** Reads one call after an exec. */
export function learn(exec: PendingExec, call: Call, op: Op, arch: Arch): void {
  const { pageSize } = arch;
  const { ret } = call;
  if (ret === null || ret < 0) return;
  if (op.op === 'brk') {
    if (op.addr === 0 && exec.firstBrk < 0) exec.firstBrk = ret;
  } else if (op.op === 'mmap') {
    const fixed = (op.flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0;
    if (fixed || op.addr !== 0 || exec.firstMmapExact) return;
    const len = Number(op.len);
    const anonymous = (op.flags & MAP_ANONYMOUS) !== 0;
    // Such lengths may be placed at huge pages.
    const exact = anonymous ? len % arch.pmdSize !== 0 : len < arch.pmdSize;
    if (!exact && (!anonymous || exec.firstMmap >= 0)) return;
    exec.firstMmap = ret;
    exec.firstMmapLen = len;
    exec.firstMmapExact = exact;
  } else if (op.op === 'mprotect' && exec.bias < 0) {
    const relro = exec.program.elf.phdrs.find((p) => p.type === PT_GNU_RELRO);
    if (relro === undefined) return;
    const start = Math.floor(relro.vaddr / pageSize) * pageSize;
    const end = Math.floor((relro.vaddr + relro.memsz) / pageSize) * pageSize;
    const bias = Number(op.addr) - start;
    // A library's data is protected by the same kind of call, but at an address where no program is placed.
    const low = arch.elfEtDynBase - ALIGN_SLACK;
    const high = arch.elfEtDynBase + mostRandom(arch);
    if (Number(op.len) === end - start && bias >= low && bias <= high) exec.bias = bias;
  }
}

/** Returns the bias of a program in a map, or -1: from the line of its first segment. */
export function biasInMap(lines: readonly MapsLine[], program: Program, pageSize: number): number {
  const first = program.elf.phdrs.find((p) => p.type === PT_LOAD);
  if (first === undefined) return -1;
  const offset = Math.floor(first.offset / pageSize) * pageSize;
  const line = lines.find((l) => l.name === program.path && l.offset === offset);
  return line === undefined ? -1 : line.start - Math.floor(first.vaddr / pageSize) * pageSize;
}

/** Largest random displacement of the heap, behind a gap of one page. */
const BRK_RANGE = 2 ** 30;

/** Bytes of the largest random displacement of programs and of the mmap area: vm.mmap_rnd_bits has three bits less than an address. */
function mostRandom(arch: Arch): number {
  return arch.mapWindow / 8;
}

/**
 * How far a randomised program's stack is from the top, and [vvar] from the stack, where kernels put it there. No answer of
 * a log tells this.
 *
 * @param real the real map; null: not known. Then the stack is taken to be as far down as [vdso] needs room above it
 */
export function placeOfStack(
  real: readonly MapsLine[] | null,
  arch: Arch,
  profile: KernelProfile,
): Pick<ExecRandom, 'stack' | 'vdso'> {
  const { aboveStack } = arch.specialLayout(profile.layout.specialLayout);
  const stack = real?.find((line) => line.name === '[stack]');
  if (stack === undefined) return aboveStack ? { stack: arch.pmdSize, vdso: arch.pageSize } : { stack: 0 };
  const displaced = Math.max(0, arch.stackTop - stack.end);
  const vvar = real?.find((line) => line.name === '[vvar]' || line.name === '[vdso]');
  if (!aboveStack || vvar === undefined || vvar.start < stack.end) return { stack: displaced };
  return { stack: displaced, vdso: vvar.start - stack.end };
}

/**
 * The displacements that lead from an exec without any to what the first answers say. One that the kernel could not have
 * drawn is left out: the answer then differs from the one predicted.
 *
 * @param exec what the answers say
 * @param plain where things are without displacement
 * @param atZero where the first free mapping, and the break, would be without displacement
 * @param assumed what is taken where no answer tells, and what none does: the places of the stack and of [vdso] above it
 */
export function displacements(
  exec: PendingExec,
  plain: ExecLayout,
  atZero: { readonly mmap: number; readonly brk: number; readonly legacy: boolean },
  assumed: Pick<ExecRandom, 'stack' | 'vdso' | 'mmapBase'> & { readonly bias: number },
  arch: Arch,
): ExecRandom {
  const { pageSize } = arch;
  const most = mostRandom(arch);
  const drawn = (bytes: number, unit: number, limit: number): number =>
    bytes >= 0 && bytes <= limit && bytes % unit === 0 ? bytes : 0;
  let { mmapBase } = assumed;
  if (exec.firstMmap >= 0) {
    const moved = atZero.legacy ? exec.firstMmap - atZero.mmap : atZero.mmap - exec.firstMmap;
    mmapBase = drawn(moved, pageSize, most);
  }
  const gap = exec.firstBrk < 0 ? 0 : exec.firstBrk - atZero.brk;
  let program = 0;
  if (exec.movable) {
    const bias = exec.bias >= 0 ? exec.bias : assumed.bias;
    // Only their sum is known: all of it but the last megabytes is the program's.
    program = bias >= 0 ? drawn(bias - plain.loadBias, pageSize, most) : drawn(gap - (gap % 2 ** 24), pageSize, most);
  }
  // A heap that the program does not use is somewhere behind a gap.
  const brk = exec.firstBrk < 0 ? pageSize : drawn(gap - program, pageSize, BRK_RANGE + pageSize);
  return { stack: assumed.stack, vdso: assumed.vdso, mmapBase, program, brk };
}

/** Runs the kernel's exec for a process. Returns the layout, or a negative errno. */
export function execProgram(
  process: Process,
  program: Program,
  files: RecordedFiles,
  random: ExecRandom,
): ExecLayout | number {
  const file = files.openExec(program.path);
  const image: ElfImage = { file, type: program.elf.type, phdrs: program.elf.phdrs };
  let interpreter: ElfImage | undefined;
  if (program.interpreter !== null) {
    interpreter = {
      file: files.openExec(program.interpreterPath),
      type: program.interpreter.type,
      phdrs: program.interpreter.phdrs,
    };
  }
  const name = program.path.slice(program.path.lastIndexOf('/') + 1);
  const layout = process.task.sys.execve(image, { interpreter, random }, name);
  file.fput();
  interpreter?.file.fput();
  return layout;
}

/** Returns where an anonymous mapping of `len` bytes would be placed; nothing stays mapped. */
export function probeMmap(process: Process, len: number): number {
  const { sys } = process.task;
  const addr = sys.mmap(0, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (addr >= 0) sys.munmap(addr, len);
  return addr;
}

/** Creates an empty address space, for a program about which nothing is known. */
export function emptySpace(process: Process): Mm | null {
  const { task } = process;
  const old = task.cur;
  const mm = createMm(old.mm.system);
  if (mm === null) return null;
  const { call, cred, personality, files, fs } = old;
  const cur = new TaskCaller({ mm, call, rlimits: task.limits.view, cred, personality, files, fs });
  pickMmapLayout(cur, 0);
  beginNewExec(task, cur);
  return mm;
}
