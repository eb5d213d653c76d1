/**
 * Explains a call of a script: sets the stage, makes the earlier calls, and explains the last one. Makes the same calls on other
 * machines.
 */
import { findVma } from '@vmarea/mm-core';
import { VM_ENOUGH_MEMORY_GUESS, VM_ENOUGH_MEMORY_NEVER } from '@vmarea/mm-core/reasons';
import {
  assumed,
  describeEvidence,
  fromLog,
  isModelled,
  kernelsOf,
  memoryIsKnown,
  memoryOf,
  pageSizesOf,
  vaBitsOf,
  type Situation,
  type Told,
} from '@vmarea/situation';
import { EACCES, EFAULT, ENOMEM, EPERM, errnoName, type KernelName } from '@vmarea/uapi';
import { bytes, succeeded, type Outcome } from '@vmarea/what-if';
import { formatOutcome, isKnownCall, makeCall } from '../calls/verbs.ts';
import { FailedResultError, ScriptError } from '../input/error.ts';
import type { Call } from '../input/script.ts';
import { assumeFiles, waysToOpen, type AssumedFiles } from '../stage/assumed.ts';
import { failedInLog, firstDifference, prepare, type EarlierOutcome, type Ready } from '../stage/probe.ts';
import { filesOf, type MachineMaker, type Setting } from '../stage/stage.ts';
import type { StagedFile } from '../stage/files.ts';
import type { Answer, Comparison, Elsewhere } from './answer.ts';
import { makeAndExplain } from './explain-call.ts';
import { securityNote, stateCauses, toldCauses } from './told-causes.ts';
import { ReasonBook, type Reason } from './reason-book.ts';

/** The question, and how much of the answer to compute. */
export interface Question {
  readonly make: MachineMaker;
  readonly situation: Situation;
  readonly script: readonly Call[];
  readonly book?: ReasonBook | undefined;
  /** What the text of the question tells beside its calls. */
  readonly told?: Told | undefined;
  /** Skips the search for changes, which makes the call hundreds of times. */
  readonly withoutChanges?: boolean | undefined;
}

/** Calls that need memory behind the mappings. */
const TOUCHING: ReadonlySet<string> = new Set(['load', 'store', 'exec', 'access', 'write']);

/** One question in progress. */
class Asking {
  private readonly make: MachineMaker;
  readonly situation: Situation;
  readonly script: readonly Call[];
  readonly assumed: AssumedFiles;
  readonly notes: string[] = [];
  private files: Map<number, StagedFile>;
  private noexec: readonly string[];

  constructor({ make, situation, told }: Question, script: readonly Call[]) {
    this.make = make;
    const { architecture } = situation;
    const known = isModelled(situation);
    this.situation = withRoom(askedSituation(situation), script);
    if (!known) this.notes.push(otherArchitecture(architecture.value, describeEvidence(architecture.evidence)));
    this.script = script;
    const given = filesOf(situation);
    this.noexec = (told?.mounts ?? []).filter((mount) => mount.noexec).map(({ directory }) => directory);
    this.assumed = assumeFiles(script, given);
    this.files = new Map([...given, ...this.assumed.files]);
  }

  private setting(situation: Situation, files: ReadonlyMap<number, StagedFile>): Setting {
    const memory = this.script.some(({ name }) => TOUCHING.has(name));
    return { situation, files, needs: { memory } };
  }

  /** Returns a stage on which all calls except the last have been made. */
  ready(situation: Situation = this.situation, files: ReadonlyMap<number, StagedFile> = this.files): Ready {
    return prepare(this.make, this.setting(situation, files), this.script, {
      values: this.assumed.values,
      noexec: this.noexec,
    });
  }

  /** Returns the last call's outcome on another stage, with the calls before it. */
  private outcome(files: ReadonlyMap<number, StagedFile>): { outcome: Outcome; earlier: readonly EarlierOutcome[] } {
    const ready = this.ready(this.situation, files);
    return { outcome: makeCall(ready.task, this.script.at(-1)!, ready.args, ready.names), earlier: ready.earlier };
  }

