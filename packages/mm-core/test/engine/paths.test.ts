// The path does not change because somebody listens: plain memory as records and as objects gives the same answers, the
// same mappings and tells a listener the same, with a listener and without.
import {
  DEFAULT_CONFIG,
  MADV_DONTFORK,
  MADV_NORMAL,
  MADV_SEQUENTIAL,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MREMAP_MAYMOVE,
  PROFILES,
  PROT_READ,
  PROT_WRITE,
  type KernelProfile,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import {
  createCaller,
  createMm,
  doMadvise,
  doMlock,
  doMprotect,
  doMremap,
  dupMm,
  exitMmap,
  MmSystem,
  VM_LOCKED,
  vmMmapPgoff,
  vmMunmap,
  type Caller,
  type Mm,
  type Tracer,
} from '../../src/index.ts';
import { createTestArch, RecordingPerf, validateMm } from '../../src/testing/index.ts';
import { random } from '../random.ts';

const PAGE = 4096;
const PAGES = 24;
const FIRST = 8;

/** A way to run the engine. */
interface Way {
  readonly fast: boolean;
  readonly heard: boolean;
}

/** Every event but the functions entered. */
class Listener implements Tracer {
  readonly events: string[] = [];

  enter(): void {
    // Which functions run is what differs.
  }

  decide(decision: number, result: number): void {
    this.events.push(`decide ${decision} ${result}`);
  }

  vma(event: string, vma: { vmStart: number; vmEnd: number }, detail: number): void {
    this.events.push(`${event} ${vma.vmStart / PAGE}-${vma.vmEnd / PAGE} ${detail}`);
  }

  fault(): void {
    // Nothing faults without memory.
  }
}

class Space {
  readonly listener = new Listener();
  readonly perf = new RecordingPerf();
  readonly cur: Caller;

  constructor(profile: KernelProfile, way: Way) {
    const system = new MmSystem({ arch: createTestArch({ pages: 64 }), profile, config: { ...DEFAULT_CONFIG } });
    system.fastPaths = way.fast;
    system.sysctl.maxMapCount = 12;
    this.cur = createCaller(createMm(system)!);
    if (!way.heard) return;
    this.cur.mm.tracer = this.listener;
    system.perf = this.perf;
  }

  /** All mappings, and what is counted. */
  picture(mm: Mm = this.cur.mm): string {
    expect(validateMm(mm)).toEqual([]);
    const lines: string[] = [];
    for (let vma = mm.tree.first; vma !== null; vma = vma.vmNext) {
      lines.push([vma.vmStart / PAGE, vma.vmEnd / PAGE, vma.vmFlags, vma.vmPgoff, vma.vmPageProt].join(' '));
    }
    const { totalVm, dataVm, lockedVm, hiwaterVm, mapCount, system } = mm;
    lines.push([totalVm, dataVm, lockedVm, hiwaterVm, mapCount, system.committedAs].join(' '));
    return lines.join('\n');
  }

  fork(): string {
    const child = dupMm(this.cur);
    if (typeof child === 'number') return String(child);
    const picture = this.picture(child);
    exitMmap(child);
    return picture;
  }
}

type Step = (space: Space) => number | string;

function anyStep(below: (n: number) => number): Step {
  const at = (FIRST + below(PAGES)) * PAGE;
  const len = (1 + below(4)) * PAGE;
  const prot = [0, PROT_READ, PROT_READ | PROT_WRITE][below(3)]!;
  const advice = [MADV_SEQUENTIAL, MADV_NORMAL, MADV_DONTFORK][below(3)]!;
  switch (below(12)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return ({ cur }) => vmMmapPgoff(cur, null, at, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
    case 4:
      return ({ cur }) => vmMmapPgoff(cur, null, 0, len, prot, MAP_PRIVATE | MAP_ANONYMOUS, 0);
    case 5:
    case 6:
      return ({ cur }) => vmMunmap(cur, at, len);
    case 7:
    case 8:
      return ({ cur }) => doMprotect(cur, at, len, prot);
    case 9:
      return ({ cur }) => doMadvise(cur, at, len, advice);
    case 10:
      return ({ cur }) => (below(2) === 0 ? doMlock(cur, at, len, VM_LOCKED) : 0);
    default:
      return (space) => (below(2) === 0 ? space.fork() : doMremap(space.cur, at, len, 2 * len, MREMAP_MAYMOVE, 0));
  }
}

const WAYS: readonly Way[] = [
  { fast: true, heard: false },
  { fast: true, heard: true },
  { fast: false, heard: false },
  { fast: false, heard: true },
];

describe.each(Object.values(PROFILES))('records and objects on $name', (profile) => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('give the same in sequence %i', (seed) => {
    const spaces = WAYS.map((way) => new Space(profile, way));
    for (let step = 0; step < 150; step++) {
      const answers = spaces.map((space) => {
        // Each space draws the same numbers.
        const answer = anyStep(random(seed * 1000 + step))(space);
        return `${answer} ${space.cur.call.reason}\n${space.picture()}`;
      });
      expect(answers.slice(1)).toEqual([answers[0], answers[0], answers[0]]);
      expect(spaces[1]!.listener.events).toEqual(spaces[3]!.listener.events);
      expect(spaces[1]!.perf.calls).toEqual(spaces[3]!.perf.calls);
    }
    for (const { cur } of spaces) exitMmap(cur.mm);
    expect(spaces.map(({ cur }) => cur.mm.system.committedAs)).toEqual([0, 0, 0, 0]);
    // At exit the order of the mappings may differ, what is told of them does not.
    const [fast, slow] = [spaces[1]!, spaces[3]!].map(({ listener }) => [...listener.events].sort());
    expect(fast).toEqual(slow);
  });
});
