/**
 * The operations of recordings about System V shared memory: shmget, shmat, shmdt, shmctl.
 */
import type { Task } from '@vmarea/kernel';
import { IPC_PRIVATE, IPC_RMID, IPC_STAT, newShmidDs, SHMMIN, syscallNumberX86 } from '@vmarea/uapi';
import { compareFigures, compareRet, type Difference } from '../compare.ts';
import { exact, quantity, type Op, type Ret } from '../recording.ts';
import type { InodeNumbers } from '../text.ts';

/** How a result is written: errors by name, addresses in hexadecimal. */
type Answer = (result: number, address: boolean) => Ret;

/** Makes the call of one line. Returns its differences, null for an operation of another kind. */
export function shmOperation(task: Task, op: Op, inodes: InodeNumbers, answer: Answer): Difference[] | null {
  const { sys } = task;
  const judged = (result: number, address: boolean = false): Difference[] => {
    const difference = compareRet(op, answer(result, address));
    return difference === null ? [] : [difference];
  };
  switch (op.op) {
    case 'shmget': {
      const id = sys.shmget(exact(op['key']), quantity(op.size), exact(op['flags']));
      // The recorder numbers the inode of a segment, which is its identifier, when the program gets it.
      if (id >= 0) inodes.add(deviceOfSegment(task, id), id);
      return judged(id);
    }
    case 'shmat':
      return judged(sys.shmat(exact(op['id']), quantity(op['addr']), exact(op['flags'])), true);
    case 'shmdt':
      return judged(sys.shmdt(quantity(op['addr'])));
    case 'shmctl':
      return shmctl(task, op, judged);
    default:
      return null;
  }
}

function shmctl(task: Task, op: Op, judged: (result: number) => Difference[]): Difference[] {
  const ds = newShmidDs();
  const cmd = exact(op['cmd']);
  const differences = judged(task.sys.shmctl(exact(op['id']), cmd, ds));
  if (differences.length > 0 || cmd !== IPC_STAT || op.ret !== 0) return differences;
  const recorded = { segsz: exact(op['segsz']), nattch: exact(op['nattch']), mode: exact(op['mode']) };
  return compareFigures('results', recorded, {}, { segsz: ds.segsz, nattch: ds.nattch, mode: ds.mode }, {});
}

/**
 * On a machine in use other programs have had segments before: identifiers are given in turn, so the first one of the
 * recording tells how many. Makes and removes as many.
 */
export function useIdentifiers(task: Task, ops: readonly Op[]): void {
  const first = ops.find((op) => op.op === 'syscall' && op['nr'] === syscallNumberX86('shmget'))?.ret;
  const used = typeof first === 'string' && !first.startsWith('-') ? exact(first) : 0;
  for (let i = 0; i < used; i++) task.sys.shmctl(task.sys.shmget(IPC_PRIVATE, SHMMIN, 0o600), IPC_RMID);
}

/** Returns the device of a segment's file, as maps shows it. */
function deviceOfSegment(task: Task, id: number): string {
  const sysv = task.kernel.sharedMemory!.sysv as unknown as {
    segmentOf(id: number): { readonly file: { readonly fInode: { devMajor: number; devMinor: number } } };
  };
  const { devMajor, devMinor } = sysv.segmentOf(id).file.fInode;
  return `${devMajor.toString(16).padStart(2, '0')}:${devMinor.toString(16).padStart(2, '0')}`;
}
