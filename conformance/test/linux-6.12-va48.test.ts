import { checkSet } from './check-set.ts';

checkSet('linux-6.12-va48', 605);
