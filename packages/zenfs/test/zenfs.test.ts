// The real ZenFS, in memory and from a zip archive, through the suite.
import { pattern, Rig, testDriver } from '@vmarea/fs-testkit';
import { EFBIG, EIO, O_CREAT, O_RDWR } from '@vmarea/uapi';
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

describe('an entry of a zip archive', () => {
  const bytes = pattern(0, 12_000);

  /** The archive of one file, changed: `at` is the place of the field in the entry of the central directory. */
  async function archive(level: 0 | 6, change: (packed: Uint8Array, central: number) => void): Promise<FileSystem> {
    const packed = zipSync({ f: [bytes, { level }] }).slice();
    const view = new DataView(packed.buffer);
    const central = view.getUint32(packed.length - 22 + 16, true);
    change(packed, central);
    return resolveMountConfig({ backend: Zip, data: packed.buffer });
  }

  async function open(fs: FileSystem): Promise<number> {
    const rig = await Rig.create({ create: (system) => zenfs(system, { fs }) });
    const fd = await rig.open('f');
    if (fd >= 0) expect(await rig.bytes(fd, 100, 5000)).toEqual(pattern(5000, 100));
    // The second one is refused as the first one was.
    expect(Math.min(await rig.open('f'), 0)).toBe(Math.min(fd, 0));
    await rig.end();
    return fd;
  }

  const set32 = (packed: Uint8Array, at: number, value: number): void =>
    new DataView(packed.buffer).setUint32(at, value, true);

  it.each([0, 6] as const)('is shown when length and checksum are right (level %i)', async (level) => {
    expect(await open(await archive(level, () => undefined))).toBeGreaterThanOrEqual(0);
  });

  it('whose bytes were changed is EIO, not other bytes', async () => {
    expect(await open(await archive(0, (packed) => (packed[100]! ^= 1)))).toBe(-EIO);
  });

  it('whose checksum is wrong is EIO', async () => {
    expect(await open(await archive(6, (packed, central) => set32(packed, central + 16, 5)))).toBe(-EIO);
  });

  it('that claims 4 GB is EFBIG, one that claims less than maxBytes and has not as much EIO', async () => {
    expect(await open(await archive(0, (packed, central) => set32(packed, central + 24, 0xfffffff0)))).toBe(-EFBIG);
    expect(await open(await archive(0, (packed, central) => set32(packed, central + 24, 20_000)))).toBe(-EIO);
  });
});
