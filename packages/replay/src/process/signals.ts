/**
 * Judges the log's signals that come from a memory access by the map. A replay has no memory, so it judges what the address
 * meets: no mapping, an area without the right, a stack that may not grow, the end of a file.
 */
import { reasonOf } from '../report/reasons.ts';
import { expandStack, findVma, isErr, VM_EXEC, VM_GROWSDOWN, VM_READ, VM_WRITE, type Vma } from '@vmarea/mm-core';
import type { SignalEvent } from '@vmarea/strace';
import { SIGBUS, SIGSEGV } from '@vmarea/uapi';
import { onCopy } from '@vmarea/what-if';
import { formatBytes } from '@vmarea/situation';
import type { SignalKind } from '../report/report.ts';
import type { Process } from './process.ts';

const SEGV_MAPERR = 1;
const SEGV_ACCERR = 2;
const BUS_ADRERR = 2;

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function areaText(vma: Vma): string {
  const rights = `${(vma.vmFlags & VM_READ) !== 0 ? 'r' : '-'}${(vma.vmFlags & VM_WRITE) !== 0 ? 'w' : '-'}${(vma.vmFlags & VM_EXEC) !== 0 ? 'x' : '-'}`;
  const file = vma.vmFile === null ? '' : ` of ${vma.vmFile.path()}`;
  return `${vma.vmStart.toString(16)}-${vma.vmEnd.toString(16)} ${rights}${file}`;
}

interface Judged {
  readonly kind: SignalKind;
  readonly sentence: string;
}

/** Checks whether the stack above may grow down to the address. */
function growth(process: Process, vma: Vma, addr: number): string {
  const { task } = process;
  const outcome = onCopy(task, (copy) => {
    const own = findVma(copy.mm, vma.vmStart);
    if (own === null) return null;
    copy.cur.call.reason = 0;
    const error = expandStack(copy.cur, own, addr);
    return isErr(error) ? reasonOf(copy.cur.call.reason, error, 'page fault').sentence : '';
  });
  return outcome ?? '';
}

function nothingThere(process: Process, vma: Vma | null, addr: number): Judged {
  if (addr < 4096)
    return { kind: 'agrees', sentence: `Nothing is mapped at ${hex(addr)}: a pointer that is NULL, or nearly.` };
  if (vma !== null && (vma.vmFlags & VM_GROWSDOWN) !== 0) {
    const below = vma.vmStart - addr;
    const why = growth(process, vma, addr);
    if (why !== '') {
      return {
        kind: 'agrees',
        sentence: `${hex(addr)} is ${formatBytes(below)} below the stack at ${hex(vma.vmStart)}, which may not grow so far: ${why}`,
      };
    }
    // Below the stack of a thread that does not run, the address may be in its guard.
    return {
      kind: 'open',
      sentence: `${hex(addr)} is ${formatBytes(below)} below the stack at ${hex(vma.vmStart)}, which could grow so far under the limits that are known (RLIMIT_STACK).`,
    };
  }
  const previous = vma === null ? process.task.mm.tree.last : vma.vmPrev;
  const near = [
    previous === null ? '' : `${formatBytes(addr - previous.vmEnd)} above ${areaText(previous)}`,
    vma === null ? '' : `${formatBytes(vma.vmStart - addr)} below ${areaText(vma)}`,
  ].filter((text) => text !== '');
  const where = near.length === 0 ? '' : `, ${near.join(', ')}`;
  const unknown = process.space.recorded ? ' in what the log shows' : '';
  return {
    kind: process.space.recorded ? 'open' : 'agrees',
    sentence: `Nothing is mapped at ${hex(addr)}${unknown}${where}.`,
  };
}

function inArea(vma: Vma, addr: number, code: number | null): Judged {
  const area = areaText(vma);
  if (code === SEGV_MAPERR)
    return { kind: 'differs', sentence: `The log says that nothing is mapped at ${hex(addr)}; here ${area} is.` };
  const rights = vma.vmFlags & (VM_READ | VM_WRITE | VM_EXEC);
  if (rights === 0) {
    const previous = vma.vmPrev;
    const guard =
      vma.vmNext !== null && vma.vmNext.vmStart === vma.vmEnd ? `: a guard below ${areaText(vma.vmNext)}` : '';
    return {
      kind: 'agrees',
      sentence: `${hex(addr)} lies in ${area}, which allows nothing (PROT_NONE)${guard || (previous === null ? '' : '')}.`,
    };
  }
  if (rights === (VM_READ | VM_WRITE | VM_EXEC))
    return {
      kind: 'open',
      sentence: `${hex(addr)} lies in ${area}, which allows everything: a protection key or userfaultfd may have refused it.`,
    };
  const missing = [
    (rights & VM_READ) === 0 ? 'reads' : '',
    (rights & VM_WRITE) === 0 ? 'writes' : '',
    (rights & VM_EXEC) === 0 ? 'execution' : '',
  ].filter((text) => text !== '');
  return { kind: 'agrees', sentence: `${hex(addr)} lies in ${area}, which does not allow ${missing.join(' or ')}.` };
}

function busError(vma: Vma | null, addr: number, code: number | null): Judged {
  if (code !== null && code !== BUS_ADRERR)
    return {
      kind: 'open',
      sentence: `${hex(addr)}: an unaligned access, or a page with a hardware error; the map does not tell.`,
    };
  if (vma === null || vma.vmStart > addr)
    return { kind: 'open', sentence: `Nothing that the log shows is mapped at ${hex(addr)}.` };
  if (vma.vmFile === null)
    return {
      kind: 'open',
      sentence: `${hex(addr)} lies in anonymous ${areaText(vma)}: its huge pages may have run out.`,
    };
  if (vma.vmFile.hugePageSize !== 0)
    return {
      kind: 'agrees',
      sentence: `${hex(addr)} lies in ${areaText(vma)}: the pool has no free huge page, or the file ends before it.`,
    };
  const { pageSize } = vma.vmMm.system;
  const offset = vma.vmPgoff * pageSize + Math.floor((addr - vma.vmStart) / pageSize) * pageSize;
  return {
    kind: 'agrees',
    sentence: `${hex(addr)} lies in ${areaText(vma)}: the page at ${formatBytes(offset)} of the file is beyond its end (it was cut, or is shorter than its mapping), or could not be read.`,
  };
}

/** Judges a signal by the map. Returns null when it does not come from an access. */
export function judgeSignal(process: Process, event: SignalEvent): Judged | null {
  const { signal, addr, code } = event;
  if ((signal !== SIGSEGV && signal !== SIGBUS) || event.stopped) return null;
  if (addr === null || (code !== null && (code <= 0 || code >= 0x80)))
    return { kind: 'open', sentence: 'The signal was sent by a process or comes of an address that no user can map.' };
  const { mm } = process.task;
  if (addr >= mm.taskSize) return { kind: 'agrees', sentence: `${hex(addr)} is no address of user space.` };
  const vma = findVma(mm, addr);
  if (signal === SIGBUS) return busError(vma, addr, code);
  const inside = vma !== null && vma.vmStart <= addr;
  if (!inside && code === SEGV_ACCERR && !process.space.recorded)
    return {
      kind: 'differs',
      sentence: `The log says that an area at ${hex(addr)} refuses the access; here nothing is mapped there.`,
    };
  return inside ? inArea(vma, addr, code) : nothingThere(process, vma, addr);
}
