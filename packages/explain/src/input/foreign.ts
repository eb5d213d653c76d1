/**
 * Flags that programs use and the machine's headers do not have: of other architectures, later kernels and other systems.
 */
import type { MmSystem } from '@vmarea/mm-core';
import { MAP_32BIT, MAP_ABOVE4G } from '@vmarea/uapi';

/** A flag with its value where it exists, and a sentence about it. */
export interface ForeignFlag {
  readonly value: number;
  /** A sentence for a machine that does not have it. */
  readonly sentence: string;
  /** Returns whether a machine has it; left out when none has. */
  readonly known?: (system: MmSystem) => boolean;
}

const IGNORED = 'MAP_PRIVATE and MAP_SHARED ignore bits that they do not know';

/** Flags of Linux that not every kernel or architecture has. */
export const FOREIGN_FLAGS: ReadonlyMap<string, ForeignFlag> = new Map<string, ForeignFlag>([
  [
    'MAP_32BIT',
    {
      value: MAP_32BIT,
      sentence: `MAP_32BIT is a flag of x86-64, and had no effect here: ${IGNORED}.`,
      known: ({ arch }) => arch.map32Bit !== null,
    },
  ],
  [
    'MAP_ABOVE4G',
    {
      value: MAP_ABOVE4G,
      sentence: `MAP_ABOVE4G is a flag of x86-64 since 6.6, and had no effect here: ${IGNORED}.`,
      known: ({ arch, profile }) => arch.mapAbove4G !== 0 && profile.layout.mapAbove4G,
    },
  ],
  ['MADV_GUARD_INSTALL', { value: 102, sentence: 'MADV_GUARD_INSTALL is of 6.13. Earlier kernels answer EINVAL.' }],
  ['MADV_GUARD_REMOVE', { value: 103, sentence: 'MADV_GUARD_REMOVE is of 6.13. Earlier kernels answer EINVAL.' }],
]);

/** Flags of other systems, and the system. */
const OTHER_SYSTEMS: ReadonlyMap<string, string> = new Map([
  ['MAP_JIT', 'macOS'],
  ['MAP_NOCACHE', 'macOS'],
  ['MAP_RESILIENT_CODESIGN', 'macOS'],
  ['MAP_NOCORE', 'FreeBSD'],
  ['MAP_NOSYNC', 'FreeBSD'],
  ['MAP_GUARD', 'FreeBSD'],
  ['MAP_ALIGNED_SUPER', 'FreeBSD'],
  ['MAP_CONCEAL', 'OpenBSD'],
  ['MAP_INHERIT', 'NetBSD'],
  ['MADV_FREE_REUSABLE', 'macOS'],
  ['MADV_NOCORE', 'FreeBSD'],
]);

/** Returns the system of a flag; undefined for an unknown name. */
export function systemOfFlag(name: string): string | undefined {
  return OTHER_SYSTEMS.get(name);
}
