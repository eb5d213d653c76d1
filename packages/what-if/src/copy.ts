/**
 * Runs a function on a copy of a process and discards the copy, so that the process and the machine stay as they are.
 *
 * The copy is a fork with what fork leaves out restored: locked pages, the flags of later mappings, and the charge, which is
 * counted once. The effects of the calls on files remain. Private huge pages lose their reservation in the copy, as in fork.
 */
import type { Kernel, Task } from '@vmarea/kernel';
import { VM_LOCKED, VM_LOCKONFAULT, type MmSystem } from '@vmarea/mm-core';
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
  for (let vma = from.mm.tree.first; vma !== null; vma = vma.vmNext) {
    // The copy has no VM_DONTCOPY mappings.
    if (copy?.vmStart !== vma.vmStart) continue;
    copy.vmFlags |= vma.vmFlags & LOCKS;
    copy = copy.vmNext;
  }
}

function clearLocks(task: Task): void {
  for (let vma = task.mm.tree.first; vma !== null; vma = vma.vmNext) vma.vmFlags &= ~LOCKS;
  task.mm.lockedVm = 0;
}

/**
 * Runs `run` on a copy of a task. Restores limits, rights, sysctls, configuration and RAM figures that it changes.
 *
 * @param run receives the copy; its result is returned
 * @returns null when no copy can be made
 */
export function onCopy<T>(task: Task, run: (copy: Task) => T): T | null {
  const { kernel, mm } = task;
  const { system } = kernel;
  const saved = new Saved(kernel);
  const { tracer } = mm;
  mm.tracer = null;
  system.sysctl.overcommitMemory = OVERCOMMIT_ALWAYS;
  const copy = task.sys.fork();
  saved.restore();
  mm.tracer = tracer;
  if (typeof copy === 'number') return null;
  try {
    copyLocks(task, copy);
    return run(copy);
  } finally {
    copy.mm.tracer = null;
    clearLocks(copy);
    copy.sys.exit();
    task.sys.wait(copy.pid);
    saved.restore();
  }
}
