import { checkSet } from './check-set.ts';

checkSet('linux-6.1-va48', 605);
