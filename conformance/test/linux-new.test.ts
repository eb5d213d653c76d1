// What the first scripts do not have: mseal, MDWE, System V shared memory, userfaultfd, placement, merging.
import { checkSet } from './check-set.ts';

checkSet('linux-6.1-va48-new', 94, { every: 4 });
checkSet('linux-6.12-va48-new', 94, { every: 4 });
