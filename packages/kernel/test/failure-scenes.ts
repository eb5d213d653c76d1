// What the tests of failing allocations and failing drivers do: every verb once, on a machine with mappings of every kind.
import { VM_FAULT_SIGBUS } from '@vmarea/mm-core';
import {
  EIO,
  ENOMEM,
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_LOCKED,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MCL_CURRENT,
  MREMAP_MAYMOVE,
  MS_SYNC,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  type KernelProfile,
} from '@vmarea/uapi';
import { interceptDriver } from '@vmarea/vfs';
import { A, ANON, Bench, PAGE, RW } from './memory-machine.ts';

const HUGE = 0x40000000;
const HEAP = 0x60000000;
const STACK = A + 0x500000;
const LOCKED = A + 0x700000;
/** Descriptors of {@link populated}, in the order in which it opens them. */
export const FDS = { ram: 0, tmp: 1, disk: 2 } as const;

/** Which operation of the drivers fails. */
export interface DriverPlan {
  /** Operations until the failing one; 0: none fails. */
  left: number;
  failed: boolean;
}

/** A machine, and the plan of its drivers. */
export interface Scene {
  readonly b: Bench;
  readonly drivers: DriverPlan;
}

/** Has the operations of all drivers fail as planned: EIO, or SIGBUS for a fault. */
function watchDrivers(b: Bench): DriverPlan {
  const plan: DriverPlan = { left: 0, failed: false };
  for (const mount of b.kernel.tree.mounts()) {
    interceptDriver(mount.sb, (call, inner) => {
      if (plan.left === 0 || --plan.left > 0) return inner();
      plan.failed = true;
      return call.op === 'fault' || call.op === 'pageMkwrite' ? VM_FAULT_SIGBUS : -EIO;
    });
  }
  return plan;
}

