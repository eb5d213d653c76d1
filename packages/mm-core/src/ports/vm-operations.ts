/**
 * Port: what a mapping's owner does when pages are needed, and when the VMA is copied or goes.
 *
 * One class with every field, so that all operation tables have one shape and calls through them stay monomorphic.
 */
import type { Vma } from '../areas/vma.ts';
import type { FaultInfo } from '../space/fault-info.ts';
import type { Addr, Pages } from '../base/units.ts';

/** The functions that a driver may give; what it leaves out is null in {@link VmOperations}. */
export interface VmOperationsInit {
  /** Another VMA for the same mapping has been made (split, fork, mremap). */
  open?: ((vma: Vma) => void) | undefined;
  /** The VMA goes. A VMA with `close` never merges. */
  close?: ((vma: Vma) => void) | undefined;
  /**
   * Finds the page for `vmf.pgoff`: puts its pfn, with one reference, into `vmf.page` and returns 0 (or VM_FAULT_MAJOR);
   * or returns VM_FAULT_SIGBUS, VM_FAULT_OOM, VM_FAULT_RETRY (with `system.current.pending` set); or maps it itself and returns
   * VM_FAULT_NOPAGE.
   */
  fault?: ((vma: Vma, vmf: FaultInfo) => number) | undefined;
  /** Fault-around: the page of `pgoff` if it can be mapped at once (in the cache, up to date, within the file): pfn with a reference, or -1. */
  mapPage?: ((vma: Vma, pgoff: Pages) => number) | undefined;
  /** A clean shared page is about to become writable: 0, or VM_FAULT_SIGBUS, VM_FAULT_RETRY. */
  pageMkwrite?: ((vma: Vma, vmf: FaultInfo) => number) | undefined;
  /** The same for a VM_PFNMAP page. */
  pfnMkwrite?: ((vma: Vma, vmf: FaultInfo) => number) | undefined;
  /** The mapping has been moved by mremap: 0 or a negative errno. */
  mremap?: ((vma: Vma) => number) | undefined;
  /** Whether the VMA may be split at `addr`: 0 or a negative errno. */
  maySplit?: ((vma: Vma, addr: Addr) => number) | undefined;
  /** What maps prints for the VMA, or null for the usual rule. */
  name?: ((vma: Vma) => string | null) | undefined;
  /** Bytes of a page of this mapping, when it is not the machine's page. */
  pageSize?: ((vma: Vma) => number) | undefined;
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
  }
}
