/**
 * The program that ran the scripts: its own memory, mapped by exec, with every page accessed before the first operation and
 * again around forks, so that operations never add to it.
 *
 * The recordings contain only the number of its pages, not which pages: the first ones of each mapping are used.
 */
import { findVma, isErr } from '@vmarea/mm-core';
import { ACCESS_READ, ACCESS_WRITE, accessPfn, handleMmFault } from '@vmarea/mm-core/memory';
import type { ElfProgramHeader, Kernel, LimitTable, Task } from '@vmarea/kernel';
import {
  allCapabilities,
  CAP_SYS_RESOURCE,
  ET_EXEC,
  MADV_DONTNEED,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  PF_R,
  PF_W,
  PF_X,
  PT_GNU_STACK,
  PT_LOAD,
  rlimitByName,
} from '@vmarea/uapi';
import { inContainer } from './machine.ts';
import { exact, type Header, type SmapsVma } from './recording.ts';

/** Pages of the executor that are always in memory. */
export interface OwnPages {
  /** Reads each. */
  readonly readAddresses: readonly number[];
  /** Writes each. */
  readonly writeAddresses: readonly number[];
}

/** The path of the executor's file. */
const PROGRAM = '/mmexec';

function limitOf(text: string): number {
  return text === 'inf' ? Infinity : exact(text);
}

function applyLimits(header: Header, table: LimitTable): void {
  for (const [name, [soft, hard]] of Object.entries(header.rlimits)) {
    const resource = rlimitByName(name);
    if (resource !== undefined) table.assign(resource, limitOf(soft), limitOf(hard));
  }
}

/** The executor's two segments, from its initial maps. */
function segments(header: Header): ElfProgramHeader[] {
  const phdrs: ElfProgramHeader[] = [];
  for (const vma of header.initial_smaps) {
    if (vma['path'] !== PROGRAM) continue;
    const perms = String(vma['perms']);
    const vaddr = exact(vma['start']);
    const size = exact(vma['end']) - vaddr;
    phdrs.push({
      type: PT_LOAD,
      flags: (perms.startsWith('r') ? PF_R : 0) | (perms[1] === 'w' ? PF_W : 0) | (perms[2] === 'x' ? PF_X : 0),
      offset: exact(vma['off']),
      vaddr,
      filesz: size,
      memsz: size,
      align: header.page_size,
    });
  }
  phdrs.push({ type: PT_GNU_STACK, flags: PF_R | PF_W, offset: 0, vaddr: 0, filesz: 0, memsz: 0, align: 16 });
  return phdrs;
}

/** Returns the addresses of pages [from, from + count) of a mapping. */
function pages(start: number, from: number, count: number, pageSize: number): number[] {
  return Array.from({ length: count }, (_, i) => start + (from + i) * pageSize);
}

function ownPages(header: Header): OwnPages {
  const kb = header.page_size / 1024;
  const readAddresses: number[] = [];
  const writeAddresses: number[] = [];
  const figure = (vma: SmapsVma, name: string): number => Number(vma[name]) / kb;
  for (const vma of header.initial_smaps) {
    const start = exact(vma['start']);
    const end = exact(vma['end']);
    const rss = figure(vma, 'Rss');
    const anon = figure(vma, 'Anonymous');
    if (vma['path'] === '[stack]') {
      writeAddresses.push(...pages(end - anon * header.page_size, 0, anon, header.page_size));
    } else {
      const hole = exact(header.scratch_hole);
      const all = pages(start, 0, (end - start) / header.page_size, header.page_size).filter((addr) => addr !== hole);
      writeAddresses.push(...all.slice(0, anon));
      readAddresses.push(...all.slice(anon, rss));
    }
  }
  return { readAddresses, writeAddresses };
}

/**
 * The executor reads its data after it has written the first page: the pages of the file that the fault maps around it count
 * until they are written, too. This is visible when resident pages are counted in batches (VmHWM of 6.12 at 16 KiB).
 *
 * @param data the segment of the data
 */
