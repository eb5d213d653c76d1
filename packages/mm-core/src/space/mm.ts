/**
 * struct mm_struct: one address space. Data only; the calls are functions in their own files.
 */
import type { PageTables } from '../ports/arch.ts';
import type { Tracer } from '../reasons/tracer.ts';
import type { MmSystem } from './system.ts';
import type { VmFile } from '../ports/file.ts';
import { VmaTable } from '../areas/table.ts';
import { VmaTree } from '../areas/tree/tree.ts';

/** An address space. `createMm` makes it, `exitMmap` ends it. */
export class Mm {
  readonly system: MmSystem;
  /** The records of the VMAs. */
  readonly vmas: VmaTable;
  /** The index of the VMAs. */
  readonly tree: VmaTree;
  /** The number of VMAs; equals `tree.size`. */
  mapCount = 0;
  /** Pages mapped, and the largest number so far (VmPeak, together with hiwaterVm). */
  totalVm = 0;
  hiwaterVm = 0;
  /** The largest number of resident pages, as seen before each unmapping. */
  hiwaterRss = 0;
  /** Pages of VM_LOCKED mappings. */
  lockedVm = 0;
  /** 4.4: pages of file mappings. */
  sharedVm = 0;
  /** Pages of executable mappings, as the profile counts them. */
  execVm = 0;
  stackVm = 0;
  /** 6.1: pages of private writable mappings except stacks. */
  dataVm = 0;
  /** Flags that every new mapping gets (mlockall(MCL_FUTURE)). */
  defFlags = 0;
  /** End of user addresses. */
  readonly taskSize: number;
  mmapBase = 0;
  /** Whether the layout is bottom-up. */
  mmapLegacy = false;
  /** Where the heap begins, and where it ends, in bytes; 0 without a heap. `setHeap` and exec place it. */
  startBrk = 0;
  brk = 0;
  startStack = 0;
  startCode = 0;
  endCode = 0;
  startData = 0;
  endData = 0;
  argStart = 0;
  envEnd = 0;
  /** The executable file of the program. */
  exeFile: VmFile | null = null;
  /** PR_SET_MDWE: PR_MDWE_ bits, 0 when not set. */
  mdwe = 0;
  /** The protection keys that are allocated, as bits, and the one of execute-only memory, -1 for none. */
  pkeys = 1;
  executeOnlyPkey = -1;
  /** PR_SET_MEMORY_MERGE (MMF_VM_MERGE_ANY). */
  mergeAny = false;
  /** PR_SET_THP_DISABLE: 0, 1, or 1 | PR_THP_DISABLE_EXCEPT_ADVISED. */
  thpDisable = 0;
  /** CONFIG_MSM_APP_SETTINGS: set once a listed library was mapped. */
  appSetting = false;
  /** The mmap lock: a check against re-entrance, since the code is synchronous. */
  locked = false;
  /** The listener, or null. */
  tracer: Tracer | null = null;
  /** The number of tasks that use it. */
  users = 1;

  // --- for the memory (memory/); null and zero in an engine without memory
  pageTables: PageTables | null = null;
  /** Resident pages by kind: MM_FILEPAGES, MM_ANONPAGES, MM_SHMEMPAGES. */
  rssFile = 0;
  rssAnon = 0;
  rssShmem = 0;
  /** Bytes of huge pages mapped (HugetlbPages). */
  hugetlbBytes = 0;
  /** Incremented at each invalidation of cached translations. */
  tlbGeneration = 0;
  /** The state of the soft MMU; only memory/ reads it. */
  memory: object | null = null;

  constructor(system: MmSystem) {
    this.system = system;
    system.hasMm = true;
    this.taskSize = system.arch.taskSize;
    this.vmas = new VmaTable(this);
    this.tree = new VmaTree(this.vmas, system.stackGuardGap);
  }
}
