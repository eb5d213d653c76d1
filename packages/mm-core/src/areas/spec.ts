/**
 * An area that is to be placed or joined: the role of struct vma_merge_struct.
 *
 * Each call has one, which is filled anew for each question, as the kernel's lies on the stack. Who asks fills all of it:
 * `anew` and `partOf` leave nothing from the question before.
 */
import type { Addr, Pages, VmFlags } from '../base/units.ts';
import type { VmFile } from '../ports/file.ts';
import type { AnonVma } from '../shape/anon-vma.ts';
import type { Vma } from './vma.ts';

/** What is asked of `vmaMerge`, `modifyVma` and `whyNotJoined`. */
export class AreaSpec {
  /** Page-aligned, inside the address space. */
  start: Addr = 0;
  /** First byte behind. */
  end: Addr = 0;
  vmFlags: VmFlags = 0;
  /** VM_HIGH_ bits. */
  vmFlagsHigh = 0;
  file: VmFile | null = null;
  /** Page offset at `start`: of the file, or of the address for anonymous memory. */
  pgoff: Pages = 0;
  /** That of the mapped area; null for a new one. */
  anonVma: AnonVma | null = null;
  policy: object | null = null;
  userfaultCtx: object | null = null;
  /** Name of anonymous memory. */
  anonName: number | string | null = null;

  /** A new anonymous area [start, end) of an address space with `perPage` pages per byte. */
  anew(start: Addr, end: Addr, perPage: number): this {
    this.start = start;
    this.end = end;
    this.vmFlags = 0;
    this.vmFlagsHigh = 0;
    this.file = null;
    this.pgoff = start * perPage;
    this.anonVma = null;
    this.policy = null;
    this.userfaultCtx = null;
    this.anonName = null;
    return this;
  }

  /** [start, end) with everything that `vma` is, whether or not it lies inside. */
  partOf(vma: Vma, start: Addr, end: Addr): this {
    this.start = start;
    this.end = end;
    this.vmFlags = vma.vmFlags;
    this.vmFlagsHigh = vma.vmFlagsHigh;
    this.file = vma.vmFile;
    this.pgoff = vma.vmPgoff + (start - vma.vmStart) * vma.vmMm.system.perPage;
    this.anonVma = vma.anonVma;
    this.policy = vma.vmPolicy;
    this.userfaultCtx = vma.userfaultCtx;
    this.anonName = vma.anonName;
    return this;
  }
}
