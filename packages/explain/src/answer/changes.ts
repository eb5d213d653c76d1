/**
 * Finds changes of the result: makes the call on copies of the process, each with one change. For a number, searches the
 * smallest sufficient one. The earlier calls stay as they were.
 */
import type { Task } from '@vmarea/kernel';
import { findVma } from '@vmarea/mm-core';
import { VM_ENOUGH_MEMORY_GUESS, VM_ENOUGH_MEMORY_NEVER } from '@vmarea/mm-core/reasons';
import {
  CAP_IPC_LOCK,
  CAP_SYS_ADMIN,
  CAP_SYS_RAWIO,
  capabilityName,
  ENOMEM,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_32BIT,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_TYPE,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_EXEC,
  PROT_WRITE,
  READ_IMPLIES_EXEC,
} from '@vmarea/uapi';
import { bytes, KNOBS, searchKnob, succeeded, tryOnCopy, type Knob, type Outcome } from '@vmarea/what-if';
import { formatArgument, makeCall, parametersOf, type Parameter } from '../calls/verbs.ts';
import type { Call } from '../input/script.ts';
import type { Names } from '../input/values.ts';

/** One change and its outcome. */
export interface Change {
  /** For instance `RLIMIT_AS of at least 12 MiB (is 8 MiB)`. */
  readonly change: string;
  /** The result of the call with the change. */
  readonly outcome: Outcome;
  /** A remark on the change; empty for none. */
  readonly caveat: string;
  /** The command's option for the change; empty for a change of the call. */
  readonly option: string;
}

/** The call whose result is to change. */
export interface Turnable {
  /** The task before the call. */
  readonly task: Task;
  readonly call: Call;
  readonly args: readonly bigint[];
  readonly names: Names;
  /** The result without a change. */
  readonly base: Outcome;
}

const page = (task: Task): bigint => BigInt(task.kernel.system.pageSize);
const bit = (value: bigint, mask: number): boolean => (value & BigInt(mask)) !== 0n;

/** Searches the changes for one call. */
export class ChangeSearch {
  private readonly task: Task;
  private readonly call: Call;
  private readonly args: readonly bigint[];
  private readonly names: Names;
  private readonly base: Outcome;
  private readonly found: Change[] = [];

  constructor({ task, call, args, names, base }: Turnable) {
    this.task = task;
    this.call = call;
    this.args = args;
    this.names = names;
    this.base = base;
  }

  private attempt(task: Task, args: readonly bigint[] = this.args): Outcome {
    return makeCall(task, this.call, args, this.names);
  }

  private turned(outcome: Outcome): boolean {
    if (!succeeded(this.base)) return outcome.decision !== this.base.decision || succeeded(outcome);
    return !succeeded(outcome);
  }

  private note(
    change: string,
    prepare: (copy: Task) => void,
    more: { args?: readonly bigint[]; caveat?: string; option?: string } = {},
  ): void {
    const outcome = tryOnCopy(this.task, prepare, (copy) => this.attempt(copy, more.args));
    if (outcome === null || !this.turned(outcome)) return;
    this.found.push({ change, outcome, caveat: more.caveat ?? '', option: more.option ?? '' });
  }

  /** Finds the smallest (or largest) value of a knob that changes the result. */
  private searchKnob(knob: Knob): void {
    const { task } = this;
    const upward = knob.smallerHelps === succeeded(this.base);
    const turn = searchKnob(task, knob, {
      upward,
      attempt: (copy) => this.attempt(copy),
      turned: (outcome) => this.turned(outcome),
    });
    if (turn === null) return;
    this.found.push({
      change: `${knob.name} of ${upward ? 'at least' : 'at most'} ${knob.print(turn.value)} (is ${knob.print(knob.value(task))})`,
      outcome: turn.outcome,
      caveat: '',
      option: knob.option(turn.value),
    });
  }

  private withArgument(index: number, value: bigint): readonly bigint[] {
    return this.args.map((old, i) => (i === index ? value : old));
  }

  private noteArgument(param: Parameter, index: number, value: bigint, why: string): void {
    if (value === this.args[index]) return;
    this.noteArgs(`${param.name} ${formatArgument(param.kind, value)}${why}`, index, value);
  }

  private noteArgs(change: string, index: number, value: bigint, caveat: string = ''): void {
    this.note(change, () => undefined, { args: this.withArgument(index, value), caveat });
  }

  /** Tries the call without each of some bits that it has. */
  private without(index: number, bits: readonly (readonly [mask: number, name: string, caveat?: string])[]): void {
    const value = this.args[index]!;
    for (const [mask, name, caveat] of bits) {
      if (bit(value, mask)) this.noteArgs(`without ${name}`, index, value ^ BigInt(mask), caveat);
    }
  }

  /** Tries the call with an additional bit. */
  private withBit(index: number, mask: number, name: string, caveat: string = ''): void {
    const value = this.args[index]!;
    if (!bit(value, mask)) this.noteArgs(`with ${name}`, index, value | BigInt(mask), caveat);
  }

