/** The list of steps, with its search. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Row } from '../engine/protocol.ts';
import {
  allSpaces,
  findSteps,
  found,
  go,
  knownRow,
  moment,
  opened,
  query,
  rowsOf,
  showAllSpaces,
} from './state/state.ts';
import { VirtualList } from './parts/virtual-list.tsx';
import { count } from '../words.ts';

/** Index of a moment in an ascending list; -1 when it is not there. */
function indexOf(list: Uint32Array, at: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]! < at) low = middle + 1;
    else high = middle;
  }
  return list[low] === at ? low : -1;
}

function StepRow({ step }: { readonly step: Row | undefined }) {
  if (step === undefined) return <span class="faint">…</span>;
  const { kind, line, pid, text, recorded, result, failed, differs, title } = step;
  return (
    <>
      <span class="number">{line}</span>
      <span class="number pid">{pid > 0 ? pid : ''}</span>
      <span class="text" title={title === '' ? text : `${title}: ${text}`}>
        {title !== '' && <em>{title}: </em>}
        {kind === 'call' ? text : <em>{text}</em>}
      </span>
      {kind === 'call' && (
        <span class={failed ? 'answer bad' : 'answer'}>
          {failed && '✗ '}
          {recorded === '?' ? result : recorded}
          {differs && <strong> here {result}</strong>}
        </span>
      )}
    </>
  );
}

const TITLES = { log: 'Calls', series: 'Maps', tour: 'Steps' } as const;
const LABELS = { log: 'Steps of the log', series: 'Maps of the series', tour: 'Steps of the tour' } as const;
/** Milliseconds after the last key before a search. */
const PAUSE = 150;

export function Calls() {
  const list = found.value;
  const info = opened.value!;
  // Rows arrive later than the list: this counts arrivals.
  const [, arrived] = useState(0);
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const moments = list?.moments ?? new Uint32Array(0);
  const load = (from: number, to: number): void => {
    const wanted = Array.from(moments.subarray(from, to));
    if (wanted.every((at) => knownRow(at) !== undefined)) return;
    void rowsOf(wanted).then(() => arrived((n) => n + 1));
  };
  const word = info.kind === 'series' ? 'map' : 'step';
  return (
    <section class="calls" aria-labelledby="calls-title">
      <h2 id="calls-title">{TITLES[info.kind]}</h2>
      <div class="bar">
        <input
          type="search"
          aria-label="Search the steps"
          placeholder="text, 0x7f…, failed, split, merged, pid:12"
          value={query.value}
          onInput={(event) => {
            const { value } = event.currentTarget;
            clearTimeout(timer.current);
            timer.current = window.setTimeout(() => void findSteps(value), PAUSE);
          }}
          onKeyDown={(event) => {
            if (event.key !== 'Enter') return;
            clearTimeout(timer.current);
            void findSteps(event.currentTarget.value);
          }}
        />
        {info.spaces.length > 1 && (
          <label>
            <input
              type="checkbox"
              checked={allSpaces.value}
              onChange={(event) => showAllSpaces(event.currentTarget.checked)}
            />
            all processes
          </label>
        )}
      </div>
      <p class="faint" role="status">
        {list === null ? 'searching…' : `${count(moments.length, word)}${list.what === '' ? '' : ` (${list.what})`}`}
      </p>
      <VirtualList
        id="step"
        label={LABELS[info.kind]}
        length={moments.length}
        chosen={indexOf(moments, moment.value)}
        choose={(index) => go(moments[index]!, !allSpaces.value)}
        sight={load}
        look={(index) => {
          const step = knownRow(moments[index]!);
          return step === undefined ? '' : step.differs ? 'differs' : step.failed ? 'failed' : step.kind;
        }}
        row={(index) => <StepRow step={knownRow(moments[index]!)} />}
      />
    </section>
  );
}
