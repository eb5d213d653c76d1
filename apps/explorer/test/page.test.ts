/**
 * The page in real Chromium: what it shows is what the command prints, all of it works by keyboard, and what a file contains
 * is text.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recording, vmarea } from '../../demo/test/cli.ts';
import { axe, CHROMIUM, give, NO_CHROMIUM, rowsOf, shown, Site } from './browser.ts';

const folder = join(import.meta.dirname, '../../../conformance/straces');
const elf = readFileSync(join(folder, 'elf.json'), 'utf8');
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

/** The final map as the command prints it, in the page's form. */
async function commandMap(name: string): Promise<string[]> {
  const { out } = await vmarea(recording(name, '--json'));
  const { logs } = JSON.parse(out) as { logs: { map: { lines: string[] } }[] };
  return logs[0]!.map.lines.map(short);
}

/** A line of maps without device and inode, as the page has it. */
function short(line: string): string {
  const [, range, rights, offset, name = ''] = /^(\S+) (\S+) (\S+) \S+ \S+\s*(.*)$/.exec(line)!;
  return `${range} ${rights} ${offset} ${name}`;
}

if (CHROMIUM === undefined && process.env['CI'] === undefined) console.warn(NO_CHROMIUM);

describe.skipIf(CHROMIUM === undefined && process.env['CI'] === undefined)('the page', () => {
  let site: Site;
  beforeAll(async () => {
    if (CHROMIUM === undefined) throw new Error(NO_CHROMIUM);
    site = await Site.start();
  });
  afterAll(async () => {
    await site.stop();
  });

  const openLog = async (name: string): Promise<Page> => {
    const page = await site.open();
    await give(page, {
      [`${name}.strace`]: read(`${name}.strace`),
      [`${name}.maps`]: read(`${name}.maps`),
      'elf.json': elf,
    });
    await shown(page);
    return page;
  };

  const programs = readdirSync(folder)
    .filter((file) => file.endsWith('.strace'))
    .map((file) => file.replace('.strace', ''));
  it.each(programs)('shows the map of %s at its end as the command does', async (name) => {
    const page = await openLog(name);
    const rows = (await rowsOf(page, /^Areas at moment/)).map((row) =>
      row.replace(/^(?:came|grew|shrank|changed|split|joined|redone)/, ''),
    );
    expect(rows).toEqual(await commandMap(name));
    await page.close();
  });

  it('opens a recorded program that lies beside it, and complains about nothing', async () => {
    const page = await site.open();
    await page.getByLabel('A recorded program').selectOption({ label: 'sort' });
    await shown(page);
    await expect.poll(() => page.locator('.summary').innerText()).toContain('judged answers are the ones');
    await page.close();
    expect(site.complaints).toEqual([]);
  });

  it('scrubs, steps, searches, and says the step', async () => {
    const page = await openLog('python3.aslr-off');
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
    await page.close();
  });

  it('zooms from all of the map to single pages', async () => {
    const page = await openLog('cat.aslr-off');
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
    await page.close();
  });

  it('says why a call was refused', async () => {
    const page = await site.open();
    const log = '7 brk(NULL) = 0x40000000\n7 munmap(0x10000001, 4096) = -1 EINVAL (Invalid argument)\n';
    await give(page, { 'a.strace': log });
    await shown(page);
    await page.getByRole('button', { name: 'Last' }).click();
    const panel = page.getByRole('tabpanel');
    await expect.poll(() => panel.innerText()).toContain('-1 EINVAL');
    expect(await panel.innerText()).toMatch(/multiple of the page size/);
    await page.close();
  });

  it('compares two moments', async () => {
    const page = await site.open();
    const log = `7 brk(NULL) = 0x40000000
7 mmap(0x10000000, 16384, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x10000000
7 munmap(0x10001000, 4096) = 0
`;
    await give(page, { 'a.strace': log });
    await shown(page);
    await page.getByRole('tab', { name: 'Two moments' }).click();
    await page.getByLabel('A:').fill('3');
    await page.getByLabel('A:').press('Enter');
    await page.getByLabel('B:').fill('4');
    await page.getByLabel('B:').press('Enter');
    await expect
      .poll(() => page.getByRole('tabpanel').innerText())
      .toContain('1 change from A (step 3) to B (step 4): 1 to 2 areas');
    expect(await page.getByRole('tabpanel').getByRole('row').last().innerText()).toMatch(/^split/);
    await page.close();
  });

  it('replays under other settings, and lists the calls that are answered otherwise', async () => {
    const page = await site.open();
    const log = `7 brk(NULL) = 0x40000000
7 mmap(0x10000000, 16384, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x10000000
7 mprotect(0x10001000, 4096, PROT_NONE) = 0
`;
    await give(page, { 'a.strace': log });
    await shown(page);
    await page.getByRole('tab', { name: 'What if' }).click();
    const panel = page.getByRole('tabpanel');
    await panel.getByLabel('Sysctls:').fill('max_map_count=1');
    await panel.getByRole('button', { name: 'Compare' }).click();
    await expect.poll(() => panel.innerText()).toContain('1 call of 3 calls that were made get other answers');
    expect(await panel.getByRole('row').last().innerText()).toMatch(/mprotect[^]*0[^]*-1 ENOMEM/);
    await panel.getByLabel('Sysctls:').fill('nonsense=1');
    await panel.getByRole('button', { name: 'Compare' }).click();
    await expect.poll(() => page.getByRole('alert').innerText()).toContain('there is no «nonsense»');
    await panel.getByLabel('Sysctls:').fill('max_map_count=1');
    await panel.getByRole('button', { name: 'Look at this run' }).click();
    await expect.poll(() => page.locator('.summary').innerText()).toContain('The answers differ at line 3');
    await page.close();
  });

  it('makes calls that are typed, on a copy and in a new process', async () => {
    const page = await site.open();
    const log = `7 brk(NULL) = 0x40000000
7 mmap(0x10000000, 16384, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x10000000
`;
    await give(page, { 'a.strace': log });
    await shown(page);
    await page.getByRole('tab', { name: 'Try' }).click();
    const panel = page.getByRole('tabpanel');
    const prompt = panel.getByLabel('A call');
    await prompt.fill('munmap(0x10001000, 4096)');
    await prompt.press('Enter');
    await expect.poll(() => panel.innerText()).toContain('+ 10002000-10004000 r--p');
    await prompt.fill('munmap(0x10001001, 4096)');
    await prompt.press('Enter');
    await expect.poll(() => panel.innerText()).toContain('-1 EINVAL');
    await prompt.fill('what is this');
    await prompt.press('Enter');
    await page.getByRole('alert').waitFor();
    expect(await prompt.inputValue()).toBe('what is this');
    await panel.getByLabel('in a new process').check();
    await expect.poll(() => panel.innerText()).toContain('Nothing was mapped there');
    // The log is as it was.
    expect(await page.locator('.map h2').innerText()).toContain('1 area');
    await page.close();
  });

  it('shares what is seen in the address, and shows it again', async () => {
    const page = await openLog('cat.aslr-off');
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
    const other = await site.open({}, new URL(page.url()).hash);
    await shown(other);
    await expect.poll(() => other.locator('.step').innerText()).toMatch(/^Step 12 of/);
    await expect.poll(() => other.getByLabel('A:').inputValue()).toBe('5');
    await expect.poll(() => other.getByRole('searchbox').inputValue()).toBe('mmap');
    await expect.poll(() => other.getByRole('button', { name: 'Zoom out' }).isEnabled()).toBe(true);
    await page.close();
    await other.close();
    const damaged = await site.open({}, '#view=AAAA');
    await expect.poll(() => damaged.getByRole('alert').innerText()).toContain('damaged');
    await damaged.close();
  });

  it('offers a file for what is too large for an address, and opens it', async () => {
    const page = await openLog('sqlite3.aslr-off');
    await page.getByRole('slider', { name: 'Moment' }).fill('33');
    await expect.poll(() => page.locator('.step').innerText()).toMatch(/^Step 33 of/);
    await page.getByRole('button', { name: 'Share' }).click();
    const link = page.getByRole('link', { name: 'view.vmarea' });
    await link.waitFor();
    expect(await page.locator('header').innerText()).toContain('too large for an address');
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
    const content = readFileSync(await download.path());
    const other = await site.open();
    await give(other, { 'view.vmarea': content });
    await shown(other);
    await expect.poll(() => other.locator('.step').innerText()).toMatch(/^Step 33 of/);
    await give(other, { 'other.vmarea': '{"version":2}' });
    await expect.poll(() => other.getByRole('alert').innerText()).toContain('another version');
    await page.close();
    await other.close();
  });

  it('shows a series of maps, with what is resident', async () => {
    const page = await site.open();
    const map = (end: string, rss: number): string => `10000000-${end} rw-p 00000000 00:00 0 \nRss:  ${rss} kB\n`;
    await give(page, { 'all.smaps': `# noon\n${map('10002000', 4)}# later\n${map('10004000', 12)}` });
    await shown(page);
    expect(await page.locator('.step').innerText()).toContain('later');
    expect(await page.getByRole('tab').allInnerTexts()).toEqual(['Two moments']);
    await page.getByRole('button', { name: 'As a table' }).click();
    await expect.poll(() => page.locator('.overview table').innerText()).toContain('12 KiB');
    await page.close();
  });

  it.each([
    ['nothing.txt', 'hello world, nothing here', 'text without a call'],
    ['a.png', Buffer.from('\u0089PNG\r\n', 'latin1'), 'PNG picture'],
    ['a.gz', Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3]), 'packed with gzip and damaged'],
    ['elf.json', '{', 'not JSON'],
    ['calls.txt', 'mmap(0, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)\n', 'calls without results'],
  ])('says what is wrong with %s, and goes on', async (name, content, message) => {
    const page = await openLog('cat.aslr-off');
    const before = await page.locator('.step').innerText();
    await give(page, { [name]: content });
    await expect.poll(() => page.getByRole('alert').innerText()).toContain(message);
    expect(await page.locator('.step').innerText()).toBe(before);
    await page.getByRole('button', { name: 'Forward' }).click();
    await page.getByRole('button', { name: 'Dismiss' }).click();
    expect(await page.getByRole('alert').count()).toBe(0);
    await page.close();
  });

  it('unpacks gzip, and names strange lines', async () => {
    const page = await site.open();
    await give(page, { 'a.strace.gz': gzipSync(`${read('cat.aslr-off.strace')}what is this line\n`), 'elf.json': elf });
    await shown(page);
    await page.getByText('What is known and assumed').click();
    await expect.poll(() => page.locator('.summary').innerText()).toContain('skipped: it is not a line of strace');
    await page.close();
  });

  it('takes what a log contains as text', async () => {
    const page = await site.open();
    const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>';
    let dialogs = 0;
    page.on('dialog', (dialog) => {
      dialogs++;
      void dialog.dismiss();
    });
    await give(page, {
      [`${evil}.strace`]: `7 openat(AT_FDCWD, "/tmp/${evil}", O_RDONLY) = 3\n7 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3</tmp/${evil}>, 0) = 0x7f0000000000\n`,
    });
    await shown(page);
    expect(await page.locator('main').innerText()).toContain('<img src=x onerror=alert(1)>');
    expect(await page.locator('main img, main script').count()).toBe(0);
    expect(dialogs).toBe(0);
    await page.close();
  });

  it('goes on when the worker is lost', async () => {
    const page = await site.open();
    await page.route('**/worker-*.js', (route) => route.abort());
    await give(page, { 'a.strace': read('cat.aslr-off.strace') });
    await expect.poll(() => page.getByRole('alert').innerText()).toContain('The worker that replays was lost');
    await page.unroute('**/worker-*.js');
    await give(page, { 'a.strace': read('cat.aslr-off.strace') });
    await shown(page);
    await page.close();
  });

  it('works by keyboard alone', async () => {
    const page = await openLog('perl.aslr-off');
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
    await page.close();
  });

  it.each(['light', 'dark'] as const)('axe-core finds nothing in any view (%s)', async (colorScheme) => {
    const page = await site.open({ colorScheme });
    expect(await axe(page)).toEqual([]);
    await give(page, { 'a.strace': read('python3.aslr-off.strace'), 'elf.json': elf });
    await shown(page);
    await page.getByRole('button', { name: 'As a table' }).click();
    await expect.poll(() => page.getByRole('tabpanel').innerText()).toContain('The functions that were passed');
    expect(await axe(page)).toEqual([]);
    await page.getByRole('tab', { name: 'Two moments' }).click();
    await expect.poll(() => page.getByRole('tabpanel').innerText()).toContain('from A');
    expect(await axe(page)).toEqual([]);
    await page.getByRole('tab', { name: 'What if' }).click();
    await page.getByLabel('Sysctls:').fill('max_map_count=5');
    await page.getByRole('button', { name: 'Compare' }).click();
    await expect.poll(() => page.getByRole('tabpanel').innerText()).toContain('that were made');
    expect(await axe(page)).toEqual([]);
    await page.getByRole('tab', { name: 'Try' }).click();
    await page.getByLabel('A call').fill('munmap(1, 4096)');
    await page.getByLabel('A call').press('Enter');
    await expect.poll(() => page.getByRole('tabpanel').innerText()).toContain('EINVAL');
    expect(await axe(page)).toEqual([]);
    await give(page, { 'x.txt': 'no log' });
    await page.getByRole('alert').waitFor();
    expect(await axe(page)).toEqual([]);
    await page.close();
  });

  it.each([
    ["a phone's width", { viewport: { width: 360, height: 740 } }],
    ['200 % zoom', { viewport: { width: 640, height: 500 }, deviceScaleFactor: 2 }],
  ])('needs no sideways scrolling at %s', async (_what, options) => {
    const page = await site.open(options);
    await give(page, { 'a.strace': read('python3.aslr-off.strace'), 'elf.json': elf });
    await shown(page);
    const [wide, window] = await page.evaluate<number[]>('[document.documentElement.scrollWidth, innerWidth]');
    expect(wide).toBeLessThanOrEqual(window!);
    await page.close();
  });
});
