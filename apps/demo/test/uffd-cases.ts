/**
 * The cases of decision-cases.ts for userfaultfd(2) and its ioctls.
 */
import {
  LINUX_6_12,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_PRIVATE,
  MAP_SHARED,
  MSM_4_4,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  PROT_READ,
  UFFD_API,
  UFFD_FEATURE_EVENT_FORK,
  UFFDIO_API,
  UFFDIO_POISON,
  UFFDIO_REGISTER,
  UFFDIO_REGISTER_MODE_MINOR,
  UFFDIO_REGISTER_MODE_MISSING,
  UFFDIO_REGISTER_MODE_WP,
} from '@vmarea/uapi';
import type { DecisionCase, Ending } from './decision-cases.ts';
import type { BootOptions, Machine } from './machine.ts';

const AT = 0x40000000;
const P = 4096;
const HUGE = 2 ** 21;
const RW = 3;
const v612: BootOptions = { profile: LINUX_6_12 };

/** UFFDIO_API on a descriptor. */
function api(m: Machine, fd: number, features: number = 0): Ending {
  return m.call('ioctl', fd, UFFDIO_API, { api: UFFD_API, features, ioctls: 0n });
}

/** A userfaultfd whose UFFDIO_API was made. */
export function userfaultfd(m: Machine, features: number = 0, flags: number = 0): number {
  const fd = m.call('userfaultfd', flags);
  api(m, fd, features);
  return fd;
}

/** UFFDIO_REGISTER. */
export function register(
  m: Machine,
  fd: number,
  start: number,
  len: number,
  mode: number = UFFDIO_REGISTER_MODE_MISSING,
): number {
  return m.call('ioctl', fd, UFFDIO_REGISTER, { start, len, mode, ioctls: 0 });
}

/** Maps a file at AT. */
function mapFile(m: Machine, path: string, prot: number, flags: number, openFlags: number = O_RDWR): void {
  const { sys } = m.task;
  const fd = sys.open(path, O_RDWR | O_CREAT, 0o777);
  sys.ftruncate(fd, 4 * P);
  m.call('mmap', AT, 4 * P, prot, flags | 0x10, openFlags === O_RDWR ? fd : sys.open(path, openFlags), 0);
}

const WITHOUT_RIGHTS = (m: Machine): void => {
  m.task.cur.cred.capLow = 0;
  m.task.cur.cred.capHigh = 0;
};

/** The cases by id. */
export const USERFAULT_CASES: Record<string, DecisionCase> = {
  'userfaultfd.unknown_call': { boot: { profile: MSM_4_4 }, run: (m) => m.call('userfaultfd', 0) },
  'userfaultfd.not_permitted': { run: (m) => (WITHOUT_RIGHTS(m), m.call('userfaultfd', 0)) },
  'userfaultfd.bad_flags': { run: (m) => m.call('userfaultfd', 2) },
  'userfaultfd.not_enabled': { run: (m) => register(m, m.call('userfaultfd', 0), AT, P) },
  'userfaultfd.unknown_ioctl': {
    run: (m) => m.call('ioctl', userfaultfd(m), UFFDIO_POISON, { start: AT, len: P, mode: 0, updated: 0 }),
  },
  'uffdio_api.version': {
    run: (m) => m.call('ioctl', m.call('userfaultfd', 0), UFFDIO_API, { api: 1, features: 0, ioctls: 0n }),
  },
  'uffdio_api.features': { run: (m) => api(m, m.call('userfaultfd', 0), 0x2000) },
  'uffdio_api.fork_not_permitted': {
    run: (m) => (WITHOUT_RIGHTS(m), api(m, m.call('userfaultfd', 1), UFFD_FEATURE_EVENT_FORK)),
  },
  'uffdio_api.twice': { run: (m) => api(m, userfaultfd(m)) },
  'userfaultfd.range_unaligned': { run: (m) => register(m, userfaultfd(m), AT + 1, P) },
  'userfaultfd.range_empty': { run: (m) => register(m, userfaultfd(m), AT, 0) },
  'userfaultfd.range_outside': { run: (m) => register(m, userfaultfd(m), 0, P) },
  'uffdio_register.no_address_space': {
    run: (m) => {
      const child = m.task.sys.fork();
      if (typeof child === 'number') return child;
      const fd = child.sys.userfaultfd(0);
      child.sys.ioctl(fd, UFFDIO_API, { api: UFFD_API, features: 0, ioctls: 0n });
      // The descriptor outlives the process that made it, as one sent through a socket does.
      const mine = m.task.cur.files.install(child.cur.files.fget(fd)!.getFile(), 100, false);
      child.sys.exit(0);
      return register(m, mine, AT, P);
    },
  },
  'userfaultfd.unknown_mode': { run: (m) => register(m, userfaultfd(m), AT, P, 8) },
  'uffdio_register.no_mode': { run: (m) => register(m, userfaultfd(m), AT, P, 0) },
  'uffdio_register.no_write_protection': {
    run: (m) => register(m, userfaultfd(m), m.anon(AT, P), P, UFFDIO_REGISTER_MODE_WP),
  },
  'uffdio_register.nothing_mapped': { run: (m) => register(m, userfaultfd(m), AT, P) },
  'uffdio_register.kind': {
    run: (m) => (mapFile(m, '/ram/a', RW, MAP_PRIVATE), register(m, userfaultfd(m), AT, P)),
  },
  'uffdio_register.minor_kind': {
    run: (m) => register(m, userfaultfd(m), m.anon(AT, P), P, UFFDIO_REGISTER_MODE_MINOR),
  },
  'uffdio_register.read_only': {
    run: (m) => (mapFile(m, '/tmp/a', PROT_READ, MAP_SHARED, O_RDONLY), register(m, userfaultfd(m), AT, P)),
  },
  'userfaultfd.huge_unaligned': {
    run: (m) => (m.anon(AT, HUGE, RW, MAP_HUGETLB), register(m, userfaultfd(m), AT, P)),
  },
  'uffdio_register.busy': {
    boot: v612,
    run: (m) => {
      register(m, userfaultfd(m), m.anon(AT, P, RW, MAP_GROWSDOWN), P);
      return register(m, userfaultfd(m), AT, P);
    },
  },
};
