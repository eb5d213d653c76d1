// The built page in Chromium, for the scripts of this folder.
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { chromium } from 'playwright-core';

const dir = join(import.meta.dirname, '../dist/page');
const types = { '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html', '.svg': 'image/svg+xml' };

/** Serves the built page and starts the browser. @returns `url`, `browser`, and `stop` */
export async function startPage() {
  if (!existsSync(join(dir, 'index.html'))) throw new Error('first: pnpm --filter @vmarea/explorer build');
  const server = createServer((request, response) => {
    const path = request.url.split('?')[0];
    const file = join(dir, path === '/' ? 'index.html' : decodeURIComponent(path));
    if (!existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': types[extname(file)] ?? 'text/plain' });
    return response.end(readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = await chromium.launch({ executablePath, args });
  const stop = async () => {
    await browser.close();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, browser, stop };
}
