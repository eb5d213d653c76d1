/**
 * Tasks that share an address space: what belongs to the task, to its group, and to the memory; who frees it.
 */
import { DeadTaskError, doSyscall, VforkWaitError, type Kernel, type Task } from '@vmarea/kernel';
import { RETRY } from '@vmarea/mm-core';
import {
  __WALL,
  __WCLONE,
  CLONE_CHILD_CLEARTID,
  CLONE_CHILD_SETTID,
  CLONE_CLEAR_SIGHAND,
  CLONE_FILES,
  CLONE_FS,
  CLONE_PARENT,
  CLONE_PARENT_SETTID,
  CLONE_SIGHAND,
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
  EBADF,
  ECHILD,
  EFAULT,
  EINVAL,
  ENOMEM,
  ENOSYS,
  E2BIG,
  LINUX_6_12,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  MCL_FUTURE,
  MSM_4_4,
  O_CREAT,
  O_RDWR,
  PERSONALITY_QUERY,
  PR_GET_MDWE,
  PR_GET_THP_DISABLE,
  PR_MDWE_REFUSE_EXEC_GAIN,
  PR_SET_MDWE,
  PR_SET_THP_DISABLE,
  PROT_READ,
  PROT_WRITE,
  READ_IMPLIES_EXEC,
  RLIMIT_AS,
  SIG_IGN,
  SIGCHLD,
  SIGKILL,
  syscallNumber,
  WNOHANG,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { checkAll, expectNoLeaks, machine, maps } from './machine.ts';

const RW = PROT_READ | PROT_WRITE;
const ANON = MAP_PRIVATE | MAP_ANONYMOUS;
const THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;

function cloned(task: Task, flags: number, exitSignal: number = SIGCHLD): Task {
  const child = task.sys.clone({ flags, exitSignal });
  if (typeof child === 'number') throw new Error(`clone: ${child}`);
  return child;
}

const frames = (kernel: Kernel): number => kernel.memory!.frames.nrFree;

describe('one address space', () => {
  it('is seen by all its tasks, and freed by the last one', () => {
    const kernel = machine();
    const free = frames(kernel);
    const a = kernel.spawn();
    const b = cloned(a, THREAD);
    const c = cloned(a, CLONE_VM);
    expect(a.mm.users).toBe(3);
    const page = b.mmap(0, 8192, RW, ANON, -1, 0);
    c.memory.store32(page, 7);
    expect(a.memory.load32(page)).toBe(7);
    a.munmap(page + 4096, 4096);
    expect(maps(c)).toEqual(maps(a));
    const used = frames(kernel);
    b.exit();
    c.exit();
    checkAll(kernel);
    expect(a.mm.users).toBe(1);
    expect(frames(kernel)).toBe(used);
    a.exit();
    expect(frames(kernel)).toBe(free);
    expect(kernel.system.vmAreaCachep.active).toBe(0);
  });

  it('lives on when the task that made it ends first', () => {
    const kernel = machine();
    const free = frames(kernel);
    const a = kernel.spawn();
    const page = a.mmap(0, 4096, RW, ANON, -1, 0);
    a.memory.store32(page, 5);
    const b = cloned(a, CLONE_VM);
    a.exit();
    expect(b.memory.load32(page)).toBe(5);
    expect(b.parent).toBeNull();
    expectNoLeaks(kernel, free);
  });

  it('holds MDWE, THP_DISABLE, mlockall and the heap; the personality is the task’s, limits are the group’s', () => {
    const kernel = machine({ profile: LINUX_6_12 });
    const a = kernel.spawn();
    a.setHeap(0x10000000);
    const thread = cloned(a, THREAD);
    const other = cloned(a, CLONE_VM);
    thread.prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, null);
    other.prctl(PR_SET_THP_DISABLE, 1, 0, 0, null);
    thread.mlockall(MCL_FUTURE);
    other.brk(0x10003000);
    thread.personality(READ_IMPLIES_EXEC);
    thread.setrlimit(RLIMIT_AS, 2 ** 24, Infinity);
    other.setrlimit(RLIMIT_AS, 2 ** 25, Infinity);
    expect(a.prctl(PR_GET_MDWE, 0, 0, 0, null)).toBe(PR_MDWE_REFUSE_EXEC_GAIN);
    expect(a.prctl(PR_GET_THP_DISABLE, 0, 0, 0, null)).toBe(1);
    expect(kernel.proc.status(a)).toContain('THP_enabled:\t0');
    a.mmap(0, 4096, RW, ANON, -1, 0);
    expect(a.mm.lockedVm).toBe(4);
    expect(a.brk(0)).toBe(0x10003000);
    expect([a, thread, other].map((task) => task.personality(PERSONALITY_QUERY))).toEqual([0, READ_IMPLIES_EXEC, 0]);
    expect([a, thread, other].map((task) => task.getrlimit(RLIMIT_AS))).toMatchObject([
      { soft: 2 ** 24 },
      { soft: 2 ** 24 },
      { soft: 2 ** 25 },
    ]);
    expect(kernel.proc.status(thread)).toMatch(/Tgid:\t1\nPid:\t2\nPPid:\t0\n[^]*Threads:\t2\n/);
    const forked = other.sys.fork() as Task;
    expect(forked.prctl(PR_GET_THP_DISABLE, 0, 0, 0, null)).toBe(1);
    checkAll(kernel);
    kernel.shutdown();
  });

  it('keeps descriptors and directory apart or together, as the flags say', () => {
    const kernel = machine();
    const a = kernel.spawn({ cwd: '/tmp' });
    const thread = cloned(a, THREAD);
    const other = cloned(a, CLONE_VM);
    const fd = thread.open('f', O_RDWR | O_CREAT, 0o644);
    expect(a.sys.fstat(fd)).toMatchObject({ size: 0 });
    expect(other.sys.fstat(fd)).toBe(-EBADF);
    a.chdir('/');
    expect(thread.sys.access('tmp', 0)).toBe(0);
    expect(other.sys.access('f', 0)).toBe(0);
    a.exit();
    expect(thread.close(fd)).toBe(0);
    kernel.shutdown();
  });

  it('marks new mappings on 4.4 when THP is disabled, and refuses what later kernels have', () => {
    const old = machine({ profile: MSM_4_4 }).spawn();
    old.prctl(PR_SET_THP_DISABLE, 1, 0, 0, null);
    const page = old.mmap(0, 4096, RW, ANON, -1, 0);
    expect(old.kernel.proc.smaps(old)).toMatch(new RegExp(`${page.toString(16)}-[^]*VmFlags:.* nh`));
    expect(old.sys.prctl(PR_SET_THP_DISABLE, 1, 2, 0, null)).toBe(-EINVAL);
    expect(old.sys.prctl(PR_GET_THP_DISABLE, 1, 0, 0, null)).toBe(-EINVAL);
    expect(kernelStatus(old)).not.toContain('THP_enabled');
  });
});

