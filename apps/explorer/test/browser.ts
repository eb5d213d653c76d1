/** Chromium, the page that it looks at, and a server for it. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { build } from 'vite';
import { expect } from 'vitest';

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

const VIEWPORT = { width: 1280, height: 1000 };

const folder = join(import.meta.dirname, '../../../conformance/straces');

/** Reads a file of the recordings. */
export function read(name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

/** The programs' headers of the recordings. */
export const elf: string = read('elf.json');

/** The names of all recordings. */
export const programs: readonly string[] = readdirSync(folder)
  .filter((file) => file.endsWith('.strace'))
  .map((file) => file.replace('.strace', ''));

/** The files of a recording. */
export function filesOf(name: string): Readonly<Record<string, string>> {
  return { [`${name}.strace`]: read(`${name}.strace`), [`${name}.maps`]: read(`${name}.maps`), 'elf.json': elf };
}

/** The built page in a browser. */
export class Site {
  readonly browser: Browser;
  readonly url: string;
  readonly #server: Server;
  readonly #dir: string;
  #shared: Page | null = null;
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
    const page = await this.browser.newPage({ viewport: VIEWPORT, ...options });
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    await page.goto(this.url + suffix);
    return page;
  }

  /** The page that the tests share, loaded anew: as a user finds it. A renderer is started once only. */
  async fresh(): Promise<Page> {
    this.#shared ??= await this.browser.newPage({ viewport: VIEWPORT });
    const page = this.#shared;
    page.removeAllListeners();
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(VIEWPORT);
    await page.goto('about:blank');
    await page.goto(this.url);
    return page;
  }

  /** The shared page as the last test left it. */
  same(): Promise<Page> {
    return this.#shared === null ? this.fresh() : Promise.resolve(this.#shared);
  }

  /** The shared page with a recorded program, its map and the headers of its programs. */
  async recorded(name: string): Promise<Page> {
    const page = await this.fresh();
    await give(page, filesOf(name));
    await shown(page);
    return page;
  }

  /** The shared page with a log. */
  async log(text: string): Promise<Page> {
    const page = await this.fresh();
    await give(page, { 'a.strace': text });
    await shown(page);
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

/** All rows of a listbox: it has only those in sight, so it is made as high as all of them. */
export async function rowsOf(page: Page, label: string | RegExp): Promise<string[]> {
  const list = page.getByRole('listbox', { name: label });
  const setHeight = (height: string): Promise<void> =>
    list.evaluate((element, to) => {
      (element as unknown as { style: { height: string } }).style.height = to;
    }, height);
  const length = Number(await list.locator('[role=option]').first().getAttribute('aria-setsize'));
  await setHeight(`${24 * length + 100}px`);
  await list.locator(`[aria-posinset="${length}"]`).waitFor();
  await expect.poll(() => list.locator('[role=option]').count()).toBe(length);
  const rows = await list.locator('[role=option]').evaluateAll((options) =>
    (options as unknown as Option[]).map((option) => ({
      at: Number(option.getAttribute('aria-posinset')),
      text: option.textContent,
    })),
  );
  await setHeight('');
  return rows.sort((a, b) => a.at - b.at).map(({ text }) => text);
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * What axe-core finds, one line each.
 *
 * @param rules only these; all of them when left out
 */
export async function axe(page: Page, rules?: readonly string[]): Promise<string[]> {
  if (!(await page.evaluate<boolean>("'axe' in globalThis"))) await page.evaluate(axeSource);
  return page.evaluate(async (only) => {
    interface Axe {
      run(
        options: object,
      ): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>;
    }
    const options = { resultTypes: ['violations'], ...(only === undefined ? {} : { runOnly: only }) };
    const { violations } = await (globalThis as unknown as { axe: Axe }).axe.run(options);
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    );
  }, rules);
}
