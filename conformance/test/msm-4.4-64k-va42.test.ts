import { checkSet } from './check-set.ts';

checkSet('msm-4.4-64k-va42', 267);
