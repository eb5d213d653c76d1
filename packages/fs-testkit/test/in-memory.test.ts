// The drivers that keep their files in memory, put through the suite.
import { tmpfs, tmpfsManifest } from '@vmarea/shmem';
import { MmSystem } from '@vmarea/mm-core';
import { createArm64 } from '@vmarea/arch-arm64';
import { DEFAULT_CONFIG, LINUX_6_1, MSM_4_4 } from '@vmarea/uapi';
import { ramfs, RAMFS_MANIFEST } from '@vmarea/vfs';
import { describe, it } from 'vitest';
import { testDriver } from '@vmarea/fs-testkit';

const runner = { describe, it };

for (const profile of [LINUX_6_1, MSM_4_4]) {
  const system = new MmSystem({ arch: createArm64({ pageSize: 4096, vaBits: 48 }), profile, config: DEFAULT_CONFIG });
  testDriver({
    name: `ramfs on ${profile.name}`,
    create: (one) => ramfs(one),
    capabilities: RAMFS_MANIFEST.capabilities,
    kernel: { profile },
    runner,
  });
  testDriver({
    name: `tmpfs on ${profile.name}`,
    create: (one) => tmpfs(one),
    capabilities: tmpfsManifest(system).capabilities,
    kernel: { profile },
    runner,
  });
}
