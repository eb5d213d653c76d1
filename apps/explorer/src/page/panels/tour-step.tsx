/** A step of a tour: what it does, its answer, and the functions that were passed. */
import { useEffect, useState } from 'preact/hooks';
import type { TourStepView } from '../../engine/protocol.ts';
import { ask, moment, opened } from '../state/state.ts';

export function TourStep() {
  const [step, setStep] = useState<TourStepView | null>(null);
  const at = moment.value;
  const info = opened.value;
  useEffect(() => {
    let current = true;
    void ask((api) => api.tourStep(at)).then((answer) => {
      if (current) setStep(answer);
    });
    return () => {
      current = false;
    };
  }, [at, info]);
  if (step === null) return <p>Nothing has been done yet: go to the first step with «Forward».</p>;
  const { title, call, result, path } = step;
  return (
    <>
      <h3>{title}</h3>
      <p class="verdict good">
        <code>{call}</code> = <strong>{result}</strong>
      </p>
      {path.length > 0 ? (
        <>
          <h3>The functions that were passed, and what they decided</h3>
          <pre tabIndex={0}>{path.join('\n')}</pre>
        </>
      ) : (
        <p class="faint">No function of the memory subsystem was passed.</p>
      )}
    </>
  );
}
