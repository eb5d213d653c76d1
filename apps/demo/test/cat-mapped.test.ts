/** `vmarea cat-mapped`: the same file through a mapping on every driver. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vmarea } from './cli.ts';

const dir = mkdtempSync(join(tmpdir(), 'cat-mapped-'));
const text = Array.from({ length: 1000 }, (_, i) => `line ${i} of the file\n`).join('');
let server: Server;
let base = '';

beforeAll(async () => {
  writeFileSync(join(dir, 'file.txt'), text);
  writeFileSync(join(dir, 'file.zip'), zipSync({ 'd/file.txt': new TextEncoder().encode(text) }));
  server = createServer((req, res) => {
    const bytes = Buffer.from(text);
    if (req.url !== '/file.txt') return void res.writeHead(404).end();
    res.setHeader('etag', '"1"');
    if (req.method === 'HEAD') return void res.setHeader('content-length', bytes.length).end();
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(req.headers.range ?? '')!;
    const part = bytes.subarray(Number(from), Number(to) + 1);
    res
      .writeHead(206, { 'content-range': `bytes ${from!}-${Number(from) + part.length - 1}/${bytes.length}` })
      .end(part);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(dir, { recursive: true });
});

describe('cat-mapped', () => {
  it.each(['ramfs', 'tmpfs', 'zenfs:memory'])('prints a file that was copied to %s', async (fs) => {
    const { out, err, status } = await vmarea(['cat-mapped', join(dir, 'file.txt'), '--fs', fs]);
    expect(err).toMatch(
      new RegExp(`${text.length} bytes of ${text.length} on ${fs.split(':')[0]!}; of 6 pages \\d were read`),
    );
    expect([out, status]).toEqual([text, 0]);
  });

  it('prints a file of a directory, and a part of it costs one page', async () => {
    const whole = await vmarea(['cat-mapped', 'file.txt', '--fs', `hostfs:${dir}`]);
    expect(whole.out).toBe(text);
    expect(whole.err).toContain('of 6 pages 6 were read');
    const part = await vmarea([
      'cat-mapped',
      'file.txt',
      '--fs',
      `hostfs:${dir}`,
      '--offset',
      '9000',
      '--length',
      '10',
    ]);
    expect(part.out).toBe(text.slice(9000, 9010));
    expect(part.err).toContain('10 bytes of');
    expect(part.err).toContain('of 6 pages 1 were read');
  });

  it('prints a file of an archive, and tours it', async () => {
    const fs = `zenfs:zip:${join(dir, 'file.zip')}`;
    expect((await vmarea(['cat-mapped', 'd/file.txt', '--fs', fs])).out).toBe(text);
    const { out, status } = await vmarea(['tour', '--fs', fs]);
    expect(status).toBe(0);
    expect(out).toContain('open("/driver/d/file.txt", O_RDONLY)');
    expect((await vmarea(['tour', '--memory', '--fs', fs])).err).toContain('cannot be written to');
    expect((await vmarea(['tour', '--fs', `httpfs:${base}`])).err).toContain('--name names a file');
    expect((await vmarea(['tour', '--fs', `httpfs:${base}file.txt`])).status).toBe(0);
  });

  it('prints a remote file, by the URL of its directory or its own', async () => {
    expect((await vmarea(['cat-mapped', 'file.txt', '--fs', `httpfs:${base}`])).out).toBe(text);
    expect((await vmarea(['cat-mapped', 'file.txt', '--fs', `httpfs:${base}file.txt`])).out).toBe(text);
    expect((await vmarea(['cat-mapped', 'none', '--fs', `httpfs:${base}`])).status).toBe(2);
  });

  it.each([
    ['ext4', 'there are ramfs'],
    ['hostfs:/none/such', 'ENOENT'],
    ['zenfs:zip:/none/such', 'ENOENT'],
    ['httpfs:nonsense', 'no URL'],
  ])('refuses --fs %s', async (fs, why) => {
    const { err, status } = await vmarea(['cat-mapped', 'x', '--fs', fs]);
    expect(status).toBe(2);
    expect(err).toContain(why);
  });
});
