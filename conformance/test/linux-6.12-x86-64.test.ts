import { checkSet } from './check-set.ts';

checkSet('linux-6.12-x86-64', 605);
