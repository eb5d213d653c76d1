/**
 * Operations of the sets recorded later: process_madvise, mbind, PROCMAP_QUERY.
 */
import { mapsEntry, PROCMAP_QUERY, procmapQuery, type Task } from '@vmarea/kernel';
import { errnoName, O_RDONLY } from '@vmarea/uapi';
import { procCreate, type SuperBlock } from '@vmarea/vfs';
import type { Difference } from './compare.ts';
import { exact, hex, quantity, type Op } from './recording.ts';

/** Adds the files of /proc that the operations open. */
export function addProcFiles(sb: SuperBlock): void {
  procCreate(sb, 'self/maps', mapsEntry());
}

/** Makes the call of an operation. Returns its result, or null for an operation of another file. */
export function callRest(task: Task, op: Op): number | null {
  const { sys } = task;
  const arg = (name: string): number | bigint => quantity(op[name]);
  switch (op.op) {
    case 'process_madvise': {
      const ranges = [{ addr: arg('addr'), len: arg('len') }];
      return sys.processMadvise(task.pid, ranges, exact(op['advice']), exact(op['flags']));
    }
    case 'mbind':
      return sys.mbind(arg('addr'), arg('len'), exact(op['mode']), null, 0);
    case 'mbindn':
      return sys.mbind(arg('addr'), arg('len'), exact(op['mode']), arg('mask'), exact(op['flags']));
    default:
      return null;
  }
}

/** Asks /proc/self/maps for a mapping. Returns the first field that differs. */
export function queryMap(task: Task, op: Op): Difference[] {
  const fd = task.sys.open('/proc/self/maps', O_RDONLY, 0);
  const query = procmapQuery(exact(op['addr']), exact(op['qflags']));
  const result = task.sys.ioctl(fd, PROCMAP_QUERY, query);
  task.sys.close(fd);
  const ours: Record<string, string | number> = { ret: result < 0 ? `-${errnoName(result)}` : result };
  if (result === 0) {
    ours['start'] = hex(query.vmaStart);
    ours['end'] = hex(query.vmaEnd);
    ours['vflags'] = hex(query.vmaFlags);
    ours['pagesize'] = query.vmaPageSize;
    ours['off'] = hex(query.vmaOffset);
    ours['name'] = query.vmaName;
  }
  for (const field of ['ret', 'start', 'end', 'vflags', 'pagesize', 'off', 'name']) {
    const [expected, actual] = [op[field], ours[field]];
    if (expected === actual) continue;
    return [{ kind: 'results', field, expected: JSON.stringify(expected), actual: String(actual) }];
  }
  return [];
}
