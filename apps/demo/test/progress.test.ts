import { PassThrough } from 'node:stream';
import type { WriteStream } from 'node:tty';
import picocolors from 'picocolors';
import { expect, it } from 'vitest';
import type { Io } from '../src/text/io.ts';
import { startProgress } from '../src/text/progress.ts';

/** A standard error that says that it is a terminal, and what was written to it. */
function terminal(): { io: Io; text: () => string } {
  let written = '';
  const stream = new PassThrough();
  stream.on('data', (chunk: Buffer) => (written += chunk.toString()));
  const tty = Object.assign(stream, { isTTY: true, columns: 120, cursorTo: () => true, clearLine: () => true });
  const io: Io = {
    out: () => undefined,
    err: () => undefined,
    terminal: tty as unknown as WriteStream,
    colors: picocolors.createColors(false),
    columns: 120,
    async *input() {
      await Promise.resolve();
      yield '';
    },
  };
  return { io, text: () => written };
}

it('shows lines, rate and remaining time of a large log', async () => {
  const { io, text } = terminal();
  const progress = await startProgress(io, 100 * 2 ** 20, 'big.strace');
  progress.at(2 ** 20, 1000);
  progress.end();
  expect(text()).toMatch(/big\.strace .*% \| .* lines, .* a second \| .* left/);
});

it('shows nothing of a small one, and nothing without a terminal', async () => {
  const { io, text } = terminal();
  for (const [where, size] of [
    [io, 1000],
    [{ ...io, terminal: null }, 100 * 2 ** 20],
  ] as const) {
    const progress = await startProgress(where, size, 'small.strace');
    progress.at(500, 10);
    progress.end();
  }
  expect(text()).toBe('');
});
