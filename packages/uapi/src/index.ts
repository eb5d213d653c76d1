// The ABI of Linux on arm64 and x86-64 as data: numbers, names, texts. Contains no behaviour; every other package imports it.

export * from './abi/errno.ts';
export * from './abi/mman.ts';
export * from './abi/fcntl.ts';
export * from './abi/stat.ts';
export * from './abi/signal.ts';
export * from './abi/resource.ts';
export * from './abi/capability.ts';
export * from './abi/personality.ts';
export * from './abi/sched.ts';
export * from './abi/ipc.ts';
export * from './abi/elf.ts';
export * from './abi/auxv.ts';
export * from './abi/perf.ts';
export * from './abi/userfaultfd.ts';
export * from './abi/syscalls-arm64.ts';
export * from './abi/syscalls-x86-64.ts';
export * from './flag-set.ts';
export * from './text.ts';
export * from './escape.ts';
export * from './u64.ts';
export * from './misuse.ts';
export * from './config.ts';
export * from './profile/index.ts';
