/**
 * docs/seed-coverage.md says where each name of the seed went. Here: no row is missing, each place exists, and the row's
 * case enters it through a system call: functions are counted by the engine that runs them, everything else is seen by
 * its effect.
 */
import { existsSync, readFileSync } from 'node:fs';
import { Session, type Profiler } from 'node:inspector';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SEED_CASES } from './seed-cases.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

interface Row {
  readonly name: string;
  readonly file: string;
  readonly symbol: string;
  readonly became: string;
  readonly test: string;
}

function rows(): Row[] {
  const found: Row[] = [];
  for (const line of readFileSync(join(root, 'docs/seed-coverage.md'), 'utf8').split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    const match = /^`([^`]+)`$/.exec(cells[1] ?? '');
    if (match === null) continue;
    const place = /^`([^`]+)`, `([^`]+)`$/.exec(cells[2] ?? '');
    if (place === null) throw new Error(`seed-coverage.md: no place in «${line}»`);
    found.push({ name: match[1]!, file: place[1]!, symbol: place[2]!, became: cells[3] ?? '', test: cells[4] ?? '' });
  }
  return found;
}

const ROWS = rows();
const NAMES = readFileSync(join(root, 'conformance/seed-names.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

/** Runs something and tells which functions of the packages were entered, as `file#function`. */
function entered(run: () => void): Set<string> {
  const session = new Session();
  session.connect();
  let result: Profiler.ScriptCoverage[] = [];
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  try {
    run();
    session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error !== null) throw error;
      result = taken.result;
    });
  } finally {
    session.post('Profiler.stopPreciseCoverage');
    session.disconnect();
  }
  const names = new Set<string>();
  for (const { url, functions } of result) {
    const at = url.indexOf('/packages/');
    if (at < 0) continue;
    const file = url.slice(at + 1).replace(/[?#].*$/, '');
    for (const { functionName, ranges } of functions) {
      if ((ranges[0]?.count ?? 0) > 0) names.add(`${file}#${functionName.replace(/^(get|set) /, '')}`);
    }
  }
  return names;
}

const reached = new Map<string, { readonly functions: Set<string>; readonly seen: Set<string> }>();

describe('the cases', () => {
  it.each(Object.keys(SEED_CASES))('%s', (name) => {
    const seen = new Set<string>();
    const functions = entered(() => SEED_CASES[name]!((what) => seen.add(what)));
    reached.set(name, { functions, seen });
    expect(functions.size).toBeGreaterThan(10);
  });
});

describe('docs/seed-coverage.md', () => {
  it('has one row for each name, and none for others', () => {
    expect(ROWS.map(({ name }) => name)).toEqual(NAMES);
  });

  it.each(ROWS)('$name is $symbol', ({ name, file, symbol, became, test }) => {
    expect(existsSync(join(root, file)), file).toBe(true);
    expect(readFileSync(join(root, file), 'utf8')).toMatch(new RegExp(`\\b${symbol}\\b`));
    expect(became).not.toBe('');
    const run = reached.get(test);
    expect(run, `no case «${test}»`).toBeDefined();
    const called = run!.functions.has(`${file}#${symbol}`);
    expect(called || run!.seen.has(name), `${file}#${symbol} is not entered by «${test}»`).toBe(true);
  });
});
