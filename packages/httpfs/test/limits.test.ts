// What httpfs does not wait for, and what it does not tell to whom: time limits on a clock of the test's, unmounting,
// redirects, and servers of another origin that hide their headers.
import { pattern, Rig } from '@vmarea/fs-testkit';
import { httpfs, type Fetch, type HttpfsOptions, type Timer } from '@vmarea/httpfs';
import { EACCES, EIO, ELOOP, ETIMEDOUT } from '@vmarea/uapi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestServer } from './server.ts';

let server: TestServer;
let other: TestServer;
beforeEach(async () => {
  server = await TestServer.start();
  other = await TestServer.start();
});
afterEach(async () => {
  await server.stop();
  await other.stop();
});

/** A clock that goes when the test says so. */
class Clock {
  private readonly waiting = new Map<() => void, number>();
  readonly timer: Timer = (action, ms) => {
    const one = (): void => action();
    this.waiting.set(one, ms);
    return () => void this.waiting.delete(one);
  };

  /** How many limits run. */
  get running(): number {
    return this.waiting.size;
  }

  /** Milliseconds of the shortest. */
  get shortest(): number {
    return Math.min(...this.waiting.values());
  }

  /** Lets the shortest limit pass. */
  pass(): void {
    const [first] = [...this.waiting].sort((a, b) => a[1] - b[1]);
    this.waiting.delete(first![0]);
    first![0]();
  }
}

interface Scene {
  readonly rig: Rig;
  readonly clock: Clock;
  readonly warnings: string[];
}

async function scene(options: Partial<HttpfsOptions> = {}): Promise<Scene> {
  const clock = new Clock();
  const warnings: string[] = [];
  const rig = await Rig.create({
    create: (system) => httpfs(system, { base: server.base, timer: clock.timer, attempts: 1, ...options }),
    kernel: { onWarning: (text: string) => warnings.push(text) },
  });
  return { rig, clock, warnings };
}

/** When the server has left a request without an answer. */
function leftAlone(at: TestServer): Promise<void> {
  return new Promise((resolve) => {
    at.left = resolve;
  });
}

describe('time limits', () => {
  it('an answer that does not begin is ETIMEDOUT', async () => {
    const { rig, clock } = await scene();
    server.misbehaviour = 'no-head';
    const left = leftAlone(server);
    const opening = rig.open('f');
    await left;
    clock.pass();
    expect(await opening).toBe(-ETIMEDOUT);
    expect(clock.running).toBe(0);
    await rig.end();
  });

  it('is tried again, as often as was asked for', async () => {
    const { rig, clock } = await scene({ attempts: 3 });
    server.misbehaviour = 'no-head';
    let left = leftAlone(server);
    const opening = rig.open('f');
    for (let i = 0; i < 3; i++) {
      await left;
      left = leftAlone(server);
      clock.pass();
    }
    expect(await opening).toBe(-ETIMEDOUT);
    await rig.end();
  });

  for (const limit of ['idle', 'total'] as const) {
    it(`a body that stops is an error of the read (${limit})`, async () => {
      const idle = limit === 'total' ? Infinity : 30;
      const { rig, clock } = await scene({ timeLimits: { head: 20, idle, total: 50 } });
      server.serve('f', pattern(0, 100));
      const fd = await rig.open('f');
      server.misbehaviour = 'no-body';
      const left = leftAlone(server);
      const reading = rig.pread(fd, 10, 0);
      await left;
      // the reader has the first byte and waits for more
      while (clock.shortest === 20) await new Promise((resolve) => setImmediate(resolve));
      clock.pass();
      expect(await reading).toBe(-EIO);
      expect(clock.running).toBe(0);
      await rig.end();
    });
  }

  it('must be positive', async () => {
    await expect(scene({ timeLimits: { idle: NaN } })).rejects.toThrow('timeLimits.idle is NaN');
  });

  it('no limit is left running after what went well', async () => {
    const { rig, clock } = await scene();
    server.serve('f', pattern(0, 100));
    expect(await rig.bytes(await rig.open('f'), 100, 0)).toEqual(pattern(0, 100));
    expect(clock.running).toBe(0);
    await rig.end();
  });
});