const kernelStatus = (task: Task): string => task.kernel.proc.status(task);

describe('a thread group', () => {
  it('has one pid and several tids; its parent waits for all of them', () => {
    const kernel = machine();
    const init = kernel.spawn();
    const leader = init.sys.fork() as Task;
    const thread = cloned(leader, THREAD);
    expect([thread.pid, thread.tgid, thread.parent, thread.gettid()]).toEqual([3, 2, init, 3]);
    expect(init.children).toEqual([leader]);
    leader.exit(3);
    expect(() => leader.gettid()).toThrow(DeadTaskError);
    expect(init.sys.wait(-1, WNOHANG)).toBe(0);
    thread.exit(4);
    const status = new Int32Array(1);
    expect(init.sys.wait(-1, 0, status)).toBe(2);
    expect(status[0]).toBe(3 << 8);
    expect(init.sys.wait()).toBe(-ECHILD);
    expect([...kernel.tasks.keys()]).toEqual([1]);
  });

  it('ends as a whole by exit_group; the first status counts', () => {
    const kernel = machine();
    const free = frames(kernel);
    const init = kernel.spawn();
    const leader = init.sys.fork() as Task;
    const thread = cloned(leader, THREAD);
    const sharer = cloned(leader, CLONE_VM);
    thread.exitGroup(9);
    expect(leader.exitStatus).toBe(9 << 8);
    expect(sharer.exitStatus).toBeNull();
    expect(sharer.mm.users).toBe(1);
    leader.exitGroup(1);
    const status = new Int32Array(1);
    expect(init.sys.wait(leader.pid, 0, status)).toBe(leader.pid);
    expect(status[0]).toBe(9 << 8);
    expectNoLeaks(kernel, free);
  });

  it('waits for the children of each of its threads, and by exit signal', () => {
    const kernel = machine();
    const a = kernel.spawn();
    const thread = cloned(a, THREAD);
    const child = thread.sys.fork() as Task;
    const silent = cloned(a, 0, 0);
    const sibling = cloned(child, CLONE_PARENT);
    expect(sibling.parent).toBe(a);
    expect(a.sys.wait(silent.pid, WNOHANG)).toBe(-ECHILD);
    expect(a.sys.wait(silent.pid, WNOHANG | __WCLONE)).toBe(0);
    for (const task of [child, silent, sibling]) task.exit();
    expect(a.sys.wait(-1, __WCLONE)).toBe(silent.pid);
    expect(a.sys.wait(-1, __WALL)).toBe(child.pid);
    thread.exit();
    expect(a.sys.wait()).toBe(sibling.pid);
    expect(a.sys.wait()).toBe(-ECHILD);
  });

  it('is collected at once when its parent ignores SIGCHLD', () => {
    const kernel = machine();
    const a = kernel.spawn();
    a.sighand.set(SIGCHLD, { handler: SIG_IGN, flags: 0, restorer: 0, mask: 0n });
    const child = a.sys.fork() as Task;
    const waiting = a.sys.wait();
    expect(waiting).toBe(RETRY);
    child.exit();
    expect(a.sys.wait()).toBe(-ECHILD);
    expect(kernel.tasks.size).toBe(1);
  });

  it('is left with the task that calls exec, which becomes the leader', () => {
    const kernel = machine();
    const free = frames(kernel);
    const init = kernel.spawn({ cwd: '/tmp' });
    const leader = init.sys.fork() as Task;
    const thread = cloned(leader, THREAD);
    const third = cloned(leader, THREAD);
    const sharer = cloned(leader, CLONE_VM);
    const page = leader.mmap(0, 4096, RW, ANON, -1, 0);
    sharer.memory.store32(page, 1);
    exec(thread);
    expect([leader.exitStatus, third.exitStatus]).toEqual([SIGKILL, SIGKILL]);
    expect([thread.pid, thread.tgid, thread.signal.leader]).toEqual([2, 2, thread]);
    expect(kernel.tasks.get(2)).toBe(thread);
    expect(init.children).toEqual([thread]);
    expect(maps(thread).join()).not.toContain(page.toString(16));
    expect(sharer.memory.load32(page)).toBe(1);
    expect(sharer.mm.users).toBe(1);
    thread.exit(5);
    const status = new Int32Array(1);
    expect(init.sys.wait(-1, 0, status)).toBe(2);
    expect(status[0]).toBe(5 << 8);
    init.unlink('program');
    expectNoLeaks(kernel, free);
  });
});

