/**
 * Makes each call of a script on a task, and defines the kind of each argument (for printing and for «what if»).
 */
import type { Task } from '@vmarea/kernel';
import { isErr, RETRY } from '@vmarea/mm-core';
import { UserMemory } from '@vmarea/mm-core/memory';
import {
  errnoName,
  formatMadvise,
  formatMapFlags,
  formatMlock2Flags,
  formatMlockallFlags,
  formatMremapFlags,
  formatMsyncFlags,
  formatProt,
  IPC_SET,
  newShmidDs,
  signalName,
} from '@vmarea/uapi';
import { succeeded, type Outcome } from '@vmarea/what-if';
import { ScriptError } from '../input/error.ts';
import { FOREIGN_FLAGS } from '../input/foreign.ts';
import type { Call } from '../input/script.ts';
import { evaluate, type Names } from '../input/values.ts';
import { SYSTEM_CALLS, systemCall } from './system-calls.ts';

/** The kind of an argument. */
export type ArgumentKind =
  | 'addr'
  | 'len'
  | 'prot'
  | 'mapFlags'
  | 'mremapFlags'
  | 'mlockallFlags'
  | 'mlock2Flags'
  | 'msyncFlags'
  | 'advice'
  | 'fd'
  | 'off'
  | 'number';

/** A parameter of a call. */
export interface Parameter {
  readonly name: string;
  readonly kind: ArgumentKind;
}

interface Verb {
  readonly params: readonly Parameter[];
  /** How many arguments may be left out at the end; they count as 0. */
  readonly optional: number;
  run(task: Task, args: readonly bigint[]): number | Outcome;
}

const p = (name: string, kind: ArgumentKind): Parameter => ({ name, kind });
const addr = p('addr', 'addr');
const len = p('len', 'len');
const range = [addr, len];

function access(task: Task, use: (memory: UserMemory) => number): Outcome {
  if (task.kernel.memory === null) throw new ScriptError('this machine has no memory: load and store need it');
  const memory = new UserMemory(task.cur);
  for (;;) {
    const value = use(memory);
    if (value !== -1) return { result: 0, signal: 0, decision: 0 };
    if (memory.fault !== RETRY) return { result: -1, signal: memory.signal, decision: memory.decision };
    throw new ScriptError('the access waits for storage, which a script cannot');
  }
}

const n = (value: bigint | undefined): number => Number(BigInt.asIntN(64, value ?? 0n));

const VERBS: Readonly<Record<string, Verb>> = {
  mmap: {
    params: [...range, p('prot', 'prot'), p('flags', 'mapFlags'), p('fd', 'fd'), p('off', 'off')],
    optional: 0,
    run: (t, a) => t.sys.mmap(a[0]!, a[1]!, a[2]!, a[3]!, a[4]!, a[5]!),
  },
  munmap: { params: range, optional: 0, run: (t, a) => t.sys.munmap(a[0]!, a[1]!) },
  mprotect: {
    params: [...range, p('prot', 'prot')],
    optional: 0,
    run: (t, a) => t.sys.mprotect(a[0]!, a[1]!, a[2]!),
  },
  mremap: {
    params: [addr, p('old_len', 'len'), p('new_len', 'len'), p('flags', 'mremapFlags'), p('new_addr', 'addr')],
    optional: 1,
    run: (t, a) => t.sys.mremap(a[0]!, a[1]!, a[2]!, a[3]!, a[4] ?? 0n),
  },
  brk: { params: [addr], optional: 0, run: (t, a) => brk(t, a[0]!) },
  madvise: {
    params: [...range, p('advice', 'advice')],
    optional: 0,
    run: (t, a) => t.sys.madvise(a[0]!, a[1]!, a[2]!),
  },
  mlock: { params: range, optional: 0, run: (t, a) => t.sys.mlock(a[0]!, a[1]!) },
  mlock2: {
    params: [...range, p('flags', 'mlock2Flags')],
    optional: 0,
    run: (t, a) => t.sys.mlock2(a[0]!, a[1]!, a[2]!),
  },
  munlock: { params: range, optional: 0, run: (t, a) => t.sys.munlock(a[0]!, a[1]!) },
  mlockall: { params: [p('flags', 'mlockallFlags')], optional: 0, run: (t, a) => t.sys.mlockall(a[0]!) },
  munlockall: { params: [], optional: 0, run: (t) => t.sys.munlockall() },
  msync: {
    params: [...range, p('flags', 'msyncFlags')],
    optional: 0,
    run: (t, a) => t.sys.msync(a[0]!, a[1]!, a[2]!),
  },
  mincore: {
    params: [...range, p('vec', 'addr')],
    optional: 1,
    run: (t, a) => t.sys.mincore(a[0]!, a[1]!, new Uint8Array(Math.min(2 ** 20, Math.ceil(n(a[1]) / 4096)))),
  },
  remap_file_pages: {
    params: [...range, p('prot', 'prot'), p('pgoff', 'number'), p('flags', 'mapFlags')],
    optional: 0,
    run: (t, a) => t.sys.remapFilePages(a[0]!, a[1]!, a[2]!, a[3]!, a[4]!),
  },
  pkey_mprotect: {
    params: [...range, p('prot', 'prot'), p('pkey', 'number')],
    optional: 0,
    run: (t, a) => {
      if (BigInt.asIntN(32, BigInt(a[3] ?? -1)) !== -1n)
        throw new ScriptError('protection keys are not modelled: only the key -1, which is mprotect');
      return t.sys.mprotect(a[0]!, a[1]!, a[2]!);
    },
  },
  mseal: {
    params: [...range, p('flags', 'number')],
    optional: 0,
    run: (t, a) => t.sys.mseal(a[0]!, a[1]!, a[2]!),
  },
  shmget: {
    params: [p('key', 'number'), p('size', 'len'), p('flags', 'number')],
    optional: 0,
    run: (t, a) => t.sys.shmget(n(a[0]), a[1]!, n(a[2])),
  },
  shmat: {
    params: [p('id', 'number'), addr, p('flags', 'number')],
    optional: 0,
    run: (t, a) => t.sys.shmat(n(a[0]), a[1]!, n(a[2])),
  },
  shmdt: { params: [addr], optional: 0, run: (t, a) => t.sys.shmdt(a[0]!) },
  shmctl: {
    params: [p('id', 'number'), p('cmd', 'number'), p('buf', 'number')],
    optional: 1,
    run: (t, a) => t.sys.shmctl(n(a[0]), n(a[1]), n(a[1]) === IPC_SET ? null : newShmidDs()),
  },
  load: { params: [addr], optional: 0, run: (t, a) => access(t, (m) => m.load8(n(a[0]))) },
  store: {
    params: [addr, p('value', 'number')],
    optional: 1,
    run: (t, a) => access(t, (m) => m.store8(n(a[0]), n(a[1] ?? 1n) & 0xff)),
  },
  exec: { params: [addr], optional: 0, run: (t, a) => access(t, (m) => m.fetch32(n(a[0]))) },
  access: { params: [addr], optional: 0, run: (t, a) => anyAccess(t, n(a[0])) },
};

