/** The page. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Opened } from '../engine/protocol.ts';
import { Calls } from './calls.tsx';
import { Landing, OpenButton, RecordingChoice } from './landing.tsx';
import { AddressMap } from './map/map.tsx';
import { Moments } from './panels/moments.tsx';
import { Overview } from './overview.tsx';
import {
  close,
  go,
  goToSpace,
  opened,
  openUserFiles,
  panel,
  problem,
  space,
  working,
  type Panel,
} from './state/state.ts';
import { Share } from './share.tsx';
import { TourStep } from './panels/tour-step.tsx';
import { Try } from './panels/try.tsx';
import { WhatIf } from './panels/what-if.tsx';
import { Why } from './panels/why.tsx';
import { count } from '../words.ts';

const TITLES: Readonly<Record<Panel, string>> = {
  step: 'This step',
  why: 'Why',
  moments: 'Two moments',
  'what-if': 'What if',
  try: 'Try',
};

const PANELS: Readonly<Record<Opened['kind'], readonly Panel[]>> = {
  log: ['why', 'moments', 'what-if', 'try'],
  series: ['moments'],
  tour: ['step', 'moments'],
};

function Panels() {
  const info = opened.value!;
  const panels = PANELS[info.kind];
  const shown = panels.includes(panel.value) ? panel.value : panels[0]!;
  const tabs = useRef<HTMLDivElement>(null);
  const choose = (index: number): void => {
    const next = panels[(index + panels.length) % panels.length]!;
    panel.value = next;
    tabs.current?.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  };
  return (
    <section class="panels" aria-label="Questions">
      <div
        ref={tabs}
        role="tablist"
        aria-label="Questions"
        onKeyDown={(event) => {
          const at = panels.indexOf(shown);
          if (event.key === 'ArrowRight') choose(at + 1);
          else if (event.key === 'ArrowLeft') choose(at - 1);
          else if (event.key === 'Home') choose(0);
          else if (event.key === 'End') choose(-1);
        }}
      >
        {panels.map((name) => (
          <button
            key={name}
            id={`tab-${name}`}
            type="button"
            role="tab"
            aria-selected={name === shown}
            aria-controls="panel"
            tabIndex={name === shown ? 0 : -1}
            onClick={() => (panel.value = name)}
          >
            {TITLES[name]}
          </button>
        ))}
      </div>
      <div id="panel" role="tabpanel" tabIndex={0} aria-labelledby={`tab-${shown}`}>
        {shown === 'step' && <TourStep />}
        {shown === 'why' && <Why />}
        {shown === 'moments' && <Moments />}
        {shown === 'what-if' && <WhatIf />}
        {shown === 'try' && <Try />}
      </div>
    </section>
  );
}

/** Troubles listed at first. */
const FEW = 3;

function Summary() {
  const [all, setAll] = useState(false);
  const info = opened.value!;
  const { troubles, notes, situation } = info;
  const shown = all ? troubles : troubles.slice(0, FEW);
  return (
    <section class="summary" aria-labelledby="summary-title">
      <h2 id="summary-title">{info.title}</h2>
      <p class={info.good ? 'verdict good' : 'verdict bad'}>{info.verdict}</p>
      {shown.length > 0 && (
        <ul>
          {shown.map(({ moment, line, text }, i) => (
            <li key={i}>
              <button type="button" onClick={() => go(moment)}>
                line {line}
              </button>{' '}
              {text}
            </li>
          ))}
        </ul>
      )}
      <div class="bar">
        {troubles.length > FEW && (
          <button type="button" aria-expanded={all} onClick={() => setAll(!all)}>
            {all ? 'Fewer' : `${troubles.length - FEW} more`}
          </button>
        )}
        {info.spaces.length > 1 && (
          <label>
            Process:{' '}
            <select value={space.value} onChange={(event) => goToSpace(Number(event.currentTarget.value))}>
              {info.spaces.map(({ index, pid, program, from }) => (
                <option key={index} value={index}>
                  {`${pid}${program === '' ? '' : ` ${program}`}, from step ${from}`}
                </option>
              ))}
            </select>
          </label>
        )}
        {situation.length + notes.length > 0 && (
          <details>
            <summary>What is known and assumed ({count(situation.length + notes.length, 'line')})</summary>
            <ul>
              {[...situation, ...notes].map((line, i) => (
                <li key={i}>{line}</li>
              ))}
            </ul>
          </details>
        )}
      </div>
    </section>
  );
}

const THEMES = ['', 'light', 'dark'] as const;

function Theme() {
  const [theme, setTheme] = useState('');
  useEffect(() => {
    if (theme === '') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
    // Pictures are drawn again when their box changes.
    window.dispatchEvent(new Event('resize'));
  }, [theme]);
  return (
    <label>
      <span class="hidden">Colours of the page</span>
      <select value={theme} onChange={(event) => setTheme(event.currentTarget.value)}>
        {THEMES.map((name) => (
          <option key={name} value={name}>
            {name === '' ? "The system's colours" : name}
          </option>
        ))}
      </select>
    </label>
  );
}

export function App() {
  const info = opened.value;
  const busy = working.value;
  return (
    <div
      class="page"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        const files = event.dataTransfer?.files;
        if (files !== undefined && files.length > 0) void openUserFiles([...files]);
      }}
    >
      <header>
        <h1>vmarea explorer</h1>
        {info !== null && (
          <div class="bar">
            <OpenButton />
            <RecordingChoice />
            <Share />
            <button type="button" onClick={close}>
              Close
            </button>
          </div>
        )}
        <Theme />
      </header>
      <main>
        {problem.value !== '' && (
          <div class="problem" role="alert">
            <p>{problem.value}</p>
            <button type="button" onClick={() => (problem.value = '')}>
              Dismiss
            </button>
          </div>
        )}
        {busy !== null && (
          <p role="status" class="working">
            Reading and replaying… <progress max={1} value={busy} aria-label="Part that is done" />
          </p>
        )}
        {info === null ? (
          <Landing />
        ) : (
          <>
            <Summary />
            <Overview />
            <div class="columns">
              <Calls />
              <div class="right">
                <AddressMap />
                <Panels />
              </div>
            </div>
          </>
        )}
      </main>
    </div>
  );
}
