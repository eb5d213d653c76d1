/**
 * System calls that together go through every name of the seed. Each case makes real calls, asserts what comes of them, and
 * notes the names that are no functions as it sees their effect; functions are noted by the test, which counts their calls.
 */
import { AuditRecords, PerfRecords, UprobeRegistry } from '@vmarea/kernel';
import { expect } from 'vitest';
import {
  MmapLockError,
  VM_ACCOUNT,
  VM_DENYWRITE,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_GROWSUP,
  VM_HUGETLB,
  VM_LOCKED,
  VM_LOCKED_CLEAR_MASK,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_NORESERVE,
  VM_SHARED,
  VM_SOFTDIRTY,
  VM_SPECIAL,
} from '@vmarea/mm-core';
import {
  CAP_SYS_ADMIN,
  EACCES,
  EAGAIN,
  EBADF,
  EINVAL,
  ENODEV,
  ENOMEM,
  EOVERFLOW,
  EPERM,
  ET_EXEC,
  F_ADD_SEALS,
  F_SEAL_WRITE,
  LINUX_6_1,
  MAP_ANONYMOUS,
  MAP_DENYWRITE,
  MAP_EXECUTABLE,
  MAP_FIXED,
  MAP_GROWSDOWN,
  MAP_HUGE_2MB,
  MAP_HUGE_MASK,
  MAP_HUGE_SHIFT,
  MAP_HUGETLB,
  MAP_LOCKED,
  MAP_NONBLOCK,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_TYPE,
  MCL_FUTURE,
  MFD_ALLOW_SEALING,
  MSM_4_4,
  PERF_RECORD_MISC_MMAP_DATA,
  PERF_RECORD_MISC_USER,
  PERF_RECORD_MMAP2,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  OVERCOMMIT_NEVER,
  PF_R,
  PF_X,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  PT_LOAD,
  READ_IMPLIES_EXEC,
  RLIMIT_AS,
  RLIMIT_MEMLOCK,
  SHM_HUGE_MASK,
} from '@vmarea/uapi';
import { ANON, Machine, RW, type BootOptions } from './machine.ts';

/** Notes that a name's effect was seen. */
export type See = (name: string) => void;

const AT = 0x40000000;

function fileOf(machine: Machine, path: string, size: number, flags: number = O_RDWR): number {
  const { sys } = machine.task;
  const fd = sys.open(path, O_RDWR | O_CREAT, 0o777);
  expect(sys.ftruncate(fd, size)).toBe(0);
  if (flags === O_RDWR) return fd;
  sys.close(fd);
  return sys.open(path, flags);
}

function msm(options: BootOptions = {}): Machine {
  return new Machine({ profile: MSM_4_4, ...options });
}

/** A mapping of private memory: the whole way from the system call to the VMA. */
function privateMemory(see: See): void {
  for (const profile of [MSM_4_4, LINUX_6_1]) {
    const m = new Machine({ profile });
    const { sys, mm } = m.task;
    const addr = sys.mmap(0, 8193, RW, ANON | MAP_POPULATE, -1, 0);
    const vma = m.vma(addr);
    expect(vma.vmEnd - vma.vmStart).toBe(3 * 4096);
    expect(vma.vmPgoff).toBe(addr / 4096);
    expect(vma.vmMm).toBe(mm);
    expect(vma.vmPageProt & 15).toBe(3);
    for (const field of ['vm_start', 'vm_end', 'vm_pgoff', 'vm_mm', 'vm_page_prot', 'vm_area_struct']) see(field);
    expect(vma.vmFlags).toBe(3 | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_ACCOUNT);
    for (const flag of ['VM_MAYREAD', 'VM_MAYWRITE', 'VM_MAYEXEC', 'VM_ACCOUNT', 'vm_flags']) see(flag);
    expect([vma.vmFile, vma.vmOps, vma.anonVmaChain === null, vma.userfaultCtx]).toEqual([null, null, false, null]);
    for (const field of ['vm_ops', 'vm_file', 'NULL_VM_UFFD_CTX']) see(field);
    expect(mm.rssAnon).toBe(3);
    see('MAP_POPULATE');
    see('anon_vma_chain');
    expect(m.vma(m.anon(AT, 4096)).anonVmaChain).toBeNull();
    see('INIT_LIST_HEAD');
    expect(sys.mmap(0, 4096, RW, ANON | MAP_POPULATE | MAP_NONBLOCK, -1, 0)).toBeGreaterThan(0);
    expect(mm.rssAnon).toBe(3);
    see('MAP_NONBLOCK');
    expect(mm.mapCount).toBe(mm.tree.size);
    see('map_count');
    see('mm_struct');
    expect(m.vma(addr).vmMm).toBe(m.task.cur.mm);
    see('current');
    // The lowest bits of a hint do not count, and one below the lowest address is lifted.
    expect(sys.mmap(5, 4096, RW, ANON, -1, 0)).not.toBe(-EINVAL);
    expect(sys.mmap(4096, 4096, RW, ANON, -1, 0)).toBe(m.system.mmapMinAddr);
    expect(sys.mmap(0, 4096, RW, ANON, -1, 4095)).toBe(-EINVAL);
    expect(sys.mmap(m.task.mm.taskSize, 4096, RW, ANON | MAP_FIXED, -1, 0)).toBe(-ENOMEM);
    see('TASK_SIZE');
    see('PAGE_SHIFT');
    for (const name of ['MAP_ANONYMOUS', 'MAP_PRIVATE', 'PROT_READ', 'PROT_WRITE']) see(name);
  }
}

