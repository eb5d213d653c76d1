/** The map at the chosen moment: a picture to scale, and the same as a list of the lines that /proc/PID/maps has. */
import { signal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { MARKS, type AreaView, type MapView } from '../../engine/protocol.ts';
import { drawMap, swatch, type Picture } from './draw.ts';
import { KINDS, kindOf, permissions, RIGHTS, rightsOf } from './kinds.ts';
import { landmarkSentences } from './landmark-words.ts';
import { Pages } from './pages.tsx';
import { indexAt, scaleOf, type Scale } from './scale.ts';
import { ask, go, map, moment, opened, selectedArea } from '../state/state.ts';
import { VirtualList } from '../parts/virtual-list.tsx';
import { bytes, count } from '../../words.ts';

/** How the map is coloured. */
export const colouring = signal<Picture['by']>('kind');
/** The part of the picture that is in sight, as parts of its length. */
export const zoom = signal<readonly [from: number, to: number]>([0, 1]);

/** Zooms by a factor about a part of the picture. */
function zoomBy(factor: number, about: number, smallest: number): void {
  const [from, to] = zoom.value;
  const size = Math.min(1, Math.max(smallest, (to - from) * factor));
  const begin = Math.max(0, Math.min(1 - size, about - ((about - from) / (to - from)) * size));
  zoom.value = [begin, begin + size];
}

function pan(by: number): void {
  const [from, to] = zoom.value;
  const size = to - from;
  const begin = Math.max(0, Math.min(1 - size, from + by * size));
  zoom.value = [begin, begin + size];
}

/** Brings an area into sight, with room around it. */
function zoomTo(view: MapView, scale: Scale, index: number, smallest: number): void {
  const { starts, ends } = view.columns;
  const size = ends[index]! - starts[index]!;
  const wide = Math.min(1, Math.max(smallest, (size * 3) / scale.length));
  const middle = (scale.at[index]! + size / 2) / scale.length;
  const begin = Math.max(0, Math.min(1 - wide, middle - wide / 2));
  zoom.value = [begin, begin + wide];
}

function Swatch({ index }: { readonly index: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const by = colouring.value;
  useEffect(() => swatch(canvas.current!, by, index));
  return <canvas ref={canvas} class="swatch" aria-hidden="true" />;
}

function Legend({ view }: { readonly view: MapView }) {
  const by = colouring.value;
  const { columns } = view;
  const present = new Set<number>();
  for (let i = 0; i < columns.starts.length; i++)
    present.add(by === 'kind' ? kindOf(columns, i) : rightsOf(columns, i));
  return (
    <ul class="legend" aria-label="Colours">
      {(by === 'kind' ? KINDS : RIGHTS).map((word, index) =>
        present.has(index) ? (
          <li key={word}>
            <Swatch index={index} /> {word}
          </li>
        ) : null,
      )}
    </ul>
  );
}

function AreaDetails({ id, view }: { readonly id: number; readonly view: MapView }) {
  const [area, setArea] = useState<AreaView | null>(null);
  useEffect(() => {
    void ask((api) => api.area(id)).then(setArea);
  }, [id]);
  if (area === null) return null;
  const index = view.columns.ids.indexOf(id);
  const { since } = area;
  return (
    <p class="details">
      {bytes(area.end - area.start)}
      {index >= 0 && `, ${KINDS[kindOf(view.columns, index)]!}`}. It has been so since{' '}
      <button type="button" onClick={() => go(since.moment, true)}>
        {since.line > 0 && opened.value?.kind === 'log' ? `line ${since.line}` : `step ${since.moment}`}
      </button>
      : <code>{since.text}</code>.
    </p>
  );
}

function lineOf({ columns }: MapView, i: number): string {
  const name = columns.names[columns.name[i]!]!;
  const address = (value: number): string => value.toString(16).padStart(8, '0');
  const offset = columns.offsets[i]!.toString(16).padStart(8, '0');
  return `${address(columns.starts[i]!)}-${address(columns.ends[i]!)} ${permissions(columns.rights[i]!)} ${offset} ${name}`;
}

/** Pages in sight at which single ones are drawn. */
const FEW_PAGES = 150;

/** What is said of the picture when no area is pointed at. */
function groundSentence({ pages }: MapView, inSight: number, pageSize: number): string {
  const scaled = 'Areas are to scale; gaps are compressed and carry their size.';
  if (inSight > FEW_PAGES * pageSize) return scaled;
  return pages === null
    ? `${scaled} Lines are borders of pages. A log does not tell which pages are in memory; the tours show them.`
    : `${scaled} Pages in memory: D dirty, S shared, C copied, • only present.`;
}

export function AddressMap() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [pointed, setPointed] = useState(-1);
  const view = map.value;
  const info = opened.value!;
  const scale = useMemo(() => (view === null ? null : scaleOf(view.columns)), [view]);
  const chosen = view === null ? -1 : view.columns.ids.indexOf(selectedArea.value);
  const smallest = scale === null ? 1 : Math.min(1, (info.pageSize * 2) / scale.length);
  useEffect(() => {
    const element = canvas.current;
    if (element === null || view === null || scale === null) return undefined;
    const [from, to] = zoom.value;
    const window = [from * scale.length, to * scale.length] as const;
    const paint = (): void =>
      drawMap(element, { view, scale, window, by: colouring.value, chosen, pageSize: info.pageSize });
    paint();
    const observer = new ResizeObserver(paint);
    observer.observe(element);
    return () => observer.disconnect();
  });
  if (view === null || scale === null) return <section class="map" aria-label="Map" />;
  const { columns, gone } = view;
  const landmarks = landmarkSentences(view.landmarks);
  const { length } = columns.starts;
  const partAt = (event: MouseEvent): number => {
    const box = canvas.current!.getBoundingClientRect();
    const [from, to] = zoom.value;
    return from + ((event.clientX - box.left) / box.width) * (to - from);
  };
  const areaAt = (event: MouseEvent): number => {
    const position = partAt(event) * scale.length;
    const index = indexAt(scale, columns, position);
    return index < length && scale.at[index]! <= position ? index : -1;
  };
  const [from, to] = zoom.value;
  const middle = (from + to) / 2;
  return (
    <section class="map" aria-labelledby="map-title">
      <h2 id="map-title">
        Map <small>{`${count(length, 'area')}, ${bytes(view.bytes)}`}</small>
      </h2>
      <div class="bar">
        <label>
          Colours:{' '}
          <select
            value={colouring.value}
            onChange={(event) => (colouring.value = event.currentTarget.value === 'rights' ? 'rights' : 'kind')}
          >
            <option value="kind">by kind</option>
            <option value="rights">by rights</option>
          </select>
        </label>
        <span class="apart" />
        <button type="button" aria-label="Zoom in" onClick={() => zoomBy(0.5, middle, smallest)}>
          +
        </button>
        <button
          type="button"
          aria-label="Zoom out"
          disabled={to - from >= 1}
          onClick={() => zoomBy(2, middle, smallest)}
        >
          −
        </button>
        <button type="button" disabled={from <= 0} aria-label="To lower addresses" onClick={() => pan(-0.5)}>
          ◀
        </button>
        <button type="button" disabled={to >= 1} aria-label="To higher addresses" onClick={() => pan(0.5)}>
          ▶
        </button>
        <button type="button" disabled={to - from >= 1} onClick={() => (zoom.value = [0, 1])}>
          All of it
        </button>
        <button type="button" disabled={chosen < 0} onClick={() => zoomTo(view, scale, chosen, smallest)}>
          To the chosen area
        </button>
      </div>
      <canvas
        ref={canvas}
        aria-hidden="true"
        onWheel={(event) => {
          if (!event.ctrlKey && !event.shiftKey) return;
          event.preventDefault();
          if (event.shiftKey) pan(Math.sign(event.deltaY || event.deltaX) * 0.2);
          else zoomBy(event.deltaY > 0 ? 1.3 : 1 / 1.3, partAt(event), smallest);
        }}
        onPointerMove={(event) => setPointed(areaAt(event))}
        onPointerLeave={() => setPointed(-1)}
        onClick={(event) => {
          const index = areaAt(event);
          selectedArea.value = index < 0 ? -1 : columns.ids[index]!;
        }}
        onDblClick={(event) => zoomBy(0.4, partAt(event), smallest)}
      />
      <p class="pointed faint">
        {pointed >= 0 && pointed < length ? (
          <code>{lineOf(view, pointed)}</code>
        ) : (
          groundSentence(view, (to - from) * scale.length, info.pageSize)
        )}
      </p>
      <Legend view={view} />
      <VirtualList
        id="area"
        label={`Areas at moment ${moment.value}`}
        length={length}
        chosen={chosen}
        choose={(index) => (selectedArea.value = columns.ids[index]!)}
        look={(index) => (columns.marks[index] === 0 ? '' : 'marked')}
        row={(index) => (
          <>
            <span class="mark">{MARKS[columns.marks[index]!]}</span>
            <span class="text">{lineOf(view, index)}</span>
          </>
        )}
      />
      {gone.length > 0 && (
        <ul class="gone" aria-label="Areas that went at this step">
          {gone.slice(0, 8).map((line) => (
            <li key={line.start}>
              went: <code>{line.text}</code>
            </li>
          ))}
          {gone.length > 8 && <li>and {gone.length - 8} more</li>}
        </ul>
      )}
      {selectedArea.value >= 0 && <AreaDetails id={selectedArea.value} view={view} />}
      <Pages view={view} pageSize={info.pageSize} />
      {landmarks.length > 0 && (
        <ul class="faint landmarks" aria-label="On the map">
          {landmarks.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
    </section>
  );
}
