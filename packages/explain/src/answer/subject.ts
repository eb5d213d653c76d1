/**
 * A call and the state before it, as its checks read them: for the operands.
 */
import type { Task } from '@vmarea/kernel';
import { findVma, hasCapability, type Caller, type Mm, type MmSystem, type Vma, type VmFile } from '@vmarea/mm-core';
import { capabilityName, fromRegister, MAP_ANONYMOUS, MAP_HUGETLB } from '@vmarea/uapi';
import { parametersOf } from '../calls/verbs.ts';
import type { Call } from '../input/script.ts';

/** A call that is about to be made. */
export class Subject {
  readonly call: Call;
  readonly task: Task;
  readonly cur: Caller;
  readonly mm: Mm;
  readonly system: MmSystem;
  /** The file of an mmap; null otherwise. */
  readonly file: VmFile | null;
  private readonly args = new Map<string, number>();

  constructor(task: Task, call: Call, args: readonly bigint[]) {
    this.call = call;
    this.task = task;
    this.cur = task.cur;
    this.mm = task.mm;
    this.system = task.kernel.system;
    parametersOf(call).forEach(({ name }, i) => this.args.set(name, fromRegister(args[i] ?? 0n)));
    const anonymous = (this.arg('flags') & MAP_ANONYMOUS) !== 0;
    this.file = call.name === 'mmap' && !anonymous ? task.cur.files.fget(this.arg('fd') | 0) : null;
  }

  /** Returns whether the argument `flags` has one of these bits. */
  hasFlag(bits: number): boolean {
    return (this.arg('flags') & bits) !== 0;
  }

  /** Returns an argument by its parameter's name; 0 when the call does not have it. */
  arg(name: string): number {
    return this.args.get(name) ?? 0;
  }

  /** The length rounded up to the page size, or to the huge page size of a mapping of huge pages. */
  get length(): number {
    return Math.ceil(this.arg('len') / this.unit) * this.unit;
  }

  private hugeUnit(): number {
    const { pageSize, hugePages } = this.system;
    const flags = this.arg('flags');
    if (this.file !== null || (flags & MAP_HUGETLB) === 0) return pageSize;
    return hugePages?.hstateSizelog((flags >>> 26) & 0x3f)?.size ?? pageSize;
  }

  /** Bytes of a huge page of the pool that the call would use; the page size for plain memory. */
  get unit(): number {
    return this.file !== null && this.file.hugePageSize !== 0 ? this.file.hugePageSize : this.hugeUnit();
  }

  get pages(): number {
    return this.length / this.system.pageSize;
  }

  /** Returns the VMA that contains an address, or null. */
  vmaAt(address: number): Vma | null {
    const vma = findVma(this.mm, address);
    return vma !== null && vma.vmStart <= address ? vma : null;
  }

  /** Formats a capability: `CAP_IPC_LOCK: no`. */
  capability(cap: number): string {
    return `${capabilityName(cap)}: ${hasCapability(this.cur.cred, cap) ? 'yes' : 'no'}`;
  }
}
