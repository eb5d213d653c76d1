// @vmarea/kernel: tasks, descriptor tables, fork/exec/exit, the system-call table of arm64, /proc text, sysctls. Drivers and
// the architecture come in from outside. Mirrors kernel/fork.c, mm/mmap.c from sys_mmap down to vm_mmap_pgoff, and fs/proc.
