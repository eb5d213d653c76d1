/**
 * @vmarea/kernel: tasks and system calls over the memory subsystem and the file layer; fork, exec, exit; /proc text; sysctls.
 *
 * The embedder passes the architecture and the drivers: see {@link createKernel}.
 */
export {
  createKernel,
  Kernel,
  type FileSystemFactory,
  type HugePagesDriver,
  type HugePool,
  type KernelInit,
  type MountInit,
  type SharedMemoryDriver,
  type SpawnOptions,
  type SysvSharedMemory,
} from './kernel.ts';
export { Task, type AltStack, type TaskInit, type ThrowingCalls } from './task/task.ts';
export { TaskCaller, type TaskCallerInit } from './task/caller.ts';
export { Sys, type AllCalls, type CallsOf } from './syscalls/sys.ts';
export { doSyscall, SYSCALL_NAMES } from './syscalls/table.ts';
export type { SyscallHandler } from './syscalls/arguments.ts';
export { MmCalls, type Register } from './syscalls/mm.ts';
export { FileCalls, FS_IOC_GETFLAGS, FS_IOC_SETFLAGS } from './syscalls/file.ts';
export { userfaultfdOf, type UffdioCopyFrom } from './syscalls/userfaultfd.ts';
export * from './syscalls/userfaultfd-reasons.ts';
export { ShmCalls, type ShmctlBuffer } from './syscalls/shm.ts';
export { SignalCalls, type NewAltStack } from './syscalls/signal.ts';
export { ProcessCalls } from './syscalls/process.ts';
export { WNOHANG } from '@vmarea/uapi';
export { beginNewExec, mmput } from './task/exit.ts';
export { copyProcess, type CloneArgs } from './task/fork.ts';
export { DEFAULT_ACTION, SigHand, type SigAction } from './task/sighand.ts';
export { siginfoBytes, type Fault, type Killed, type KSignal, type SigInfo } from './task/signals.ts';
export { SignalStruct } from './task/signal-struct.ts';
export type { Scheduler } from './task/scheduler.ts';
export { initialLimits, LimitTable, type Rlimit } from './task/limits.ts';
export {
  DeadTaskError,
  MemoryFaultError,
  SyscallError,
  toError,
  VforkWaitError,
  WouldWaitError,
} from './task/errors.ts';
export {
  isRandomized,
  loadElfBinary,
  NO_RANDOM,
  type ElfImage,
  type ElfProgramHeader,
  type ExecLayout,
  type ExecOptions,
  type ExecRandom,
} from './exec.ts';
export { SysctlTable } from './sysctl.ts';
export { clearRefs } from './proc/clear-refs.ts';
export { Proc } from './proc/proc.ts';
export { showMaps, showMapVma, vmaName, type ReadName } from './proc/maps.ts';
export { gatherStats, MemStats, showSmaps, showSmapsRollup, vmFlagsText } from './proc/smaps.ts';
export { mmFigures, showStatm, showStatus, type MmFigures, type StatusSubject } from './proc/status.ts';
export { memInfo, showMeminfo, type MemInfo } from './proc/meminfo.ts';
export { PM_FILE, PM_MMAP_EXCLUSIVE, PM_PRESENT, PM_SOFT_DIRTY, readPagemap } from './proc/pagemap.ts';
export {
  AuditRecords,
  PerfRecords,
  UprobeRegistry,
  type AuditMmapRecord,
  type PerfMmapRecord,
  type UprobeHit,
} from './observers.ts';
export * from './syscalls/reasons.ts';
export * from './task/reasons.ts';
export { TextWriter } from './proc/text-writer.ts';
export { type MemPolicy } from './syscalls/numa.ts';
export {
  doProcmapQuery,
  mapsEntry,
  PROCMAP_QUERY,
  PROCMAP_QUERY_COVERING_OR_NEXT_VMA,
  PROCMAP_QUERY_FILE_BACKED_VMA,
  PROCMAP_QUERY_VMA_EXECUTABLE,
  PROCMAP_QUERY_VMA_READABLE,
  PROCMAP_QUERY_VMA_SHARED,
  PROCMAP_QUERY_VMA_WRITABLE,
  procmapQuery,
  type ProcmapQuery,
} from './proc/procmap-query.ts';
