/** The tours, pages at page zoom, and the links to reasons. */
import { expect, it } from 'vitest';
import { vmarea } from '../../../demo/test/cli.ts';
import { rowsOf, shown, type Site } from '../browser.ts';

interface CommandStep {
  readonly title: string;
  readonly events: readonly { readonly kind: string; readonly fn?: string }[];
}

export function tourTests(site: () => Site): void {
  it('takes the tour of the mappings: the steps of the command, with the functions that are passed', async () => {
    const { out } = await vmarea(['tour', '--json']);
    const steps = JSON.parse(out) as CommandStep[];
    const page = await site().fresh();
    await page.getByRole('button', { name: 'Tour: the three kinds of mapping' }).click();
    await shown(page);
    const rows = await rowsOf(page, 'Steps of the tour');
    expect(rows).toHaveLength(steps.length);
    const panel = page.getByRole('tabpanel');
    for (const [i, { title, events }] of steps.entries()) {
      expect(rows[i]).toContain(`${title}: `);
      await expect.poll(() => panel.locator('h3').first().innerText()).toBe(title);
      const passed = events.flatMap(({ kind, fn }) => (kind === 'enter' ? [fn!] : []));
      const path = passed.length === 0 ? '' : await panel.locator('pre').innerText();
      expect([...path.matchAll(/→ (\w+)\(/g)].map(([, fn]) => fn)).toEqual(passed);
      await page.getByRole('button', { name: 'Forward' }).click();
    }
    // All three kinds are on the map at the end.
    const areas = (await rowsOf(page, /^Areas at moment/)).join('\n');
    for (const what of ['/driver/data', '/anon_hugepage', '/huge/data', '/dev/zero', 'rw-p 00000000 \n'])
      expect(`${areas}\n`).toContain(what);
  });

  it('takes the tour of pages: which are dirty, shared and copied, with their descriptors; and shares it', async () => {
    const page = await site().fresh();
    await page.getByRole('button', { name: 'Tour: what becomes of pages' }).click();
    await shown(page);
    const table = page.getByRole('group', { name: 'Pages in memory' });
    const goTo = async (title: string): Promise<void> => {
      await page.getByLabel('all processes').check();
      await page.getByRole('option').filter({ hasText: title }).click();
      await expect.poll(() => page.locator('.step').innerText()).toContain(title);
    };
    await goTo('The private mapping reads the same frame');
    await page.getByText('in memory, with their descriptors').click();
    const kinds = async (): Promise<string[]> =>
      (await table.getByRole('row').allInnerTexts()).slice(1).map((row) => row.split('\t')[2]!);
    const frames = async (): Promise<string[]> =>
      (await table.getByRole('row').allInnerTexts()).slice(1).map((row) => row.split('\t')[1]!);
    await expect.poll(kinds).toEqual(['present, shared', 'present, dirty, shared']);
    const [a, b] = await frames();
    expect(a).toBe(b);
    await goTo('A store through it makes a copy');
    await expect.poll(kinds).toEqual(['present, dirty, copied', 'present, dirty']);
    const [copy, original] = await frames();
    expect(copy).not.toBe(original);
    // The frame's number stands in the descriptor of arm64, from bit 12 on.
    const [row] = (await table.getByRole('row').allInnerTexts()).slice(1);
    const descriptor = BigInt(row!.split('\t')[3]!.trim());
    expect((descriptor >> 12n) & 0xfffffffn).toBe(BigInt(copy!));
    // At page zoom pages are drawn; the picture is another one before the copy was made.
    await page.getByRole('option').filter({ hasText: 'rw-p' }).first().click();
    await page.getByRole('button', { name: 'To the chosen area' }).click();
    await expect.poll(() => page.locator('.pointed').innerText()).toContain('D dirty, S shared, C copied');
    await page.getByRole('button', { name: 'Share' }).click();
    await expect.poll(() => page.url()).toContain('#view=');
    const { hash } = new URL(page.url());
    const again = await site().fresh();
    await again.goto('about:blank');
    await again.goto(site().url + hash);
    await shown(again);
    await expect.poll(() => again.locator('.step').innerText()).toContain('A store through it makes a copy');
  });

  it('links each reason to what the documentation says of it', async () => {
    const page = await site().log(
      '7 brk(NULL) = 0x40000000\n7 munmap(0x10000001, 4096) = -1 EINVAL (Invalid argument)\n',
    );
    await page.getByRole('button', { name: 'Last' }).click();
    const panel = page.getByRole('tabpanel');
    await panel.getByText('Decided in').waitFor();
    const links = await panel
      .locator('a')
      .evaluateAll((list) =>
        (list as unknown as { getAttribute(name: string): string }[]).map((a) => a.getAttribute('href')),
      );
    expect(links.length).toBeGreaterThan(1);
    const [popup] = await Promise.all([page.waitForEvent('popup'), panel.locator('a').first().click()]);
    await popup.waitForLoadState();
    const id = decodeURIComponent(new URL(popup.url()).hash.slice(1));
    expect(await popup.locator(`[id="${id}"]`).innerText()).toBe(id);
    for (const link of new Set(links)) {
      const target = link.split('#')[1]!;
      expect(await popup.locator(`[id="${target}"]`).count(), target).toBe(1);
    }
    await popup.close();
  });
}
