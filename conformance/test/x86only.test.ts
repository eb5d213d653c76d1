// What x86-64 has alone: MAP_32BIT, five levels, [vsyscall], protection, soft-dirty flags, system calls by number.
import { checkSet } from './check-set.ts';

checkSet('x86only-linux-6.1', 28, { every: 3 });
checkSet('x86only-linux-6.1-emulate', 27, { every: 3 });
checkSet('x86only-linux-6.12', 28, { every: 3 });
checkSet('x86only-linux-6.12-la57', 27, { every: 3 });
checkSet('x86only-linux-6.12-pku', 27, { every: 3 });
checkSet('x86only-linux-6.12-xonly', 27, { every: 3 });
checkSet('x86only-host-6.18', 21, { every: 3 });
