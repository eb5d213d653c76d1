/**
 * /proc/PID/maps: one line per mapping. Mirrors show_map_vma of fs/proc/task_mmu.c.
 */
import { VM_EXEC, VM_MAYSHARE, VM_READ, VM_WRITE, type Mm, type Vma } from '@vmarea/mm-core';
import { TextWriter } from './text-writer.ts';

/** Reads the text that a 4.4 name of anonymous memory points to; null when it cannot be read. */
export type ReadName = (mm: Mm, address: number) => string | null;

/** Where names begin: 25 + 6 * sizeof(void *) - 1, and one blank. */
const NAME_COLUMN = 72;

/**
 * What a mapping is called, or '' when it has no name.
 *
 * @param readName for names that are user addresses
 */
export function vmaName(mm: Mm, vma: Vma, readName: ReadName | null): string {
  if (vma.vmFile !== null) return vma.vmFile.path();
  const own = vma.vmOps?.name?.(vma) ?? null;
  if (own !== null) return own;
  if (vma.vmStart <= mm.brk && vma.vmEnd >= mm.startBrk) return '[heap]';
  if (vma.vmStart <= mm.startStack && vma.vmEnd >= mm.startStack) return '[stack]';
  if (vma.anonName === null) return '';
  const text = typeof vma.anonName === 'string' ? vma.anonName : readName?.(mm, vma.anonName);
  return text == null ? '[anon:<fault>]' : `[anon:${text}]`;
}

/** One line, as maps and (first) smaps have it. */
export function showMapVma(out: TextWriter, mm: Mm, vma: Vma, readName: ReadName | null): void {
  const file = vma.vmFile;
  const flags = vma.vmFlags;
  out.hex(vma.vmStart, 8);
  out.byte(0x2d);
  out.hex(vma.vmEnd, 8);
  out.byte(0x20);
  out.byte((flags & VM_READ) !== 0 ? 0x72 : 0x2d);
  out.byte((flags & VM_WRITE) !== 0 ? 0x77 : 0x2d);
  out.byte((flags & VM_EXEC) !== 0 ? 0x78 : 0x2d);
  out.byte((flags & VM_MAYSHARE) !== 0 ? 0x73 : 0x70);
  out.byte(0x20);
  out.hex(file === null ? 0 : vma.vmPgoff * mm.system.pageSize, 8);
  out.byte(0x20);
  out.hex(file === null ? 0 : file.fInode.devMajor, 2);
  out.byte(0x3a);
  out.hex(file === null ? 0 : file.fInode.devMinor, 2);
  out.byte(0x20);
  out.decimal(file === null ? 0 : file.fInode.ino);
  out.byte(0x20);
  const name = vmaName(mm, vma, readName);
  if (name !== '') {
    out.pad(NAME_COLUMN);
    out.path(name);
  }
  out.newline();
}

/** The whole of /proc/PID/maps. */
export function showMaps(mm: Mm, readName: ReadName | null = null): TextWriter {
  const out = new TextWriter(128 * (mm.mapCount + 1));
  for (let vma = mm.tree.first; vma !== null; vma = vma.vmNext) showMapVma(out, mm, vma, readName);
  return out;
}
