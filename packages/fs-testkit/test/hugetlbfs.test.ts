// hugetlbfs cannot be written to, so the suite's files cannot be made on it; what is applicable stands here, as it is and delayed.
import { delayDriver, failDriver, FailurePlan, Rig, type RigInit } from '@vmarea/fs-testkit';
import { Hugetlb, hugetlbfs } from '@vmarea/hugetlbfs';
import { FS_IOC_SETFLAGS } from '@vmarea/kernel';
import {
  DEFAULT_CONFIG,
  EINVAL,
  EIO,
  ENOMEM,
  ENOTTY,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  LINUX_6_1,
  MAP_SHARED,
  MSM_4_4,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';

const HUGE = 2 ** 21;
const RW = PROT_READ | PROT_WRITE;

describe.each([
  ['linux-6.1', LINUX_6_1, false],
  ['linux-6.1, delayed', LINUX_6_1, true],
  ['msm-4.4', MSM_4_4, false],
  ['msm-4.4, delayed', MSM_4_4, true],
] as const)('hugetlbfs on %s', (_name, profile, delayed) => {
  const rigOf = (wrap?: RigInit['wrap']): Promise<Rig> =>
    Rig.create({
      create: (system) => hugetlbfs(system),
      kernel: {
        profile,
        config: { ...DEFAULT_CONFIG, hugePages: [{ size: HUGE, pages: 4 }] },
        hugePages: (system) => new Hugetlb(system),
      },
      wrap: (sb) => {
        wrap?.(sb);
        if (delayed) delayDriver(sb);
      },
    });
  const open = (rig: Rig, name = 'f'): Promise<number> => rig.open(name, O_CREAT | O_RDWR);
  const map = (rig: Rig, fd: number, pages: number): Promise<number> =>
    rig.run(() => rig.task.sys.mmap(0, pages * HUGE, RW, MAP_SHARED, fd, 0));

  it('shares its pages between mappings, read and processes', async () => {
    const rig = await rigOf();
    const fd = await open(rig);
    const one = await map(rig, fd, 2);
    const two = await map(rig, fd, 2);
    const child = rig.fork();
    expect(await rig.store(one + HUGE + 5, 77)).toBe('ok');
    expect(await rig.load(two + HUGE + 5)).toBe(77);
    expect(await rig.load(two + HUGE + 5, child)).toBe(77);
    expect(await rig.bytes(fd, 2, HUGE + 5)).toEqual(Uint8Array.of(77, 0));
    expect(await rig.pwrite(fd, Uint8Array.of(1), 0)).toBe(-EINVAL);
    await rig.end();
  });

  it('truncates, punches holes and allocates whole huge pages', async () => {
    const rig = await rigOf();
    const { sys } = rig.task;
    const fd = await open(rig);
    expect(await rig.run(() => sys.fallocate(fd, 0, 0, 2 * HUGE))).toBe(0);
    const at = await map(rig, fd, 2);
    expect(await rig.store(at, 1)).toBe('ok');
    expect(await rig.run(() => sys.fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, HUGE))).toBe(0);
    expect(await rig.load(at)).toBe(0);
    expect(await rig.run(() => sys.ftruncate(fd, 100))).toBe(-EINVAL);
    expect(await rig.run(() => sys.ftruncate(fd, HUGE))).toBe(0);
    expect(await rig.load(at + HUGE)).toBe('SIGBUS');
    expect(sys.ioctl(fd, FS_IOC_SETFLAGS, 0x20)).toBe(-ENOTTY);
    await rig.end();
  });

  it('keeps unlinked and renamed files for who has them mapped', async () => {
    const rig = await rigOf();
    const { sys } = rig.task;
    const fd = await open(rig);
    const at = await map(rig, fd, 1);
    expect(await rig.store(at, 9)).toBe('ok');
    expect(await rig.run(() => sys.rename('/m/f', '/m/g'))).toBe(0);
    expect(rig.mapsPath(at)).toBe('/m/g');
    expect(await rig.run(() => sys.unlink('/m/g'))).toBe(0);
    rig.close(fd);
    expect(rig.mapsPath(at)).toBe('/m/g (deleted)');
    expect(await rig.load(at)).toBe(9);
    const more = await open(rig);
    expect(await map(rig, more, 4)).toBe(-ENOMEM);
    await rig.end();
  });

  it('survives an error of every operation', async () => {
    for (let n = 1; n < 20; n++) {
      const plan = new FailurePlan(0, -EIO);
      const rig = await rigOf((sb) => failDriver(sb, plan));
      plan.countdown = n;
      const { sys } = rig.task;
      const fd = await open(rig);
      const results = [
        fd,
        await rig.run(() => sys.ftruncate(fd, HUGE)),
        await map(rig, fd, 1),
        await rig.run(() => sys.unlink('/m/f')),
      ];
      if (plan.failed !== null) expect(results).toContain(-EIO);
      plan.countdown = 0;
      await rig.end();
    }
  });
});
