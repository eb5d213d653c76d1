/** What the map shows beside areas, in sentences. */
import type { Landmarks } from '../../engine/protocol.ts';
import { bytes, hex } from '../../words.ts';

/** A sentence for each landmark. */
export function landmarkSentences(marks: Landmarks): string[] {
  const { mmapBase, searchesUp, guards, named, isHint, given, hole } = marks;
  const lines: string[] = [];
  if (named >= 0 && given >= 0 && named !== given)
    lines.push(`The call named ${hex(named)}${isHint ? ' as a hint' : ''} and was given ${hex(given)}.`);
  else if (given >= 0) lines.push(`The call was given ${hex(given)}${named === given ? ', which it named' : ''}.`);
  else if (named >= 0) lines.push(`The call named ${hex(named)}.`);
  if (hole !== null)
    lines.push(
      `The hole that was chosen: ${hex(hole[0])} to ${hex(hole[1])}, ${bytes(hole[1] - hole[0])} that were free before.`,
    );
  if (mmapBase > 0)
    lines.push(
      `mmap_base is ${hex(mmapBase)}: searches for a free address go ${searchesUp ? 'up' : 'down'} from there.`,
    );
  for (const [low, high] of guards)
    lines.push(`Guard gap ${hex(low)} to ${hex(high)}: ${bytes(high - low)} below an area that grows down stay free.`);
  return lines;
}