  /** Finds the largest number of pages that is allowed, if fewer are. */
  private searchLength(param: Parameter, index: number): void {
    const size = page(this.task);
    const value = BigInt.asUintN(64, this.args[index]!);
    let bad = (value + size - 1n) / size;
    const turns = (pages: bigint): boolean => {
      const outcome = tryOnCopy(
        this.task,
        () => undefined,
        (copy) => this.attempt(copy, this.withArgument(index, pages * size)),
      );
      return outcome !== null && succeeded(outcome);
    };
    if (bad <= 1n || !turns(1n)) return;
    let good = 1n;
    while (bad - good > 1n) {
      const middle = (bad + good) / 2n;
      if (turns(middle)) good = middle;
      else bad = middle;
    }
    this.noteArgument(param, index, good * size, ` (${bytes(Number(good * size))}), the most that goes`);
  }

  /** Returns the bytes of the huge page that the call is about; 0 for none. */
  private hugePage(): bigint {
    const { kernel, mm, cur } = this.task;
    const huge = kernel.system.hugePages;
    if (huge === null) return 0n;
    if (this.call.name !== 'mmap') {
      const at = Number(BigInt.asUintN(64, this.args[0] ?? 0n));
      const vma = findVma(mm, at);
      return vma === null || vma.vmStart > at ? 0n : BigInt(vma.vmFile?.hugePageSize ?? 0);
    }
    const flags = this.flags();
    const fd = bit(flags, MAP_ANONYMOUS) ? -1 : Number(BigInt.asIntN(32, this.args[4] ?? -1n));
    const file = fd < 0 ? null : cur.files.fget(fd);
    if (file !== null) return BigInt(file.hugePageSize);
    return bit(flags, MAP_HUGETLB) ? BigInt(huge.hstateSizelog(Number((flags >> 26n) & 0x3fn))?.size ?? 0) : 0n;
  }

  /** Returns the flags of an mmap; 0 for other calls. */
  private flags(): bigint {
    return this.call.name === 'mmap' ? (this.args[3] ?? 0n) : 0n;
  }

  private address(param: Parameter, index: number): void {
    const value = this.args[index] ?? 0n;
    const size = page(this.task);
    const huge = this.hugePage();
    const rounded = (value / size) * size;
    // NULL helps a mapping, whose address the kernel then chooses; for other calls nothing is mapped there.
    const useless = rounded === 0n && this.call.name !== 'mmap';
    if (value !== rounded && !useless) this.noteArgument(param, index, rounded, ', rounded down to a page');
    else if (huge > 0n && value % huge !== 0n)
      this.noteArgument(param, index, (value / huge) * huge, ', rounded down to a huge page');
    if (this.call.name !== 'mmap' || value === 0n) return;
    // Only for a mapping can the kernel choose the address.
    if (param.kind === 'off') {
      if (rounded !== 0n || value === rounded) this.noteArgument(param, index, 0n, '');
    } else if (bit(this.flags(), MAP_FIXED | MAP_FIXED_NOREPLACE)) {
      const flags = this.flags() & ~BigInt(MAP_FIXED | MAP_FIXED_NOREPLACE);
      this.note('address NULL without MAP_FIXED: the kernel chooses', () => undefined, {
        args: this.args.map((old, i) => (i === 0 ? 0n : i === 3 ? flags : old)),
      });
    } else this.noteArgument(param, index, 0n, ': the kernel chooses');
  }

  private length(param: Parameter, index: number): void {
    const value = this.args[index] ?? 0n;
    const huge = this.hugePage();
    if (value === 0n && param.name !== 'old_len') this.noteArgument(param, index, page(this.task), ', one page');
    if (huge > 0n && value % huge !== 0n)
      this.noteArgument(param, index, (value / huge + 1n) * huge, ', whole huge pages');
    this.searchLength(param, index);
  }

  private mapFlags(index: number): void {
    const value = this.args[index]!;
    const type = value & BigInt(MAP_TYPE);
    const ofType = (to: number): bigint => (value & ~BigInt(MAP_TYPE)) | BigInt(to);
    if (type !== BigInt(MAP_PRIVATE))
      this.noteArgs('MAP_PRIVATE', index, ofType(MAP_PRIVATE), type === 0n ? '' : 'others do not see the stores then');
    if (type !== BigInt(MAP_SHARED) && type !== BigInt(MAP_PRIVATE))
      this.noteArgs('MAP_SHARED', index, ofType(MAP_SHARED));
    this.without(index, [
      [MAP_FIXED, 'MAP_FIXED', 'the address is a hint then'],
      [MAP_FIXED_NOREPLACE, 'MAP_FIXED_NOREPLACE', 'the address is a hint then'],
      [MAP_32BIT, 'MAP_32BIT', 'the address may lie above 4 GiB then'],
      [MAP_LOCKED, 'MAP_LOCKED'],
      [MAP_GROWSDOWN, 'MAP_GROWSDOWN'],
      [MAP_HUGETLB, 'MAP_HUGETLB', 'plain pages; madvise(MADV_HUGEPAGE) asks for huge ones where they can be had'],
    ]);
    const file = this.task.cur.files.fget(Number(BigInt.asIntN(32, this.args[4] ?? -1n)));
    const huge = bit(value, MAP_HUGETLB) || (file?.hugePageSize ?? 0) > 0;
    this.withBit(index, MAP_NORESERVE, 'MAP_NORESERVE', huge ? MOVES_TO_SIGBUS : '');
    const fd = BigInt.asIntN(32, this.args[4] ?? -1n);
    if (fd === -1n) this.withBit(index, MAP_ANONYMOUS, 'MAP_ANONYMOUS');
  }

