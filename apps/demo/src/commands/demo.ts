/**
 * `vmarea demo`: replays the recording of a Python program that comes with the command.
 */
import { join } from 'node:path';
import type { Io } from '../text/io.ts';
import { replayCommand, type ReplayCommandOptions } from './replay.ts';
import { packagePath } from '../machine/package.ts';

/** Runs the command. Returns the exit status. */
export async function demoCommand(json: boolean | undefined, io: Io): Promise<number> {
  const file = (name: string): string => join(packagePath(), 'recordings', name);
  if (json !== true) {
    io.out(
      'A Python program was traced on a real arm64 machine: it allocates, forks a child, frees, and prints its own\n' +
        '/proc/self/maps. Its recorded memory calls are now made again on vmarea, which does not look at the answers\n' +
        'before it has given its own.\n\n',
    );
  }
  const options: ReplayCommandOptions = {
    maps: file('python3.maps'),
    elf: file('elf.json'),
    json,
    verbose: true,
  };
  return replayCommand([file('python3.strace')], options, io);
}
