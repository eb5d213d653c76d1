/**
 * Writes a generated log: a load for `vmarea replay`.
 *
 *     node bench/dist/gen-strace.js [--lines 5000000] [--seed 1] [--kernel linux-6.1] [FILE]
 *
 * Without FILE it goes to stdout. A megabyte at a time: five million lines need no more memory than fifty.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { KernelProfile } from '@vmarea/uapi';
import { LogWriter } from './workloads/strace-log.ts';

/** Writes `lines` lines to a descriptor, a megabyte at a time. */
function writeLog(fd: number, lines: number, profile: KernelProfile['name'], seed: number): void {
  const log = new LogWriter(profile, seed);
  let text = '';
  for (let i = 0; i < lines; i++) {
    text += `${log.line()}\n`;
    if (text.length < 1 << 20 && i + 1 < lines) continue;
    const bytes = Buffer.from(text, 'latin1');
    for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
    text = '';
  }
}

/** The command. */
function main(): void {
  const { values, positionals } = parseArgs({
    options: {
      lines: { type: 'string', default: '5000000' },
      seed: { type: 'string', default: '1' },
      kernel: { type: 'string', default: 'linux-6.1' },
    },
    allowPositionals: true,
  });
  const file = positionals[0];
  const fd = file === undefined ? 1 : openSync(file, 'w');
  writeLog(fd, Number(values.lines), values.kernel as KernelProfile['name'], Number(values.seed));
  if (file !== undefined) closeSync(fd);
}

main();
