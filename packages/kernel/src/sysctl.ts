/**
 * /proc/sys as text: names, permissions, ranges, and the effects of one sysctl on another.
 *
 * Mirrors kernel/sysctl.c, security/min_addr.c and the handlers of mm/util.c.
 */
import { hasCapability, type Caller, type MmSystem } from '@vmarea/mm-core';
import { CAP_SYS_RAWIO, EACCES, EINVAL, ENOENT, EPERM, IPCMNI } from '@vmarea/uapi';
import type { HugePool, SysvSharedMemory } from './kernel.ts';

/** One sysctl. */
interface Knob {
  /** Its name below /proc/sys. */
  readonly name: string;
  readonly min: number;
  readonly max: number;
  read(): number | bigint;
  /** Sets the value. `text` is the number as written, where `value` is not exact. Returns 0 or a negative errno. */
  write(value: number, cur: Caller, text: string): number;
}

/** The sysctls of one kernel. */
export class SysctlTable {
  private readonly knobs = new Map<string, Knob>();

  constructor(system: MmSystem, hugePool: HugePool | null, sysv: SysvSharedMemory | null) {
    const s = system.sysctl;
    type Write = (value: number, cur: Caller, text: string) => number;
    const addChecked = (name: string, min: number, max: number, read: () => number | bigint, write: Write): void => {
      this.knobs.set(name, { name, min, max, read, write });
    };
    const add = (name: string, min: number, max: number, read: () => number, set: (value: number) => void): void => {
      addChecked(name, min, max, read, (value) => {
        set(value);
        return 0;
      });
    };
    const INT = 0x7fffffff;
    const LONG = Number.MAX_SAFE_INTEGER;
    add(
      'vm/overcommit_memory',
      0,
      2,
      () => s.overcommitMemory,
      (v) => {
        s.overcommitMemory = v;
      },
    );
    add(
      'vm/overcommit_ratio',
      0,
      INT,
      () => s.overcommitRatio,
      (v) => {
        s.overcommitRatio = v;
        s.overcommitKbytes = 0;
      },
    );
    add(
      'vm/overcommit_kbytes',
      0,
      LONG,
      () => s.overcommitKbytes,
      (v) => {
        s.overcommitKbytes = v;
        s.overcommitRatio = 0;
      },
    );
    add(
      'vm/max_map_count',
      0,
      INT,
      () => s.maxMapCount,
      (v) => {
        s.maxMapCount = v;
      },
    );
    add(
      'vm/admin_reserve_kbytes',
      0,
      LONG,
      () => s.adminReserveKbytes,
      (v) => {
        s.adminReserveKbytes = v;
      },
    );
    add(
      'vm/user_reserve_kbytes',
      0,
      LONG,
      () => s.userReserveKbytes,
      (v) => {
        s.userReserveKbytes = v;
      },
    );
    add(
      'vm/legacy_va_layout',
      0,
      INT,
      () => s.legacyVaLayout,
      (v) => {
        s.legacyVaLayout = v;
      },
    );
    add(
      'kernel/randomize_va_space',
      0,
      INT,
      () => s.randomizeVaSpace,
      (v) => {
        s.randomizeVaSpace = v;
      },
    );
    add(
      'vm/hugetlb_shm_group',
      0,
      INT,
      () => s.hugetlbShmGroup,
      (v) => {
        s.hugetlbShmGroup = v;
      },
    );
    if (system.profile.userfault.features !== 0) {
      add(
        'vm/unprivileged_userfaultfd',
        0,
        1,
        () => s.unprivilegedUserfaultfd,
        (v) => {
          s.unprivilegedUserfaultfd = v;
        },
      );
    }
    addChecked(
      'vm/mmap_min_addr',
      0,
      LONG,
      () => s.mmapMinAddr,
      (v, cur) => {
        if (!hasCapability(cur.cred, CAP_SYS_RAWIO)) return -EPERM;
        s.mmapMinAddr = v;
        return 0;
      },
    );
    if (hugePool !== null) {
      add(
        'vm/nr_hugepages',
        0,
        LONG,
        () => hugePool.nrHugePages,
        (v) => hugePool.setNrHugePages(v),
      );
      add(
        'vm/nr_overcommit_hugepages',
        0,
        LONG,
        () => hugePool.nrOvercommit,
        (v) => {
          hugePool.nrOvercommit = v;
        },
      );
    }
    if (sysv !== null) {
      const { limits } = sysv;
      const ULONG = 2 ** 64 - 1;
      addChecked(
        'kernel/shmmax',
        0,
        ULONG,
        () => limits.max,
        (_v, _cur, text) => {
          limits.max = BigInt.asUintN(64, BigInt(text));
          return 0;
        },
      );
      addChecked(
        'kernel/shmall',
        0,
        ULONG,
        () => limits.all,
        (_v, _cur, text) => {
          limits.all = BigInt.asUintN(64, BigInt(text));
          return 0;
        },
      );
      add(
        'kernel/shmmni',
        0,
        IPCMNI,
        () => limits.mni,
        (v) => {
          limits.mni = v;
        },
      );
      add(
        'kernel/shm_rmid_forced',
        0,
        1,
        () => (limits.rmidForced ? 1 : 0),
        (v) => sysv.setRmidForced(v !== 0),
      );
      add(
        'kernel/shm_next_id',
        0,
        INT,
        () => sysv.nextId,
        (v) => {
          sysv.nextId = v;
        },
      );
    }
  }

  /** Returns the names, unordered. */
  names(): string[] {
    return [...this.knobs.keys()];
  }

  /** Returns the file's text, or -ENOENT. */
  read(path: string): string | number {
    const knob = this.knobs.get(normalize(path));
    return knob === undefined ? -ENOENT : `${knob.read()}\n`;
  }

  /**
   * Writes a number to the file as `cur`.
   *
   * @param path for instance `vm/max_map_count`, `vm.max_map_count` or `/proc/sys/vm/max_map_count`
   * @returns 0, -ENOENT, -EACCES (not root), -EINVAL (no number, out of range), or the errno of the sysctl
   */
  write(cur: Caller, path: string, text: string): number {
    const knob = this.knobs.get(normalize(path));
    if (knob === undefined) return -ENOENT;
    if (cur.cred.uid !== 0) return -EACCES;
    if (!/^\s*\d+\s*$/.test(text)) return -EINVAL;
    const value = Number(text);
    if (value < knob.min || value > knob.max) return -EINVAL;
    return knob.write(value, cur, text.trim());
  }
}

function normalize(path: string): string {
  const bare = path.startsWith('/proc/sys/') ? path.slice('/proc/sys/'.length) : path;
  return bare.includes('/') ? bare : bare.replaceAll('.', '/');
}
