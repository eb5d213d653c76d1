/** Opens logs: what the page shows is what the command prints. */
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { recording, vmarea } from '../../../demo/test/cli.ts';
import { elf, filesOf, give, programs, read, rowsOf, shown, type Site } from '../browser.ts';

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

export function logsTests(site: () => Site): void {
  it.each(programs)('shows the map of %s at its end as the command does', async (name) => {
    const page = await site().same();
    await give(page, filesOf(name));
    await expect.poll(() => page.locator('.summary h2').innerText()).toBe(`${name}.strace`);
    await expect.poll(() => page.locator('.working').count()).toBe(0);
    await shown(page);
    const rows = (await rowsOf(page, /^Areas at moment/)).map((row) =>
      row.replace(/^(?:came|grew|shrank|changed|split|joined|redone)/, ''),
    );
    expect(rows).toEqual(await commandMap(name));
  });

  it('opens a recorded program that lies beside it, and complains about nothing', async () => {
    const page = await site().fresh();
    await page.getByLabel('A recorded program').selectOption({ label: 'sort' });
    await shown(page);
    await expect.poll(() => page.locator('.summary').innerText()).toContain('judged answers are the ones');
    expect(site().complaints).toEqual([]);
  });

  it('unpacks gzip, and names strange lines', async () => {
    const page = await site().fresh();
    await give(page, { 'a.strace.gz': gzipSync(`${read('cat.aslr-off.strace')}what is this line\n`), 'elf.json': elf });
    await shown(page);
    await page.getByText('What is known and assumed').click();
    await expect.poll(() => page.locator('.summary').innerText()).toContain('skipped: it is not a line of strace');
  });
}
