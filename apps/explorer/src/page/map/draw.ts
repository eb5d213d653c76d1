/** Draws the map of a moment. */
import { MARKS, type MapView } from '../../engine/protocol.ts';
import { kindOf, rightsOf } from './kinds.ts';
import { drawLandmarks } from './landmarks.ts';
import { signsOf } from './pages.tsx';
import { indexAt, type Scale } from './scale.ts';
import { fit, palette } from '../parts/theme.ts';
import { bytes, hex } from '../../words.ts';

/** What is to be drawn. */
export interface Picture {
  readonly view: MapView;
  readonly scale: Scale;
  /** The positions that are in sight. */
  readonly window: readonly [from: number, to: number];
  readonly by: 'kind' | 'rights';
  /** Index of the chosen area; -1 for none. */
  readonly chosen: number;
  readonly pageSize: number;
}

/** Pixels above the areas, for three rows of labels, and below them. */
const TOP = 44;
const BOTTOM = 34;
/** Signs of the marks: what happened is not told by colour alone. */
const SIGNS: Readonly<Record<string, string>> = {
  came: '+',
  grew: '↔',
  shrank: '→←',
  changed: '≠',
  split: '✂',
  joined: '⋈',
  redone: '~',
};

/** A pattern for each number: lines of several directions, dots, and plain. */
function patternOf(g: CanvasRenderingContext2D, kind: number, ink: string): CanvasPattern | null {
  const tile = new OffscreenCanvas(8, 8);
  const t = tile.getContext('2d');
  if (t === null) return null;
  t.strokeStyle = ink;
  t.fillStyle = ink;
  t.globalAlpha = 0.45;
  t.lineWidth = 1;
  const line = (x1: number, y1: number, x2: number, y2: number): void => {
    t.beginPath();
    t.moveTo(x1, y1);
    t.lineTo(x2, y2);
    t.stroke();
  };
  switch (kind) {
    case 0:
      line(0, 8, 8, 0);
      break;
    case 1:
      break;
    case 2:
      t.fillRect(1, 1, 2, 2);
      t.fillRect(5, 5, 2, 2);
      break;
    case 3:
      line(0, 4, 8, 4);
      break;
    case 4:
      line(4, 0, 4, 8);
      break;
    case 5:
      line(0, 0, 8, 8);
      line(0, 8, 8, 0);
      break;
    case 6:
      line(0, 0, 8, 8);
      break;
    default:
      t.fillRect(3, 3, 1, 1);
  }
  return g.createPattern(tile, 'repeat');
}

/** Colour and pattern of a number. */
export function swatch(canvas: HTMLCanvasElement, by: Picture['by'], index: number): void {
  const g = fit(canvas);
  if (g === null) return;
  const colors = palette();
  const { clientWidth: width, clientHeight: height } = canvas;
  g.fillStyle = (by === 'kind' ? colors.kinds : colors.rights)[index] ?? colors.ink;
  g.fillRect(0, 0, width, height);
  const pattern = patternOf(g, index, colors.ink);
  if (pattern !== null) {
    g.fillStyle = pattern;
    g.fillRect(0, 0, width, height);
  }
}

/** Pixels of a page from which on its borders and its letters are drawn. */
const PAGE_PIXELS = 6;

function drawPages(g: CanvasRenderingContext2D, picture: Picture, i: number, x: number, size: number): void {
  const { columns } = picture.view;
  const pages = (columns.ends[i]! - columns.starts[i]!) / picture.pageSize;
  const width = size / pages;
  if (width < PAGE_PIXELS) return;
  g.globalAlpha = 0.5;
  const from = Math.max(0, Math.floor(-x / width));
  const to = Math.min(pages, Math.ceil((g.canvas.clientWidth - x) / width));
  for (let page = from + 1; page < to; page++)
    g.fillRect(x + page * width, TOP, 1, g.canvas.clientHeight - TOP - BOTTOM);
  g.globalAlpha = 1;
}

/** Frames the pages in memory of an area, with a letter for each thing that they are. */
function drawPresent(g: CanvasRenderingContext2D, picture: Picture, i: number, x: number, ink: string): void {
  const { view, window, pageSize } = picture;
  const start = view.columns.starts[i]!;
  const per = g.canvas.clientWidth / (window[1] - window[0]);
  if (view.pages === null || pageSize * per < PAGE_PIXELS) return;
  const band = g.canvas.clientHeight - TOP - BOTTOM;
  g.strokeStyle = g.fillStyle = ink;
  g.lineWidth = 1.5;
  for (const page of view.pages) {
    if (page.address < start || page.address >= view.columns.ends[i]!) continue;
    const left = x + (page.address - start) * per;
    const wide = page.size * per;
    g.strokeRect(left + 1.5, TOP + 2, wide - 3, band - 4);
    const text = signsOf(page);
    const length = g.measureText(text).width;
    if (length + 4 > wide) continue;
    // The letters stand on paper, so that no colour of an area hides them.
    const middle = Math.max(2, Math.min(g.canvas.clientWidth - 2, left + wide / 2));
    g.fillStyle = palette().paper;
    g.fillRect(middle - length / 2 - 2, TOP + band / 2 - 9, length + 4, 14);
    g.fillStyle = ink;
    g.fillText(text, middle - length / 2, TOP + band / 2 + 2);
  }
}

