// arm64 processors with landing instructions (BTI), memory tagging (MTE) and 52-bit addresses.
import { checkSet } from './check-set.ts';

checkSet('linux-6.1-va48-max', 12, { every: 1 });
checkSet('linux-6.12-va48-max', 12, { every: 1 });
checkSet('linux-6.12-va52-max', 8, { every: 1 });
