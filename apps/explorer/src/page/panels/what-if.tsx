/** The same log on another machine, or under other limits: the calls whose answers differ, side by side. */
import { effect, signal } from '@preact/signals';
import { NO_SETTINGS, type Settings } from '../../engine/protocol.ts';
import { ask, given, open, opened, otherRun, panel, recording, settings, go } from '../state/state.ts';
import { count } from '../../words.ts';

/** A call that was answered otherwise. */
interface Other {
  readonly moment: number;
  readonly line: number;
  readonly text: string;
  readonly before: string;
  readonly after: string;
}

interface Outcome {
  readonly verdict: string;
  readonly calls: number;
  readonly all: number;
  readonly others: readonly Other[];
  readonly more: number;
}

/** Rows of the table. */
const MOST = 200;
const outcome = signal<Outcome | null>(null);
const progress = signal<number | null>(null);
/** What the form says. */
const form = signal<Settings>(NO_SETTINGS);

// Another input begins anew.
effect(() => {
  form.value = opened.value === null ? NO_SETTINGS : settings.peek();
  outcome.value = null;
});

/** The settings that an option of the command makes; null for one that is none of the form's. */
function settingsOf(option: string): Settings | null {
  const words = option.split(' ');
  let made = NO_SETTINGS;
  for (let i = 0; i < words.length; i += 2) {
    const name = words[i] === '--sysctl' ? 'sysctl' : words[i] === '--rlimit' ? 'rlimit' : null;
    const value = words[i + 1];
    if (name === null || value === undefined) return null;
    made = { ...made, [name]: made[name] === '' ? value : `${made[name]},${value}` };
  }
  return made;
}

/** Whether {@link runWith} can make a change. */
export function canRun(option: string): boolean {
  return option !== '' && settingsOf(option) !== null;
}

/** Runs the log again with an option of the command, and shows what is answered otherwise. */
export function runWith(option: string): void {
  const changed = settingsOf(option);
  if (changed === null || progress.value !== null) return;
  form.value = changed;
  panel.value = 'what-if';
  void compare(changed);
}

const FIELDS: readonly { readonly name: keyof Settings; readonly label: string; readonly hint: string }[] = [
  { name: 'sysctl', label: 'Sysctls', hint: 'max_map_count=100,overcommit_memory=2' },
  { name: 'rlimit', label: 'Limits', hint: 'as=64m,memlock=0,stack=8m' },
];
const CHOICES: readonly {
  readonly name: keyof Settings;
  readonly label: string;
  readonly values: readonly string[];
}[] = [
  { name: 'kernel', label: 'Kernel', values: ['msm-4.4', 'linux-6.1', 'linux-6.12'] },
  { name: 'arch', label: 'Architecture', values: ['arm64', 'x86-64'] },
  { name: 'pageSize', label: 'Page size', values: ['4k', '16k', '64k'] },
  { name: 'vaBits', label: 'Address bits', values: ['36', '39', '42', '47', '48', '56'] },
];

/** Runs the log again in a worker of its own, and compares. */
async function compare(changed: Settings): Promise<void> {
  progress.value = 0;
  outcome.value = null;
  const other = await otherRun(given(), changed, (part) => (progress.value = part));
  const base = await ask((api) => api.answers());
  if (other !== null && base !== null) {
    const length = Math.min(other.answers.length, base.length);
    const differing: number[] = [];
    for (let i = 0; i < length; i++) if (other.answers[i]!.result !== base[i]!.result) differing.push(i);
    outcome.value = {
      verdict: other.opened.verdict,
      calls: other.answers.length,
      all: base.length,
      others: differing.slice(0, MOST).map((i) => ({
        moment: base[i]!.moment,
        line: base[i]!.line,
        text: base[i]!.text,
        before: base[i]!.result,
        after: other.answers[i]!.result,
      })),
      more: Math.max(0, differing.length - MOST),
    };
  }
  progress.value = null;
}

function Result({ result }: { readonly result: Outcome }) {
  const { verdict, calls, all, others, more } = result;
  return (
    <>
      <p role="status">
        {others.length + more === 0
          ? `All of ${count(calls, 'call')} that were made get the same answers.`
          : `${count(others.length + more, 'call')} of ${count(calls, 'call')} that were made get other answers.`}
        {calls < all &&
          ` The other run ends after ${calls} of ${all}: what follows in the log rests on an answer that it does not give.`}
      </p>
      <p class="faint">{verdict}</p>
      {others.length > 0 && (
        <div class="scroll" tabIndex={0} role="group" aria-label="Answers that differ">
          <table>
            <thead>
              <tr>
                <th scope="col">line</th>
                <th scope="col">call</th>
                <th scope="col">as it is</th>
                <th scope="col">what if</th>
              </tr>
            </thead>
            <tbody>
              {others.map(({ moment, line, text, before, after }) => (
                <tr key={moment}>
                  <th scope="row">
                    <button type="button" onClick={() => go(moment)}>
                      {line}
                    </button>
                  </th>
                  <td>
                    <code>{text}</code>
                  </td>
                  <td>
                    <code>{before}</code>
                  </td>
                  <td>
                    <code>{after}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {more > 0 && <p>and {more} more</p>}
    </>
  );
}

export function WhatIf() {
  const set = (name: keyof Settings, value: string): void => {
    form.value = { ...form.value, [name]: value };
  };
  const busy = progress.value !== null;
  const empty = Object.values(form.value).every((value) => value === '');
  return (
    <>
      <form
        class="bar"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void compare(form.value);
        }}
      >
        {CHOICES.map(({ name, label, values }) => (
          <label key={name}>
            {label}:{' '}
            <select value={form.value[name]} onChange={(event) => set(name, event.currentTarget.value)}>
              <option value="">as the log shows</option>
              {values.map((value) => (
                <option key={value}>{value}</option>
              ))}
            </select>
          </label>
        ))}
        {FIELDS.map(({ name, label, hint }) => (
          <label key={name}>
            {label}:{' '}
            <input
              placeholder={hint}
              value={form.value[name]}
              onInput={(event) => set(name, event.currentTarget.value)}
            />
          </label>
        ))}
        <button type="submit" disabled={busy || empty}>
          Compare
        </button>
        <button
          type="button"
          disabled={busy || empty}
          onClick={() => void open(given(), { settings: form.value, recording: recording.value })}
        >
          Look at this run
        </button>
        <button
          type="button"
          disabled={busy || Object.values(settings.value).every((value) => value === '')}
          onClick={() => {
            form.value = NO_SETTINGS;
            void open(given(), { recording: recording.value });
          }}
        >
          Back to the log's own
        </button>
      </form>
      {busy && <progress max={1} value={progress.value ?? 0} aria-label="Part of the other run that is done" />}
      {outcome.value !== null && <Result result={outcome.value} />}
    </>
  );
}
