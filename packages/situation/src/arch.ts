/**
 * Chooses the architecture object for a machine. No other file names the modelled architectures.
 */
import { createArm64, type PageSize, type VaBits } from '@vmarea/arch-arm64';
import { createX86_64 } from '@vmarea/arch-x86-64';
import type { Arch } from '@vmarea/mm-core';
import type { Architecture, MachineSpec, Situation } from './situation.ts';

/** What {@link archOf} reads. */
export type ArchSpec = Pick<MachineSpec, 'architecture' | 'pageSize' | 'vaBits'> &
  Partial<Pick<MachineSpec, 'vsyscall'>>;

/** Architectures with modelled rules of placement. */
export const MODELLED_ARCHITECTURES: readonly Architecture[] = ['arm64', 'x86-64'];

/**
 * Returns the architecture of a machine. For one that is not modelled, returns arm64 with 48-bit addresses: the rules of the
 * memory calls are the same, the addresses are not.
 *
 * @throws RangeError when an architecture is not built with these pages and address bits
 */
export function archOf(spec: ArchSpec): Arch {
  switch (spec.architecture) {
    case 'arm64':
      return createArm64({ pageSize: spec.pageSize as PageSize, vaBits: spec.vaBits as VaBits });
    case 'x86-64':
      return createX86_64({ levels: spec.vaBits > 47 ? 5 : 4, vsyscall: spec.vsyscall });
    default:
      return createArm64({ pageSize: 4096, vaBits: 48 });
  }
}

/** Returns whether the rules of placement are modelled; otherwise a replay takes addresses from the log. */
export function isModelled(situation: Situation): boolean {
  return MODELLED_ARCHITECTURES.includes(situation.architecture.value);
}
