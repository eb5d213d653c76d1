// The events of a log, typed. One shape per kind of event; texts are those of the log.
// decode/ decodes what a call means (addresses, flags, descriptors), on request only.

/** The state of a call: entered so far, returned, or cut off because the log ends before it returns. */
export type CallState = 'entered' | 'returned' | 'cut';

/** One system call of one task. */
export interface Call {
  /** The task; 0 when the log never gives its number (one process, no `-f`). */
  pid: number;
  /** The task that entered it, when `exec` by another thread made it return as `pid`; otherwise equal to `pid`. */
  entryPid: number;
  /** Name as printed, for instance `mmap` or `openat`. */
  readonly name: string;
  /** The text between the parentheses; for an entered call the text before `<unfinished ...>`. */
  readonly argsText: string;
  /** The arguments, split at the commas outside of strings, brackets and comments, without blanks at both ends. */
  readonly args: readonly string[];
  /** Length of the part of `argsText` that was printed at entry; all of it when the call is on one line. */
  entryLength: number;
  /**
   * The result; `-errno` when it failed. Null for `?`, before it has returned, and when it failed without an error in the log
   * ({@link Call.failed} with an `errno` of 0).
   */
  ret: number | null;
  /** Whether it failed: the result is an error, or a `-1` without one. */
  failed: boolean;
  /**
   * The positive error number; 0 when it did not fail, and when the log has no error (`= -1` alone). With restart codes (512
   * and above) `ret` is null.
   */
  errno: number;
  /** The text after `= `, without the time of `-T`; empty before it has returned. */
  readonly result: string;
  /** Line on which it was entered, from 1. */
  readonly entryLine: number;
  /** Line on which it returned; before that, the line of its entry. */
  line: number;
  state: CallState;
  /** Whether the entry has a line of its own, so that an {@link EntryEvent} came before. */
  split: boolean;
  /** Time stamp of `-t`, `-tt`, `-ttt` or `-r` at entry, as printed; empty without one. */
  readonly time: string;
  /** The time stamp of the line on which it returned, when that is another line; empty otherwise. */
  returnTime: string;
  /** Instruction pointer of `-i` as printed, without brackets; empty without one. */
  readonly ip: string;
  /** Seconds spent in the call (`-T`), as printed; empty without. */
  elapsed: string;
}

/** A call was entered and returns on a later line: other tasks have run between the two. */
export interface EntryEvent {
  readonly type: 'entry';
  readonly pid: number;
  readonly line: number;
  /** The object that the matching {@link CallEvent} will have. */
  readonly call: Call;
}

/** A call returned. Unless `call.split`, it was entered on the same line. */
export interface CallEvent {
  readonly type: 'call';
  readonly pid: number;
  readonly line: number;
  readonly call: Call;
}

/** The log ends, the tracer detached, or the task died before the call returned. Reported where that is known, or at the end. */
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
  /** Whether it is `--- stopped by SIGSTOP ---` instead of a delivery. */
  readonly stopped: boolean;
  /** The text between the dashes. */
  readonly text: string;
}

/** A task ended with an exit status. */
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

/** A message of strace about itself: attached, detached, a change of personality. */
export interface NoteEvent {
  readonly type: 'note';
  readonly pid: number;
  readonly line: number;
  readonly text: string;
}

/** A line that is none of these. It changes nothing. */
export interface StrangeEvent {
  readonly type: 'strange';
  readonly pid: number;
  readonly line: number;
  readonly text: string;
  readonly reason: StrangeReason;
}

/** The reason why a line is strange, as a sentence. */
export type StrangeReason =
  | 'it is not a line of strace'
  | 'its call has no closing parenthesis'
  | 'its call has no result'
  | 'its result is not understood'
  | 'it resumes a call that was never begun'
  | 'it resumes another call than the one begun'
  | 'the log ends in the middle of it';

/** All kinds of events. */
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
  /** The function's name as printed (C++ names demangled or not); empty when it is unknown. */
  readonly symbol: string;
  /** Bytes from the function's beginning; -1 when unknown. */
  readonly symbolOffset: number;
  /** Bytes from the file's beginning, or the address without a file; -1 when it was not printed. */
  readonly offset: number;
  /** `file.c:123` of `-kk`; empty otherwise. */
  readonly source: string;
}

/** The stack of `strace -k` or `-kk`, whose lines follow the call's. Only with {@link LogParserOptions.stacks}. */
export interface StackEvent {
  readonly type: 'stack';
  readonly pid: number;
  /** Line of the innermost frame. */
  readonly line: number;
  /** The call; null when the stack follows a signal, or a call that was not requested. */
  readonly of: Call | null;
  readonly frames: readonly StackFrame[];
}

/** Receives events in the order of the log. */
export type LogSink = (event: LogEvent) => void;
