// @vmarea/replay: ELF headers, exec layout, and the engine behind `vmarea replay`. It has no placement, merge or accounting code
// of its own, and no Node built-ins. Mirrors fs/binfmt_elf.c where it lays out a program.