/** Makes an access of which only the address is known: the first of load, store and execution that raises a signal. */
function anyAccess(task: Task, address: number): Outcome {
  let outcome = access(task, (m) => m.load8(address));
  if (succeeded(outcome)) outcome = access(task, (m) => m.store8(address, 0));
  return succeeded(outcome) ? access(task, (m) => m.fetch32(address - (address % 4))) : outcome;
}

/** brk: converts an unchanged break to an error; 0 only queries the break. */
function brk(task: Task, value: bigint): number | Outcome {
  const { call } = task.cur;
  call.reason = 0;
  const result = task.sys.brk(value);
  const refused = value !== 0n && call.reason !== 0 && BigInt(result) !== value;
  return { result, signal: 0, decision: refused ? call.reason : 0 };
}

/** Returns the names of the calls that a script may contain. */
export function callNames(): string[] {
  return [...Object.keys(VERBS), ...SYSTEM_CALLS];
}

/** Calls that the kernel package does not have, so that an answer would be invented. */
const MISSING: Readonly<Record<string, string>> = {
  userfaultfd: 'userfaultfd as a descriptor',
  process_madvise: 'process_madvise',
  move_pages: 'NUMA placement',
  mbind: 'NUMA placement',
};

/**
 * Returns the parameters of a call whose arguments are registers; none for calls about files and processes.
 *
 * @throws ScriptError for an unknown call, or a wrong number of arguments
 */
export function parametersOf(call: Call): readonly Parameter[] {
  if (SYSTEM_CALLS.has(call.name)) return [];
  const verb = Object.hasOwn(VERBS, call.name) ? VERBS[call.name] : undefined;
  if (verb === undefined) throw new ScriptError(unknownCall(call));
  const { params, optional } = verb;
  if (call.args.length > params.length || call.args.length < params.length - optional) {
    const names = params.map(({ name }, i) => (i >= params.length - optional ? `[${name}]` : name)).join(', ');
    throw new ScriptError(
      `line ${call.line}: ${call.name} takes (${names}), and here are ${call.args.length}: ${call.text}`,
    );
  }
  return params;
}

function unknownCall(call: Call): string {
  const missing = Object.hasOwn(MISSING, call.name) ? MISSING[call.name] : undefined;
  if (missing !== undefined) return `line ${call.line}: ${call.name}: ${missing} is not modelled`;
  return `line ${call.line}: unknown call «${call.name}»; there are ${callNames().join(', ')}`;
}

