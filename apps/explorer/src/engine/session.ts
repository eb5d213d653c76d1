/** One input that is open: its history, and what the page asks of it. Runs in the worker; it knows nothing of the page. */
import { HistoryRecorder, historyOfMaps, type History } from '@vmarea/history';
import { Replay, replayFitting, type ReplayOptions, type ReplayReport } from '@vmarea/replay';
import { describeSituation, inferSituation, isModelled, LogClues, machineOf, type Situation } from '@vmarea/situation';
import { LogParser } from '@vmarea/strace';
import { escapeText, type KernelName } from '@vmarea/uapi';
import type { Input } from './input.ts';
import { landmarksOf, type Limits } from './landmarks.ts';
import { loadHugePages, namesHugePages } from './lazy/huge-pages.ts';
import { buildMachine, factsOf } from './machine.ts';
import type {
  AnswerLine,
  AreaView,
  Comparison,
  Found,
  MapView,
  Opened,
  Row,
  Settings,
  Stretch,
  TourName,
  TourStepView,
  Trouble,
} from './protocol.ts';
import { count } from '../words.ts';
import { areaLine, changeLine, columnsOf, rowOf } from './rows.ts';
import { search } from './search.ts';
import type { TourData } from './tour.ts';

/** Lines of a log that are looked at for clues about its machine, at most. */
const CLUE_LINES = 100_000;
/** Characters given to the replay between two reports of progress. */
const PIECE = 1 << 18;
/** The titles of the tours. */
const TOURS: Readonly<Record<TourName, string>> = {
  mappings: 'Tour: the three kinds of mapping',
  pages: 'Tour: what becomes of pages',
};
/** Notes that are handed to the page. */
const FEW = 12;

type LogInput = Extract<Input, { kind: 'log' }>;

/** The situation of a log, from what it shows and what the settings say. */
function situationOf(input: LogInput, settings: Settings, kernel?: KernelName): Situation {
  const clues = new LogClues();
  const parser = new LogParser();
  for (let at = 0; at < input.text.length && !clues.enough && parser.lines < CLUE_LINES; at += PIECE)
    parser.push(input.text.slice(at, at + PIECE), (event) => clues.event(event));
  const facts = factsOf(settings, input.facts);
  return inferSituation({ given: { ...facts, kernel: kernel ?? facts.kernel }, clues, mapAfter: input.maps });
}

/** Returns whether huge pages can matter to a log: it names them, or its machine, its map or its settings do. */
function wantsHugePages({ text, maps }: LogInput, { memory, sysctls }: Situation): boolean {
  return (
    namesHugePages(text) ||
    (memory.value.hugePages?.pages ?? 0) > 0 ||
    [...sysctls.keys()].some((name) => name.includes('huge')) ||
    (maps ?? []).some(({ name }) => name.includes('huge'))
  );
}

/** The options of a replay of a log. */
export function optionsOf(input: LogInput, situation: Situation): ReplayOptions {
  const { programs, maps } = input;
  return { kernel: buildMachine(situation), programs, situation, maps, recorded: !isModelled(situation) };
}

/** Ends a replay that has come to what was looked for. */
class Reached<T> extends Error {
  readonly found: T;

  constructor(found: T) {
    super('reached');
    this.found = found;
  }
}

/**
 * Replays the log of a session once more, up to something that a listener finds.
 *
 * @param listen makes the listeners; they call `reached` with what they have found, and the replay ends there
 * @returns what was found; null when the session has no log, or the replay does not come so far
 */
export function replayTo<T>(
  session: Session,
  listen: (reached: (found: T) => never) => Pick<ReplayOptions, 'beforeCall' | 'onCall'>,
): T | null {
  const again = session.again();
  if (again === null) return null;
  const reached = (found: T): never => {
    throw new Reached(found);
  };
  const replay = new Replay({ ...optionsOf(again.input, again.situation), ...listen(reached) });
  try {
    replay.push(again.input.text);
    replay.finish();
  } catch (error) {
    if (error instanceof Reached) return error.found as T;
    throw error;
  }
  return null;
}

