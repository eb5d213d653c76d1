// Pictures of the built page for the documentation: docs/explorer.png and docs/explorer-dark.png.
//
//     pnpm --filter @vmarea/explorer build && pnpm --filter @vmarea/explorer screenshots
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { chromium } from 'playwright-core';

const dir = join(import.meta.dirname, '../dist/page');
const docs = join(import.meta.dirname, '../../../docs');
const types = { '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html', '.svg': 'image/svg+xml' };

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

async function picture(name, colorScheme, show) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1080 }, colorScheme });
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.getByLabel('A recorded program').selectOption({ label: 'python3' });
  await page.locator('.map .list').waitFor();
  await show(page);
  await page.evaluate('scrollTo(0, 0)');
  await page.screenshot({ path: join(docs, name) });
  await page.close();
}

await picture('explorer.png', 'light', async (page) => {
  await page.getByRole('searchbox').fill('split');
  await page.getByRole('listbox', { name: 'Steps of the log' }).focus();
  await page.locator('.calls [role=status]', { hasText: 'that were split' }).waitFor();
  await page.keyboard.press('End');
  await page.getByRole('tabpanel').getByText('What would refuse it').waitFor();
  await page.getByRole('tabpanel').getByText('an area was split').waitFor();
});
await picture('explorer-dark.png', 'dark', async (page) => {
  await page.getByRole('tab', { name: 'Two moments' }).click();
  await page.getByLabel('Colours:').selectOption('rights');
  await page.getByLabel('A:').fill('60');
  await page.getByLabel('A:').press('Enter');
  await page.getByText('from A (step 60)').waitFor();
});
await browser.close();
server.close();
