/** Draws what the map has beside areas: guard gaps, mmap_base, what a call named, and the hole that was chosen for it. */
import type { MapView, Range } from '../../engine/protocol.ts';
import { hex } from '../../words.ts';
import type { Palette } from '../parts/theme.ts';
import { positionOf, type Scale } from './scale.ts';

/** Where to draw. */
export interface Ground {
  readonly view: MapView;
  readonly scale: Scale;
  /** The positions that are in sight. */
  readonly window: readonly [from: number, to: number];
  readonly colors: Palette;
  /** Pixels above and below which areas do not reach. */
  readonly top: number;
  readonly bottom: number;
}

/** Finds a free row for each label, so that none lies over another. */
class Labels {
  readonly #g: CanvasRenderingContext2D;
  readonly #rows: [from: number, to: number][][] = [[], [], []];

  constructor(g: CanvasRenderingContext2D) {
    this.#g = g;
  }

  put(middle: number, text: string): void {
    const width = this.#g.measureText(text).width;
    const left = Math.max(2, Math.min(this.#g.canvas.clientWidth - width - 2, middle - width / 2));
    const free = this.#rows.findIndex((row) => row.every(([from, to]) => left > to + 6 || left + width < from - 6));
    const row = free < 0 ? 2 : free;
    this.#rows[row]!.push([left, left + width]);
    this.#g.fillText(text, left, 11 + row * 14);
  }
}

/** Where an address is in the picture; ends of ranges outside of all areas are at the picture's ends. */
function clamped({ scale, view: { columns } }: Ground, address: number): number {
  const position = positionOf(scale, columns, address);
  if (position >= 0) return position;
  return columns.starts.length > 0 && address < columns.starts[0]! ? 0 : scale.length;
}

/** Stripes over what is kept free. At least some pixels wide where there is room, so that it is seen. */
function drawGuard(g: CanvasRenderingContext2D, ground: Ground, x: (position: number) => number, guard: Range): void {
  const { top, bottom, colors, scale, view } = ground;
  const { starts, ends } = view.columns;
  const area = starts.indexOf(guard[1]);
  if (area < 0) return;
  const right = x(scale.at[area]!);
  const room = area === 0 ? 0 : x(scale.at[area - 1]! + ends[area - 1]! - starts[area - 1]!);
  const toScale = ((guard[1] - guard[0]) * g.canvas.clientWidth) / (ground.window[1] - ground.window[0]);
  const left = Math.max(room, right - Math.max(8, toScale));
  g.save();
  g.beginPath();
  g.rect(left, top, right - left, bottom - top);
  g.clip();
  g.strokeStyle = colors.bad;
  g.lineWidth = 1.5;
  g.beginPath();
  const height = bottom - top;
  for (let at = Math.floor(Math.max(left, 0) / 6) * 6 - height; at < Math.min(right, g.canvas.clientWidth); at += 6) {
    g.moveTo(at, bottom);
    g.lineTo(at + height, top);
  }
  g.stroke();
  g.restore();
}

function drawHole(g: CanvasRenderingContext2D, ground: Ground, x: (position: number) => number, hole: Range): void {
  const { bottom, colors } = ground;
  const left = Math.max(1, x(clamped(ground, hole[0])));
  const right = Math.min(g.canvas.clientWidth - 1, x(clamped(ground, hole[1])));
  if (right <= left) return;
  const y = bottom + 5;
  g.strokeStyle = colors.accent;
  g.lineWidth = 2;
  g.beginPath();
  g.moveTo(left, y - 4);
  g.lineTo(left, y);
  g.lineTo(right, y);
  g.lineTo(right, y - 4);
  g.stroke();
}

/** Draws all of them. */
export function drawLandmarks(g: CanvasRenderingContext2D, ground: Ground): void {
  const { view, window, colors, top, bottom } = ground;
  const { mmapBase, searchesUp, guards, named, isHint, given, hole } = view.landmarks;
  const [from, to] = window;
  const x = (position: number): number => ((position - from) / (to - from)) * g.canvas.clientWidth;
  for (const guard of guards) drawGuard(g, ground, x, guard);
  if (hole !== null) drawHole(g, ground, x, hole);
  const labels = new Labels(g);
  const pointer = (address: number, word: string, dash: readonly number[]): void => {
    const position = address <= 0 ? -1 : positionOf(ground.scale, view.columns, address);
    if (position < from || position > to) return;
    g.strokeStyle = g.fillStyle = dash.length > 0 ? colors.ink : colors.accent;
    g.lineWidth = 1.5;
    g.setLineDash([...dash]);
    g.beginPath();
    g.moveTo(x(position), top - 6);
    g.lineTo(x(position), bottom + 4);
    g.stroke();
    g.setLineDash([]);
    labels.put(x(position), `${word} ${hex(address)}`);
  };
  pointer(given, named === given ? 'named and given' : 'given', []);
  if (named !== given) pointer(named, isHint ? 'hint' : 'named', []);
  pointer(mmapBase, searchesUp ? 'mmap_base →' : '← mmap_base', [3, 3]);
}