/** A file, mapped privately and shared, through descriptors of each mode. */
function files(see: See): void {
  const m = msm();
  const { sys } = m.task;
  const fd = fileOf(m, '/ram/lib', 65536);
  const file = m.task.cur.files.fget(fd)!;
  const count = file.fCount;
  const at = sys.mmap(0, 8192, RW, MAP_SHARED, fd, 4096);
  const vma = m.vma(at);
  expect(vma.vmFile).toBe(file);
  expect(vma.vmPgoff).toBe(1);
  expect(file.fCount).toBe(count + 1);
  expect(vma.vmFlags & (VM_SHARED | VM_MAYSHARE)).toBe(VM_SHARED | VM_MAYSHARE);
  expect(file.fMapping.iMmapWritable).toBe(1);
  expect(file.fMapping).toBe(file.fInode.iMapping);
  expect(file.path()).toBe('/ram/lib');
  expect(file.fOp.mmap).not.toBeNull();
  for (const name of [
    'VM_SHARED',
    'VM_MAYSHARE',
    'MAP_SHARED',
    'MAP_TYPE',
    'f_mapping',
    'f_path',
    'f_op',
    'file_inode',
    'mmap',
  ])
    see(name);
  expect(MAP_SHARED & MAP_TYPE).toBe(MAP_SHARED);
  expect(sys.close(fd)).toBe(0);
  expect(file.fCount).toBe(1);
  expect(sys.munmap(at, 8192)).toBe(0);
  expect(file.fCount).toBe(0);
  expect(file.fMapping.iMmapWritable).toBe(0);

  const reader = sys.open('/ram/lib', O_RDONLY);
  const readOnly = sys.mmap(0, 4096, PROT_READ, MAP_SHARED, reader, 0);
  expect(m.vma(readOnly).vmFlags & (VM_SHARED | VM_MAYWRITE | VM_MAYSHARE)).toBe(VM_MAYSHARE);
  expect(sys.mmap(0, 4096, RW, MAP_SHARED, reader, 0)).toBe(-EACCES);
  see('FMODE_WRITE');
  see('f_mode');
  const writer = sys.open('/ram/lib', O_WRONLY);
  expect(sys.mmap(0, 4096, PROT_WRITE, MAP_PRIVATE, writer, 0)).toBe(-EACCES);
  see('FMODE_READ');
  expect(sys.mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_DENYWRITE | MAP_EXECUTABLE, reader, 0)).toBeGreaterThan(0);
  expect(file.fInode.iWritecount).toBe(1);
  see('MAP_DENYWRITE');
  see('MAP_EXECUTABLE');
}

