/**
 * The caller that the memory subsystem and the file layer see: the kernel's `current`, as an explicit object.
 */
import { Call, INIT_PKRU, type Credentials, type Mm } from '@vmarea/mm-core';
import type { TagCaller } from '@vmarea/mm-core/memory';
import type { FileCaller, FileRlimits, FilesStruct, FsStruct } from '@vmarea/vfs';

/** The parts of a {@link TaskCaller}. */
export interface TaskCallerInit {
  readonly mm: Mm;
  /** Its system call; absent: a new one. exec passes the old one on: the task is still in the same call. */
  readonly call?: Call | undefined;
  readonly rlimits: FileRlimits;
  readonly cred: Credentials;
  readonly personality: number;
  readonly files: FilesStruct;
  readonly fs: FsStruct;
}

/** A task as the memory subsystem and the file layer see it. exec creates a new one for the new Mm. */
export class TaskCaller implements FileCaller, TagCaller {
  readonly mm: Mm;
  readonly call: Call;
  readonly rlimits: FileRlimits;
  readonly cred: Credentials;
  personality: number;
  /** The task's NUMA policy; null is the default. */
  mempolicy: object | null = null;
  pkru: number = INIT_PKRU;
  tagControl = 0;
  tagFault = false;
  minFlt = 0;
  majFlt = 0;
  readonly files: FilesStruct;
  readonly fs: FsStruct;

  constructor(init: TaskCallerInit) {
    this.mm = init.mm;
    this.call = init.call ?? new Call();
    this.rlimits = init.rlimits;
    this.cred = init.cred;
    this.personality = init.personality;
    this.files = init.files;
    this.fs = init.fs;
  }
}
