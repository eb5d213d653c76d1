/**
 * testDriver: registers the suite for a driver with any runner that has describe and it.
 */
import type { KernelInit } from '@vmarea/kernel';
import type { DriverCapabilities, SuperBlock } from '@vmarea/vfs';
import { shownValue } from '@vmarea/uapi';
import { equal, ok } from './assert.ts';
import type { Case } from './cases/case.ts';
import { MAPPING } from './cases/mapping.ts';
import { NAMES } from './cases/names.ts';
import { READING } from './cases/reading.ts';
import { WAITING } from './cases/waiting.ts';
import { WRITING } from './cases/writing.ts';
import { delayDriver } from './delay.ts';
import { failEverywhere } from './failures.ts';
import { TIME_LIMITS, within, type TimeLimits } from './limits.ts';
import { Rig, type CreateDriver, type RigInit } from './rig.ts';

/** The two functions that the suite needs from a test runner: those of vitest, node:test, Jest and Mocha. */
export interface Runner {
  readonly describe: (title: string, body: () => void) => unknown;
  /** Runners that take a time limit take it as the third argument, in milliseconds. */
  readonly it: ((title: string, body: () => Promise<void>, timeout: number) => unknown) & {
    /** Registers a test that is not run, so that the runner counts it apart. */
    readonly skip?: ((title: string, body: () => Promise<void>) => unknown) | undefined;
  };
}

/** How a test of the suite ended. */
export interface CaseReport {
  /** The groups that it stands in, and its title. */
  readonly title: string;
  /** `not yet`: listed in `notYet`, and not run. */
  readonly outcome: 'passed' | 'failed' | 'not yet';
  readonly milliseconds: number;
}

/** The driver to test. */
export interface TestDriverOptions {
  /**
   * Creates a fresh, empty instance for each test. A read-only driver must have `files` in its root directory.
   */
  readonly create: CreateDriver;
  /** The driver's capabilities: compared with its manifest; the suite also tests that missing ones fail cleanly. */
  readonly capabilities: DriverCapabilities;
  /** The title of the tests; default `driver`. */
  readonly name?: string | undefined;
  /** Registers the tests; default the global describe and it. */
  readonly runner?: Runner | undefined;
  /** Further properties of the machine: another profile, huge pages. */
  readonly kernel?: Partial<KernelInit> | undefined;
  /**
   * Tests that the driver does not pass yet, by title, with the reason. They are not run, and count as skipped where the runner
   * has `it.skip`. A title that is none of {@link caseTitles} is refused.
   */
  readonly notYet?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds that tests may take; TIME_LIMITS when left out. */
  readonly timeLimits?: Partial<TimeLimits> | undefined;
  /** Told how each test ended and how long it took. */
  readonly onCase?: ((report: CaseReport) => void) | undefined;
}

const READING_FAILS = 'reading survives an error of every operation';
const WRITING_FAILS = 'writing survives an error of every operation';

const GROUPS: readonly (readonly [string, readonly Case[]])[] = [
  ['reading', READING],
  ['mapping', MAPPING],
  ['writing', WRITING],
  ['names', NAMES],
];

/** Returns the titles of the suite's tests for a driver with these capabilities. */
export function caseTitles(capabilities: DriverCapabilities): string[] {
  const cases = [...GROUPS.flatMap(([, group]) => group), ...WAITING].filter((one) => one.when?.(capabilities) ?? true);
  return [...cases.map((one) => one.title), READING_FAILS, ...(capabilities.write ? [WRITING_FAILS] : [])];
}

/** @throws TypeError naming the titles of `notYet` that the suite does not have for such a driver */
function checkNotYet(options: TestDriverOptions): void {
  const known = new Set(caseTitles(options.capabilities));
  const unknown = Object.keys(options.notYet ?? {}).filter((title) => !known.has(title));
  if (unknown.length === 0) return;
  const titles = unknown.map((title) => shownValue(title)).join(', ');
  throw new TypeError(
    `testDriver: notYet names no test of this driver: ${titles}; caseTitles(capabilities) lists them`,
  );
}

/** The failure of a test, with what the driver has thrown. */
function withThrown(error: unknown, rig: Rig | null): unknown {
  const [first] = rig?.thrown ?? [];
  if (first === undefined || !(error instanceof Error)) return error;
  return new Error(`${error.message}; ${first}`, { cause: error });
}

