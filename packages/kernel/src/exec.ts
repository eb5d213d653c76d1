/**
 * execve(2): maps the segments of program and interpreter, bss, heap start, [vvar] and [vdso], and stack.
 *
 * Takes program headers as data, so that a program's layout can be computed without the program. Not here: reading ELF files,
 * argument strings, the auxiliary vector. Mirrors load_elf_binary of fs/binfmt_elf.c and setup_arg_pages of fs/exec.c.
 */
import {
  doMseal,
  denyWriteAccess,
  doMunmap,
  expandStack,
  getUnmappedArea,
  insertVmStruct,
  installSpecialMapping,
  isErr,
  pickMmapLayout,
  vmBrk,
  vmDataDefaultFlags,
  vmGetPageProt,
  vmMmapPgoff,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_LOCKED,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYWRITE,
  VM_DONTDUMP,
  VM_IO,
  VM_PFNMAP,
  VM_READ,
  VM_ACCOUNT,
  type Caller,
  type SpecialMapping,
  type VmFile,
} from '@vmarea/mm-core';
import {
  ADDR_NO_RANDOMIZE,
  EINVAL,
  ENOEXEC,
  ENOMEM,
  ET_DYN,
  ET_EXEC,
  MAP_ANONYMOUS,
  MAP_DENYWRITE,
  MAP_EXECUTABLE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_PRIVATE,
  MMAP_PAGE_ZERO,
  PF_R,
  PF_W,
  PF_X,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  PT_GNU_STACK,
  PT_LOAD,
  READ_IMPLIES_EXEC,
} from '@vmarea/uapi';

/** A program header: addresses and sizes in bytes. */
export interface ElfProgramHeader {
  /** PT_ constant. */
  readonly type: number;
  /** PF_ bits. */
  readonly flags: number;
  readonly offset: number;
  readonly vaddr: number;
  readonly filesz: number;
  readonly memsz: number;
  readonly align: number;
}

/** An ELF file, as far as mapping it goes. */
export interface ElfImage {
  /** The file to map; the caller keeps its own reference. */
  readonly file: VmFile;
  /** ET_EXEC or ET_DYN. */
  readonly type: number;
  readonly phdrs: readonly ElfProgramHeader[];
}

/** The random displacements of one exec, in bytes; page multiples. All zero without randomisation. */
export interface ExecRandom {
  /** Subtracted from the top of the stack. */
  readonly stack: number;
  /** Subtracted from mmap_base (added in the legacy layout). */
  readonly mmapBase: number;
  /** Added to the base of an ET_DYN program. */
  readonly program: number;
  /** Added to the end of bss to get the start of the heap. */
  readonly brk: number;
  /** In kernels that place [vvar] above the stack: its distance from the stack's top. Without it, an address is searched as usual. */
  readonly vdso?: number | undefined;
}

/** No randomisation. */
export const NO_RANDOM: ExecRandom = { stack: 0, mmapBase: 0, program: 0, brk: 0 };

/** The options of exec. */
export interface ExecOptions {
  /** The dynamic loader that PT_INTERP names. */
  readonly interpreter?: ElfImage | undefined;
  /** Bytes of argument strings, environment, auxiliary vector and the like at the top of the stack. */
  readonly stackBytes?: number | undefined;
  /** Pages of [vdso]; by default the architecture's for this kernel version. */
  readonly vdsoPages?: number | undefined;
  /** The pages of [vvar] and [vdso]; without them an access raises SIGBUS. */
  readonly vvar?: SpecialMapping | undefined;
  readonly vdso?: SpecialMapping | undefined;
  /** Displacements, used only when the personality and randomize_va_space allow randomisation. */
  readonly random?: ExecRandom | undefined;
  /** Clears bytes of the new address space (behind the data in its last page); not needed without memory. */
  readonly clearUser?: ((addr: number, len: number) => void) | undefined;
}

