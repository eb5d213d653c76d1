/**
 * The property test's machine: engine and model side by side. Each operation is given to both; then every page, every
 * area, every counter and every file is compared.
 */
import {
  CAP_IPC_LOCK,
  CAP_SYS_ADMIN,
  CAP_SYS_RAWIO,
  DEFAULT_CONFIG,
  defaultSysctls,
  EAGAIN,
  ENOMEM,
  errnoName,
  fromRegister,
  pgoffFromOffset,
  READ_IMPLIES_EXEC,
  PROFILES,
  type KernelProfile,
} from '@vmarea/uapi';
import {
  anonVmaPrepare,
  createCaller,
  createMm,
  doMadvise,
  doMincore,
  doMlock,
  doMlockall,
  doMprotect,
  doMremap,
  doMsync,
  doMunlock,
  doMunlockall,
  doRemapFilePages,
  dupMm,
  exitMmap,
  expandStack,
  findVma,
  finishPopulate,
  FMODE_READ,
  FMODE_UNSIGNED_OFFSET,
  FMODE_WRITE,
  installSpecialMapping,
  MmSystem,
  pickMmapLayout,
  prctlSetVmaAnonName,
  S_APPEND,
  sysBrk,
  validateMm,
  VM_DONTEXPAND,
  VM_HUGETLB,
  VM_IO,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYREAD,
  VM_MAYWRITE,
  VM_PFNMAP,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
  vmMmapPgoff,
  vmMunmap,
  type AnonVma,
  type Caller,
  type Mm,
} from '../../src/index.ts';
import {
  allReasons,
  GET_UNMAPPED_AREA_ERROR_VALUE,
  GET_UNMAPPED_AREA_OWNER_REFUSED,
  MMAP_REGION_DRIVER_REFUSED,
  MREMAP_OWNER_REFUSED,
  SPLIT_VMA_REFUSED,
} from '../../src/reasons.ts';
import {
  type CountingTracer,
  createTestArch,
  hugeVmOps,
  TestFile,
  TestHugePages,
  TestInode,
  TestSharedMemory,
} from '../../src/testing/index.ts';
import * as model from './model-verbs.ts';
import { Area, Space, touch, type Anon, type FileModel, type Limits, type Ops, type World } from './model-space.ts';

export const PAGE = 4096;
const ERRNO_OF = new Map(allReasons().map(({ number, errno }) => [number, errno]));

/** How a sequence's machine is set up. */
export interface Setup {
  profile: KernelProfile['name'];
  pages: number;
  guardPages: number;
  maxMapCount: number;
  overcommit: number;
  commitPages: number;
  legacy: boolean;
  swap: boolean;
  ksm: boolean;
  limits: Limits;
  caps: number;
  readImpliesExec: boolean;
  dacMin: number;
  lsmMin: number;
  brkPage: number;
}

/** An operation with all of its arguments: plain data, so that a failing sequence can be cut down and printed. */
export type Op =
  | { op: 'mmap'; addr: bigint; len: bigint; prot: number; flags: number; file: number; off: bigint }
  | { op: 'munmap'; addr: bigint; len: bigint }
  | { op: 'mprotect'; addr: bigint; len: bigint; prot: number }
  | { op: 'mremap'; addr: bigint; len: bigint; newLen: bigint; flags: number; to: bigint }
  | { op: 'brk'; addr: bigint }
  | { op: 'mlock'; addr: bigint; len: bigint; onfault: boolean }
  | { op: 'munlock'; addr: bigint; len: bigint }
  | { op: 'mlockall'; flags: number }
  | { op: 'munlockall' }
  | { op: 'madvise'; addr: bigint; len: bigint; advice: number }
  | { op: 'msync'; addr: bigint; len: bigint; flags: number }
  | { op: 'mincore'; addr: bigint; len: bigint }
  | { op: 'remap'; addr: bigint; len: bigint; prot: number; pgoff: bigint; flags: number }
  | { op: 'name'; addr: bigint; len: bigint; name: number }
  | { op: 'touch'; page: number }
  | { op: 'grow'; page: number }
  | { op: 'special'; page: number; pages: number }
  | { op: 'fork' }
  | { op: 'switch'; to: number }
  | { op: 'exit'; which: number }
  | { op: 'limits'; limits: Limits; caps: number; readImpliesExec: boolean };

