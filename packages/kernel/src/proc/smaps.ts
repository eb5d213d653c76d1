/**
 * /proc/PID/smaps and smaps_rollup: the memory use of each mapping. Mirrors show_smap of fs/proc/task_mmu.c.
 *
 * Computes the figures from the page tables and the frames; an engine without memory shows zeroes.
 */
import {
  PTE_DIRTY,
  PTE_PRESENT,
  PTE_PROTNONE,
  PTE_SPECIAL,
  PTE_YOUNG,
  VM_ACCOUNT,
  VM_ARCH_1,
  VM_DENYWRITE,
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_DONTEXPAND,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_HIGH_ARCH,
  VM_HIGH_DROPPABLE,
  VM_HIGH_MTE,
  VM_HIGH_SEALED,
  VM_HIGH_UFFD_MINOR,
  VM_HUGEPAGE,
  VM_HUGETLB,
  VM_IO,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_MERGEABLE,
  VM_MIXEDMAP,
  VM_NOHUGEPAGE,
  VM_NORESERVE,
  VM_PFNMAP,
  VM_RAND_READ,
  VM_READ,
  VM_SEQ_READ,
  VM_SHARED,
  VM_SYNC,
  VM_SOFTDIRTY,
  VM_UFFD_MISSING,
  VM_UFFD_WP,
  VM_WIPEONFORK,
  VM_WRITE,
  type Mm,
  type Vma,
} from '@vmarea/mm-core';
import { PG_ANON, PG_DIRTY, PG_SWAPBACKED, type Frames } from '@vmarea/mm-core/memory';
import { PROT_MTE, type KernelProfile, type ProcFacts } from '@vmarea/uapi';
import { showGateArea, showMapVma, vmaName, type ReadName } from './maps.ts';
import { TextWriter } from './text-writer.ts';

/** The memory use of one or several mappings, in bytes. */
export class MemStats {
  resident = 0;
  pss = 0;
  pssDirty = 0;
  pssLocked = 0;
  sharedClean = 0;
  sharedDirty = 0;
  privateClean = 0;
  privateDirty = 0;
  referenced = 0;
  anonymous = 0;
  lazyfree = 0;
  sharedHugetlb = 0;
  privateHugetlb = 0;
}

/** smap_gather_stats: adds the memory use of one mapping. */
export function gatherStats(frames: Frames, vma: Vma, mss: MemStats): void {
  const mm = vma.vmMm;
  const tables = mm.pageTables;
  if (tables === null) return;
  const huge = (vma.vmFlags & VM_HUGETLB) !== 0;
  for (let addr = tables.nextEntry(vma.vmStart, vma.vmEnd); addr >= 0;) {
    const slot = tables.curSlot;
    const size = tables.curSize;
    const bits = tables.entry(slot);
    if ((bits & (PTE_PRESENT | PTE_PROTNONE)) !== 0 && (bits & PTE_SPECIAL) === 0) {
      const pfn = tables.pfn(slot);
      const mapcount = frames.mapcount[pfn]!;
      if (huge) {
        if (mapcount >= 2) mss.sharedHugetlb += size;
        else mss.privateHugetlb += size;
      } else accountPage(frames, vma, pfn, bits, mss);
    }
    const next = addr + size;
    addr = next < vma.vmEnd ? tables.nextEntry(next, vma.vmEnd) : -1;
  }
}

/** smaps_account: adds one page of a mapping. */
function accountPage(frames: Frames, vma: Vma, pfn: number, bits: number, mss: MemStats): void {
  const size = vma.vmMm.system.pageSize;
  const mapcount = frames.mapcount[pfn]!;
  const flags = frames.flags[pfn]!;
  const dirty = ((bits & PTE_DIRTY) | (flags & PG_DIRTY)) !== 0;
  if ((flags & PG_ANON) !== 0) {
    mss.anonymous += size;
    if (!dirty && (flags & PG_SWAPBACKED) === 0) mss.lazyfree += size;
  }
  mss.resident += size;
  if ((bits & PTE_YOUNG) !== 0) mss.referenced += size;
  // Pss has 12 binary fraction digits, and is truncated there.
  const pss = mapcount >= 2 ? Math.floor((size * 4096) / mapcount) / 4096 : size;
  mss.pss += pss;
  if (dirty) mss.pssDirty += pss;
  if ((vma.vmFlags & VM_LOCKED) !== 0) mss.pssLocked += pss;
  if (mapcount >= 2) {
    if (dirty) mss.sharedDirty += size;
    else mss.sharedClean += size;
  } else if (dirty) mss.privateDirty += size;
  else mss.privateClean += size;
}

