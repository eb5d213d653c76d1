/**
 * A progress bar on standard error while a large log is read: rate and remaining time. Nothing when nobody looks.
 */
import { SingleBar } from 'cli-progress';
import type { Io } from './io.ts';

/** Logs below this size are read before a bar could be seen. */
const WORTH_A_BAR = 4 * 2 ** 20;

/** One bar. */
export class Progress {
  readonly #bar: SingleBar | null;
  readonly #started = performance.now();

  /** @param total bytes of the log */
  constructor(io: Io, total: number, name: string) {
    if (io.terminal === null || total < WORTH_A_BAR) {
      this.#bar = null;
      return;
    }
    this.#bar = new SingleBar({
      format: `${name} {bar} {percentage}% | {lines} lines, {rate} a second | {eta_formatted} left`,
      stream: io.terminal,
      clearOnComplete: true,
      hideCursor: true,
      etaBuffer: 50,
    });
    this.#bar.start(total, 0, { lines: '0', rate: '0' });
  }

  /** So many bytes and lines have been read. */
  at(bytes: number, lines: number): void {
    if (this.#bar === null) return;
    const rate = Math.round((lines * 1000) / Math.max(1, performance.now() - this.#started));
    this.#bar.update(bytes, { lines: lines.toLocaleString('en'), rate: rate.toLocaleString('en') });
  }

  end(): void {
    this.#bar?.stop();
  }
}
