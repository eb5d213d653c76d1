// The ABI of Linux on arm64 as data: numbers, names, texts. Nothing here does anything; everything else depends on it.

export * from './errno.ts';
export * from './mman.ts';
export * from './fcntl.ts';
export * from './stat.ts';
export * from './signal.ts';
export * from './resource.ts';
export * from './capability.ts';
export * from './personality.ts';
export * from './sched.ts';
export * from './ipc.ts';
export * from './elf.ts';
export * from './auxv.ts';
export * from './perf.ts';
export * from './syscalls-arm64.ts';
export * from './flag-set.ts';
export * from './text.ts';
export * from './u64.ts';
export * from './config.ts';
export * from './profile.ts';