function readDataOnce(task: Task, data: ElfProgramHeader, pageSize: number): void {
  const { profile, config } = task.mm.system;
  if (profile.faults.rssBatch === 0) return;
  // Exec has read the file, so its pages are in the cache.
  const fd = task.open(PROGRAM, O_RDONLY);
  task.sys.pread(fd, new Uint8Array(config.faultAroundBytes), data.offset);
  task.close(fd);
  accessPfn(task.cur, data.vaddr, ACCESS_WRITE);
  accessPfn(task.cur, data.vaddr + pageSize, ACCESS_READ);
}

/** Prepares the executor before the first operation. */
export interface Executor {
  readonly task: Task;
  readonly own: OwnPages;
}

/** Accesses the executor's own pages; skips those that a script has unmapped. */
export function touchOwn(task: Task, own: OwnPages): void {
  for (const addr of own.readAddresses) accessPfn(task.cur, addr, ACCESS_READ);
  for (const addr of own.writeAddresses) accessPfn(task.cur, addr, ACCESS_WRITE);
}

/**
 * While the executor waits for a child it takes a fault that the kernel tries twice: the first try counts towards the next
 * update of the RSS counters (every 66 tries), but not as a minor fault. This is visible in VmHWM on 6.1.
 */
export function faultTwice(task: Task, own: OwnPages): void {
  const addr = own.readAddresses[0] ?? own.writeAddresses[0]!;
  const vma = findVma(task.mm, addr);
  if (vma !== null && vma.vmStart <= addr) handleMmFault(task.cur, vma, addr, 0);
}

/** Zaps an empty page, as the executor does before each read of its counters, so that the kernel's counts are complete. */
export function foldCounters(task: Task, header: Header): void {
  task.sys.madvise(exact(header.scratch_hole), header.page_size, MADV_DONTNEED);
}

/** Starts the executor as the header describes. */
export function startExecutor(kernel: Kernel, header: Header): Executor {
  const task = kernel.spawn({
    comm: 'mmexec',
    cwd: '/w',
    personality: exact(header.personality),
    limits: (table) => applyLimits(header, table),
  });
  const phdrs = segments(header);
  const size = Math.max(...phdrs.map((p) => p.offset + p.filesz));
  task.close(task.open(PROGRAM, O_RDWR | O_CREAT, 0o755));
  task.truncate(PROGRAM, size);
  // Descriptors 0, 1 and 2 are in use; the recording's output was 200.
  task.open('/dev/null', O_RDONLY);
  task.open('/dev/null', O_RDWR);
  task.open('/dev/null', O_RDWR);
  const fd = task.open(PROGRAM, O_RDONLY);
  const file = task.cur.files.fget(fd)!;
  const layout = task.sys.execve({ file, type: ET_EXEC, phdrs }, { stackBytes: 512 });
  if (typeof layout === 'number') throw new Error(`conformance: ${header.name}: exec of the executor: ${layout}`);
  task.close(fd);
  const own = ownPages(header);
  for (const addr of own.readAddresses) accessPfn(task.cur, addr, ACCESS_READ);
  readDataOnce(task, phdrs[1]!, header.page_size);
  touchOwn(task, own);
  if (inContainer(header)) {
    task.unlink('/dev/full');
    task.sys.capset([...allCapabilities()].filter((capability) => capability !== CAP_SYS_RESOURCE));
  }
  if (header.uid !== 0) task.setuid(header.uid);
  // The executor queries where a mapping would go, which is visible in VmPeak.
  const probe = task.sys.mmap(0, 4096, 3, 0x22, -1, 0);
  if (isErr(probe)) throw new Error(`conformance: ${header.name}: the first mapping: ${probe}`);
  task.munmap(probe, 4096);
  foldCounters(task, header);
  kernel.system.committedAs = (header.meminfo['Committed_AS'] ?? 0) / (header.page_size / 1024);
  return { task, own };
}