/** What a mount, an attribute or a lock forbids. */
function forbidden(see: See): void {
  const m = msm();
  const { sys } = m.task;
  const noexec = fileOf(m, '/ram-noexec/lib', 8192);
  expect(sys.mmap(0, 4096, PROT_EXEC, MAP_PRIVATE, noexec, 0)).toBe(-EPERM);
  see('PROT_EXEC');
  const plain = sys.mmap(0, 4096, PROT_READ, MAP_PRIVATE, noexec, 0);
  expect(m.vma(plain).vmFlags & VM_MAYEXEC).toBe(0);
  // A personality that makes readable memory executable stops at such a mount.
  sys.personality(READ_IMPLIES_EXEC);
  expect(m.vma(sys.mmap(0, 4096, PROT_READ, MAP_PRIVATE, noexec, 0)).vmFlags & VM_EXEC).toBe(0);
  const free = fileOf(m, '/ram/lib', 8192);
  expect(m.vma(sys.mmap(0, 4096, PROT_READ, MAP_PRIVATE, free, 0)).vmFlags & VM_EXEC).toBe(VM_EXEC);
  for (const name of ['READ_IMPLIES_EXEC', 'personality', 'VM_EXEC']) see(name);
  sys.personality(0);

  const log = fileOf(m, '/tmp/log', 8192);
  m.task.cur.files.fget(log)!.fInode.iFlags |= 4;
  expect(sys.mmap(0, 4096, PROT_READ, MAP_SHARED, log, 0)).toBe(-EACCES);
  expect(sys.mmap(0, 4096, PROT_READ, MAP_PRIVATE, log, 0)).toBeGreaterThan(0);
  see('IS_APPEND');

  const locked = sys.open('/tmp/locked', O_RDWR | O_CREAT, 0o2666);
  sys.ftruncate(locked, 8192);
  expect(sys.mmap(0, 4096, PROT_READ, MAP_SHARED, locked, 0)).toBeGreaterThan(0);
  const other = m.kernel.spawn();
  const theirs = other.sys.open('/tmp/locked', O_RDWR);
  expect(other.sys.fcntl(theirs, 6, { type: 1, whence: 0, start: 0, len: 0, pid: 0 })).toBe(0);
  expect(sys.mmap(0, 4096, PROT_READ, MAP_SHARED, locked, 0)).toBe(-EAGAIN);
}

/** Shared memory without a file. */
function sharedMemory(see: See): void {
  const m = msm();
  const { sys } = m.task;
  const addr = sys.mmap(0, 8192, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 4096);
  expect(m.vma(addr).vmPgoff).toBe(0);
  expect(m.vma(addr).vmFile?.path()).toBe('/dev/zero (deleted)');
  see('vm_pgoff');
  expect(sys.mmap(0, 4096, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0)).toBe(-EINVAL);
  const stack = sys.mmap(0, 4096, RW, ANON | MAP_GROWSDOWN, -1, 0);
  expect(m.vma(stack).vmFlags & VM_GROWSDOWN).toBe(VM_GROWSDOWN);
  expect(VM_GROWSUP).toBe(0);
  see('VM_GROWSDOWN');
  see('VM_GROWSUP');
}

/** Huge pages, with and without a file. */
function hugePages(see: See): void {
  const m = msm();
  const { sys } = m.task;
  const addr = sys.mmap(0, 4096, RW, ANON | MAP_HUGETLB, -1, 0);
  const vma = m.vma(addr);
  expect(vma.vmEnd - vma.vmStart).toBe(2 ** 21);
  expect(vma.vmFlags & VM_HUGETLB).toBe(VM_HUGETLB);
  expect(vma.vmFile?.path()).toBe('/anon_hugepage (deleted)');
  expect(vma.vmFile?.hugePageSize).toBe(2 ** 21);
  for (const name of [
    'MAP_HUGETLB',
    'HUGETLB_ANON_FILE',
    'HUGETLB_ANONHUGE_INODE',
    'is_vm_hugetlb_page',
    'huge_page_size',
    'hstate',
  ])
    see(name);
  // The user is a dummy: nothing is counted as locked.
  expect([...m.system.lockedShm.values()].every((pages) => pages === 0)).toBe(true);
  see('user_struct');
  expect(sys.mmap(0, 4096, RW, ANON | MAP_HUGETLB | MAP_HUGE_2MB, -1, 0)).toBeGreaterThan(0);
  expect(sys.mmap(0, 4096, RW, ANON | MAP_HUGETLB | (13 << MAP_HUGE_SHIFT), -1, 0)).toBe(-EINVAL);
  expect(MAP_HUGE_MASK).toBe(SHM_HUGE_MASK);
  for (const name of ['MAP_HUGE_SHIFT', 'MAP_HUGE_MASK', 'SHM_HUGE_MASK']) see(name);

  const fd = fileOf(m, '/huge/pool', 2 ** 22);
  const file = sys.mmap(0, 4096, RW, MAP_SHARED, fd, 0);
  expect(m.vma(file).vmEnd - file).toBe(2 ** 21);
  const plain = fileOf(m, '/ram/lib', 8192);
  expect(sys.mmap(0, 4096, RW, MAP_PRIVATE | MAP_HUGETLB, plain, 0)).toBe(-EINVAL);
  // Without a reservation the flag is kept in every overcommit mode.
  const reserved = sys.mmap(0, 4096, RW, MAP_SHARED | MAP_NORESERVE, fd, 0);
  expect(m.vma(reserved).vmFlags & VM_NORESERVE).toBe(VM_NORESERVE);
  see('VM_NORESERVE');
}

