/** What is shown before anything is open, and the buttons that open something. */
import { openTour, openUrls, openUserFiles } from './state/state.ts';
import { RECORDINGS } from './state/recordings.ts';

/** Opens files of the user's. */
export function OpenButton() {
  return (
    <label class="file">
      Open files
      <input
        type="file"
        multiple
        onChange={(event) => {
          const { files } = event.currentTarget;
          if (files !== null && files.length > 0) void openUserFiles([...files]);
          event.currentTarget.value = '';
        }}
      />
    </label>
  );
}

/** Chooses one of the recordings that come with the page. */
export function RecordingChoice() {
  return (
    <label>
      <span class="hidden">A recorded program</span>
      <select
        value=""
        onChange={(event) => {
          const recording = RECORDINGS[Number(event.currentTarget.value)];
          event.currentTarget.value = '';
          if (recording !== undefined) void openUrls(recording.files, { recording: recording.title });
        }}
      >
        <option value="">A recorded program…</option>
        {RECORDINGS.map(({ title }, i) => (
          <option key={title} value={i}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Landing() {
  return (
    <section class="landing" aria-labelledby="landing-title">
      <h2 id="landing-title">Look at an address space over time</h2>
      <p>
        Drop files here, open them, or choose a recorded program. Everything happens in this browser: nothing is
        uploaded.
      </p>
      <p class="bar">
        <OpenButton /> <RecordingChoice />
      </p>
      <p class="bar">
        <button type="button" onClick={() => void openTour('mappings')}>
          Tour: the three kinds of mapping
        </button>
        <button type="button" onClick={() => void openTour('pages')}>
          Tour: what becomes of pages
        </button>
        <span class="faint">
          for those who have no log: a file, anonymous memory and huge pages, mapped step by step.
        </span>
      </p>
      <dl>
        <dt>A log of strace</dt>
        <dd>
          <code>strace -f -o prog.strace -e trace=%memory,%file,%desc,%process PROGRAM</code>: every call about memory
          is made again, and its answer stands beside the kernel's. Beside it may lie the map of the process at its end,
          headers of the programs (<code>vmarea elf-headers</code>), <code>meminfo</code>, or all files of a bundle (
          <code>vmarea record</code>). Also packed with gzip.
        </dd>
        <dt>Maps or smaps</dt>
        <dd>
          One, several files in the order of their names, or one file with several maps: before each stands a line that
          begins with <code>#</code> and says when it was taken.
        </dd>
      </dl>
    </section>
  );
}
