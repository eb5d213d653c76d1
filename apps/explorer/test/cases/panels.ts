/** The panels: why, two moments, what if, try. */
import { expect, it } from 'vitest';
import { give, type Site } from '../browser.ts';

export function panelsTests(site: () => Site): void {
  it('says why a call was refused', async () => {
    const page = await site().log(
      '7 brk(NULL) = 0x40000000\n7 munmap(0x10000001, 4096) = -1 EINVAL (Invalid argument)\n',
    );
    await page.getByRole('button', { name: 'Last' }).click();
    const panel = page.getByRole('tabpanel');
    await expect.poll(() => panel.innerText()).toContain('-1 EINVAL');
    expect(await panel.innerText()).toMatch(/multiple of the page size/);
  });

  it('compares two moments', async () => {
    const page = await site().log(`7 brk(NULL) = 0x40000000
7 mmap(0x10000000, 16384, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x10000000
7 munmap(0x10001000, 4096) = 0
`);
    await page.getByRole('tab', { name: 'Two moments' }).click();
    await page.getByLabel('A:').fill('3');
    await page.getByLabel('A:').press('Enter');
    await page.getByLabel('B:').fill('4');
    await page.getByLabel('B:').press('Enter');
    await expect
      .poll(() => page.getByRole('tabpanel').innerText())
      .toContain('1 change from A (step 3) to B (step 4): 1 to 2 areas');
    expect(await page.getByRole('tabpanel').getByRole('row').last().innerText()).toMatch(/^split/);
  });

  it('replays under other settings, and lists the calls that are answered otherwise', async () => {
    const page = await site().log(`7 brk(NULL) = 0x40000000
7 mmap(0x10000000, 16384, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x10000000
7 mprotect(0x10001000, 4096, PROT_NONE) = 0
`);
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
  });

  it('runs the log with a change that «why» names, and forgets it with the next input', async () => {
    const page = await site().log(`7 brk(NULL) = 0x40000000
7 mmap(0x10000000, 16384, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x10000000
7 munmap(0x10001000, 4096) = 0
`);
    const panel = page.getByRole('tabpanel');
    const change = panel.getByRole('row', { name: /max_map_count/ });
    await change.getByRole('button', { name: 'Run the log so' }).click();
    await expect.poll(() => panel.innerText()).toContain('1 call of 3 calls that were made');
    expect(await panel.getByRole('row').last().innerText()).toContain('-1 ENOMEM');
    expect(await panel.getByLabel('Sysctls:').inputValue()).toMatch(/max_map_count=\d+/);
    await give(page, { 'b.strace': '7 brk(NULL) = 0x40000000\n' });
    await expect.poll(() => page.locator('.summary h2').innerText()).toBe('b.strace');
    await expect.poll(() => panel.getByLabel('Sysctls:').inputValue()).toBe('');
    expect(await panel.innerText()).not.toContain('that were made');
  });

  it('makes calls that are typed, on a copy and in a new process', async () => {
    const page = await site().log(`7 brk(NULL) = 0x40000000
7 mmap(0x10000000, 16384, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x10000000
`);
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
  });
}
