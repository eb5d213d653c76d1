/**
 * What every verb checks of its numbers before it begins: that a register could hold them. NaN, a fraction or a string would
 * corrupt the index without an errno.
 */
import { MisuseError, shownValue } from '@vmarea/uapi';

function notWhole(call: string, argument: string, value: unknown): never {
  throw new MisuseError(call, argument, `is ${shownValue(value)}, not a whole number`);
}

/**
 * Refuses a range or a word that no register holds.
 *
 * @param call the verb's name, for the message
 * @param bits protection, flags or advice; 0 where the verb has none
 * @throws MisuseError naming the argument and its value
 */
export function checkRegisters(call: string, addr: number, len: number, bits: number): void {
  // One test, and the names elsewhere: with three calls here a pair of munmap and mmap takes 6 % longer.
  if (!(Number.isInteger(addr) && Number.isInteger(len) && Number.isInteger(bits))) refuseFirst(call, addr, len, bits);
}

/** Refuses the first argument of {@link checkRegisters} that no register holds. */
function refuseFirst(call: string, addr: number, len: number, bits: number): void {
  checkRegister(call, 'addr', addr);
  checkRegister(call, 'len', len);
  checkRegister(call, 'flags', bits);
}

/**
 * Refuses one more argument that no register holds.
 *
 * @throws MisuseError naming the argument and its value
 */
export function checkRegister(call: string, argument: string, value: number): void {
  if (!Number.isInteger(value)) notWhole(call, argument, value);
}
