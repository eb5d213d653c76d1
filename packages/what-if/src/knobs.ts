/**
 * The numbers that can be changed before a call: limits of the process, sysctls, and the machine's RAM.
 */
import type { Task } from '@vmarea/kernel';
import { RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK, RLIMIT_STACK, type Sysctls } from '@vmarea/uapi';
import { bytes, exactBytes, optionBytes } from './text.ts';

/** A number that a call may depend on. */
export interface Knob {
  /** For instance `RLIMIT_AS` or `vm.max_map_count`. */
  readonly name: string;
  /** The largest value to try; a larger one would be no useful advice. */
  readonly max: number;
  /** Whether smaller values allow more calls. */
  readonly smallerHelps: boolean;
  /** Values are multiples of it. */
  step(task: Task): number;
  /** The present value; Infinity for no limit. */
  value(task: Task): number;
  /** Sets it on a copy of the task; `onCopy` undoes it. */
  set(copy: Task, value: number): void;
  /** Formats a value, for instance `8 MiB`. */
  print(value: number): string;
  /** The command's option that sets it, for instance `--rlimit as=8m`. */
  option(value: number): string;
}

/** Beyond every address space, bytes. */
const FAR = 2 ** 52;

const one = (): number => 1;
const page = (task: Task): number => task.kernel.system.pageSize;

function limit(name: string, resource: number): Knob {
  return {
    name: `RLIMIT_${name.toUpperCase()}`,
    max: FAR,
    smallerHelps: false,
    step: page,
    value: (task) => task.limits.get(resource).soft,
    set: (copy, value) => copy.limits.assign(resource, value, value),
    print: exactBytes,
    option: (value) => `--rlimit ${name}=${optionBytes(value)}`,
  };
}

function sysctl(name: string, field: keyof Sysctls, change: Partial<Knob> = {}): Knob {
  return {
    name: `vm.${name}`,
    max: 0x7fffffff,
    smallerHelps: false,
    step: one,
    value: (task) => task.kernel.system.sysctl[field],
    set: (copy, value) => {
      copy.kernel.system.sysctl[field] = value;
    },
    print: String,
    option: (value) => `--sysctl vm.${name}=${value}`,
    ...change,
  };
}

/** RLIMIT_AS. */
export const LIMIT_AS: Knob = limit('as', RLIMIT_AS);
/** RLIMIT_DATA. */
export const LIMIT_DATA: Knob = limit('data', RLIMIT_DATA);
/** RLIMIT_MEMLOCK. */
export const LIMIT_MEMLOCK: Knob = limit('memlock', RLIMIT_MEMLOCK);
/** RLIMIT_STACK. */
export const LIMIT_STACK: Knob = limit('stack', RLIMIT_STACK);
/** vm.max_map_count. */
export const MAX_MAP_COUNT: Knob = sysctl('max_map_count', 'maxMapCount');
/** vm.mmap_min_addr, up to 1 MiB: no real machine has more. */
export const MMAP_MIN_ADDR: Knob = sysctl('mmap_min_addr', 'mmapMinAddr', {
  smallerHelps: true,
  max: 2 ** 20,
  step: page,
});
/** vm.overcommit_ratio, percent, up to 100; setting it disables vm.overcommit_kbytes. */
export const OVERCOMMIT_RATIO: Knob = sysctl('overcommit_ratio', 'overcommitRatio', {
  max: 100,
  set: (copy, value) => {
    const { sysctl: sysctls } = copy.kernel.system;
    sysctls.overcommitRatio = value;
    sysctls.overcommitKbytes = 0;
  },
});
/** vm.overcommit_kbytes. */
export const OVERCOMMIT_KBYTES: Knob = sysctl('overcommit_kbytes', 'overcommitKbytes', {
  max: 2 ** 42,
  print: (value) => (value === 0 ? '0' : `${value} (${bytes(value * 1024)})`),
});

/** RAM, bytes, as overcommit counts it; swap does not change. */
export const RAM: Knob = {
  name: 'RAM',
  max: 2 ** 50,
  smallerHelps: false,
  step: page,
  value: (task) => task.kernel.system.ram.totalPages() * task.kernel.system.pageSize,
  set: (copy, value) => {
    const { system } = copy.kernel;
    const pages = Math.floor(value / system.pageSize);
    const swap = system.ram.swapPages();
    system.ram = { totalPages: () => pages, guessFreePages: () => pages, swapPages: () => swap };
  },
  print: exactBytes,
  option: (value) => `--ram ${optionBytes(value)}`,
};

/** vm.nr_hugepages: huge pages of the default size. */
export const NR_HUGEPAGES: Knob = {
  name: 'vm.nr_hugepages',
  max: 2 ** 20,
  smallerHelps: false,
  step: one,
  value: (task) => task.kernel.hugePool?.nrHugePages ?? 0,
  set: (copy, value) => copy.kernel.hugePool?.setNrHugePages(value),
  print: String,
  option: (value) => `--sysctl vm.nr_hugepages=${value}`,
};

/** All knobs except RAM, which a user cannot simply change. */
export const KNOBS: readonly Knob[] = [
  LIMIT_AS,
  LIMIT_DATA,
  LIMIT_MEMLOCK,
  LIMIT_STACK,
  MAX_MAP_COUNT,
  MMAP_MIN_ADDR,
  NR_HUGEPAGES,
  OVERCOMMIT_RATIO,
  OVERCOMMIT_KBYTES,
];
