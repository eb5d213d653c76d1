/**
 * A report as JSON: maps as lines of /proc/PID/maps, everything else as it is.
 */
import { formatMapsLine, type MapsLine } from '@vmarea/strace';
import type { ReplayReport } from '@vmarea/replay';
import { describeSituation, listFacts } from '@vmarea/situation';

const lineOrNull = (line: MapsLine | null): string | null => (line === null ? null : formatMapsLine(line));

/** Plain data for JSON.stringify. */
export function reportJson(report: ReplayReport): Record<string, unknown> {
  const { map, difference, situation, borders, ...rest } = report;
  return {
    ...rest,
    situation: { text: describeSituation(situation), facts: listFacts(situation) },
    borders: borders.map((border) => ({ ...border, line: formatMapsLine(border.line) })),
    difference: difference === null ? null : { ...difference, around: difference.around.map(formatMapsLine) },
    map:
      map === null
        ? null
        : {
            pid: map.pid,
            line: map.line,
            moment: map.moment,
            lines: map.lines.map(formatMapsLine),
            comparison:
              map.comparison === null
                ? null
                : {
                    different: map.comparison.different,
                    excused: map.comparison.excused,
                    rows: map.comparison.rows.map((row) => ({
                      replayed: lineOrNull(row.ours),
                      real: lineOrNull(row.real),
                      differences: row.differences,
                      excused: row.excused,
                    })),
                  },
          },
  };
}
