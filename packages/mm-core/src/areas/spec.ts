/**
 * A request to place or join an area: the role of struct vma_merge_struct.
 *
 * Each call has one and fills it anew for each question, as the kernel fills the one on its stack. `anew` and `partOf` set
 * every field.
 */
import type { Addr, Pages, VmFlags } from '../base/units.ts';
import type { UserfaultContext } from '../ports/userfault.ts';
import type { VmFile } from '../ports/file.ts';
import type { AnonVma } from '../shape/anon-vma.ts';
import type { Vma } from './vma.ts';

/** The request that `vmaMerge`, `modifyVma` and `whyNotJoined` take. */
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
  /** The anon_vma of the mapped area; null for a new one. */
  anonVma: AnonVma | null = null;
  /** The mapped area that this is a part or a copy of; null for a new one. */
  source: Vma | null = null;
  policy: object | null = null;
  userfaultCtx: UserfaultContext | null = null;
  /** Name of anonymous memory. */
  anonName: number | string | null = null;

  /** Describes a new anonymous area [start, end) of an address space with `perPage` pages per byte. */
  anew(start: Addr, end: Addr, perPage: number): this {
    this.start = start;
    this.end = end;
    this.vmFlags = 0;
    this.vmFlagsHigh = 0;
    this.file = null;
    this.pgoff = start * perPage;
    this.anonVma = null;
    this.source = null;
    this.policy = null;
    this.userfaultCtx = null;
    this.anonName = null;
    return this;
  }

  /** Describes only what `modifyFlags` reads: [start, end) and the flags that it shall get. Leaves the other fields. */
  range(start: Addr, end: Addr, vmFlags: VmFlags): this {
    this.start = start;
    this.end = end;
    this.vmFlags = vmFlags;
    return this;
  }

  /** Describes [start, end) with the flags, file and other properties of `vma`. The range may lie outside of `vma`. */
  partOf(vma: Vma, start: Addr, end: Addr): this {
    this.start = start;
    this.end = end;
    this.vmFlags = vma.vmFlags;
    this.vmFlagsHigh = vma.vmFlagsHigh;
    this.file = vma.vmFile;
    this.pgoff = vma.vmPgoff + (start - vma.vmStart) * vma.vmMm.system.perPage;
    this.anonVma = vma.anonVma;
    this.source = vma;
    this.policy = vma.vmPolicy;
    this.userfaultCtx = vma.userfaultCtx;
    this.anonName = vma.anonName;
    return this;
  }
}