const PLAIN: Ops = { close: false, notify: false, huge: 0, maySplitError: 0, mremapError: 0 };

const SOURCE: FileModel = {
  name: '',
  inode: { sealed: false, appendOnly: false, kind: 'regular' },
  read: true,
  write: true,
  noexec: false,
  mandatoryLock: false,
  noMmap: false,
  mmapError: 0,
  setFlags: 0,
  clearFlags: 0,
  ops: PLAIN,
  fsync: null,
  fallocate: null,
  huge: 0,
};

/** The descriptors that every machine has; those with one name stem share an inode. */
function makeFiles(): FileModel[] {
  const main = { sealed: false, appendOnly: false, kind: 'regular' as const };
  const file = (name: string, more: Partial<FileModel>): FileModel => ({
    ...SOURCE,
    inode: { sealed: false, appendOnly: false, kind: 'regular' },
    name,
    ...more,
  });
  return [
    file('main-rw', { inode: main, fsync: 0, fallocate: 0, ops: { ...PLAIN, notify: true } }),
    file('main-rw2', { inode: main, fsync: 0, fallocate: 0, ops: { ...PLAIN, notify: true } }),
    file('main-ro', { inode: main, write: false }),
    file('zero', { ops: null, inode: { sealed: false, appendOnly: false, kind: 'other' } }),
    file('close-op', { ops: { ...PLAIN, close: true }, fsync: DRIVER_FSYNC, fallocate: DRIVER_FALLOCATE }),
    file('write-only', { read: false }),
    file('noexec', { noexec: true }),
    file('append', { inode: { sealed: false, appendOnly: true, kind: 'regular' } }),
    file('locked', { mandatoryLock: true }),
    file('sealed', { inode: { sealed: true, appendOnly: false, kind: 'regular' } }),
    file('no-mmap', { noMmap: true }),
    file('refuses', { mmapError: -11 }),
    file('device', { setFlags: VM_IO | VM_PFNMAP | VM_DONTEXPAND, inode: { ...main, kind: 'unsigned' } }),
    file('io-only', { setFlags: VM_IO }),
    file('clears', { clearFlags: VM_MAYWRITE, setFlags: 0 }),
    file('no-split', { ops: { ...PLAIN, maySplitError: -22 } }),
    file('no-move', { ops: { ...PLAIN, mremapError: -12 } }),
    file('huge', { huge: 4, setFlags: VM_HUGETLB | VM_DONTEXPAND, ops: { ...PLAIN, close: true, huge: 4 } }),
  ];
}

function doubleOf(file: FileModel, inodes: Map<object, TestInode>): TestFile {
  let inode = inodes.get(file.inode);
  if (inode === undefined) {
    inode = new TestInode(inodes.size + 1);
    inode.iMode = file.inode.kind === 'regular' ? 0o100644 : 0o020644;
    if (file.inode.appendOnly) inode.iFlags = S_APPEND;
    if (file.inode.sealed) inode.iMapping.iMmapWritable = -1;
    inodes.set(file.inode, inode);
  }
  const { ops } = file;
  return new TestFile({
    path: `/${file.name}`,
    inode,
    fMode:
      (file.read ? FMODE_READ : 0) |
      (file.write ? FMODE_WRITE : 0) |
      (file.inode.kind === 'unsigned' ? FMODE_UNSIGNED_OFFSET : 0),
    noexec: file.noexec,
    mandatoryLock: file.mandatoryLock ? -11 : 0,
    noMmap: file.noMmap,
    mmapError: file.mmapError,
    setFlags: file.setFlags,
    clearFlags: file.clearFlags,
    ...(file.fsync === null ? {} : { fsyncResult: file.fsync }),
    ...(file.fallocate === null ? {} : { fallocateResult: file.fallocate }),
    hugePageSize: file.huge * PAGE,
    getUnmappedArea:
      file.huge === 0
        ? null
        : (_cur, _file, addr, len, _pgoff, flags) => {
            if ((flags & 0x10) === 0) return -12;
            const mask = file.huge * PAGE - 1;
            return (len & mask) !== 0 || (addr & mask) !== 0 ? -22 : addr;
          },
    vmOps:
      ops === null
        ? null
        : ops.huge !== 0
          ? hugeVmOps(ops.huge * PAGE)
          : {
              fault: () => 0,
              ...(ops.close ? { close: () => undefined } : {}),
              ...(ops.notify ? { pageMkwrite: () => 0 } : {}),
              ...(ops.maySplitError !== 0 ? { maySplit: () => ops.maySplitError } : {}),
              ...(ops.mremapError !== 0 ? { mremap: () => ops.mremapError } : {}),
            },
  });
}

