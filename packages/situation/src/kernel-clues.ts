/**
 * What a log or a map shows about the version of its kernel: calls, flags and places that only some profiles have. Each clue
 * is a question to a profile. Nothing is decided here: kernel.ts weighs the clues.
 */
import type { Arch } from '@vmarea/mm-core';
import type { Call, MapsLine } from '@vmarea/strace';
import {
  EEXIST,
  ENOSYS,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_PRIVATE,
  MAP_TYPE,
  parseMadvise,
  parseMapFlags,
  type KernelProfile,
} from '@vmarea/uapi';
import type { Clue } from './clues.ts';

/** Whether a kernel is one that would have made what was read. */
export type FitsKernel = (profile: KernelProfile) => boolean;

/** Something that was read, and the kernels that it fits. */
export type KernelClue = Clue<FitsKernel>;

/** Major and minor of a release as one number that can be compared: 6.12 is 6012. */
export function versionOf(release: string): number {
  const [major = 0, minor = 0] = release.split('.').map((part) => parseInt(part, 10) || 0);
  return major * 1000 + minor;
}

const since =
  (release: string): FitsKernel =>
  (profile) =>
    versionOf(profile.release) >= versionOf(release);

/** Calls, and the first release that has them. */
const CALLS_SINCE: ReadonlyMap<string, string> = new Map([
  ['pkey_mprotect', '4.9'],
  ['pkey_alloc', '4.9'],
  ['statx', '4.11'],
  ['rseq', '4.18'],
  ['io_uring_setup', '5.1'],
  ['pidfd_open', '5.3'],
  ['clone3', '5.3'],
  ['openat2', '5.6'],
  ['faccessat2', '5.8'],
  ['close_range', '5.9'],
  ['process_madvise', '5.10'],
  ['epoll_pwait2', '5.11'],
  ['memfd_secret', '5.14'],
  ['process_mrelease', '5.15'],
  ['futex_waitv', '5.16'],
  ['set_mempolicy_home_node', '5.17'],
  ['cachestat', '6.5'],
  ['fchmodat2', '6.6'],
  ['map_shadow_stack', '6.6'],
  ['futex_wait', '6.7'],
  ['futex_wake', '6.7'],
  ['statmount', '6.8'],
  ['listmount', '6.8'],
  ['mseal', '6.10'],
  ['uretprobe', '6.11'],
  ['setxattrat', '6.13'],
  ['getxattrat', '6.13'],
  ['open_tree_attr', '6.15'],
]);

/** Pieces that are kept: more of the same tell nothing new. */
const KEPT = 16;

/** Starts of mappings that are remembered: what touches one is aligned because the other is. */
const REMEMBERED = 256;

const BORDER = 2 ** 21;

/** Collects the clues of one log. Memory does not grow with it. */
export class KernelClues {
  readonly #kept = new Map<string, KernelClue>();
  readonly #starts = new Set<number>();

