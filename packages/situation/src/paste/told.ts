/**
 * What a question tells beside its calls: outputs of ulimit, sysctl, uname and free, files of /proc, options of Docker and systemd.
 */
import type { KernelConfig } from '@vmarea/uapi';
import type { Clue } from '../clues.ts';
import type { Fact } from '../evidence.ts';
import type { Architecture, Limit, MapBefore, MemoryFigures } from '../situation.ts';

/** Counts of a process, as /proc/PID/status and `wc -l /proc/PID/maps` print them. */
export interface ToldProcess {
  /** Number of areas. */
  readonly areas: Clue<number> | null;
  /** VmSize, bytes: what RLIMIT_AS limits. */
  readonly size: Clue<number> | null;
  /** VmData, bytes: what RLIMIT_DATA limits. */
  readonly data: Clue<number> | null;
  /** VmLck, bytes: what RLIMIT_MEMLOCK limits. */
  readonly locked: Clue<number> | null;
}

/** A mounted filesystem, from `mount` or `df`. */
export interface ToldMount {
  readonly directory: string;
  readonly noexec: boolean;
  /** Bytes; null when not told. */
  readonly size: number | null;
  readonly line: number;
}

/** The facts, each with the line that tells it. */
export interface Told {
  readonly architecture: Clue<Architecture> | null;
  /** Bytes. */
  readonly pageSize: Clue<number> | null;
  readonly vaBits: Clue<number> | null;
  /** As `uname -r` prints it. */
  readonly release: Clue<string> | null;
  readonly uid: Clue<number> | null;
  readonly config: ReadonlyMap<keyof KernelConfig, Fact<boolean | number>>;
  readonly limits: ReadonlyMap<number, Fact<Limit>>;
  readonly sysctls: ReadonlyMap<string, Fact<string>>;
  readonly memory: Fact<MemoryFigures> | null;
  readonly mapBefore: MapBefore | null;
  readonly mounts: readonly ToldMount[];
  readonly process: ToldProcess;
  /** What shows that a security module may refuse: SELinux is enforcing, or its message. */
  readonly security: Clue<string> | null;
}

/** Returns facts of which nothing is told. */
export function nothingTold(): Told {
  return {
    architecture: null,
    pageSize: null,
    vaBits: null,
    release: null,
    uid: null,
    config: new Map(),
    limits: new Map(),
    sysctls: new Map(),
    memory: null,
    mapBefore: null,
    mounts: [],
    process: { areas: null, size: null, data: null, locked: null },
    security: null,
  };
}
