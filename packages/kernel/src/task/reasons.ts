/**
 * The reasons for which calls about tasks and signals refuse. Mirrors kernel/fork.c and kernel/signal.c.
 */
import { reason } from '@vmarea/mm-core';
import { EINVAL, ENOMEM, ENOSYS, EPERM } from '@vmarea/uapi';

const source = { fn: 'copy_process', file: 'kernel/fork.c' };

export const CLONE_FS_IN_NAMESPACE: number = reason('clone.fs_in_namespace', {
  errno: EINVAL,
  says: 'A task in a new mount or user namespace cannot share root and working directory.',
  change: 'Leave out CLONE_FS, or the namespace.',
  source,
});

export const CLONE_THREAD_WITHOUT_SIGHAND: number = reason('clone.thread_without_sighand', {
  errno: EINVAL,
  says: 'The flags contain CLONE_THREAD without CLONE_SIGHAND: threads share the actions of signals.',
  change: 'Add CLONE_SIGHAND and CLONE_VM.',
  source,
});

export const CLONE_SIGHAND_WITHOUT_VM: number = reason('clone.sighand_without_vm', {
  errno: EINVAL,
  says: 'The flags contain CLONE_SIGHAND without CLONE_VM: handlers are addresses, so the memory must be shared.',
  change: 'Add CLONE_VM.',
  source,
});

export const CLONE_THREAD_IN_NAMESPACE: number = reason('clone.thread_in_namespace', {
  errno: EINVAL,
  says: 'A thread cannot be in another user or pid namespace than its process.',
  change: 'Leave out CLONE_THREAD, or the namespace.',
  source,
});

export const CLONE_NOT_MODELLED: number = reason('clone.not_modelled', {
  errno: EINVAL,
  says: 'This model has no namespaces, process descriptors and cgroups; it refuses CLONE_NEW…, CLONE_PIDFD and CLONE_INTO_CGROUP.',
  change: 'Leave these flags out.',
  source: { fn: 'copy_namespaces', file: 'kernel/nsproxy.c' },
});

const clone3 = { fn: 'clone3_args_valid', file: 'kernel/fork.c', kernel: '6.1' };

export const CLONE3_UNKNOWN_CALL: number = reason('clone3.unknown_call', {
  errno: ENOSYS,
  says: 'This kernel has no clone3; 5.3 introduced it.',
  change: 'Use clone, or 5.3 or newer.',
  source: { fn: 'sys_ni_syscall', file: 'kernel/sys_ni.c' },
});

export const CLONE3_BAD_SIZE: number = reason('clone3.bad_size', {
  errno: EINVAL,
  says: 'The size of struct clone_args is below 64 bytes (EINVAL), above a page, or the fields that this kernel does not know are not 0 (E2BIG).',
  change: 'Pass a size of 64 to 88 bytes.',
  source: { ...clone3, fn: 'copy_clone_args_from_user' },
});

export const CLONE3_BAD_FLAGS: number = reason('clone3.bad_flags', {
  errno: EINVAL,
  says: 'The flags contain an unknown bit, a signal, CLONE_DETACHED, or two that exclude each other; or exit_signal is no signal, or not 0 for a thread.',
  change: 'Put the signal into exit_signal, and leave it 0 with CLONE_THREAD and CLONE_PARENT.',
  source: clone3,
});

export const CLONE3_BAD_STACK: number = reason('clone3.bad_stack', {
  errno: EINVAL,
  says: 'The fields stack and stack_size must both be 0, or name a range of user addresses.',
  change: 'Pass the lowest address of the stack, and its size.',
  source: { ...clone3, fn: 'clone3_stack_valid' },
});

export const CLONE3_NOT_MODELLED: number = reason('clone3.not_modelled', {
  errno: EINVAL,
  says: 'This model chooses pids itself: it has no set_tid.',
  change: 'Leave set_tid and set_tid_size 0.',
  source: { ...clone3, fn: 'copy_clone_args_from_user' },
});

export const RT_SIGACTION_BAD_SIGNAL: number = reason('rt_sigaction.bad_signal', {
  errno: EINVAL,
  says: 'The signal is none of 1 to 64, or it is SIGKILL or SIGSTOP, whose action cannot be set.',
  change: 'Use another signal.',
  source: { fn: 'do_sigaction', file: 'kernel/signal.c' },
});

export const RT_SIG_BAD_SIZE: number = reason('rt_sig.bad_size', {
  errno: EINVAL,
  says: 'The size of a signal set must be 8 bytes.',
  change: 'Pass 8.',
  source: { fn: 'rt_sigprocmask', file: 'kernel/signal.c' },
});

export const RT_SIGPROCMASK_BAD_HOW: number = reason('rt_sigprocmask.bad_how', {
  errno: EINVAL,
  says: 'The argument `how` is none of SIG_BLOCK, SIG_UNBLOCK and SIG_SETMASK.',
  change: 'Use one of them.',
  source: { fn: 'sigprocmask', file: 'kernel/signal.c' },
});

export const SIGALTSTACK_IN_USE: number = reason('sigaltstack.in_use', {
  errno: EPERM,
  says: 'The task runs on its signal stack, and cannot change it.',
  change: 'Return from the handler first.',
  source: { fn: 'do_sigaltstack', file: 'kernel/signal.c' },
});

export const SIGALTSTACK_BAD_FLAGS: number = reason('sigaltstack.bad_flags', {
  errno: EINVAL,
  says: 'The flags are none of 0, SS_ONSTACK and SS_DISABLE (with SS_AUTODISARM since 4.7).',
  change: 'Use 0 or SS_DISABLE.',
  source: { fn: 'do_sigaltstack', file: 'kernel/signal.c' },
});

export const SIGALTSTACK_TOO_SMALL: number = reason('sigaltstack.too_small', {
  errno: ENOMEM,
  says: 'The signal stack is smaller than MINSIGSTKSZ: 5120 bytes on arm64, 2048 on x86-64.',
  change: 'Use a larger stack.',
  source: { fn: 'do_sigaltstack', file: 'kernel/signal.c' },
});
