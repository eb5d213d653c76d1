/** What people paste, given to the command as it is. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { vmarea } from './cli.ts';
import { PASTED } from './pasted-cases.ts';

const dir = mkdtempSync(join(tmpdir(), 'vmarea-pasted-'));
afterAll(() => rmSync(dir, { recursive: true }));

const fold = (text: string): string => text.replaceAll(/\s+/g, ' ');

async function asked(
  text: string,
  ...options: readonly string[]
): Promise<{ out: string; err: string; status: number }> {
  const file = join(dir, 'question.txt');
  writeFileSync(file, text);
  return await vmarea([file, ...options]);
}

describe('a pasted question', () => {
  it.each(PASTED)('$about', async ({ text, first, never }) => {
    const { out, err, status } = await asked(text);
    expect(err).toBe('');
    expect(status).toBe(0);
    const head = fold(out.split('\n').slice(0, 9).join(' '));
    for (const words of first) expect(head).toContain(words);
    for (const words of never ?? []) expect(out).not.toContain(words);
  });

  it('may have the line ends of Windows', async () => {
    const { out } = await asked(
      '$ ulimit -l\r\n64\r\nmlock(0x7f8a4c000000, 131072) = -1 ENOMEM (Cannot allocate memory)\r\n',
    );
    expect(fold(out)).toContain('RLIMIT_MEMLOCK is 64 KiB');
  });

  it('does not take a misspelt call of a script for prose', async () => {
    const { err, status } = await asked(
      'p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)\nthen\nmprotct(p, 4096, PROT_NONE)\n',
    );
    expect(status).toBe(2);
    expect(err).toContain('line 3: unknown call «mprotct»: mprotect?');
  });

  it('counts what it did not read', async () => {
    const { out } = await asked('This is what I see:\nmunmap(0x1001, 4096) = -1 EINVAL (Invalid argument)\n');
    expect(fold(out)).toContain('1 line was not read as a call: line 1, «This is what I see:»');
  });

  it('MAP_NORESERVE on a file of huge pages only moves the failure', async () => {
    const { out } = await asked(
      'mmap(NULL, 1073741824, PROT_READ|PROT_WRITE, MAP_SHARED, 14</dev/hugepages/rtemap_0>, 0) = -1 ENOMEM (Cannot allocate memory)\n',
    );
    expect(fold(out)).toContain('with MAP_NORESERVE: succeeds, but moves the failure only');
  });

  it('an option wins over what the text tells', async () => {
    const text = '$ ulimit -l\n64\nmlock(0x7f8a4c000000, 131072) = -1 ENOMEM (Cannot allocate memory)\n';
    expect(fold((await asked(text, '--rlimit', 'memlock=128')).out)).toContain('RLIMIT_MEMLOCK is 128 bytes');
  });
});
