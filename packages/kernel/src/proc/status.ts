/**
 * /proc/PID/status and statm: the sizes of an address space. Mirrors task_mem and proc_pid_statm of fs/proc.
 */
import type { Mm } from '@vmarea/mm-core';
import { TextWriter } from './text-writer.ts';

/** The figures of an address space, in kB as status prints them. */
export interface MmFigures {
  readonly vmPeak: number;
  readonly vmSize: number;
  readonly vmLck: number;
  readonly vmHwm: number;
  readonly vmRss: number;
  readonly rssAnon: number;
  readonly rssFile: number;
  readonly rssShmem: number;
  readonly vmData: number;
  readonly vmStk: number;
  readonly vmExe: number;
  readonly vmLib: number;
  readonly vmPte: number;
  readonly hugetlbPages: number;
}

/** task_mem: computes the figures. */
export function mmFigures(mm: Mm): MmFigures {
  const { profile, pageSize, pageMask } = mm.system;
  const kb = pageSize / 1024;
  const rss = mm.rssFile + mm.rssAnon + mm.rssShmem;
  const startText = mm.startCode - (mm.startCode & pageMask);
  const endText = Math.ceil(mm.endCode / pageSize) * pageSize;
  let text = (endText - startText) / 1024;
  const executable = mm.execVm * kb;
  // The newer kernel does not let VmLib become negative after the program's text was unmapped.
  if (profile.limits.statDataVm) text = Math.min(text, executable);
  const tables = mm.pageTables;
  const leaf = tables === null ? 0 : tables.leafTables;
  const upper = tables === null ? 0 : tables.upperTables;
  return {
    vmPeak: Math.max(mm.hiwaterVm, mm.totalVm) * kb,
    vmSize: mm.totalVm * kb,
    vmLck: mm.lockedVm * kb,
    vmHwm: Math.max(mm.hiwaterRss, rss) * kb,
    vmRss: rss * kb,
    rssAnon: mm.rssAnon * kb,
    rssFile: mm.rssFile * kb,
    rssShmem: mm.rssShmem * kb,
    vmData: (profile.limits.statDataVm ? mm.dataVm : mm.totalVm - mm.sharedVm - mm.stackVm) * kb,
    vmStk: mm.stackVm * kb,
    vmExe: text,
    vmLib: executable - text,
    vmPte: (profile.proc.vmPteAllLevels ? leaf + upper : leaf) * kb,
    hugetlbPages: mm.hugetlbBytes / 1024,
  };
}

/** The process of a status file. */
export interface StatusSubject {
  readonly comm: string;
  readonly pid: number;
  /** The pid of the thread group, and the number of its tasks that have not ended. */
  readonly tgid: number;
  readonly threads: number;
  readonly ppid: number;
  readonly uid: number;
  readonly gid: number;
  readonly state: string;
}

/** Writes the lines of /proc/PID/status about identity and memory. */
export function showStatus(subject: StatusSubject, mm: Mm | null): TextWriter {
  const out = new TextWriter(1024);
  const line = (name: string, value: string): void => {
    out.text(`${name}:\t${value}`);
    out.newline();
  };
  line('Name', subject.comm);
  line('State', subject.state);
  line('Tgid', String(subject.tgid));
  line('Pid', String(subject.pid));
  line('PPid', String(subject.ppid));
  line('Uid', `${subject.uid}\t${subject.uid}\t${subject.uid}\t${subject.uid}`);
  line('Gid', `${subject.gid}\t${subject.gid}\t${subject.gid}\t${subject.gid}`);
  if (mm !== null) showTaskMem(out, mm);
  line('Threads', String(subject.threads));
  return out;
}

function showTaskMem(out: TextWriter, mm: Mm): void {
  const { profile, pageSize } = mm.system;
  const f = mmFigures(mm);
  out.kilobytes('VmPeak:\t', f.vmPeak);
  out.kilobytes('VmSize:\t', f.vmSize);
  out.kilobytes('VmLck:\t', f.vmLck);
  out.kilobytes('VmPin:\t', 0);
  out.kilobytes('VmHWM:\t', f.vmHwm);
  out.kilobytes('VmRSS:\t', f.vmRss);
  if (profile.proc.statusRssDetail) {
    out.kilobytes('RssAnon:\t', f.rssAnon);
    out.kilobytes('RssFile:\t', f.rssFile);
    out.kilobytes('RssShmem:\t', f.rssShmem);
  }
  out.kilobytes('VmData:\t', f.vmData);
  out.kilobytes('VmStk:\t', f.vmStk);
  out.kilobytes('VmExe:\t', f.vmExe);
  out.kilobytes('VmLib:\t', f.vmLib);
  out.kilobytes('VmPTE:\t', f.vmPte);
  if (!profile.proc.vmPteAllLevels) out.kilobytes('VmPMD:\t', ((mm.pageTables?.upperTables ?? 0) * pageSize) / 1024);
  out.kilobytes('VmSwap:\t', 0);
  out.kilobytes('HugetlbPages:\t', f.hugetlbPages);
  if (profile.proc.thpShown) {
    const off = !mm.system.config.thp || mm.thpDisable === 1;
    out.text(`THP_enabled:\t${off ? 0 : 1}`);
    out.newline();
  }
}

/** /proc/PID/statm: returns seven numbers, in pages. */
export function showStatm(mm: Mm): string {
  const { profile, pageSize, pageMask } = mm.system;
  const shared = mm.rssFile + mm.rssShmem;
  const text = (Math.ceil(mm.endCode / pageSize) * pageSize - (mm.startCode - (mm.startCode & pageMask))) / pageSize;
  const data = profile.limits.statDataVm ? mm.dataVm + mm.stackVm : mm.totalVm - mm.sharedVm;
  return `${mm.totalVm} ${shared + mm.rssAnon} ${shared} ${text} 0 ${data} 0\n`;
}