/** One replay of a log, with its history. */
interface Run {
  readonly situation: Situation;
  readonly history: History;
  readonly report: ReplayReport;
}

async function run(input: LogInput, situation: Situation, progress: (part: number) => Promise<void>): Promise<Run> {
  const recorder = new HistoryRecorder();
  const replay = new Replay(recorder.listen(optionsOf(input, situation)));
  const { text } = input;
  for (let at = 0; at < text.length && !replay.stopped; at += PIECE) {
    replay.push(text.slice(at, at + PIECE));
    if (text.length > PIECE) await progress(Math.min(1, (at + PIECE) / text.length));
  }
  const report = replay.finish();
  return { situation, history: recorder.history, report };
}

function verdictOf(report: ReplayReport): string {
  const { answers, difference, map } = report;
  const judged = answers.replayed - answers.unjudged;
  if (difference !== null)
    return `The answers differ at line ${difference.line}: the log says ${difference.recorded}, the kernel here ${difference.predicted}. The replay ends there.`;
  if (answers.replayed === 0) return 'The log has no call about memory that could be replayed.';
  const untold = answers.unjudged > 0 ? ` ${count(answers.unjudged, 'answer')} could not be judged.` : '';
  if (judged === 0) return `No answer could be judged: the log tells too little of its machine and process.`;
  const rows = map?.comparison?.different ?? 0;
  const end =
    map?.comparison == null
      ? ''
      : rows === 0
        ? ' So is the map at the end.'
        : ` In the map at the end, ${count(rows, 'line')} differ.`;
  return `${answers.reproduced.toLocaleString('en')} of ${count(judged, 'judged answer')} are the ones that the kernel here gives.${end}${untold}`;
}

/** Limits of maps without a machine: what is usual. */
const NO_LIMITS: Limits = { guardGap: 2 ** 20, window: [4096, 2 ** 56] };

function limitsOf(situation: Situation): Limits {
  const { config, pageSize, vaBits, sysctl } = machineOf(situation);
  const lowest = Math.max(pageSize, sysctl.mmapMinAddr);
  return { guardGap: config.stackGuardGapPages * pageSize, window: [lowest, 2 ** vaBits] };
}

/** What an input became. */
interface Made {
  readonly input: Input | { readonly kind: 'tour'; readonly title: string };
  readonly situation: Situation | null;
  readonly history: History;
  readonly report?: ReplayReport;
  readonly tour?: TourData;
}

/** An input that is open. */
export class Session {
  readonly history: History;
  readonly #input: Made['input'];
  readonly #situation: Situation | null;
  readonly #report: ReplayReport | null;
  readonly #took: number;
  readonly #limits: Limits;
  readonly #tour: TourData | null;

  private constructor(made: Made, took: number) {
    this.#input = made.input;
    this.#situation = made.situation;
    this.history = made.history;
    this.#report = made.report ?? null;
    this.#tour = made.tour ?? null;
    this.#took = took;
    this.#limits = made.situation === null ? NO_LIMITS : limitsOf(made.situation);
  }

  /** Shows a tour. */
  static ofTour(tour: TourData): Session {
    const { situation, history } = tour;
    return new Session({ input: { kind: 'tour', title: TOURS[tour.name] }, situation, history, tour }, 0);
  }

  /**
   * Reads and replays an input.
   *
   * @param progress is told the part that is done, from 0 to 1
   * @throws LogError, SituationError with what is wrong
   */
  static async open(input: Input, settings: Settings, progress: (part: number) => Promise<void>): Promise<Session> {
    const begin = performance.now();
    if (input.kind === 'series') {
      return new Session({ input, situation: null, history: historyOfMaps(input.maps) }, performance.now() - begin);
    }
    const first = situationOf(input, settings);
    if (wantsHugePages(input, first)) await loadHugePages();
    const { history, report, situation } = await replayFitting({
      situation: first,
      withKernel: (kernel) => ({ ...situationOf(input, settings, kernel.value), kernel }),
      run: async (one) => run(input, one, progress),
    });
    return new Session({ input, situation, history, report }, performance.now() - begin);
  }