/** Executes a program of one page that the task creates. */
function exec(task: Task): void {
  const fd = task.open('/tmp/program', O_RDWR | O_CREAT, 0o755);
  task.ftruncate(fd, 4096);
  task.close(fd);
  const again = task.open('/tmp/program', 0);
  const file = task.cur.files.fget(again)!;
  const phdrs = [{ type: 1, flags: 5, offset: 0, vaddr: 0x400000, filesz: 100, memsz: 100, align: 4096 }];
  const layout = task.sys.execve({ file, type: 2, phdrs });
  if (typeof layout === 'number') throw new Error(`execve: ${layout}`);
  task.close(again);
}

describe('vfork', () => {
  it('lends the address space until the child calls exec', async () => {
    const kernel = machine();
    const free = frames(kernel);
    const parent = kernel.spawn();
    const page = parent.mmap(0, 4096, RW, ANON, -1, 0);
    const child = parent.sys.vfork() as Task;
    expect(child.mm).toBe(parent.mm);
    expect(() => parent.munmap(page, 4096)).toThrow(VforkWaitError);
    expect(() => parent.sys.munmap(page, 4096)).toThrow(/task 1 waits until its vfork child 2 calls execve or ends/);
    child.memory.store32(page, 3);
    let done = false;
    const waited = parent.vforkDone().then(() => (done = true));
    await Promise.resolve();
    expect(done).toBe(false);
    exec(child);
    await waited;
    expect(parent.memory.load32(page)).toBe(3);
    expect(parent.mm.users).toBe(1);
    expect(child.mm).not.toBe(parent.mm);
    child.unlink('/tmp/program');
    child.exit(1);
    expect(parent.wait()).toBe(child.pid);
    expectNoLeaks(kernel, free);
  });

  it('by number answers when the child is done, and tells the scheduler before', async () => {
    const told: string[] = [];
    const kernel = machine({
      scheduler: {
        wakeUpNewTask: (child, { stack }, parent) => told.push(`new ${child.pid} of ${parent.pid}, stack ${stack}`),
        taskDead: (task) => told.push(`dead ${task.pid}`),
      },
    });
    const parent = kernel.spawn();
    const number = syscallNumber('clone')!;
    const flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
    const answer = kernel.run(parent, () => doSyscall(parent, number, [flags, 0x8000, 0, 0, 0]));
    expect(told).toEqual(['new 2 of 1, stack 32768']);
    expect(() => doSyscall(parent, number, [0])).toThrow(VforkWaitError);
    kernel.tasks.get(2)!.exit(0);
    expect(await answer).toBe(2);
    expect(told[1]).toBe('dead 2');
    kernel.shutdown();
  });

  it('leaves the child alone when the parent is killed', () => {
    const kernel = machine();
    const free = frames(kernel);
    const parent = kernel.spawn();
    const child = parent.sys.vfork() as Task;
    parent.sys.exit(SIGKILL, true);
    expect(child.mm.users).toBe(1);
    expect(() => parent.gettid()).toThrow(DeadTaskError);
    child.exit();
    expect(kernel.tasks.size).toBe(0);
    expect(frames(kernel)).toBe(free);
  });
});