/** A task: engine and model. */
interface Task {
  mm: Mm;
  cur: Caller;
  space: Space;
}

/** A difference between engine and model; the message tells where. */
export class Difference extends Error {}

/** Engine and model of one sequence. */
export class Machine {
  readonly setup: Setup;
  readonly system: MmSystem;
  readonly world: World;
  readonly tasks: Task[] = [];
  current = 0;
  readonly files: FileModel[] = makeFiles();
  readonly doubles = new Map<FileModel, TestFile>();
  readonly shared = new TestSharedMemory();
  readonly tracer: CountingTracer | null;
  private readonly sharedModels: FileModel[] = [];
  private readonly anonOf = new Map<AnonVma, Anon>();
  private readonly engineAnonOf = new Map<Anon, AnonVma>();
  private who: model.WhoArgs;

  constructor(setup: Setup, tracer: CountingTracer | null) {
    this.setup = setup;
    this.tracer = tracer;
    const profile = PROFILES[setup.profile];
    const ram = setup.commitPages * 2;
    this.system = new MmSystem({
      arch: createTestArch({ pages: setup.pages }),
      profile,
      config: {
        ...DEFAULT_CONFIG,
        stackGuardGapPages: setup.guardPages,
        lsmMmapMinAddr: setup.lsmMin * PAGE,
        swap: setup.swap,
        ksm: setup.ksm,
        thp: setup.ksm,
        memoryFailure: setup.ksm,
      },
      sysctl: {
        ...defaultSysctls(),
        maxMapCount: setup.maxMapCount,
        overcommitMemory: setup.overcommit,
        mmapMinAddr: setup.dacMin * PAGE,
        adminReserveKbytes: 8,
        userReserveKbytes: 4,
        legacyVaLayout: setup.legacy ? 1 : 0,
      },
      ram: { totalPages: () => ram, guessFreePages: () => ram, swapPages: () => 0 },
    });
    this.system.sharedMemory = this.shared;
    this.system.hugePages = new TestHugePages(4 * PAGE);
    this.world = {
      profile,
      pages: setup.pages,
      guardPages: setup.guardPages,
      unmappedBase: Math.floor(setup.pages / 4),
      dacMin: setup.dacMin,
      minAddr: Math.max(setup.dacMin, setup.lsmMin),
      maxMapCount: setup.maxMapCount,
      overcommit: setup.overcommit,
      commitLimit: setup.commitPages,
      totalRam: ram,
      guessFree: ram,
      adminReserve: 2,
      userReserve: 1,
      swap: setup.swap,
      ksm: setup.ksm,
      thp: setup.ksm,
      memoryFailure: setup.ksm,
      committed: 0,
      spaces: new Set(),
    };
    const inodes = new Map<object, TestInode>();
    for (const file of this.files) this.doubles.set(file, doubleOf(file, inodes));
    this.who = whoOf(setup.limits, setup.caps, setup.readImpliesExec);
    const mm = createMm(this.system)!;
    mm.tracer = tracer;
    const space = new Space(this.world);
    this.addTask(mm, space);
    pickMmapLayout(this.task.cur, 0);
    space.mmapBase = mm.mmapBase / PAGE;
    // An unlimited stack asks for the bottom-up layout, too.
    space.legacy = setup.legacy || setup.limits.stack === Infinity;
    const brk = setup.brkPage * PAGE + 100;
    mm.startBrk = mm.brk = brk;
    mm.startData = 0;
    mm.endData = PAGE;
    space.startBrk = space.brk = BigInt(brk);
    space.endData = BigInt(PAGE);
  }