  /** Assumes that a file was opened in a way that gives the recorded failure, if there is one. */
  guessFiles(): void {
    const ret = this.script.at(-1)!.recorded?.ret ?? 0;
    for (const fd of ret < 0 ? this.assumed.guessed : []) {
      if (this.outcome(this.files).outcome.result === ret) return;
      for (const [change, words] of waysToOpen(-ret)) {
        const file = this.files.get(fd)!;
        const files = new Map(this.files).set(fd, { ...file, spec: { ...file.spec, ...change } });
        if (this.outcome(files).outcome.result !== ret) continue;
        this.files = files;
        this.notes.push(`Descriptor ${fd} is taken to be ${words}: that gives the recorded ${errnoName(-ret)}.`);
        return;
      }
    }
    if (ret === -EPERM || ret === -EACCES) this.guessNoexec(ret);
    this.notes.push(...this.assumed.notes.map((note) => note.charAt(0).toUpperCase() + note.slice(1)));
  }

  /** Assumes that the file of an executable mapping lies on a noexec mount, if that gives the recorded failure. */
  private guessNoexec(ret: number): void {
    const path = openedPath(this.script);
    if (path === null || this.outcome(this.files).outcome.result === ret) return;
    const before = this.noexec;
    const directory = path.slice(0, Math.max(1, path.indexOf('/', 1)));
    this.noexec = [...before, directory];
    if (this.outcome(this.files).outcome.result === ret)
      this.notes.push(
        `${directory} is taken to be mounted with noexec: that gives the recorded ${errnoName(-ret)} («mount» shows it).`,
      );
    else this.noexec = before;
  }

  /** Returns the address bits that give the recorded failure. */
  bitsOf(recorded: number): number[] {
    const { situation } = this;
    return vaBitsOf(situation.architecture.value, situation.pageSize.value).filter((bits) => {
      if (bits === situation.vaBits.value || situation.mapBefore !== null) return false;
      try {
        const ready = this.ready({ ...situation, vaBits: fromLog(bits, 0, 'compared') });
        return makeCall(ready.task, this.script.at(-1)!, ready.args, ready.names).result === recorded;
      } catch (error) {
        if (error instanceof ScriptError) return false;
        throw error;
      }
    });
  }

  /** Returns the changes of open files that change the result. */
  fileChanges(
    base: Outcome,
    earlier: readonly EarlierOutcome[],
    needed: number,
  ): { change: string; outcome: Outcome; option: string }[] {
    const found: { change: string; outcome: Outcome; option: string }[] = [];
    for (const [fd, file] of this.files) {
      for (const [change, words, option] of fileVariations(fd, file, needed)) {
        const files = new Map(this.files).set(fd, { ...file, spec: { ...file.spec, ...change } });
        let tried: ReturnType<Asking['outcome']>;
        try {
          tried = this.outcome(files);
        } catch (error) {
          if (error instanceof ScriptError) continue;
          throw error;
        }
        if (firstDifference(earlier, tried.earlier) !== null) continue;
        if (succeeded(tried.outcome) && !succeeded(base)) found.push({ change: words, outcome: tried.outcome, option });
      }
    }
    return found;
  }
}

/** Returns the path of the file that the last call is about, when an earlier line opens it; null otherwise. */
function openedPath(script: readonly Call[]): string | null {
  const call = script.at(-1)!;
  const number = (text: string | undefined): number =>
    /^(0x[0-9a-f]+|\d+)/i.test(text ?? '') ? parseInt(text!, /^0x/i.test(text!) ? 16 : 10) : -1;
  const addr = number(call.args[0]);
  const mapping =
    call.name === 'mmap'
      ? call
      : script.findLast(
          ({ name, args, recorded }) =>
            name === 'mmap' &&
            (recorded?.ret ?? -1) >= 0 &&
            recorded!.ret! <= addr &&
            addr < recorded!.ret! + number(args[1]),
        );
  const fd = number(mapping?.args[4]);
  const open = script.findLast(({ name, recorded }) => /^(?:open|openat|creat)$/.test(name) && recorded?.ret === fd);
  const path = fd < 0 ? undefined : /"(\/[^"]{1,500})"/.exec(open?.args.join(' ') ?? '')?.[1];
  return path ?? null;
}

