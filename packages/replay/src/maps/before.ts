/**
 * An address space from the text of a map: for logs that begin in the middle of a process's life.
 *
 * A map does not tell everything: which areas came from one descriptor, what was charged, where the mmap area begins.
 * What is taken instead is said.
 */
import {
  findVma,
  installSpecialMapping,
  pickMmapLayout,
  VM_ACCOUNT,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYWRITE,
  VM_READ,
  vmBrk,
  vmMmapPgoff,
  type VmFile,
} from '@vmarea/mm-core';
import type { MapsLine } from '@vmarea/strace';
import { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED, PROT_EXEC, PROT_READ, PROT_WRITE } from '@vmarea/uapi';
import type { Task } from '@vmarea/kernel';

/**
 * Maps what the lines show; whatever was mapped before is gone.
 *
 * @param open an open file with one reference for a line that shows one
 * @param fixedLayout the program runs without random displacement
 * @returns what was assumed, as sentences; whether the map shows where the heap is
 */
export function restoreMap(
  task: Task,
  lines: readonly MapsLine[],
  open: (line: MapsLine) => VmFile,
  fixedLayout: boolean,
): { readonly said: readonly string[]; readonly heapKnown: boolean } {
  const { cur, sys } = task;
  const { mm } = cur;
  const { system } = mm;
  const said: string[] = [];
  sys.munmap(0, mm.taskSize);
  pickMmapLayout(cur, 0);
  let top = 0;
  for (const line of lines) {
    const len = line.end - line.start;
    const prot = (line.read ? PROT_READ : 0) | (line.write ? PROT_WRITE : 0) | (line.exec ? PROT_EXEC : 0);
    const type = (line.shared ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED;
    let result = 0;
    if (line.name === '[vvar]' || line.name === '[vdso]') {
      const flags = VM_READ | VM_MAYREAD | (line.exec ? VM_EXEC | VM_MAYWRITE | VM_MAYEXEC : 0);
      const made = installSpecialMapping(cur, line.start, len, flags, { name: line.name, fault: null });
      if (typeof made === 'number') result = made;
    } else if (line.name === '[heap]') {
      result = vmBrk(cur, line.start, len, 0);
      if (mm.startBrk === 0) mm.startBrk = line.start;
      mm.brk = line.end;
    } else if (line.name.startsWith('/') || line.inode !== 0) {
      const file = open(line);
      result = vmMmapPgoff(cur, file, line.start, len, prot, type, line.offset / system.pageSize);
      file.fput();
    } else {
      result = vmMmapPgoff(cur, null, line.start, len, prot, type | MAP_ANONYMOUS, 0);
      if (result >= 0 && line.name === '[stack]') {
        const vma = findVma(mm, line.start);
        if (vma !== null) vma.vmFlags |= VM_GROWSDOWN | VM_ACCOUNT;
        mm.startStack = line.end - system.pageSize;
      }
    }
    if (result < 0) said.push(`the area at ${line.start.toString(16)} of the first map cannot be made: ${result}`);
    if (line.name !== '[stack]' && line.end > top) top = line.end;
  }
  if (!fixedLayout && top > 0 && top <= mm.mmapBase) {
    mm.mmapBase = top;
    said.push(`the mmap area is taken to end at ${top.toString(16)}, where the highest area of the first map ends`);
  }
  const heapKnown = mm.startBrk !== 0;
  if (heapKnown) {
    const [start, end] = [mm.startBrk.toString(16), mm.brk.toString(16)];
    said.push(`the heap is taken to begin at ${start} and the break to be at ${end}`);
  }
  return { said, heapKnown };
}
