/**
 * Lines per second that a replay gets through, and whether its memory stays flat in the length of the log. The log is made
 * on the way, and making it is not timed.
 */
import { createArm64 } from '@vmarea/arch-arm64';
import { createKernel } from '@vmarea/kernel';
import { NO_PROGRAMS, Replay } from '@vmarea/replay';
import { DEFAULT_CONFIG, PROFILES, type KernelProfile } from '@vmarea/uapi';
import { LogWriter } from '../workloads/strace-log.ts';
import { cpuTime, figure, type Figure } from './harness.ts';

/** What came of it. */
export interface ReplayFigures {
  readonly lines: number;
  /** Calls that were made again, and those whose answer was the recorded one. */
  readonly replayed: number;
  readonly reproduced: number;
  /** No answer differed, so that all of the log was replayed. */
  readonly complete: boolean;
  /** Over tenths of the log, the first left out (start-up). */
  readonly linesPerSecond: Figure;
  /** Bytes of heap after a collection, after a tenth of the log and at its end. */
  readonly heapEarly: number;
  readonly heapLate: number;
}

const CHUNK = 2000;

function heapUsed(): number {
  // Twice: what the first one frees may hold more.
  gc?.();
  gc?.();
  return process.memoryUsage().heapUsed;
}

/** Replays a log of `lines` generated lines. */
export function replayFigures(profile: KernelProfile['name'], lines: number): ReplayFigures {
  const log = new LogWriter(profile, 1);
  const replay = new Replay({
    kernel: createKernel({
      arch: createArm64({ pageSize: 4096, vaBits: 48 }),
      profile: PROFILES[profile],
      config: DEFAULT_CONFIG,
      memory: false,
    }),
    programs: NO_PROGRAMS,
    aslr: 'off',
  });
  const rates: number[] = [];
  const tenth = Math.ceil(lines / 10 / CHUNK) * CHUNK;
  let heapEarly = 0;
  let spent = 0;
  let done = 0;
  while (done < lines) {
    let text = '';
    for (let i = 0; i < CHUNK; i++) text += `${log.line()}\n`;
    const from = cpuTime();
    replay.push(text);
    spent += cpuTime() - from;
    done += CHUNK;
    if (done % tenth !== 0) continue;
    if (done === tenth) heapEarly = heapUsed();
    else rates.push((tenth * 1000) / spent);
    spent = 0;
  }
  const heapLate = heapUsed();
  const report = replay.finish();
  return {
    lines: report.lines,
    replayed: report.answers.replayed,
    reproduced: report.answers.reproduced,
    complete: report.difference === null,
    linesPerSecond: figure(rates),
    heapEarly,
    heapLate,
  };
}
