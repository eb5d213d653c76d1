/**
 * Sets the stage: a fresh machine with the situation that a {@link Setup} describes, and one task in it.
 */
import type { Kernel, LimitTable, Task } from '@vmarea/kernel';
import {
  alignDown,
  installSpecialMapping,
  isErr,
  VM_EXEC,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_READ,
  type RamCounters,
} from '@vmarea/mm-core';
import { UserMemory } from '@vmarea/mm-core/memory';
import {
  CAP_LAST_CAP,
  F_ADD_SEALS,
  F_SEAL_WRITE,
  F_SETLK,
  F_WRLCK,
  errnoName,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_GROWSDOWN,
  MAP_PRIVATE,
  MAP_SHARED,
  MFD_ALLOW_SEALING,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  RLIMIT_AS,
  RLIMIT_DATA,
  RLIMIT_FSIZE,
  RLIMIT_MEMLOCK,
  RLIMIT_STACK,
} from '@vmarea/uapi';
import { parseMaps, type MapsLine } from '@vmarea/strace';
import { ScriptError } from './script.ts';
import type { FileSpec, MachineSpec, Setup } from './setup.ts';

/**
 * Makes a machine. It must have: filesystems at /ram and /ram-noexec (ramfs), /tmp and /tmp-noexec (tmpfs, mounted with
 * mandatory locking), /huge (hugetlbfs, when there are huge pages), and /dev with null and zero.
 */
export type MachineMaker = (spec: MachineSpec, ram: RamCounters) => Kernel;

/** What is on the stage. */
export interface Stage {
  readonly kernel: Kernel;
  readonly task: Task;
  /** Lines of the wanted map that could not be made. */
  readonly notMade: readonly string[];
}

const FS_IOC_SETFLAGS = 0x40086602;
const FS_APPEND_FL = 0x20;

function must(result: number, what: string): number {
  if (isErr(result)) throw new ScriptError(`${what}: ${errnoName(-result)}`);
  return result;
}

function pathOf(spec: FileSpec, fd: number): string {
  const noexec = spec.noexec ? '-noexec' : '';
  if (spec.kind === 'zero' || spec.kind === 'null') return `/dev/${spec.kind}`;
  if (spec.kind === 'hugetlbfs') return `/huge/file${fd}`;
  return spec.kind === 'tmpfs' ? `/tmp${noexec}/file${fd}` : `/ram${noexec}/file${fd}`;
}

function openMode(spec: FileSpec): number {
  return spec.mode === 'ro' ? O_RDONLY : spec.mode === 'wo' ? O_WRONLY : O_RDWR;
}

/** The file's size; that of a file of huge pages is whole huge pages. */
function sizeOf(task: Task, spec: FileSpec, fd: number): number {
  const huge = task.cur.files.fget(fd)!.hugePageSize;
  return huge === 0 ? spec.size : Math.ceil(spec.size / huge) * huge;
}

/** Opens one file of the setup at the next descriptor. */
function openFile(task: Task, spec: FileSpec, fd: number): void {
  const { sys } = task;
  if (spec.kind === 'pipe') {
    const ends: [number, number] = [0, 0];
    must(sys.pipe2(ends), 'pipe2');
    must(sys.close(spec.mode === 'wo' ? ends[0] : ends[1]), 'close');
    return;
  }
  if (spec.kind === 'memfd') {
    const made = must(sys.memfdCreate(`file${fd}`, MFD_ALLOW_SEALING), 'memfd_create');
    must(sys.ftruncate(made, spec.size), 'ftruncate');
    if (spec.sealed) must(sys.fcntl(made, F_ADD_SEALS, F_SEAL_WRITE), 'F_ADD_SEALS');
    return;
  }
  const path = pathOf(spec, fd);
  if (spec.kind === 'dir') must(sys.mkdir(path, 0o777), 'mkdir');
  else if (spec.kind !== 'zero' && spec.kind !== 'null') {
    const maker = must(sys.open(path, O_RDWR | O_CREAT, spec.locked ? 0o2666 : 0o777), `open ${path}`);
    must(sys.ftruncate(maker, sizeOf(task, spec, maker)), `ftruncate ${path}`);
    must(sys.close(maker), 'close');
  }
  const opened = must(sys.open(path, spec.kind === 'dir' ? O_RDONLY : openMode(spec)), `open ${path}`);
  if (spec.append) {
    const file = task.cur.files.fget(opened)!;
    if (isErr(sys.ioctl(opened, FS_IOC_SETFLAGS, FS_APPEND_FL))) file.fInode.iFlags |= 4;
  }
  if (spec.locked) {
    const holder = task.kernel.spawn({ comm: 'locker' });
    const theirs = must(holder.sys.open(path, O_RDWR), `open ${path}`);
    must(holder.sys.fcntl(theirs, F_SETLK, { type: F_WRLCK, whence: 0, start: 0, len: 0, pid: 0 }), 'F_SETLK');
  }
}

