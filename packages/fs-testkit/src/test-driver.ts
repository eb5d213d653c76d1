/**
 * testDriver: registers the suite for a driver with any runner that has describe and it.
 */
import type { KernelInit } from '@vmarea/kernel';
import type { DriverCapabilities, SuperBlock } from '@vmarea/vfs';
import { equal, ok } from './assert.ts';
import type { Case } from './cases/case.ts';
import { MAPPING } from './cases/mapping.ts';
import { NAMES } from './cases/names.ts';
import { READING } from './cases/reading.ts';
import { WAITING } from './cases/waiting.ts';
import { WRITING } from './cases/writing.ts';
import { delayDriver } from './delay.ts';
import { failEverywhere } from './failures.ts';
import { Rig, type CreateDriver, type RigInit } from './rig.ts';

/** The two functions that the suite needs of a test runner: vitest's, node:test's, Jest's and Mocha's are such. */
export interface Runner {
  readonly describe: (title: string, body: () => void) => unknown;
  readonly it: (title: string, body: () => Promise<void>) => unknown;
}

/** What is to be tested. */
export interface TestDriverOptions {
  /**
   * Makes a fresh, empty instance for each test. A driver that cannot be written to must show `files` in its root directory.
   */
  readonly create: CreateDriver;
  /** What the driver can do: judged against its manifest, and what is missing is tested to be refused cleanly. */
  readonly capabilities: DriverCapabilities;
  /** How the tests are titled; `driver` when left out. */
  readonly name?: string | undefined;
  /** Where tests are registered; the global describe and it when left out. */
  readonly runner?: Runner | undefined;
  /** What the machine needs besides: another profile, huge pages. */
  readonly kernel?: Partial<KernelInit> | undefined;
  /** Tests that the driver does not pass yet, by title, with the reason: registered as such, and not run. */
  readonly notYet?: Readonly<Record<string, string>> | undefined;
}

const GROUPS: readonly (readonly [string, readonly Case[]])[] = [
  ['reading', READING],
  ['mapping', MAPPING],
  ['writing', WRITING],
  ['names', NAMES],
];

/** The titles of the suite's tests, for a driver with these capabilities. */
export function caseTitles(capabilities: DriverCapabilities): string[] {
  return [...GROUPS.flatMap(([, cases]) => cases), ...WAITING]
    .filter((one) => one.when?.(capabilities) ?? true)
    .map((one) => one.title);
}

/**
 * Registers the suite for a driver: everything once as it is, and once behind a wrapper that makes it asynchronous.
 *
 * @throws TypeError when there is no runner
 */
export function testDriver(options: TestDriverOptions): void {
  const { create, capabilities, kernel } = options;
  const runner = options.runner ?? globalRunner();
  const name = options.name ?? 'driver';
  const { describe, it } = runner;

  const register = (cases: readonly Case[], wrap: ((sb: SuperBlock) => void) | undefined): void => {
    for (const one of cases) {
      if (one.when !== undefined && !one.when(capabilities)) continue;
      const reason = options.notYet?.[one.title];
      if (reason !== undefined) {
        it(`${one.title} (not yet: ${reason})`, () => Promise.resolve());
        continue;
      }
      it(one.title, async () => {
        const init: RigInit = { create, kernel, wrap, mount: one.mount };
        await one.run(await Rig.create(init));
      });
    }
  };

  describe(name, () => {
    it('has a manifest that says what it can do', async () => {
      const rig = await Rig.create({ create, kernel });
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
    for (const [title, cases] of GROUPS) describe(title, () => register(cases, undefined));
    describe('waiting', () => register(WAITING, undefined));
    describe('failing', () => failures(false));
    describe('made asynchronous', () => {
      for (const [title, cases] of GROUPS) describe(title, () => register(cases, delayDriver));
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
    it('reading survives an error of every operation', () => points('read'));
    if (capabilities.write) it('writing survives an error of every operation', () => points('write'));
  }
}

function globalRunner(): Runner {
  const { describe, it } = globalThis as Partial<Runner>;
  if (typeof describe !== 'function' || typeof it !== 'function') {
    throw new TypeError('testDriver: there is no global describe and it; hand in a runner');
  }
  return { describe, it };
}
