/** Bad input, and what a file contains is text. */
import { expect, it } from 'vitest';
import { filesOf, give, read, shown, type Site } from '../browser.ts';

export function inputTests(site: () => Site): void {
  it.each([
    ['nothing.txt', 'hello world, nothing here', 'text without a call'],
    ['a.png', Buffer.from('\u0089PNG\r\n', 'latin1'), 'PNG picture'],
    ['a.gz', Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3]), 'packed with gzip and damaged'],
    ['elf.json', '{', 'not JSON'],
    ['calls.txt', 'mmap(0, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)\n', 'calls without results'],
  ])('says what is wrong with %s, and goes on', async (name, content, message) => {
    const page = await site().same();
    if ((await page.locator('.summary').count()) === 0) await give(page, filesOf('cat.aslr-off'));
    await shown(page);
    const before = await page.locator('.step').innerText();
    await give(page, { [name]: content });
    await expect.poll(() => page.getByRole('alert').innerText()).toContain(message);
    expect(await page.locator('.step').innerText()).toBe(before);
    await page.getByRole('button', { name: 'Forward' }).click();
    await page.getByRole('button', { name: 'Dismiss' }).click();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  it('takes what a log contains as text', async () => {
    const page = await site().fresh();
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
  });

  it('goes on when the worker is lost', async () => {
    const page = await site().fresh();
    await page.route('**/worker-*.js', (route) => route.abort());
    await give(page, { 'a.strace': read('cat.aslr-off.strace') });
    await expect.poll(() => page.getByRole('alert').innerText()).toContain('The worker that replays was lost');
    await page.unroute('**/worker-*.js');
    await give(page, { 'a.strace': read('cat.aslr-off.strace') });
    await shown(page);
  });
}
