/** Public reports, run as a user would, with what the first lines must say and what must nowhere stand. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { vmarea } from './cli.ts';

const folder = join(import.meta.dirname, '../../../test/cases');

interface Expected {
  readonly args: readonly string[];
  readonly stdin?: string;
  readonly status: number;
  readonly first: readonly string[];
  readonly contains: readonly string[];
  readonly never: readonly string[];
}

/** Lines in which the answer must stand: the situation, the verdict and its reasons. */
const FIRST = 20;

const flat = (text: string): string => text.replaceAll(/\s+/g, ' ');

const commands = readdirSync(folder)
  .filter((name) => existsSync(join(folder, name, 'expect.json')))
  .flatMap((name) => {
    const expected = JSON.parse(readFileSync(join(folder, name, 'expect.json'), 'utf8')) as Expected[];
    return expected.map((one) => [`${name}: ${one.args.join(' ')}`, name, one] as const);
  });

describe('public reports', () => {
  it.each(commands)('%s', async (_title, name, { args, stdin, status, first, contains, never }) => {
    const file = (word: string): string => join(folder, name, word);
    const words = args.map((word) => (word !== '-' && existsSync(file(word)) ? file(word) : word));
    const ran = await vmarea(words, stdin === undefined ? undefined : readFileSync(file(stdin), 'utf8'));
    // What cannot be read is refused on standard error, and then nothing else is printed.
    const said = status === 2 ? ran.err : ran.out;
    const out = flat(said);
    const begin = flat(said.split('\n').slice(0, FIRST).join('\n'));
    for (const text of first) expect(begin).toContain(flat(text));
    for (const text of contains) expect(out).toContain(flat(text));
    for (const text of never) expect(out).not.toContain(flat(text));
    expect(status === 2 ? ran.out : ran.err).toBe('');
    expect(ran.status).toBe(status);
  });
});
