/**
 * Whether the loaders can map an ELF file where pages have a given size, and the call that fails where they cannot. Headers in, data
 * out; it maps nothing.
 *
 * Rules: Linux fs/binfmt_elf.c (elf_map); glibc elf/dl-load.c (_dl_map_object_from_fd) and dl-reloc.c
 * (_dl_protect_relro); bionic linker/linker_phdr.cpp (CheckProgramHeaderAlignment, _phdr_table_set_gnu_relro_prot).
 */
import type { ElfHeaders } from '@vmarea/replay';
import { ET_EXEC, PT_GNU_RELRO, PT_LOAD } from '@vmarea/uapi';

/** `fails`: the file is not loaded, or runs into a signal. `weaker`: it is loaded, and less is protected than was linked for. */
export type FitsPages = 'fits' | 'weaker' | 'fails';

/** Who maps it. */
export type LoaderName = 'kernel' | 'glibc' | 'bionic';

/** Something that does not fit. */
export interface PageProblem {
  readonly kind: Exclude<FitsPages, 'fits'>;
  /** Which program header, counted from 0 as `readelf -l` lists them. */
  readonly header: number;
  readonly sentence: string;
  /** The call that fails or does harm, as strace would print it; empty when the loader refuses before any call. */
  readonly call: string;
}

/** What one loader makes of the file. */
export interface LoaderVerdict {
  readonly loader: LoaderName;
  readonly verdict: FitsPages;
  readonly problems: readonly PageProblem[];
}

type Header = ElfHeaders['phdrs'][number];

interface Segment {
  readonly index: number;
  readonly header: Header;
}

const hex = (value: number): string => `0x${value.toString(16)}`;
const PF = [
  [4, 'PROT_READ'],
  [2, 'PROT_WRITE'],
  [1, 'PROT_EXEC'],
] as const;

function protOf({ flags }: Header): string {
  const words = PF.flatMap(([bit, name]) => ((flags & bit) === 0 ? [] : [name]));
  return words.length === 0 ? 'PROT_NONE' : words.join('|');
}

function down(value: number, page: number): number {
  return value - (value % page);
}

function up(value: number, page: number): number {
  return down(value + page - 1, page);
}

/** An address of the file as it is mapped: programs with addresses of their own have them, others are moved. */
function place(elf: ElfHeaders, address: number): string {
  return elf.type === ET_EXEC ? hex(address) : `base+${hex(address)}`;
}

/** The mmap that maps a segment. Its offset is what address and offset in the file make it. */
function mapCall(elf: ElfHeaders, header: Header, page: number): string {
  const slack = header.vaddr % page;
  const length = header.filesz + slack;
  const offset = header.offset - slack;
  const at = place(elf, header.vaddr - slack);
  return `mmap(${at}, ${length}, ${protOf(header)}, MAP_PRIVATE|MAP_FIXED, FD, ${offset < 0 ? `-${hex(-offset)}` : hex(offset)})`;
}

function loadsOf(elf: ElfHeaders): Segment[] {
  return elf.phdrs.map((header, index) => ({ index, header })).filter(({ header }) => header.type === PT_LOAD);
}

/** Segments whose place in the file and in memory are not the same within a page: mmap takes whole pages of both. */
function misplaced(elf: ElfHeaders, page: number): PageProblem[] {
  return loadsOf(elf)
    .filter(({ header }) => header.filesz > 0 && (header.vaddr - header.offset) % page !== 0)
    .map(({ index, header }) => ({
      kind: 'fails' as const,
      header: index,
      sentence: `segment ${index} lies at ${hex(header.vaddr % page)} of a page in memory and at ${hex(header.offset % page)} of a page in the file`,
      call: `${mapCall(elf, header, page)} = -1 EINVAL`,
    }));
}

/** Segments that begin in a page in which the one before ends: the later mapping replaces the page. */
function sharedPages(elf: ElfHeaders, page: number): PageProblem[] {
  const loads = loadsOf(elf).filter(({ header }) => header.memsz > 0);
  const found: PageProblem[] = [];
  for (let i = 1; i < loads.length; i++) {
    const [before, after] = [loads[i - 1]!.header, loads[i]!.header];
    const start = down(after.vaddr, page);
    if (up(before.vaddr + before.memsz, page) <= start) continue;
    const lost = before.flags & ~after.flags & 7;
    const moved = before.vaddr - before.offset !== after.vaddr - after.offset;
    if (lost === 0 && !moved) continue;
    const rights = PF.filter(([bit]) => (lost & bit) !== 0).map(([, name]) => name);
    const what = moved
      ? `replaces the last ${before.vaddr + before.memsz - start} bytes of segment ${loads[i - 1]!.index} with other bytes of the file`
      : `takes ${rights.join(' and ')} from the last ${before.vaddr + before.memsz - start} bytes of segment ${loads[i - 1]!.index}`;
    found.push({
      kind: 'fails',
      header: loads[i]!.index,
      sentence: `segment ${loads[i]!.index} begins in a page that segment ${loads[i - 1]!.index} ends in: mapping it ${what}, and the first use of them is SIGSEGV or reads something else`,
      call: mapCall(elf, after, page),
    });
  }
  return found;
}

