import { checkSet } from './check-set.ts';

checkSet('linux-6.12-16k-va47', 256);
