/** The worker: holds the open input and answers the page. */
import * as Comlink from 'comlink';
import { escapeText, shortText } from '@vmarea/uapi';
import { readInput } from './input.ts';
import { loadHugePages } from './lazy/huge-pages.ts';
import { loadMemory } from './lazy/memory.ts';
import type {
  AnswerLine,
  AreaView,
  Comparison,
  Found,
  InputFile,
  MapView,
  Opened,
  Row,
  Settings,
  Stretch,
  TourName,
  TourStepView,
  Tried,
  WhyView,
} from './protocol.ts';
import { Session } from './session.ts';

/** Errors whose message is meant for the user; any other is a fault of the page. */
const FOR_USERS = /^(?:InputError|LogError|SituationError|ElfError|ScriptError|RangeError)$/;

let session: Session | null = null;

function open(): Session {
  if (session === null) throw new RangeError('no input is open');
  return session;
}

/** Says an error in words: an object passes to the page, a class of ours would not. */
function told(error: unknown): Error {
  if (error instanceof Error && FOR_USERS.test(error.name)) return new Error(escapeText(shortText(error.message, 600)));
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new Error(`The page's worker failed, which is a fault of the page: ${escapeText(shortText(text, 300))}`);
}

async function guarded<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw told(error);
  }
}

const api = {
  /** Opens files. What was open stays so when they cannot be. */
  open: (files: readonly InputFile[], settings: Settings, progress: (part: number) => Promise<void>): Promise<Opened> =>
    guarded(async () => {
      const made = await Session.open(await readInput(files), settings, progress);
      session = made;
      return made.opened();
    }),
  /** Opens a tour instead of files. */
  openTour: (name: TourName): Promise<Opened> =>
    guarded(async () => {
      const [{ makeTour }] = await Promise.all([import('./lazy/questions.ts'), loadMemory(), loadHugePages()]);
      const made = Session.ofTour(await makeTour(name));
      session = made;
      return made.opened();
    }),
  tourStep: (moment: number): Promise<TourStepView | null> => guarded(() => open().tourStep(moment)),
  rows: (moments: readonly number[]): Promise<Row[]> => guarded(() => open().rows(moments)),
  search: (query: string, space: number): Promise<Found> => guarded(() => open().search(query, space)),
  stretches: (space: number, range: readonly [number, number], most: number): Promise<Stretch[]> =>
    guarded(() => open().stretches(space, range, most)),
  map: (moment: number, space: number): Promise<MapView> => guarded(() => open().map(moment, space)),
  area: (id: number): Promise<AreaView> => guarded(() => open().area(id)),
  compare: (a: number, b: number, space: number): Promise<Comparison> => guarded(() => open().compare(a, b, space)),
  answers: (): Promise<AnswerLine[]> => guarded(() => open().answers()),
  callNames: (): Promise<readonly string[]> => guarded(async () => (await import('./lazy/questions.ts')).knownCalls()),
  tryCalls: (number: number, lines: readonly string[]): Promise<Tried[]> =>
    guarded(async () => {
      const [{ tryCalls }] = await Promise.all([import('./lazy/questions.ts'), loadHugePages()]);
      return tryCalls(session, number, lines);
    }),
  why: (number: number): Promise<WhyView | null> =>
    guarded(async () => {
      const [{ whyCall }] = await Promise.all([import('./lazy/questions.ts'), loadHugePages()]);
      return whyCall(open(), number);
    }),
};

/** What the page may ask. */
export type WorkerApi = typeof api;

Comlink.expose(api);
