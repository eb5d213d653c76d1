/** Time and the map: scrubbing, searching, zooming. */
import { expect, it } from 'vitest';
import { give, rowsOf, shown, type Site } from '../browser.ts';

export function stepsTests(site: () => Site): void {
  it('scrubs, steps, searches, and says the step', async () => {
    const page = await site().recorded('python3.aslr-off');
    const step = page.locator('.step');
    await page.getByRole('button', { name: 'First' }).click();
    await expect.poll(() => step.innerText()).toBe('Before the first step.');
    await page.getByRole('slider', { name: 'Moment' }).fill('40');
    await expect.poll(() => step.innerText()).toMatch(/^Step 40 of/);
    const search = page.getByRole('searchbox', { name: 'Search the steps' });
    await search.fill('mprotect');
    await expect.poll(() => page.locator('.calls [role=status]').innerText()).toMatch(/steps \(with «mprotect»\)/);
    for (const row of await rowsOf(page, 'Steps of the log')) expect(row).toContain('mprotect(');
    await page.getByRole('button', { name: 'Forward' }).click();
    await expect.poll(() => step.innerText()).toContain('mprotect(');
    await search.fill('nothing-like-it');
    await expect.poll(() => page.locator('.calls [role=status]').innerText()).toMatch(/^0 steps/);
  });

  it('zooms from all of the map to single pages', async () => {
    const page = await site().recorded('cat.aslr-off');
    await page.getByRole('listbox', { name: /^Areas at moment/ }).focus();
    await page.keyboard.press('Home');
    await expect.poll(() => page.locator('.details').innerText()).toMatch(/It has been so since line \d+/);
    const pixels = (): Promise<string> =>
      page.locator('.map > canvas').evaluate((canvas) => (canvas as unknown as { toDataURL(): string }).toDataURL());
    const whole = await pixels();
    await page.getByRole('button', { name: 'To the chosen area' }).click();
    await expect.poll(pixels).not.toBe(whole);
    for (let i = 0; i < 30; i++) await page.getByRole('button', { name: 'Zoom in' }).click();
    await page.getByRole('button', { name: 'All of it' }).last().click();
    await expect.poll(pixels).toBe(whole);
  });

  it('shows a series of maps, with what is resident', async () => {
    const page = await site().fresh();
    const map = (end: string, rss: number): string => `10000000-${end} rw-p 00000000 00:00 0 \nRss:  ${rss} kB\n`;
    await give(page, { 'all.smaps': `# noon\n${map('10002000', 4)}# later\n${map('10004000', 12)}` });
    await shown(page);
    expect(await page.locator('.step').innerText()).toContain('later');
    expect(await page.getByRole('tab').allInnerTexts()).toEqual(['Two moments']);
    await page.getByRole('button', { name: 'As a table' }).click();
    await expect.poll(() => page.locator('.overview table').innerText()).toContain('12 KiB');
  });
}