/**
 * Registers the suite for a driver: everything once as it is, and once in a wrapper that makes it asynchronous.
 *
 * @throws TypeError when there is no runner, or `notYet` names a test that this driver has not
 */
export function testDriver(options: TestDriverOptions): void {
  const { create, capabilities, kernel } = options;
  const runner = options.runner ?? globalRunner();
  const name = options.name ?? 'driver';
  const { describe, it } = runner;

  checkNotYet(options);
  const limits = { ...TIME_LIMITS, ...options.timeLimits };
  // Runners are told a little more, so that the sentence of the suite comes first.
  const SPARE = 5000;

  /** One test: with its limit, its time, and what the driver threw. */
  const register = (
    groups: string,
    title: string,
    limit: number,
    body: (keep: (rig: Rig) => void) => Promise<void>,
  ): void => {
    const full = `${groups} > ${title}`;
    const reason = options.notYet?.[title];
    if (reason !== undefined) {
      (it.skip ?? it)(`${title} (not yet: ${reason})`, () => Promise.resolve(), limit);
      options.onCase?.({ title: full, outcome: 'not yet', milliseconds: 0 });
      return;
    }
    it(
      title,
      async () => {
        const begun = Date.now();
        let rig: Rig | null = null;
        let outcome: CaseReport['outcome'] = 'failed';
        try {
          await within(limit, () => body((made) => (rig = made)));
          outcome = 'passed';
        } catch (error) {
          throw withThrown(error, rig);
        } finally {
          options.onCase?.({ title: full, outcome, milliseconds: Date.now() - begun });
        }
      },
      limit + SPARE,
    );
  };

  const registerCases = (
    groups: string,
    cases: readonly Case[],
    wrap: ((sb: SuperBlock) => void) | undefined,
  ): void => {
    for (const one of cases) {
      if (one.when !== undefined && !one.when(capabilities)) continue;
      register(groups, one.title, limits.each, async (keep) => {
        const init: RigInit = { create, kernel, wrap, mount: one.mount };
        const rig = await Rig.create(init);
        keep(rig);
        await one.run(rig);
      });
    }
  };

  describe(name, () => {
    register(name, 'has a manifest that says what it can do', limits.each, async (keep) => {
      const rig = await Rig.create({ create, kernel });
      keep(rig);
      const { manifest } = rig.sb;
      ok(manifest.name !== '', 'a name');
      for (const [cell, value] of Object.entries(capabilities)) {
        equal(manifest.capabilities[cell as keyof DriverCapabilities], value, `capability ${cell}`);
      }
      const { read, mmapPrivate, mmapShared, mmapSharedWrite, write } = manifest.capabilities;
      ok(read || !mmapPrivate, 'what cannot be read cannot be mapped');
      ok(mmapShared || !mmapSharedWrite, 'shared writes need shared mappings');
      ok(write || !mmapSharedWrite, 'shared writes need a file that can be written');
      await rig.end();
    });
    for (const [title, cases] of GROUPS) describe(title, () => registerCases(`${name} > ${title}`, cases, undefined));
    describe('waiting', () => registerCases(`${name} > waiting`, WAITING, undefined));
    describe('failing', () => failures(false));
    describe('made asynchronous', () => {
      for (const [title, cases] of GROUPS)
        describe(title, () => registerCases(`${name} > made asynchronous > ${title}`, cases, delayDriver));
      describe('failing', () => failures(true));
    });
  });

  function failures(delayed: boolean): void {
    const points = async (which: 'read' | 'write'): Promise<void> => {
      ok(
        (await failEverywhere({ create, kernel }, which, delayed)) > 0,
        'the scenario has points at which it can fail',
      );
    };
    const groups = delayed ? `${name} > made asynchronous > failing` : `${name} > failing`;
    register(groups, READING_FAILS, limits.everyOperation, () => points('read'));
    if (capabilities.write) register(groups, WRITING_FAILS, limits.everyOperation, () => points('write'));
  }
}

function globalRunner(): Runner {
  const { describe, it } = globalThis as Partial<Runner>;
  if (typeof describe !== 'function' || typeof it !== 'function') {
    throw new TypeError('testDriver: there is no global describe and it; hand in a runner');
  }
  return { describe, it };
}
