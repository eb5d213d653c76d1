/** Memory for which a driver is needed, in a kernel that has none: the reason says that none is plugged in. */
import { createArm64 } from '@vmarea/arch-arm64';
import { describeReason } from '@vmarea/mm-core/reasons';
import {
  DEFAULT_CONFIG,
  EINVAL,
  ENOMEM,
  LINUX_6_1,
  MAP_ANONYMOUS,
  MAP_HUGETLB,
  MAP_PRIVATE,
  MAP_SHARED,
} from '@vmarea/uapi';
import { expect, it } from 'vitest';
import { createKernel } from '../src/index.ts';

it.each([
  ['shared anonymous memory', MAP_SHARED | MAP_ANONYMOUS, -ENOMEM, 'mmap_region.no_shared_memory'],
  ['huge pages', MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -EINVAL, 'sys_mmap.no_huge_pages'],
])('%s', (_what, flags, errno, id) => {
  const arch = createArm64({ pageSize: 4096, vaBits: 48 });
  const kernel = createKernel({ arch, profile: LINUX_6_1, config: DEFAULT_CONFIG, memory: false });
  const task = kernel.spawn();
  expect(task.sys.mmap(0, 4096, 3, flags, -1, 0)).toBe(errno);
  const reason = describeReason(task.cur.call.reason);
  expect(reason?.id).toBe(id);
  expect(reason?.says).toContain('plugged in');
});
