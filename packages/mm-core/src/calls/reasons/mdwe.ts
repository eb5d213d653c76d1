/** Reasons of prctl(PR_SET_MDWE). */
import { EINVAL, EPERM } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const PRCTL_SET_MDWE_BITS: number = reason('prctl_set_mdwe.bits', {
  errno: EINVAL,
  says: 'PR_SET_MDWE accepts PR_MDWE_REFUSE_EXEC_GAIN, alone or with PR_MDWE_NO_INHERIT.',
  change: 'Pass 1 or 3.',
  source: { fn: 'prctl_set_mdwe', file: 'kernel/sys.c', kernel: '6.12' },
});

export const PRCTL_SET_MDWE_IS_SET: number = reason('prctl_set_mdwe.is_set', {
  errno: EPERM,
  says: 'PR_SET_MDWE is set already and cannot be changed.',
  change: 'Set all bits in the first call.',
  source: { fn: 'prctl_set_mdwe', file: 'kernel/sys.c', kernel: '6.12' },
});
