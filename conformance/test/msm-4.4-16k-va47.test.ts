import { checkSet } from './check-set.ts';

checkSet('msm-4.4-16k-va47', 267);
