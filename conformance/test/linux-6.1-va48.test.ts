import { LINUX_6_1 } from '@vmarea/uapi';
import { checkSet } from './check-set.ts';

// With a copy of the profile: code asks for facts, so that nothing depends on which object holds them.
checkSet('linux-6.1-va48', 605, { every: 6, profile: structuredClone(LINUX_6_1) });
