/** Two moments: what came, went, grew and changed between them. */
import { useEffect, useState } from 'preact/hooks';
import type { ChangeLine, Comparison } from '../../engine/protocol.ts';
import { ask, go, moment, momentA, momentB, opened, space } from '../state/state.ts';
import { bytes, count } from '../../words.ts';

/** Changes listed. */
const MOST = 200;

function Change({ change }: { readonly change: ChangeLine }) {
  const { kind, before, after, bytes: size } = change;
  return (
    <tr>
      <th scope="row">{kind}</th>
      <td>
        {before.map((line) => (
          <code key={line.start}>{line.text}</code>
        ))}
      </td>
      <td>
        {after.map((line) => (
          <code key={line.start}>{line.text}</code>
        ))}
      </td>
      <td class="number">{size === 0 ? '' : `${size > 0 ? '+' : ''}${bytes(size)}`}</td>
    </tr>
  );
}

function Pick({
  name,
  value,
  set,
}: {
  readonly name: string;
  readonly value: number;
  readonly set: (to: number) => void;
}) {
  return (
    <span class="pick">
      <label>
        {name}:{' '}
        <input
          type="number"
          min={0}
          max={opened.value!.steps}
          value={value}
          onChange={(event) => {
            const to = Number(event.currentTarget.value);
            if (to >= 0 && to <= opened.value!.steps) set(Math.round(to));
          }}
        />
      </label>
      <button type="button" onClick={() => set(moment.value)}>
        {name} is this moment
      </button>
      <button type="button" onClick={() => go(value, true)}>
        Go to {name}
      </button>
    </span>
  );
}

export function Moments() {
  const [compared, setCompared] = useState<Comparison | null>(null);
  const [a, b] = [momentA.value, momentB.value];
  useEffect(() => {
    void ask((api) => api.compare(a, b, space.value)).then(setCompared);
  }, [a, b, space.value, opened.value]);
  return (
    <>
      <div class="bar">
        <Pick name="A" value={a} set={(to) => (momentA.value = to)} />
        <Pick name="B" value={b} set={(to) => (momentB.value = to)} />
      </div>
      {compared !== null && (
        <>
          <p role="status">
            {count(compared.changes.length, 'change')} from A (step {compared.a}) to B (step {compared.b}):{' '}
            {compared.areas[0].toLocaleString('en')} to {count(compared.areas[1], 'area')}, {bytes(compared.bytes[0])}{' '}
            to {bytes(compared.bytes[1])}.
          </p>
          {compared.changes.length > 0 && (
            <div class="scroll" tabIndex={0} role="group" aria-label="Changes">
              <table>
                <thead>
                  <tr>
                    <th scope="col">change</th>
                    <th scope="col">at A</th>
                    <th scope="col">at B</th>
                    <th scope="col">bytes</th>
                  </tr>
                </thead>
                <tbody>
                  {compared.changes.slice(0, MOST).map((change, i) => (
                    <Change key={i} change={change} />
                  ))}
                </tbody>
              </table>
            </div>
          )}
          {compared.changes.length > MOST && <p>The first {MOST} are listed.</p>}
        </>
      )}
    </>
  );
}
