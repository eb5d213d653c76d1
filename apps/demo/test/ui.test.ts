import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveUi } from '../src/commands/ui.ts';
import { vmarea } from './cli.ts';

const dir = mkdtempSync(join(tmpdir(), 'vmarea-ui-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const log = join(dir, 'a.strace');

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

function get(url: string, host?: string, method: string = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers: host === undefined ? {} : { host } }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (piece: string) => void (body += piece));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('vmarea ui', () => {
  // The page itself is built and looked at by the explorer's own tests: a small one stands in for it here.
  beforeAll(() => {
    writeFileSync(log, '7 brk(NULL) = 0x40000000\n');
    mkdirSync(join(dir, 'package/page/assets'), { recursive: true });
    writeFileSync(join(dir, 'package/package.json'), '{}');
    writeFileSync(join(dir, 'package/page/index.html'), '<!doctype html>the page');
    writeFileSync(join(dir, 'package/page/assets/a.js'), '1;');
  });

  const page = (): string => join(dir, 'package/page');

  it('serves the page and the files it is to open, to this machine only', async () => {
    const server = await serveUi([log], 0, page());
    try {
      const base = server.url.replace('?open', '');
      expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/\?open$/);
      const first = await get(server.url);
      expect(first).toMatchObject({ status: 200, body: '<!doctype html>the page' });
      expect(first.headers['content-security-policy']).toContain("default-src 'none'");
      expect(await get(`${base}assets/a.js`)).toMatchObject({ status: 200, body: '1;' });
      expect((await get(`${base}assets/a.js`)).headers['content-type']).toBe('text/javascript');
      expect(await get(`${base}open.json`)).toMatchObject({ status: 200, body: '["a.strace"]' });
      expect(await get(`${base}open/0`)).toMatchObject({ status: 200, body: '7 brk(NULL) = 0x40000000\n' });
    } finally {
      await server.close();
    }
  });

  it('gives nothing else', async () => {
    const server = await serveUi([log], 0, page());
    try {
      const base = server.url.replace('?open', '');
      const { origin } = new URL(base);
      expect((await get(`${origin}/`)).status).toBe(404);
      expect((await get(`${origin}/index.html`)).status).toBe(404);
      expect((await get(`${base}open/1`)).status).toBe(404);
      expect((await get(`${base}../package.json`)).status).toBe(404);
      expect((await get(`${base}%2e%2e/package.json`)).status).toBe(404);
      expect((await get(base, 'evil.example')).status).toBe(421);
      expect((await get(base, undefined, 'POST')).status).toBe(405);
    } finally {
      await server.close();
    }
  });

  it('opens all files of a bundle', async () => {
    const bundle = join(dir, 'bundle');
    mkdirSync(bundle);
    for (const name of ['bundle.json', 'log.strace', 'maps', 'other']) writeFileSync(join(bundle, name), '');
    const server = await serveUi([bundle], 0, page());
    const { body } = await get(server.url.replace('?open', 'open.json'));
    await server.close();
    expect(JSON.parse(body)).toEqual(['bundle.json', 'log.strace', 'maps']);
  });

  it('says what it cannot open', async () => {
    const ran = await vmarea(['ui', join(dir, 'nothing')]);
    expect(ran.status).toBe(2);
    expect(ran.err).toMatch(/there is no |the page is not built/);
    await expect(serveUi([dir], 0, page())).rejects.toThrow('is a directory without bundle.json');
    expect((await vmarea(['ui', '--port', '70000'])).err).toContain('--port: 70000 is more than 65535');
    const server = await serveUi([], 0, page());
    const taken = Number(new URL(server.url).port);
    await expect(serveUi([], taken, page())).rejects.toThrow(`--port: ${taken} is taken`);
    await server.close();
  });
});
