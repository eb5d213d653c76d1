/**
 * Port: the operations of a mapping's driver, called when pages are needed and when the VMA is copied or removed.
 *
 * One class with every field, so that all operation tables have one shape and calls through them stay monomorphic.
 */
import type { Vma } from '../areas/vma.ts';
import type { FaultInfo } from '../space/fault-info.ts';
import type { UserfaultOperations } from './userfault.ts';
import type { Addr, Pages } from '../base/units.ts';

/** The operations that a driver may give; {@link VmOperations} has null for those that it leaves out. */
export interface VmOperationsInit {
  /** Called when another VMA for the same mapping was made (split, fork, mremap). */
  open?: ((vma: Vma) => void) | undefined;
  /** Called when the VMA is removed. No merge removes a VMA with `close`; on most versions it never merges. */
  close?: ((vma: Vma) => void) | undefined;
  /**
   * Finds the page for `vmf.pgoff`: stores its pfn, with one reference, in `vmf.page` and returns 0 (or VM_FAULT_MAJOR); or
   * returns VM_FAULT_SIGBUS, VM_FAULT_OOM, VM_FAULT_RETRY (with `system.current.pending` set); or maps the page itself and
   * returns VM_FAULT_NOPAGE.
   */
  fault?: ((vma: Vma, vmf: FaultInfo) => number) | undefined;
  /** Fault-around: returns the pfn of the page of `pgoff`, with a reference, if it is cached, up to date and within the file; otherwise -1. */
  mapPage?: ((vma: Vma, pgoff: Pages) => number) | undefined;
  /** Called before a clean shared page becomes writable. Returns 0, VM_FAULT_SIGBUS or VM_FAULT_RETRY. */
  pageMkwrite?: ((vma: Vma, vmf: FaultInfo) => number) | undefined;
  /** {@link pageMkwrite} for a VM_PFNMAP page. */
  pfnMkwrite?: ((vma: Vma, vmf: FaultInfo) => number) | undefined;
  /** Called after mremap moved the mapping. Returns 0 or a negative errno. */
  mremap?: ((vma: Vma) => number) | undefined;
  /** Checks whether the VMA may be split at `addr`. Returns 0 or a negative errno. */
  maySplit?: ((vma: Vma, addr: Addr) => number) | undefined;
  /** Returns the name that maps prints for the VMA, or null for the default rule. */
  name?: ((vma: Vma) => string | null) | undefined;
  /** Whether the memory keeps allocation tags, so that PROT_MTE is allowed: memory in RAM only. */
  mayTag?: boolean | undefined;
  /** Returns the bytes of a page of this mapping, when it is not the machine's page. */
  pageSize?: ((vma: Vma) => number) | undefined;
  /** What userfaultfd needs of the driver. Without it a mapping cannot be registered. */
  userfault?: UserfaultOperations | undefined;
}

/** An operation table. Make it once per driver, not per mapping. */
export class VmOperations {
  readonly open: ((vma: Vma) => void) | null;
  readonly close: ((vma: Vma) => void) | null;
  readonly fault: ((vma: Vma, vmf: FaultInfo) => number) | null;
  readonly mapPage: ((vma: Vma, pgoff: Pages) => number) | null;
  readonly pageMkwrite: ((vma: Vma, vmf: FaultInfo) => number) | null;
  readonly pfnMkwrite: ((vma: Vma, vmf: FaultInfo) => number) | null;
  readonly mremap: ((vma: Vma) => number) | null;
  readonly maySplit: ((vma: Vma, addr: Addr) => number) | null;
  readonly name: ((vma: Vma) => string | null) | null;
  readonly pageSize: ((vma: Vma) => number) | null;
  readonly userfault: UserfaultOperations | null;
  readonly mayTag: boolean;

  constructor(init: VmOperationsInit) {
    this.open = init.open ?? null;
    this.close = init.close ?? null;
    this.fault = init.fault ?? null;
    this.mapPage = init.mapPage ?? null;
    this.pageMkwrite = init.pageMkwrite ?? null;
    this.pfnMkwrite = init.pfnMkwrite ?? null;
    this.mremap = init.mremap ?? null;
    this.maySplit = init.maySplit ?? null;
    this.name = init.name ?? null;
    this.pageSize = init.pageSize ?? null;
    this.userfault = init.userfault ?? null;
    this.mayTag = init.mayTag === true;
  }
}