it('unmounting gives up what is under way', async () => {
  const { rig, clock } = await scene();
  server.misbehaviour = 'no-head';
  const left = leftAlone(server);
  const opening = rig.open('f');
  await left;
  rig.sb.sOp.putSuper!(rig.sb);
  expect(await opening).toBe(-EIO);
  expect(clock.running).toBe(0);
  expect(await rig.open('g')).toBe(-EIO);
});

describe('redirects', () => {
  const headers = { 'x-secret': 'TOKEN' };

  it('within the origin are followed, with the caller’s headers', async () => {
    const { rig } = await scene({ headers });
    server.serve('f', pattern(0, 50));
    server.redirects.set('/old', '/f');
    expect(await rig.bytes(await rig.open('old'), 50, 0)).toEqual(pattern(0, 50));
    expect(server.got.every((one) => one.headers['x-secret'] === 'TOKEN')).toBe(true);
    await rig.end();
  });

  it('to another origin are refused, and nothing is sent there', async () => {
    const { rig, warnings } = await scene({ headers });
    other.serve('f', pattern(0, 50));
    server.redirects.set('/f', `${other.base}f`);
    expect(await rig.open('f')).toBe(-EACCES);
    expect(other.got).toEqual([]);
    expect(warnings.join()).toContain(`is redirected to "${other.base}f"`);
    await rig.end();
  });

  it('to another origin go without the caller’s headers where they are followed, also those that lead back', async () => {
    const { rig } = await scene({ headers, redirect: 'follow' });
    other.serve('f', pattern(0, 50));
    server.redirects.set('/f', `${other.base}f`);
    expect(await rig.bytes(await rig.open('f'), 50, 0)).toEqual(pattern(0, 50));
    expect(other.got.length).toBeGreaterThan(1);
    for (const { headers: sent } of other.got) expect(sent['x-secret']).toBeUndefined();
    await rig.end();
  });

  it('are refused altogether, and a circle ends', async () => {
    const { rig } = await scene({ redirect: 'error' });
    server.serve('f', pattern(0, 50));
    server.redirects.set('/old', '/f');
    expect(await rig.open('old')).toBe(-EACCES);
    await rig.end();
    const again = await scene();
    server.redirects.set('/a', '/b');
    server.redirects.set('/b', '/a');
    expect(await again.rig.open('a')).toBe(-ELOOP);
    await again.rig.end();
  });
});

/** The host's fetch as a page of another origin sees it: headers that are not exposed are not there. */
function across(...visible: string[]): Fetch {
  const safe = new Set(['content-length', 'content-type', 'last-modified', ...visible]);
  return async (url, init) => {
    const response = await (globalThis.fetch as unknown as Fetch)(url, init);
    return {
      ok: response.ok,
      status: response.status,
      url: response.url,
      body: response.body,
      headers: { get: (name) => (safe.has(name.toLowerCase()) ? response.headers.get(name) : null) },
    };
  };
}

describe('a server of another origin', () => {
  it('that exposes no header is read by status and length; it is said what it should expose', async () => {
    const { rig, warnings } = await scene({ fetch: across() });
    server.serve('f', pattern(0, 5000));
    const fd = await rig.open('f');
    expect(await rig.bytes(fd, 100, 4096)).toEqual(pattern(4096, 100));
    expect(warnings.join()).toContain('Access-Control-Expose-Headers: ETag');
    await rig.end();
  });

  it('that answers with another length is EIO, and it is said why', async () => {
    const { rig, warnings } = await scene({ fetch: across('etag') });
    server.serve('f', pattern(0, 5000));
    const fd = await rig.open('f');
    server.misbehaviour = 'short';
    expect(await rig.pread(fd, 100, 0)).toBe(-EIO);
    expect(warnings.join()).toContain('Access-Control-Expose-Headers: Content-Range');
    await rig.end();
  });
});
