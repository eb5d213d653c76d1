/**
 * `vmarea tour`: the three kinds of mapping made step by step on a whole machine, each step a real system call, with the
 * functions that it went through and the map after it. `--memory` shows what becomes of pages instead.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatEvents, takeTour as take, type Stage, type TourStep } from '@vmarea/explain';
import { usualHugePage } from '@vmarea/situation';
import { errnoName } from '@vmarea/uapi';
import { openDriver } from '../machine/drivers.ts';
import { UsageError, type Io } from '../text/io.ts';
import { reasonBook, stageFor } from '../machine/lab.ts';
import { situationOfRoot } from '../options/situation.ts';
import type { SituationOptions } from '../options/vocabulary.ts';

export type { TourStep };

/** As the command line gives them. */
export interface TourOptions extends SituationOptions {
  readonly fs: string;
  /** The file's name, where nothing can be made. */
  readonly name?: string;
  readonly memory?: boolean;
  readonly json?: boolean;
}

/** The machine and the task that the options describe, with two huge pages where nothing tells how many there are. */
function stageOf(options: SituationOptions): Stage {
  const situation = situationOfRoot(options);
  const memory = situation.memory.value;
  const size = usualHugePage(situation.pageSize.value);
  const hugePages = memory.hugePages ?? { size, pages: 2 };
  const own = { ...situation, memory: { ...situation.memory, value: { ...memory, hugePages } } };
  return stageFor(own, 'tour');
}

/** Where the driver is mounted. */
const MOUNTPOINT = '/driver';

/**
 * Makes the tour.
 *
 * @throws UsageError for a filesystem that there is not, or that cannot be toured so
 */
export async function takeTour(options: TourOptions): Promise<TourStep[]> {
  // hostfs without a directory shows one that is there for the tour only
  const host = options.fs === 'hostfs' ? mkdtempSync(join(tmpdir(), 'vmarea-tour-')) : null;
  try {
    const driver = await openDriver(host === null ? options.fs : `hostfs:${host}`);
    const file = options.name ?? (driver.writable ? 'data' : driver.file);
    if (file === undefined) throw new UsageError(`--fs ${options.fs}: nothing can be made there; --name names a file`);
    if (options.memory === true && !driver.writable) {
      throw new UsageError(`--memory stores into a file, and ${options.fs} cannot be written to`);
    }
    const { kernel, task } = stageOf(options);
    const mounted = kernel.tree.mount(MOUNTPOINT, driver.filesystem(kernel.system));
    if (typeof mounted === 'number') throw new Error(`tour: mount = ${errnoName(-mounted)}`);
    const place = { kernel, task, driver, path: `${MOUNTPOINT}/${file.replace(/^\/+/, '')}` };
    return await take(place, { what: options.memory === true ? 'pages' : 'mappings' });
  } catch (error) {
    if (error instanceof Error && (error.name === 'SituationError' || error.name === 'TourError'))
      throw new UsageError(error.message);
    throw error;
  } finally {
    if (host !== null) rmSync(host, { recursive: true });
  }
}

/** The maps lines that a step made or took away. */
function mapChanges(before: string, after: string): string[] {
  const old = before.split('\n');
  const now = after.split('\n');
  return [
    ...now.filter((line) => line !== '').map((line) => `${old.includes(line) ? ' ' : '+'} ${line.trimEnd()}`),
    ...old.filter((line) => line !== '' && !now.includes(line)).map((line) => `- ${line.trimEnd()}`),
  ];
}

/** `vmarea tour`. */
export async function tourCommand(options: TourOptions, io: Io): Promise<number> {
  const steps = await takeTour(options);
  if (options.json === true) {
    io.out(`${JSON.stringify(steps, null, 2)}\n`);
    return 0;
  }
  const book = reasonBook();
  let maps = '';
  steps.forEach((step, i) => {
    const lines = [
      `${i + 1}. ${step.title}`,
      `   ${io.colors.bold(`${step.call} = ${step.result}`)}`,
      ...formatEvents(step.events, book).map((line) => `     ${line}`),
      ...(step.pages ?? []).map((line) => `   ${line}`),
      ...(options.memory === true ? [] : mapChanges(maps, step.maps).map((line) => `   ${line}`)),
    ];
    maps = step.maps;
    io.out(`${lines.join('\n')}\n\n`);
  });
  return 0;
}