/** MAP_FIXED: what lies in the range goes first, and does not count against the limit. */
function fixed(see: See): void {
  const m = msm({ limits: (table) => table.assign(RLIMIT_AS, 40 * 4096, Infinity) });
  const { sys, mm } = m.task;
  expect(m.anon(AT, 4 * 4096)).toBe(AT);
  m.memory().store8(AT, 1);
  expect(mm.rssAnon).toBe(1);
  expect(m.anon(AT, 7 * 4096)).toBe(AT);
  expect(mm.rssAnon).toBe(0);
  expect(m.anon(AT, 7 * 4096)).toBe(AT);
  expect(sys.mmap(0, 4096 * 4, RW, ANON, -1, 0)).toBe(-ENOMEM);
  see('MAP_FIXED');
  expect(sys.mmap(AT + 1, 4096, RW, ANON | MAP_FIXED, -1, 0)).toBe(-EINVAL);
}

/** Memory that is locked as it is mapped. */
function lockedMemory(see: See): void {
  const m = msm({ limits: (table) => table.assign(RLIMIT_MEMLOCK, 2 * 4096, Infinity) });
  const { sys, mm, cur } = m.task;
  const at = sys.mmap(0, 4096, RW, ANON | MAP_LOCKED, -1, 0);
  expect(m.vma(at).vmFlags & VM_LOCKED).toBe(VM_LOCKED);
  expect([mm.lockedVm, mm.rssAnon]).toEqual([1, 1]);
  for (const name of ['MAP_LOCKED', 'VM_LOCKED', 'locked_vm']) see(name);
  // Huge pages and device memory are never counted, and lose the flag.
  const huge = sys.mmap(0, 4096, RW, ANON | MAP_HUGETLB | MAP_LOCKED, -1, 0);
  expect(huge).toBeGreaterThan(0);
  expect(m.vma(huge).vmFlags & VM_LOCKED).toBe(0);
  const device = sys.open('/drv/io', O_RDWR);
  const special = sys.mmap(0, 4096, RW, MAP_SHARED | MAP_LOCKED, device, 0);
  expect(m.vma(special).vmFlags & VM_SPECIAL).not.toBe(0);
  expect(m.vma(special).vmFlags & ~VM_LOCKED_CLEAR_MASK).toBe(0);
  expect(mm.lockedVm).toBe(1);
  for (const name of ['VM_SPECIAL', 'VM_LOCKED_CLEAR_MASK']) see(name);
  expect(sys.mlockall(MCL_FUTURE)).toBe(0);
  expect(mm.defFlags & VM_LOCKED).toBe(VM_LOCKED);
  see('def_flags');
  cur.cred.capLow = 0;
  cur.cred.capHigh = 0;
  expect(sys.mmap(0, 2 * 4096, RW, ANON, -1, 0)).toBe(-EAGAIN);
  m.task.limits.assign(RLIMIT_MEMLOCK, 0, Infinity);
  expect(sys.mmap(0, 4096, RW, ANON | MAP_LOCKED, -1, 0)).toBe(-EPERM);
}

