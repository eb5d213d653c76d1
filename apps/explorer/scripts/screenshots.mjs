// Pictures of the built page for the documentation: docs/explorer.png, docs/explorer-dark.png and docs/explorer-tour.png.
//
//     pnpm --filter @vmarea/explorer build && pnpm --filter @vmarea/explorer screenshots
import { join } from 'node:path';
import { startPage } from './chromium.mjs';

const docs = join(import.meta.dirname, '../../../docs');
const { url, browser, stop } = await startPage();

async function picture(name, colorScheme, show) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1080 }, colorScheme });
  await page.goto(url);
  await show(page);
  await page.evaluate('scrollTo(0, 0)');
  await page.screenshot({ path: join(docs, name) });
  await page.close();
}

async function python(page) {
  await page.getByLabel('A recorded program').selectOption({ label: 'python3' });
  await page.locator('.map .list').waitFor();
}

await picture('explorer.png', 'light', async (page) => {
  await python(page);
  await page.getByRole('searchbox').fill('split');
  await page.getByRole('listbox', { name: 'Steps of the log' }).focus();
  await page.locator('.calls [role=status]', { hasText: 'that were split' }).waitFor();
  await page.keyboard.press('End');
  await page.getByRole('tabpanel').getByText('What would refuse it').waitFor();
  await page.getByRole('tabpanel').getByText('an area was split').waitFor();
});
await picture('explorer-dark.png', 'dark', async (page) => {
  await python(page);
  await page.getByRole('tab', { name: 'Two moments' }).click();
  await page.getByLabel('Colours:').selectOption('rights');
  await page.getByLabel('A:').fill('60');
  await page.getByLabel('A:').press('Enter');
  await page.getByText('from A (step 60)').waitFor();
});
await picture('explorer-tour.png', 'light', async (page) => {
  await page.getByRole('button', { name: 'Tour: what becomes of pages' }).click();
  await page.locator('.map .list').waitFor();
  await page.getByRole('slider', { name: 'Moment' }).fill('9');
  await page.getByText('The second task sees the store of the first').first().waitFor();
  await page.locator('.map [role=option]').first().click();
  await page.getByRole('button', { name: 'To the chosen area' }).click();
  await page.getByText('in memory, with their descriptors').click();
  await page.getByText('what they decided').waitFor();
});
await stop();
