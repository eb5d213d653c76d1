/**
 * Returns a copy of a text that keeps no other memory in use. In V8 a slice of a text, or a concatenation of slices, keeps the
 * whole text: a few words of a log would keep the block with which they were read.
 */
export function ownCopy(text: string): string {
  return text.split('').join('');
}
