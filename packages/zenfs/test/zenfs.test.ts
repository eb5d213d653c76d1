// The real ZenFS, in memory and from a zip archive, through the suite.
import { pattern, Rig, testDriver } from '@vmarea/fs-testkit';
import { O_CREAT, O_RDWR } from '@vmarea/uapi';
import { zenfs, zenfsManifest } from '@vmarea/zenfs';
import { Zip } from '@zenfs/archives';
import { InMemory, resolveMountConfig, type FileSystem } from '@zenfs/core';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';

const runner = { describe, it };

function memory(): Promise<FileSystem> {
  return resolveMountConfig({ backend: InMemory });
}

async function zip(files: Readonly<Record<string, Uint8Array>>): Promise<FileSystem> {
  const packed = zipSync({ ...files });
  return resolveMountConfig({ backend: Zip, data: packed.slice().buffer });
}

testDriver({
  name: 'zenfs in memory',
  create: async (system) => zenfs(system, { fs: await memory() }),
  capabilities: zenfsManifest({ fs: await memory() }).capabilities,
  runner,
});

testDriver({
  name: 'zenfs on a zip archive',
  create: async (system, files) => zenfs(system, { fs: await zip(files) }),
  capabilities: zenfsManifest({ fs: await zip({}) }).capabilities,
  runner,
});

describe('zenfs', () => {
  it('shows files that are there, in directories, and leaves what is written', async () => {
    const fs = await memory();
    await fs.mkdir('/d', { uid: 0, gid: 0, mode: 0o755 });
    await fs.createFile('/d/f', { uid: 0, gid: 0, mode: 0o100644 });
    await fs.write('/d/f', pattern(0, 10_000), 0);
    const rig = await Rig.create({ create: (system) => zenfs(system, { fs }) });
    const fd = await rig.open('d/f', O_RDWR);
    expect(await rig.bytes(fd, 100, 5000)).toEqual(pattern(5000, 100));
    await rig.pwrite(fd, pattern(7, 3), 10_000);
    rig.close(fd);
    await rig.end();
    const back = new Uint8Array(4);
    await fs.read('/d/f', back, 9999, 10_003);
    expect(back).toEqual(Uint8Array.of(...pattern(9999, 1), ...pattern(7, 3)));
  });

  it('a removed file that was open leaves nothing behind', async () => {
    const fs = await memory();
    const rig = await Rig.create({ create: (system) => zenfs(system, { fs }) });
    const fd = await rig.open('f', O_CREAT | O_RDWR);
    await rig.pwrite(fd, pattern(0, 10), 0);
    await rig.run(() => rig.task.sys.unlink('/m/f'));
    expect(await rig.bytes(fd, 10, 0)).toEqual(pattern(0, 10));
    await rig.end();
    expect(await fs.readdir('/')).toEqual([]);
  });
});
