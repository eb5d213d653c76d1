/**
 * What would turn a decision: the calls are made again on fresh machines, each with one thing changed, and where a number
 * is the thing, the smallest one that turns it is searched for.
 */
import {
  CAP_IPC_LOCK,
  CAP_SYS_ADMIN,
  CAP_SYS_RAWIO,
  capabilityName,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_TYPE,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  READ_IMPLIES_EXEC,
} from '@vmarea/uapi';
import { formatArgument, parametersOf, type Outcome, type Parameter } from './calls.ts';
import { probe, type Variation } from './probe.ts';
import type { Call } from './script.ts';
import { withHugePages, withSysctl, type FileSpec, type LimitSpec, type Setup } from './setup.ts';
import { bytes } from './situation.ts';
import type { MachineMaker } from './stage.ts';

/** One change and what comes of it. */
export interface Change {
  /** For instance `RLIMIT_AS of at least 12 MiB (is 8 MiB)`. */
  readonly change: string;
  /** What the last call gives then. */
  readonly outcome: Outcome;
}

/** Something that is a number, and may be searched. */
interface Knob {
  readonly name: string;
  readonly value: number;
  /** Values are multiples of it. */
  readonly step: number;
  /** The largest that is tried. */
  readonly max: number;
  /** True when smaller values let more through. */
  readonly smallerHelps: boolean;
  vary(value: number): Variation;
  print(value: number): string;
}

/** Beyond every address space. */
const FAR = 2 ** 52;

function limitKnob(setup: Setup, limit: keyof LimitSpec): Knob {
  return {
    name: `RLIMIT_${limit.toUpperCase()}`,
    value: setup.limits[limit],
    step: setup.machine.pageSize,
    max: FAR,
    smallerHelps: false,
    vary: (value) => ({ late: { ...setup, limits: { ...setup.limits, [limit]: value } } }),
    print: bytes,
  };
}

function knobs(setup: Setup): Knob[] {
  const { sysctl, config, pageSize } = setup.machine;
  const late = (change: Setup): Variation => ({ late: change });
  const count = { step: 1, smallerHelps: false, print: String } as const;
  const pool = config.hugePages[0];
  return [
    limitKnob(setup, 'as'),
    limitKnob(setup, 'data'),
    limitKnob(setup, 'memlock'),
    limitKnob(setup, 'stack'),
    {
      ...count,
      name: 'vm.max_map_count',
      value: sysctl.maxMapCount,
      max: 0x7fffffff,
      vary: (value) => late(withSysctl(setup, { maxMapCount: value })),
    },
    {
      ...count,
      name: 'vm.overcommit_ratio',
      value: sysctl.overcommitRatio,
      max: 1e6,
      vary: (value) => late(withSysctl(setup, { overcommitRatio: value, overcommitKbytes: 0 })),
    },
    {
      ...count,
      name: 'vm.overcommit_kbytes',
      value: sysctl.overcommitKbytes,
      max: FAR,
      vary: (value) => late(withSysctl(setup, { overcommitKbytes: value })),
    },
    {
      name: 'vm.mmap_min_addr',
      value: sysctl.mmapMinAddr,
      step: pageSize,
      max: FAR,
      smallerHelps: true,
      vary: (value) => late(withSysctl(setup, { mmapMinAddr: value })),
      print: (value) => String(value),
    },
    ...(pool === undefined
      ? []
      : [
          {
            ...count,
            name: 'vm.nr_hugepages',
            value: pool.pages,
            max: Math.max(pool.pages, Math.min(256, Math.floor(2 ** 30 / pool.size))),
            vary: (value: number): Variation => ({ setup: withHugePages(setup, value) }),
          },
        ]),
  ];
}

/** Whether a call went through. */
export function succeeded(outcome: Outcome): boolean {
  return outcome.signal === 0 && outcome.result >= 0 && outcome.decision === 0;
}

/** Searches what turns the last call of a script. */
export class ChangeSearch {
  private readonly make: MachineMaker;
  private readonly setup: Setup;
  private readonly script: readonly Call[];
  private readonly base: Outcome;
  private readonly args: readonly bigint[];
  private readonly found: Change[] = [];

  constructor(make: MachineMaker, setup: Setup, script: readonly Call[], base: Outcome, args: readonly bigint[]) {
    this.make = make;
    this.setup = setup;
    this.script = script;
    this.base = base;
    this.args = args;
  }

  private try(variation: Variation): Outcome | null {
    try {
      return probe(this.make, this.setup, this.script, variation);
    } catch (error) {
      // A stage that cannot be set that way, or a name that an earlier call no longer gives, is no answer.
      if (error instanceof RangeError || (error instanceof Error && error.name === 'ScriptError')) return null;
      throw error;
    }
  }

  private turned(outcome: Outcome | null): outcome is Outcome {
    if (outcome === null) return false;
    if (!succeeded(this.base)) return outcome.decision !== this.base.decision || succeeded(outcome);
    return !succeeded(outcome);
  }

