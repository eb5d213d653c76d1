/**
 * Restores the address space of a map exactly; its files can be opened by name.
 */
import type { Task } from '@vmarea/kernel';
import { MapFiles, restoreMap, SituationError, type RestoredMap, type Situation } from '@vmarea/situation';
import { ScriptError } from '../input/error.ts';

/**
 * Restores the map before the first call.
 *
 * @throws ScriptError for a line that does not fit the machine
 */
export function makeMap(task: Task, situation: Situation): RestoredMap | null {
  const { mapBefore, aslr } = situation;
  if (mapBefore === null) return null;
  const files = new MapFiles(task.kernel.system);
  try {
    return restoreMap(task, mapBefore.value.lines, { open: (line) => files.open(line), randomized: aslr.value });
  } catch (error) {
    if (error instanceof SituationError) throw new ScriptError(error.message);
    throw error;
  }
}
