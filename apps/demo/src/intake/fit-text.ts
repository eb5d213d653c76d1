/**
 * The answer of fit.ts as text: whether it fits, where on each machine, and with random addresses.
 */
import { formatBytes } from '@vmarea/situation';
import { formatMapsLine } from '@vmarea/strace';
import { grouped } from '../text/numbers.ts';
import type { Draws, Fit, FitQuestion, Placement } from './fit.ts';

const hex = (value: number): string => `0x${value.toString(16)}`;

/** Bytes with one decimal of the largest unit. */
function about(bytes: number): string {
  let unit = 1;
  while (bytes / unit >= 1024 && unit < 2 ** 50) unit *= 1024;
  const rounded = Math.round((bytes / unit) * 10) / 10;
  return Number.isInteger(bytes / unit) ? formatBytes(bytes) : formatBytes(unit).replace(/^1 /, `${rounded} `);
}

/** Lines of text; the first one is the answer. */
export function fitText(found: Fit, question: FitQuestion): string[] {
  const { need, within } = question;
  const lines: string[] = [];
  if (!found.modelled) {
    lines.push(`Where ${found.architecture} places a mapping is not modelled: see the holes below.`);
    return lines;
  }
  if (within !== null) lines.push(...rangeText(found, question));
  if (need > 0 && within === null) lines.push(...needText(found.placements, need));
  lines.push(...found.draws.map((draws) => drawsText(draws, question)));
  if (found.notDrawn !== '') lines.push(found.notDrawn);
  return lines;
}

function rangeText({ inTheWay }: Fit, { within, need }: FitQuestion): string[] {
  const { start, end } = within!;
  const range = `${hex(start)}-${hex(end)} (${about(end - start)})`;
  if (inTheWay.length === 0) return [`The range ${range} is free in this map.`];
  const what = `${grouped(inTheWay.length)} ${inTheWay.length === 1 ? 'area lies' : 'areas lie'} in the range ${range}`;
  const free = largestFree(inTheWay, start, end);
  const room = need > 0 ? `${about(need)} ${free >= need ? 'fit' : 'do not fit'} into it: ` : 'It is not free: ';
  const first = formatMapsLine(inTheWay[0]!).trimEnd().replace(/ +/g, ' ');
  return [`${room}${what}, the largest hole in it has ${about(free)}. The first: ${first}`];
}

function largestFree(areas: Fit['inTheWay'], start: number, end: number): number {
  let [largest, at] = [0, start];
  for (const area of areas) {
    largest = Math.max(largest, area.start - at);
    at = Math.max(at, area.end);
  }
  return Math.max(largest, end - at);
}

function machineText({ pageSize, vaBits }: { pageSize: number; vaBits: number }): string {
  return `${pageSize / 1024} KiB pages, ${vaBits} bits`;
}

function needText(placements: readonly Placement[], need: number): string[] {
  const [first] = placements;
  if (first?.asked === false)
    return [
      `This map does not fit ${machineText(first)}: ${first.why}. Only layouts with its parts moved can be asked about.`,
    ];
  if (first === undefined) return ['The map fits no page size that is modelled.'];
  const head =
    first.at === null
      ? `${about(need)} do not fit: mmap(NULL, ${need}) = ${first.why}.`
      : `${about(need)} fit: mmap(NULL, ${need}) gets ${hex(first.at)}.`;
  const rows = placements.map((placement) => {
    const answer =
      placement.at === null ? `${placement.asked ? '' : 'not asked: '}${placement.why}` : hex(placement.at);
    return `  ${machineText(placement)}, ${placement.layout}: ${answer}`;
  });
  return [head, ...rows];
}

function drawsText(draws: Draws, { need, within, anchor }: FitQuestion): string {
  const { drawn, fits, least, most, moved } = draws;
  const what =
    need > 0
      ? `${about(need)} ${fits === 1 ? 'fits' : 'fit'}${within === null ? '' : anchor === null ? ' into the range' : ' into the window'}`
      : 'the range is free';
  const parts = Object.entries(moved).flatMap(([name, areas]) => {
    if (areas === 0) return [];
    return [name === 'fixed' ? `${grouped(areas)} stay where they are` : `${grouped(areas)} of the ${name}`];
  });
  const [from, to] = [about(Math.max(0, least)), about(Math.max(0, most))];
  const holes = from === to ? from : `${from} to ${to}`;
  return `With random addresses (${machineText(draws)}, top-down) ${what} in ${grouped(fits)} of ${grouped(drawn)} drawn layouts; largest hole${within === null ? '' : ' there'}: ${holes}. What moves: ${parts.join(', ')}.`;
}