/**
 * Returns the situation that is really used: arm64, if the architecture is not modelled. The rules of the memory calls are the
 * same there, placement is not.
 */
export function askedSituation(situation: Situation): Situation {
  if (isModelled(situation)) return situation;
  return { ...situation, architecture: assumed('arm64'), pageSize: assumed(4096), vaBits: assumed(48) };
}

/** Returns the bytes of the largest successful request in the log. */
function grantedBytes(script: readonly Call[]): number {
  let most = 0;
  for (const { name, args, recorded } of script) {
    if ((recorded?.ret ?? -1) < 0 || !['mmap', 'mprotect', 'mremap'].includes(name)) continue;
    const text = args[name === 'mremap' ? 2 : 1] ?? '';
    if (/^(0x[0-9a-f]+|\d+)$/i.test(text)) most = Math.max(most, Number(text));
  }
  return most;
}

/** Returns the situation with enough RAM for what succeeded in the log, if the amount of RAM is unknown. */
function withRoom(situation: Situation, script: readonly Call[]): Situation {
  const granted = grantedBytes(script);
  if (memoryIsKnown(situation) || granted <= situation.memory.value.total) return situation;
  const line = script.at(-1)!.line;
  return { ...situation, memory: fromLog(memoryOf(2 * granted), line, 'what was granted') };
}

/** Returns the note on a refusal that depends on an assumed amount of RAM. */
function assumedRam(situation: Situation, decision: number): string[] {
  if (memoryIsKnown(situation) || (decision !== VM_ENOUGH_MEMORY_GUESS && decision !== VM_ENOUGH_MEMORY_NEVER))
    return [];
  return [
    `How much RAM the machine has was not told: ${bytes(situation.memory.value.total)} are assumed. --ram or --meminfo tells.`,
  ];
}

function otherArchitecture(architecture: string, evidence: string): string {
  const narrow = !architecture.endsWith('64');
  const more = narrow
    ? 'a 32-bit program has some 3 GiB of addresses, so a lack of room there is not seen here'
    : 'where the kernel places a mapping is not';
  return `This is from ${architecture === '32-bit' ? 'a 32-bit machine' : architecture} (${evidence}) and was asked on arm64: the rules of the memory calls are the same, ${more}.`;
}

type Variation = readonly [change: Partial<StagedFile['spec']>, words: string, option: string];

/**
 * Returns other ways in which a file could be open.
 *
 * @param needed the size in bytes with which the access lies within the file; 0 for other calls
 */
function fileVariations(fd: number, { spec }: StagedFile, needed: number): Variation[] {
  const name = `descriptor ${fd}`;
  const found: Variation[] = [];
  if (spec.mode !== 'rw')
    found.push([
      { mode: 'rw' },
      `${name} open read-write (is ${spec.mode === 'ro' ? 'read-only' : 'write-only'})`,
      `--file ${fd}=rw`,
    ]);
  if (spec.mode === 'rw' && spec.append)
    found.push([{ mode: 'ro' }, `${name} open read-only (is read-write)`, `--file ${fd}=ro`]);
  if (spec.noexec) found.push([{ noexec: false }, `${name} on a mount without noexec`, '']);
  if (spec.append) found.push([{ append: false }, `${name} without the append-only attribute (chattr -a)`, '']);
  if (spec.locked) found.push([{ locked: false }, `nobody's mandatory lock on ${name}`, '']);
  if (spec.sealed) found.push([{ sealed: false }, `${name} not sealed`, '']);
  if (['null', 'pipe', 'dir', 'zero'].includes(spec.kind))
    found.push([{ kind: 'tmpfs' }, `${name} a plain file (is ${spec.kind})`, '']);
  if (needed > spec.size)
    found.push([
      { size: needed },
      `${name} with at least ${bytes(needed)} (has ${bytes(spec.size)})`,
      `--file ${fd}=size=${needed}`,
    ]);
  return found;
}

