// The calls that a replay reads; it skips all others by name.

import { MEMORY_CALLS, PROCESS_CALLS } from '@vmarea/strace';

/** Calls about files that show what a descriptor is, where a path leads, or that a map was read. */
const FILE_CALLS: readonly string[] = [
  'open',
  'openat',
  'openat2',
  'creat',
  'close',
  'close_range',
  'dup',
  'dup2',
  'dup3',
  'fcntl',
  'fcntl64',
  'memfd_create',
  'pipe',
  'pipe2',
  'socketpair',
  'socket',
  'accept',
  'accept4',
  'epoll_create',
  'epoll_create1',
  'eventfd',
  'eventfd2',
  'signalfd',
  'signalfd4',
  'timerfd_create',
  'inotify_init',
  'inotify_init1',
  'userfaultfd',
  'perf_event_open',
  'pidfd_open',
  'io_uring_setup',
  'chdir',
  'fchdir',
  'unlink',
  'unlinkat',
  'rename',
  'renameat',
  'renameat2',
  'read',
  'pread64',
  'readv',
];

/** Names of the calls that {@link Replay} reads. */
export const REPLAYED_CALLS: ReadonlySet<string> = new Set([...MEMORY_CALLS, ...PROCESS_CALLS, ...FILE_CALLS]);
