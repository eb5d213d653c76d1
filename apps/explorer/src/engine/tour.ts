/** A tour as an input: its steps are made on a machine with memory, and their history is kept. Loaded when it is asked for. */
import { formatEvents, pageStates, ReasonBook, takeTour, type PageState, type TourStep } from '@vmarea/explain';
import { HistoryRecorder, type Area, type History } from '@vmarea/history';
import { createKernel, type Kernel } from '@vmarea/kernel';
import { PTE_DIRTY, PTE_EXEC, PTE_HUGE, PTE_USER, PTE_WRITE, PTE_YOUNG } from '@vmarea/mm-core';
import { Shmem } from '@vmarea/shmem';
import { defaultSituation, kernelInit, machineOf, usualHugePage, type Situation } from '@vmarea/situation';
import { escapeText } from '@vmarea/uapi';
import { ramfs } from '@vmarea/vfs';
import { hugeFiles, hugePages } from './lazy/huge-pages.ts';
import type { PageView, TourName, TourStepView } from './protocol.ts';

/** What came of a tour. */
export interface TourData {
  readonly name: TourName;
  readonly situation: Situation;
  readonly history: History;
  /** The steps, in the order of their moments, from moment 1 on. */
  readonly steps: readonly TourStepView[];
  /** The pages of an address space after a step. */
  readonly pages: (moment: number, space: number) => readonly PageView[];
}

/** Bytes of memory beside the huge pages. */
const MEMORY_BYTES = 2 ** 26;
/** Huge pages of the machine. */
const HUGE_PAGES = 2;

/** The usual machine, with huge pages. */
function tourSituation(): Situation {
  const usual = defaultSituation();
  const pool = { size: usualHugePage(usual.pageSize.value), pages: HUGE_PAGES };
  return { ...usual, memory: { ...usual.memory, value: { ...usual.memory.value, hugePages: pool } } };
}

function tourMachine(situation: Situation): Kernel {
  const spec = machineOf(situation);
  return createKernel({
    ...kernelInit(spec),
    memory: { bytes: MEMORY_BYTES + HUGE_PAGES * usualHugePage(spec.pageSize) },
    hugePages: hugePages(),
    sharedMemory: (system) => new Shmem(system),
    mounts: [
      { path: '/driver', filesystem: (system) => ramfs(system) },
      { path: '/huge', filesystem: hugeFiles() },
    ],
  });
}

const BITS: readonly (readonly [bit: number, name: string])[] = [
  [PTE_WRITE, 'write'],
  [PTE_DIRTY, 'dirty'],
  [PTE_YOUNG, 'accessed'],
  [PTE_USER, 'user'],
  [PTE_EXEC, 'execute'],
  [PTE_HUGE, 'huge'],
];

function pageView(state: PageState, area: Area | undefined): PageView {
  const { address, size, pfn, bits, descriptor, mapcount, anonymous, zeroPage } = state;
  const ofFile = area !== undefined && area.inode !== 0 && !area.shared;
  return {
    address,
    size,
    frame: pfn,
    dirty: (bits & PTE_DIRTY) !== 0,
    shared: mapcount > 1,
    copied: anonymous && ofFile,
    descriptor: `0x${descriptor.toString(16)}`,
    bits: [...BITS.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name), ...(zeroPage ? ['zero page'] : [])],
  };
}

/** A call's text in two parts: its name, and what stands between the parentheses. */
function partsOf(call: string): readonly [name: string, args: string] {
  const open = call.indexOf('(');
  return [call.slice(0, open), call.slice(open + 1, -1)];
}

/** Makes a tour. The memory and the huge pages must be loaded. */
export async function makeTour(name: TourName): Promise<TourData> {
  const situation = tourSituation();
  const kernel = tourMachine(situation);
  const task = kernel.spawn({ comm: 'tour' });
  const recorder = new HistoryRecorder();
  const { history } = recorder;
  const book = new ReasonBook(situation.kernel.value);
  const steps: TourStepView[] = [];
  const pages = new Map<string, readonly PageView[]>();
  const onStep = (step: TourStep, by: typeof task): void => {
    const { title, call, result, events } = step;
    const [callName, text] = partsOf(call);
    const number = Number(result);
    const moment = recorder.add({
      task: by,
      name: callName,
      text,
      result: Number.isNaN(number) ? null : number,
    });
    steps.push({ title, call, result, path: formatEvents(events, book).map((line) => escapeText(line)) });
    for (const one of kernel.tasks.values()) {
      const space = history.spaceOf(one.pid, moment);
      if (space < 0) continue;
      const areas = history.at(moment, space);
      const states = areas.flatMap(({ start, end }) => pageStates(kernel, one, start, end));
      const views = states.map((state) =>
        pageView(
          state,
          areas.find(({ start, end }) => start <= state.address && state.address < end),
        ),
      );
      pages.set(`${moment} ${space}`, views);
    }
  };
  await takeTour(
    { kernel, task, driver: { name: 'ramfs', writable: true }, path: '/driver/data' },
    { what: name, onStep },
  );
  return { name, situation, history, steps, pages: (moment, space) => pages.get(`${moment} ${space}`) ?? [] };
}
