// Tasks that share an address space: threads and vfork.
import { checkSet } from './check-set.ts';

checkSet('linux-6.1-va48-thr', 10, { every: 1 });
checkSet('linux-6.12-va48-thr', 10, { every: 1 });
