/** Draws how cost grows with the number of VMAs: one SVG per operation, both axes logarithmic. */
import { type Row, YARDSTICK } from '../measure/rows.ts';

const WIDTH = 640;
const HEIGHT = 400;
const LEFT = 70;
const RIGHT = 170;
const TOP = 44;
const BOTTOM = 50;

const COLOURS: Readonly<Record<string, string>> = {
  vmarea: '#0b6e4f',
  'vmarea + memory': '#6bbf59',
  'index alone': '#9ad1b6',
  'sorted-btree': '#c8553d',
  bintrees: '#e09f3e',
  'host kernel': '#3d5a80',
};

interface Line {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

function linesOf(rows: readonly Row[]): Line[] {
  const names = new Set(rows.flatMap((row) => Object.keys(row.ns)));
  names.delete(YARDSTICK);
  const lines = [...names].map((name): Line => {
    const points = rows.map((row) => [row.n ?? 1, row.ns[name]?.median ?? NaN] as const);
    return { name, points: points.filter(([, ns]) => !Number.isNaN(ns)) };
  });
  return lines.filter((line) => line.points.length > 0 && line.points.every(([, ns]) => ns > 0));
}

function label(ns: number): string {
  return ns >= 1000 ? `${ns / 1000} µs` : `${ns} ns`;
}

/**
 * Draws one chart.
 *
 * @param rows one operation at several numbers of VMAs
 */
export function growthChart(title: string, rows: readonly Row[]): string {
  const lines = linesOf(rows);
  const all = lines.flatMap((line) => line.points);
  const low = Math.floor(Math.log10(Math.min(...all.map(([, ns]) => ns))));
  const high = Math.ceil(Math.log10(Math.max(...all.map(([, ns]) => ns))));
  const first = Math.log10(Math.min(...all.map(([n]) => n)));
  const last = Math.log10(Math.max(...all.map(([n]) => n)));
  const x = (n: number): string =>
    (LEFT + ((Math.log10(n) - first) / Math.max(last - first, 1)) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const y = (ns: number): string =>
    (HEIGHT - BOTTOM - ((Math.log10(ns) - low) / Math.max(high - low, 1)) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
  const out: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" role="img">`,
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${LEFT}" y="24" font-size="15" fill="#222">${title}</text>`,
  ];
  for (let e = low; e <= high; e++) {
    const at = y(10 ** e);
    out.push(
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" stroke="#ddd"/>`,
      `<text x="${LEFT - 8}" y="${at}" dy="4" text-anchor="end" fill="#555">${label(10 ** e)}</text>`,
    );
  }
  for (const row of rows) {
    const n = row.n ?? 1;
    out.push(
      `<text x="${x(n)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle" fill="#555">${n.toLocaleString('en')}</text>`,
    );
  }
  out.push(
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 12}" text-anchor="middle" fill="#555">VMAs in the address space</text>`,
  );
  // Places the labels at the right end without overlap.
  const ends = lines
    .map((line) => ({ line, at: Number(y(line.points[line.points.length - 1]![1])) }))
    .sort((a, b) => a.at - b.at);
  let least = TOP;
  for (const { line, at } of ends) {
    const colour = COLOURS[line.name] ?? '#777';
    const dash = line.name.startsWith('vmarea') ? '' : ' stroke-dasharray="5 3"';
    const path = line.points.map(([n, ns]) => `${x(n)},${y(ns)}`).join(' ');
    out.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`);
    for (const [n, ns] of line.points) out.push(`<circle cx="${x(n)}" cy="${y(ns)}" r="3" fill="${colour}"/>`);
    const text = Math.max(at, least);
    least = text + 15;
    out.push(`<text x="${WIDTH - RIGHT + 10}" y="${text.toFixed(1)}" dy="4" fill="${colour}">${line.name}</text>`);
  }
  out.push('</svg>', '');
  return out.join('\n');
}