  /** In the order in which they were read. */
  get list(): readonly KernelClue[] {
    return [...this.#kept.values()];
  }

  #add(key: string, value: FitsKernel, line: number, what: string): void {
    if (this.#kept.size < KEPT && !this.#kept.has(key)) this.#kept.set(key, { value, line, what });
  }

  /** Takes a call that returned. */
  call(call: Call): void {
    const { name, line, errno, failed, args } = call;
    const first = CALLS_SINCE.get(name);
    if (first !== undefined && errno !== ENOSYS)
      this.#add(`since ${first}`, since(first), line, `${name}, a call that kernels have since ${first}`);
    switch (name) {
      case 'mmap':
        this.#mmap(call);
        return;
      case 'mremap':
        if (!failed && args[3]?.includes('MREMAP_DONTUNMAP') === true)
          this.#add('dontunmap', (profile) => profile.mremap.dontunmap, line, 'MREMAP_DONTUNMAP, since 5.7');
        return;
      case 'madvise': {
        const advice = parseMadvise(args[2] ?? '');
        if (!failed && advice !== null && advice > 11)
          this.#add(`advice ${advice}`, ({ madvise }) => madvise.values.includes(advice), line, `${args[2]!} succeeds`);
        return;
      }
      case 'prctl':
        if (!failed && args[0] === 'PR_SET_MDWE')
          this.#add('mdwe', (profile) => profile.mmap.denyWriteExec, line, 'PR_SET_MDWE, since 6.3');
        return;
      default:
        return;
    }
  }

  #mmap({ args, line, ret, errno, failed }: Call): void {
    const flags = parseMapFlags(args[3] ?? '') ?? 0;
    if (failed) {
      if (errno === EEXIST)
        this.#add(
          'noreplace',
          ({ mmap }) => mmap.fixedNoreplace,
          line,
          'MAP_FIXED_NOREPLACE answers EEXIST, since 4.17',
        );
      return;
    }
    if (ret === null || ret < 0) return;
    if (args[3]?.includes('MAP_DROPPABLE') === true)
      this.#add('droppable', ({ mmap }) => mmap.droppable, line, 'MAP_DROPPABLE, since 6.11');
    const length = Number(args[1]);
    const apart = !this.#starts.has(ret + length);
    this.#starts.add(ret);
    if (this.#starts.size > REMEMBERED) this.#starts.delete(this.#starts.values().next().value!);
    const shape = MAP_ANONYMOUS | MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_HUGETLB | MAP_GROWSDOWN;
    if (args[0] !== 'NULL' || (flags & MAP_TYPE) !== MAP_PRIVATE || (flags & shape) !== MAP_ANONYMOUS) return;
    if (!(length > 0) || length % BORDER !== 0) return;
    const at = `0x${ret.toString(16)}`;
    if (ret % BORDER !== 0)
      this.#add(
        'not aligned',
        ({ layout }) => !layout.anonAlignsToPmd,
        line,
        `${(length / BORDER) * 2} MiB lie at ${at}, on no border of 2 MiB, as before 6.7`,
      );
    else if (apart)
      this.#add(
        'aligned',
        ({ layout }) => layout.anonAlignsToPmd,
        line,
        `${(length / BORDER) * 2} MiB lie at ${at}, on a border of 2 MiB, as since 6.7`,
      );
  }
}

/** The clues of a map: pages of the kernel's own areas, and where they lie. */
export function kernelCluesOfMap(lines: readonly MapsLine[], arch: Arch): KernelClue[] {
  const at = (name: string): number => lines.findIndex((line) => line.name === name);
  const [vvar, vclock, vdso, stack] = ['[vvar]', '[vvar_vclock]', '[vdso]', '[stack]'].map(at) as [
    number,
    number,
    number,
    number,
  ];
  const found: KernelClue[] = [];
  const pages = (index: number): number => (lines[index]!.end - lines[index]!.start) / arch.pageSize;
  const has = (index: number): string =>
    `${lines[index]!.name} has ${pages(index)} ${pages(index) === 1 ? 'page' : 'pages'}`;
  const ask = (index: number, what: string, fits: (special: ReturnType<Arch['specialLayout']>) => boolean): void => {
    found.push({ value: ({ layout }) => fits(arch.specialLayout(layout.specialLayout)), line: index + 1, what });
  };
  if (vclock >= 0) ask(vclock, '[vvar_vclock], which newer kernels have', ({ vclockPages }) => vclockPages > 0);
  else if (vvar >= 0) ask(vvar, '[vvar] without [vvar_vclock]', ({ vclockPages }) => vclockPages === 0);
  if (vvar >= 0) ask(vvar, has(vvar), ({ vvarPages }) => vvarPages === pages(vvar));
  if (vdso >= 0) ask(vdso, has(vdso), ({ vdsoBytes }) => Math.ceil(vdsoBytes / arch.pageSize) === pages(vdso));
  if (vdso >= 0 && stack >= 0 && lines[vdso]!.start >= lines[stack]!.end)
    ask(vdso, '[vdso] lies above [stack]', ({ aboveStack }) => aboveStack);
  return found;
}
