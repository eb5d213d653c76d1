// Nothing outside the root is reached while somebody exchanges a directory for a link; and a file that the host lets nobody
// write is refused at open. The first part exchanges them at a chosen call of node:fs, the last lets a second process do it.
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rig } from '@vmarea/fs-testkit';
import { hostfs, type HostfsOptions } from '@vmarea/hostfs';
import { EACCES, ETXTBSY, O_CREAT, O_EXCL, O_RDONLY, O_RDWR } from '@vmarea/uapi';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';

/** Called before every call of node:fs that the driver makes, with its name. */
const hook = vi.hoisted(() => ({ before: null as ((call: string) => void) | null }));

vi.mock('node:fs', async (original) => {
  const real: Record<string, unknown> = await original();
  const watched: Record<string, unknown> = { ...real };
  for (const [name, value] of Object.entries(real)) {
    if (typeof value !== 'function' || !name.endsWith('Sync')) continue;
    watched[name] = (...args: unknown[]): unknown => {
      const { before } = hook;
      hook.before = null;
      try {
        before?.(name);
      } finally {
        hook.before ??= before;
      }
      return (value as (...args: unknown[]) => unknown)(...args);
    };
  }
  return { ...watched, default: watched };
});

const linux = process.platform === 'linux';
const base = fs.mkdtempSync(join(tmpdir(), 'hostfs-confined-'));
afterEach(() => {
  hook.before = null;
});
afterAll(() => fs.rmSync(base, { recursive: true, force: true }));

/** A root with the directory `d`, and beside it a directory `outside` with the same names in it. */
function scene(): { root: string; outside: string; exchange: () => void } {
  const place = fs.mkdtempSync(join(base, 's-'));
  const root = join(place, 'root');
  const outside = join(place, 'outside');
  for (const [dir, text] of [
    [join(root, 'd'), 'inside'],
    [outside, 'SECRET'],
  ] as const) {
    fs.mkdirSync(join(dir, 'sub'), { recursive: true });
    for (const name of ['f', 'g']) fs.writeFileSync(join(dir, name), text);
  }
  let done = false;
  return {
    root,
    outside,
    exchange: () => {
      if (done) return;
      done = true;
      fs.renameSync(join(root, 'd'), join(root, 'was'));
      fs.symlinkSync('../outside', join(root, 'd'));
    },
  };
}

/** Everything below a directory, with contents. */
function contents(dir: string): string[] {
  return fs.readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((name) => {
    const path = join(dir, name);
    const stat = fs.lstatSync(path);
    return `${name} ${(stat.mode & 0o777).toString(8)} ${stat.isFile() ? fs.readFileSync(path, 'utf8') : ''}`;
  });
}

async function rigAt(root: string, options: Partial<HostfsOptions> = {}): Promise<Rig> {
  return Rig.create({ create: (system) => hostfs(system, { root, ...options }) });
}

/** What is tried, each in a directory that was known before. */
const CALLS: Readonly<Record<string, (rig: Rig) => Promise<unknown>>> = {
  create: (rig) => rig.open('d/new', O_CREAT | O_EXCL | O_RDWR),
  mkdir: (rig) => rig.run(() => rig.task.sys.mkdir('/m/d/dir', 0o777)),
  symlink: (rig) => rig.run(() => rig.task.sys.symlink('x', '/m/d/link')),
  unlink: (rig) => rig.run(() => rig.task.sys.unlink('/m/d/f')),
  rmdir: (rig) => rig.run(() => rig.task.sys.rmdir('/m/d/sub')),
  rename: (rig) => rig.run(() => rig.task.sys.rename('/m/d/f', '/m/d/moved')),
  truncate: (rig) => rig.run(() => rig.task.sys.truncate('/m/d/f', 1)),
  'rename out of another directory': (rig) => rig.run(() => rig.task.sys.rename('/m/d/f', '/m/moved')),
};

describe.skipIf(!linux)('a directory that becomes a link between resolving and acting', () => {
  for (const [name, call] of Object.entries(CALLS)) {
    it(`${name} does not reach outside, whichever call of node:fs it comes before`, async () => {
      // the first round exchanges nothing, and counts
      let calls = 0;
      for (let nth = -1; nth < calls; nth++) {
        const { root, outside, exchange } = scene();
        const before = contents(outside);
        const rig = await rigAt(root);
        // known, and not open
        rig.close(await rig.open('d/f'));
        let seen = 0;
        hook.before = () => {
          if (seen++ === nth) exchange();
        };
        await call(rig);
        hook.before = null;
        calls = Math.max(calls, seen);
        expect(contents(outside), `exchanged before call ${nth} of ${calls}`).toEqual(before);
        await rig.end();
      }
      expect(calls).toBeGreaterThan(2);
    });
  }

  it('a read does not reach outside', async () => {
    let calls = 0;
    for (let nth = -1; nth < calls; nth++) {
      const { root, exchange } = scene();
      const rig = await rigAt(root);
      let seen = 0;
      hook.before = () => {
        if (seen++ === nth) exchange();
      };
      const fd = await rig.open('d/f', O_RDONLY);
      const bytes = fd < 0 ? fd : await rig.pread(fd, 6, 0);
      hook.before = null;
      calls = Math.max(calls, seen);
      if (typeof bytes !== 'number') expect(Buffer.from(bytes).toString(), `call ${nth}`).toBe('inside');
      await rig.end();
    }
    expect(calls).toBeGreaterThan(4);
  });
});

