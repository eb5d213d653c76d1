// What somebody else writes: a driver, used, and put through the suite, with node:test. It sees the published packages only.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createArm64 } from '@vmarea/arch-arm64';
import { testDriver } from '@vmarea/fs-testkit';
import { createKernel } from '@vmarea/kernel';
import { DEFAULT_CONFIG, LINUX_6_1, MAP_SHARED, PROT_READ, S_IFREG } from '@vmarea/uapi';
import { judgeDriver, storeFs, storeManifest } from '@vmarea/vfs';

/** Read-only files from a record of bytes, each read answered a turn later. */
function lettersStore(files) {
  return {
    name: 'lettersfs',
    root: null,
    async lookup(_dir, name) {
      const node = files[name];
      return node === undefined ? null : { node, mode: S_IFREG | 0o444, size: node.length };
    },
    async read(bytes, target, pos) {
      const part = bytes.subarray(pos, pos + target.length);
      target.set(part);
      return part.length;
    },
  };
}

const lettersFs = (system, files) => storeFs(system, lettersStore(files), { readAhead: 4 });

it('is mounted and mapped', async () => {
  const text = 'abcdefghijklmnopqrstuvwxyz';
  const files = { letters: Uint8Array.from(text, (c) => c.charCodeAt(0)) };
  const broken = [];
  const kernel = createKernel({
    arch: createArm64({ pageSize: 4096, vaBits: 48 }),
    profile: LINUX_6_1,
    config: DEFAULT_CONFIG,
    memory: { bytes: 2 ** 22 },
    mounts: [
      {
        path: '/letters',
        filesystem(system) {
          const sb = lettersFs(system, files);
          judgeDriver(sb, (violation) => broken.push(violation.rule));
          return sb;
        },
      },
    ],
  });
  const task = kernel.spawn();
  const fd = await kernel.run(task, () => task.sys.open('/letters/letters', 0));
  const at = await kernel.run(task, () => task.sys.mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0));
  assert.equal(String.fromCharCode(await kernel.load(task, at + 25, 1)), 'z');
  // The file ends in the first page: behind it there is a signal, and no byte.
  const beyond = await kernel.run(task, () => task.sys.mmap(0, 8192, PROT_READ, MAP_SHARED, fd, 0));
  await assert.rejects(kernel.load(task, beyond + 4096, 1), { name: 'MemoryFaultError', code: 'SIGBUS' });
  assert.match(kernel.proc.maps(task), /r--s .*\/letters\/letters/);
  assert.deepEqual(broken, []);
  kernel.shutdown();
});

testDriver({
  name: 'lettersfs',
  create: lettersFs,
  capabilities: storeManifest(lettersStore({})).capabilities,
  runner: { describe, it },
});
