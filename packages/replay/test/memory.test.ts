/** A replay's own memory: flat in the length of the log. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { replayOf } from './machine.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

function heapMiB(): number {
  gc();
  gc();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

it('keeps the notes of a log, and not the blocks that they were read in', () => {
  const replay = replayOf();
  const block = (i: number): string =>
    `${`1 write(1, "${'x'.repeat(100)}", 100) = 100\n`.repeat(8000)}1 munmap(0x1000, strange_${i}) = 0\nnonsense ${i} of some length\n`;
  replay.push(block(0));
  const before = heapMiB();
  for (let i = 1; i <= 40; i++) replay.push(block(i));
  const grown = heapMiB() - before;
  expect(replay.notebook.notes.strange.count).toBeGreaterThanOrEqual(41);
  // 40 blocks have 37 MiB.
  expect(grown).toBeLessThan(8);
});
