/**
 * The cases of decision-cases.ts for userfaultfd(2) and its ioctls.
 */
import {
  EFAULT,
  LINUX_6_12,
  MADV_POPULATE_READ,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_PRIVATE,
  MAP_SHARED,
  MSM_4_4,
  O_CREAT,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  PROT_READ,
  UFFDIO_API,
  UFFDIO_CONTINUE,
  UFFDIO_COPY,
  UFFDIO_COPY_MODE_WP,
  UFFDIO_MOVE,
  UFFDIO_POISON,
  UFFDIO_REGISTER,
  UFFDIO_REGISTER_MODE_MINOR,
  UFFDIO_REGISTER_MODE_MISSING,
  UFFDIO_REGISTER_MODE_WP,
  UFFDIO_WRITEPROTECT,
  UFFDIO_ZEROPAGE,
  UFFD_API,
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_EVENT_UNMAP,
  UFFD_FEATURE_SIGBUS,
  UFFD_USER_MODE_ONLY,
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

/** An ioctl that fills `len` bytes from AT on, or from `start` on. */
function fill(m: Machine, fd: number, command: number, more: Record<string, unknown> = {}): Ending {
  const request = { start: AT, dst: AT, src: new Uint8Array(4 * P), len: P, mode: 0, ...more };
  return m.call('ioctl', fd, command, request);
}

/** A page at AT, registered. Returns the descriptor. */
function registered(m: Machine, mode: number = UFFDIO_REGISTER_MODE_MISSING, features: number = 0): number {
  const fd = userfaultfd(m, features);
  register(m, fd, m.anon(AT, P), P, mode);
  return fd;
}

/** A shared mapping of four pages of a file on tmpfs at AT, registered; the file has `pages` pages. Returns the descriptor. */
function registeredFile(m: Machine, mode: number, pages: number): number {
  mapFile(m, '/tmp/a', RW, MAP_SHARED);
  const fd = userfaultfd(m);
  register(m, fd, AT, 4 * P, mode);
  m.call('truncate', '/tmp/a', pages * P);
  return fd;
}

function load(m: Machine, addr: number): Ending {
  const memory = m.memory();
  return memory.load8(addr) < 0 ? memory.signal : 0;
}

/** A descriptor for the memory of a process that has ended, as one sent through a socket would be. */
function orphan(m: Machine): number {
  const child = m.task.sys.fork();
  if (typeof child === 'number') return child;
  const fd = child.sys.userfaultfd(0);
  child.sys.ioctl(fd, UFFDIO_API, { api: UFFD_API, features: 0, ioctls: 0n });
  const mine = m.task.cur.files.install(child.cur.files.fget(fd)!.getFile(), 100, false);
  child.sys.exit(0);
  return mine;
}

/** The cases by id. `injected` makes a case that fails each allocation in turn until the decision is left. */
export function userfaultCases(
  injected: (id: string, attempt: (m: Machine) => Ending) => DecisionCase,
): Record<string, DecisionCase> {
  return {
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
    'uffdio_register.no_address_space': { run: (m) => register(m, orphan(m), AT, P) },
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

    // --- faults
    'userfaultfd.sigbus': {
      run: (m) => (registered(m, UFFDIO_REGISTER_MODE_MISSING, UFFD_FEATURE_SIGBUS), load(m, AT)),
      gives: 'SIGBUS',
    },
    'userfaultfd.user_mode_only': {
      run: (m) => {
        register(m, userfaultfd(m, 0, UFFD_USER_MODE_ONLY), m.anon(AT, P), P);
        return m.call('madvise', AT, P, MADV_POPULATE_READ);
      },
      gives: -EFAULT,
    },
    'fault.poisoned': {
      boot: v612,
      run: (m) => (fill(m, registered(m), UFFDIO_POISON), load(m, AT)),
      gives: 'SIGBUS',
    },

    // --- filling pages
    'userfaultfd.no_address_space': { run: (m) => fill(m, orphan(m), UFFDIO_ZEROPAGE) },
    'userfaultfd.mappings_change': {
      run: (m) => {
        const fd = userfaultfd(m, UFFD_FEATURE_EVENT_UNMAP);
        register(m, fd, m.anon(AT, 2 * P), 2 * P);
        // Waits until the event is read.
        m.call('munmap', AT + P, P);
        return fill(m, fd, UFFDIO_ZEROPAGE);
      },
    },
    'uffdio_fill.not_registered': { run: (m) => (m.anon(AT, P), fill(m, userfaultfd(m), UFFDIO_COPY)) },
    'uffdio_fill.exists': {
      run: (m) => {
        const fd = registered(m);
        fill(m, fd, UFFDIO_COPY);
        return fill(m, fd, UFFDIO_COPY);
      },
    },
    'uffdio_fill.kind': { run: (m) => fill(m, registered(m), UFFDIO_CONTINUE) },
    'uffdio_fill.not_write_protected': {
      run: (m) => fill(m, registered(m), UFFDIO_COPY, { mode: UFFDIO_COPY_MODE_WP }),
    },
    'uffdio_fill.huge_unaligned': {
      run: (m) => {
        const fd = userfaultfd(m);
        register(m, fd, m.anon(AT, HUGE, RW, MAP_HUGETLB), HUGE);
        return fill(m, fd, UFFDIO_COPY);
      },
    },
    'uffdio_fill.beyond_end': {
      run: (m) => fill(m, registeredFile(m, UFFDIO_REGISTER_MODE_MISSING, 0), UFFDIO_COPY),
    },
    'uffdio_fill.not_in_file': {
      run: (m) => fill(m, registeredFile(m, UFFDIO_REGISTER_MODE_MINOR, 4), UFFDIO_CONTINUE),
    },
    'uffdio_fill.no_memory': injected('uffdio_fill.no_memory', (m) => fill(m, registered(m), UFFDIO_COPY)),
    'uffdio_copy.source': { run: (m) => fill(m, registered(m), UFFDIO_COPY, { src: P }) },

    // --- write protection, moving
    'uffdio_writeprotect.not_registered': { run: (m) => fill(m, registered(m), UFFDIO_WRITEPROTECT) },
    'uffdio_writeprotect.mode': { boot: v612, run: (m) => fill(m, registered(m), UFFDIO_WRITEPROTECT, { mode: 3 }) },
    'uffdio_move.areas': {
      boot: v612,
      run: (m) => fill(m, registered(m), UFFDIO_MOVE, { src: m.anon(AT + HUGE, P, PROT_READ) }),
    },
    'uffdio_move.other_process': {
      boot: v612,
      run: (m) => {
        const fd = registered(m);
        const child = m.task.sys.fork();
        if (typeof child === 'number') return child;
        const request = { dst: AT, src: m.anon(AT + HUGE, P), len: P, mode: 0, move: 0 };
        const result = child.sys.ioctl(fd, UFFDIO_MOVE, request);
        m.task.cur.call.reason = child.cur.call.reason;
        return result;
      },
    },
    'uffdio_move.hole': {
      boot: v612,
      run: (m) => fill(m, registered(m), UFFDIO_MOVE, { src: m.anon(AT + HUGE, P) }),
    },
    'uffdio_move.shared_page': {
      boot: v612,
      run: (m) => {
        const fd = registered(m);
        m.memory().store8(m.anon(AT + HUGE, P), 1);
        m.task.sys.fork();
        return fill(m, fd, UFFDIO_MOVE, { src: AT + HUGE });
      },
    },

    // --- reading messages
    'userfaultfd.read_short': { run: (m) => m.call('read', registered(m), new Uint8Array(31)) },
    'userfaultfd.read_empty': {
      run: (m) => m.call('read', userfaultfd(m, 0, O_NONBLOCK), new Uint8Array(32)),
    },
  };
}
