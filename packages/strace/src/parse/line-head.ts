// Reads the beginning of a line: pid, time stamp, system-call number, instruction pointer. One reader object is reused, so that
// reading a head allocates nothing.

/** Reads heads of lines. {@link LineHead.read} sets its fields. */
export class LineHead {
  /** The task's number, or -1 when the line has none. */
  pid = -1;
  /** The index of the line's first character. */
  start = 0;
  /** The first index of the time stamp and the index behind it; equal without one. */
  timeAt = 0;
  timeEnd = 0;
  /** The first index of the instruction pointer and the index behind it; equal without one. */
  ipAt = 0;
  ipEnd = 0;
  /** The index behind the head: of the call, the signal, or other contents of the line. */
  at = 0;

  /** Reads the head of the line between `from` and `end`. */
  read(text: string, from: number, end: number): void {
    this.start = from;
    this.pid = -1;
    this.timeAt = from;
    this.timeEnd = from;
    this.ipAt = from;
    this.ipEnd = from;
    let i = from;
    let c = text.charCodeAt(i);
    if (c === 91 && text.startsWith('[pid', i)) {
      i = skipBlanks(text, i + 4, end);
      const stop = skipDigits(text, i, end);
      this.pid = toNumber(text, i, stop);
      const close = indexIn(text, 93, stop, end);
      i = close < 0 ? stop : close + 1;
    } else if (c >= 48 && c <= 57) {
      const stop = skipDigits(text, i, end);
      c = stop < end ? text.charCodeAt(stop) : 0;
      if (c === 32) {
        this.pid = toNumber(text, i, stop);
        i = stop;
      } else if (c === 60) {
        // `--decode-pids=comm`: `123<name> `. A name may contain a `>`, but hardly `> `.
        let close = indexIn(text, 62, stop, end);
        while (close >= 0 && text.charCodeAt(close + 1) !== 32) close = indexIn(text, 62, close + 1, end);
        if (close >= 0) {
          this.pid = toNumber(text, i, stop);
          i = close + 1;
        }
      }
    }
    for (;;) {
      i = skipBlanks(text, i, end);
      c = i < end ? text.charCodeAt(i) : 0;
      if (c >= 48 && c <= 57) {
        this.timeAt = i;
        while (i < end && text.charCodeAt(i) !== 32) i += 1;
        this.timeEnd = i;
      } else if (c === 40 && text.charCodeAt(i + 1) === 43) {
        // `-r` with `-t`: `20:30:37 (+     0.000021)`.
        const close = indexIn(text, 41, i, end);
        if (close < 0) break;
        i = close + 1;
      } else if (c === 91) {
        if (text.startsWith('[ Process PID=', i)) break;
        const close = indexIn(text, 93, i, end);
        if (close < 0) break;
        // `-n` prints a short decimal number, `-i` sixteen (32-bit: eight) digits or question marks.
        if (close - i > 8) {
          this.ipAt = i + 1;
          this.ipEnd = close;
        }
        i = close + 1;
      } else {
        break;
      }
    }
    this.at = i;
  }
}

/** Returns the index of a character within a line, or -1. Unlike indexOf it stops at the line's end. */
export function indexIn(text: string, code: number, from: number, end: number): number {
  for (let i = from; i < end; i += 1) if (text.charCodeAt(i) === code) return i;
  return -1;
}

function skipBlanks(text: string, from: number, end: number): number {
  let i = from;
  while (i < end && text.charCodeAt(i) === 32) i += 1;
  return i;
}

function skipDigits(text: string, from: number, end: number): number {
  let i = from;
  while (i < end) {
    const c = text.charCodeAt(i);
    if (c < 48 || c > 57) break;
    i += 1;
  }
  return i;
}

function toNumber(text: string, from: number, end: number): number {
  let value = 0;
  for (let i = from; i < end; i += 1) value = value * 10 + text.charCodeAt(i) - 48;
  return value;
}
