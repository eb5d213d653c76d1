/** A prompt for calls: they are made after the chosen step, or in a new process, on a copy. */
import { useEffect, useState } from 'preact/hooks';
import type { Tried } from '../../engine/protocol.ts';
import { ask, moment, opened, row, tries } from '../state/state.ts';
import { count } from '../../words.ts';

/** Calls in full, for the completion. */
const EXAMPLES: readonly string[] = [
  'mmap(NULL, 16384, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)',
  'munmap(0x10000000, 4096)',
  'mprotect(0x10000000, 4096, PROT_READ)',
  'mremap(0x10000000, 4096, 8192, MREMAP_MAYMOVE)',
  'madvise(0x10000000, 4096, MADV_DONTNEED)',
  'mlock(0x10000000, 4096)',
  'brk(NULL)',
];

function Answer({ tried }: { readonly tried: Tried }) {
  const { call, result, succeeded, why, came, went, areas } = tried;
  return (
    <li>
      <code>{call}</code> = <strong class={succeeded ? 'good' : 'bad'}>{result}</strong>
      {why.map((line) => (
        <p key={line}>{line}</p>
      ))}
      {went.map((line) => (
        <p key={line}>
          − <code>{line}</code>
        </p>
      ))}
      {came.map((line) => (
        <p key={line}>
          + <code>{line}</code>
        </p>
      ))}
      <p class="faint">{count(areas, 'area')} after it</p>
    </li>
  );
}

export function Try() {
  const [text, setText] = useState('');
  const [answers, setAnswers] = useState<readonly Tried[]>([]);
  const [names, setNames] = useState<readonly string[]>([]);
  const [fresh, setFresh] = useState(false);
  const step = row.value;
  const number = step !== null && step.moment === moment.value ? step.number : 0;
  const inNew = fresh || number === 0;
  const lines = tries.value;
  useEffect(() => {
    void ask((api) => api.callNames()).then((found) => setNames(found ?? []));
  }, []);
  useEffect(() => {
    if (lines.length === 0) {
      setAnswers([]);
      return undefined;
    }
    let current = true;
    void ask((api) => api.tryCalls(inNew ? 0 : number, lines)).then((made) => {
      if (!current) return;
      // A line that is not understood goes back to the prompt.
      if (made === null) {
        setText(lines.at(-1)!);
        tries.value = lines.slice(0, -1);
      } else setAnswers(made);
    });
    return () => {
      current = false;
    };
  }, [lines, number, inNew, opened.value]);
  return (
    <>
      <form
        class="bar"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() === '') return;
          tries.value = [...lines, text.trim()];
          setText('');
        }}
      >
        <input
          class="wide"
          list="known-calls"
          aria-label="A call"
          placeholder={EXAMPLES[0]}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <datalist id="known-calls">
          {EXAMPLES.map((example) => (
            <option key={example} value={example} />
          ))}
          {names.map((name) => (
            <option key={name} value={`${name}(`} />
          ))}
        </datalist>
        <button type="submit">Make it</button>
        <button type="button" disabled={lines.length === 0} onClick={() => (tries.value = [])}>
          Begin again
        </button>
        <label>
          <input
            type="checkbox"
            checked={inNew}
            disabled={number === 0}
            onChange={(event) => setFresh(event.currentTarget.checked)}
          />
          in a new process
        </label>
      </form>
      <p class="faint">
        {inNew
          ? 'The calls are made in a new process of the usual machine (arm64, 4 KiB pages, Linux 6.1).'
          : `The calls are made on a copy of the process after line ${step!.line}. The log stays as it is.`}
      </p>
      <ol aria-live="polite">
        {answers.map((tried, i) => (
          <Answer key={i} tried={tried} />
        ))}
      </ol>
    </>
  );
}