  get task(): Task {
    return this.tasks[this.current]!;
  }

  private addTask(mm: Mm, space: Space): void {
    const cur = createCaller(mm);
    this.tasks.push({ mm, cur, space });
    this.applyWho();
  }

  private applyWho(): void {
    for (const { cur } of this.tasks) {
      Object.assign(cur.rlimits, this.who.limits);
      const bit = (has: boolean, cap: number): number => (has ? 1 << cap : 0);
      cur.cred.capLow =
        bit(this.who.ipcLock, CAP_IPC_LOCK) |
        bit(this.who.sysAdmin, CAP_SYS_ADMIN) |
        bit(this.who.rawio, CAP_SYS_RAWIO);
      cur.cred.capHigh = 0;
      cur.personality = this.who.readImpliesExec ? READ_IMPLIES_EXEC : 0;
    }
  }

  /** Gives one operation to both, and compares everything. @throws Difference */
  run(op: Op): number {
    const before = this.task;
    before.cur.call.reason = 0;
    const [expected, got] = this.apply(op);
    const lost = expected >= 2 ** 52 && got >= 2 ** 52;
    if (expected !== got && !lost)
      throw new Difference(`answer: the model says ${tell(expected)}, the engine ${tell(got)}`);
    if (got < 0 && got !== DRIVER_FSYNC && got !== DRIVER_FALLOCATE) {
      const errno = ERRNO_OF.get(before.cur.call.reason);
      const name = errnoName(-got);
      if (errno === undefined) throw new Difference(`refused with ${name}, but no reason with an errno was left`);
      const wanted = got === -EAGAIN && op.op !== 'mmap' && errno === ENOMEM ? errno : -got;
      if (!DRIVER_DECIDES.has(before.cur.call.reason) && errno !== wanted) {
        throw new Difference(`refused with ${name}, but the reason left says ${errnoName(errno)}`);
      }
    }
    const { cur, space } = before;
    const { call } = cur;
    if (this.tasks.includes(before)) {
      const wanted = space.populate ?? [0, 0];
      if (call.populateLen !== wanted[1] || (wanted[1] !== 0 && call.populateAddr !== wanted[0])) {
        throw new Difference(
          `to be populated: the model says ${String(wanted)}, the engine ${call.populateAddr},${call.populateLen}`,
        );
      }
      finishPopulate(cur);
      space.populate = null;
    }
    this.compare();
    return got;
  }

  private newShared = (): FileModel => {
    const file: FileModel = { ...SOURCE, inode: { ...SOURCE.inode }, name: 'shared-anonymous' };
    this.sharedModels.push(file);
    return file;
  };

  private pairShared(): void {
    this.sharedModels.forEach((file, i) => {
      const double = this.shared.files[i];
      if (double === undefined) throw new Difference('the engine made no shared memory');
      this.doubles.set(file, double);
    });
  }

