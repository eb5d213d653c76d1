// Operations of calls as plain data: one shape per kind of call, with `op` as its tag.
// Numbers are bytes unless the comment says otherwise. A register that a JS number cannot hold exactly is a bigint.

import { type Descriptor, type Register } from '../parse/args.ts';

/** mmap, mmap2, old_mmap. */
export interface MmapOp {
  readonly op: 'mmap';
  readonly addr: Register;
  readonly len: Register;
  readonly prot: number;
  readonly flags: number;
  /** -1 for a call without one. */
  readonly fd: number;
  /** The descriptor's path from `-y`; null without it. */
  readonly path: string | null;
  /** In bytes, also for mmap2. */
  readonly offset: Register;
}

export interface MunmapOp {
  readonly op: 'munmap';
  readonly addr: Register;
  readonly len: Register;
}

/** mprotect and pkey_mprotect. */
export interface MprotectOp {
  readonly op: 'mprotect';
  readonly addr: Register;
  readonly len: Register;
  readonly prot: number;
  /** -1 for mprotect. */
  readonly pkey: number;
}

export interface MremapOp {
  readonly op: 'mremap';
  readonly addr: Register;
  readonly oldLen: Register;
  readonly newLen: Register;
  readonly flags: number;
  /** 0 for a call without one. */
  readonly newAddr: Register;
}

export interface BrkOp {
  readonly op: 'brk';
  /** 0 queries the break. */
  readonly addr: Register;
}

export interface MadviseOp {
  readonly op: 'madvise';
  readonly addr: Register;
  readonly len: Register;
  readonly advice: number;
}

/** mlock (`flags` null) and mlock2. */
export interface MlockOp {
  readonly op: 'mlock';
  readonly addr: Register;
  readonly len: Register;
  readonly flags: number | null;
}

export interface MunlockOp {
  readonly op: 'munlock';
  readonly addr: Register;
  readonly len: Register;
}

export interface MlockallOp {
  readonly op: 'mlockall';
  readonly flags: number;
}

export interface MunlockallOp {
  readonly op: 'munlockall';
}

export interface MsyncOp {
  readonly op: 'msync';
  readonly addr: Register;
  readonly len: Register;
  readonly flags: number;
}

export interface MincoreOp {
  readonly op: 'mincore';
  readonly addr: Register;
  readonly len: Register;
}

export interface RemapFilePagesOp {
  readonly op: 'remapFilePages';
  readonly addr: Register;
  readonly len: Register;
  readonly prot: number;
  /** In pages. */
  readonly pgoff: Register;
  readonly flags: number;
}

/** prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME). */
export interface SetVmaNameOp {
  readonly op: 'setVmaName';
  readonly addr: Register;
  readonly len: Register;
  /** Null removes the name. */
  readonly name: string | null;
}

/** Any other prctl. */
export interface PrctlOp {
  readonly op: 'prctl';
  readonly option: string;
}

export interface ShmgetOp {
  readonly op: 'shmget';
  /** The key as a number; 0 is IPC_PRIVATE. */
  readonly key: Register;
  readonly size: Register;
  readonly flags: number;
}

export interface ShmatOp {
  readonly op: 'shmat';
  readonly id: number;
  readonly addr: Register;
  readonly flags: number;
}

export interface ShmctlOp {
  readonly op: 'shmctl';
  /** An identifier; for SHM_STAT an index. */
  readonly id: number;
  readonly cmd: number;
  /** Bytes of the segment, as IPC_STAT and SHM_STAT have told; null: not told. */
  readonly size: number | null;
}

export interface ShmdtOp {
  readonly op: 'shmdt';
  readonly addr: Register;
}

/** open, openat, openat2, creat. */
export interface OpenOp {
  readonly op: 'open';
  readonly dir: Descriptor;
  /** Null when the pointer could not be read. */
  readonly path: string | null;
  /** Whether strace shortened the path. */
  readonly truncated: boolean;
  /** In arm64's values. */
  readonly flags: number;
  /** 0 for a call without one. */
  readonly mode: number;
  /** The new descriptor; null when the call failed. With `-y` its path is the path that the name led to. */
  readonly opened: Descriptor | null;
}

export interface CloseOp {
  readonly op: 'close';
  readonly fd: number;
}

export interface CloseRangeOp {
  readonly op: 'closeRange';
  readonly first: number;
  readonly last: number;
  readonly flags: number;
}

/** dup, dup2, dup3, fcntl(F_DUPFD), fcntl(F_DUPFD_CLOEXEC). */
export interface DupOp {
  readonly op: 'dup';
  readonly from: Descriptor;
  /** The new descriptor; null when the call failed. */
  readonly to: Descriptor | null;
  readonly closeOnExec: boolean;
}

/** fcntl without its forms of dup. */
export interface FcntlOp {
  readonly op: 'fcntl';
  readonly fd: number;
  /** As printed, for instance `F_SETFD`. */
  readonly command: string;
  /** Flags, seals or a plain number; null for other arguments. */
  readonly arg: number | null;
}

export interface MemfdCreateOp {
  readonly op: 'memfdCreate';
  readonly name: string;
  readonly flags: number;
  readonly opened: Descriptor | null;
}

/** pipe, pipe2, socketpair. */
export interface PipeOp {
  readonly op: 'pipe';
  readonly kind: 'pipe' | 'socket';
  /** Both descriptors; null when the call failed. */
  readonly fds: readonly [Descriptor, Descriptor] | null;
  readonly closeOnExec: boolean;
}

