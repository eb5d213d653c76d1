/** What the page shows, and what the user does to it. Views read the signals; only functions here write them. */
import { effect, signal } from '@preact/signals';
import * as Comlink from 'comlink';
import {
  NO_SETTINGS,
  type AnswerLine,
  type Found,
  type InputFile,
  type MapView,
  type Opened,
  type Row,
  type Settings,
  type TourName,
} from '../../engine/protocol.ts';
import { startWorker, type Link } from './link.ts';

/** Panels beside the map. */
export type Panel = 'step' | 'why' | 'moments' | 'what-if' | 'try';

export const opened = signal<Opened | null>(null);
/** The part that is done while an input is read; null when nothing is. */
export const working = signal<number | null>(null);
/** What went wrong last; empty when nothing did. */
export const problem = signal('');
export const moment = signal(0);
export const space = signal(0);
/** The part of time that the overview shows. */
export const range = signal<readonly [from: number, to: number]>([0, 0]);
export const query = signal('');
export const allSpaces = signal(false);
export const found = signal<Found | null>(null);
export const row = signal<Row | null>(null);
export const map = signal<MapView | null>(null);
export const panel = signal<Panel>('why');
export const momentA = signal(0);
export const momentB = signal(0);
export const playing = signal(false);
export const selectedArea = signal(-1);
/** Settings under which the input was replayed. */
export const settings = signal<Settings>(NO_SETTINGS);
/** The title of the recording that is open; empty when the files are the user's. */
export const recording = signal('');
/** Calls that were typed. */
export const tries = signal<readonly string[]>([]);

let link: Link | null = null;
let files: readonly InputFile[] = [];
/** Counts openings, so that answers about an earlier input are dropped. */
let generation = 0;

/** The files that are open. */
export function given(): readonly InputFile[] {
  return files;
}

function worker(): Link {
  link ??= startWorker(lost);
  return link;
}

/** What the worker answers; null, with a message, when it cannot. */
export async function ask<T>(question: (api: Link['api']) => Promise<T>): Promise<T | null> {
  const asked = generation;
  try {
    const answer = await question(worker().api);
    return asked === generation ? answer : null;
  } catch (error) {
    if (asked === generation) problem.value = error instanceof Error ? error.message : String(error);
    return null;
  }
}

/** The worker died: a new one reads the files again. */
function lost(message: string): void {
  link?.close();
  link = null;
  working.value = null;
  problem.value = `The worker that replays was lost: ${message}. It is started again.`;
  // Once: an input that kills it again is not tried for ever.
  const again = files;
  files = [];
  const options = {
    moment: moment.value,
    space: space.value,
    settings: settings.value,
    recording: recording.value,
    keepProblem: true,
  };
  if (again.length > 0) void open(again, options);
  else opened.value = null;
}

interface OpenOptions {
  readonly settings?: Settings;
  readonly moment?: number;
  readonly space?: number;
  readonly keepProblem?: boolean;
  /** The title of the recording whose files these are. */
  readonly recording?: string;
}

/** Opens what the worker opens. What was open stays when that cannot be. */
async function openWith(question: (api: Link['api']) => Promise<Opened>, options: OpenOptions): Promise<boolean> {
  if (working.value !== null) return false;
  working.value = 0;
  playing.value = false;
  if (options.keepProblem !== true) problem.value = '';
  const answer = await ask(question);
  working.value = null;
  if (answer === null) return false;
  generation++;
  recording.value = options.recording ?? '';
  settings.value = options.settings ?? NO_SETTINGS;
  cache.clear();
  found.value = null;
  selectedArea.value = -1;
  tries.value = [];
  query.value = '';
  // A tour goes from one process to the other.
  allSpaces.value = answer.kind === 'tour';
  opened.value = answer;
  const at = Math.min(options.moment ?? answer.moment, answer.steps);
  space.value = answer.spaces[options.space ?? -1] === undefined ? answer.space : options.space!;
  momentA.value = 0;
  momentB.value = at;
  range.value = [0, answer.steps];
  moment.value = -1;
  go(at);
  await findSteps('');
  return true;
}

/** Opens files. */
export async function open(list: readonly InputFile[], options: OpenOptions = {}): Promise<boolean> {
  const progress = Comlink.proxy((part: number) => {
    working.value = part;
    return Promise.resolve();
  });
  const done = await openWith((api) => api.open(list, options.settings ?? NO_SETTINGS, progress), options);
  if (done) files = list;
  return done;
}

/** What the recording of a tour is called. */
const TOUR = 'tour:';

/** Opens a tour. */
export async function openTour(name: TourName, options: OpenOptions = {}): Promise<boolean> {
  const done = await openWith((api) => api.openTour(name), { ...options, recording: `${TOUR}${name}` });
  if (done) files = [];
  return done;
}

/** The tour that a recording's title names; null for any other title. */
export function tourOf(title: string): TourName | null {
  return title === `${TOUR}mappings` ? 'mappings' : title === `${TOUR}pages` ? 'pages' : null;
}

/** What another run of the same files gave. */
export interface OtherRun {
  readonly opened: Opened;
  readonly answers: readonly AnswerLine[];
}

/** Replays files under other settings in a worker of its own; null, with a message, when that cannot be done. */
export async function otherRun(
  list: readonly InputFile[],
  changed: Settings,
  told: (part: number) => void,
): Promise<OtherRun | null> {
  let fail: (error: Error) => void = () => undefined;
  const died = new Promise<never>((_, reject) => (fail = reject));
  const second = startWorker((message) => fail(new Error(`The worker of the other run was lost: ${message}.`)));
  const report = Comlink.proxy((part: number) => {
    told(part);
    return Promise.resolve();
  });
  try {
    const run = async (): Promise<OtherRun> => {
      const answer = await second.api.open(list, changed, report);
      return { opened: answer, answers: await second.api.answers() };
    };
    return await Promise.race([run(), died]);
  } catch (error) {
    problem.value = error instanceof Error ? error.message : String(error);
    return null;
  } finally {
    second.close();
  }
}