/** The addresses after exec. */
export interface ExecLayout {
  /** Added to every address of the program. */
  readonly loadBias: number;
  /** Added to every address of the interpreter; 0 without one. */
  readonly interpreterBase: number;
  /** Address of [vvar]; [vdso] follows it, behind [vvar_vclock] where there is one. */
  readonly vvar: number;
  readonly vdso: number;
  /** The program's initial stack pointer. */
  readonly startStack: number;
}

/** PF_RANDOMIZE: returns whether exec randomises this caller's address space. */
export function isRandomized(cur: Caller): boolean {
  return (cur.personality & ADDR_NO_RANDOMIZE) === 0 && cur.mm.system.sysctl.randomizeVaSpace !== 0;
}

/** EXSTACK_: returns whether PT_GNU_STACK requests an executable stack; null without one. */
function executableStack(phdrs: readonly ElfProgramHeader[]): boolean | null {
  for (const p of phdrs) if (p.type === PT_GNU_STACK) return (p.flags & PF_X) !== 0;
  return null;
}

function protOf(p: ElfProgramHeader): number {
  return (
    ((p.flags & PF_R) !== 0 ? PROT_READ : 0) |
    ((p.flags & PF_W) !== 0 ? PROT_WRITE : 0) |
    ((p.flags & PF_X) !== 0 ? PROT_EXEC : 0)
  );
}

/**
 * Maps a program into the caller's empty address space.
 *
 * @param cur the caller; its Mm has no mappings yet, and its personality and limits apply
 * @returns the addresses, or a negative errno: the address space is then unusable
 */
export function loadElfBinary(cur: Caller, program: ElfImage, options: ExecOptions = {}): ExecLayout | number {
  const { mm } = cur;
  const { system } = mm;
  const { pageSize } = system;
  if (program.type !== ET_EXEC && program.type !== ET_DYN) return -ENOEXEC;
  const loads = program.phdrs.filter((p) => p.type === PT_LOAD);
  if (loads.length === 0) return -ENOEXEC;
  // Denies writing to the program while it runs; the denial ends with mm.exeFile.
  const denied = denyWriteAccess(program.file);
  if (denied !== 0) return denied;
  mm.exeFile = program.file.getFile();
  const stackExec = executableStack(program.phdrs);
  // 4.4 treats a program that does not request a stack without EXEC as one that was built without NX in mind.
  if (stackExec !== false && system.profile.layout.execReadImpliesExec) cur.personality |= READ_IMPLIES_EXEC;
  const random = isRandomized(cur) ? (options.random ?? NO_RANDOM) : NO_RANDOM;
  pickMmapLayout(cur, random.mmapBase);

  const stack = setupArgPages(cur, random.stack, stackExec, options.stackBytes ?? pageSize / 4);
  if (stack < 0) return stack;

  const loadBias = mapProgram(cur, program, loads, options, random.program);
  if (loadBias < 0) return loadBias;

  let interpreterBase = 0;
  if (options.interpreter !== undefined) {
    interpreterBase = mapInterpreter(cur, options.interpreter, options.clearUser);
    if (interpreterBase < 0) return interpreterBase;
  }

  const special = setupAdditionalPages(cur, options, random);
  if (typeof special === 'number') return special;

  // 6.1: a program without an interpreter (a static PIE, or a loader that runs as the program) is mapped by the ordinary search,
  // and gets a heap outside of the mmap area. 6.1.192, 6.12.117 and 6.18.44 do so without randomisation, too.
  if (system.profile.layout.elfAlignsToSegment && program.type === ET_DYN && options.interpreter === undefined) {
    mm.startBrk = pageAlign(system.arch.elfEtDynBase, pageSize);
    mm.brk = mm.startBrk;
  }
  if (isRandomized(cur) && system.sysctl.randomizeVaSpace > 1) {
    mm.startBrk += random.brk;
    mm.brk = mm.startBrk;
  }
  mm.startStack = stack;
  if ((cur.personality & MMAP_PAGE_ZERO) !== 0) {
    vmMmapPgoff(cur, null, 0, pageSize, PROT_READ | PROT_EXEC, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, 0);
    if (system.profile.layout.sealsPageZero) doMseal(cur, 0, pageSize, 0);
  }
  return { loadBias, interpreterBase, ...special, startStack: stack };
}

