/** For each decision of System V shared memory the system calls that lead to it. */
import {
  EACCES,
  IPC_CREAT,
  IPC_EXCL,
  IPC_PRIVATE,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  newShmidDs,
  SHM_HUGETLB,
  SHM_LOCK,
  SHM_REMAP,
  SHM_RND,
} from '@vmarea/uapi';
import type { DecisionCase } from './decision-cases.ts';
import type { Machine } from './machine.ts';

const AT = 0x40000000;
const P = 4096;
const KEY = 0x1234;

/** A segment of two pages for its owner alone. */
function segment(m: Machine, mode: number = 0o600): number {
  return m.call('shmget', KEY, 2 * P, IPC_CREAT | mode);
}

/** Becomes another user without capabilities, of another group than the segment's. */
function other(m: Machine): void {
  m.task.sys.setgid(7);
  m.task.sys.setuid(7);
}

/** Becomes the user who owns what is made next, without capabilities. */
function ordinary(m: Machine, memlock: number): void {
  m.task.limits.assign(8, memlock, memlock);
  other(m);
}

/** The identifier of a segment that was removed, whose index has a newer one. */
function stale(m: Machine): number {
  const id = segment(m);
  m.call('shmctl', id, IPC_RMID);
  // Indexes are used in turn, 64 of them.
  for (let i = 0; i < 63; i++) m.call('shmctl', m.call('shmget', IPC_PRIVATE, P, 0), IPC_RMID);
  segment(m);
  return id;
}

export const SHM_CASES: Readonly<Record<string, DecisionCase>> = {
  'shmget.size': { run: (m) => m.call('shmget', IPC_PRIVATE, 0, 0o600) },
  'shmget.total': {
    run: (m) => {
      m.kernel.sysctl.write(m.task.cur, 'kernel/shmall', '1');
      return segment(m);
    },
  },
  'shmget.count': {
    run: (m) => {
      m.kernel.sysctl.write(m.task.cur, 'kernel/shmmni', '0');
      return segment(m);
    },
  },
  'shmget.no_segment': { run: (m) => m.call('shmget', KEY, P, 0) },
  'shmget.exists': { run: (m) => (segment(m), segment(m, IPC_EXCL)) },
  'shmget.larger': { run: (m) => (segment(m), m.call('shmget', KEY, 2 * P + 1, 0)) },
  'shmget.no_huge_size': { run: (m) => m.call('shmget', IPC_PRIVATE, P, SHM_HUGETLB | (13 << 26)) },
  'shm.access': { run: (m) => (segment(m), other(m), m.call('shmget', KEY, P, 0o400)) },
  'shm.no_segment': { run: (m) => m.call('shmat', 5, 0, 0) },
  'shm.stale_id': { run: (m) => m.call('shmctl', stale(m), IPC_STAT, newShmidDs()) },
  'shm.removed': {
    run: (m) => {
      const id = segment(m);
      m.call('shmat', id, AT, 0);
      m.call('shmctl', id, IPC_RMID);
      return m.call('remapFilePages', AT, 2 * P, 0, 1, 0);
    },
    inner: true,
  },
  'shmat.unaligned': { run: (m) => m.call('shmat', segment(m), AT + 1, 0) },
  'shmat.remap_no_address': { run: (m) => m.call('shmat', segment(m), 1, SHM_REMAP | SHM_RND) },
  'shmat.occupied': { run: (m) => (m.anon(AT + P, P), m.call('shmat', segment(m), AT, 0)) },
  'shmat.wraps': { run: (m) => m.call('shmat', segment(m), -P, 0) },
  'shmat.security': {
    boot: { security: { mmapFile: () => -EACCES } },
    run: (m) => m.call('shmat', segment(m), 0, 0),
  },
  'shmdt.unaligned': { run: (m) => m.call('shmdt', AT + 1) },
  'shmdt.not_attached': { run: (m) => (m.call('shmat', segment(m), AT, 0), m.call('shmdt', AT + P)) },
  'shmctl.bad_command': { run: (m) => m.call('shmctl', segment(m), 99) },
  'shmctl.no_buffer': { run: (m) => m.call('shmctl', segment(m), IPC_SET) },
  'shmctl.not_owner': {
    run: (m) => {
      const id = segment(m);
      other(m);
      return m.call('shmctl', id, IPC_RMID);
    },
  },
  'shmctl.bad_owner': { run: (m) => m.call('shmctl', segment(m), IPC_SET, { ...newShmidDs(), uid: -1 }) },
  'shmctl.lock_not_owner': {
    run: (m) => {
      const id = segment(m);
      other(m);
      return m.call('shmctl', id, SHM_LOCK);
    },
  },
  'shmctl.lock_limit_zero': { run: (m) => (ordinary(m, 0), m.call('shmctl', segment(m), SHM_LOCK)) },
  'shmctl.lock_limit': { run: (m) => (ordinary(m, P), m.call('shmctl', segment(m), SHM_LOCK)) },
  'sysv.no_driver': { boot: { withoutSharedMemory: true }, run: (m) => segment(m) },
};