/** Returns the size in bytes that a mapped file needs for the access; 0 for another call. */
function sizeNeeded({ task, args }: Ready): number {
  const at = Number(BigInt.asUintN(64, args[0] ?? 0n));
  const vma = findVma(task.mm, at);
  if (vma === null || vma.vmStart > at || vma.vmFile === null || args.length > 2) return 0;
  const page = task.kernel.system.pageSize;
  return (vma.vmPgoff + Math.floor((at - vma.vmStart) / page)) * page + 1;
}

/** Returns whether a mapping was asked for at an address and made at another one. */
function isMoved({ name, args, recorded }: Call): boolean {
  const asked = /^0x[0-9a-f]+$/i.test(args[0] ?? '') ? Number(args[0]) : 0;
  return name === 'mmap' && asked > 0 && (recorded?.ret ?? -1) > 0 && recorded!.ret !== asked;
}

/** Returns the index of the call to explain: in a log the last failed one, or the last that is not where it was asked for; otherwise the last one. */
function targetOf(script: readonly Call[]): number {
  const last = script.length - 1;
  const recorded = script.filter((call) => call.recorded !== null).length;
  const isMeant = (call: Call): boolean => isKnownCall(call.name) && (failedInLog(call) || call.name === 'access');
  if (isKnownCall(script[last]!.name) && (recorded < script.length || isMeant(script[last]!))) return last;
  for (let i = last; i >= 0; i--) if (isMeant(script[i]!)) return i;
  for (let i = last; i >= 0; i--) if (isMoved(script[i]!)) return i;
  for (let i = last; i >= 0; i--) if (isKnownCall(script[i]!.name)) return i;
  return last;
}

/**
 * Explains a call of a script: the last one, or in a log the last failed one. When it needs the result of a failed earlier
 * call, explains that one.
 *
 * @throws ScriptError when the situation cannot be set up, or a call is not known
 */
export function explain(question: Question): Answer {
  const { script } = question;
  if (script.length === 0) throw new ScriptError('there is no call to explain');
  const target = targetOf(script);
  const notes: string[] = [];
  if (target < script.length - 1)
    notes.push(
      `Asked about line ${script[target]!.line}${failedInLog(script[target]!) ? ', the last call of the log that failed' : ''}.`,
    );
  const asked = script.slice(0, target + 1);
  try {
    return ask(question, asked, notes);
  } catch (error) {
    if (!(error instanceof FailedResultError)) throw error;
    const wanted = asked.at(-1)!;
    const note = `Line ${wanted.line} was not made: it uses «${error.variable}», which line ${asked[error.index]!.line} does not give. This is about line ${asked[error.index]!.line}.`;
    return ask(question, asked.slice(0, error.index + 1), [...notes, note]);
  }
}

/** What is said of a signal without an address. */
const NO_ADDRESS =
  'SI_KERNEL with no address is no access to NULL: the kernel was not told the address. On x86-64 a pointer was not canonical ' +
  '(0x800000000000 to 0xffff7fffffffffff: garbage or a tag in its upper bits) or the instruction is not allowed to programs; ' +
  'elsewhere the kernel sent the signal itself, because exec or the return from a signal handler failed';