function kernel(elf: ElfHeaders, page: number): PageProblem[] {
  const wrong = misplaced(elf, page).map((problem) => ({
    ...problem,
    sentence: `${problem.sentence}: execve has given up the old program by then, and ends the process with SIGSEGV`,
  }));
  return wrong.length > 0 ? wrong : sharedPages(elf, page);
}

/** What glibc says instead of mapping: it looks at p_align first. */
function glibc(elf: ElfHeaders, page: number): PageProblem[] {
  for (const { index, header } of loadsOf(elf)) {
    if (header.align % page !== 0)
      return [
        {
          kind: 'fails',
          header: index,
          sentence: `segment ${index} is aligned to ${hex(header.align)}: «ELF load command alignment not page-aligned», before any mmap`,
          call: '',
        },
      ];
    if (header.align > 0 && (header.vaddr - header.offset) % header.align !== 0)
      return [
        {
          kind: 'fails',
          header: index,
          sentence: `segment ${index}: «ELF load command address/offset not properly aligned», before any mmap`,
          call: '',
        },
      ];
  }
  const shared = sharedPages(elf, page);
  return shared.length > 0 ? shared : weakRelro(elf, page);
}

/** glibc rounds the end of RELRO down: what lies behind the last whole page stays writable. */
function weakRelro(elf: ElfHeaders, page: number): PageProblem[] {
  return elf.phdrs.flatMap((header, index) => {
    if (header.type !== PT_GNU_RELRO || header.memsz === 0) return [];
    const start = down(header.vaddr, page);
    const end = down(header.vaddr + header.memsz, page);
    const left = header.vaddr + header.memsz - Math.max(end, header.vaddr);
    if (left === 0) return [];
    const range = end > start ? `mprotect(${place(elf, start)}, ${end - start}, PROT_READ)` : '';
    return [
      {
        kind: 'weaker' as const,
        header: index,
        sentence: `RELRO ends at ${hex(header.vaddr + header.memsz)}, no border of a page: its last ${left} bytes stay writable${range === '' ? ', which is all of it' : ''}`,
        call: range,
      },
    ];
  });
}

/** Android 15 and later refuse; before, segments were mapped rounded, with other bytes. */
function bionic(elf: ElfHeaders, page: number): PageProblem[] {
  const low = loadsOf(elf).find(({ header }) => header.align > 1 && header.align < page);
  if (low !== undefined)
    return [
      {
        kind: 'fails',
        header: low.index,
        sentence: `segment ${low.index} is aligned to ${low.header.align}: «program alignment (${low.header.align}) cannot be smaller than system page size (${page})», before any mmap (Android 15 and later; without the 16 KiB compatibility mode)`,
        call: '',
      },
    ];
  const wrong = [...misplaced(elf, page), ...sharedPages(elf, page)];
  return wrong.length > 0 ? wrong : wideRelro(elf, page);
}

/** bionic rounds the end of RELRO up: data behind it becomes read-only as well. */
function wideRelro(elf: ElfHeaders, page: number): PageProblem[] {
  return elf.phdrs.flatMap((header, index) => {
    if (header.type !== PT_GNU_RELRO || header.memsz === 0) return [];
    const start = down(header.vaddr, page);
    const relroEnd = header.vaddr + header.memsz;
    const end = up(relroEnd, page);
    const behind = loadsOf(elf)
      .filter(({ header: load }) => (load.flags & 2) !== 0 && load.vaddr < end && load.vaddr + load.memsz > relroEnd)
      .reduce(
        (sum, { header: load }) => sum + Math.min(end, load.vaddr + load.memsz) - Math.max(relroEnd, load.vaddr),
        0,
      );
    if (behind === 0) return [];
    return [
      {
        kind: 'fails' as const,
        header: index,
        sentence: `RELRO ends at ${hex(relroEnd)}, no border of a page: ${behind} bytes of writable data behind it become read-only, and the first store there is SIGSEGV`,
        call: `mprotect(${place(elf, start)}, ${end - start}, PROT_READ)`,
      },
    ];
  });
}

const LOADERS: Readonly<Record<LoaderName, (elf: ElfHeaders, page: number) => PageProblem[]>> = {
  kernel,
  glibc,
  bionic,
};

/** What each loader makes of a file where pages have `page` bytes. */
export function checkPages(elf: ElfHeaders, page: number): LoaderVerdict[] {
  return (Object.keys(LOADERS) as LoaderName[]).map((loader) => {
    const problems = LOADERS[loader](elf, page);
    const verdict = problems.some(({ kind }) => kind === 'fails') ? 'fails' : problems.length > 0 ? 'weaker' : 'fits';
    return { loader, verdict, problems };
  });
}
