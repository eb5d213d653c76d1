/** The strip above all: areas and sizes over time, failures and signals, and where we are. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Stretch } from '../engine/protocol.ts';
import { ask, go, moment, opened, playing, range, row, space, stepBy } from './state/state.ts';
import { fit, palette } from './parts/theme.ts';
import { bytes, count } from '../words.ts';

/** What is drawn over the strip. */
interface Marks {
  /** The chosen moment. */
  readonly at: number;
  /** max_map_count. */
  readonly limit: number;
  /** The part that is being brushed; null when none is. */
  readonly brush: readonly [a: number, b: number] | null;
}

function draw(canvas: HTMLCanvasElement, stretches: readonly Stretch[], { at, limit, brush }: Marks): void {
  const g = fit(canvas);
  if (g === null) return;
  const { clientWidth: width, clientHeight: height } = canvas;
  const colors = palette();
  g.fillStyle = colors.paper;
  g.fillRect(0, 0, width, height);
  if (stretches.length === 0) return;
  const most = Math.max(1, ...stretches.map(({ areas }) => areas));
  const mostBytes = Math.max(1, ...stretches.map(({ bytes: size }) => size));
  const [from, to] = [stretches[0]!.from, stretches.at(-1)!.to];
  const x = (m: number): number => ((m - from) / Math.max(1, to - from)) * (width - 4) + 2;
  const floor = height - 14;
  const y = (part: number): number => floor - part * (floor - 6);
  // Sizes as ground, counts as a line; they differ in form as well as in colour.
  g.fillStyle = colors.faint;
  g.beginPath();
  g.moveTo(x(from), floor);
  for (const one of stretches) {
    g.lineTo(x(one.from), y(one.bytes / mostBytes));
    g.lineTo(x(one.to), y(one.bytes / mostBytes));
  }
  g.lineTo(x(to), floor);
  g.fill();
  const line = (color: string, value: (one: Stretch) => number | null, dash: number[]): void => {
    g.strokeStyle = color;
    g.lineWidth = 1.5;
    g.setLineDash(dash);
    g.beginPath();
    let begun = false;
    for (const one of stretches) {
      const part = value(one);
      if (part === null) continue;
      if (begun) g.lineTo(x(one.from), y(part));
      else g.moveTo(x(one.from), y(part));
      begun = true;
      g.lineTo(x(one.to), y(part));
    }
    g.stroke();
    g.setLineDash([]);
  };
  line(colors.line, ({ areas }) => areas / most, []);
  line(colors.ink, ({ resident }) => (resident === null ? null : resident / mostBytes), [4, 3]);
  // The limit, where it is in reach.
  if (limit <= most * 1.2) {
    g.strokeStyle = colors.bad;
    g.setLineDash([2, 3]);
    g.beginPath();
    g.moveTo(0, y(limit / most));
    g.lineTo(width, y(limit / most));
    g.stroke();
    g.setLineDash([]);
  }
  for (const one of stretches) {
    const middle = (x(one.from) + x(one.to)) / 2;
    if (one.failures > 0) {
      g.strokeStyle = colors.bad;
      g.lineWidth = 1.5;
      g.beginPath();
      g.moveTo(middle - 3, floor + 4);
      g.lineTo(middle + 3, floor + 10);
      g.moveTo(middle + 3, floor + 4);
      g.lineTo(middle - 3, floor + 10);
      g.stroke();
    }
    if (one.signals > 0) {
      g.fillStyle = colors.signal;
      g.beginPath();
      g.moveTo(middle, floor + 2);
      g.lineTo(middle + 4, floor + 12);
      g.lineTo(middle - 4, floor + 12);
      g.fill();
    }
  }
  if (brush !== null) {
    const [left, right] = [x(Math.min(...brush)), x(Math.max(...brush))];
    g.fillStyle = colors.accent;
    g.globalAlpha = 0.25;
    g.fillRect(left, 0, right - left, height);
    g.globalAlpha = 1;
    g.fillRect(left, 0, 1, height);
    g.fillRect(right - 1, 0, 1, height);
  }
  if (at >= from && at <= to) {
    g.fillStyle = colors.accent;
    g.fillRect(x(at) - 1, 0, 2, height);
  }
  g.fillStyle = colors.ink;
  g.font = '11px system-ui, sans-serif';
  g.fillText(`${count(most, 'area')} and ${bytes(mostBytes)} at most`, 6, 12);
}

/** Stretches that are drawn. */
const MOST = 1000;
/** Rows of the table beside the picture. */
const TABLE_ROWS = 12;