/** exec maps programs so that nobody writes to them. */
function denyWrite(see: See): void {
  const m = msm();
  const { sys } = m.task;
  const fd = fileOf(m, '/ram/prog', 65536);
  const file = m.task.cur.files.fget(fd)!;
  const phdrs = [
    { type: PT_LOAD, flags: PF_R | PF_X, offset: 0, vaddr: 0x400000, filesz: 4096, memsz: 4096, align: 65536 },
  ];
  // The writer keeps exec from mapping it.
  expect(sys.execve({ file, type: ET_EXEC, phdrs })).toBe(-26);
  const reader = sys.open('/ram/prog', O_RDONLY);
  const program = m.task.cur.files.fget(reader)!;
  sys.close(fd);
  const layout = sys.execve({ file: program, type: ET_EXEC, phdrs });
  expect(typeof layout).toBe('object');
  expect(m.vma(0x400000).vmFlags & VM_DENYWRITE).toBe(VM_DENYWRITE);
  expect(program.fInode.iWritecount).toBeLessThan(0);
  expect(sys.open('/ram/prog', O_RDWR)).toBe(-26);
  see('VM_DENYWRITE');
}

/** A driver that refuses: everything is undone, but what 4.4 forgets. */
function refusingDriver(see: See): void {
  for (const profile of [MSM_4_4, LINUX_6_1]) {
    const m = new Machine({ profile });
    const { sys } = m.task;
    const fd = sys.open('/drv/refuse', O_RDWR);
    const file = m.task.cur.files.fget(fd)!;
    const before = { count: file.fCount, active: m.system.vmAreaCachep.active, committed: m.system.committedAs };
    expect(sys.mmap(0, 8192, PROT_READ, MAP_SHARED, fd, 0)).toBe(-71);
    expect(file.fMapping.iMmapWritable).toBe(0);
    expect(m.system.committedAs).toBe(before.committed);
    // Private and writable: its pages were charged, and 4.4 does not give them back.
    expect(sys.mmap(0, 8192, RW, MAP_PRIVATE, fd, 0)).toBe(-71);
    expect(m.system.committedAs - before.committed).toBe(profile === MSM_4_4 ? 2 : 0);
    expect(file.fCount).toBe(before.count);
    expect(m.system.vmAreaCachep.active).toBe(before.active);
    see('vm_area_cachep');
    // A sealed file is refused before its driver is asked, or by the driver.
    const sealed = sys.memfdCreate('sealed', MFD_ALLOW_SEALING);
    sys.ftruncate(sealed, 4096);
    expect(sys.fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE)).toBe(0);
    expect(sys.mmap(0, 4096, RW, MAP_SHARED, sealed, 0)).toBe(-EPERM);
    expect(m.system.vmAreaCachep.active).toBe(before.active);
    // No file for shared memory.
    const without = new Machine({ profile, withoutSharedMemory: true });
    const { active } = without.system.vmAreaCachep;
    expect(without.task.sys.mmap(0, 4096, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0)).toBe(-ENOMEM);
    expect(without.system.vmAreaCachep.active).toBe(active);
    // No memory for the VMA.
    m.system.failCountdown = 1;
    expect(sys.mmap(0, 4096, RW, ANON, -1, 0)).toBe(-ENOMEM);
    expect(m.system.failCountdown).toBe(0);
    see('GFP_KERNEL');
  }
}

