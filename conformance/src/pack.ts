/**
 * Packs recordings into the repository's archives, and unpacks them to read them.
 *
 * `node conformance/dist/pack.js pack FROM TO` and `node conformance/dist/pack.js unpack FROM TO`; FROM is a set's folder
 * or a folder of sets, and TO gets the same shape.
 */
import { basename, join } from 'node:path';
import { findSets, packSet, unpackSet } from './archive.ts';

const [verb, from, to] = process.argv.slice(2);
if ((verb !== 'pack' && verb !== 'unpack') || from === undefined || to === undefined) {
  process.stderr.write('usage: pack.js pack|unpack FROM TO\n');
  process.exitCode = 2;
} else {
  for (const set of findSets(from)) {
    const target = join(to, basename(set));
    const count = verb === 'pack' ? packSet(set, target) : unpackSet(set, target);
    process.stdout.write(`${target}: ${count} recordings\n`);
  }
}