/**
 * setup_arg_pages: maps the stack, 128 KiB below the arguments (or as much as the limit allows).
 *
 * @returns the initial stack pointer, or a negative errno
 */
function setupArgPages(cur: Caller, randomBytes: number, stackExec: boolean | null, stackBytes: number): number {
  const { mm } = cur;
  const { system } = mm;
  const { pageSize, arch } = system;
  const top = arch.stackTop - Math.ceil(randomBytes / pageSize) * pageSize;
  // One page for the arguments, and more if they need it.
  const size = Math.max(1, Math.ceil(stackBytes / pageSize)) * pageSize;
  let flags = VM_GROWSDOWN | vmDataDefaultFlags(cur) | VM_ACCOUNT | (mm.defFlags & VM_LOCKED);
  if (stackExec === true) flags |= VM_EXEC;
  else if (stackExec === false) flags &= ~VM_EXEC;
  const vma = mm.vmas.allocVma();
  if (vma === null) return -ENOMEM;
  vma.vmStart = top - size;
  vma.vmEnd = top;
  vma.vmFlags = flags;
  vma.vmPageProt = vmGetPageProt(flags);
  const error = insertVmStruct(cur, vma);
  if (error < 0) {
    mm.vmas.release(vma.id);
    return error;
  }
  mm.totalVm += size / pageSize;
  mm.stackVm += size / pageSize;
  const limit = Math.floor(cur.rlimits.stack / pageSize) * pageSize;
  const expand = 131072;
  const base = size + expand > limit ? Math.max(top - limit, 0) : vma.vmStart - expand;
  if (base < vma.vmStart) {
    const grown = expandStack(cur, vma, base - (base % pageSize));
    if (grown < 0) return grown;
  }
  const startStack = top - stackBytes;
  mm.startStack = startStack - (startStack % 16);
  mm.argStart = mm.startStack;
  mm.envEnd = top;
  return mm.startStack;
}

/** ELF_PAGESTART and ELF_PAGEALIGN. */
const pageStart = (addr: number, pageSize: number): number => Math.floor(addr / pageSize) * pageSize;
const pageAlign = (addr: number, pageSize: number): number => Math.ceil(addr / pageSize) * pageSize;

/**
 * elf_map: maps one segment of the file. With `totalSize` it first reserves the whole span of the file, so that there is room
 * for the following segments. The parameters are the kernel's.
 *
 * @returns the address of the segment's first page, or a negative errno
 */
function elfMap(
  cur: Caller,
  file: VmFile,
  addr: number,
  p: ElfProgramHeader,
  flags: number,
  totalSize: number,
): number {
  const { pageSize } = cur.mm.system;
  const inPage = p.vaddr % pageSize;
  const size = pageAlign(p.filesz + inPage, pageSize);
  const start = pageStart(addr, pageSize);
  if (size === 0) return start;
  const pgoff = (p.offset - inPage) / pageSize;
  if (!Number.isInteger(pgoff)) return -EINVAL;
  if (totalSize === 0) return vmMmapPgoff(cur, file, start, size, protOf(p), flags, pgoff);
  const total = pageAlign(totalSize, pageSize);
  const mapped = vmMmapPgoff(cur, file, start, total, protOf(p), flags, pgoff);
  if (!isErr(mapped) && total > size) doMunmap(cur, mapped + size, total - size);
  return mapped;
}

/** total_mapping_size: returns the size from the first page of the first segment to the end of the last. */
function totalMappingSize(loads: readonly ElfProgramHeader[], pageSize: number): number {
  let low = Infinity;
  let high = 0;
  for (const p of loads) {
    low = Math.min(low, pageStart(p.vaddr, pageSize));
    high = Math.max(high, p.vaddr + p.memsz);
  }
  return high - low;
}

/**
 * Maps the program's segments and bss, and sets the heap start.
 *
 * @returns the load bias, or a negative errno
 */