describe('clone by number', () => {
  it('stores pids, and clears the word when a task leaves memory that others use', () => {
    const woken: number[] = [];
    const kernel = machine({ scheduler: { futexWake: (_mm, address) => woken.push(address) } });
    const task = kernel.spawn();
    const at = task.mmap(0, 4096, RW, ANON, -1, 0);
    const flags = THREAD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
    const tid = doSyscall(task, syscallNumber('clone')!, [flags, 0, at, 0, at + 4]);
    expect([tid, task.memory.load32(at), task.memory.load32(at + 4)]).toEqual([2, 2, 2]);
    const thread = kernel.tasks.get(2)!;
    expect(doSyscall(thread, syscallNumber('set_tid_address')!, [at])).toBe(2);
    expect(doSyscall(thread, syscallNumber('gettid')!, [])).toBe(2);
    expect(doSyscall(thread, syscallNumber('getpid')!, [])).toBe(1);
    doSyscall(thread, syscallNumber('exit')!, [0]);
    expect([task.memory.load32(at), task.memory.load32(at + 4)]).toEqual([0, 2]);
    expect(woken).toEqual([at]);
    doSyscall(task, syscallNumber('exit_group')!, [1]);
    expect(woken).toEqual([at]);
  });

  it('as clone3 reads its arguments, also longer ones that are zero', () => {
    const kernel = machine();
    const task = kernel.spawn();
    const at = task.mmap(0, 8192, RW, ANON, -1, 0);
    const call = (fields: Readonly<Record<number, number | bigint>>, size: number = 88): number => {
      for (let i = 0; i < 32; i++) task.memory.store64(at + i * 8, 0, 0);
      for (const [index, value] of Object.entries(fields)) {
        const bits = BigInt(value);
        task.memory.store64(at + Number(index) * 8, Number(bits & 0xffffffffn), Number(bits >> 32n));
      }
      return doSyscall(task, syscallNumber('clone3')!, [at, size]);
    };
    const seen: unknown[] = [];
    kernel.scheduler.wakeUpNewTask = (child, args) => seen.push([child.pid, args.stack, args.tls]);
    expect(call({ 0: THREAD, 5: at, 6: 4096, 7: 99 })).toBe(2);
    expect(seen).toEqual([[2, at + 4096, 99n]]);
    expect(call({ 4: SIGCHLD }, 64)).toBe(3);
    expect(call({ 0: CLONE_CLEAR_SIGHAND, 4: SIGCHLD }, 256)).toBe(4);
    expect(call({ 12: 1 }, 256)).toBe(-E2BIG);
    expect(call({}, 8192)).toBe(-E2BIG);
    expect(call({}, 63)).toBe(-EINVAL);
    expect(call({ 0: SIGCHLD })).toBe(-EINVAL);
    expect(call({ 0: 2n ** 40n })).toBe(-EINVAL);
    expect(call({ 0: CLONE_VM | CLONE_SIGHAND, 4: 200 })).toBe(-EINVAL);
    expect(call({ 5: 0, 6: 4096 })).toBe(-EINVAL);
    expect(call({ 5: at, 6: 2n ** 60n })).toBe(-EINVAL);
    expect(doSyscall(task, syscallNumber('clone3')!, [0x1000, 88])).toBe(-EFAULT);
    const old = machine({ profile: MSM_4_4 }).spawn();
    expect(doSyscall(old, syscallNumber('clone3')!, [0, 88])).toBe(-ENOSYS);
    checkAll(kernel);
    kernel.shutdown();
  });

  it('leaves nothing behind when the copy of the memory fails', () => {
    const kernel = machine();
    const task = kernel.spawn();
    task.mmap(0, 4096, RW, ANON, -1, 0);
    const free = frames(kernel);
    const { users } = task.mm;
    kernel.system.failCountdown = 1;
    expect(task.sys.clone({ flags: CLONE_FILES })).toBe(-ENOMEM);
    kernel.system.failCountdown = 0;
    expect([frames(kernel), task.mm.users, task.cur.files.count, kernel.tasks.size]).toEqual([free, users, 1, 1]);
  });
});
