import { checkSet } from './check-set.ts';

checkSet('msm-4.4-va39', 605);