function mapProgram(
  cur: Caller,
  program: ElfImage,
  loads: readonly ElfProgramHeader[],
  { interpreter, clearUser }: ExecOptions,
  randomBytes: number,
): number {
  const { mm } = cur;
  const { system } = mm;
  const { pageSize, profile } = system;
  let bias = 0;
  let brk = 0;
  let bss = 0;
  let brkProt = 0;
  let startCode = Infinity;
  let endCode = 0;
  let startData = 0;
  let endData = 0;
  let first = true;
  for (const p of loads) {
    // Maps the bss of an earlier segment before the next segment.
    if (brk > bss) {
      const error = setBrk(cur, bss + bias, brk + bias, brkProt);
      if (error < 0) return error;
      clearTail(cur, bss + bias, brk + bias, clearUser);
    }
    let flags = MAP_PRIVATE | MAP_DENYWRITE | MAP_EXECUTABLE;
    let totalSize = 0;
    if (!first) flags |= MAP_FIXED;
    else if (program.type === ET_EXEC) {
      flags |= profile.mmap.fixedNoreplace ? MAP_FIXED_NOREPLACE : MAP_FIXED;
    } else {
      bias = 0;
      if (interpreter !== undefined) {
        bias = system.arch.elfEtDynBase + randomBytes;
        if (profile.layout.elfAlignsToSegment) {
          const align = loads.reduce((max, q) => Math.max(max, isPowerOfTwo(q.align) ? q.align : 0), pageSize);
          bias = pageStart(bias, align);
        }
        flags |= profile.mmap.fixedNoreplace ? MAP_FIXED_NOREPLACE : MAP_FIXED;
      }
      bias = pageStart(bias - p.vaddr, pageSize);
      totalSize = totalMappingSize(loads, pageSize);
    }
    const mapped = elfMap(cur, program.file, bias + p.vaddr, p, flags, totalSize);
    if (isErr(mapped)) return mapped;
    if (first && program.type === ET_DYN) bias += mapped - pageStart(bias + p.vaddr, pageSize);
    first = false;
    const end = p.vaddr + p.filesz;
    if (!profile.layout.elfAlignsToSegment || (p.flags & PF_X) !== 0) startCode = Math.min(startCode, p.vaddr);
    startData = Math.max(startData, p.vaddr);
    if ((p.flags & PF_X) !== 0) endCode = Math.max(endCode, end);
    endData = Math.max(endData, end);
    bss = Math.max(bss, end);
    if (p.vaddr + p.memsz > brk) {
      brk = p.vaddr + p.memsz;
      brkProt = p.flags;
    }
  }
  const error = setBrk(cur, bss + bias, brk + bias, brkProt);
  if (error < 0) return error;
  if (brk > bss) clearTail(cur, bss + bias, brk + bias, clearUser);
  mm.startCode = startCode + bias;
  mm.endCode = endCode + bias;
  mm.startData = startData + bias;
  mm.endData = endData + bias;
  return bias;
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}

/** set_brk: maps anonymous memory for the whole pages of a bss; the heap begins behind it. */
function setBrk(cur: Caller, start: number, end: number, segmentFlags: number): number {
  const { mm } = cur;
  const { pageSize, profile } = mm.system;
  const from = pageAlign(start, pageSize);
  const to = pageAlign(end, pageSize);
  if (to > from) {
    const exec = profile.layout.elfAlignsToSegment && (segmentFlags & PF_X) !== 0 ? VM_EXEC : 0;
    const error = vmBrk(cur, from, to - from, exec);
    if (error < 0) return error;
  }
  mm.startBrk = to;
  mm.brk = to;
  return 0;
}

/**
 * padzero: clears the bytes of the file behind the data in the last page, which makes the page the process's own. Without
 * memory there is nothing to clear.
 */
function clearTail(cur: Caller, bss: number, brk: number, clear: ExecOptions['clearUser']): void {
  const { pageSize } = cur.mm.system;
  const inPage = bss % pageSize;
  if (inPage === 0 || brk <= bss) return;
  clear?.(bss, pageSize - inPage);
}

/**
 * load_elf_interp: maps the dynamic loader at an address of the ordinary search.
 *
 * @returns its load bias, or a negative errno
 */
