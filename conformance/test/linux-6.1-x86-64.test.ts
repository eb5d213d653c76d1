import { checkSet } from './check-set.ts';

checkSet('linux-6.1-x86-64', 605);
