/**
 * A text that keeps nothing else in memory. In V8 a slice of a text holds on to all of it, and so does what is put together
 * from slices: who keeps a few words of a log would keep the block that they were read with.
 */
export function ownCopy(text: string): string {
  return text.split('').join('');
}
