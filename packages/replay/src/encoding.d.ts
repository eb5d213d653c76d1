/**
 * Declares the two globals for UTF-8 that every engine has and that the language's own library does not declare.
 *
 * No file imports it: programs with types of a browser or of Node use those instead.
 */
declare class TextEncoder {
  encode(text: string): Uint8Array;
}
declare class TextDecoder {
  decode(bytes: Uint8Array): string;
}
