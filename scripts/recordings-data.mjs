// Puts the data of @vmarea/recordings into its folder, where it is packed from: the sets of conformance/recordings as they are, the
// index of calls and answers, and the vectors, which are cut from the sets. Needs the package's dist.
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './workspace.mjs';

const { indexOf, vectorFile } = await import('../packages/recordings/dist/index.js');
const { readSet } = await import('../packages/recordings/dist/node.js');
const home = join(root, 'packages/recordings');
const from = join(root, 'conformance/recordings');

for (const name of ['sets', 'vectors']) rmSync(join(home, name), { recursive: true, force: true });
mkdirSync(join(home, 'vectors'));
const index = { sets: [], calls: [] };
for (const set of readdirSync(from).sort()) {
  cpSync(join(from, set), join(home, 'sets', set), { recursive: true });
  const recordings = readSet(set, from);
  const one = indexOf(set, recordings);
  index.sets.push(...one.sets);
  index.calls.push(...one.calls);
  writeFileSync(join(home, 'vectors', `${set}.jsonl`), vectorFile(set, recordings));
}
const lines = index.calls.map((entry) => JSON.stringify(entry)).join(',\n');
writeFileSync(join(home, 'index.json'), `{"sets":${JSON.stringify(index.sets)},"calls":[\n${lines}\n]}\n`);
