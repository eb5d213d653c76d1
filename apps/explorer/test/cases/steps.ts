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
    await search.fill('mprotect(0x');
    await expect.poll(() => page.locator('.calls [role=status]').innerText()).toMatch(/^[1-9].*«mprotect\(0x»/);
    await search.fill('nothing-like-it');
    await expect.poll(() => page.locator('.calls [role=status]').innerText()).toMatch(/^0 steps/);
  });

  it('brushes a part of time with the mouse, and shows all of it again', async () => {
    const page = await site().recorded('cat.aslr-off');
    const box = (await page.locator('.overview canvas').boundingBox())!;
    const slider = page.getByRole('slider', { name: 'Moment' });
    const ends = async (): Promise<number[]> => [
      Number(await slider.getAttribute('min')),
      Number(await slider.getAttribute('max')),
    ];
    const [, last] = await ends();
    const before = await page.locator('.step').innerText();
    const drag = async (from: number, to: number): Promise<void> => {
      await page.mouse.move(box.x + box.width * from, box.y + 40);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * to, box.y + 40, { steps: 4 });
      await page.mouse.up();
    };
    await page.keyboard.down('Shift');
    await drag(0.75, 0.25);
    await page.keyboard.up('Shift');
    await expect.poll(ends).toEqual([Math.round(last! * 0.25), Math.round(last! * 0.75)]);
    // Brushing does not move in time; dragging does.
    expect(await page.locator('.step').innerText()).toBe(before);
    await page.locator('.overview').getByRole('button', { name: 'All of it' }).click();
    await expect.poll(ends).toEqual([0, last]);
    await drag(0.2, 0.5);
    await expect.poll(() => page.locator('.step').innerText()).toContain(`Step ${Math.round(last! / 2)} of`);
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