  /** What the page shows first. */
  opened(): Opened {
    const { history } = this;
    const spaces = history.spaces.map(({ index, pid, program, from, to }) => ({
      index,
      pid,
      program: this.#tour === null ? escapeText(program) : '',
      from,
      to: to === Infinity ? -1 : to,
    }));
    const report = this.#report;
    const figures = { title: escapeText(this.#input.title), kind: this.#input.kind, steps: history.steps, spaces };
    if (report === null) {
      const most = Math.max(0, ...Array.from({ length: history.steps }, (_, i) => history.step(i + 1).areas));
      const machine = this.#situation === null ? null : machineOf(this.#situation);
      return {
        ...figures,
        calls: 0,
        lines: 0,
        space: 0,
        moment: this.#tour === null ? history.steps : 1,
        taskSize: 0,
        pageSize: machine?.pageSize ?? 4096,
        maxMapCount: 65530,
        situation:
          this.#situation === null ? [] : [...describeSituation(this.#situation)].map((line) => escapeText(line)),
        verdict:
          this.#tour === null
            ? `${count(history.steps, 'map')}, at most ${count(most, 'area')}.`
            : `${count(history.steps, 'step')}, each a real call on a machine with memory. Step through them with «Forward».`,
        good: true,
        troubles: [],
        notes: [],
        took: this.#took,
      };
    }
    const { map } = report;
    const moment = this.#first(report);
    const shown = map === null ? 0 : history.spaceOf(map.pid, moment);
    const lines = [...describeSituation(report.situation)];
    return {
      ...figures,
      calls: report.answers.replayed,
      lines: report.lines,
      space: Math.max(0, moment > 0 ? history.step(moment).space : shown),
      moment,
      taskSize: 2 ** report.machine.vaBits,
      pageSize: report.machine.pageSize,
      maxMapCount: report.vmas.maxMapCount,
      situation: lines.map((line) => escapeText(line)),
      verdict: verdictOf(report),
      good: report.verdict === 'agrees',
      troubles: this.#troubles(report),
      notes: this.#notes(report),
      took: this.#took,
    };
  }

  /** Where to begin: at the first difference, else at the map that the command shows, else where there is most. */
  #first({ difference, map }: ReplayReport): number {
    const { history } = this;
    if (difference !== null) return history.momentOfCall(difference.number) || history.steps;
    if (map === null) return history.steps;
    // The map is from a line of the log: the last step before it.
    let moment = history.steps;
    if (map.line > 0) while (moment > 1 && history.step(moment).line > map.line) moment--;
    while (moment > 1 && history.step(moment).kind === 'exit') moment--;
    while (moment > 1 && history.spaces[history.step(moment).space]?.pid !== map.pid) moment--;
    return moment;
  }

  #troubles(report: ReplayReport): Trouble[] {
    const { history } = this;
    const at = (line: number, pid: number): number => {
      for (let moment = 1; moment <= history.steps; moment++) {
        const step = history.step(moment);
        if (step.line === line && step.pid === pid) return moment;
      }
      return 0;
    };
    const found: Trouble[] = [];
    const { difference, vmas } = report;
    if (difference !== null)
      found.push({
        moment: history.momentOfCall(difference.number),
        line: difference.line,
        text: `${difference.call}: the log says ${difference.recorded}, here ${difference.predicted}. ${difference.explanation}`,
      });
    for (const { line, pid, call, error, reason, count: times } of report.failures.slice(0, FEW)) {
      const more = times > 1 ? ` (${times} times)` : '';
      found.push({ moment: at(line, pid), line, text: `${call} = ${error}${more}. ${reason.sentence}` });
    }
    for (const { line, pid, name, sentence } of report.signals.slice(0, FEW))
      found.push({ moment: at(line, pid), line, text: `${name}: ${sentence}` });
    if (vmas.peak * 2 > vmas.maxMapCount)
      found.push({
        moment: at(vmas.peakLine, vmas.peakPid),
        line: vmas.peakLine,
        text: `${vmas.peak} areas, of ${vmas.maxMapCount} that vm.max_map_count allows.`,
      });
    return found.map((trouble) => ({ ...trouble, text: escapeText(trouble.text) }));
  }

