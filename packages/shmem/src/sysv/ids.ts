/**
 * struct ipc_ids: numbers for the objects of an IPC namespace. An identifier is an index below IPCMNI and a sequence number
 * that makes it differ from earlier identifiers with the same index.
 *
 * Mirrors ipc_idr_alloc, ipc_addid and ipc_rmid of ipc/util.c.
 */
import { IPCMNI, type IpcFacts } from '@vmarea/uapi';

/** The smallest number of indexes that are used in turn (RADIX_TREE_MAP_SIZE). */
const MIN_CYCLE = 64;
/** The number of sequence numbers: an identifier is not negative as int32. Kernels before 5.2 use one more. */
const SEQUENCES = 65535;
const SEQUENCES_OLD = 65536;

/** An object with an identifier. */
export interface Identified {
  readonly id: number;
}

/** The objects of one kind, by identifier. */
export class IpcIds<T extends Identified> {
  private readonly rules: IpcFacts;
  private readonly objects = new Map<number, T>();
  /** kernel.shm_next_id: the identifier that the next object gets, if its index is free; -1: none is wanted. */
  nextId = -1;
  private seq = 0;
  private lastIndex = -1;

  constructor(rules: IpcFacts) {
    this.rules = rules;
  }

  /** The number of objects. */
  get inUse(): number {
    return this.objects.size;
  }

  /** Takes a new identifier. Returns -1 when every index is in use. */
  allocate(): number {
    if (this.nextId >= 0) return this.allocateWanted();
    return this.rules.cyclicIndexes ? this.allocateCyclic() : this.allocateLowest();
  }

  private allocateWanted(): number {
    const seq = Math.floor(this.nextId / IPCMNI);
    const index = this.firstFree(this.nextId % IPCMNI, IPCMNI);
    this.nextId = -1;
    return index < 0 ? -1 : seq * IPCMNI + index;
  }

  private allocateCyclic(): number {
    const end = Math.min(Math.max(Math.floor((this.objects.size * 3) / 2), MIN_CYCLE), IPCMNI);
    let index = this.firstFree(Math.min(this.lastIndex + 1, end), end);
    if (index < 0) index = this.firstFree(0, end);
    if (index < 0) return -1;
    if (index <= this.lastIndex) this.seq = (this.seq + 1) % SEQUENCES;
    this.lastIndex = index;
    return this.seq * IPCMNI + index;
  }

  private allocateLowest(): number {
    const index = this.firstFree(0, IPCMNI);
    if (index < 0) return -1;
    const id = this.seq * IPCMNI + index;
    this.seq = (this.seq + 1) % SEQUENCES_OLD;
    return id;
  }

  private firstFree(from: number, end: number): number {
    for (let index = from; index < end; index++) if (!this.objects.has(index)) return index;
    return -1;
  }

  /** Returns a function that sets the state back from which the next identifier follows. */
  checkpoint(): () => void {
    const { nextId, seq, lastIndex } = this;
    return () => {
      this.nextId = nextId;
      this.seq = seq;
      this.lastIndex = lastIndex;
    };
  }

  /** Stores an object under its identifier. */
  add(object: T): void {
    this.objects.set(object.id % IPCMNI, object);
  }

  remove(object: T): void {
    this.objects.delete(object.id % IPCMNI);
  }

  /** ipc_obtain_object_idr: returns the object with the identifier's index. */
  atIndex(id: number): T | undefined {
    return this.objects.get(id % IPCMNI);
  }

  /** ipc_get_maxidx: returns the largest index in use, -1 when there is none. */
  maxIndex(): number {
    let max = -1;
    for (const index of this.objects.keys()) max = Math.max(max, index);
    return max;
  }

  [Symbol.iterator](): IterableIterator<T> {
    return [...this.objects.values()].values();
  }
}