/** Whether a maps line is one of the kernel's own mappings. */
function isSpecial(line: MapsLine): boolean {
  return (
    line.name === '[vdso]' || line.name.startsWith('[vvar') || line.name === '[vectors]' || line.name === '[sigpage]'
  );
}

class MapMaker {
  private readonly task: Task;
  private readonly files = new Map<string, number>();
  private previous: MapsLine | null = null;
  private scratch = 0;

  constructor(task: Task) {
    this.task = task;
  }

  /** Makes one mapping: 0 or a negative errno. */
  make(line: MapsLine): number {
    const result = this.map(line);
    this.previous = line;
    return result;
  }

  private map(line: MapsLine): number {
    const { sys, cur, mm } = this.task;
    const length = line.end - line.start;
    if (isSpecial(line)) {
      const exec = line.exec ? VM_EXEC | VM_MAYEXEC : 0;
      const flags = VM_READ | VM_MAYREAD | exec;
      const made = installSpecialMapping(cur, line.start, length, flags, { name: line.name, fault: null });
      return typeof made === 'number' ? made : 0;
    }
    const prot = (line.read ? PROT_READ : 0) | (line.write ? PROT_WRITE : 0) | (line.exec ? PROT_EXEC : 0);
    if (line.name === '[heap]') {
      mm.startBrk = line.start;
      mm.brk = line.end;
    }
    if (line.inode !== 0 || (line.name.startsWith('/') && !line.name.startsWith('/dev/zero')))
      return this.mapFile(line, prot);
    const type = line.shared ? MAP_SHARED : MAP_PRIVATE;
    const grows = line.name === '[stack]' ? MAP_GROWSDOWN : 0;
    if (line.name === '[stack]') mm.startStack = line.start;
    if (!line.shared && this.wouldMerge(line)) return this.mapApart(line, prot);
    return sys.mmap(line.start, length, prot, type | grows | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
  }

  /** Whether the line before is private anonymous memory with the same rights, which would swallow this one. */
  private wouldMerge(line: MapsLine): boolean {
    const before = this.previous;
    return (
      before !== null &&
      before.end === line.start &&
      before.inode === 0 &&
      !before.shared &&
      !isSpecial(before) &&
      before.read === line.read &&
      before.write === line.write &&
      before.exec === line.exec &&
      before.name !== '[stack]'
    );
  }

  /** Two alike that stand apart have pages of their own: written elsewhere first, then moved here. */
  private mapApart(line: MapsLine, prot: number): number {
    const { sys, cur, kernel } = this.task;
    const length = line.end - line.start;
    const made = sys.mmap(this.scratch, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (isErr(made)) return made;
    this.scratch = made;
    if (kernel.memory !== null) new UserMemory(cur).store8(made, 0);
    const moved = sys.mremap(made, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, line.start);
    if (isErr(moved)) return moved;
    return prot === (PROT_READ | PROT_WRITE) ? moved : sys.mprotect(line.start, length, prot);
  }

  private mapFile(line: MapsLine, prot: number): number {
    const { sys } = this.task;
    const name = line.name.replace(/ \(deleted\)$/, '') || `inode ${line.inode}`;
    let fd = this.files.get(name);
    const end = line.offset + line.end - line.start;
    if (fd === undefined) {
      fd = sys.open(`/ram/${name.replaceAll('/', '%')}`, O_RDWR | O_CREAT, 0o777);
      if (isErr(fd)) return fd;
      this.files.set(name, fd);
    }
    const stat = sys.fstat(fd);
    if (typeof stat !== 'number' && stat.size < end) sys.ftruncate(fd, end);
    const type = line.shared ? MAP_SHARED : MAP_PRIVATE;
    return sys.mmap(line.start, line.end - line.start, prot, type | MAP_FIXED, fd, line.offset);
  }

  /** The descriptors are not the task's own. */
  close(): void {
    for (const fd of this.files.values()) this.task.sys.close(fd);
  }
}

function makeMaps(task: Task, text: string): string[] {
  const { lines, strange } = parseMaps(text);
  if (strange.length > 0)
    throw new ScriptError(`--maps: line ${strange[0]!.line} is none of /proc/PID/maps: ${strange[0]!.text}`);
  // The empty layout's stack makes room for the one that is wanted.
  for (let vma = task.mm.tree.first; vma !== null; vma = task.mm.tree.first) {
    if (isErr(task.sys.munmap(vma.vmStart, vma.vmEnd - vma.vmStart))) break;
  }
  const maker = new MapMaker(task);
  const notMade: string[] = [];
  for (const line of lines) {
    const where = `${line.start.toString(16)}-${line.end.toString(16)} ${line.name}`.trimEnd();
    if (line.start >= task.mm.taskSize) continue;
    const result = maker.make(line);
    if (isErr(result)) notMade.push(`${where}: ${errnoName(-result)}`);
  }
  maker.close();
  return notMade;
}

function assignLimits(table: LimitTable, setup: Setup): void {
  const { limits } = setup;
  table.assign(RLIMIT_AS, limits.as, Infinity);
  table.assign(RLIMIT_DATA, limits.data, Infinity);
  table.assign(RLIMIT_STACK, limits.stack, Infinity);
  table.assign(RLIMIT_MEMLOCK, limits.memlock, Infinity);
  table.assign(RLIMIT_FSIZE, limits.fsize, Infinity);
}

/** Gives the task the limits, rights and sysctls of a setup. Layout stays as it is. */
export function applyLate(task: Task, setup: Setup): void {
  const { cur, kernel } = task;
  assignLimits(task.limits, setup);
  Object.assign(kernel.system.sysctl, setup.machine.sysctl);
  cur.cred.uid = setup.uid;
  cur.cred.capLow = 0;
  cur.cred.capHigh = 0;
  for (const cap of setup.capabilities) {
    if (cap < 0 || cap > CAP_LAST_CAP) continue;
    if (cap < 32) cur.cred.capLow |= 1 << cap;
    else cur.cred.capHigh |= 1 << (cap - 32);
  }
}

/**
 * A machine with a task as the setup describes them. What it takes to get there is done as root, without limits.
 *
 * @throws ScriptError when a file or a map cannot be made
 */
export function setStage(make: MachineMaker, setup: Setup): Stage {
  const { machine } = setup;
  const pages = (bytes: number): number => Math.floor(bytes / machine.pageSize);
  const ram: RamCounters = {
    totalPages: () => pages(machine.config.ramBytes),
    guessFreePages: () => pages(machine.freeBytes),
    swapPages: () => pages(machine.swapBytes),
  };
  const permissive = { ...machine.sysctl, overcommitMemory: 1, maxMapCount: 0x7fffffff, mmapMinAddr: 0 };
  const kernel = make({ ...machine, sysctl: permissive }, ram);
  const task = kernel.spawn({
    limits: (table) => {
      table.assign(RLIMIT_STACK, setup.limits.stack, Infinity);
      table.assign(RLIMIT_MEMLOCK, Infinity, Infinity);
    },
  });
  // A heap that is empty, where a program's would begin.
  const heap = alignDown(kernel.system.arch.elfEtDynBase, kernel.system.pageMask);
  task.mm.startBrk = heap;
  task.mm.brk = heap;
  for (let fd = 0; fd < 3; fd++) must(task.sys.open('/dev/null', O_RDWR), 'open /dev/null');
  const notMade = setup.maps === '' ? [] : makeMaps(task, setup.maps);
  setup.files.forEach((spec, i) => openFile(task, spec, 3 + i));
  if (setup.committedBytes !== null) kernel.system.committedAs = pages(setup.committedBytes);
  task.sys.personality(setup.personality);
  applyLate(task, setup);
  return { kernel, task, notMade };
}
