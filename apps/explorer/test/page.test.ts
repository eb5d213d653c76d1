/**
 * The page in real Chromium: what it shows is what the command prints, all of it works by keyboard, and what a file contains
 * is text. One browser and one page serve all tests; each test loads the page anew.
 */
import { afterAll, beforeAll, describe } from 'vitest';
import { CHROMIUM, NO_CHROMIUM, Site } from './browser.ts';
import { accessTests } from './cases/access.ts';
import { inputTests } from './cases/input.ts';
import { logsTests } from './cases/logs.ts';
import { panelsTests } from './cases/panels.ts';
import { shareTests } from './cases/share.ts';
import { stepsTests } from './cases/steps.ts';
import { tourTests } from './cases/tour.ts';

if (CHROMIUM === undefined && process.env['CI'] === undefined) console.warn(NO_CHROMIUM);

describe.skipIf(CHROMIUM === undefined && process.env['CI'] === undefined)('the page', () => {
  let started: Site | null = null;
  const site = (): Site => {
    if (started === null) throw new Error('the browser has not started');
    return started;
  };
  beforeAll(async () => {
    if (CHROMIUM === undefined) throw new Error(NO_CHROMIUM);
    started = await Site.start();
  });
  afterAll(async () => {
    await started?.stop();
  });
  describe('logs', () => logsTests(site));
  describe('time and map', () => stepsTests(site));
  describe('panels', () => panelsTests(site));
  describe('tours and reasons', () => tourTests(site));
  describe('sharing', () => shareTests(site));
  describe('input', () => inputTests(site));
  describe('access', () => accessTests(site));
});
