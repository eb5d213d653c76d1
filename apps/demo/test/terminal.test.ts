/** The width that texts are wrapped for. */
import { expect, it } from 'vitest';
import { columnsOf } from '../src/text/io.ts';
import { vmarea } from './cli.ts';

it.each([
  [{ isTTY: true, columns: 72 }, 72],
  [{ isTTY: true, columns: 0 }, 100],
  [{ isTTY: true }, 100],
  [{ columns: 72 }, 100],
])('%j: %i columns', (stream, columns) => {
  expect(columnsOf(stream)).toBe(columns);
});

it.each(['madvise(0x1000, 4096, "x")', 'mmap(what, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)'])(
  'an argument that cannot be read is told without a wrong article: %s',
  async (line) => {
    const { err } = await vmarea(['explain', line]);
    expect(err).not.toMatch(/\ba [aeiou]/);
    expect(err).not.toBe('');
  },
);
