// Copies the built page of apps/explorer into apps/demo/page: `vmarea ui` serves it from there once it is published.
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './workspace.mjs';

const from = join(root, 'apps/explorer/dist/page');
const to = join(root, 'apps/demo/page');
if (!existsSync(join(from, 'index.html'))) throw new Error(`copy-page: ${from} is not built`);
rmSync(to, { recursive: true, force: true });
cpSync(from, to, { recursive: true });
