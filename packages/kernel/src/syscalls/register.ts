/** Registers of a program: how a system call reads its arguments. */
import type { MmSystem } from '@vmarea/mm-core';
import { fromRegister } from '@vmarea/uapi';

/** A 64-bit register of a program. */
export type Register = number | bigint;

/** Returns the low 32 bits of a register, as int32: flags and small integers. */
export function int(value: Register): number {
  return typeof value === 'number' ? value | 0 : Number(BigInt.asIntN(32, value));
}

/** The lowest address with a bit above the 52 bits of user addresses. */
const UNTAGGED_END = 2 ** 52;

/**
 * untagged_addr: returns an address without its top byte, where the processor ignores that byte and the kernel has calls that
 * accept such addresses; otherwise as `fromRegister`.
 */
export function untaggedAddr(system: MmSystem, value: Register): number {
  if (typeof value === 'number' && value >= 0 && value < UNTAGGED_END) return value;
  if (!system.arch.ignoresTopByte || !system.profile.mmap.untagsAddresses) return fromRegister(value);
  const register = BigInt.asUintN(64, BigInt(value));
  return fromRegister(register & BigInt.asUintN(64, BigInt.asIntN(56, register)));
}
