/** What the map shows beside areas, computed from a history of the real replay. */
import { HistoryRecorder, type History } from '@vmarea/history';
import { NO_PROGRAMS, Replay } from '@vmarea/replay';
import { defaultSituation } from '@vmarea/situation';
import { describe, expect, it } from 'vitest';
import { landmarksOf } from '../src/engine/landmarks.ts';
import { buildMachine } from '../src/engine/machine.ts';
import type { Landmarks } from '../src/engine/protocol.ts';
import { landmarkSentences } from '../src/page/map/landmark-words.ts';

const LOG = `7 brk(NULL) = 0x40000000
7 mmap(0x10000000, 16384, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x10000000
7 mmap(0x20000000, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS|MAP_GROWSDOWN, -1, 0) = 0x20000000
7 mmap(0x30000000, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x30000000
7 mmap(0x10001000, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xffff00000000
7 munmap(0x10000000, 4096) = 0
7 mmap(0x1fff8000, 4096, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x1fff8000
7 munmap(0x50000000, 4096) = 0
`;

function record(text: string): History {
  const recorder = new HistoryRecorder();
  const options = { kernel: buildMachine(defaultSituation()), programs: NO_PROGRAMS, recorded: true };
  const replay = new Replay(recorder.listen(options));
  replay.push(text);
  replay.finish();
  return recorder.history;
}

describe('landmarks', () => {
  const history = record(LOG);
  const at = (number: number): Landmarks => {
    const moment = history.momentOfCall(number);
    const step = history.step(moment);
    const { space } = step;
    return landmarksOf(
      history,
      { space, areas: history.at(moment, space), step, changes: history.changesOf(moment) },
      { guardGap: 2 ** 20, window: [4096, 2 ** 48] },
    );
  };

  it('have the hint of a call, where its memory came to be, and the hole that it was taken from', () => {
    expect(at(4)).toMatchObject({ named: 0x30000000, isHint: true, given: 0x30000000, hole: [0x20001000, 2 ** 48] });
    const passedOver = at(5);
    expect(passedOver).toMatchObject({ named: 0x10001000, isHint: true });
    const { given, hole } = passedOver;
    expect(given).not.toBe(0x10001000);
    // The hole is free before the call, reaches from area to area, and has the new memory in it.
    const before = history.at(history.momentOfCall(5) - 1, 0);
    expect(before.map(({ end }) => end)).toContain(hole![0]);
    expect(before.some(({ start, end }) => start < hole![1] && end > hole![0])).toBe(false);
    expect(given >= hole![0] && given + 4096 <= hole![1]).toBe(true);
  });

  it('have no hole and no hint where the call chose nothing', () => {
    expect(at(2)).toMatchObject({ named: 0x10000000, isHint: false, given: 0x10000000, hole: null });
    expect(at(6)).toMatchObject({ named: 0x10000000, isHint: false, given: -1, hole: null });
  });

  it('have the gap that is left free below an area that grows down, as far as nothing lies in it', () => {
    expect(at(3).guards).toEqual([[0x20000000 - 2 ** 20, 0x20000000]]);
    expect(at(7).guards).toEqual([[0x1fff9000, 0x20000000]]);
  });

  it('have mmap_base, and say all of it in words', () => {
    const marks = at(5);
    expect(marks.mmapBase).toBeGreaterThan(2 ** 46);
    const text = landmarkSentences(marks).join('\n');
    expect(text).toContain('named 0x10001000 as a hint and was given 0x');
    expect(text).toContain(
      `mmap_base is 0x${marks.mmapBase.toString(16)}: searches for a free address go down from there`,
    );
    expect(text).toContain('The hole that was chosen: 0x');
    expect(text).toContain('Guard gap 0x1ff00000 to 0x20000000: 1 MiB');
  });
});
