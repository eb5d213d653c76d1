/** Colours for what is drawn: style sheets do not reach into a canvas. */

/** Whether the page is dark now. */
export function isDark(): boolean {
  const scheme = document.documentElement.dataset['theme'];
  if (scheme === 'dark' || scheme === 'light') return scheme === 'dark';
  return matchMedia('(prefers-color-scheme: dark)').matches;
}

/** Colours of the pictures. */
export interface Palette {
  readonly paper: string;
  readonly ink: string;
  readonly faint: string;
  readonly line: string;
  readonly accent: string;
  readonly bad: string;
  readonly signal: string;
  readonly kinds: readonly string[];
  readonly rights: readonly string[];
}

const LIGHT: Palette = {
  paper: '#ffffff',
  ink: '#16202a',
  faint: '#c9d2db',
  line: '#1f6fb2',
  accent: '#0b57a4',
  bad: '#b3261e',
  signal: '#8a4b00',
  kinds: ['#3b7dd8', '#7aa7e0', '#3f9c5a', '#d1822b', '#8c62c7', '#7d8a97', '#c45b8a', '#b9a500'],
  rights: ['#aab4bf', '#5b9bd5', '#58a868', '#d98a36', '#a06bc9', '#c94f4f'],
};

const DARK: Palette = {
  paper: '#11171d',
  ink: '#e4eaf0',
  faint: '#3a4652',
  line: '#6db3f2',
  accent: '#8cc4ff',
  bad: '#ff8a80',
  signal: '#ffb95c',
  kinds: ['#4b8be0', '#2f5f9e', '#4fae6b', '#dd944a', '#9b78d3', '#6c7885', '#cf6f9b', '#c6b434'],
  rights: ['#5d6975', '#5b9bd5', '#58a868', '#d98a36', '#a06bc9', '#e07070'],
};

export function palette(): Palette {
  return isDark() ? DARK : LIGHT;
}

/** Fits a canvas to its box and the screen. @returns its context in CSS pixels, or null when it has no size */
export function fit(canvas: HTMLCanvasElement): CanvasRenderingContext2D | null {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (width === 0 || height === 0) return null;
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  const context = canvas.getContext('2d');
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}