  private note(change: string, variation: Variation): void {
    const outcome = this.try(variation);
    if (this.turned(outcome)) this.found.push({ change, outcome });
  }

  /** The smallest (or largest) value of a knob that turns the refusal; for a call that passed, the last that lets it. */
  private searchKnob(knob: Knob): void {
    const { value, step } = knob;
    const passing = succeeded(this.base);
    const upward = knob.smallerHelps === passing;
    const extreme = upward ? knob.max : 0;
    if (value === extreme || (upward && value > knob.max)) return;
    const far = this.try(knob.vary(extreme));
    if (!this.turned(far)) return;
    let turns = Math.floor(extreme / step);
    let keeps = Math.min(Math.floor(Math.min(value, knob.max) / step), Math.floor(knob.max / step));
    // A turn by doubling first: limits are small against the range.
    if (upward) {
      for (let reach = Math.max(1, keeps * 2); reach < turns; reach *= 2) {
        if (this.turned(this.try(knob.vary(reach * step)))) {
          turns = reach;
          break;
        }
        keeps = reach;
      }
    }
    while (Math.abs(turns - keeps) > 1) {
      const middle = Math.floor((turns + keeps) / 2);
      if (this.turned(this.try(knob.vary(middle * step)))) turns = middle;
      else keeps = middle;
    }
    const outcome = this.try(knob.vary(turns * step)) ?? far;
    const now = `(is ${knob.print(value)})`;
    const bound = `${knob.name} of ${upward ? 'at least' : 'at most'} ${knob.print(turns * step)} ${now}`;
    this.found.push({ change: bound, outcome });
  }

  private replace(index: number, value: bigint): Variation {
    return { args: (args) => args.map((old, i) => (i === index ? value : old)) };
  }

  private noteArgument(param: Parameter, index: number, value: bigint, why: string): void {
    if (value === this.args[index]) return;
    this.note(`${param.name} ${formatArgument(param.kind, value)}${why}`, this.replace(index, value));
  }

  private toggleBits(index: number, bits: readonly (readonly [number, string])[]): void {
    const value = this.args[index]!;
    for (const [bit, name] of bits) {
      const has = (value & BigInt(bit)) !== 0n;
      this.note(`${has ? 'without' : 'with'} ${name}`, this.replace(index, value ^ BigInt(bit)));
    }
  }

  /** The largest number of pages that is let through, when fewer are. */
  private searchLength(param: Parameter, index: number): void {
    const page = BigInt(this.setup.machine.pageSize);
    const value = BigInt.asUintN(64, this.args[index]!);
    let bad = (value + page - 1n) / page;
    const turns = (pages: bigint): boolean => {
      const outcome = this.try(this.replace(index, pages * page));
      return outcome !== null && succeeded(outcome);
    };
    if (bad <= 1n || !turns(1n)) return;
    let good = 1n;
    while (bad - good > 1n) {
      const middle = (bad + good) / 2n;
      if (turns(middle)) good = middle;
      else bad = middle;
    }
    this.noteArgument(param, index, good * page, ` (${bytes(Number(good * page))}), the most that goes`);
  }

  /** Whether huge pages are about: only then are their sizes tried. */
  private hasHugePages(): boolean {
    return (
      this.setup.files.some(({ kind }) => kind === 'hugetlbfs') ||
      this.script.some(({ text }) => text.includes('HUGETLB'))
    );
  }

