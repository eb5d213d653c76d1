/**
 * Writes /proc text as bytes, without strings: a process with 60,000 mappings has 5 MB of it.
 *
 * Mirrors the role of fs/seq_file.c.
 */

const HEX = new Uint8Array(Array.from('0123456789abcdef', (c) => c.charCodeAt(0)));
const encoder: { encode(text: string): Uint8Array } = new TextEncoder();
const decoder: { decode(bytes: Uint8Array): string } = new TextDecoder();

/** A growing buffer of text. */
export class TextWriter {
  private bytes: Uint8Array;
  private whole: DataView;
  private length = 0;
  private lineStart = 0;

  /** @param capacity initial size in bytes */
  constructor(capacity: number = 4096) {
    this.bytes = new Uint8Array(capacity);
    this.whole = new DataView(this.bytes.buffer);
  }

  /** The number of bytes written. */
  get size(): number {
    return this.length;
  }

  /**
   * Returns the buffer, with room for `count` bytes behind `size`: for writers that know the width of a whole line. Their bytes
   * count after {@link advance}.
   */
  room(count: number): DataView {
    this.reserve(count);
    return this.whole;
  }

  /** Counts the bytes up to `size` that were written into the buffer of {@link room}; they contain no end of a line. */
  advance(size: number): void {
    this.length = size;
  }

  /** Like {@link advance}, when the last of these bytes ends the line. */
  endLine(size: number): void {
    this.length = size;
    this.lineStart = size;
  }

  private reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    grown.set(this.bytes);
    this.bytes = grown;
    this.whole = new DataView(grown.buffer);
  }

  /** Writes one byte. */
  byte(code: number): void {
    this.reserve(1);
    this.bytes[this.length++] = code;
  }

  /** Writes text; fast for ASCII. */
  text(value: string): void {
    this.reserve(value.length * 3);
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        const encoded = encoder.encode(value.slice(i));
        this.reserve(encoded.length);
        this.bytes.set(encoded, this.length);
        this.length += encoded.length;
        return;
      }
      this.bytes[this.length++] = code;
    }
  }

  /** Writes a path as seq_file_path does: a newline becomes `\012`. */
  path(value: string): void {
    this.text(value.includes('\n') ? value.replaceAll('\n', '\\012') : value);
  }

  /**
   * Writes a hexadecimal number of at least `width` digits.
   *
   * @param value exact, below 2^53
   */
  hex(value: number, width: number): void {
    const high = Math.floor(value / 0x1_0000_0000);
    const low = value >>> 0;
    let digits = high === 0 ? hexDigits(low) : 8 + hexDigits(high);
    if (digits < width) digits = width;
    this.reserve(digits);
    const bytes = this.bytes;
    let at = this.length + digits;
    this.length = at;
    let word = low;
    for (let i = 0; i < digits; i++) {
      if (i === 8) word = high;
      bytes[--at] = HEX[word & 15]!;
      word >>>= 4;
    }
  }

  /** Writes a decimal number, padded with blanks on the left to `width`; a negative number as an unsigned long. */
  decimal(value: number, width: number = 0): void {
    const text = value < 0 ? String(BigInt.asUintN(64, BigInt(value))) : String(value);
    for (let i = text.length; i < width; i++) this.byte(0x20);
    this.text(text);
  }

  /** Writes blanks up to column `column` of the line, and one more (seq_pad). */
  pad(column: number): void {
    const missing = column - (this.length - this.lineStart);
    this.reserve(Math.max(missing, 0) + 1);
    for (let i = 0; i < missing; i++) this.bytes[this.length++] = 0x20;
    this.bytes[this.length++] = 0x20;
  }

  /** Ends the line. */
  newline(): void {
    this.byte(0x0a);
    this.lineStart = this.length;
  }

  /** Writes a line `NAME:   VALUE kB`, as in smaps and status. */
  kilobytes(name: string, value: number): void {
    this.text(name);
    this.decimal(value, 8);
    this.text(' kB');
    this.newline();
  }

  /** Returns the bytes written so far: a view that the next write may change. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  toString(): string {
    return decoder.decode(this.view());
  }
}

function hexDigits(word: number): number {
  return word === 0 ? 1 : 8 - (Math.clz32(word) >> 2);
}