  #notes(report: ReplayReport): string[] {
    const lines = report.learned.map((text) => `The log shows that ${text}.`);
    for (const kind of ['strange', 'assumed', 'descriptor', 'unjudged'] as const) {
      const list = report.notes[kind];
      for (const { line, text } of list.notes.slice(0, FEW)) lines.push(line > 0 ? `line ${line}: ${text}` : text);
      if (list.count > FEW) lines.push(`and ${list.count - FEW} more of this kind`);
    }
    return lines.map((text) => escapeText(text));
  }

  /** Steps as rows. Moments that do not exist are left out. */
  rows(moments: readonly number[]): Row[] {
    return moments.filter((moment) => moment >= 1 && moment <= this.history.steps).map((moment) => this.#row(moment));
  }

  /** In a tour the answer may be a signal. */
  #row(moment: number): Row {
    const row = rowOf(this.history.step(moment));
    const step = this.#tour?.steps[moment - 1];
    return step === undefined ? row : { ...row, title: step.title, result: step.result, recorded: step.result };
  }

  /** A step of a tour; null when the input is none. */
  tourStep(moment: number): TourStepView | null {
    return this.#tour?.steps[moment - 1] ?? null;
  }

  search(query: string, space: number): Found {
    return search(this.history, query, space);
  }

  stretches(space: number, range: readonly [number, number], most: number): Stretch[] {
    return this.history.stretches(space, range, most);
  }

  /** The map at a moment, with what the step did to it. */
  map(moment: number, space: number): MapView {
    const { history } = this;
    const step = moment === 0 ? null : history.step(moment);
    const own = step?.space === space ? step : null;
    const changes = own === null ? [] : history.changes(moment - 1, moment, space);
    const areas = history.at(moment, space);
    const gone = changes.filter(({ kind }) => kind === 'went').flatMap(({ before }) => before.map(areaLine));
    return {
      moment,
      space,
      columns: columnsOf(areas, changes),
      gone,
      bytes: history.figuresAt(moment, space).bytes,
      landmarks: landmarksOf(history, { space, areas, step: own, changes }, this.#limits),
      pages: this.#tour?.pages(moment, space) ?? null,
    };
  }

  /** The answers given here to all memory calls, in their order. */
  answers(): AnswerLine[] {
    const found: AnswerLine[] = [];
    for (let moment = 1; moment <= this.history.steps; moment++) {
      const step = this.history.step(moment);
      if (step.kind !== 'call') continue;
      const { line, text, result } = rowOf(step);
      found.push({ moment, line, text, result });
    }
    return found;
  }

  area(id: number): AreaView {
    const area = this.history.area(id);
    return { ...areaLine(area), since: this.#row(area.since) };
  }

  compare(a: number, b: number, space: number): Comparison {
    const { history } = this;
    const [one, other] = [history.figuresAt(a, space), history.figuresAt(b, space)];
    return {
      a,
      b,
      changes: history.changes(a, b, space).map(changeLine),
      areas: [one.areas, other.areas],
      bytes: [one.bytes, other.bytes],
    };
  }

  /** The log with its situation, for another replay; null for maps. */
  again(): { readonly input: LogInput; readonly situation: Situation } | null {
    const input = this.#input;
    const situation = this.#situation;
    return input.kind === 'log' && situation !== null ? { input, situation } : null;
  }
}
