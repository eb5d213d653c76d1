// What x86-64 has alone: MAP_32BIT, five levels, [vsyscall], protection, soft-dirty flags, system calls by number.
import { checkSet } from './check-set.ts';

checkSet('x86only-linux-6.1', 30, { every: 3 });
checkSet('x86only-linux-6.1-emulate', 29, { every: 3 });
checkSet('x86only-linux-6.12', 30, { every: 3 });
checkSet('x86only-linux-6.12-la57', 30, { every: 3 });
checkSet('x86only-linux-6.12-pku', 30, { every: 3 });
checkSet('x86only-linux-6.12-xonly', 29, { every: 3 });
checkSet('x86only-host-6.18', 23, { every: 3 });
