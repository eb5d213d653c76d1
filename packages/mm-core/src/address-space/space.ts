/**
 * An address space as an object. A thin layer over the verbs of `calls/`: it names arguments, populates what a call leaves to
 * be populated, and throws where that is wanted. It decides nothing, and knows no descriptors and no processes.
 */
import {
  ADDR_NO_RANDOMIZE,
  DEFAULT_CONFIG,
  ENOMEM,
  fromRegister,
  MAP_ANONYMOUS,
  MAP_HUGETLB,
  MisuseError,
  shownValue,
  type KernelConfig,
  type KernelProfile,
  type Sysctls,
} from '@vmarea/uapi';
import { refuse, RETRY } from '../base/errno.ts';
import { VM_EXEC, VM_LOCKED, VM_LOCKONFAULT, VM_MAYSHARE, VM_READ, VM_WRITE } from '../base/flags.ts';
import type { Addr } from '../base/units.ts';
import { setHeap, sysBrk } from '../calls/brk.ts';
import { createMm, pickMmapLayout } from '../calls/create.ts';
import { dupMm } from '../calls/fork.ts';
import { doMadvise } from '../calls/madvise.ts';
import { doMincore } from '../calls/mincore.ts';
import { doMlock, doMlockall, doMunlock, doMunlockall } from '../calls/mlock.ts';
import { vmMmapPgoff } from '../calls/mmap.ts';
import { doMprotect } from '../calls/mprotect.ts';
import { doMremap } from '../calls/mremap.ts';
import { doMsync } from '../calls/msync.ts';
import { exitMmap, vmMunmap } from '../calls/munmap.ts';
import { finishPopulate } from '../calls/populate.ts';
import type { Arch } from '../ports/arch.ts';
import type { VmFile } from '../ports/file.ts';
import type { SharedMemory } from '../ports/huge-pages.ts';
import type { MemoryBehind, UserAccess } from '../ports/memory.ts';
import { describeReason, type Reason } from '../reasons/table.ts';
import { createCaller, type Caller, type Rlimits } from '../space/caller.ts';
import type { Mm } from '../space/mm.ts';
import { MmSystem } from '../space/system.ts';
import { loadValue, storeValue, type AccessSize } from './access.ts';
import { toError } from './errors.ts';
import { repeatCall } from './repeat.ts';

/** A 64-bit value as a program hands it over: a whole number, or a bigint, which is taken modulo 2^64. */
export type Register = number | bigint;

/** A register for the engine, which takes exact numbers as they are and checks them. */
function reg(value: Register): number {
  return typeof value === 'bigint' ? fromRegister(value) : value;
}

/** The arguments of {@link createAddressSpace}. */
export interface AddressSpaceInit<M> {
  readonly arch: Arch;
  readonly profile: KernelProfile;
  /** How the kernel was built; as kernels of the profile usually are when left out. */
  readonly config?: KernelConfig | undefined;
  readonly sysctl?: Sysctls | undefined;
  /** Limits in bytes; those left out are unlimited, but the stack has 8 MiB. */
  readonly rlimits?: Partial<Rlimits> | undefined;
  /** The memory behind the mappings: `ram()` of `@vmarea/mm-core/memory`, or an MMU of the embedder's. */
  readonly memory?: MemoryBehind<M> | undefined;
  /** Makes a driver for MAP_SHARED with MAP_ANONYMOUS, such as @vmarea/shmem. */
  readonly sharedMemory?: ((system: MmSystem) => SharedMemory) | undefined;
  /** `throw` (the default): a refusal is a SyscallError. `errno`: it is a negative number. */
  readonly errors?: 'throw' | 'errno' | undefined;
  /** Called once per kind of warning with a sentence. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** The arguments of {@link AddressSpace.mmap}. */
export interface MmapArguments {
  /** Bytes; rounded up to pages. */
  readonly length: Register;
  /** PROT_ bits. */
  readonly prot: number;
  /** MAP_ bits. */
  readonly flags: number;
  /** A hint, or with MAP_FIXED the address; 0 when left out. */
  readonly addr?: Register | undefined;
  /** Needed without MAP_ANONYMOUS. The mapping takes a reference of its own. */
  readonly file?: VmFile | undefined;
  /** Bytes into the file, a multiple of the page size; 0 when left out. */
  readonly offset?: number | undefined;
}

/** The arguments of {@link AddressSpace.mremap}: addresses and bytes. */
export interface MremapArguments {
  readonly addr: Register;
  readonly oldLength: Register;
  readonly newLength: Register;
  /** MREMAP_ bits; 0 when left out. */
  readonly flags?: number | undefined;
  /** Used with MREMAP_FIXED; 0 when left out. */
  readonly newAddr?: Register | undefined;
}

/** A mapping, as a line of /proc/PID/maps has it. */
export interface Area {
  readonly start: Addr;
  readonly end: Addr;
  /** For instance `rw-p`. */
  readonly perms: string;
  /** Bytes into the file; 0 for memory without a file. */
  readonly offset: number;
  /** The file's path, `[heap]`, or empty. */
  readonly name: string;
}

/** An address space. Made by {@link createAddressSpace}, and by its own `fork`. */
export class AddressSpace<M = null> {
  readonly system: MmSystem;
  readonly mm: Mm;
  /** Who makes the calls: what the kernel-named functions take as their first argument. */
  readonly cur: Caller;
  /** Loads and stores without exceptions, for a CPU's fast path; null in an address space without memory. */
  readonly memory: M;
  readonly #behind: MemoryBehind<M> | undefined;
  readonly #throws: boolean;