  private argument(param: Parameter, index: number): void {
    const value = this.args[index] ?? 0n;
    const page = BigInt(this.setup.machine.pageSize);
    const huge = BigInt(this.hasHugePages() ? (this.setup.machine.config.hugePages[0]?.size ?? 0) : 0);
    switch (param.kind) {
      case 'addr':
      case 'off':
        if (value % page !== 0n) this.noteArgument(param, index, (value / page) * page, ', rounded to a page');
        else if (huge > 0n && value % huge !== 0n)
          this.noteArgument(param, index, (value / huge) * huge, ', rounded to a huge page');
        this.noteArgument(param, index, 0n, '');
        break;
      case 'len':
        if (value === 0n) this.noteArgument(param, index, page, ', one page');
        if (huge > 0n && value % huge !== 0n)
          this.noteArgument(param, index, (value / huge + 1n) * huge, ', whole huge pages');
        this.searchLength(param, index);
        break;
      case 'prot':
        this.toggleBits(index, [
          [PROT_READ, 'PROT_READ'],
          [PROT_WRITE, 'PROT_WRITE'],
          [PROT_EXEC, 'PROT_EXEC'],
        ]);
        break;
      case 'mapFlags':
        if ((value & BigInt(MAP_TYPE)) !== BigInt(MAP_PRIVATE)) {
          this.note('MAP_PRIVATE', this.replace(index, (value & ~BigInt(MAP_TYPE)) | BigInt(MAP_PRIVATE)));
        }
        if ((value & BigInt(MAP_TYPE)) !== BigInt(MAP_SHARED)) {
          this.note('MAP_SHARED', this.replace(index, (value & ~BigInt(MAP_TYPE)) | BigInt(MAP_SHARED)));
        }
        this.toggleBits(index, [
          [MAP_ANONYMOUS, 'MAP_ANONYMOUS'],
          [MAP_FIXED, 'MAP_FIXED'],
          ...((value & BigInt(MAP_FIXED_NOREPLACE)) === 0n
            ? []
            : [[MAP_FIXED_NOREPLACE, 'MAP_FIXED_NOREPLACE'] as const]),
          [MAP_NORESERVE, 'MAP_NORESERVE'],
          [MAP_LOCKED, 'MAP_LOCKED'],
          [MAP_GROWSDOWN, 'MAP_GROWSDOWN'],
          [MAP_HUGETLB, 'MAP_HUGETLB'],
        ]);
        break;
      case 'mremapFlags':
        this.toggleBits(index, [
          [MREMAP_MAYMOVE, 'MREMAP_MAYMOVE'],
          [MREMAP_FIXED, 'MREMAP_FIXED'],
          [MREMAP_DONTUNMAP, 'MREMAP_DONTUNMAP'],
        ]);
        break;
      case 'mlockallFlags':
      case 'mlock2Flags':
      case 'msyncFlags':
        this.toggleBits(index, [
          [1, formatArgument(param.kind, 1n)],
          ...(param.kind === 'mlock2Flags'
            ? []
            : ([
                [2, formatArgument(param.kind, 2n)],
                [4, formatArgument(param.kind, 4n)],
              ] as const)),
        ]);
        break;
      case 'advice':
      case 'fd':
      case 'number':
        break;
    }
  }

  private files(): void {
    this.setup.files.forEach((spec, i) => {
      const vary = (change: Partial<FileSpec>): Variation => ({
        setup: { ...this.setup, files: this.setup.files.map((old, k) => (k === i ? { ...old, ...change } : old)) },
      });
      const fd = `descriptor ${3 + i}`;
      if (spec.mode !== 'rw') this.note(`${fd} open read-write (is ${spec.mode})`, vary({ mode: 'rw' }));
      if (spec.mode !== 'ro') this.note(`${fd} open read-only (is ${spec.mode})`, vary({ mode: 'ro' }));
      if (spec.noexec) this.note(`${fd} on a mount without noexec`, vary({ noexec: false }));
      if (spec.append) this.note(`${fd} without the append-only attribute`, vary({ append: false }));
      if (spec.locked) this.note(`nobody's mandatory lock on ${fd}`, vary({ locked: false }));
      if (spec.sealed) this.note(`${fd} not sealed`, vary({ sealed: false }));
      if (spec.kind !== 'ramfs' && spec.kind !== 'tmpfs')
        this.note(`${fd} a file on tmpfs (is ${spec.kind})`, vary({ kind: 'tmpfs' }));
      const last = this.script.at(-1)!.name;
      if (last === 'load' || last === 'store' || last === 'mlock') this.fileSize(spec, i);
    });
  }

  private fileSize(spec: FileSpec, i: number): void {
    this.searchKnob({
      name: `size of descriptor ${3 + i}`,
      value: spec.size,
      step: 1,
      max: 2 ** 40,
      smallerHelps: false,
      vary: (value) => ({
        setup: { ...this.setup, files: this.setup.files.map((old, k) => (k === i ? { ...old, size: value } : old)) },
      }),
      print: bytes,
    });
  }

  private rights(): void {
    for (const cap of [CAP_IPC_LOCK, CAP_SYS_ADMIN, CAP_SYS_RAWIO]) {
      if (this.setup.capabilities.has(cap)) continue;
      const capabilities = new Set([...this.setup.capabilities, cap]);
      this.note(capabilityName(cap), { late: { ...this.setup, capabilities } });
    }
  }

  private modes(): void {
    const { overcommitMemory } = this.setup.machine.sysctl;
    for (const mode of [0, 1, 2]) {
      if (mode === overcommitMemory) continue;
      const late = withSysctl(this.setup, { overcommitMemory: mode });
      this.note(`vm.overcommit_memory=${mode} (is ${overcommitMemory})`, { late });
    }
    if ((this.setup.personality & READ_IMPLIES_EXEC) !== 0) {
      this.note('a personality without READ_IMPLIES_EXEC', { setup: { ...this.setup, personality: 0 } });
    }
  }

  /** All that was found: what makes the call pass first, then what only leads to the next refusal. */
  search(): Change[] {
    for (const knob of knobs(this.setup)) this.searchKnob(knob);
    if (!succeeded(this.base)) {
      parametersOf(this.script.at(-1)!).forEach((param, i) => {
        if (i < this.args.length) this.argument(param, i);
      });
      this.files();
      this.rights();
      this.modes();
    }
    const passing = this.found.filter(({ outcome }) => succeeded(outcome));
    return passing.length > 0 ? passing : this.found;
  }
}