  private apply(op: Op): [number, number] {
    const { task } = this;
    const { mm, cur, space } = task;
    const who = this.who;
    const r = fromRegister;
    switch (op.op) {
      case 'mmap': {
        const arithmetic = this.world.profile.mmap.offsetShiftArithmetic;
        const off = BigInt.asUintN(64, op.off);
        const shifted = arithmetic ? BigInt.asUintN(64, BigInt.asIntN(64, off) >> 12n) : off >> 12n;
        const file = op.file < 0 ? null : this.files[op.file]!;
        const expected = model.mmap(space, who, { ...op, file, pgoff: shifted }, this.newShared);
        const double = file === null ? null : this.doubles.get(file)!;
        const pgoff = pgoffFromOffset(op.off, 12, arithmetic);
        const got = vmMmapPgoff(cur, double, r(op.addr), r(op.len), op.prot, op.flags, pgoff);
        this.pairShared();
        return [expected, got];
      }
      case 'munmap':
        return [model.munmap(space, op.addr, op.len), vmMunmap(cur, r(op.addr), r(op.len))];
      case 'mprotect':
        return [model.mprotect(space, who, op.addr, op.len, op.prot), doMprotect(cur, r(op.addr), r(op.len), op.prot)];
      case 'mremap':
        return [
          model.mremap(space, who, op.addr, op.len, op.newLen, op.flags, op.to),
          doMremap(cur, r(op.addr), r(op.len), r(op.newLen), op.flags, r(op.to)),
        ];
      case 'brk':
        return [Number(model.brk(space, who, op.addr)), sysBrk(cur, r(op.addr))];
      case 'mlock':
        return [
          model.mlock(space, who, op.addr, op.len, op.onfault),
          doMlock(cur, r(op.addr), r(op.len), op.onfault ? VM_LOCKED | VM_LOCKONFAULT : VM_LOCKED),
        ];
      case 'munlock':
        return [model.munlock(space, op.addr, op.len), doMunlock(cur, r(op.addr), r(op.len))];
      case 'mlockall':
        return [model.mlockall(space, who, op.flags), doMlockall(cur, op.flags)];
      case 'munlockall':
        return [model.munlockall(space), doMunlockall(cur)];
      case 'madvise':
        return [
          model.madvise(space, who, op.addr, op.len, op.advice),
          doMadvise(cur, r(op.addr), r(op.len), op.advice),
        ];
      case 'msync':
        return [model.msync(space, op.addr, op.len, op.flags), doMsync(cur, r(op.addr), r(op.len), op.flags)];
      case 'mincore': {
        const [expected, answered] = model.mincore(space, op.addr, op.len);
        const vec = new Uint8Array(this.setup.pages + 1).fill(7);
        const got = doMincore(cur, r(op.addr), r(op.len), vec);
        for (let i = 0; i < answered; i++) {
          if (vec[i] !== 0) throw new Difference(`mincore: byte ${i} was not answered`);
        }
        return [expected, got];
      }
      case 'remap': {
        const { prot, flags } = op;
        const expected = model.remapFilePages(space, who, op.addr, op.len, prot, op.pgoff, flags, this.newShared);
        const got = doRemapFilePages(cur, r(op.addr), r(op.len), prot, r(op.pgoff), flags);
        return [expected, got];
      }
      case 'name': {
        const byText = this.world.profile.madvise.anonNames === 'text';
        const name = op.name === 0 ? null : byText ? `name${op.name}` : op.name;
        return [model.setName(space, op.addr, op.len, name), prctlSetVmaAnonName(cur, r(op.addr), r(op.len), name)];
      }
      case 'touch': {
        if (space.page[op.page] == null) return [0, 0];
        touch(space, op.page);
        return [0, anonVmaPrepare(findVma(mm, op.page * PAGE)!)];
      }
      case 'grow': {
        if (space.page[op.page] !== null || space.runFrom(op.page) === null) return [0, 0];
        const expected = model.growStack(space, who, op.page);
        return [expected, expandStack(cur, findVma(mm, op.page * PAGE)!, op.page * PAGE)];
      }
      case 'special': {
        if (space.mapped(op.page, op.page + op.pages) !== 0 || op.page + op.pages > this.setup.pages) return [0, 0];
        const area = new Area();
        area.flags = VM_READ | VM_MAYREAD | VM_DONTEXPAND | (space.defFlags & ~(VM_LOCKED | VM_LOCKONFAULT));
        const refuses = this.world.profile.layout.specialMappingRefusesSplit;
        area.ops = { ...PLAIN, close: true, maySplitError: refuses ? -22 : 0 };
        space.put(op.page, op.page + op.pages, area, op.page);
        const spec = { name: '[special]', fault: null };
        const made = installSpecialMapping(cur, op.page * PAGE, op.pages * PAGE, VM_READ | VM_MAYREAD, spec);
        return [0, typeof made === 'number' ? made : 0];
      }
      case 'fork': {
        if (this.tasks.length >= 3) return [0, 0];
        const child = model.fork(space, who);
        const made = dupMm(cur);
        if (typeof child === 'number' || typeof made === 'number') {
          return [typeof child === 'number' ? child : 0, typeof made === 'number' ? made : 0];
        }
        this.addTask(made, child);
        return [0, 0];
      }
      case 'switch':
        this.current = op.to % this.tasks.length;
        return [0, 0];
      case 'exit': {
        const which = op.which % this.tasks.length;
        if (this.tasks.length === 1) return [0, 0];
        const [gone] = this.tasks.splice(which, 1);
        model.exit(gone!.space);
        exitMmap(gone!.mm);
        this.current = 0;
        return [0, 0];
      }
      case 'limits':
        this.who = whoOf(op.limits, op.caps, op.readImpliesExec);
        this.applyWho();
        return [0, 0];
    }
  }