/** VmFlags in the order of bits. A flag with an empty name is not shown. */
const FLAG_NAMES: readonly (readonly [flag: number, name: string | ((proc: ProcFacts) => string)])[] = [
  [VM_READ, 'rd'],
  [VM_WRITE, 'wr'],
  [VM_EXEC, 'ex'],
  [VM_SHARED, 'sh'],
  [VM_MAYREAD, 'mr'],
  [VM_MAYWRITE, 'mw'],
  [VM_MAYEXEC, 'me'],
  [VM_MAYSHARE, 'ms'],
  [VM_GROWSDOWN, 'gd'],
  [VM_UFFD_MISSING, 'um'],
  [VM_PFNMAP, 'pf'],
  // On later kernels our VM_MTE_ALLOWED has this bit; it is not shown.
  [VM_DENYWRITE, (proc) => (proc.denywriteShown ? 'dw' : '')],
  [VM_UFFD_WP, 'uw'],
  [VM_LOCKED, 'lo'],
  [VM_IO, 'io'],
  [VM_SEQ_READ, 'sr'],
  [VM_RAND_READ, 'rr'],
  [VM_DONTCOPY, 'dc'],
  [VM_DONTEXPAND, 'de'],
  // The table of older kernels has no name for the bit.
  [VM_LOCKONFAULT, (proc) => (proc.lockOnFaultShown ? 'lf' : '??')],
  [VM_ACCOUNT, 'ac'],
  [VM_NORESERVE, 'nr'],
  [VM_HUGETLB, 'ht'],
  [VM_SYNC, 'sf'],
  [VM_ARCH_1, (proc) => proc.vmArch1Name],
  [VM_WIPEONFORK, 'wf'],
  [VM_DONTDUMP, 'dd'],
  [VM_SOFTDIRTY, 'sd'],
  [VM_MIXEDMAP, 'mm'],
  [VM_HUGEPAGE, 'hg'],
  [VM_NOHUGEPAGE, 'nh'],
  [VM_MERGEABLE, 'mg'],
];

/** Formats the flags of a mapping as VmFlags does, separated by one blank. */
export function vmFlagsText(profile: KernelProfile, vmFlags: number, vmFlagsHigh: number = 0): string {
  let text = '';
  for (const [flag, known] of FLAG_NAMES) {
    if ((vmFlags & flag) === 0) continue;
    const name = typeof known === 'string' ? known : known(profile.proc);
    if (name === '') continue;
    text += text === '' ? name : ` ${name}`;
  }
  if ((vmFlagsHigh & VM_HIGH_MTE) !== 0) text += ' mt';
  if ((vmFlagsHigh & VM_HIGH_UFFD_MINOR) !== 0) text += ' ui';
  if ((vmFlagsHigh & VM_HIGH_DROPPABLE) !== 0) text += ' dp';
  if ((vmFlagsHigh & VM_HIGH_SEALED) !== 0) text += ' sl';
  return text;
}

const kB = (bytes: number): number => Math.floor(bytes / 1024);

