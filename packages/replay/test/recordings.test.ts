import { describe, expect, it } from 'vitest';
import { logText, PROGRAMS, realMap, replayOf } from './machine.ts';

describe('recordings of real programs', () => {
  it.each(PROGRAMS.flatMap((name) => [`${name}.aslr-off`, `${name}.aslr-on`]))('%s is reproduced', (name) => {
    const replay = replayOf({ maps: realMap(name) });
    replay.push(logText(name));
    const report = replay.finish();
    if (process.env['SHOW'])
      console.log(
        JSON.stringify(
          {
            ...report,
            map: {
              ...report.map,
              lines: 0,
              comparison: report.map?.comparison?.rows.filter((r) => r.differences.length || r.excused),
            },
          },
          null,
          1,
        ),
      );
    expect(report.difference).toBeNull();
    expect(report.map?.comparison?.rows.filter((row) => row.differences.length > 0 && row.excused === '')).toEqual([]);
    const told = name.endsWith('on') ? 2 * report.processes.execs : 0;
    expect(report.answers.reproduced).toBe(report.answers.replayed - told);
    expect(report.verdict).toBe('agrees');
  });
});
