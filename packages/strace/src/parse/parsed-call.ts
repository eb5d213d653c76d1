// A call as the parser reports it. Its texts are cut from the line when somebody asks for them: most readers want numbers
// only, which ArgReader reads in place.

import { type Call, type CallState } from '../events.ts';
import { type ArgList } from './args.ts';

/** A call of a log. */
export class ParsedCall implements Call {
  pid: number;
  entryPid: number;
  readonly name: string;
  /** The text that contains the arguments, and their position in it. */
  argsIn: string;
  argsFrom: number;
  argsEnd: number;
  entryLength: number;
  ret: number | null = null;
  failed = false;
  errno = 0;
  readonly entryLine: number;
  line: number;
  state: CallState = 'entered';
  split: boolean;
  time = '';
  returnTime = '';
  ip = '';
  elapsed = '';
  /** The list that its parser scanned last. It has the commas of this call while this call is its owner. */
  readonly list: ArgList;
  #args: readonly string[] | null = null;
  #resultIn = '';
  #resultFrom = 0;
  #resultEnd = 0;

  /** @param list the arguments, just scanned */
  constructor(pid: number, name: string, line: number, list: ArgList, split: boolean) {
    this.pid = pid;
    this.entryPid = pid;
    this.name = name;
    this.argsIn = list.text;
    this.argsFrom = list.from;
    this.argsEnd = list.end;
    this.entryLength = list.end - list.from;
    this.entryLine = line;
    this.line = line;
    this.split = split;
    this.list = list;
    list.owner = this;
  }

  get argsText(): string {
    return this.argsIn.slice(this.argsFrom, this.argsEnd);
  }

  get args(): readonly string[] {
    if (this.#args === null) {
      const { list } = this;
      if (list.owner !== this) {
        list.scan(this.argsIn, this.argsFrom, this.argsEnd);
        list.owner = this;
      }
      this.#args = list.cut();
    }
    return this.#args;
  }

  get result(): string {
    return this.#resultIn.slice(this.#resultFrom, this.#resultEnd);
  }

  /** Returns the call as data, with its texts: what JSON.stringify writes. */
  toJSON(): Call {
    const { pid, entryPid, name, argsText, args, entryLength, ret, failed, errno, result } = this;
    const { entryLine, line, state, split, time, returnTime, ip, elapsed } = this;
    const texts = { argsText, args, result, time, returnTime, ip, elapsed };
    return { pid, entryPid, name, entryLength, ret, failed, errno, entryLine, line, state, split, ...texts };
  }

  /** Takes the arguments that the entry and this line give together. */
  resume(list: ArgList, line: number, time: string): void {
    this.argsIn = list.text;
    this.argsFrom = list.from;
    this.argsEnd = list.end;
    this.#args = null;
    this.line = line;
    this.returnTime = time;
    list.owner = this;
  }

  /** Notes where the text after `= ` is. */
  setResult(text: string, from: number, end: number): void {
    this.#resultIn = text;
    this.#resultFrom = from;
    this.#resultEnd = end;
  }
}
