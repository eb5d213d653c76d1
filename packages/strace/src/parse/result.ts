// Reads the text after the `=` of a call: the result of strace, of QEMU (`-1 errno=12 (Out of memory)`), of gVisor
// (`3 (0x3)`, `0 (0x0) errno=12 (cannot allocate memory)`), and of machines that print registers as signed numbers.

import { errnoByName } from '@vmarea/uapi';
import { type Call } from '../events.ts';
import { indexIn } from './line-head.ts';

/** The largest number that is an error when a register holds its negative. */
const MAX_ERRNO = 4095;

/** The text after a number that gives the error. */
const ERRNO = /^ (?:\(0x[0-9a-f]+\) )?(?:\(errno |errno=)([0-9]{1,4})\b/;

function fail(call: Call, errno: number): true {
  call.failed = true;
  call.errno = errno;
  call.ret = errno === 0 ? null : -errno;
  return true;
}

/** Returns the text up to the next blank. */
function wordAt(text: string, from: number, end: number): string {
  const stop = indexIn(text, 32, from, end);
  return text.slice(from, stop < 0 ? end : stop);
}

/**
 * Reads `ret`, `errno` and `failed` from the result.
 * @param start - where the result begins in the text
 * @param length - where it ends
 * @returns false for an invalid result
 */
export function readResult(call: Call, text: string, start: number, length: number): boolean {
  let i = start;
  let c = i < length ? text.charCodeAt(i) : 0;
  if (c === 63) {
    if (length > start + 2) call.errno = errnoByName(wordAt(text, start + 2, length)) ?? 0;
    return true;
  }
  if (c === 60 && text.slice(start, length).startsWith('<unavailable>')) return true;
  const negative = c === 45;
  if (negative) i += 1;
  let value = 0;
  let from = i;
  if (i + 1 < length && text.charCodeAt(i) === 48 && text.charCodeAt(i + 1) === 120) {
    from += 2;
    for (i = from; i < length; i += 1) {
      c = text.charCodeAt(i);
      if (c >= 48 && c <= 57) value = value * 16 + c - 48;
      else if (c >= 97 && c <= 102) value = value * 16 + c - 87;
      else break;
    }
  } else {
    for (; i < length; i += 1) {
      c = text.charCodeAt(i);
      if (c < 48 || c > 57) break;
      value = value * 10 + c - 48;
    }
  }
  if (i === from || value >= 2 ** 64) return false;
  if (i < length && text.charCodeAt(i) === 32) {
    const told = ERRNO.exec(text.slice(i, Math.min(length, i + 60)));
    if (told !== null) return fail(call, Number(told[1]));
  }
  if (!negative) {
    call.ret = value;
    return true;
  }
  if (value === 1) {
    // `-1 ENOMEM (…)`. A `-1` alone has failed for an unknown reason: strace would print EPERM.
    const word = i < length && text.charCodeAt(i) === 32 ? wordAt(text, i + 1, length) : '';
    return fail(call, errnoByName(word) ?? 0);
  }
  if (value <= MAX_ERRNO) return fail(call, value);
  // No error: a 32-bit register printed as a signed number. A 64-bit one would be an address of the kernel.
  if (value > 2 ** 31) return false;
  call.ret = 2 ** 32 - value;
  return true;
}

/** A result, followed by the beginning of another line that has lost its line break. */
const JOINED =
  /(?:\?|-?(?:0x[0-9a-f]{1,16}|[0-9]{1,20}))(?: E[A-Z0-9]{2,20}| errno=[0-9]{1,4})?(?: \([^()]{0,100}\))?(?: <[0-9.]{3,20}>)? {1,8}(?=(?:\[pid +[0-9]{1,7}\] +|[0-9]{1,7} +)?(?:[a-z_][a-z0-9_]{1,40}\(|\+\+\+ |--- SIG))/y;

/**
 * Returns where the next call begins on a line with several calls, or -1.
 * @param from - where the result begins
 */
export function joinedAt(text: string, from: number, end: number): number {
  let i = from;
  while (i < end && text.charCodeAt(i) !== 40 && text.charCodeAt(i) !== 43) i += 1;
  if (i >= end) return -1;
  JOINED.lastIndex = from;
  return JOINED.test(text) && JOINED.lastIndex < end ? JOINED.lastIndex : -1;
}
