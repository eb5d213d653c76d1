/**
 * Sets the stage: creates a machine with the given situation, and one task in it.
 */
import type { Kernel, LimitTable, Task } from '@vmarea/kernel';
import { alignDown, isErr } from '@vmarea/mm-core';
import { machineOf, type MachineSpec, type RestoredMap, type Situation } from '@vmarea/situation';
import {
  CAP_LAST_CAP,
  errnoName,
  MAP_ANONYMOUS,
  MAP_HUGE_SHIFT,
  MAP_HUGETLB,
  MAP_PRIVATE,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  RLIMIT_MEMLOCK,
} from '@vmarea/uapi';
import { ScriptError } from '../input/error.ts';
import { openFiles, type StagedFile } from './files.ts';
import { makeMap } from './maps.ts';

/** What a machine needs. */
export interface MachineNeeds {
  /** Whether calls access memory: loads, stores, writes. Without memory a machine is created in a tenth of the time. */
  readonly memory: boolean;
}

/**
 * Creates a machine. It must have filesystems at /ram and /ram-noexec (ramfs), /tmp and /tmp-noexec (tmpfs, mounted with
 * mandatory locking), /huge (hugetlbfs, if there are huge pages), and /dev with null and zero. It takes the RAM figures from
 * `spec.memory`; the pool of huge pages and the sysctls are set later.
 */
export type MachineMaker = (spec: MachineSpec, needs: MachineNeeds) => Kernel;

/** A machine with its task. */
export interface Stage {
  readonly kernel: Kernel;
  readonly task: Task;
  /** The restored map; null without one. */
  readonly map: RestoredMap | null;
}

/** A situation, and further files. */
export interface Setting {
  readonly situation: Situation;
  /** Files by descriptor. */
  readonly files: ReadonlyMap<number, StagedFile>;
  readonly needs: MachineNeeds;
}

/** Returns the open files of a situation. */
export function filesOf(situation: Situation): Map<number, StagedFile> {
  return new Map([...situation.files].map(([fd, { value }]) => [fd, { spec: value, path: null }]));
}

function assignLimits(table: LimitTable, situation: Situation, memlock: number): void {
  table.assign(RLIMIT_MEMLOCK, memlock, memlock);
  for (const [resource, { value }] of situation.limits) table.assign(resource, value.soft, value.hard);
}

function applyRights(task: Task, { capabilities, uid }: Situation): void {
  const { cred } = task.cur;
  cred.uid = uid.value;
  cred.capLow = 0;
  cred.capHigh = 0;
  for (const cap of capabilities.value) {
    if (cap < 0 || cap > CAP_LAST_CAP) continue;
    if (cap < 32) cred.capLow |= 1 << cap;
    else cred.capHigh |= 1 << (cap - 32);
  }
}

function applySysctls(kernel: Kernel, root: Task, spec: MachineSpec): void {
  Object.assign(kernel.system.sysctl, spec.sysctl);
  for (const [name, value] of spec.sysctls) {
    if (!name.startsWith('vm.nr_')) continue;
    const error = kernel.sysctl.write(root.cur, name, value);
    if (isErr(error)) throw new ScriptError(`--sysctl ${name}=${value}: ${errnoName(-error)}`);
  }
}

/** Reserves the huge pages that others have, as /proc/meminfo tells: another process maps them. */
function holdHugePages(kernel: Kernel, { memory: { hugePages } }: MachineSpec): void {
  const held = Math.min(hugePages?.held ?? 0, hugePages?.pages ?? 0);
  if (hugePages === null || held === 0) return;
  const { sys } = kernel.spawn({ comm: 'holder' });
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (Math.log2(hugePages.size) << MAP_HUGE_SHIFT);
  const at = sys.mmap(0n, BigInt(held * hugePages.size), BigInt(PROT_READ | PROT_WRITE), BigInt(flags >>> 0), -1n, 0n);
  if (isErr(at))
    throw new ScriptError(`--meminfo: ${held} of ${hugePages.pages} huge pages cannot be held: ${errnoName(-at)}`);
}

/**
 * Creates a machine with a task as the situation describes them. Works as root, without limits, until both are set up.
 *
 * @throws ScriptError when a file or a map cannot be made
 */
export function setStage(make: MachineMaker, { situation, files, needs }: Setting): Stage {
  const spec = machineOf(situation);
  const fixed = situation.aslr.value === 'off';
  const sysctl = { ...spec.sysctl, ...(fixed ? { randomizeVaSpace: 0 } : {}) };
  const permissive = { ...sysctl, overcommitMemory: 1, maxMapCount: 0x7fffffff, mmapMinAddr: 0 };
  const kernel = make({ ...spec, sysctl: permissive }, needs);
  const limits = (memlock: number) => (table: LimitTable) => assignLimits(table, situation, memlock);
  const task = kernel.spawn({ personality: situation.personality.value, limits: limits(Infinity) });
  task.limits.assign(RLIMIT_MEMLOCK, Infinity, Infinity);
  // An empty heap, where a program's would begin.
  const heap = alignDown(kernel.system.arch.elfEtDynBase, kernel.system.pageMask);
  task.mm.startBrk = heap;
  task.mm.brk = heap;
  for (let fd = 0; fd < 3; fd++) {
    if (isErr(task.sys.open('/dev/null', O_RDWR))) throw new ScriptError('the machine has no /dev/null');
  }
  const map = makeMap(task, situation);
  openFiles(task, files);
  applySysctls(kernel, task, { ...spec, sysctl });
  holdHugePages(kernel, spec);
  const { committed } = spec.memory;
  if (committed !== null) kernel.system.committedAs = Math.floor(committed / spec.pageSize);
  limits(spec.profile.limits.bootMemlock)(task.limits);
  applyRights(task, situation);
  return { kernel, task, map };
}
