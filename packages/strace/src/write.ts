// Writes events as the text of a log, as strace 6 prints it. Events of a parsed log give the same text, except the padding of
// other styles and the system-call numbers of `-n`, which are not kept, and the stacks of `-k`, which are kept on request.

import { errnoName, errnoText } from '@vmarea/uapi';
import { splitArgs } from './parse/args.ts';
import { type Call, type LogEvent } from './events.ts';
import { formatFrame } from './parse/stack.ts';

/** The format of a log. */
export interface LogStyle {
  /** `file`: `123   call` as `-f -o FILE` writes; `terminal`: `[pid   123] call`; `none`: no pid. */
  readonly pid?: 'file' | 'terminal' | 'none' | undefined;
  /** Column of the `=`, 40 unless `-a` was given. */
  readonly column?: number | undefined;
}

/** Writes a line for each event. */
export class LogWriter {
  readonly #pid: 'file' | 'terminal' | 'none';
  readonly #column: number;

  constructor(style: LogStyle = {}) {
    this.#pid = style.pid ?? 'file';
    this.#column = style.column ?? 40;
  }

  /** Returns the line of an event without its newline; null for an event without a line (a pending call). */
  line(event: LogEvent): string | null {
    switch (event.type) {
      case 'entry': {
        const { call } = event;
        const text = call.argsText.slice(0, call.entryLength);
        return `${this.#head(event.pid, call, call.time)}${call.name}(${text} <unfinished ...>`;
      }
      case 'call':
        return this.#call(event.call);
      case 'pending':
        return null;
      case 'signal':
        return `${this.#head(event.pid, null)}--- ${event.text} ---`;
      case 'exited':
        return `${this.#head(event.pid, null)}+++ exited with ${event.status} +++`;
      case 'killed':
        return `${this.#head(event.pid, null)}+++ killed by ${event.name}${event.coreDumped ? ' (core dumped)' : ''} +++`;
      case 'superseded':
        return `${this.#head(event.pid, null)}+++ superseded by execve in pid ${event.by} +++`;
      case 'stack':
        return event.frames.map(formatFrame).join('\n');
      case 'note':
      case 'strange':
        return event.text;
    }
  }

  #head(pid: number, call: Call | null, time = ''): string {
    let head = '';
    if (this.#pid === 'file' && pid !== 0) head = `${String(pid).padEnd(5)} `;
    else if (this.#pid === 'terminal' && pid !== 0) head = `[pid ${String(pid).padStart(5)}] `;
    if (time !== '') head += `${time} `;
    if (call !== null && call.ip !== '') head += `[${call.ip}] `;
    return head;
  }

  #call(call: Call): string {
    const text = call.split
      ? `${this.#head(call.pid, call, call.returnTime)}<... ${call.name} resumed>${call.argsText.slice(call.entryLength)})`
      : `${this.#head(call.pid, call, call.time)}${call.name}(${call.argsText})`;
    const padded = text.padEnd(this.#column - 1);
    const elapsed = call.elapsed === '' ? '' : ` <${call.elapsed}>`;
    return `${padded} = ${call.result}${elapsed}`;
  }
}

/** Formats a result as strace does: decimal, hexadecimal with `hex`, `-1 ENOMEM (Cannot allocate memory)` when negative. */
export function formatResult(ret: number, hex = false): string {
  if (ret < 0 && ret > -4096) return `-1 ${errnoName(ret)} (${errnoText(ret)})`;
  return hex && ret !== 0 ? `0x${ret.toString(16)}` : String(ret);
}

/** Builds a call from its parts, entered and returned on one line: for generated logs. The last two of the six parameters have defaults. */
export function makeCall(pid: number, name: string, argsText: string, ret: number, result?: string, line = 0): Call {
  return {
    pid,
    entryPid: pid,
    name,
    argsText,
    args: splitArgs(argsText),
    entryLength: argsText.length,
    ret,
    failed: ret < 0 && ret > -4096,
    errno: ret < 0 && ret > -4096 ? -ret : 0,
    result: result ?? formatResult(ret),
    entryLine: line,
    line,
    state: 'returned',
    split: false,
    time: '',
    returnTime: '',
    ip: '',
    elapsed: '',
  };
}
