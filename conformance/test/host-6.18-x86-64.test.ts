import { checkSet } from './check-set.ts';

checkSet('host-6.18-x86-64', 468);
