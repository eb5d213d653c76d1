/**
 * Explains one call on a process: for the end of a script, and for a line in the middle of a replayed log.
 *
 * Makes the call on the process; tries changes on copies before.
 */
import type { Task } from '@vmarea/kernel';
import { findVma } from '@vmarea/mm-core';
import {
  BRK_CLEAR_OLD_MAPS,
  FAULT_NOT_EXECUTABLE,
  FAULT_NOT_READABLE,
  FAULT_NOT_WRITABLE,
  FORK_NO_MEMORY,
  GET_UNMAPPED_AREA_OWNER_REFUSED,
  MLOCK_CANNOT_POPULATE,
  MMAP_REGION_CLEAR_OLD_MAPS,
  MMAP_REGION_DRIVER_REFUSED,
  MMAP_REGION_SHARED_MEMORY,
  MREMAP_OWNER_REFUSED,
} from '@vmarea/mm-core/reasons';
import { EACCES, EAGAIN, ENODEV, ENOMEM, EPERM, errnoName, signalName } from '@vmarea/uapi';
import { bytes, causesOf, onCopy, succeeded, type Outcome } from '@vmarea/what-if';
import { SYSTEM_CALLS } from '../calls/system-calls.ts';
import { formatCall, formatOutcome, hex, makeCall } from '../calls/verbs.ts';
import type { Call, Recorded } from '../input/script.ts';
import type { Names } from '../input/values.ts';
import type { Answer, Check, Comparison, ExplainedChange, Refusal } from './answer.ts';
import { ChangeSearch, type Change } from './changes.ts';
import { CHECK_RULES } from './check-rules.ts';
import { choicesOf } from './choices.ts';
import { figuresOf, sentencesOf } from './figures.ts';
import { neighboursIn } from './neighbours.ts';
import { pictureOf } from './picture.ts';
import type { ReasonBook } from './reason-book.ts';
import { Recorder, type TraceEvent } from './recorder.ts';
import { namedRange, takeSnapshot } from './snapshot.ts';
import { Subject } from './subject.ts';

/** A call on a process. */
export interface CallQuestion {
  /** The task before the call; the call is made on it. */
  readonly task: Task;
  readonly call: Call;
  readonly args: readonly bigint[];
  readonly names: Names;
  readonly book: ReasonBook;
  /** Skips the search for changes, which makes the call some hundred times. */
  readonly withoutChanges?: boolean | undefined;
  /** The line at which the log installs a seccomp filter. */
  readonly seccompLine?: number | undefined;
}

/** Reasons that only pass on the errno of an inner decision. */
const PASSED_ON: ReadonlySet<number> = new Set<number>([
  MMAP_REGION_DRIVER_REFUSED,
  MMAP_REGION_CLEAR_OLD_MAPS,
  MMAP_REGION_SHARED_MEMORY,
  GET_UNMAPPED_AREA_OWNER_REFUSED,
  MREMAP_OWNER_REFUSED,
  BRK_CLEAR_OLD_MAPS,
  FORK_NO_MEMORY,
  MLOCK_CANNOT_POPULATE,
]);

/** Returns the innermost reason of an outcome, and those that passed it on. */
function chainOf(outcome: Outcome, events: readonly TraceEvent[]): number[] {
  if (outcome.decision === 0) return [];
  const refusals = events.flatMap((event) => (event.kind === 'decide' && event.result < 0 ? [event.decision] : []));
  const chain = [outcome.decision];
  let at = refusals.lastIndexOf(outcome.decision);
  while (PASSED_ON.has(chain[0]!) && at > 0) {
    at--;
    if (!chain.includes(refusals[at]!)) chain.unshift(refusals[at]!);
  }
  return chain;
}

/** Explains why the caller gets another errno than the inner decision's. */
function turnedErrno(call: Call, decided: string, given: string): string {
  if (call.name === 'brk')
    return 'brk answers no errno: it returns the old break, and the C library makes ENOMEM of that.';
  if (decided === given || decided === 'none' || given.startsWith('SIG')) return '';
  if (call.name === 'madvise') return `madvise answers ${given} where ${decided} was decided inside.`;
  return `The caller gets ${given}.`;
}

/** The operands of all checks before the call, by reason. */
class Operands {
  private readonly subject: Subject;
  private readonly texts = new Map<number, string>();
  private readonly asked = new Set<number>();

  constructor(subject: Subject) {
    this.subject = subject;
    for (const rule of CHECK_RULES[subject.call.name] ?? []) {
      if (rule.when === undefined || rule.when(subject)) {
        this.asked.add(rule.decision);
        this.texts.set(rule.decision, rule.operands(subject));
      }
    }
  }

