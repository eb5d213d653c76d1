/**
 * Memory faults as signals: the handler with its siginfo and stack, the forced default action, the end of the whole group.
 */
import {
  doSyscall,
  siginfoBytes,
  type Kernel,
  type KernelInit,
  type KSignal,
  type SigAction,
  type Task,
} from '@vmarea/kernel';
import { validateMm } from '@vmarea/mm-core';
import {
  BUS_ADRERR,
  CLONE_CLEAR_SIGHAND,
  CLONE_FILES,
  CLONE_FS,
  CLONE_SIGHAND,
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
  EFAULT,
  EINVAL,
  ENOMEM,
  EPERM,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  MAP_SHARED,
  MisuseError,
  MSM_4_4,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  RLIMIT_CORE,
  SA_NODEFER,
  SA_ONSTACK,
  SA_RESETHAND,
  SA_SIGINFO,
  SA_UNSUPPORTED,
  SEGV_ACCERR,
  SEGV_MAPERR,
  SIG_BLOCK,
  SIG_DFL,
  SIG_IGN,
  SIG_SETMASK,
  SIG_UNBLOCK,
  SIGBUS,
  SIGCHLD,
  SIGKILL,
  SIGSEGV,
  SIGUSR1,
  SI_KERNEL,
  SS_AUTODISARM,
  SS_DISABLE,
  SS_ONSTACK,
  syscallNumber,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { machine } from './machine.ts';

const RW = PROT_READ | PROT_WRITE;
const ANON = MAP_PRIVATE | MAP_ANONYMOUS;
const THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
const SP = 0x7000_0000;
const HANDLER = 0x40_1000;

const bit = (sig: number): bigint => 1n << BigInt(sig - 1);

function action(more: Partial<SigAction> = {}): SigAction {
  return { handler: HANDLER, flags: SA_SIGINFO, restorer: 0, mask: 0n, ...more };
}

/** The refused load at an address, delivered. */
function load(task: Task, address: number, sp: number = SP): ReturnType<Task['deliverFault']> {
  expect(task.memory.load8(address)).toBe(-1);
  return task.deliverFault(task.memory, sp);
}

function handler(delivered: ReturnType<Task['getSignal']>): KSignal {
  if (delivered?.kind !== 'handler') throw new Error('no handler');
  return delivered;
}

function boot(init: Partial<KernelInit> = {}): { kernel: Kernel; init: Task; task: Task } {
  const kernel = machine(init);
  const first = kernel.spawn({ cwd: '/tmp' });
  return { kernel, init: first, task: first.sys.fork() as Task };
}

/** The status that the parent gets. */
function waited(init: Task): number {
  const status = new Int32Array(1);
  expect(init.sys.wait(-1, 0, status)).toBeGreaterThan(0);
  return status[0]!;
}

describe('a fault of a task with a handler', () => {
  it('calls it with siginfo, and blocks the signal and its mask meanwhile', () => {
    const { task } = boot();
    task.rtSigaction(SIGSEGV, action({ mask: bit(SIGUSR1) | bit(SIGKILL) }));
    const page = task.mmap(0, 4096, PROT_READ, ANON, -1, 0);
    expect(task.memory.store8(page + 3, 1)).toBe(-1);
    const ksig = handler(task.deliverFault(task.memory, SP));
    expect(ksig).toMatchObject({ sig: SIGSEGV, sp: SP, onAltStack: false, mask: 0n });
    expect(ksig.info).toEqual({ signo: SIGSEGV, code: SEGV_ACCERR, addr: page + 3 });
    expect(ksig.ka.handler).toBe(HANDLER);
    const view = new DataView(siginfoBytes(ksig.info).buffer);
    expect([view.getInt32(0, true), view.getInt32(4, true), view.getInt32(8, true)]).toEqual([SIGSEGV, 0, SEGV_ACCERR]);
    expect(view.getBigUint64(16, true)).toBe(BigInt(page + 3));
    task.signalSetupDone(ksig);
    expect(task.blocked).toBe(bit(SIGUSR1) | bit(SIGSEGV));
    task.restoreSigmask(ksig.mask, ksig.stack);
    expect(task.blocked).toBe(0n);
    expect(task.getSignal(SP)).toBeNull();
    expect(task.exitStatus).toBeNull();
  });

  it('gets SIGBUS beyond the end of a file', () => {
    const { task } = boot();
    task.rtSigaction(SIGBUS, action());
    const fd = task.open('f', O_RDWR | O_CREAT, 0o644);
    const page = task.mmap(0, 4096, RW, MAP_SHARED, fd, 0);
    expect(handler(load(task, page)).info).toEqual({ signo: SIGBUS, code: BUS_ADRERR, addr: page });
  });

  it('runs on the signal stack with SA_ONSTACK, unless it runs there already', () => {
    const sp = { now: 0 };
    const { task } = boot({ scheduler: { currentUserStackPointer: () => sp.now } });
    task.rtSigaction(SIGSEGV, action({ flags: SA_ONSTACK | SA_NODEFER }));
    expect(handler(load(task, 0x1000))).toMatchObject({ sp: SP, onAltStack: false });
    expect(task.sigaltstack({ sp: 0x10000, size: 8192, flags: 0 })).toEqual({ sp: 0, size: 0, flags: SS_DISABLE });
    const ksig = handler(load(task, 0x1000));
    expect(ksig).toMatchObject({ sp: 0x12000, onAltStack: true, stack: { sp: 0x10000, size: 8192, flags: 0 } });
    task.signalSetupDone(ksig);
    expect(task.blocked).toBe(0n);
    sp.now = 0x11f00;
    expect(handler(load(task, 0x1000, sp.now))).toMatchObject({ sp: sp.now, onAltStack: false });
    expect(task.sigaltstack()).toEqual({ sp: 0x10000, size: 8192, flags: SS_ONSTACK });
    expect(task.sys.sigaltstack({ sp: 0, size: 0, flags: SS_DISABLE })).toBe(-EPERM);
    // SS_AUTODISARM together with another bit is a negative number in JS.
    sp.now = 0x10000;
    expect(task.sys.sigaltstack({ sp: 0, size: 0, flags: SS_AUTODISARM | SS_ONSTACK | SS_DISABLE })).toBe(-EINVAL);
    expect(task.sys.sigaltstack({ sp: 0, size: 0, flags: 4 })).toBe(-EINVAL);
    expect(task.sys.sigaltstack({ sp: 0, size: 5119, flags: 0 })).toBe(-ENOMEM);
    expect(task.sys.sigaltstack({ sp: 0, size: 0, flags: SS_DISABLE })).toMatchObject({ size: 8192, flags: 0 });
    expect(handler(load(task, 0x1000))).toMatchObject({ sp: SP, onAltStack: false });
  });

  it('forgets a stack with SS_AUTODISARM while the handler runs, and gets it back', () => {
    const { task } = boot();
    task.rtSigaction(SIGSEGV, action({ flags: SA_ONSTACK }));
    task.sigaltstack({ sp: 0x10000, size: 8192, flags: SS_AUTODISARM });
    const ksig = handler(load(task, 0x1000));
    task.signalSetupDone(ksig);
    expect(task.sigaltstack()).toEqual({ sp: 0, size: 0, flags: SS_DISABLE });
    task.restoreSigmask(ksig.mask, ksig.stack);
    expect(task.sigaltstack()).toEqual({ sp: 0x10000, size: 8192, flags: SS_AUTODISARM });
    const old = boot({ profile: MSM_4_4 }).task;
    expect(old.sys.sigaltstack({ sp: 0x10000, size: 8192, flags: SS_AUTODISARM })).toBe(-EINVAL);
  });

  it('is called once with SA_RESETHAND', () => {
    const { init, task } = boot();
    task.rtSigaction(SIGSEGV, action({ flags: SA_RESETHAND | SA_NODEFER }));
    const ksig = handler(load(task, 0x1000));
    task.signalSetupDone(ksig);
    expect(task.sys.rtSigaction(SIGSEGV)).toMatchObject({ handler: SIG_DFL });
    expect(load(task, 0x1000)).toEqual({ kind: 'killed', status: SIGSEGV });
    expect(waited(init)).toBe(SIGSEGV);
  });

  it('ends when the frame cannot be stored: of SIGSEGV at once, of another signal with a SIGSEGV', () => {
    const { task } = boot();
    task.rtSigaction(SIGSEGV, action());
    const ksig = handler(load(task, 0x1000));
    task.signalSetupDone(ksig, true);
    expect(task.getSignal(SP)).toEqual({ kind: 'killed', status: SIGSEGV });
    const other = boot().task;
    other.rtSigaction(SIGSEGV, action());
    other.rtSigaction(SIGBUS, action());
    const fd = other.open('f', O_RDWR | O_CREAT, 0o644);
    const page = other.mmap(0, 4096, RW, MAP_SHARED, fd, 0);
    other.signalSetupDone(handler(load(other, page)), true);
    expect(handler(other.getSignal(SP)).info).toEqual({ signo: SIGSEGV, code: SI_KERNEL, addr: 0 });
    expect(other.blocked).toBe(0n);
  });
});

describe('a fault without a handler', () => {
  it.each([
    ['by default', (): void => undefined],
    ['ignored', (task: Task): void => void task.rtSigaction(SIGSEGV, action({ handler: SIG_IGN }))],
    [
      'blocked, with a handler',
      (task: Task): void => {
        task.rtSigaction(SIGSEGV, action());
        task.rtSigprocmask(SIG_BLOCK, bit(SIGSEGV) | bit(SIGUSR1));
      },
    ],
  ])('kills the group: %s', (_name, prepare) => {
    const { kernel, init, task } = boot();
    const free = kernel.memory!.frames.nrFree;
    const thread = task.sys.clone({ flags: THREAD }) as Task;
    const sharer = init.sys.clone({ flags: CLONE_VM }) as Task;
    prepare(thread);
    const page = task.mmap(0, 4096, RW, ANON, -1, 0);
    task.memory.store8(page, 1);
    expect(load(thread, 0x1000)).toEqual({ kind: 'killed', status: SIGSEGV });
    expect(thread.cur.call.refused.code).toBe(SEGV_MAPERR);
    expect([task.exitStatus, thread.exitStatus, sharer.exitStatus]).toEqual([SIGSEGV, SIGSEGV, null]);
    expect(() => thread.deliverFault(thread.cur.call.refused, SP)).toThrow(/task 3 has exited/);
    expect(waited(init)).toBe(SIGSEGV);
    expect(validateMm(init.mm)).toEqual([]);
    expect(kernel.memory!.frames.nrFree).toBeGreaterThanOrEqual(free);
    kernel.shutdown();
  });

  it('unblocks only the forced signal, and kills with 0x80 when a core was written', () => {
    const asked: unknown[] = [];
    const scheduler = { doCoredump: (task: Task, info: unknown) => (asked.push([task.pid, info]), true) };
    const { init, task } = boot({ scheduler });
    task.setrlimit(RLIMIT_CORE, 1, Infinity);
    expect(load(task, 0x1000)).toEqual({ kind: 'killed', status: SIGSEGV | 0x80 });
    expect(asked).toEqual([[2, { signo: SIGSEGV, code: SEGV_MAPERR, addr: 0x1000 }]]);
    expect(waited(init)).toBe(SIGSEGV | 0x80);
    const unlimited = init.sys.fork() as Task;
    expect(load(unlimited, 0x1000)).toEqual({ kind: 'killed', status: SIGSEGV });
    expect(asked).toHaveLength(1);
  });

  it('kills by SIGKILL when memory is exhausted, whatever the actions are', () => {
    const kernel = machine({ memory: { bytes: 2 ** 21 } });
    const init = kernel.spawn();
    const task = init.sys.fork() as Task;
    task.rtSigprocmask(SIG_SETMASK, (1n << 64n) - 1n);
    expect(task.rtSigprocmask(SIG_SETMASK)).toBe((1n << 64n) - 1n - bit(SIGKILL) - bit(19));
    const free = kernel.memory!.frames.nrFree;
    let page = task.mmap(0, 2 ** 21, RW, ANON, -1, 0);
    while (task.memory.store8(page, 1) === 0) page += 4096;
    expect(task.deliverFault(task.memory, SP)).toEqual({ kind: 'killed', status: SIGKILL });
    expect(waited(init)).toBe(SIGKILL);
    expect(kernel.memory!.frames.nrFree).toBeGreaterThanOrEqual(free);
  });

  it('is none when no access was refused', () => {
    const { task } = boot();
    expect(() => task.deliverFault(task.cur.call.refused, SP)).toThrow(MisuseError);
  });
});

describe('actions, mask and stack', () => {
  it('go to the child by fork, are shared with CLONE_SIGHAND, and reset by exec', () => {
    const { task } = boot();
    task.rtSigaction(SIGSEGV, action());
    task.rtSigaction(SIGBUS, action({ handler: SIG_IGN }));
    task.rtSigprocmask(SIG_BLOCK, bit(SIGUSR1));
    task.sigaltstack({ sp: 0x10000, size: 8192, flags: 0 });
    const child = task.sys.fork() as Task;
    const thread = task.sys.clone({ flags: THREAD }) as Task;
    const cleared = task.sys.clone({ flags: CLONE_CLEAR_SIGHAND }) as Task;
    const vforked = task.sys.clone({ flags: CLONE_VM | CLONE_VFORK }) as Task;
    const handlers = [child, thread, cleared, vforked].map((t) => t.sighand.action(SIGSEGV).handler);
    expect(handlers).toEqual([HANDLER, HANDLER, SIG_DFL, HANDLER]);
    expect([child, thread, cleared, vforked].map((t) => t.altStack.size)).toEqual([8192, 0, 8192, 8192]);
    vforked.exit();
    thread.rtSigaction(SIGSEGV, action({ handler: 5 * HANDLER }));
    expect(task.sighand.action(SIGSEGV).handler).toBe(5 * HANDLER);
    expect(child.sighand.action(SIGSEGV).handler).toBe(HANDLER);
    const fd = child.open('/tmp/p', O_RDWR | O_CREAT, 0o755);
    child.ftruncate(fd, 4096);
    child.close(fd);
    const file = child.cur.files.fget(child.open('/tmp/p', 0))!;
    const phdrs = [{ type: 1, flags: 5, offset: 0, vaddr: 0x400000, filesz: 100, memsz: 100, align: 4096 }];
    expect(child.sys.execve({ file, type: 2, phdrs })).toBeTypeOf('object');
    expect(child.sighand.action(SIGSEGV).handler).toBe(SIG_DFL);
    expect(child.sighand.action(SIGBUS).handler).toBe(SIG_IGN);
    expect([child.blocked, child.altStack.size]).toEqual([bit(SIGUSR1), 0]);
    child.unlink('/tmp/p');
  });

  it('are refused for SIGKILL, and lose the bits that the kernel does not know', () => {
    const { task } = boot();
    expect(task.sys.rtSigaction(SIGKILL, action())).toBe(-EINVAL);
    expect(task.sys.rtSigaction(SIGKILL)).toMatchObject({ handler: SIG_DFL });
    expect(task.sys.rtSigaction(65)).toBe(-EINVAL);
    expect(task.sys.rtSigprocmask(3, 0n)).toBe(-EINVAL);
    task.rtSigaction(SIGSEGV, action({ flags: SA_UNSUPPORTED | SA_RESETHAND | SA_ONSTACK }));
    expect(task.sys.rtSigaction(SIGSEGV)).toMatchObject({ flags: SA_RESETHAND + SA_ONSTACK });
    const old = boot({ profile: MSM_4_4 }).task;
    old.rtSigaction(SIGSEGV, action({ flags: SA_UNSUPPORTED }));
    expect(old.sys.rtSigaction(SIGSEGV)).toMatchObject({ flags: SA_UNSUPPORTED });
    task.rtSigprocmask(SIG_BLOCK, bit(SIGUSR1) | bit(SIGCHLD));
    task.rtSigprocmask(SIG_UNBLOCK, bit(SIGCHLD));
    expect(task.rtSigprocmask(SIG_BLOCK)).toBe(bit(SIGUSR1));
  });

  it('by number are structures in user memory', () => {
    const kernel = machine();
    const task = kernel.spawn();
    const at = task.mmap(0, 4096, RW, ANON, -1, 0);
    const call = (name: string, ...args: number[]): number => doSyscall(task, syscallNumber(name)!, args);
    const words = (...values: number[]): void =>
      values.forEach((value, i) => task.memory.store64(at + i * 8, value % 2 ** 32, Math.floor(value / 2 ** 32)));
    const read = (i: number): number => task.memory.load64(at + 256 + i * 8) + task.memory.hi * 2 ** 32;
    words(HANDLER, SA_ONSTACK, 0x1234, 2 ** 9);
    expect(call('rt_sigaction', SIGSEGV, at, 0, 8)).toBe(0);
    expect(call('rt_sigaction', SIGSEGV, 0, at + 256, 8)).toBe(0);
    expect([0, 1, 2, 3].map(read)).toEqual([HANDLER, SA_ONSTACK, 0x1234, 2 ** 9]);
    expect(task.sighand.action(SIGSEGV)).toEqual({ handler: HANDLER, flags: SA_ONSTACK, restorer: 0x1234, mask: 512n });
    expect(call('rt_sigaction', SIGSEGV, at, 0, 4)).toBe(-EINVAL);
    expect(call('rt_sigaction', SIGKILL, at, 0, 8)).toBe(-EINVAL);
    expect(call('rt_sigaction', SIGSEGV, 8, 0, 8)).toBe(-EFAULT);
    expect(call('rt_sigaction', SIGSEGV, 0, 8, 8)).toBe(-EFAULT);
    words(2 ** 63);
    expect(call('rt_sigprocmask', SIG_BLOCK, at, 0, 8)).toBe(0);
    expect(call('rt_sigprocmask', 9, 0, at + 256, 8)).toBe(0);
    expect(read(0)).toBe(2 ** 63);
    expect(call('rt_sigprocmask', 9, at, 0, 8)).toBe(-EINVAL);
    expect(call('rt_sigprocmask', 0, at, 0, 16)).toBe(-EINVAL);
    words(0x20000, SS_ONSTACK, 16384);
    expect(call('sigaltstack', at, 0)).toBe(0);
    words(0, SS_DISABLE, 0);
    expect(call('sigaltstack', at, at + 256)).toBe(0);
    expect([0, 1, 2].map(read)).toEqual([0x20000, 0, 16384]);
    expect(task.altStack.size).toBe(0);
    task.munmap(at, 4096);
  });
});
