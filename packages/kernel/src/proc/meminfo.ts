/**
 * /proc/meminfo: the machine's memory, from the frame allocator's and the engine's own counters. Mirrors fs/proc/meminfo.c.
 */
import { vmCommitLimit, type MmSystem } from '@vmarea/mm-core';
import type { Frames } from '@vmarea/mm-core/memory';
import type { HugePool } from '../kernel.ts';
import { TextWriter } from './text-writer.ts';

/** The values of meminfo, in kB except the counts of the pool. */
export interface MemInfo {
  readonly memTotal: number;
  readonly memFree: number;
  readonly memAvailable: number;
  readonly cached: number;
  readonly dirty: number;
  readonly writeback: number;
  readonly anonPages: number;
  readonly mapped: number;
  readonly shmem: number;
  readonly pageTables: number;
  readonly commitLimit: number;
  readonly committedAs: number;
  readonly huge: HugePool | null;
}

/** Reads the counters. */
export function memInfo(system: MmSystem, frames: Frames | null, huge: HugePool | null): MemInfo {
  const kb = system.pageSize / 1024;
  const total = system.ram.totalPages() * kb;
  const free = frames === null ? total : frames.nrFree * kb;
  const cached = (frames?.nrFilePages ?? 0) * kb;
  const shmem = (frames?.nrShmem ?? 0) * kb;
  return {
    memTotal: total,
    memFree: free,
    memAvailable: free + cached - shmem,
    cached,
    dirty: (frames?.nrFileDirty ?? 0) * kb,
    writeback: (frames?.nrWriteback ?? 0) * kb,
    anonPages: (frames?.nrAnonMapped ?? 0) * kb,
    mapped: (frames?.nrFileMapped ?? 0) * kb,
    shmem,
    pageTables: (frames?.nrPageTable ?? 0) * kb,
    commitLimit: vmCommitLimit(system) * kb,
    committedAs: Math.max(system.committedAs, 0) * kb,
    huge,
  };
}

/** Writes the text. */
export function showMeminfo(info: MemInfo): TextWriter {
  const out = new TextWriter(1024);
  out.kilobytes('MemTotal:       ', info.memTotal);
  out.kilobytes('MemFree:        ', info.memFree);
  out.kilobytes('MemAvailable:   ', info.memAvailable);
  out.kilobytes('Buffers:        ', 0);
  out.kilobytes('Cached:         ', info.cached);
  out.kilobytes('SwapCached:     ', 0);
  out.kilobytes('SwapTotal:      ', 0);
  out.kilobytes('SwapFree:       ', 0);
  out.kilobytes('Dirty:          ', info.dirty);
  out.kilobytes('Writeback:      ', info.writeback);
  out.kilobytes('AnonPages:      ', info.anonPages);
  out.kilobytes('Mapped:         ', info.mapped);
  out.kilobytes('Shmem:          ', info.shmem);
  out.kilobytes('PageTables:     ', info.pageTables);
  out.kilobytes('CommitLimit:    ', info.commitLimit);
  out.kilobytes('Committed_AS:   ', info.committedAs);
  if (info.huge === null) return out;
  const count = (name: string, value: number): void => {
    out.text(name);
    out.decimal(value, 8);
    out.newline();
  };
  count('HugePages_Total:', info.huge.nrHugePages);
  count('HugePages_Free: ', info.huge.freeHugePages);
  count('HugePages_Rsvd: ', info.huge.resvHugePages);
  count('HugePages_Surp: ', info.huge.surplusHugePages);
  out.kilobytes('Hugepagesize:   ', info.huge.size / 1024);
  return out;
}
