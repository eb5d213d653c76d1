/**
 * Formats the frames of a stack, and finds the program's own frame in it.
 */
import type { StackFrame } from '@vmarea/strace';

/** Functions that only make a system call, and functions of the C library that call them. */
const WRAPPERS =
  /^_*(libc_|GI_+)?(mmap(64)?|munmap|mprotect|pkey_mprotect|mremap|madvise|posix_madvise|mlock(2|all)?|munlock(all)?|brk|sbrk|syscall|prctl|remap_file_pages|default_morecore|glibc_morecore)$/i;

/** The number of frames that are kept. */
const SHOWN = 16;

/** Returns a key: equal for equal stacks. */
export function stackKey(frames: readonly StackFrame[]): string {
  return frames
    .map(({ file, offset, symbol, symbolOffset }) => `${file}\0${offset}\0${symbol}\0${symbolOffset}`)
    .join('\n');
}

/** Returns `libjemalloc.so.2+0x1c2f0 (pages_map+0x30, pages.c:120)`: the file without its directory, the offset in it, the function. */
function frameText({ file, symbol, symbolOffset, offset, source }: StackFrame): string {
  const name = file === '' ? 'an unknown file' : file.slice(file.lastIndexOf('/') + 1);
  const place = offset < 0 ? name : `${name}+0x${offset.toString(16)}`;
  const plus = symbolOffset < 0 ? '' : `+0x${symbolOffset.toString(16)}`;
  const inside = [symbol === '' ? '' : `${symbol}${plus}`, source].filter((word) => word !== '').join(', ');
  return inside === '' ? place : `${place} (${inside})`;
}

/** Returns the first frames as text, innermost first, and the index of the first one that is not a system call's wrapper. */
export function stackFrames(frames: readonly StackFrame[]): { frames: string[]; caller: number } {
  const caller = frames.findIndex(({ symbol }) => !WRAPPERS.test(symbol.replace(/@.*$/, '')));
  const kept = frames.slice(0, SHOWN).map(frameText);
  return { frames: kept, caller: caller < 0 || caller >= kept.length ? 0 : caller };
}