  /** Returns the checks up to the one that refused. */
  checks(outcome: Outcome, chain: readonly number[], book: ReasonBook): Check[] {
    const checks: Check[] = [];
    for (const rule of CHECK_RULES[this.subject.call.name] ?? []) {
      const failed = chain.includes(rule.decision);
      if (!failed && !this.asked.has(rule.decision)) continue;
      const reason = book.find(rule.decision);
      if (reason === undefined) continue;
      checks.push({ reason, passed: !failed, operands: this.texts.get(rule.decision) ?? '' });
      if (failed) return checks;
    }
    const reason = succeeded(outcome) ? undefined : book.find(outcome.decision);
    // A refusal without a rule: the kernel may not have made the checks before it.
    return reason === undefined ? checks : [{ reason, passed: false, operands: '' }];
  }
}

/** The sentence and the numbers of a refusal. */
interface Told {
  readonly sentence: string;
  readonly advice: string;
  readonly figures: string;
}

/** Returns the sentence and the numbers of the innermost refusal. Call it before the call changes the state. */
function tellBefore(subject: Subject, book: ReasonBook, chain: readonly number[]): Told {
  const reason = chain[0] === undefined ? undefined : book.find(chain[0]);
  const said = reason === undefined ? { sentence: '', advice: '' } : sentencesOf(subject, reason);
  for (const decision of chain) {
    const figures = figuresOf(subject, decision, book.find(decision)?.id ?? '');
    if (figures !== '') return { ...said, figures };
  }
  return { ...said, figures: '' };
}

/** Reasons with SEGV_ACCERR; all other reasons of SIGSEGV have SEGV_MAPERR. */
const ACCESS_ERRORS: ReadonlySet<number> = new Set([FAULT_NOT_READABLE, FAULT_NOT_WRITABLE, FAULT_NOT_EXECUTABLE]);

/** Returns whether a signal's recorded code fits a reason; true when the line has neither of the two codes. */
function fitsCode(recorded: string, decision: number): boolean {
  if (recorded.includes('SEGV_ACCERR')) return ACCESS_ERRORS.has(decision);
  return !recorded.includes('SEGV_MAPERR') || !ACCESS_ERRORS.has(decision);
}

/** Returns whether a recorded result equals the result here. */
function agrees(call: Call, recorded: Recorded, outcome: Outcome): boolean {
  if (outcome.signal !== 0)
    return recorded.text.startsWith(signalName(outcome.signal)) && fitsCode(recorded.text, outcome.decision);
  if (recorded.text.startsWith('SIG')) return false;
  if (recorded.unnamed) return !succeeded(outcome);
  if (recorded.ret === null) return true;
  if (call.name === 'brk') return true;
  if (recorded.ret < 0) return outcome.result === recorded.ret;
  return succeeded(outcome);
}

/** Returns whether a call creates a task. */
function isFork({ name }: Call): boolean {
  return name === 'fork' || name === 'vfork' || name.startsWith('clone');
}

/** Returns the path of the mapped device; empty for none. */
function deviceOf({ task, call, args }: CallQuestion): string {
  const fd = call.name === 'mmap' ? Number(BigInt.asIntN(32, args[4] ?? -1n)) : -1;
  const path = fd < 0 ? '' : (task.cur.files.fget(fd)?.path() ?? '').replace(/^\/ram(?=\/(?:dev|proc|sys)\/)/, '');
  return /^\/(?:dev\/(?!null$|zero$|shm\/|hugepages)|proc\/|sys\/)/.test(path) ? path : '';
}

/** The limit of listed rules of a call that give an errno. */
const MOST_RULES = 3;

/** Lists the call's rules that give an errno; empty when none does. */
function rulesFor({ call, book }: CallQuestion, errno: number): string {
  const reasons = (CHECK_RULES[call.name] ?? []).flatMap(({ decision }) => book.find(decision) ?? []);
  const fitting = reasons.filter((reason) => reason.errno === errnoName(errno)).slice(0, MOST_RULES);
  if (fitting.length === 0) return '';
  return ` ${call.name} gives ${errnoName(errno)} for these reasons: ${fitting.map(({ sentence }) => sentence).join(' ')}`;
}