  private compare(): void {
    for (const task of this.tasks) this.compareTask(task);
    if (this.system.committedAs !== this.world.committed) {
      throw new Difference(`committed: the model says ${this.world.committed}, the engine ${this.system.committedAs}`);
    }
    this.compareFiles();
  }

  private compareFiles(): void {
    const users = new Map<FileModel, number>();
    const writers = new Map<object, number>();
    const mappings = new Map<object, number>();
    for (const { space } of this.tasks) {
      for (const { area } of space.runs()) {
        if (area.file === null) continue;
        users.set(area.file, (users.get(area.file) ?? 0) + 1);
        const { inode } = area.file;
        mappings.set(inode, (mappings.get(inode) ?? 0) + 1);
        // Later kernels count only mappings that may become writable.
        const counted = this.world.profile.files.sealedSharedReadonly ? VM_SHARED | VM_MAYWRITE : VM_SHARED;
        if ((area.flags & counted) === counted) writers.set(inode, (writers.get(inode) ?? 0) + 1);
      }
    }
    for (const [file, double] of this.doubles) {
      const own = file.name === 'shared-anonymous' ? 0 : 1;
      check(`references of ${file.name}`, (users.get(file) ?? 0) + own, double.fCount);
      const base = file.inode.sealed ? -1 : 0;
      check(`i_mmap_writable of ${file.name}`, (writers.get(file.inode) ?? 0) + base, double.fMapping.iMmapWritable);
      check(`size of i_mmap of ${file.name}`, mappings.get(file.inode) ?? 0, double.fMapping.iMmap.size);
    }
  }

  private compareTask({ mm, space }: Task): void {
    const problems = validateMm(mm);
    if (problems.length !== 0) throw new Difference(`validateMm: ${problems.join('; ')}`);
    let vma = mm.tree.first;
    for (const run of space.runs()) {
      const at = `page ${run.from}`;
      if (vma === null) throw new Difference(`${at}: the engine has no more VMAs`);
      check('start of a VMA', run.from, vma.vmStart / PAGE);
      check(`end of the VMA at ${at}`, run.to, vma.vmEnd / PAGE);
      const { area } = run;
      for (let p = run.from; p < run.to; p++) {
        const entry = space.page[p]!;
        const where = `page ${p}`;
        check(`${where}: page offset`, entry.off, vma.vmPgoff + (p - run.from));
      }
      if (area.flags !== vma.vmFlags) {
        throw new Difference(
          `${at}: flags: the model says ${area.flags.toString(16)}, the engine ${vma.vmFlags.toString(16)}`,
        );
      }
      const file = area.file === null ? null : this.doubles.get(area.file);
      if (file !== vma.vmFile) {
        throw new Difference(`${at}: file: the model says ${file?.path()}, the engine ${vma.vmFile?.path()}`);
      }
      check(`${at}: name`, area.name, vma.anonName);
      check(`${at}: vm_ops`, area.ops !== null, vma.vmOps !== null);
      const shared = VM_WRITE | VM_SHARED;
      const notify = (area.flags & shared) === shared && area.ops?.notify === true;
      check(`${at}: protection`, area.flags & (notify ? 7 : 15), vma.vmPageProt);
      this.compareAnon(at, area, vma.anonVma);
      const chain: AnonVma[] = [];
      for (let avc = vma.anonVmaChain; avc !== null; avc = avc.nextSameVma) chain.unshift(avc.anonVma);
      check(`${at}: links to anon_vmas`, area.chain.length, chain.length);
      chain.forEach((anon, i) => this.same(`${at}: link ${i}`, area.chain[i]!, anon));
      vma = vma.vmNext;
    }
    if (vma !== null) throw new Difference(`the engine has a VMA at page ${vma.vmStart / PAGE}, the model none`);
    const c = space.counters();
    check('total_vm', c.total, mm.totalVm);
    check('shared_vm', c.shared, mm.sharedVm);
    check('exec_vm', c.exec, mm.execVm);
    check('stack_vm', c.stack, mm.stackVm);
    check('data_vm', c.data, mm.dataVm);
    check('locked_vm', space.locked, mm.lockedVm);
    check('def_flags', space.defFlags, mm.defFlags);
    check('brk', Number(space.brk), mm.brk);
    check('map_count', space.count(), mm.mapCount);
  }