function mapInterpreter(cur: Caller, image: ElfImage, clear: ExecOptions['clearUser']): number {
  const { pageSize } = cur.mm.system;
  const loads = image.phdrs.filter((p) => p.type === PT_LOAD);
  if (loads.length === 0) return -EINVAL;
  let bias = 0;
  let bss = 0;
  let last = 0;
  let first = true;
  for (const p of loads) {
    let flags = MAP_PRIVATE | MAP_DENYWRITE | MAP_EXECUTABLE;
    let totalSize = 0;
    if (image.type === ET_EXEC || !first) flags |= MAP_FIXED;
    else {
      bias = -p.vaddr;
      totalSize = totalMappingSize(loads, pageSize);
    }
    const mapped = elfMap(cur, image.file, bias + p.vaddr, p, flags, totalSize);
    if (isErr(mapped)) return mapped;
    if (first && image.type === ET_DYN) bias = mapped - pageStart(p.vaddr, pageSize);
    first = false;
    bss = Math.max(bss, p.vaddr + p.filesz + bias);
    last = Math.max(last, p.vaddr + p.memsz + bias);
  }
  clearTail(cur, bss, last, clear);
  const from = pageAlign(bss, pageSize);
  const to = pageAlign(last, pageSize);
  if (to > from) {
    const error = vmBrk(cur, from, to - from, 0);
    if (error < 0) return error;
  }
  return bias;
}

const EMPTY_VVAR: SpecialMapping = { name: '[vvar]', fault: null };
const EMPTY_VCLOCK: SpecialMapping = { name: '[vvar_vclock]', fault: null };
const EMPTY_VDSO: SpecialMapping = { name: '[vdso]', fault: null };

/**
 * arch_setup_additional_pages: maps [vvar], [vvar_vclock] if there is one, and [vdso], from low to high addresses.
 *
 * @returns their addresses, or a negative errno
 */
function setupAdditionalPages(
  cur: Caller,
  options: ExecOptions,
  random: ExecRandom,
): Pick<ExecLayout, 'vvar' | 'vdso'> | number {
  const { pageSize, profile, arch } = cur.mm.system;
  const layout = arch.specialLayout(profile.layout.specialLayout);
  const vdsoLen = (options.vdsoPages ?? Math.ceil(layout.vdsoBytes / pageSize)) * pageSize;
  const vvarLen = layout.vvarPages * pageSize;
  const vclockLen = layout.vclockPages * pageSize;
  const len = vvarLen + vclockLen + vdsoLen;
  const hint = layout.aboveStack && random.vdso !== undefined ? stackTopOf(cur) + random.vdso : 0;
  const vvar = getUnmappedArea(cur, null, hint, len, 0, 0);
  if (isErr(vvar)) return vvar;
  const pfn = profile.layout.specialMappingRefusesSplit ? VM_PFNMAP : 0;
  const vvarFlags = VM_READ | VM_MAYREAD | pfn | (layout.vvarIo ? VM_IO | VM_DONTDUMP : 0);
  const error = installSpecialMapping(cur, vvar, vvarLen, vvarFlags, options.vvar ?? EMPTY_VVAR);
  if (typeof error === 'number') return error;
  if (vclockLen > 0) {
    const clock = installSpecialMapping(cur, vvar + vvarLen, vclockLen, vvarFlags, EMPTY_VCLOCK);
    if (typeof clock === 'number') return clock;
  }
  const vdso = vvar + vvarLen + vclockLen;
  const flags = VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
  const code = installSpecialMapping(cur, vdso, vdsoLen, flags, options.vdso ?? EMPTY_VDSO);
  return typeof code === 'number' ? code : { vvar, vdso };
}

/** Returns the end of the stack of a program that exec is mapping. */
function stackTopOf(cur: Caller): number {
  return cur.mm.envEnd;
}

/** Sets up the Mm of a program without a file: only a layout and a stack (the first part of {@link loadElfBinary}). */
export function emptyLayout(cur: Caller, stackBytes: number = 0): number {
  pickMmapLayout(cur, 0);
  const stack = setupArgPages(cur, 0, false, stackBytes);
  return stack < 0 ? stack : 0;
}
