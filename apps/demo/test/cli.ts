/** Runs the command line inside of the test, and keeps what it prints. */
import { join } from 'node:path';
import picocolors from 'picocolors';
import { run } from '../src/cli.ts';
import type { Io } from '../src/text/io.ts';

export const straces = join(import.meta.dirname, '../../../conformance/straces');

export interface Ran {
  status: number;
  out: string;
  err: string;
}

export async function vmarea(args: readonly string[], input = ''): Promise<Ran> {
  const ran: Ran = { status: -1, out: '', err: '' };
  const io: Io = {
    out: (text) => void (ran.out += text),
    err: (text) => void (ran.err += text),
    terminal: null,
    colors: picocolors.createColors(false),
    columns: 100,
    async *input() {
      await Promise.resolve();
      yield input;
    },
  };
  ran.status = await run(args, io);
  return ran;
}

/** The arguments that replay a recording. */
export function recording(name: string, ...more: string[]): string[] {
  const file = (suffix: string): string => join(straces, `${name}.${suffix}`);
  return ['replay', file('strace'), '--maps', file('maps'), '--elf', join(straces, 'elf.json'), ...more];
}