/** What decides in the drivers of well-known devices. */
const DEVICES: readonly (readonly [path: string, sentence: string])[] = [
  [
    '/dev/mem',
    ' CONFIG_STRICT_DEVMEM refuses RAM, and with CONFIG_IO_STRICT_DEVMEM what a driver uses; lockdown (secure boot) refuses all: boot with iomem=relaxed, or use the device of a driver (UIO, /dev/gpiomem, /sys/…/resource0).',
  ],
  [
    '/dev/binder',
    ' binder refuses writable mappings (EPERM), more than 4 MiB are cut, and a process maps it once (EBUSY).',
  ],
  [
    '/dev/ashmem',
    ' ashmem gives EINVAL before ASHMEM_SET_SIZE and for more than its size, EPERM for rights that ASHMEM_SET_PROT_MASK took.',
  ],
  ['/dev/kvm', ' Only descriptors of virtual processors can be mapped (KVM_GET_VCPU_MMAP_SIZE bytes).'],
  [
    '/dev/dri',
    ' DRM gives EINVAL for an offset that no buffer has (DRM_IOCTL_MODE_MAP_DUMB gives it), EACCES for a buffer of another client.',
  ],
  [
    '/dev/nvidia',
    ' Its ENOMEM often comes from RLIMIT_MEMLOCK or from a full window of the card (nvidia-smi, dmesg: NVRM).',
  ],
  [
    '/dev/kgsl',
    ' Its ENOMEM often means that the addresses of the graphics processor, or of a 32-bit process, are used up.',
  ],
  ['/dev/fb', ' More than smem_len bytes from the offset give EINVAL.'],
  ['/proc/', ' Files of /proc have no mmap operation: read them.'],
  ['/sys/', ' Of sysfs only the resourceN files of PCI devices (and a few others) can be mapped.'],
  ['/dev/video', ' V4L2 gives EINVAL for an offset or a length that VIDIOC_QUERYBUF did not give.'],
];

/** Explains an errno that no rule of mm gives. */
function whoElse(question: CallQuestion, errno: number, device: string): string {
  const { seccompLine } = question;
  if (errno === EAGAIN && isFork(question.call))
    return 'fork gives EAGAIN when there are too many tasks: RLIMIT_NPROC (ulimit -u), kernel.threads-max, kernel.pid_max, or the pids limit of a cgroup (containers, systemd TasksMax). Tasks are not counted here.';
  if (device !== '')
    return `${device} is a ${/^\/(?:proc|sys)\//.test(device) ? 'file of the kernel' : 'device'}: the mmap of its driver answers, and gives ${errnoName(errno)} by its own rules.${DEVICES.find(([name]) => device.startsWith(name))?.[1] ?? ''}`;
  if (errno === ENODEV && question.call.name === 'mmap')
    return 'The filesystem of the file cannot be mapped in this way. Shared mappings are missing in 9p (WSL, virtio, without a cache), FUSE with direct_io, vboxsf and some network filesystems; files of /proc, pipes, sockets and directories cannot be mapped at all. Put the file on a local filesystem, or map it MAP_PRIVATE.';
  if (seccompLine !== undefined)
    return `No rule of mm gives ${errnoName(errno)} here: the seccomp filter of line ${seccompLine} answered.`;
  const lsm =
    errno === EACCES || errno === EPERM
      ? 'a security module (SELinux, AppArmor: see the audit log)'
      : 'a security module';
  return `No limit, sysctl or capability gives ${errnoName(errno)} here: a seccomp filter, ${lsm}, a driver, or a state of the process that is not given here (--maps-before, --meminfo).`;
}

/** The meaning of signal codes. */
const SIGNAL_CODES: readonly (readonly [code: string, sentence: string])[] = [
  ['SEGV_MAPERR', 'SEGV_MAPERR: nothing was mapped at the address.'],
  [
    'SEGV_ACCERR',
    'SEGV_ACCERR: something was mapped there that did not allow the access (a guard, read-only, not executable).',
  ],
  ['SEGV_PKUERR', 'SEGV_PKUERR: a protection key did not allow the access.'],
  [
    'BUS_ADRERR',
    'BUS_ADRERR: a file was mapped there and the page lies beyond its end, or the pool of huge pages was empty, or the page could not be read.',
  ],
  ['BUS_ADRALN', 'BUS_ADRALN: the address was not aligned for the instruction.'],
];

/** Explains a SIGBUS in a page that lies within its file: the filesystem could not give the page. Empty for another access. */
function withinFile({ task, args }: CallQuestion): string {
  const at = Number(BigInt.asUintN(64, args[0] ?? 0n));
  const vma = findVma(task.mm, at);
  if (vma === null || vma.vmStart > at || vma.vmFile === null) return '';
  const { pageSize } = task.kernel.system;
  const offset = vma.vmPgoff * pageSize + (at - vma.vmStart);
  const size = vma.vmFile.fInode.iSize;
  const path = vma.vmFile.path();
  if (offset >= size) return '';
  const room = path.startsWith('/dev/shm/')
    ? `the tmpfs at /dev/shm is full. A container gets 64 MiB for it («df /dev/shm» shows it): docker run --shm-size=1g. posix_fallocate would have failed with ENOSPC instead`
    : 'the filesystem is full (a hole of a file gets its block at the first write), a tmpfs has reached its size, the pool of huge pages is empty, or the medium cannot be read';
  return `The page lies within the file: the access is at byte ${offset} (${bytes(offset)}) of ${path}, which has ${bytes(size)}. The page could not be had: ${room}.`;
}