/** Draws it. */
export function drawMap(canvas: HTMLCanvasElement, picture: Picture): void {
  const g = fit(canvas);
  if (g === null) return;
  const { view, scale, window, by, chosen } = picture;
  const { columns } = view;
  const colors = palette();
  const { clientWidth: width, clientHeight: height } = canvas;
  g.fillStyle = colors.paper;
  g.fillRect(0, 0, width, height);
  g.font = '11px system-ui, sans-serif';
  const [from, to] = window;
  const per = width / (to - from);
  const x = (position: number): number => (position - from) * per;
  const band = height - TOP - BOTTOM;
  const fills = by === 'kind' ? colors.kinds : colors.rights;
  const patterns = fills.map((_, index) => patternOf(g, index, colors.ink));
  // Many areas fall on one pixel when all of it is in sight: one of them is drawn there, and those that changed always.
  let last = -1;
  const first = indexAt(scale, columns, from);
  for (let i = first; i < scale.at.length && scale.at[i]! <= to; i++) {
    const left = x(scale.at[i]!);
    const size = Math.max(1, (columns.ends[i]! - columns.starts[i]!) * per);
    const marked = columns.marks[i]! !== 0 || i === chosen;
    const pixel = Math.floor(left);
    if (pixel === last && size <= 1 && !marked) continue;
    last = pixel;
    const kind = by === 'kind' ? kindOf(columns, i) : rightsOf(columns, i);
    g.fillStyle = fills[kind]!;
    g.fillRect(left, TOP, size, band);
    const pattern = patterns[kind];
    if (pattern != null && size > 3) {
      g.fillStyle = pattern;
      g.fillRect(left, TOP, size, band);
    }
    g.fillStyle = colors.paper;
    drawPages(g, picture, i, left, size);
    drawPresent(g, picture, i, left, colors.ink);
    g.fillStyle = colors.paper;
    if (size > 3) g.fillRect(left + size - 0.5, TOP, 0.5, band);
    if (marked) {
      g.strokeStyle = i === chosen ? colors.ink : colors.accent;
      g.lineWidth = 2;
      g.strokeRect(left - 1, TOP - 2, size + 2, band + 4);
      g.fillStyle = colors.accent;
      g.fillText(SIGNS[MARKS[columns.marks[i]!] ?? ''] ?? '', Math.max(0, left + size / 2 - 5), height - BOTTOM + 14);
    }
  }
  // Gaps that are wide enough carry their size.
  g.fillStyle = colors.ink;
  for (let i = Math.max(1, first); i < scale.at.length && scale.at[i]! <= to; i++) {
    const end = scale.at[i - 1]! + columns.ends[i - 1]! - columns.starts[i - 1]!;
    const space = (scale.at[i]! - end) * per;
    const gap = columns.starts[i]! - columns.ends[i - 1]!;
    if (gap <= 0 || space < 8) continue;
    g.globalAlpha = 0.6;
    g.fillRect(x(end), TOP + band / 2, space, 0.7);
    g.globalAlpha = 1;
    const text = bytes(gap);
    const wide = g.measureText(text).width;
    if (wide + 6 < space) g.fillText(text, x(end) + (space - wide) / 2, TOP + band / 2 - 4);
  }
  drawLandmarks(g, { view, scale, window, colors, top: TOP, bottom: height - BOTTOM });
  // Addresses at both ends.
  g.fillStyle = colors.ink;
  const low = Math.min(first, columns.starts.length - 1);
  if (low >= 0) {
    const lowest = Math.max(columns.starts[low]!, columns.starts[low]! + from - scale.at[low]!);
    g.fillText(hex(Math.floor(lowest)), 2, height - 6);
    const high = Math.min(columns.starts.length - 1, indexAt(scale, columns, to));
    const highest = Math.min(
      columns.ends[high]!,
      Math.max(columns.starts[high]!, columns.starts[high]! + to - scale.at[high]!),
    );
    const text = hex(Math.ceil(highest));
    g.fillText(text, width - g.measureText(text).width - 2, height - 6);
  }
}