function ask(question: Question, script: readonly Call[], notes: readonly string[]): Answer {
  const book = question.book ?? new ReasonBook();
  const call = script.at(-1)!;
  if (call.recorded?.text.includes('SI_KERNEL') === true && /^(?:NULL|0x0|0)$/.test(call.args[0] ?? ''))
    throw new ScriptError(NO_ADDRESS);
  const asking = new Asking(question, script);
  asking.guessFiles();
  const ready = asking.ready();
  const { task, args, names } = ready;
  const { seccomp } = question.situation;
  const { answer, outcome } = makeAndExplain({
    task,
    call,
    args,
    names,
    book,
    withoutChanges: question.withoutChanges,
    seccompLine: seccomp?.evidence.kind === 'log' ? seccomp.evidence.line : undefined,
  });
  const searched = question.withoutChanges !== true && !answer.succeeded;
  const ofFiles = searched ? asking.fileChanges(outcome, ready.earlier, sizeNeeded(ready)) : [];
  const changes = [
    ...ofFiles.map(({ change, outcome: then, option }) => ({
      change,
      then: formatOutcome(call, then),
      reason: null,
      caveat: '',
      option,
    })),
    ...(ofFiles.length > 0 ? answer.changes.filter(({ reason }) => reason === null) : answer.changes),
  ];
  return {
    ...answer,
    comparison: withTold(withBits(answer.comparison, asking, call), ready, question),
    changes,
    notes: [
      ...notes,
      ...asking.notes,
      ...ready.assumed,
      ...ready.earlier.flatMap(unlikeLog),
      ...assumedRam(asking.situation, answer.refusal?.reason.decision ?? 0),
    ],
    taken: ready.map?.said ?? [],
    earlier: ready.earlier.map((done) => ({
      call: done.call.text,
      result:
        done.outcome === null
          ? `${done.call.recorded?.text ?? '?'} (not made)`
          : formatOutcome(done.call, done.outcome),
    })),
    elsewhere: otherMachines(asking, ready.earlier, outcome, book),
  };
}

/** Adds the address bits that would make the results agree to the comparison. */
function withBits(comparison: Comparison | null, asking: Asking, { recorded }: Call): Comparison | null {
  const ret = recorded?.ret ?? 0;
  if (comparison === null || comparison.agrees || ret >= 0) return comparison;
  const bits = asking.bitsOf(ret).map((count) => ({
    kind: 'address-bits' as const,
    condition: `the machine has ${count}-bit addresses (${bytes(2 ** count)} for a program)`,
    options: [`--va-bits ${count}`],
  }));
  return bits.length === 0 ? comparison : { ...comparison, causes: [...bits, ...comparison.causes], note: '' };
}

/** Puts what the text tells, and what a process is usually short of, before what a search on an empty process found. */
function withTold(comparison: Comparison | null, ready: Ready, question: Question): Comparison | null {
  const call = ready.target;
  const ret = call.recorded?.ret ?? 0;
  if (comparison === null || comparison.agrees || ret >= 0) return comparison;
  const failure = { call, args: ready.args, errno: -ret };
  const told = question.told === undefined ? [] : toldCauses(failure, question.told, question.situation);
  const whole = question.situation.mapBefore !== null;
  const missing =
    ready.assumed.length > 0 && (ret === -ENOMEM || ret === -EFAULT)
      ? [
          {
            kind: 'not-mapped' as const,
            condition: 'a part of the range is not mapped: /proc/PID/maps shows it (--maps-before gives it)',
            options: [],
          },
        ]
      : [];
  const found = whole ? comparison.causes : stateCauses(failure, [...missing, ...comparison.causes]);
  const causes = [...told, ...found];
  const security = comparison.note === '' || told.length > 0 ? '' : securityNote(failure);
  const note = told.length > 0 || (found.length > 0 && comparison.causes.length === 0) ? '' : comparison.note;
  return { ...comparison, causes, note: security === '' ? note : security };
}

/** Describes an earlier call whose result here differs from the log's. */
function unlikeLog({ call, outcome }: EarlierOutcome): string[] {
  const ret = call.recorded?.ret ?? -1;
  if (outcome === null || ret < 0 || succeeded(outcome)) return [];
  return [`Line ${call.line} gave ${call.recorded!.text} in the log and gives ${formatOutcome(call, outcome)} here.`];
}