  /** @internal Use {@link createAddressSpace}. */
  constructor(cur: Caller, behind: MemoryBehind<M> | undefined, throws: boolean) {
    this.system = cur.mm.system;
    this.mm = cur.mm;
    this.cur = cur;
    this.#behind = behind;
    this.#throws = throws;
    this.memory = behind === undefined ? (null as M) : behind.access(cur);
  }

  /** Why the last call was refused; null when it was not. Has texts when `@vmarea/mm-core/reasons` is loaded. */
  get reason(): Reason | null {
    return describeReason(this.cur.call.reason) ?? null;
  }

  /** mmap(2). @returns the address */
  mmap(args: MmapArguments): number {
    const { length, prot, flags, addr = 0, file = null, offset = 0 } = args;
    const { cur, system } = this;
    const anonymous = (flags & MAP_ANONYMOUS) !== 0;
    if (!anonymous && file === null)
      throw new MisuseError('mmap', 'file', 'is missing, and flags have no MAP_ANONYMOUS');
    if (anonymous && (flags & MAP_HUGETLB) !== 0) {
      throw new MisuseError(
        'mmap',
        'flags',
        'have MAP_HUGETLB: map a file of @vmarea/hugetlbfs, or use @vmarea/kernel',
      );
    }
    if (!Number.isInteger(offset) || offset % system.pageSize !== 0) {
      throw new MisuseError('mmap', 'offset', `is ${shownValue(offset)}, no multiple of ${system.pageSize}`);
    }
    const mapped = anonymous ? null : file;
    return this.#finish(
      'mmap',
      vmMmapPgoff(cur, mapped, reg(addr), reg(length), prot, flags, offset / system.pageSize),
    );
  }

  /** munmap(2). @param length bytes; rounded up to pages */
  munmap(addr: Register, length: Register): number {
    return this.#finish('munmap', vmMunmap(this.cur, reg(addr), reg(length)));
  }

  /** mprotect(2). @param prot PROT_ bits */
  mprotect(addr: Register, length: Register, prot: number): number {
    return this.#finish('mprotect', doMprotect(this.cur, reg(addr), reg(length), prot));
  }

  /** mremap(2). @returns the new address */
  mremap({ addr, oldLength, newLength, flags = 0, newAddr = 0 }: MremapArguments): number {
    return this.#finish('mremap', doMremap(this.cur, reg(addr), reg(oldLength), reg(newLength), flags, reg(newAddr)));
  }

  /** Places an empty heap. @throws MisuseError when `start` is no address of a program */
  setHeap(start: Addr): void {
    setHeap(this.mm, start);
  }

  /**
   * brk(2), as the C library shows it.
   *
   * @param value the wanted end; 0 asks for the present one
   * @returns the heap's end; -ENOMEM when it cannot be `value`
   */
  brk(value: Register): number {
    const wanted = reg(value);
    const end = this.#finish('brk', sysBrk(this.cur, wanted));
    if (wanted === 0 || end === wanted || end < 0) return end;
    return this.#finish('brk', refuse(this.cur, this.cur.call.reason, -ENOMEM));
  }

  /** madvise(2). @param advice MADV_ */
  madvise(addr: Register, length: Register, advice: number): number {
    return this.#finish('madvise', doMadvise(this.cur, reg(addr), reg(length), advice));
  }

  /** mlock(2), or mlock2(2) with MLOCK_ONFAULT. */
  mlock(addr: Register, length: Register, onFault: boolean = false): number {
    const vmFlags = onFault ? VM_LOCKED | VM_LOCKONFAULT : VM_LOCKED;
    return this.#finish('mlock', doMlock(this.cur, reg(addr), reg(length), vmFlags));
  }

  /** munlock(2). */
  munlock(addr: Register, length: Register): number {
    return this.#finish('munlock', doMunlock(this.cur, reg(addr), reg(length)));
  }

  /** mlockall(2). @param flags MCL_ bits */
  mlockall(flags: number): number {
    return this.#finish('mlockall', doMlockall(this.cur, flags));
  }

  /** munlockall(2). */
  munlockall(): number {
    return this.#finish('munlockall', doMunlockall(this.cur));
  }

  /** msync(2). @param flags MS_ bits */
  msync(addr: Register, length: Register, flags: number): number {
    return this.#finish('msync', doMsync(this.cur, reg(addr), reg(length), flags));
  }

  /** mincore(2). @param vec one byte per page, 1 where the page is in memory */
  mincore(addr: Register, length: Register, vec: Uint8Array): number {
    return this.#finish('mincore', doMincore(this.cur, reg(addr), reg(length), vec));
  }