/** A driver that moves the mapping is warned of, once. */
function movingDriver(see: See): void {
  const warnings: string[] = [];
  const m = msm({ onWarning: (text) => warnings.push(text) });
  const { sys } = m.task;
  const fd = sys.open('/drv/move', O_RDWR);
  const at = sys.mmap(AT, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  expect(at).toBe(AT + 16 * 4096);
  expect(m.vma(at).vmStart).toBe(at);
  sys.mmap(AT + 2 ** 20, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  expect(warnings).toHaveLength(1);
  see('WARN_ON_ONCE');
}

/** The listeners: audit, security, perf, uprobes. */
function listeners(see: See): void {
  const asked: string[] = [];
  const m = msm({
    security: {
      mmapFile: (_cur, file, prot) => (asked.push(`mmap_file ${file === null ? '-' : file.path()} ${prot}`), 0),
      mmapAddr: (_cur, addr) => (asked.push(`mmap_addr ${addr > 0}`), 0),
      capSysAdmin: () => (asked.push('cap_sys_admin'), true),
    },
  });
  const { sys } = m.task;
  const audit = new AuditRecords();
  const perf = new PerfRecords(m.kernel);
  const uprobes = new UprobeRegistry(m.kernel);
  Object.assign(m.system, { audit, perf, uprobes });
  const fd = fileOf(m, '/ram/lib', 8192);
  const file = m.task.cur.files.fget(fd)!;
  uprobes.register(file.fInode, 0x10);
  uprobes.register(file.fInode, 0x1010);
  sys.mmap(AT, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0);
  expect(audit.records).toEqual([{ caller: m.task.cur, fd, flags: MAP_PRIVATE | MAP_FIXED }]);
  expect(perf.records).toEqual([
    {
      type: PERF_RECORD_MMAP2,
      misc: PERF_RECORD_MISC_USER,
      pid: m.task.pid,
      tid: m.task.pid,
      addr: AT,
      len: 4096,
      pgoff: 0,
      major: file.fInode.devMajor,
      minor: file.fInode.devMinor,
      ino: file.fInode.ino,
      prot: PROT_READ | PROT_EXEC,
      flags: MAP_PRIVATE | MAP_EXECUTABLE,
      filename: '/ram/lib',
    },
  ]);
  // vma_link looks for probes, and mmap_region once more.
  expect(new Set(uprobes.hits.map(({ what, address }) => `${what} ${address - AT}`))).toEqual(new Set(['insert 16']));
  // The next page joins it, and the record is of the whole.
  sys.mmap(AT + 4096, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 4096);
  expect(perf.records.at(-1)).toMatchObject({ addr: AT, len: 8192 });
  expect(uprobes.hits.at(-1)).toMatchObject({ what: 'insert', offset: 0x1010, address: AT + 0x1010 });
  m.anon(AT + 2 ** 20, 4096);
  expect(perf.records.at(-1)).toMatchObject({
    filename: '//anon',
    misc: PERF_RECORD_MISC_USER | PERF_RECORD_MISC_MMAP_DATA,
  });
  sys.mmap(AT + 2 ** 21, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
  expect(asked).toContain(`mmap_file /ram/lib ${PROT_READ}`);
  expect(asked).toContain('mmap_addr true');
  asked.length = 0;
  m.anon(AT + 2 ** 20, 4096);
  expect(asked).toContain('cap_sys_admin');
  for (const name of ['audit_mmap_fd', 'perf_event_mmap', 'uprobe_mmap', 'security_mmap_file', 'security_mmap_addr'])
    see(name);
  const refusing = msm({ security: { mmapFile: () => -EACCES } });
  expect(refusing.anon(AT, 4096)).toBe(-EACCES);
  expect(refusing.system.committedAs).toBe(msm().system.committedAs);
}

/** CONFIG_MSM_APP_SETTINGS and CONFIG_MEM_SOFT_DIRTY. */
function configurations(see: See): void {
  const m = msm({ config: { msmAppSettings: { useAppSetting: true, libNames: ['libslow.so'] }, softDirty: true } });
  const { sys, mm } = m.task;
  const other = fileOf(m, '/ram/libfast.so', 8192);
  sys.mmap(0, 4096, PROT_READ, MAP_PRIVATE, other, 0);
  expect(mm.appSetting).toBe(false);
  const fd = fileOf(m, '/ram/libslow.so', 8192);
  const at = sys.mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  expect(mm.appSetting).toBe(true);
  expect(m.vma(at).vmFlags & VM_SOFTDIRTY).toBe(VM_SOFTDIRTY);
  const off = msm({ config: { msmAppSettings: { useAppSetting: false, libNames: ['libslow.so'] } } });
  off.task.sys.mmap(0, 4096, PROT_READ, MAP_PRIVATE, fileOf(off, '/ram/libslow.so', 8192), 0);
  expect(off.task.mm.appSetting).toBe(false);
  for (const name of ['CONFIG_MSM_APP_SETTINGS', 'use_app_setting', 'VM_SOFTDIRTY']) see(name);
}

/** Overcommit: charged, refused, and left out on request. */
function overcommit(see: See): void {
  const m = msm({ sysctl: { overcommitMemory: OVERCOMMIT_NEVER, overcommitRatio: 0, overcommitKbytes: 4096 } });
  const { sys } = m.task;
  expect(sys.mmap(0, 2 ** 30, RW, ANON, -1, 0)).toBe(-ENOMEM);
  expect(sys.mmap(0, 2 ** 30, RW, ANON | MAP_NORESERVE, -1, 0)).toBe(-ENOMEM);
  expect(sys.mmap(0, 2 ** 30, PROT_READ, ANON, -1, 0)).toBeGreaterThan(0);
  see('OVERCOMMIT_NEVER');
  see('sysctl_overcommit_memory');
  const free = msm();
  const at = free.task.sys.mmap(0, 4096, RW, ANON | MAP_NORESERVE, -1, 0);
  expect(free.vma(at).vmFlags & (VM_NORESERVE | VM_ACCOUNT)).toBe(VM_NORESERVE);
  see('MAP_NORESERVE');
  // What was charged is given back when no VMA can be had.
  const before = free.system.committedAs;
  free.system.failCountdown = 1;
  expect(free.anon(AT, 4096)).toBe(-ENOMEM);
  expect(free.system.committedAs).toBe(before);
  const rights = free.task.cur.cred;
  rights.capLow &= ~(1 << CAP_SYS_ADMIN);
  expect(free.anon(AT, 4096)).toBe(AT);
}

/** Every error of the seed. */
function errors(see: See): void {
  const m = msm({ sysctl: { maxMapCount: 3 } });
  const { sys } = m.task;
  expect(sys.mmap(0, 4096, RW, ANON, -1, 1)).toBe(-EINVAL);
  see('EINVAL');
  expect(sys.mmap(0, 4096, RW, MAP_PRIVATE, 77, 0)).toBe(-EBADF);
  see('EBADF');
  expect(sys.mmap(0, 4096, RW, ANON, -1, -4096)).toBe(-EOVERFLOW);
  see('EOVERFLOW');
  const empty = sys.open('/dev/null', O_RDWR);
  expect(sys.mmap(0, 4096, RW, MAP_PRIVATE, empty, 0)).toBe(-ENODEV);
  see('ENODEV');
  const log = fileOf(m, '/tmp/log', 8192, O_RDONLY);
  expect(sys.mmap(0, 4096, RW, MAP_SHARED, log, 0)).toBe(-EACCES);
  see('EACCES');
  for (let i = 0; i < 3; i++) m.anon(AT + i * 8192, 4096);
  expect(m.anon(AT + 2 ** 20, 4096)).toBe(-ENOMEM);
  see('ENOMEM');
  see('sysctl_max_map_count');
  const poor = msm({ limits: (table) => table.assign(RLIMIT_MEMLOCK, 4096, Infinity) });
  poor.task.cur.cred.capLow = 0;
  expect(poor.task.sys.mmap(0, 8192, RW, ANON | MAP_LOCKED, -1, 0)).toBe(-EAGAIN);
  see('EAGAIN');
  expect(poor.task.sys.mmap(0, 4096, PROT_NONE, ANON | MAP_FIXED, -1, 0)).toBe(-EPERM);
  see('EPERM');
}

/** The mmap lock: held during the call, and not twice. */
function lock(see: See): void {
  const m = msm();
  let held = false;
  m.system.perf = { mmap: () => void (held = m.task.mm.locked) };
  expect(m.anon(AT, 4096)).toBe(AT);
  expect(held).toBe(true);
  expect(m.task.mm.locked).toBe(false);
  // Who is called with it held must not ask for it again.
  m.system.perf = { mmap: () => void m.anon(AT + 2 ** 21, 4096) };
  expect(() => m.anon(AT + 2 ** 20, 4096)).toThrow(MmapLockError);
  expect(m.task.mm.locked).toBe(false);
  see('mmap_sem');
}

/** The cases by the name that docs/seed-coverage.md uses. */
export const SEED_CASES: Readonly<Record<string, (see: See) => void>> = {
  'private memory': privateMemory,
  files,
  forbidden,
  'shared memory': sharedMemory,
  'huge pages': hugePages,
  fixed,
  'locked memory': lockedMemory,
  'deny write': denyWrite,
  'refusing driver': refusingDriver,
  'moving driver': movingDriver,
  listeners,
  configurations,
  overcommit,
  errors,
  lock,
};