/** Calls that return a descriptor without a path: socket, accept, epoll_create, eventfd, … */
export interface NewDescriptorOp {
  readonly op: 'newDescriptor';
  /** The call's name. */
  readonly kind: string;
  readonly opened: Descriptor | null;
  readonly closeOnExec: boolean;
}

/** ftruncate (`path` null), truncate (`fd` null). */
export interface TruncateOp {
  readonly op: 'truncate';
  readonly fd: number | null;
  readonly path: string | null;
  readonly size: Register;
}

export interface FallocateOp {
  readonly op: 'fallocate';
  readonly fd: number;
  readonly mode: number;
  readonly offset: Register;
  readonly len: Register;
}

/** read, pread64, readv, preadv; write and its relatives. */
export interface TransferOp {
  readonly op: 'read' | 'write';
  readonly file: Descriptor;
  /** Bytes moved; null when the call failed. */
  readonly bytes: number | null;
  /** The buffer as printed; `parseText` parses it (it has the first bytes only, 32 without `-s`). */
  readonly buffer: string;
  /** Position of pread and pwrite; null for the file's own. */
  readonly position: Register | null;
}

/** sendfile, copy_file_range, splice: from one descriptor to another. */
export interface CopyOp {
  readonly op: 'copy';
  readonly from: Descriptor;
  readonly to: Descriptor;
  readonly bytes: number | null;
}

/** chdir (`fd` null), fchdir (`path` null). */
export interface ChdirOp {
  readonly op: 'chdir';
  readonly path: string | null;
  readonly fd: Descriptor | null;
}

/** unlink, unlinkat, rmdir. */
export interface UnlinkOp {
  readonly op: 'unlink';
  readonly dir: Descriptor;
  readonly path: string | null;
  readonly directory: boolean;
}

/** rename, renameat, renameat2. */
export interface RenameOp {
  readonly op: 'rename';
  readonly fromDir: Descriptor;
  readonly from: string | null;
  readonly toDir: Descriptor;
  readonly to: string | null;
}

/** stat, lstat, fstat, newfstatat, fstatat64, statx and their relatives. */
export interface StatOp {
  readonly op: 'stat';
  /** The descriptor of the file, or the directory at which the path starts. */
  readonly dir: Descriptor;
  /** Empty for `dir` itself. */
  readonly path: string | null;
  /** Bytes; null when the log does not show it. */
  readonly size: number | null;
  /** File type and permissions as printed (`S_IFREG|0755`); null when the log does not show it. */
  readonly mode: string | null;
}

/** fork, vfork, clone, clone3. */
export interface ForkOp {
  readonly op: 'fork';
  /** CLONE_* bits without the exit signal. */
  readonly flags: number;
  /** The signal number that the parent gets; 0 for none. */
  readonly exitSignal: number;
  /** Lowest address of the child's stack for clone3, its top for clone; 0 to keep the parent's. */
  readonly stack: Register;
  /** 0 for a call without one. */
  readonly stackSize: Register;
  /** The child; null when the call failed or has not returned. */
  readonly child: number | null;
}

/** execve, execveat. */
export interface ExecOp {
  readonly op: 'exec';
  readonly dir: Descriptor;
  readonly path: string | null;
  /** The arguments that the log shows; null when it shows an address. */
  readonly argv: readonly string[] | null;
  /** Whether strace left out arguments or cut one of them. */
  readonly argvTruncated: boolean;
}

/** exit, exit_group. */
export interface ExitOp {
  readonly op: 'exit';
  readonly status: number;
  /** Whether all threads end. */
  readonly group: boolean;
}

export interface PersonalityOp {
  readonly op: 'personality';
  /** 0xffffffff queries it. */
  readonly personality: number;
}

/** A pair of limits; Infinity: no limit. */
export interface RlimitValue {
  readonly soft: number;
  readonly hard: number;
}

/** setrlimit, getrlimit, prlimit64. */
export interface RlimitOp {
  readonly op: 'rlimit';
  /** 0 stands for the caller. */
  readonly pid: number;
  readonly resource: number;
  readonly set: RlimitValue | null;
  readonly was: RlimitValue | null;
}

/** Calls that change memory. */
export type MemoryOp =
  | MmapOp
  | MunmapOp
  | MprotectOp
  | MremapOp
  | BrkOp
  | MadviseOp
  | MlockOp
  | MunlockOp
  | MlockallOp
  | MunlockallOp
  | MsyncOp
  | MincoreOp
  | RemapFilePagesOp
  | SetVmaNameOp
  | PrctlOp
  | ShmgetOp
  | ShmatOp
  | ShmdtOp
  | ShmctlOp;

/** Calls that open, move, change or rename files. */
export type FileOp =
  | OpenOp
  | CloseOp
  | CloseRangeOp
  | DupOp
  | FcntlOp
  | MemfdCreateOp
  | PipeOp
  | NewDescriptorOp
  | TruncateOp
  | FallocateOp
  | TransferOp
  | CopyOp
  | ChdirOp
  | UnlinkOp
  | RenameOp
  | StatOp;

/** Calls that create, change or end tasks. */
export type ProcessOp = ForkOp | ExecOp | ExitOp | PersonalityOp | RlimitOp;

/** An argument that could not be read. */
export interface UndecodedOp {
  readonly op: 'undecoded';
  /** Index of the argument. */
  readonly index: number;
  /** Its text; empty when the argument is missing. */
  readonly text: string;
  /** What was expected, for instance `protection`. */
  readonly expected: string;
}

/** The operation of a call, or the first argument that could not be read. */
export type Op = MemoryOp | FileOp | ProcessOp | UndecodedOp;
