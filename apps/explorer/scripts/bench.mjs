// Prints the page's figures: the time to the first picture of generated logs, frames while scrolling, steps, and memory.
//
//     pnpm --filter @vmarea/explorer build && pnpm --filter @vmarea/explorer bench
//
// Nothing is asserted: the figures depend on the machine and on what else it does.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { startPage } from './chromium.mjs';

const generator = join(import.meta.dirname, '../../../bench/dist/gen-strace.js');
const dir = mkdtempSync(join(tmpdir(), 'vmarea-page-bench-'));
const { url, browser, stop } = await startPage();

/** Milliseconds until something holds in the page. */
async function time(page, begin, holds) {
  const from = performance.now();
  await begin();
  await page.waitForFunction(holds, undefined, { polling: 'raf', timeout: 300_000 });
  return Math.round(performance.now() - from);
}

const middle = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

/** Bytes of memory that the page's process has (page and worker), after a collection; NaN where there is no /proc. */
async function memoryOf(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const whole = await browser.newBrowserCDPSession();
  const { processInfo } = await whole.send('SystemInfo.getProcessInfo');
  const sizes = processInfo
    .filter(({ type }) => type === 'renderer')
    .map(({ id }) => {
      const file = `/proc/${id}/status`;
      const kb = existsSync(file) ? /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(file, 'utf8'))?.[1] : undefined;
      return Number(kb ?? NaN) * 1024;
    });
  // Chromium keeps a spare process beside the page's.
  return Math.max(...sizes);
}

/** Scrolls the calls for three seconds: frames a second, and the time of a frame that 95 % keep. */
const SCROLL = `(async () => {
  const list = document.querySelector('.calls .list');
  list.scrollTop = 0;
  const gaps = [];
  let last = 0;
  const end = performance.now() + 3000;
  while (performance.now() < end) {
    const now = await new Promise((resolve) => requestAnimationFrame(resolve));
    if (last > 0) gaps.push(now - last);
    last = now;
    list.scrollTop += 60;
  }
  gaps.sort((a, b) => a - b);
  const sum = gaps.reduce((total, gap) => total + gap, 0);
  return { persecond: 1000 / (sum / gaps.length), slow: gaps[Math.floor(gaps.length * 0.95)] };
})()`;

const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const shown = '(() => document.querySelector(".map .list [role=option]") !== null)()';

console.log(
  `load at the beginning: ${loadavg()
    .map((load) => load.toFixed(1))
    .join(' ')}`,
);
try {
  for (const lines of [10_000, 100_000]) {
    const file = join(dir, `${lines}.strace`);
    execFileSync(process.execPath, [generator, '--lines', String(lines), file]);
    const buffer = readFileSync(file);
    // Waiting for a condition evaluates text, which the page's policy forbids.
    const page = await browser.newPage({ viewport: { width: 1280, height: 1000 }, bypassCSP: true });
    const empty = await time(page, () => page.goto(url), 'document.querySelector("h1") !== null');
    const given = [{ name: 'a.strace', mimeType: 'text/plain', buffer }];
    const first = await time(page, () => page.locator('input[type=file]').first().setInputFiles(given), shown);
    const steps = Number(await page.getByRole('slider', { name: 'Moment' }).getAttribute('max'));
    // Jumps of the slider, until the step is said.
    const jumps = [];
    for (let i = 1; i <= 9; i++) {
      const to = Math.round((steps * i) / 10);
      const says = `document.querySelector(".step").textContent.startsWith("Step ${to} of")`;
      jumps.push(await time(page, () => page.getByRole('slider', { name: 'Moment' }).fill(String(to)), says));
    }
    const search = await time(
      page,
      () => page.getByRole('searchbox').fill('munmap'),
      'document.querySelector(".calls [role=status]").textContent.includes("with «munmap»")',
    );
    await page.getByRole('searchbox').fill('');
    await page.waitForFunction('!document.querySelector(".calls [role=status]").textContent.includes("with")');
    const frames = await page.evaluate(SCROLL);
    const memory = await memoryOf(page);
    console.log(`\n${lines.toLocaleString('en')} lines, ${steps.toLocaleString('en')} steps, ${mib(buffer.length)}:`);
    console.log(`  the empty page ${empty} ms, the first picture ${first} ms after the file was given`);
    console.log(
      `  a jump of the slider ${middle(jumps)} ms (median of ${jumps.length}; ${Math.max(...jumps)} at most), a search ${search} ms`,
    );
    console.log(
      `  scrolling the calls: ${frames.persecond.toFixed(0)} frames a second, 95 % within ${frames.slow.toFixed(0)} ms`,
    );
    console.log(`  resident memory of the page's process, with its worker: ${mib(memory)}`);
    await page.close();
  }
} finally {
  await stop();
  rmSync(dir, { recursive: true, force: true });
}
console.log(
  `\nload at the end: ${loadavg()
    .map((load) => load.toFixed(1))
    .join(' ')}`,
);
