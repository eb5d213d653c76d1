// Logs of strace and the text of /proc/PID/maps: parses text to typed events, and writes them.
// Contains no memory management and no files: it does not carry out calls.

export * from './parse/log.ts';
export * from './parse/parser.ts';
export * from './events.ts';
export * from './decode/decode.ts';
export * from './decode/types.ts';
export { type Architecture, type CallOrigin, type Machine, callOrigin, isCallName } from './calls.ts';
export { LogError, MAX_LINE, MAX_STRANGE, MAX_TASKS } from './parse/limits.ts';
export { formatFrame, parseFrame } from './parse/stack.ts';
export {
  type Descriptor,
  type Register,
  type TextArgument,
  formatText,
  parseDescriptor,
  parseFields,
  parseInt32,
  parseRegister,
  parseText,
  splitArgs,
  unescapeText,
} from './parse/args.ts';
export { type MapsLine, formatMapsLine, formatPermissions, parseMapsLine } from './maps/line.ts';
export * from './maps/file.ts';
export { ownCopy } from './parse/own-copy.ts';
export * from './write.ts';
export { type Recognized, RECOGNIZED_BYTES, recognize } from './recognize.ts';
