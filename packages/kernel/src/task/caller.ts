/**
 * What the memory subsystem and the file layer know of a task: the kernel's `current`, made explicit.
 */
import { Call, type Credentials, type Mm } from '@vmarea/mm-core';
import type { FileCaller, FileRlimits, FilesStruct, FsStruct } from '@vmarea/vfs';

/** What a {@link TaskCaller} is made of. */
export interface TaskCallerInit {
  readonly mm: Mm;
  /** Its system call; absent: a new task's. Exec hands it on: the task is still in the same call. */
  readonly call?: Call | undefined;
  readonly rlimits: FileRlimits;
  readonly cred: Credentials;
  readonly personality: number;
  readonly files: FilesStruct;
  readonly fs: FsStruct;
}

/** Who a task is when the memory subsystem and the file layer ask. A new one is made by exec, since its Mm is another. */
export class TaskCaller implements FileCaller {
  readonly mm: Mm;
  readonly call: Call;
  readonly rlimits: FileRlimits;
  readonly cred: Credentials;
  personality: number;
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
