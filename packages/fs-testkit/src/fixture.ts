/**
 * The files that the suite reads. It writes them with write(2) on a writable driver; a read-only driver must have them in its
 * root directory.
 */

/** Returns the byte at a position of the test pattern; all pages differ. */
export function patternByte(pos: number): number {
  return (pos * 7 + Math.floor(pos / 4096) * 13 + 1) & 0xff;
}

/** Returns bytes [pos, pos + length) of the pattern. */
export function pattern(pos: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = patternByte(pos + i);
  return bytes;
}

/** Bytes of the file `pages`: three pages of 4 KiB and a part of a fourth. */
export const PAGES_SIZE: number = 3 * 4096 + 123;

/** Name and contents of every file that the suite reads. */
export const FIXTURE_FILES: Readonly<Record<string, Uint8Array>> = {
  empty: new Uint8Array(0),
  hello: Uint8Array.from('hello, world\n', (c) => c.charCodeAt(0)),
  pages: pattern(0, PAGES_SIZE),
};
