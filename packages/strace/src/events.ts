// What a log says, as typed events. One shape per kind of event; texts are kept as the log has them.
// What a call *means* (addresses, flags, descriptors) is read by decode*.ts, and only when somebody asks.

/** Where a call stands: only its beginning has been read, it has returned, or the log ends before it returns. */
export type CallState = 'entered' | 'returned' | 'cut';

/** One system call of one task. */
export interface Call {
  /** The task. 0 when the log never says who it is (one process, no `-f`). */
  pid: number;
  /** The task that entered it, when `exec` by another thread made it return as `pid`; the same as `pid` otherwise. */
  entryPid: number;
  /** Name as printed, for instance `mmap` or `openat`. */
  readonly name: string;
  /** Everything between the parentheses. Of an entered call: what stands before `<unfinished ...>`. */
  argsText: string;
  /** The arguments, split at the commas outside of strings, brackets and comments, blanks at both ends removed. */
  args: readonly string[];
  /** Length of the part of `argsText` that was printed at entry; the same as its length when the call stands on one line. */
  entryLength: number;
  /**
   * What it returned; `-errno` when it failed. Null for `?`, as long as it has not returned, and when it failed without
   * the log saying why ({@link Call.failed} with an `errno` of 0).
   */
  ret: number | null;
  /** It failed: the result is an error, or a `-1` that names none. */
  failed: boolean;
  /**
   * The positive error number; 0 when it did not fail, and when the log does not tell (`= -1` alone). Restart codes (512
   * and above) stand beside a `ret` of null.
   */
  errno: number;
  /** Everything behind `= `, without the time of `-T`; empty as long as it has not returned. */
  result: string;
  /** Line on which it was entered, from 1. */
  readonly entryLine: number;
  /** Line on which it returned; that of the entry as long as it has not. */
  line: number;
  state: CallState;
  /** Whether the entry was printed on a line of its own, so that an {@link EntryEvent} came before. */
  split: boolean;
  /** Time stamp of `-t`, `-tt`, `-ttt` or `-r` at entry, as printed; empty without one. */
  readonly time: string;
  /** The same of the line on which it returned, when that is another one; empty otherwise. */
  returnTime: string;
  /** Instruction pointer of `-i` as printed, without brackets; empty without one. */
  readonly ip: string;
  /** Seconds spent in the call (`-T`), as printed; empty without. */
  elapsed: string;
}

/** A call has been entered whose return stands on a later line: between the two, other tasks have run. */
export interface EntryEvent {
  readonly type: 'entry';
  readonly pid: number;
  readonly line: number;
  /** The object that the matching {@link CallEvent} will carry. */
  readonly call: Call;
}

/** A call has returned. Unless `call.split`, it was entered at the same moment. */
export interface CallEvent {
  readonly type: 'call';
  readonly pid: number;
  readonly line: number;
  readonly call: Call;
}

/** The log ends, the tracer let go, or the task died before the call returned. Comes last, or where that is known. */
export interface PendingEvent {
  readonly type: 'pending';
  readonly pid: number;
  readonly line: number;
  readonly call: Call;
}

/** A signal was delivered (or the task was stopped by one). */
export interface SignalEvent {
  readonly type: 'signal';
  readonly pid: number;
  readonly line: number;
  /** Signal number; 0 when its name is not known. */
  readonly signal: number;
  /** Name as printed. */
  readonly name: string;
  /** si_code, or null when the line has none. */
  readonly code: number | null;
  /** si_addr in bytes, or null when the line has none. */
  readonly addr: number | null;
  /** `--- stopped by SIGSTOP ---` instead of a delivery. */
  readonly stopped: boolean;
  /** What stands between the dashes. */
  readonly text: string;
}

/** A task ended by itself. */
export interface ExitedEvent {
  readonly type: 'exited';
  readonly pid: number;
  readonly line: number;
  readonly status: number;
}

/** A signal ended a task. */
export interface KilledEvent {
  readonly type: 'killed';
  readonly pid: number;
  readonly line: number;
  readonly signal: number;
  readonly name: string;
  readonly coreDumped: boolean;
}

/** exec by thread `by` ended the thread-group leader `pid`; the pending exec will return as `pid`. */
export interface SupersededEvent {
  readonly type: 'superseded';
  readonly pid: number;
  readonly line: number;
  readonly by: number;
}

/** What strace says about itself: attached, detached, a change of personality. */
export interface NoteEvent {
  readonly type: 'note';
  readonly pid: number;
  readonly line: number;
  readonly text: string;
}

/** A line that is none of this. It changes nothing. */
export interface StrangeEvent {
  readonly type: 'strange';
  readonly pid: number;
  readonly line: number;
  readonly text: string;
  readonly reason: StrangeReason;
}

/** Why a line is strange, as a sentence. */
export type StrangeReason =
  | 'it is not a line of strace'
  | 'its call has no closing parenthesis'
  | 'its call has no result'
  | 'its result is not understood'
  | 'it resumes a call that was never begun'
  | 'it resumes another call than the one begun'
  | 'the log ends in the middle of it';

/** Everything that a log can say. */
export type LogEvent =
  | EntryEvent
  | CallEvent
  | PendingEvent
  | SignalEvent
  | ExitedEvent
  | KilledEvent
  | SupersededEvent
  | NoteEvent
  | StackEvent
  | StrangeEvent;

/** One line of a stack, innermost first. */
export interface StackFrame {
  /** The mapped file, `[heap]`, or empty. */
  readonly file: string;
  /** The function's name as printed (C++ names demangled by `-kk` or not); empty when it is not known. */
  readonly symbol: string;
  /** Bytes from the function's beginning; -1 when it is not known. */
  readonly symbolOffset: number;
  /** Bytes from the file's beginning, or the address where there is no file; -1 when it was not printed. */
  readonly offset: number;
  /** `file.c:123` of `-kk`; empty otherwise. */
  readonly source: string;
}

/** The stack of `strace -k` or `-kk`: its lines follow the call's. Only with {@link LogParserOptions.stacks}. */
export interface StackEvent {
  readonly type: 'stack';
  readonly pid: number;
  /** Line of the innermost frame. */
  readonly line: number;
  /** The call that was made there; null when the stack follows a signal, or a call that is not wanted. */
  readonly of: Call | null;
  readonly frames: readonly StackFrame[];
}

/** Receives events in the order of the log. */
export type LogSink = (event: LogEvent) => void;
