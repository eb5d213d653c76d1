/**
 * System V shared memory: segments with identifiers and keys, which processes attach and detach.
 *
 * Independent of the memory behind: a segment's file is one of shared memory or of huge pages. Mirrors ipc/shm.c.
 */
export { ShmNamespace, type Register, type ShmLimits } from './namespace.ts';
export { Segment, type SegmentInit, type SegmentState } from './segment.ts';
export { doShmat, doShmdt } from './shmat.ts';
export { doShmctl, type ShmctlBuffer } from './shmctl.ts';
export { isShmVma, shmVmOps } from './attach.ts';
export { IpcIds, type Identified } from './ids.ts';
export type { LockedPages } from './lock.ts';
export * from './reasons.ts';
