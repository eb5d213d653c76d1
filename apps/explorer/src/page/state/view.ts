/** What is seen, as a view to share, and back. */
import type { InputFile } from '../../engine/protocol.ts';
import { colouring, zoom } from '../map/map.tsx';
import { RECORDINGS } from './recordings.ts';
import { asFiles, asTexts, readView, unpackView, type View } from './share-text.ts';
import {
  findSteps,
  given,
  moment,
  momentA,
  momentB,
  open,
  opened,
  openTour,
  openUrls,
  panel,
  problem,
  query,
  range,
  recording,
  settings,
  space,
  tourOf,
  tries,
} from './state.ts';

/** The view as it is now. */
export async function viewNow(): Promise<View> {
  return {
    recording: recording.value,
    files: recording.value === '' ? await asTexts(given()) : [],
    moment: moment.value,
    space: space.value,
    query: query.value,
    panel: panel.value,
    a: momentA.value,
    b: momentB.value,
    range: range.value,
    zoom: zoom.value,
    colouring: colouring.value,
    settings: settings.value,
    tries: tries.value,
  };
}

/** Shows a view. What it names and is not there is left as it is. */
async function restore(view: View): Promise<void> {
  const options = { settings: view.settings, moment: view.moment, space: view.space };
  let done: boolean;
  const tour = tourOf(view.recording);
  if (tour !== null) done = await openTour(tour, options);
  else if (view.recording === '') done = await open(asFiles(view.files), options);
  else {
    const named = RECORDINGS.find(({ title }) => title === view.recording);
    if (named === undefined) {
      problem.value = 'The shared view is of a recorded program that this page does not have.';
      return;
    }
    done = await openUrls(named.files, { ...options, recording: named.title });
  }
  const info = opened.value;
  if (!done || info === null) return;
  const within = (at: number): number => Math.max(0, Math.min(info.steps, at));
  momentA.value = within(view.a);
  momentB.value = within(view.b);
  const [from, to] = view.range;
  if (from >= 0 && from < to && to <= info.steps) range.value = [from, to];
  const [low, high] = view.zoom;
  if (low >= 0 && low < high && high <= 1) zoom.value = [low, high];
  colouring.value = view.colouring === 'rights' ? 'rights' : 'kind';
  if (view.panel === 'why' || view.panel === 'moments' || view.panel === 'what-if' || view.panel === 'try')
    panel.value = view.panel;
  tries.value = view.tries.slice(0, 100);
  if (view.query !== '') await findSteps(view.query);
}

/** Opens what the address holds. @returns whether it held a view */
export async function openAddress(): Promise<boolean> {
  try {
    const view = await unpackView(location.hash);
    if (view === null) return false;
    await restore(view);
  } catch (error) {
    problem.value = error instanceof Error ? error.message : String(error);
  }
  return true;
}

/** Opens a view that was saved as a file; false when the files are no view. */
export async function openSavedView(files: readonly InputFile[]): Promise<boolean> {
  const [file] = files;
  if (file === undefined || files.length !== 1 || !file.name.endsWith('.vmarea')) return false;
  try {
    await restore(readView(new TextDecoder().decode(file.bytes)));
  } catch (error) {
    problem.value = error instanceof Error ? error.message : String(error);
  }
  return true;
}
