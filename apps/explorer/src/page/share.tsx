/** The button that shares what is seen. */
import { signal } from '@preact/signals';
import { MOST_CHARACTERS, packView } from './state/share-text.ts';
import { viewNow } from './state/view.ts';

/** What came of sharing. */
const shared = signal<{ readonly text: string; readonly file: string } | null>(null);

async function share(): Promise<void> {
  const view = await viewNow();
  const packed = await packView(view);
  if (shared.value !== null && shared.value.file !== '') URL.revokeObjectURL(shared.value.file);
  if (packed.length <= MOST_CHARACTERS) {
    history.replaceState(null, '', `#${packed}`);
    shared.value = { text: 'The address of this page now holds all that is seen here: copy it.', file: '' };
    return;
  }
  const blob = new Blob([JSON.stringify({ version: 1, ...view })], { type: 'application/json' });
  shared.value = {
    text: `The input is too large for an address: ${packed.length.toLocaleString('en')} characters, of which mail and chats carry ${MOST_CHARACTERS.toLocaleString('en')}. A file holds it:`,
    file: URL.createObjectURL(blob),
  };
}

export function Share() {
  const done = shared.value;
  return (
    <>
      <button type="button" onClick={() => void share()}>
        Share
      </button>
      <span role="status">
        {done !== null && (
          <>
            {done.text}{' '}
            {done.file !== '' && (
              <a href={done.file} download="view.vmarea">
                view.vmarea
              </a>
            )}
          </>
        )}
      </span>
    </>
  );
}