describe.skipIf(!linux)('descriptors of the host', () => {
  const open = (): number => fs.readdirSync('/proc/self/fd').length;

  it('are as many after unmounting as before, whatever failed', async () => {
    const { root, exchange } = scene();
    const before = open();
    const rig = await rigAt(root);
    rig.close(await rig.open('d/f', O_RDWR));
    await rig.run(() => rig.task.sys.truncate('/m/d/g', 1));
    expect(open()).toBe(before + 1);
    exchange();
    for (const call of Object.values(CALLS)) await call(rig);
    expect(open()).toBe(before + 1);
    await rig.end();
    expect(open()).toBe(before);
  });
});

describe.skipIf(!linux)('a file that the host lets nobody write', () => {
  it('is refused at open for writing, and read', async () => {
    // a program that runs cannot be written, not even by root
    const root = fs.mkdtempSync(join(base, 'busy-'));
    fs.copyFileSync('/bin/sleep', join(root, 'busy'));
    fs.chmodSync(join(root, 'busy'), 0o755);
    const running = spawn(join(root, 'busy'), ['60']);
    await new Promise((resolve) => running.once('spawn', resolve));
    const rig = await rigAt(root);
    expect(await rig.open('busy', O_RDWR)).toBe(-ETXTBSY);
    const fd = await rig.open('busy');
    expect(fd).toBeGreaterThanOrEqual(0);
    expect(await rig.open('busy', O_RDWR)).toBe(-ETXTBSY);
    expect(await rig.run(() => rig.task.sys.truncate('/m/busy', 0))).toBe(-ETXTBSY);
    running.kill();
    await new Promise((resolve) => running.once('exit', resolve));
    // the reader's descriptor becomes one that writes
    const writer = await rig.open('busy', O_RDWR);
    expect(await rig.pwrite(writer, Uint8Array.of(1), 0)).toBe(1);
    expect(await rig.run(() => rig.task.sys.fsync(writer))).toBe(0);
    expect(fs.readFileSync(join(root, 'busy'))[0]).toBe(1);
    await rig.end();
  });
});

it('on a host without descriptors as paths, writing is refused unless it is asked for', async () => {
  vi.spyOn(process, 'platform', 'get').mockReturnValue('darwin');
  try {
    const root = fs.mkdtempSync(join(base, 'elsewhere-'));
    fs.writeFileSync(join(root, 'f'), 'x');
    await expect(rigAt(root)).rejects.toMatchObject({ code: 'ENOTSUP', message: /no \/proc\/self\/fd/ });
    const reader = await rigAt(root, { readOnly: true });
    expect(await reader.open('f')).toBeGreaterThanOrEqual(0);
    await reader.end();
    const writer = await rigAt(root, { unconfined: true });
    expect(await writer.open('new', O_CREAT | O_RDWR)).toBeGreaterThanOrEqual(0);
    await writer.end();
    expect(fs.existsSync(join(root, 'new'))).toBe(true);
  } finally {
    vi.restoreAllMocks();
  }
});

/** Exchanges `d` and a link to `../outside` until its standard input ends. */
const RACER = `
const { renameSync, symlinkSync } = require('node:fs');
process.chdir(process.argv[1]);
symlinkSync('../outside', 'lnk');
let go = true;
process.stdin.on('end', () => { go = false; }).resume();
const step = () => {
  for (let i = 0; i < 200; i++) {
    renameSync('d', 'real'); renameSync('lnk', 'd');
    renameSync('d', 'lnk'); renameSync('real', 'd');
  }
  if (go) setImmediate(step); else process.exit(0);
};
step();
`;

it.skipIf(!linux)('the race itself: another process exchanges them all the time', async () => {
  const { root, outside } = scene();
  const before = contents(outside);
  const rig = await rigAt(root);
  const racer = spawn(process.execPath, ['-e', RACER, root], { stdio: ['pipe', 'inherit', 'inherit'] });
  const ended = new Promise((resolve) => racer.once('exit', resolve));
  const { sys } = rig.task;
  let made = 0;
  try {
    for (let i = 0; i < 3000; i++) {
      const fd = sys.open(`/m/d/new${i}`, O_CREAT | O_EXCL | O_RDWR, 0o644);
      if (fd >= 0) {
        made++;
        sys.close(fd);
        sys.rename(`/m/d/new${i}`, `/m/d/moved${i}`);
        if (i % 2 === 0) sys.unlink(`/m/d/moved${i}`);
      }
      sys.mkdir(`/m/d/dir${i}`, 0o755);
      sys.rmdir(`/m/d/dir${i}`);
    }
  } finally {
    racer.stdin.end();
    await ended;
  }
  expect(contents(outside)).toEqual(before);
  expect(made).toBeGreaterThan(0);
  await rig.end();
});

it.skipIf(!linux)('the errno of the host is the one that open answers', async () => {
  const root = fs.mkdtempSync(join(base, 'mode-'));
  fs.writeFileSync(join(root, 'f'), 'precious', { mode: 0o444 });
  const rig = await rigAt(root);
  // root may write it: the answer that others get is made here
  hook.before = (call) => {
    if (call === 'openSync') throw Object.assign(new Error('not root'), { code: 'EACCES' });
  };
  expect(await rig.open('f', O_RDWR)).toBe(-EACCES);
  hook.before = null;
  await rig.end();
});