/** Explains a recorded signal that does not occur here: the map was another one. */
function signalNote({ text }: Recorded, question: CallQuestion): string {
  const within = text.startsWith('SIGBUS') ? withinFile(question) : '';
  if (within !== '') return within;
  const mapKnown = question.task.mm.mapCount > 1;
  const meant = SIGNAL_CODES.find(([code]) => text.includes(code))?.[1] ?? '';
  const more = mapKnown
    ? 'The map at that moment was another one.'
    : 'The map of the process is needed to say more: «explain LOG --at LINE», or --maps-before FILE.';
  return `${meant} ${more}`.trim();
}

/** Compares the recorded result with the one here, and finds what would make them agree. */
function compare(question: CallQuestion, outcome: Outcome, causes: Comparison['causes']): Comparison | null {
  const { call } = question;
  const { recorded } = call;
  if (recorded === null || recorded.text.startsWith('?')) return null;
  const same = agrees(call, recorded, outcome);
  const failed = recorded.ret !== null && recorded.ret < 0;
  const device = deviceOf(question);
  if (!same && call.name === 'access')
    return {
      recorded: recorded.text,
      agrees: false,
      causes: [],
      note: signalNote(recorded, question),
    };
  const unexplained = !same && failed && (causes.length === 0 || device !== '');
  const rules = unexplained && device === '' && recorded.ret !== -ENODEV ? rulesFor(question, -recorded.ret) : '';
  const note = unexplained ? `${whoElse(question, -recorded.ret, device)}${rules}` : '';
  return { recorded: recorded.text, agrees: same, causes: same ? [] : causes, note };
}

/** Finds causes of a recorded failure on copies; none for a line that did not fail. */
function causesBefore(question: CallQuestion): Comparison['causes'] {
  const { task, call, args, names } = question;
  const { recorded } = call;
  if (recorded === null || question.withoutChanges === true) return [];
  const { ret } = recorded;
  if (ret === null || ret >= 0) return [];
  // fork charges the memory of the process.
  if (isFork(call) && task.mm.mapCount <= 1) {
    if (ret !== -ENOMEM) return [];
    const condition =
      'the private writable memory of the process does not fit into RAM and swap once more, or with vm.overcommit_memory=2 into CommitLimit: the child may write to all of it. «sysctl -w vm.overcommit_memory=1» lets fork succeed, more swap does as well (--maps-before and --meminfo give the numbers)';
    return [{ condition, options: [] }];
  }
  const attempt = (copy: Task): Outcome => makeCall(copy, call, args, names);
  return causesOf(task, attempt, (outcome) => outcome.result === ret);
}

/** Returns the part of the address space that the call is about. */
function focusOf(subject: Subject, events: readonly TraceEvent[], outcome: Outcome): readonly [number, number] | null {
  let start = Infinity;
  let end = -Infinity;
  for (const event of events) {
    if (event.kind !== 'vma' || event.event === 'remove') continue;
    start = Math.min(start, event.start);
    end = Math.max(end, event.end);
  }
  if (start < end) return [start, end];
  const range = namedRange(subject);
  if (range !== null && range[0] < subject.mm.taskSize) return range;
  const at = subject.arg('addr');
  if (['load', 'store', 'exec', 'access'].includes(subject.call.name) && at > 0) return [at, at + 1];
  if (subject.call.name === 'brk') return [Math.max(1, subject.mm.brk - 1), Math.max(2, subject.mm.brk)];
  return outcome.result > 4096 ? [outcome.result, outcome.result + 1] : null;
}

function marksOf(subject: Subject, outcome: Outcome): (readonly [number, string])[] {
  const at = subject.arg('addr');
  const { name } = subject.call;
  if (at <= 0 || at >= subject.mm.taskSize) return [];
  if (name === 'mmap' && outcome.result !== at) return [[at, `the address that was asked for, ${hex(at)}`]];
  if (['load', 'store', 'exec', 'access'].includes(name)) return [[at, `the access, ${hex(at)}`]];
  return succeeded(outcome) || name === 'brk' ? [] : [[at, `the address of the call, ${hex(at)}`]];
}

