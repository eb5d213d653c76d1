// hostfs through the suite, and what only hostfs has: a real directory that others change, links that lead outside, fsync.
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rig, testDriver, type RigInit } from '@vmarea/fs-testkit';
import { hostfs, hostfsManifest, type HostfsOptions } from '@vmarea/hostfs';
import { ENOENT, EROFS, MS_SYNC, O_CREAT, O_RDWR, PROT_READ, PROT_WRITE } from '@vmarea/uapi';
import { afterAll, describe, expect, it } from 'vitest';

const runner = { describe, it };
const base = mkdtempSync(join(tmpdir(), 'hostfs-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

function fresh(): string {
  return mkdtempSync(join(base, 'd-'));
}

testDriver({
  name: 'hostfs',
  capabilities: hostfsManifest().capabilities,
  create(system) {
    const root = fresh();
    return { superBlock: hostfs(system, { root }), close: () => rmSync(root, { recursive: true }) };
  },
  runner,
});

testDriver({
  name: 'hostfs, read-only',
  capabilities: hostfsManifest({ readOnly: true }).capabilities,
  create(system, files) {
    const root = fresh();
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(root, name), bytes);
    return { superBlock: hostfs(system, { root, readOnly: true }), close: () => rmSync(root, { recursive: true }) };
  },
  runner,
});

async function rigAt(root: string, options: Partial<HostfsOptions> = {}, init: Partial<RigInit> = {}): Promise<Rig> {
  return Rig.create({ create: (system) => hostfs(system, { root, ...options }), ...init });
}

const text = (result: Uint8Array | number): string | number =>
  typeof result === 'number' ? result : String.fromCharCode(...result);

describe('the directory', () => {
  it('holds what was written through a shared mapping, and fsync brings it there', async () => {
    const root = fresh();
    const rig = await rigAt(root);
    const fd = await rig.open('f', O_CREAT | O_RDWR, 0o640);
    await rig.pwrite(fd, Uint8Array.from([1, 2, 3]), 0);
    expect(readFileSync(join(root, 'f'))).toHaveLength(0);
    expect(await rig.run(() => rig.task.sys.fsync(fd))).toBe(0);
    expect([...readFileSync(join(root, 'f'))]).toEqual([1, 2, 3]);
    expect(statSync(join(root, 'f')).mode & 0o777).toBe(0o640);
    const at = await rig.mapped(fd, 1, 'shared', PROT_READ | PROT_WRITE);
    await rig.store(at + 1, 9);
    expect([...readFileSync(join(root, 'f'))]).toEqual([1, 2, 3]);
    expect(rig.task.sys.msync(at, 4096, MS_SYNC)).toBe(0);
    expect([...readFileSync(join(root, 'f'))]).toEqual([1, 9, 3]);
    await rig.store(at + 2, 8);
    rig.task.sys.munmap(at, 4096);
    rig.close(fd);
    // the last close writes what is left
    expect([...readFileSync(join(root, 'f'))]).toEqual([1, 9, 8]);
    await rig.end();
  });

  it('shows changes made outside at the next read of a page that is not cached, and at the next open', async () => {
    const root = fresh();
    writeFileSync(join(root, 'f'), 'a'.repeat(8192));
    const rig = await rigAt(root);
    const fd = await rig.open('f');
    expect(text(await rig.pread(fd, 3, 0))).toBe('aaa');
    writeFileSync(join(root, 'f'), 'b'.repeat(8192));
    expect(text(await rig.pread(fd, 3, 0))).toBe('aaa');
    expect(text(await rig.pread(fd, 3, 4096))).toBe('bbb');
    appendFileSync(join(root, 'f'), 'more');
    const again = await rig.open('f');
    expect(text(await rig.pread(again, 3, 0))).toBe('bbb');
    expect(text(await rig.pread(again, 10, 8192))).toBe('more');
    await rig.end();
  });

  it('names made, replaced and taken away outside', async () => {
    const root = fresh();
    const rig = await rigAt(root);
    expect(await rig.open('f')).toBe(-ENOENT);
    writeFileSync(join(root, 'f'), 'one');
    const one = await rig.open('f');
    expect(text(await rig.pread(one, 10, 0))).toBe('one');
    writeFileSync(join(root, 'g'), 'two!');
    renameSync(join(root, 'g'), join(root, 'f'));
    const two = await rig.open('f');
    expect(text(await rig.pread(two, 10, 0))).toBe('two!');
    expect(rig.file(two).fInode).not.toBe(rig.file(one).fInode);
    expect(text(await rig.pread(one, 10, 0))).toBe('one');
    rmSync(join(root, 'f'));
    expect(await rig.open('f')).toBe(-ENOENT);
    await rig.end();
  });

  it('two names of one file are one inode', async () => {
    const root = fresh();
    writeFileSync(join(root, 'a'), 'same');
    linkSync(join(root, 'a'), join(root, 'b'));
    const rig = await rigAt(root);
    const a = await rig.open('a', O_RDWR);
    const b = await rig.open('b');
    expect(rig.file(a).fInode).toBe(rig.file(b).fInode);
    await rig.run(() => rig.task.sys.unlink('/m/a'));
    await rig.pwrite(a, Uint8Array.from([0x53]), 0);
    expect(text(await rig.pread(b, 4, 0))).toBe('Same');
    rig.close(a);
    rig.close(b);
    expect(readFileSync(join(root, 'b'), 'utf8')).toBe('Same');
    await rig.end();
  });
});

describe('symbolic links', () => {
  it('never lead out of the root', async () => {
    const outside = fresh();
    writeFileSync(join(outside, 'secret'), 'secret');
    const root = fresh();
    symlinkSync(join(outside, 'secret'), join(root, 'absolute'));
    symlinkSync('../../../../../../../../../../etc/passwd', join(root, 'up'));
    symlinkSync(outside, join(root, 'dir'));
    mkdirSync(join(root, 'in'));
    writeFileSync(join(root, 'in', 'f'), 'inside');
    symlinkSync('in/f', join(root, 'inner'));
    const rig = await rigAt(root);
    for (const name of ['absolute', 'up', 'dir/secret']) expect(await rig.open(name), name).toBe(-ENOENT);
    expect(text(await rig.pread(await rig.open('inner'), 10, 0))).toBe('inside');
    await rig.end();
  });

  it('not even when a directory that is known becomes one', async () => {
    const outside = fresh();
    writeFileSync(join(outside, 'f'), 'secret');
    const root = fresh();
    mkdirSync(join(root, 'd'));
    writeFileSync(join(root, 'd', 'f'), 'mine');
    const rig = await rigAt(root);
    const fd = await rig.open('d/f');
    rig.close(fd);
    rmSync(join(root, 'd'), { recursive: true });
    symlinkSync(outside, join(root, 'd'));
    expect(await rig.open('d/f')).toBeLessThan(0);
    expect(await rig.open('d/new', O_CREAT | O_RDWR)).toBeLessThan(0);
    expect(existsSync(join(outside, 'new'))).toBe(false);
    await rig.end();
  });
});

it('a read-only hostfs changes nothing', async () => {
  const root = fresh();
  writeFileSync(join(root, 'f'), 'x');
  const rig = await rigAt(root, { readOnly: true });
  expect(await rig.open('f', O_RDWR)).toBe(-EROFS);
  expect(await rig.open('g', O_CREAT | O_RDWR)).toBe(-EROFS);
  await rig.end();
});
