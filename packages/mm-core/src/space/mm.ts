/**
 * struct mm_struct: one address space. Data only; the verbs are functions in their own files.
 */
import type { PageTables } from '../ports/arch.ts';
import type { Tracer } from '../reasons/tracer.ts';
import type { MmSystem } from './system.ts';
import type { VmFile } from '../ports/file.ts';
import { VmaTable } from '../areas/table.ts';
import { VmaTree } from '../areas/tree/tree.ts';

/** An address space. Made by `createMm`, ended by `exitMmap`. */
export class Mm {
  readonly system: MmSystem;
  /** The VMAs themselves. */
  readonly vmas: VmaTable;
  /** The index of the VMAs. */
  readonly tree: VmaTree;
  /** VMAs; equals `tree.size`. */
  mapCount = 0;
  /** Pages mapped, and the most there ever were (VmPeak, together with hiwaterVm). */
  totalVm = 0;
  hiwaterVm = 0;
  /** Most resident pages seen when something was unmapped. */
  hiwaterRss = 0;
  /** Pages of VM_LOCKED mappings. */
  lockedVm = 0;
  /** 4.4: pages of file mappings. */
  sharedVm = 0;
  /** Pages of executable mappings, as the profile counts them. */
  execVm = 0;
  stackVm = 0;
  /** 6.1: pages of private writable mappings that are no stack. */
  dataVm = 0;
  /** Flags that every new mapping gets (mlockall(MCL_FUTURE)). */
  defFlags = 0;
  /** End of user addresses. */
  readonly taskSize: number;
  mmapBase = 0;
  /** Bottom-up layout. */
  mmapLegacy = false;
  startBrk = 0;
  brk = 0;
  startStack = 0;
  startCode = 0;
  endCode = 0;
  startData = 0;
  endData = 0;
  argStart = 0;
  envEnd = 0;
  /** The program. */
  exeFile: VmFile | null = null;
  /** PR_SET_MDWE: PR_MDWE_ bits, 0 when not set. */
  mdwe = 0;
  /** CONFIG_MSM_APP_SETTINGS: a listed library was mapped. */
  appSetting = false;
  /** The mmap lock: a check against re-entrance, since the code is synchronous. */
  locked = false;
  /** Who listens, or null. */
  tracer: Tracer | null = null;
  /** References: tasks that use it. */
  users = 1;

  // --- the memory behind it (memory/); null and zero in an engine that runs alone
  pageTables: PageTables | null = null;
  /** Resident pages by kind: MM_FILEPAGES, MM_ANONPAGES, MM_SHMEMPAGES. */
  rssFile = 0;
  rssAnon = 0;
  rssShmem = 0;
  /** Bytes of huge pages mapped (HugetlbPages). */
  hugetlbBytes = 0;
  /** Bumped at each invalidation of cached translations. */
  tlbGeneration = 0;
  /** The soft MMU of this address space: memory/ decides what it is. */
  memory: object | null = null;

  constructor(system: MmSystem) {
    this.system = system;
    this.taskSize = system.arch.taskSize;
    this.vmas = new VmaTable(this);
    this.tree = new VmaTree(this.vmas, system.stackGuardGap);
  }
}
