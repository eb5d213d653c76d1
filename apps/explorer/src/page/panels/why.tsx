/** Why the chosen call was answered so: the answer first, then what helps, the checks, and the functions that were passed. */
import { useEffect, useState } from 'preact/hooks';
import type { WhyView } from '../../engine/protocol.ts';
import { ask, moment, opened, row } from '../state/state.ts';
import { canRun, runWith } from './what-if.tsx';

/** A reason's id, which leads to what docs/reasons.md says of it. */
function ReasonLink({ id }: { readonly id: string }) {
  return id === '' ? null : (
    <a href={`./reasons.html#${id}`} target="_blank" rel="noopener">
      {id}
    </a>
  );
}

function List({ title, lines }: { readonly title: string; readonly lines: readonly string[] }) {
  if (lines.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul>
        {lines.map((line, i) => (
          <li key={i}>{line}</li>
        ))}
      </ul>
    </>
  );
}

function Changes({ view }: { readonly view: WhyView }) {
  const { answer } = view;
  if (answer.changes.length === 0) return null;
  return (
    <>
      <h3>{answer.succeeded ? 'What would refuse it' : 'What was tried'}</h3>
      <table>
        <thead>
          <tr>
            <th scope="col">change</th>
            <th scope="col">then</th>
          </tr>
        </thead>
        <tbody>
          {answer.changes.map(({ change, then, reason, caveat, option }) => (
            <tr key={change}>
              <td>
                {change}
                {option !== '' && (
                  <>
                    {' '}
                    <code>{option}</code>{' '}
                    {canRun(option) && (
                      <button type="button" onClick={() => runWith(option)}>
                        Run the log so
                      </button>
                    )}
                  </>
                )}
              </td>
              <td>
                <code>{then}</code>
                {reason !== null && (
                  <>
                    {' '}
                    {reason.sentence} <ReasonLink id={reason.id} />
                  </>
                )}
                {caveat !== '' && ` (${caveat})`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Answer({ view, recorded }: { readonly view: WhyView; readonly recorded: string }) {
  const { answer, path, checks, apart } = view;
  const { refusal } = answer;
  const disagrees = answer.comparison !== null && !answer.comparison.agrees;
  return (
    <>
      <p class={answer.succeeded ? 'verdict good' : 'verdict bad'}>
        <code>{answer.call}</code> = <strong>{answer.result}</strong>
      </p>
      {refusal !== null && (
        <>
          <p>
            {refusal.sentence} {refusal.figures} {refusal.turned}
          </p>
          <p class="faint">
            Decided in {refusal.reason.fn} (<ReasonLink id={refusal.reason.id} />
            ).
            {refusal.reason.reference !== '' && ` Source: ${refusal.reason.reference}.`}
          </p>
          {refusal.advice !== '' && <p>{refusal.advice}</p>}
        </>
      )}
      {!disagrees && recorded !== '?' && !answer.result.startsWith(recorded) && (
        <p>
          The log says <code>{recorded}</code>. That was not judged: the log tells too little of what it depends on.
        </p>
      )}
      {answer.comparison !== null && disagrees && (
        <p>
          The log says {answer.comparison.recorded}. {answer.comparison.note}{' '}
          {answer.comparison.causes.map(({ condition }) => `That answer comes if ${condition}. `)}
        </p>
      )}
      <List title="What the kernel chose" lines={answer.choices} />
      <Changes view={view} />
      {apart.length > 0 && (
        <details>
          <summary>Why neighbours stay apart ({apart.length})</summary>
          <ul>
            {apart.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </details>
      )}
      {checks.length > 0 && (
        <details>
          <summary>{checks.length} checks on the way</summary>
          <ul class="checks">
            {checks.map(({ passed, fn, id, sentence, operands }) => (
              <li key={`${id} ${operands}`}>
                {passed ? '✓ passed' : '✗ refused'} {fn}: <ReasonLink id={id} />
                {operands !== '' && ` — ${operands}`}
                <br />
                <span class="faint">It refuses when this does not hold: {sentence}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
      <details>
        <summary>The functions that were passed</summary>
        <pre tabIndex={0}>{path.join('\n')}</pre>
      </details>
    </>
  );
}

export function Why() {
  const [view, setView] = useState<WhyView | null | 'working'>('working');
  const info = opened.value!;
  const step = row.value;
  const number = step !== null && step.moment === moment.value ? step.number : 0;
  useEffect(() => {
    setView('working');
    if (number === 0) return undefined;
    let current = true;
    // Not at every step that is passed on the way.
    const timer = setTimeout(() => {
      void ask((api) => api.why(number)).then((answer) => {
        if (current) setView(answer);
      });
    }, 200);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [number, info]);
  if (number === 0) return <p>Choose a call about memory: this step is none.</p>;
  if (view === 'working') return <p role="status">The log is replayed up to this call…</p>;
  if (view === null) return <p>The replay does not reach this call, so that it cannot be explained.</p>;
  return <Answer view={view} recorded={step!.recorded} />;
}