  private compareAnon(at: string, area: Area, anon: AnonVma | null): void {
    if (area.anon === null || anon === null) check(`${at}: has an anon_vma`, area.anon !== null, anon !== null);
    else this.same(`${at}: anon_vma`, area.anon, anon);
  }

  /** The two sides' identities correspond one to one. */
  private same(at: string, mine: Anon, anon: AnonVma): void {
    const known = this.anonOf.get(anon);
    const back = this.engineAnonOf.get(mine);
    if (known === undefined && back === undefined) {
      this.anonOf.set(anon, mine);
      this.engineAnonOf.set(mine, anon);
    } else if (known !== mine || back !== anon) throw new Difference(`${at}: another anon_vma`);
  }

  /** Ends every task: nothing may be left. */
  end(): void {
    for (const { mm, space } of this.tasks.splice(0)) {
      model.exit(space);
      exitMmap(mm);
      check('VMAs left', 0, mm.tree.size);
    }
    check('committed at the end', this.world.committed, this.system.committedAs);
    check('VMA objects in use', 0, this.system.vmAreaCachep.active);
    this.compareFiles();
    for (const double of this.doubles.values()) check('i_mmap', '', double.fMapping.iMmap.validate().join('; '));
  }
}

/** Decisions whose errno is whatever a driver said. */
const DRIVER_DECIDES = new Set<number>([
  MMAP_REGION_DRIVER_REFUSED,
  SPLIT_VMA_REFUSED,
  GET_UNMAPPED_AREA_OWNER_REFUSED,
  GET_UNMAPPED_AREA_ERROR_VALUE,
  MREMAP_OWNER_REFUSED,
]);
const DRIVER_FSYNC = -5;
const DRIVER_FALLOCATE = -28;

function whoOf(limits: Limits, caps: number, readImpliesExec: boolean): model.WhoArgs {
  return {
    limits,
    ipcLock: (caps & 1) !== 0,
    sysAdmin: (caps & 2) !== 0,
    rawio: (caps & 4) !== 0,
    readImpliesExec,
  };
}

function check(what: string, expected: unknown, got: unknown): void {
  if (expected !== got) throw new Difference(`${what}: the model says ${String(expected)}, the engine ${String(got)}`);
}

function tell(value: number): string {
  return value < 0 ? `-${errnoName(-value)}` : `0x${value.toString(16)}`;
}

/** A picture of an address space, one character a page, for a failing test's message. */
export function draw(space: Space): string {
  let letter = 64;
  let last: Area | null = null;
  return space.page
    .map((entry) => {
      if (entry === null) {
        last = null;
        return '.';
      }
      if (entry.area !== last) letter++;
      last = entry.area;
      return String.fromCharCode(letter);
    })
    .join('');
}
