/** `vmarea tour`: every step is a real call that succeeds, and the pages become what the kernel makes of them. */
import { LINUX_6_1, MSM_4_4 } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { takeTour, type TourOptions, type TourStep } from '../src/commands/tour.ts';
import { vmarea } from './cli.ts';

const options: TourOptions = { fs: 'ramfs', kernel: LINUX_6_1.name, pageSize: '4k' };

const functionsOf = (step: TourStep): string[] =>
  step.events.flatMap((event) => (event.kind === 'enter' ? [event.fn] : []));
const find = (steps: readonly TourStep[], title: string): TourStep => {
  const step = steps.find((one) => one.title.startsWith(title));
  if (step === undefined) throw new Error(`no step «${title}»`);
  return step;
};

describe.each([LINUX_6_1.name, MSM_4_4.name])('the kinds of mapping on %s', (kernel) => {
  it.each([
    ['ramfs', '4k'],
    ['tmpfs', '4k'],
    ['ramfs', '16k'],
    ['ramfs', '64k'],
    ['hostfs', '4k'],
    ['zenfs:memory', '4k'],
  ])('are made on %s with pages of %s', async (fs, pageSize) => {
    const steps = await takeTour({ ...options, fs, kernel, pageSize });
    expect(functionsOf(find(steps, 'First kind'))).toEqual([
      'vm_mmap_pgoff',
      'do_mmap',
      'get_unmapped_area',
      'mmap_region',
    ]);
    expect(find(steps, 'More of it').events).toContainEqual(expect.objectContaining({ kind: 'vma', event: 'merge' }));
    expect(find(steps, 'Anonymous memory, shared').maps).toContain('/dev/zero (deleted)');
    expect(find(steps, 'Third kind').maps).toContain('/anon_hugepage (deleted)');
    expect(find(steps, 'Huge pages of that file').maps).toContain('/huge/data');
    expect(functionsOf(find(steps, 'A page in the middle'))).toEqual(['do_munmap']);
  });
});

describe.each([
  [LINUX_6_1.name, 'ramfs'],
  [MSM_4_4.name, 'tmpfs'],
  [LINUX_6_1.name, 'hostfs'],
  [LINUX_6_1.name, 'zenfs:memory'],
])('the pages on %s, file on %s', async (kernel, fs) => {
  const steps = await takeTour({ ...options, kernel, fs, memory: true });
  const pages = (title: string): readonly string[] => find(steps, title).pages ?? [];
  const frame = (title: string, page: string): string =>
    /frame (\S+),/.exec(pages(title).find((line) => line.startsWith(page)) ?? '')?.[1] ?? 'none';

  it('are shared until a private store', () => {
    expect(frame('The private mapping reads', 'first private page 0')).toBe(
      frame('The private mapping reads', 'first shared page 0'),
    );
    expect(frame('A store through it', 'first private page 0')).not.toBe(
      frame('A store through it', 'first shared page 0'),
    );
  });

  it('belong to both after fork, until one writes', () => {
    const title = 'A second task';
    expect(frame(title, 'second private page 0')).toBe(frame(title, 'first private page 0'));
    expect(pages(title).find((line) => line.startsWith('first private page 0'))).toContain('read-only');
    const copied = 'The second stores into';
    expect(frame(copied, 'second private page 0')).not.toBe(frame(copied, 'first private page 0'));
    expect(frame('Its next store', 'first private page 0')).toBe(frame(title, 'first private page 0'));
  });

  it('carry stores from one task to the other', () => {
    expect(find(steps, 'The second task sees').result).toBe('1');
    expect(find(steps, 'And the first sees').result).toBe('3');
    expect(find(steps, 'The first still').result).toBe('2');
  });

  it('go with the file, and then there is SIGBUS', () => {
    expect(find(steps, 'An access beyond').result).toBe('SIGBUS');
    expect(find(steps, 'Even where a copy was').result).toBe('SIGBUS');
    expect(pages('The file loses everything').every((line) => line.endsWith('none'))).toBe(true);
  });
});

describe('the command', () => {
  it('prints steps, functions and maps', async () => {
    const { out, status } = await vmarea(['tour']);
    expect(status).toBe(0);
    expect(out).toMatch(/1\. A file on ramfs/);
    expect(out).toContain('→ do_mmap(');
    expect(out).toContain('/anon_hugepage (deleted)');
  });

  it('prints pages, or JSON', async () => {
    expect((await vmarea(['tour', '--memory', '--fs', 'tmpfs'])).out).toContain('second private page 0: frame');
    const steps = JSON.parse((await vmarea(['tour', '--json'])).out) as TourStep[];
    expect(steps.length).toBeGreaterThan(10);
  });

  it.each([[['--fs', 'ext4']], [['--kernel', '5.10']]])('refuses %s', async (args) => {
    expect((await vmarea(['tour', ...args])).status).toBe(2);
  });
});

describe('one vocabulary', () => {
  const words =
    'maps-before kernel arch page-size va-bits aslr personality rlimit sysctl capabilities meminfo ram config file';

  it.each(['replay', 'explain', 'tour', 'cat-mapped'])('%s knows all of it', async (command) => {
    const { out } = await vmarea([command, '--help']);
    expect(words.split(' ').filter((word) => !out.includes(`--${word} <`))).toEqual([]);
  });

  it('the tour is made on the machine that the options describe', async () => {
    const { out, status } = await vmarea(['tour', '--arch', 'x86-64', '--kernel', '6.12', '--capabilities', 'all']);
    expect(status).toBe(0);
    expect(out).toContain('7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]');
    const small = await vmarea(['tour', '--rlimit', 'as=16k']);
    expect([small.status, small.err]).toEqual([2, expect.stringContaining('ENOMEM') as unknown]);
    const wrong = await vmarea(['tour', '--arch', 'x86-64', '--page-size', '16k']);
    expect([wrong.status, wrong.err]).toEqual([2, 'vmarea: --page-size 16k: x86-64 has pages of 4 KiB\n']);
  });
});