/** Reads files of the user's. */
export async function openUserFiles(list: Iterable<File>): Promise<void> {
  const read: InputFile[] = [];
  try {
    for (const file of list) read.push({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });
  } catch (error) {
    problem.value = `A file could not be read: ${error instanceof Error ? error.message : String(error)}`;
    return;
  }
  if (!(await savedView(read))) await open(read);
}

/** Opens a view that was saved as a file, if the files are one; set by the module that knows views. */
let savedView: (list: readonly InputFile[]) => Promise<boolean> = () => Promise.resolve(false);

/** Says how saved views are opened. */
export function onSavedView(opener: typeof savedView): void {
  savedView = opener;
}

/** Fetches files that lie beside the page. */
export async function openUrls(
  urls: readonly { readonly name: string; readonly url: string }[],
  options: OpenOptions = {},
): Promise<boolean> {
  try {
    const read = await Promise.all(
      urls.map(async ({ name, url }) => {
        const response = await fetch(url);
        if (!response.ok) throw new Error(`${name}: the server answers ${response.status}`);
        return { name, bytes: new Uint8Array(await response.arrayBuffer()) };
      }),
    );
    return await open(read, options);
  } catch (error) {
    problem.value = error instanceof Error ? error.message : String(error);
    return false;
  }
}

/** Goes to a moment, and to the address space of its step unless it is to stay. */
export function go(to: number, stay: boolean = false): void {
  const info = opened.value;
  if (info === null) return;
  const at = Math.max(0, Math.min(info.steps, Math.round(to)));
  if (at === moment.value) return;
  moment.value = at;
  void show(stay);
}

/** Looks at another address space: at this moment if it has one then, else at its first. */
export function goToSpace(index: number): void {
  const info = opened.value?.spaces[index];
  if (info === undefined) return;
  space.value = index;
  const outside = moment.value < info.from || (info.to >= 0 && moment.value >= info.to);
  if (outside) moment.value = info.from;
  void show(true);
  void findSteps(query.value);
}

let shows = 0;

async function show(stay: boolean): Promise<void> {
  const mine = ++shows;
  const at = moment.value;
  const step = at === 0 ? null : ((await rowsOf([at]))[0] ?? null);
  if (mine !== shows) return;
  if (step !== null && !stay && step.space !== space.value) {
    space.value = step.space;
    if (!allSpaces.value) void findSteps(query.value);
  }
  const seen = await ask((api) => api.map(at, space.value));
  if (mine !== shows || seen === null) return;
  row.value = step;
  map.value = seen;
}

const cache = new Map<number, Row>();
/** Rows kept; the list asks for some hundred at a time. */
const KEPT_ROWS = 5000;

/** Rows of moments, from the worker or from before. */
export async function rowsOf(moments: readonly number[]): Promise<Row[]> {
  const missing = moments.filter((at) => at > 0 && !cache.has(at));
  if (missing.length > 0) {
    const rows = await ask((api) => api.rows(missing));
    if (cache.size > KEPT_ROWS) cache.clear();
    for (const one of rows ?? []) cache.set(one.moment, one);
  }
  return moments.map((at) => cache.get(at)).filter((one): one is Row => one !== undefined);
}

/** A row that has been read. */
export function knownRow(at: number): Row | undefined {
  return cache.get(at);
}

/** Searches the steps. */
export async function findSteps(text: string): Promise<void> {
  query.value = text;
  const where = allSpaces.value ? -1 : space.value;
  const answer = await ask((api) => api.search(text, where));
  if (answer !== null && query.value === text) found.value = answer;
}

/** All address spaces, or only the chosen one. */
export function showAllSpaces(all: boolean): void {
  allSpaces.value = all;
  void findSteps(query.value);
}

/** The next step of the list, `by` further; the list is what the search left. */
export function stepBy(by: number): void {
  const list = found.value?.moments;
  if (list === undefined || list.length === 0) return;
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]! < moment.value + (by > 0 ? 1 : 0)) low = middle + 1;
    else high = middle;
  }
  const index = by > 0 ? low + by - 1 : low + by;
  go(list[Math.max(0, Math.min(list.length - 1, index))]!);
}

/** Milliseconds from one step to the next while it plays. */
const PACE = 120;

effect(() => {
  if (!playing.value) return undefined;
  const timer = setInterval(() => {
    const list = found.value?.moments;
    if (list === undefined || moment.value >= (list.at(-1) ?? 0)) playing.value = false;
    else stepBy(1);
  }, PACE);
  return () => clearInterval(timer);
});

/** Closes the input: the first view again. */
export function close(): void {
  generation++;
  files = [];
  opened.value = null;
  map.value = null;
  row.value = null;
  problem.value = '';
  link?.close();
  link = null;
}

/** Opens what the server of `vmarea ui` was given, if the page comes from it. */
export async function start(): Promise<void> {
  if (!location.search.includes('open')) return;
  try {
    const response = await fetch('./open.json');
    if (!response.ok) throw new Error(`the server answers ${response.status}`);
    const names = (await response.json()) as readonly string[];
    await openUrls(names.map((name, i) => ({ name, url: `./open/${i}` })));
  } catch (error) {
    problem.value = `The files could not be fetched: ${error instanceof Error ? error.message : String(error)}`;
  }
}