/** Writes the figures, in the order and selection of each version. */
function showStats(out: TextWriter, mm: Mm, vma: Vma | null, mss: MemStats, rollup: boolean): void {
  const modern = mm.system.profile.proc.statusRssDetail;
  const kernelPage = kB(vma?.vmOps?.pageSize?.(vma) ?? mm.system.pageSize);
  if (!rollup && modern) {
    out.kilobytes('KernelPageSize: ', kernelPage);
    out.kilobytes('MMUPageSize:    ', kernelPage);
  }
  out.kilobytes('Rss:            ', kB(mss.resident));
  out.kilobytes('Pss:            ', kB(mss.pss));
  if (modern) out.kilobytes('Pss_Dirty:      ', kB(mss.pssDirty));
  out.kilobytes('Shared_Clean:   ', kB(mss.sharedClean));
  out.kilobytes('Shared_Dirty:   ', kB(mss.sharedDirty));
  out.kilobytes('Private_Clean:  ', kB(mss.privateClean));
  out.kilobytes('Private_Dirty:  ', kB(mss.privateDirty));
  out.kilobytes('Referenced:     ', kB(mss.referenced));
  out.kilobytes('Anonymous:      ', kB(mss.anonymous));
  if (modern) out.kilobytes('LazyFree:       ', kB(mss.lazyfree));
  out.kilobytes('AnonHugePages:  ', 0);
  if (modern) {
    out.kilobytes('ShmemPmdMapped: ', 0);
    out.kilobytes('FilePmdMapped:  ', 0);
  }
  out.kilobytes('Shared_Hugetlb: ', kB(mss.sharedHugetlb));
  out.text('Private_Hugetlb: ');
  out.decimal(kB(mss.privateHugetlb), 7);
  out.text(' kB');
  out.newline();
  out.kilobytes('Swap:           ', 0);
  out.kilobytes('SwapPss:        ', 0);
  if (!rollup && !modern) {
    out.kilobytes('KernelPageSize: ', kernelPage);
    out.kilobytes('MMUPageSize:    ', kernelPage);
  }
  out.kilobytes('Locked:         ', kB(mss.pssLocked));
}

/** Writes the whole of /proc/PID/smaps. */
export function showSmaps(mm: Mm, frames: Frames | null, readName: ReadName | null = null): TextWriter {
  const { profile } = mm.system;
  const modern = profile.proc.statusRssDetail;
  const out = new TextWriter(1024 * (mm.mapCount + 1));
  for (let vma = mm.tree.first; vma !== null; vma = vma.vmNext) {
    const mss = new MemStats();
    if (frames !== null) gatherStats(frames, vma, mss);
    showMapVma(out, mm, vma, readName);
    if (!modern && vma.vmFile === null && vma.anonName !== null) {
      out.text(`Name:           ${vmaName(mm, vma, readName)}`);
      out.newline();
    }
    out.kilobytes('Size:           ', kB(vma.vmEnd - vma.vmStart));
    showStats(out, mm, vma, mss, false);
    if (modern) {
      out.text('THPeligible:    0');
      out.newline();
    }
    // Without tags the bits are those of a protection key, which have no names.
    const named = (mm.system.archProt & PROT_MTE) !== 0 ? vma.vmFlagsHigh : vma.vmFlagsHigh & ~VM_HIGH_ARCH;
    out.text(`VmFlags: ${vmFlagsText(profile, vma.vmFlags, named)} `);
    out.newline();
  }
  const gate = mm.system.arch.gateArea;
  if (gate !== null) {
    showGateArea(out, gate);
    out.kilobytes('Size:           ', kB(gate.size));
    showStats(out, mm, null, new MemStats(), false);
    if (modern) {
      out.text('THPeligible:    0');
      out.newline();
    }
    out.text(`VmFlags: ${gate.vmFlags} `);
    out.newline();
  }
  return out;
}

/** Writes /proc/PID/smaps_rollup (6.1): the sums over all mappings. */
export function showSmapsRollup(mm: Mm, frames: Frames | null): TextWriter {
  const out = new TextWriter();
  const mss = new MemStats();
  const first = mm.tree.first;
  for (let vma = first; vma !== null; vma = vma.vmNext) if (frames !== null) gatherStats(frames, vma, mss);
  out.hex(first === null ? 0 : first.vmStart, 8);
  out.byte(0x2d);
  out.hex(mm.tree.highestVmEnd, 8);
  out.text(' ---p 00000000 00:00 0 ');
  out.pad(72);
  out.text('[rollup]');
  out.newline();
  showStats(out, mm, null, mss, true);
  return out;
}
