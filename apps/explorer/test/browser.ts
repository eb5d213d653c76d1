/** Chromium, the page that it looks at, and a server for it. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { build } from 'vite';

const PLACES: readonly (string | undefined)[] = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** Where Chromium is; undefined when there is none. In CI there must be one. */
export const CHROMIUM: string | undefined = PLACES.find((path) => path !== undefined && existsSync(path));

export const NO_CHROMIUM =
  'no Chromium: «apt-get install chromium», or name one in the environment variable CHROMIUM; the page is not tested';

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.html': 'text/html',
  '.svg': 'image/svg+xml',
};

/** Serves a folder. */
export function serve(dir: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '/').split('?')[0]!);
    const file = join(dir, normalize(path === '/' ? 'index.html' : path));
    if (!file.startsWith(dir) || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'text/plain' });
    response.end(readFileSync(file));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** The built page in a browser. */
export class Site {
  readonly browser: Browser;
  readonly url: string;
  readonly #server: Server;
  readonly #dir: string;
  /** What the page said on its console, and errors that nobody caught. */
  readonly complaints: string[] = [];

  private constructor(browser: Browser, server: Server, dir: string) {
    this.browser = browser;
    this.#server = server;
    this.#dir = dir;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  /** Builds the page from the sources, serves it, and starts the browser. */
  static async start(): Promise<Site> {
    const root = join(import.meta.dirname, '..');
    const dir = mkdtempSync(join(tmpdir(), 'vmarea-page-'));
    await build({ root, mode: 'source', logLevel: 'error', build: { outDir: dir, emptyOutDir: true } });
    const server = await serve(dir);
    // Chromium's own sandbox does not start for root, as in containers.
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const browser = await chromium.launch({ executablePath: CHROMIUM!, args });
    return new Site(browser, server, dir);
  }

  /** A new page; what it complains about is collected. */
  async open(options: Parameters<Browser['newPage']>[0] = {}, suffix: string = ''): Promise<Page> {
    const page = await this.browser.newPage({ viewport: { width: 1280, height: 1000 }, ...options });
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    await page.goto(this.url + suffix);
    return page;
  }

  async stop(): Promise<void> {
    await this.browser.close();
    this.#server.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** Gives the page files, as if the user had chosen them. */
export async function give(page: Page, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  const list = Object.entries(files).map(([name, content]) => ({
    name,
    mimeType: 'text/plain',
    buffer: Buffer.from(content),
  }));
  await page.locator('input[type=file]').first().setInputFiles(list);
}

/** Waits until an input is open and its step is shown. */
export async function shown(page: Page): Promise<void> {
  await page.locator('.map .list').waitFor();
}

/** What is asked of an element: the tests are checked without the browser's own types. */
interface Option {
  readonly textContent: string;
  getAttribute(name: string): string | null;
}

/** All rows of a listbox: it has only those in sight, so it is scrolled through. */
export async function rowsOf(page: Page, label: string | RegExp): Promise<string[]> {
  const list = page.getByRole('listbox', { name: label });
  const rows = new Map<number, string>();
  let length = 0;
  for (let top = 0; ; top += 200) {
    await list.evaluate((element, to) => {
      (element as unknown as { scrollTop: number }).scrollTop = to;
    }, top);
    await page.waitForTimeout(60);
    const seen = await list.locator('[role=option]').evaluateAll((options) =>
      (options as unknown as Option[]).map((option) => ({
        at: Number(option.getAttribute('aria-posinset')),
        length: Number(option.getAttribute('aria-setsize')),
        text: option.textContent,
      })),
    );
    for (const one of seen) {
      rows.set(one.at, one.text);
      length = one.length;
    }
    if (rows.size >= length || top > 24 * length) break;
  }
  return [...rows].sort(([a], [b]) => a - b).map(([, text]) => text);
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds, one line each. */
export async function axe(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    interface Axe {
      run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>;
    }
    const { violations } = await (globalThis as unknown as { axe: Axe }).axe.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    );
  });
}