/** Returns whether the last call uses an address that the machine here chose: another machine has nothing there. */
function namesOwnAddress(script: readonly Call[]): boolean {
  const call = script.at(-1)!;
  if (call.name === 'mmap' || !/^\s*(?:\([^()]*\)\s*)?0x[0-9a-f]+\s*$/i.test(call.args[0] ?? '')) return false;
  const chosen = ({ name, args, recorded }: Call): boolean =>
    name === 'mmap' && recorded === null && args[3]?.includes('MAP_FIXED') !== true;
  return script.slice(0, -1).some(chosen);
}

function reasonOf(book: ReasonBook, outcome: Outcome): Reason | null {
  return succeeded(outcome) ? null : (book.find(outcome.decision) ?? null);
}

/** Returns the same situation on another kernel or page size. Keeps the address bits if the page size allows them. */
function elsewhere(situation: Situation, kernel: KernelName, pageSize: number): Situation {
  const bits = situation.vaBits.value;
  const allowed = vaBitsOf(situation.architecture.value, pageSize);
  const fitting = allowed.includes(bits)
    ? bits
    : (allowed.find((candidate) => candidate >= bits) ?? allowed.at(-1) ?? bits);
  return {
    ...situation,
    kernel: fromLog(kernel, 0, 'compared'),
    pageSize: fromLog(pageSize, 0, 'compared'),
    vaBits: pageSize === situation.pageSize.value ? situation.vaBits : fromLog(fitting, 0, 'compared'),
  };
}

function otherMachines(
  asking: Asking,
  earlier: readonly EarlierOutcome[],
  outcome: Outcome,
  book: ReasonBook,
): Elsewhere[] {
  const { situation, script } = asking;
  const call = script.at(-1)!;
  const answers: Elsewhere[] = [];
  const ownAddress = namesOwnAddress(script);
  const architecture = situation.architecture.value;
  for (const kernel of kernelsOf(architecture)) {
    for (const pageSize of pageSizesOf(architecture)) {
      const same = kernel === situation.kernel.value;
      if (same === (pageSize === situation.pageSize.value)) continue;
      const entry = { kernel, pageSize, then: '', reason: null, same: false, notAsked: '' };
      if (ownAddress) {
        answers.push({ ...entry, notAsked: 'the address is one that this machine chose' });
        continue;
      }
      if (situation.mapBefore !== null && pageSize !== situation.pageSize.value) {
        answers.push({ ...entry, notAsked: `the map before is of ${situation.pageSize.value / 1024} KiB pages` });
        continue;
      }
      answers.push(askElsewhere(asking, elsewhere(situation, kernel, pageSize), entry));
    }
  }
  return answers;

  function askElsewhere(from: Asking, there: Situation, entry: Elsewhere): Elsewhere {
    try {
      const ready = from.ready(there);
      const differs = firstDifference(earlier, ready.earlier);
      if (differs?.outcome != null) {
        const reason = reasonOf(book, differs.outcome);
        const why = `there line ${differs.call.line} ${succeeded(differs.outcome) ? 'succeeds' : 'fails already'}: ${formatOutcome(differs.call, differs.outcome)}`;
        return { ...entry, reason, notAsked: why };
      }
      const then = makeCall(ready.task, call, ready.args, ready.names);
      const agrees = succeeded(then) === succeeded(outcome) && (succeeded(then) || then.decision === outcome.decision);
      return { ...entry, then: formatOutcome(call, then), reason: reasonOf(book, then), same: agrees };
    } catch (error) {
      if (error instanceof FailedResultError) {
        return { ...entry, notAsked: `there line ${script[error.index]!.line} fails already` };
      }
      if (error instanceof ScriptError) return { ...entry, notAsked: error.message };
      throw error;
    }
  }
}