function Table() {
  const [rows, setRows] = useState<readonly Stretch[]>([]);
  const [from, to] = range.value;
  useEffect(() => {
    void ask((api) => api.stretches(space.value, [from, to], TABLE_ROWS)).then((answer) => setRows(answer ?? []));
  }, [from, to, space.value, opened.value]);
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">steps</th>
          <th scope="col">areas</th>
          <th scope="col">mapped</th>
          {rows.some(({ resident }) => resident !== null) && <th scope="col">resident</th>}
          <th scope="col">failures</th>
          <th scope="col">signals</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((one) => (
          <tr key={one.from}>
            <th scope="row">
              <button type="button" onClick={() => go(one.from)}>
                {one.from === one.to ? one.from : `${one.from} to ${one.to}`}
              </button>
            </th>
            <td>{one.areas.toLocaleString('en')}</td>
            <td>{bytes(one.bytes)}</td>
            {one.resident !== null && <td>{bytes(one.resident)}</td>}
            <td>{one.failures}</td>
            <td>{one.signals}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Overview() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [stretches, setStretches] = useState<readonly Stretch[]>([]);
  const [asTable, setAsTable] = useState(false);
  const [brush, setBrush] = useState<readonly [a: number, b: number] | null>(null);
  const info = opened.value!;
  const [from, to] = range.value;
  const at = moment.value;
  useEffect(() => {
    void ask((api) => api.stretches(space.value, [from, to], MOST)).then((answer) => setStretches(answer ?? []));
  }, [from, to, space.value, info]);
  useEffect(() => {
    const element = canvas.current!;
    const paint = (): void => draw(element, stretches, { at, limit: info.maxMapCount, brush });
    paint();
    const observer = new ResizeObserver(paint);
    observer.observe(element);
    return () => observer.disconnect();
  });
  const atPointer = (event: PointerEvent): number => {
    const box = canvas.current!.getBoundingClientRect();
    const part = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    return Math.round(from + part * (to - from));
  };
  const endBrush = (): void => {
    if (brush === null) return;
    setBrush(null);
    const [low, high] = [Math.min(...brush), Math.max(...brush)];
    if (low < high) range.value = [low, high];
  };
  const step = row.value;
  const all = from === 0 && to === info.steps;
  return (
    <section class="overview" aria-labelledby="overview-title">
      <h2 id="overview-title">Over time</h2>
      <canvas
        ref={canvas}
        aria-hidden="true"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          const here = atPointer(event);
          if (event.shiftKey) setBrush([here, here]);
          else go(here);
        }}
        onPointerMove={(event) => {
          if (event.buttons === 0) return;
          const here = atPointer(event);
          if (brush === null) go(here);
          else setBrush([brush[0], here]);
        }}
        onPointerUp={endBrush}
        onPointerCancel={() => setBrush(null)}
      />
      <input
        class="time"
        type="range"
        aria-label="Moment"
        aria-valuetext={step === null ? 'before the first step' : `step ${at}: ${step.text}`}
        min={from}
        max={to}
        value={at}
        onInput={(event) => go(Number(event.currentTarget.value))}
      />
      <div class="bar">
        <button type="button" onClick={() => go(0)}>
          First
        </button>
        <button type="button" onClick={() => stepBy(-1)}>
          Back
        </button>
        <button type="button" aria-pressed={playing.value} onClick={() => (playing.value = !playing.value)}>
          {playing.value ? 'Stop' : 'Play'}
        </button>
        <button type="button" onClick={() => stepBy(1)}>
          Forward
        </button>
        <button type="button" onClick={() => go(info.steps)}>
          Last
        </button>
        <span class="apart" />
        <button type="button" disabled={at >= to} onClick={() => (range.value = [at, to])}>
          Begin here
        </button>
        <button type="button" disabled={at <= from} onClick={() => (range.value = [from, at])}>
          End here
        </button>
        <button type="button" disabled={all} onClick={() => (range.value = [0, info.steps])}>
          All of it
        </button>
        <span class="faint">or drag with Shift</span>
        <span class="apart" />
        <button type="button" aria-expanded={asTable} onClick={() => setAsTable(!asTable)}>
          As a table
        </button>
      </div>
      {asTable && <Table />}
      <p class="step" aria-live="polite">
        {step === null ? (
          'Before the first step.'
        ) : (
          <>
            Step {at} of {info.steps}
            {step.title !== '' && <strong>. {step.title}</strong>}
            {info.kind === 'log' && `, line ${step.line}`}: <code>{step.text}</code>
            {step.kind === 'call' && ` = ${step.recorded}`}
            {step.differs && <strong> (here {step.result})</strong>}; {count(step.areas, 'area')} after it.
          </>
        )}
      </p>
    </section>
  );
}