/** Returns whether the call is supported. */
export function isKnownCall(name: string): boolean {
  return SYSTEM_CALLS.has(name) || Object.hasOwn(VERBS, name);
}

/** Removes strace's decoration of a descriptor: `3</lib/x>` becomes 3. */
function withoutDecoration(text: string): string {
  return text.replace(/^(-?\d+)<.*$/s, '$1');
}

/** Returns the arguments' values; none for calls about files and processes, which parse their own. */
export function argumentsOf(call: Call, names: Names): bigint[] {
  const params = parametersOf(call);
  if (params.length === 0) return [];
  // A structure that strace prints is the contents of user memory, which no call of a script reads.
  return call.args.map((text, i) =>
    text.startsWith('{') ? 0n : evaluate(params[i]!.kind === 'fd' ? withoutDecoration(text) : text, names),
  );
}

/** Makes a call with evaluated arguments. */
export function makeCall(task: Task, call: Call, args: readonly bigint[], names: Names = NO_NAMES): Outcome {
  const params = parametersOf(call);
  task.cur.call.reason = 0;
  const got =
    params.length === 0 && SYSTEM_CALLS.has(call.name)
      ? systemCall(task, call, names)
      : VERBS[call.name]!.run(task, args);
  if (typeof got !== 'number') return got;
  if (got === RETRY) throw new ScriptError(`${call.text} waits for storage, which a script cannot`);
  return { result: got, signal: 0, decision: isErr(got) ? task.cur.call.reason : 0 };
}

const NO_NAMES: Names = { values: new Map() };

/** Formats a number as C prints addresses. */
export function hex(value: number): string {
  return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

/** Formats an outcome as strace does: `0x7f…`, `0`, `-1 ENOMEM`, `SIGSEGV`. */
export function formatOutcome(call: Call, outcome: Outcome): string {
  if (outcome.signal !== 0) return signalName(outcome.signal);
  if (isErr(outcome.result)) return `-1 ${errnoName(-outcome.result)}`;
  if (call.name === 'fork' || call.name.startsWith('clone')) return "the child's pid";
  return ['mmap', 'mremap', 'brk', 'shmat'].includes(call.name) ? hex(outcome.result) : String(outcome.result);
}

/** Returns the name of an advice that arm64's headers do not have. */
function foreignAdvice(value: number): string | undefined {
  for (const [name, flag] of FOREIGN_FLAGS) if (name.startsWith('MADV_') && flag.value === value) return name;
  return undefined;
}

const FORMATS: Readonly<Partial<Record<ArgumentKind, (value: number) => string>>> = {
  prot: formatProt,
  mapFlags: formatMapFlags,
  mremapFlags: formatMremapFlags,
  mlockallFlags: formatMlockallFlags,
  mlock2Flags: formatMlock2Flags,
  msyncFlags: formatMsyncFlags,
  advice: (value) => foreignAdvice(value) ?? formatMadvise(value),
  fd: (value) => String(value | 0),
  number: String,
};

/** Formats an argument so that {@link evaluate} can read it. */
export function formatArgument(kind: ArgumentKind, value: bigint): string {
  const format = FORMATS[kind];
  const least = kind === 'fd' || kind === 'number' ? -1n : 0n;
  if (format !== undefined && value >= least && value < 1n << 53n) return format(Number(value));
  if (kind === 'addr') return value === 0n ? 'NULL' : `0x${BigInt.asUintN(64, value).toString(16)}`;
  return BigInt.asUintN(64, value).toString();
}

/** Replaces the number of unknown flags by the names of other machines' flags in the input. */
function withForeignNames(text: string, given: string): string {
  const names: string[] = [];
  let bits = 0;
  for (const [name, { value }] of FOREIGN_FLAGS) {
    if (!name.startsWith('MAP_') || !new RegExp(`\\b${name}\\b`).test(given)) continue;
    names.push(name);
    bits |= value;
  }
  if (/\bMAP_DROPPABLE\b/.test(given)) return text.replace('0x8 /* MAP_??? */', 'MAP_DROPPABLE');
  if (names.length === 0) return text;
  return text.replace(/0x[0-9a-f]+$/, (rest) => {
    const left = Number(rest) & ~bits;
    return [...names, ...(left === 0 ? [] : [`0x${left.toString(16)}`])].join('|');
  });
}

/** Formats the call with its arguments' values. */
export function formatCall(call: Call, args: readonly bigint[]): string {
  const params = parametersOf(call);
  if (params.length === 0) return call.text;
  const texts = args.map((value, i) => {
    const text = formatArgument(params[i]!.kind, value);
    return params[i]!.kind === 'mapFlags' ? withForeignNames(text, call.args[i] ?? '') : text;
  });
  return `${call.name}(${texts.join(', ')})`;
}
