// Record types of perf for mappings, and the bits of their misc field.
// Mirrors include/uapi/linux/perf_event.h.

export const PERF_RECORD_MMAP = 1;
export const PERF_RECORD_COMM = 3;
export const PERF_RECORD_EXIT = 4;
export const PERF_RECORD_FORK = 7;
export const PERF_RECORD_MMAP2 = 10;

export const PERF_RECORD_MISC_KERNEL = 1;
export const PERF_RECORD_MISC_USER = 2;
/** The mapping is not executable: data. */
export const PERF_RECORD_MISC_MMAP_DATA = 0x2000;