  private argument(param: Parameter, index: number): void {
    switch (param.kind) {
      case 'addr':
      case 'off':
        this.address(param, index);
        return;
      case 'len':
        this.length(param, index);
        return;
      case 'prot':
        this.without(index, this.rightsToDrop());
        return;
      case 'mapFlags':
        this.mapFlags(index);
        return;
      case 'mremapFlags':
        this.withBit(index, MREMAP_MAYMOVE, 'MREMAP_MAYMOVE', 'the address may change then');
        this.without(index, [
          [MREMAP_FIXED, 'MREMAP_FIXED'],
          [MREMAP_DONTUNMAP, 'MREMAP_DONTUNMAP'],
        ]);
        return;
      case 'msyncFlags':
      case 'mlockallFlags':
        this.without(
          index,
          [1, 2, 4].map((mask) => [mask, formatArgument(param.kind, BigInt(mask))] as const),
        );
        return;
      case 'mlock2Flags':
        if (this.args[index] !== 0n) this.noteArgs('flags 0', index, 0n);
        return;
      case 'advice':
      case 'fd':
      case 'number':
        return;
    }
  }

  /** Returns rights without which the call may succeed. For mprotect that fails for lack of memory, returns none. */
  private rightsToDrop(): readonly (readonly [number, string, string?])[] {
    const later = this.call.name === 'mmap' ? 'mprotect(PROT_WRITE) later asks the same again' : '';
    if (this.call.name === 'mprotect' && this.base.result === -ENOMEM) return [];
    return [
      [PROT_WRITE, 'PROT_WRITE', later],
      [PROT_EXEC, 'PROT_EXEC'],
    ];
  }

  private rights(): void {
    for (const cap of [CAP_IPC_LOCK, CAP_SYS_ADMIN, CAP_SYS_RAWIO]) {
      const { cred } = this.task.cur;
      if ((cred.capLow & (1 << cap)) !== 0) continue;
      this.note(capabilityName(cap), (copy) => void (copy.cur.cred.capLow |= 1 << cap), {
        option: `--capabilities ${capabilityName(cap).toLowerCase().replace('cap_', '')}`,
      });
    }
  }

  private modes(): void {
    const { overcommitMemory } = this.task.kernel.system.sysctl;
    for (const mode of [1, 0, 2]) {
      if (mode === overcommitMemory) continue;
      this.note(
        `vm.overcommit_memory=${mode} (is ${overcommitMemory})`,
        (copy) => void (copy.kernel.system.sysctl.overcommitMemory = mode),
        { option: `--sysctl vm.overcommit_memory=${mode}` },
      );
    }
    if ((this.task.cur.personality & READ_IMPLIES_EXEC) !== 0) {
      this.note('a personality without READ_IMPLIES_EXEC', (copy) => void (copy.cur.personality &= ~READ_IMPLIES_EXEC));
    }
  }

  private knobs(): void {
    for (const knob of KNOBS) this.searchKnob(knob);
  }

  private arguments(): void {
    parametersOf(this.call).forEach((param, i) => {
      if (i < this.args.length) this.argument(param, i);
    });
  }

  /**
   * Returns all changes found: those that make the call succeed, or, if there is none, those that lead to another refusal.
   *
   * @param limitsFirst whether limits precede arguments: for a refusal about an amount
   */
  search(limitsFirst: boolean): Change[] {
    if (succeeded(this.base)) {
      this.knobs();
      return this.found;
    }
    if (limitsFirst) {
      const commit = this.base.decision === VM_ENOUGH_MEMORY_GUESS || this.base.decision === VM_ENOUGH_MEMORY_NEVER;
      if (commit) this.modes();
      this.knobs();
      if (!commit) this.modes();
      this.rights();
      this.arguments();
    } else {
      this.arguments();
      this.knobs();
      this.rights();
      this.modes();
    }
    const passing = this.found.filter(({ outcome }) => succeeded(outcome));
    return passing.length > 0 ? passing : this.found;
  }
}

/** The effect of MAP_NORESERVE on huge pages. */
const MOVES_TO_SIGBUS = 'moves the failure only: without a free huge page the first touch ends in SIGBUS';
