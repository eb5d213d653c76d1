/**
 * A progress bar on standard error while a large log is read: rate and remaining time. Nothing when nobody looks.
 */
import type { Io } from './io.ts';
import { grouped } from './numbers.ts';

/** Logs below this size are read before a bar could be seen. */
const WORTH_A_BAR = 4 * 2 ** 20;

/** One bar. */
export interface Progress {
  /** So many bytes and lines have been read. */
  at(bytes: number, lines: number): void;
  end(): void;
}

const NONE: Progress = { at: () => undefined, end: () => undefined };

/**
 * Draws a bar where somebody sees it.
 *
 * @param total bytes of the log
 */
export async function startProgress(io: Io, total: number, name: string): Promise<Progress> {
  if (io.terminal === null || total < WORTH_A_BAR) return NONE;
  const { SingleBar } = await import('cli-progress');
  const started = performance.now();
  const bar = new SingleBar({
    format: `${name} {bar} {percentage}% | {lines} lines, {rate} a second | {eta_formatted} left`,
    stream: io.terminal,
    clearOnComplete: true,
    hideCursor: true,
    etaBuffer: 50,
  });
  bar.start(total, 0, { lines: '0', rate: '0' });
  return {
    at: (bytes, lines) => {
      const rate = Math.round((lines * 1000) / Math.max(1, performance.now() - started));
      bar.update(bytes, { lines: grouped(lines), rate: grouped(rate) });
    },
    end: () => bar.stop(),
  };
}
