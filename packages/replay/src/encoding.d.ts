/**
 * The two globals for UTF-8 that every engine has, and that the language's own library does not declare.
 *
 * Not imported by anything: programs with types of a browser or of Node see those instead.
 */
declare class TextEncoder {
  encode(text: string): Uint8Array;
}
declare class TextDecoder {
  decode(bytes: Uint8Array): string;
}