  /**
   * Loads an unsigned little-endian value.
   *
   * @param size bytes
   * @returns a number, or for 8 bytes a bigint
   * @throws MemoryFaultError with the signal; WouldWaitError when the page must be awaited; MisuseError without memory
   */
  load(addr: Addr, size: 8): bigint;
  load(addr: Addr, size?: 1 | 2 | 4): number;
  load(addr: Addr, size: AccessSize = 4): number | bigint {
    return loadValue(this.#access('load'), addr, size);
  }

  /** Stores a little-endian value of `size` bytes. @throws as {@link load} */
  store(addr: Addr, value: number | bigint, size: AccessSize = 4): void {
    storeValue(this.#access('store'), addr, value, size);
  }

  /** The mappings, from the lowest address on. */
  maps(): Area[] {
    const areas: Area[] = [];
    const { mm, system } = this;
    for (let vma = mm.tree.first; vma !== null; vma = vma.vmNext) {
      const { vmStart: start, vmEnd: end, vmFlags: flags, vmFile: file } = vma;
      const perms =
        ((flags & VM_READ) === 0 ? '-' : 'r') +
        ((flags & VM_WRITE) === 0 ? '-' : 'w') +
        ((flags & VM_EXEC) === 0 ? '-' : 'x') +
        ((flags & VM_MAYSHARE) === 0 ? 'p' : 's');
      const heap = mm.brk > mm.startBrk && start <= mm.brk && end >= mm.startBrk;
      const name = file?.path() ?? vma.vmOps?.name?.(vma) ?? (heap ? '[heap]' : '');
      areas.push({ start, end, perms, offset: file === null ? 0 : vma.vmPgoff * system.pageSize, name });
    }
    return areas;
  }

  /**
   * Copies the address space, as fork(2) does: private memory is shared until somebody stores.
   *
   * @returns the child's; a negative errno with `errors: 'errno'`
   */
  fork(): AddressSpace<M> | number {
    const child = dupMm(this.cur);
    if (typeof child === 'number') return this.#finish('fork', child);
    const cur: Caller = { ...createCaller(child), rlimits: { ...this.cur.rlimits }, personality: this.cur.personality };
    return new AddressSpace(cur, this.#behind, this.#throws);
  }

  /** Another thread of this address space: the same mappings, with a call and a `reason` of its own. */
  thread(): AddressSpace<M> {
    const cur: Caller = { ...createCaller(this.mm), rlimits: this.cur.rlimits, personality: this.cur.personality };
    return new AddressSpace(cur, this.#behind, this.#throws);
  }

  /** Unmaps everything and frees the page tables. No call may follow. */
  destroy(): void {
    exitMmap(this.mm);
  }

  /**
   * Makes calls that may have to wait for a file's storage, and repeats them as long as they must.
   *
   * @param call a function that makes one call of this object, such as `() => space.load(addr)`
   */
  async wait<T>(call: () => T): Promise<T> {
    return (await repeatCall(this.cur, call)) as T;
  }

  /** Populates what the call has left to be populated. @returns the result, or throws for an errno */
  #finish(call: string, result: number): number {
    const { cur } = this;
    let answer = result;
    if (result >= 0 && cur.call.populateLen !== 0) {
      const error = finishPopulate(cur);
      if (error === RETRY) cur.call.resume = () => this.#finish(call, result);
      if (error < 0) answer = error;
    }
    const { resume } = cur.call;
    if (result === RETRY && resume !== null) cur.call.resume = () => this.#finish(call, resume());
    if (answer < 0 && this.#throws) throw toError(cur, answer, call);
    return answer;
  }

  #access(call: string): UserAccess {
    const { memory } = this;
    if (memory === null || typeof (memory as Partial<UserAccess>).load8 !== 'function') {
      throw new MisuseError(call, 'this', 'has no memory with loads and stores: hand in `memory: ram()`');
    }
    if (!this.cur.call.repeated) this.system.driverError = null;
    return memory as unknown as UserAccess;
  }
}

/**
 * Creates an address space on a machine of its own.
 *
 * @throws RangeError when there is no memory for its page tables
 */
export function createAddressSpace<M = null>(init: AddressSpaceInit<M>): AddressSpace<M> {
  const { arch, profile, sysctl, onWarning, memory, rlimits } = init;
  const config = init.config ?? { ...DEFAULT_CONFIG, ...profile.usualConfig };
  const system = new MmSystem({ arch, profile, config, sysctl, onWarning });
  memory?.plugIn(system);
  if (init.sharedMemory !== undefined) system.sharedMemory = init.sharedMemory(system);
  const mm = createMm(system);
  if (mm === null) throw new RangeError('createAddressSpace: no memory for page tables');
  const cur = createCaller(mm);
  Object.assign(cur.rlimits, rlimits);
  // Addresses are the same in every run.
  cur.personality = ADDR_NO_RANDOMIZE;
  pickMmapLayout(cur, 0);
  return new AddressSpace(cur, memory, init.errors !== 'errno');
}
