/** Sharing a view. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { give, shown, type Site } from '../browser.ts';

export function shareTests(site: () => Site): void {
  it('shares what is seen in the address, and shows it again', async () => {
    const page = await site().recorded('cat.aslr-off');
    await page.getByRole('slider', { name: 'Moment' }).fill('12');
    await page.getByRole('tab', { name: 'Two moments' }).click();
    await page.getByLabel('A:').fill('5');
    await page.getByLabel('A:').press('Enter');
    await page.getByRole('searchbox').fill('mmap');
    await expect.poll(() => page.locator('.calls [role=status]').innerText()).toContain('with «mmap»');
    await page.getByRole('button', { name: 'Zoom in' }).click();
    await expect.poll(() => page.locator('.step').innerText()).toMatch(/^Step 12 of/);
    await page.getByRole('button', { name: 'Share' }).click();
    await expect.poll(() => page.url()).toContain('#view=');
    const other = await site().open({}, new URL(page.url()).hash);
    await shown(other);
    await expect.poll(() => other.locator('.step').innerText()).toMatch(/^Step 12 of/);
    await expect.poll(() => other.getByLabel('A:').inputValue()).toBe('5');
    await expect.poll(() => other.getByRole('searchbox').inputValue()).toBe('mmap');
    await expect.poll(() => other.getByRole('button', { name: 'Zoom out' }).isEnabled()).toBe(true);
    await other.close();
    await page.goto('about:blank');
    await page.goto(`${site().url}#view=AAAA`);
    await expect.poll(() => page.getByRole('alert').innerText()).toContain('damaged');
  });

  it('offers a file for what is too large for an address, and opens it', async () => {
    const page = await site().recorded('sqlite3.aslr-off');
    await page.getByRole('slider', { name: 'Moment' }).fill('33');
    await expect.poll(() => page.locator('.step').innerText()).toMatch(/^Step 33 of/);
    await page.getByRole('button', { name: 'Share' }).click();
    const link = page.getByRole('link', { name: 'view.vmarea' });
    await link.waitFor();
    expect(await page.locator('header').innerText()).toContain('too large for an address');
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
    const content = readFileSync(await download.path());
    const other = await site().fresh();
    await give(other, { 'view.vmarea': content });
    await shown(other);
    await expect.poll(() => other.locator('.step').innerText()).toMatch(/^Step 33 of/);
    await give(other, { 'other.vmarea': '{"version":2}' });
    await expect.poll(() => other.getByRole('alert').innerText()).toContain('another version');
  });
}
