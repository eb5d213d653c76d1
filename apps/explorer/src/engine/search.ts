/** The search of the list of steps: words, addresses, and a few names for what happened. */
import type { History } from '@vmarea/history';
import type { Found } from './protocol.ts';
import { rowOf } from './rows.ts';

/** Moments of an answer at most. */
const MOST = 1_000_000;

const CHANGES: ReadonlySet<string> = new Set(['split', 'joined', 'merged', 'came', 'went', 'grew', 'shrank']);

type Test = (moment: number) => boolean;

/** What one word of a query asks. */
function testOf(history: History, word: string): { readonly test: Test; readonly what: string } {
  const lower = word.toLowerCase();
  if (/^0x[0-9a-f]{3,16}$/.test(lower)) {
    const address = Number(lower);
    const touched = new Set(history.touching(address));
    // Calls that name the address are wanted, too.
    const test: Test = (moment) => touched.has(moment) || history.step(moment).text.includes(lower);
    return { test, what: `touched or named ${lower}` };
  }
  if (lower === 'failed')
    return { test: (moment) => rowOf(history.step(moment)).failed, what: 'failed in the log or here' };
  if (lower === 'differs') return { test: (moment) => rowOf(history.step(moment)).differs, what: 'answered otherwise' };
  if (lower === 'signal') return { test: (moment) => history.step(moment).kind === 'signal', what: 'signals' };
  if (CHANGES.has(lower)) {
    const kind = lower === 'merged' ? 'joined' : lower;
    return {
      test: (moment) => history.changesOf(moment).some((change) => change.kind === kind),
      what: `areas that ${kind === 'split' ? 'were split' : kind}`,
    };
  }
  const pid = /^pid[:=]?(\d{1,10})$/.exec(lower)?.[1];
  if (pid !== undefined)
    return { test: (moment) => history.step(moment).pid === Number(pid), what: `of process ${pid}` };
  return {
    test: (moment) => {
      const { name, text } = history.step(moment);
      return `${name}(${text})`.toLowerCase().includes(lower);
    },
    what: `with «${word}»`,
  };
}

/**
 * Finds steps: all words of the query must hold. An empty query finds all.
 *
 * @param space only steps of this address space; -1: all
 */
export function search(history: History, query: string, space: number): Found {
  const words = query.trim().slice(0, 200).split(/\s+/).filter(Boolean).slice(0, 8);
  const tests = words.map((word) => testOf(history, word));
  const all: Iterable<number> =
    space >= 0 ? history.stepsOf(space) : Array.from({ length: history.steps }, (_, i) => i + 1);
  const found: number[] = [];
  for (const moment of all) {
    if (!tests.every(({ test }) => test(moment))) continue;
    found.push(moment);
    if (found.length >= MOST) break;
  }
  return { moments: Uint32Array.from(found), what: tests.map(({ what }) => what).join(', ') };
}