const AMOUNTS: ReadonlySet<number> = new Set([ENOMEM, EAGAIN, EPERM]);

function explainedChange(call: Call, change: Change, book: ReasonBook): ExplainedChange {
  const { outcome } = change;
  return {
    change: change.change,
    then: formatOutcome(call, outcome),
    reason: succeeded(outcome) ? null : (book.find(outcome.decision) ?? null),
    caveat: change.caveat,
    option: change.option,
  };
}

/** Returns whether a call changes only the process, so that it can be tried on a copy. */
function isTriable({ name }: Call): boolean {
  return !SYSTEM_CALLS.has(name) || name === 'fork' || name === 'clone' || name === 'clone3';
}

/** The outcome of the call on a copy: it shows for which refusal the numbers must be taken before the call. */
interface Foreseen {
  readonly outcome: Outcome;
  readonly chain: readonly number[];
}

function foresee({ task, call, args, names }: CallQuestion): Foreseen | null {
  if (!isTriable(call)) return null;
  return onCopy(task, (copy) => {
    const recorder = new Recorder();
    copy.mm.tracer = recorder;
    const outcome = makeCall(copy, call, args, names);
    return { outcome, chain: chainOf(outcome, recorder.events) };
  });
}

function searchChanges(question: CallQuestion, foreseen: Foreseen | null): ExplainedChange[] {
  if (question.withoutChanges === true || foreseen === null) return [];
  const { call, book } = question;
  const base = foreseen.outcome;
  const search = new ChangeSearch({ ...question, base });
  return search
    .search(AMOUNTS.has(-base.result) || base.signal !== 0)
    .map((change) => explainedChange(call, change, book));
}

function refusalOf(
  call: Call,
  outcome: Outcome,
  chain: readonly number[],
  book: ReasonBook,
  told: Told,
): Refusal | null {
  const reasons = chain.flatMap((decision) => book.find(decision) ?? []);
  const [reason, ...passedOn] = reasons;
  if (succeeded(outcome) || reason === undefined) return null;
  const errno =
    outcome.signal !== 0 ? signalName(outcome.signal) : outcome.result < 0 ? errnoName(-outcome.result) : reason.errno;
  return {
    reason,
    sentence: told.sentence === '' ? reason.sentence : told.sentence,
    advice: told.advice === '' ? reason.change : told.advice,
    errno,
    figures: told.figures,
    passedOn,
    turned: turnedErrno(call, reason.errno, errno),
  };
}

/**
 * Explains a call, and makes it.
 *
 * @throws ScriptError when the call is not known or its arguments cannot be read
 */
export function explainCall(question: CallQuestion): Answer {
  return makeAndExplain(question).answer;
}

/** Explains a call, makes it, and returns the outcome in addition to the answer. */
export function makeAndExplain(question: CallQuestion): { readonly answer: Answer; readonly outcome: Outcome } {
  const { task, call, args, names, book } = question;
  const { mm } = task;
  const subject = new Subject(task, call, args);
  const foreseen = foresee(question);
  const operands = new Operands(subject);
  const told = tellBefore(subject, book, foreseen?.chain ?? []);
  const changes = searchChanges(question, foreseen);
  const fits = foreseen === null || (call.recorded !== null && agrees(call, call.recorded, foreseen.outcome));
  const causes = fits ? [] : causesBefore(question);
  const before = takeSnapshot(subject);

  const recorder = new Recorder();
  const { tracer } = mm;
  mm.tracer = recorder;
  let outcome: Outcome;
  try {
    outcome = makeCall(task, call, args, names);
  } finally {
    mm.tracer = tracer;
  }
  const { events } = recorder;
  const chain = chainOf(outcome, events);
  const after = task.kernel.proc.maps(task);
  const focus = focusOf(subject, events, outcome);
  const picture = { before: before.maps, after, focus, marks: marksOf(subject, outcome), system: task.kernel.system };
  const answer: Answer = {
    call: formatCall(call, args),
    result: formatOutcome(call, outcome),
    succeeded: succeeded(outcome),
    refusal: refusalOf(call, outcome, chain, book, told),
    comparison: compare(question, outcome, causes),
    choices: choicesOf({ subject, before, outcome, events }),
    changes,
    notes: [],
    taken: [],
    picture: pictureOf(picture),
    earlier: [],
    checks: operands.checks(outcome, chain, book),
    events,
    elsewhere: [],
    neighbours: focus === null ? [] : neighboursIn(mm, focus[0], focus[1], book),
    before: before.maps,
    after,
  };
  return { answer, outcome };
}