/** A task with anonymous, private, shared, huge, stack and locked mappings, most of them touched, one split. */
export function populated(profile: KernelProfile): Scene {
  const b = new Bench(profile, { memory: { bytes: 12 * 2 ** 20 } });
  const drivers = watchDrivers(b);
  const { task } = b;
  b.anon(A, 8);
  for (let i = 0; i < 8; i++) b.store8(A + i * PAGE, i);
  task.mprotect(A + 2 * PAGE, 2 * PAGE, PROT_READ);
  const ram = task.open('/ram/f', O_CREAT | O_RDWR, 0o600);
  const tmp = task.open('/tmp/f', O_CREAT | O_RDWR, 0o600);
  const disk = task.open('/disk/f', O_RDWR);
  if (ram !== FDS.ram || tmp !== FDS.tmp || disk !== FDS.disk) throw new Error(`descriptors ${ram}, ${tmp}, ${disk}`);
  task.ftruncate(ram, 8 * PAGE);
  task.ftruncate(tmp, 8 * PAGE);
  task.mmap(A + 0x100000, 4 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, ram, 0);
  task.mmap(A + 0x200000, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, tmp, 0);
  task.mmap(A + 0x300000, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, disk, 0);
  b.store8(A + 0x100000, 1);
  b.store8(A + 0x200000, 2);
  b.store8(A + 0x300000, 3);
  b.load(A + 0x100000 + PAGE);
  task.mmap(LOCKED, 4 * PAGE, RW, ANON | MAP_FIXED | MAP_LOCKED, -1, 0);
  task.mmap(STACK, 2 * PAGE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
  b.store8(STACK, 4);
  task.mmap(HUGE, 2 ** 21, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED, -1, 0);
  b.store8(HUGE, 3);
  task.mm.startBrk = HEAP;
  task.mm.brk = HEAP;
  return { b, drivers };
}

/** What is tried: a negative errno, a result, or the signal of an access. */
export type Verb = (b: Bench) => number | string;

const BYTES = new Uint8Array(2 * PAGE).fill(9);

/** Every verb, by name. */
export const VERBS: Readonly<Record<string, Verb>> = {
  mmap: ({ task }) => task.sys.mmap(A + 0x400000, 4 * PAGE, RW, ANON | MAP_FIXED, -1, 0),
  'mmap over parts of others': ({ task }) => task.sys.mmap(A + PAGE, 4 * PAGE, RW, ANON | MAP_FIXED, -1, 0),
  'mmap MAP_POPULATE': ({ task }) => task.sys.mmap(A + 0x400000, 4 * PAGE, RW, ANON | MAP_FIXED | MAP_POPULATE, -1, 0),
  'mmap MAP_LOCKED': ({ task }) => task.sys.mmap(A + 0x400000, 2 * PAGE, RW, ANON | MAP_FIXED | MAP_LOCKED, -1, 0),
  'mmap of shared memory': ({ task }) =>
    task.sys.mmap(A + 0x400000, 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
  'mmap of a file': ({ task }) => task.sys.mmap(A + 0x400000, 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, FDS.disk, 0),
  'mmap of a huge page': ({ task }) => task.sys.mmap(HUGE + 2 ** 21, 2 ** 21, RW, ANON | MAP_HUGETLB, -1, 0),
  munmap: ({ task }) => task.sys.munmap(A, 2 * PAGE),
  'munmap in the middle': ({ task }) => task.sys.munmap(A + 5 * PAGE, PAGE),
  'munmap of several': ({ task }) => task.sys.munmap(A + PAGE, 0x300000),
  'mprotect in the middle': ({ task }) => task.sys.mprotect(A + 5 * PAGE, PAGE, PROT_READ),
  'mprotect over several': ({ task }) => task.sys.mprotect(A + PAGE, 5 * PAGE, PROT_READ),
  'mremap that grows in place': ({ task }) => task.sys.mremap(A + 4 * PAGE, 4 * PAGE, 6 * PAGE, 0, 0),
  'mremap that shrinks': ({ task }) => task.sys.mremap(A + 4 * PAGE, 4 * PAGE, PAGE, 0, 0),
  'mremap that moves': ({ task }) => task.sys.mremap(A, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0),
  'mremap that moves a part': ({ task }) =>
    task.sys.mremap(A + 5 * PAGE, PAGE, 3 * PAGE, MREMAP_MAYMOVE | 2, A + 0x600000),
  'mremap that moves a file': ({ task }) =>
    task.sys.mremap(A + 0x300000, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | 2, A + 0x600000),
  brk: ({ task }) => (task.sys.brk(HEAP + 3 * PAGE) === HEAP ? -ENOMEM : 0),
  mlock: ({ task }) => task.sys.mlock(A + PAGE, 6 * PAGE),
  'mlock2 MLOCK_ONFAULT': ({ task }) => task.sys.mlock2(A + PAGE, 6 * PAGE, 1),
  munlock: ({ task }) => task.sys.munlock(LOCKED + PAGE, PAGE),
  mlockall: ({ task }) => task.sys.mlockall(MCL_CURRENT),
  munlockall: ({ task }) => task.sys.munlockall(),
  'madvise DONTNEED': ({ task }) => task.sys.madvise(A, 8 * PAGE, MADV_DONTNEED),
  'madvise DONTFORK': ({ task }) => task.sys.madvise(A + 5 * PAGE, PAGE, 10),
  'madvise WILLNEED': ({ task }) => task.sys.madvise(A + 0x300000, 4 * PAGE, 3),
  'madvise REMOVE': ({ task }) => task.sys.madvise(A + 0x200000, PAGE, 9),
  'madvise POPULATE_WRITE': ({ task }) => task.sys.madvise(A + 0x300000, 4 * PAGE, 23),
  PR_SET_VMA_ANON_NAME: ({ task }) => task.sys.prctl(0x53564d41, 0, A + 5 * PAGE, PAGE, null),
  msync: ({ task }) => task.sys.msync(A + 0x300000, 4 * PAGE, MS_SYNC),
  mincore: ({ task }) => task.sys.mincore(A, 8 * PAGE, new Uint8Array(8)),
  remap_file_pages: ({ task }) => task.sys.remapFilePages(A + 0x200000, PAGE, 0, 2, 0),
  fork: ({ task }) => {
    const child = task.sys.fork();
    if (typeof child === 'number') return child;
    child.sys.exit(0);
    return task.sys.wait(child.pid) > 0 ? 0 : -1;
  },
  'load of fresh memory': (b) => b.load(STACK + PAGE),
  'load of a shared page': (b) => b.load(A + 0x200000 + 2 * PAGE),
  'load of a file': (b) => b.load(A + 0x300000 + PAGE),
  'store to fresh memory': (b) => b.store8(STACK + PAGE, 5),
  'store that copies a file page': (b) => b.store8(A + 0x100000 + PAGE, 5),
  'store to a page of a file': (b) => b.store8(A + 0x300000 + PAGE, 5),
  'store that lets a stack grow': (b) => b.store8(STACK - PAGE, 5),
  'open O_CREAT': ({ task }) => task.sys.open('/tmp/new', O_CREAT | O_RDWR, 0o600),
  'pwrite to tmpfs': ({ task }) => task.sys.pwrite(FDS.tmp, BYTES, 5 * PAGE),
  'pwrite to a disk': ({ task }) => task.sys.pwrite(FDS.disk, BYTES, 5 * PAGE),
  'pread from a disk': ({ task }) => task.sys.pread(FDS.disk, new Uint8Array(PAGE), 5 * PAGE),
  ftruncate: ({ task }) => task.sys.ftruncate(FDS.tmp, 2 * PAGE + 5),
  fallocate: ({ task }) => task.sys.fallocate(FDS.tmp, 0, 4 * PAGE, 3 * PAGE),
  fsync: ({ task }) => task.sys.fsync(FDS.disk),
  memfd_create: ({ task }) => task.sys.memfdCreate('m', 0),
};
