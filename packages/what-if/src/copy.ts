/**
 * Runs a function on a copy of a process and discards the copy, so that the process and the machine stay as they are.
 *
 * The copy is a fork with what fork leaves out restored: locked pages, the flags of later mappings, and the charge, which is
 * counted once. The effects of the calls on files remain. Private huge pages lose their reservation in the copy, as in fork.
 */
import { copyProcess, type Kernel, type Task } from '@vmarea/kernel';
import { findVma, VM_HUGETLB, VM_LOCKED, VM_LOCKONFAULT, type AddressRange, type MmSystem } from '@vmarea/mm-core';
import { OVERCOMMIT_ALWAYS, type KernelConfig } from '@vmarea/uapi';

const LOCKS: number = VM_LOCKED | VM_LOCKONFAULT;

/** Sets another configuration of a machine, within {@link onCopy}. */
export function setConfig(system: MmSystem, config: KernelConfig): void {
  (system as { config: KernelConfig }).config = config;
}

/** The state of the machine that {@link onCopy} restores. */
class Saved {
  private readonly kernel: Kernel;
  private readonly system: MmSystem;
  private readonly hugePages: number;
  private readonly sysctl: MmSystem['sysctl'];
  private readonly config: KernelConfig;
  private readonly ram: MmSystem['ram'];
  private readonly committedAs: number;

  constructor(kernel: Kernel) {
    const { system } = kernel;
    this.kernel = kernel;
    this.system = system;
    this.hugePages = kernel.hugePool?.nrHugePages ?? 0;
    this.sysctl = { ...system.sysctl };
    this.config = system.config;
    this.ram = system.ram;
    this.committedAs = system.committedAs;
  }

  /** Restores the pool of huge pages, the sysctls, the configuration, the RAM figures and the charge. */
  restore(): void {
    const { system, kernel } = this;
    if (kernel.hugePool !== null && kernel.hugePool.nrHugePages !== this.hugePages)
      kernel.hugePool.setNrHugePages(this.hugePages);
    Object.assign(system.sysctl, this.sysctl);
    setConfig(system, this.config);
    system.ram = this.ram;
    system.committedAs = this.committedAs;
  }
}

/** Copies the locked flags of mappings to the copy: fork clears them. */
function copyLocks(from: Task, to: Task): void {
  to.mm.lockedVm = from.mm.lockedVm;
  to.mm.defFlags = from.mm.defFlags;
  if (from.mm.lockedVm === 0) return;
  let copy = to.mm.tree.first;
  if (copy === null) return;
  for (let vma = findVma(from.mm, copy.vmStart); vma !== null && copy !== null; vma = vma.vmNext) {
    // The copy has no VM_DONTCOPY mappings.
    if (copy.vmStart !== vma.vmStart) continue;
    copy.vmFlags |= vma.vmFlags & LOCKS;
    copy = copy.vmNext;
  }
}

function clearLocks(task: Task): void {
  for (let vma = task.mm.tree.first; vma !== null; vma = vma.vmNext) vma.vmFlags &= ~LOCKS;
  task.mm.lockedVm = 0;
}

/** Descriptors that are looked at for files of huge pages. */
const MOST_DESCRIPTORS = 256;

/**
 * Releases the huge pages that a trial reserved: a shared mapping's reservation belongs to the file and outlives the mapping. Only
 * of files that the process itself does not map.
 */
function releaseReservations(task: Task, copy: Task): void {
  const mapped = new Set<unknown>();
  for (let vma = copy.mm.tree.first; vma !== null; vma = vma.vmNext)
    if ((vma.vmFlags & VM_HUGETLB) !== 0 && vma.vmFile !== null) mapped.add(vma.vmFile.fInode);
  if (mapped.size === 0) return;
  for (let vma = task.mm.tree.first; vma !== null; vma = vma.vmNext)
    if (vma.vmFile !== null) mapped.delete(vma.vmFile.fInode);
  for (let fd = 0; mapped.size > 0 && fd < MOST_DESCRIPTORS; fd++) {
    const inode = copy.cur.files.fget(fd)?.fInode;
    if (inode === undefined || !mapped.delete(inode)) continue;
    const size = inode.iSize;
    copy.sys.ftruncate(fd, 0);
    copy.sys.ftruncate(fd, size);
  }
}

/**
 * Runs `run` on a copy of a task. Restores limits, rights, sysctls, configuration, RAM figures and System V segments that it
 * changes.
 *
 * @param run receives the copy; its result is returned
 * @param around when given, the copy has only the areas of this range and one on each side of it, and the counts of the whole:
 *   enough to see whether a call that names the range fails there. It takes as long for 60,000 areas as for ten. A search for
 *   free addresses finds others in it.
 * @returns null when no copy can be made
 */
export function onCopy<T>(task: Task, run: (copy: Task) => T, around: AddressRange | null = null): T | null {
  const { kernel, mm } = task;
  const { system } = kernel;
  const saved = new Saved(kernel);
  const { tracer } = mm;
  mm.tracer = null;
  system.sysctl.overcommitMemory = OVERCOMMIT_ALWAYS;
  const copy = around === null ? task.sys.fork() : copyProcess(task, { flags: 0 }, around);
  saved.restore();
  mm.tracer = tracer;
  if (typeof copy === 'number') return null;
  const restoreSegments = kernel.sharedMemory?.sysv?.checkpoint();
  try {
    copyLocks(task, copy);
    return run(copy);
  } finally {
    copy.mm.tracer = null;
    releaseReservations(task, copy);
    clearLocks(copy);
    copy.sys.exit();
    task.sys.wait(copy.pid);
    restoreSegments?.();
    saved.restore();
  }
}
