// The flags of clone, clone3 and unshare, and the options of wait4. Mirrors include/uapi/linux/{sched,wait}.h.

/** The bits of clone's flags that hold the signal sent to the parent on exit. */
export const CSIGNAL = 0x000000ff;
/** Parent and child share one address space. */
export const CLONE_VM = 0x00000100;
export const CLONE_FS = 0x00000200;
/** Parent and child share one descriptor table. */
export const CLONE_FILES = 0x00000400;
export const CLONE_SIGHAND = 0x00000800;
export const CLONE_PIDFD = 0x00001000;
export const CLONE_PTRACE = 0x00002000;
/** The parent waits until the child calls exec or exits. */
export const CLONE_VFORK = 0x00004000;
export const CLONE_PARENT = 0x00008000;
export const CLONE_THREAD = 0x00010000;
export const CLONE_NEWNS = 0x00020000;
export const CLONE_SYSVSEM = 0x00040000;
export const CLONE_SETTLS = 0x00080000;
export const CLONE_PARENT_SETTID = 0x00100000;
export const CLONE_CHILD_CLEARTID = 0x00200000;
export const CLONE_DETACHED = 0x00400000;
export const CLONE_UNTRACED = 0x00800000;
export const CLONE_CHILD_SETTID = 0x01000000;
export const CLONE_NEWCGROUP = 0x02000000;
export const CLONE_NEWUTS = 0x04000000;
export const CLONE_NEWIPC = 0x08000000;
export const CLONE_NEWUSER = 0x10000000;
export const CLONE_NEWPID = 0x20000000;
export const CLONE_NEWNET = 0x40000000;
/** 2^31: int32 operators treat this JS number as negative. */
export const CLONE_IO = 0x80000000;
/** clone3 and unshare only: it is one of the bits of clone's signal. */
export const CLONE_NEWTIME = 0x00000080;
/** clone3 only. */
export const CLONE_CLEAR_SIGHAND = 0x100000000;
/** clone3 only. */
export const CLONE_INTO_CGROUP = 0x200000000;

/** The flags that clone itself accepts. */
export const CLONE_LEGACY_FLAGS = 0xffffffff;
/** The sizes of struct clone_args: of the first version, and with cgroup. */
export const CLONE_ARGS_SIZE_VER0 = 64;
export const CLONE_ARGS_SIZE_VER2 = 88;

/** wait4: returns at once. */
export const WNOHANG = 1;
/** wait4: only children of the calling thread. */
export const __WNOTHREAD = 0x20000000;
/** wait4: children of any exit signal. */
export const __WALL = 0x40000000;
/** wait4: children whose exit signal is not SIGCHLD. 2^31: int32 operators treat this JS number as negative. */
export const __WCLONE = 0x80000000;
