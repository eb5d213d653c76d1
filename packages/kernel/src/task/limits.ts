/**
 * Resource limits of a process: sixteen soft and hard values, and the copies that other packages read.
 *
 * Mirrors do_prlimit of kernel/sys.c.
 */
import { hasCapability, type Credentials } from '@vmarea/mm-core';
import {
  CAP_SYS_RESOURCE,
  EINVAL,
  EPERM,
  RLIMIT_AS,
  RLIMIT_CORE,
  RLIMIT_DATA,
  RLIMIT_FSIZE,
  RLIMIT_MEMLOCK,
  RLIMIT_NOFILE,
  RLIMIT_STACK,
  RLIM_NLIMITS,
} from '@vmarea/uapi';
import type { FileRlimits } from '@vmarea/vfs';

/** A limit: bytes or a count; Infinity for none. */
export interface Rlimit {
  readonly soft: number;
  readonly hard: number;
}

/** The largest RLIMIT_NOFILE (fs.nr_open). */
const NR_OPEN = 1024 * 1024;

/** No limits. Arrays, which a fork copies in a tenth of the time of typed arrays of this size. */
const UNLIMITED: readonly number[] = Array.from({ length: RLIM_NLIMITS }, () => Infinity);

/** The limits of one process. */
export class LimitTable {
  private readonly soft: number[];
  private readonly hard: number[];
  /** The soft limits that memory and files read; `assign` updates them. */
  readonly view: FileRlimits = {
    as: Infinity,
    data: Infinity,
    dataMax: Infinity,
    stack: Infinity,
    memlock: Infinity,
    fsize: Infinity,
    nofile: Infinity,
  };

  constructor(soft: readonly number[] = UNLIMITED, hard: readonly number[] = UNLIMITED) {
    this.soft = soft.slice();
    this.hard = hard.slice();
  }

  /** Returns whether there is a limit of that number. */
  has(resource: number): boolean {
    return Number.isInteger(resource) && resource >= 0 && resource < RLIM_NLIMITS;
  }

  /** Returns an existing limit. */
  get(resource: number): Rlimit {
    return { soft: this.soft[resource]!, hard: this.hard[resource]! };
  }

  /** Sets a limit without a check. */
  assign(resource: number, soft: number, hard: number): void {
    this.soft[resource] = soft;
    this.hard[resource] = hard;
    const { view } = this;
    if (resource === RLIMIT_AS) view.as = soft;
    else if (resource === RLIMIT_DATA) {
      view.data = soft;
      view.dataMax = hard;
    } else if (resource === RLIMIT_STACK) view.stack = soft;
    else if (resource === RLIMIT_MEMLOCK) view.memlock = soft;
    else if (resource === RLIMIT_FSIZE) view.fsize = soft;
    else if (resource === RLIMIT_NOFILE) view.nofile = soft;
  }

  /** setrlimit(2): returns 0, -EINVAL, -EPERM. */
  set(cred: Credentials, resource: number, soft: number, hard: number): number {
    if (!this.has(resource)) return -EINVAL;
    if (soft > hard) return -EINVAL;
    if (resource === RLIMIT_NOFILE && hard > NR_OPEN) return -EPERM;
    if (hard > this.hard[resource]! && !hasCapability(cred, CAP_SYS_RESOURCE)) return -EPERM;
    this.assign(resource, soft, hard);
    return 0;
  }

  /** Returns a copy for fork. */
  copy(): LimitTable {
    const copy = new LimitTable(this.soft, this.hard);
    Object.assign(copy.view, this.view);
    return copy;
  }
}

/** Returns the limits of the first process: INIT_RLIMITS. */
export function initialLimits(memlock: number): LimitTable {
  const table = new LimitTable();
  table.assign(RLIMIT_STACK, 8 * 1024 * 1024, Infinity);
  table.assign(RLIMIT_CORE, 0, Infinity);
  table.assign(RLIMIT_NOFILE, 1024, 4096);
  table.assign(RLIMIT_MEMLOCK, memlock, memlock);
  return table;
}
