/**
 * What the memory subsystem and the file layer know of a task: the kernel's `current`, made explicit.
 */
import { Call, type Credentials, type Mm } from '@vmarea/mm-core';
import type { FileCaller, FileRlimits, FilesStruct, FsStruct } from '@vmarea/vfs';

/** Who a task is when the memory subsystem and the file layer ask. A new one is made by exec, since its Mm is another. */
export class TaskCaller implements FileCaller {
  readonly mm: Mm;
  readonly call: Call = new Call();
  readonly rlimits: FileRlimits;
  readonly cred: Credentials;
  personality: number;
  minFlt = 0;
  majFlt = 0;
  readonly files: FilesStruct;
  readonly fs: FsStruct;

  constructor(mm: Mm, rlimits: FileRlimits, cred: Credentials, personality: number, files: FilesStruct, fs: FsStruct) {
    this.mm = mm;
    this.rlimits = rlimits;
    this.cred = cred;
    this.personality = personality;
    this.files = files;
    this.fs = fs;
  }
}
