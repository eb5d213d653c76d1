/** By keyboard alone, with axe-core, on small screens. */
import { expect, it } from 'vitest';
import { axe, elf, give, read, shown, type Site } from '../browser.ts';

export function accessTests(site: () => Site): void {
  it('works by keyboard alone', async () => {
    const page = await site().recorded('perl.aslr-off');
    const focused = (): Promise<string> =>
      page.evaluate<string>(
        "`${document.activeElement.getAttribute('role') ?? document.activeElement.tagName} ${document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent}`",
      );
    const tabTo = async (name: string): Promise<void> => {
      for (let i = 0; i < 80; i++) {
        if ((await focused()).includes(name)) return;
        await page.keyboard.press('Tab');
      }
      throw new Error(`Tab does not lead to ${name}`);
    };
    await tabTo('Moment');
    await page.keyboard.press('Home');
    await expect.poll(() => page.locator('.step').innerText()).toBe('Before the first step.');
    await tabTo('Steps of the log');
    await page.keyboard.press('End');
    await expect.poll(() => page.locator('.step').innerText()).toMatch(/^Step \d+/);
    const last = await page.locator('.step').innerText();
    await page.keyboard.press('ArrowUp');
    await expect.poll(() => page.locator('.step').innerText()).not.toBe(last);
    await tabTo('Areas at moment');
    await page.keyboard.press('End');
    await expect.poll(() => page.locator('.details').innerText()).toContain('It has been so since');
    await tabTo('tab Why');
    await page.keyboard.press('ArrowRight');
    await expect.poll(focused).toContain('Two moments');
    await expect.poll(() => page.getByRole('tabpanel').innerText()).toContain('from A');
  });

  it('axe-core finds nothing in any view, light and dark', async () => {
    const page = await site().fresh();
    const found: string[] = [];
    // Colours are all that differs in the dark.
    const look = async (view: string): Promise<void> => {
      for (const line of await axe(page)) found.push(`${view}: ${line}`);
      await page.emulateMedia({ colorScheme: 'dark' });
      for (const line of await axe(page, ['color-contrast'])) found.push(`${view}, dark: ${line}`);
      await page.emulateMedia({ colorScheme: 'light' });
    };
    await look('landing');
    await give(page, { 'a.strace': read('cat.aslr-off.strace'), 'elf.json': elf });
    await shown(page);
    const panel = page.getByRole('tabpanel');
    await page.getByRole('button', { name: 'As a table' }).click();
    await expect.poll(() => panel.innerText()).toContain('The functions that were passed');
    await look('why');
    await page.getByRole('tab', { name: 'Two moments' }).click();
    await expect.poll(() => panel.innerText()).toContain('from A');
    await look('two moments');
    await page.getByRole('tab', { name: 'What if' }).click();
    await page.getByLabel('Sysctls:').fill('max_map_count=5');
    await page.getByRole('button', { name: 'Compare' }).click();
    await expect.poll(() => panel.innerText()).toContain('that were made');
    await look('what if');
    await page.getByRole('tab', { name: 'Try' }).click();
    await page.getByLabel('A call').fill('munmap(1, 4096)');
    await page.getByLabel('A call').press('Enter');
    await expect.poll(() => panel.innerText()).toContain('EINVAL');
    await look('try');
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'Tour: what becomes of pages' }).click();
    await shown(page);
    await page.getByRole('slider', { name: 'Moment' }).fill('9');
    await page.getByText('in memory, with their descriptors').click();
    await look('tour');
    await give(page, { 'x.txt': 'no log' });
    await page.getByRole('alert').waitFor();
    await look('a problem');
    expect(found).toEqual([]);
  });

  it.each([
    ["a phone's width", { width: 360, height: 740 }],
    ['200 % zoom', { width: 640, height: 500 }],
  ])('needs no sideways scrolling at %s, in any view', async (_what, size) => {
    const page = await site().fresh();
    await page.setViewportSize(size);
    // Half of it, so that there are processes with long names, which the map at the end does not settle.
    const text = read('cat.aslr-off.strace');
    await give(page, { 'a.strace': text.slice(0, text.length / 2) });
    await shown(page);
    for (const name of await page.getByRole('tab').allInnerTexts()) {
      await page.getByRole('tab', { name, exact: true }).click();
      const [wide, window] = await page.evaluate<number[]>('[document.documentElement.scrollWidth, innerWidth]');
      expect(wide, name).toBeLessThanOrEqual(window!);
    }
  });
}
