/**
 * Runs the recordings of one set, one after the other; and is the worker that does so in parallel with others.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { KernelProfile } from '@vmarea/uapi';
import { readSet } from './archive.ts';
import { KINDS, type Kind } from './compare.ts';
import { Exceptions, type ExceptionEntry } from './exceptions.ts';
import { readGuest } from './machine.ts';
import { parseRecording } from './recording.ts';
import { runRecording, type Outcome } from './runner.ts';
import type { Way } from './ways.ts';

/** What to run of a set, and how. Plain data, since workers receive it. */
export interface SetJob {
  readonly dir: string;
  readonly kinds: readonly Kind[];
  /** Part of `SET/NAME` that a recording must have. */
  readonly filter: string;
  readonly maxFailures: number;
  readonly exceptions: readonly ExceptionEntry[];
  readonly way: Way;
  /** Only every n-th recording, from the first one on; 1: all. */
  readonly every: number;
  /** Whether each machine is checked after every operation: tables, frames, cached translations. */
  readonly check: boolean;
  /** Another kernel than the recorded one, or a copy of its profile. */
  readonly profile?: KernelProfile | undefined;
}

/** The result of running a set. Plain data. */
export interface SetResult {
  readonly set: string;
  readonly way: Way;
  readonly passed: number;
  readonly failed: readonly Outcome[];
  /** Exceptions that were needed. */
  readonly excepted: number;
  /** Exceptions whose comparison would have passed: errors. */
  readonly needless: readonly string[];
  readonly seconds: number;
}

/** The kinds that can be compared in a set: those that its file COMPARED names, otherwise all. */
export function readCompared(dir: string): readonly Kind[] {
  const path = join(dir, 'COMPARED');
  if (!existsSync(path)) return KINDS;
  return readFileSync(path, 'utf8')
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => {
      const kind = KINDS.find((known) => known === word);
      if (kind === undefined) throw new Error(`conformance: ${path}: there is no kind ${word}`);
      return kind;
    });
}

/** Runs a set. */
export function runSet(job: SetJob): SetResult {
  const set = basename(job.dir);
  const guest = readGuest(job.dir);
  const compared = readCompared(job.dir);
  const kinds = new Set(job.kinds.filter((kind) => compared.includes(kind)));
  const failed: Outcome[] = [];
  const needless: string[] = [];
  let passed = 0;
  let excepted = 0;
  const began = performance.now();
  for (const [index, { name, text }] of readSet(job.dir).entries()) {
    if (index % job.every !== 0 || !`${set}/${name}`.includes(job.filter)) continue;
    const exceptions = new Exceptions(job.exceptions, set, name);
    const outcome = runRecording(parseRecording(text), guest, {
      kinds,
      maxFailures: job.maxFailures,
      exceptions,
      check: job.check,
      way: job.way,
      profile: job.profile,
    });
    excepted += exceptions.used;
    if (outcome.failures.length === 0 && outcome.error === null) {
      passed++;
      needless.push(...exceptions.needless(kinds));
    } else failed.push(outcome);
  }
  return { set, way: job.way, passed, failed, excepted, needless, seconds: (performance.now() - began) / 1000 };
}

/**
 * Runs sets in parallel, as many as there are processors.
 *
 * @param done called as each set ends
 */
export async function runSets(jobs: readonly SetJob[], done: (result: SetResult) => void): Promise<SetResult[]> {
  const results: SetResult[] = new Array<SetResult>(jobs.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < jobs.length) {
      const index = next++;
      const result = await runInWorker(jobs[index]!);
      results[index] = result;
      done(result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), jobs.length) }, worker));
  return results;
}

function runInWorker(job: SetJob): Promise<SetResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: job });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

if (!isMainThread && isJob(workerData)) parentPort!.postMessage(runSet(workerData));

function isJob(data: unknown): data is SetJob {
  return typeof data === 'object' && data !== null && 'kinds' in data && 'maxFailures' in data;
}
