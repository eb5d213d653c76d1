import { describe, expect, it } from 'vitest';
import { EEXIST, EINVAL, ENOMEM } from '@vmarea/uapi';
import { usualCauses, type FoundCause, type RecordedFailure } from '../src/index.ts';

const failure = (more: Partial<RecordedFailure> = {}): RecordedFailure => ({
  call: 'mmap',
  errno: ENOMEM,
  bytes: 65536,
  charged: true,
  low: false,
  ...more,
});
const found: FoundCause[] = [
  {
    kind: 'size',
    condition: 'RLIMIT_AS is below 64 KiB',
    options: ['--rlimit as=60k'],
    limit: { name: 'RLIMIT_AS', from: 65536 },
  },
  {
    kind: 'ram',
    condition: 'vm.overcommit_memory is 0 and RAM and swap are less than 64 KiB together',
    options: ['--ram 60k'],
  },
  { kind: 'commit', condition: 'vm.overcommit_memory is 2 and less than 68 KiB is left of CommitLimit', options: [] },
];
const order = (one: RecordedFailure, causes: Parameters<typeof usualCauses>[1] = found): (string | undefined)[] =>
  usualCauses(one, causes).map(
    ({ condition }) =>
      /max_map_count|RLIMIT_\w+(?: is below \S+)?|overcommit_memory is \d|MAP_32BIT|above the heap|mapped in the range/.exec(
        condition,
      )?.[0],
  );

describe('the causes of a process that is known in part', () => {
  it('a small request meets the number of areas first, and no limit of a few pages', () => {
    expect(order(failure())).toEqual(['max_map_count', 'overcommit_memory is 2', 'RLIMIT_AS']);
    expect(
      usualCauses(failure(), found)
        .map(({ condition }) => condition)
        .join(' '),
    ).not.toContain('below 64 KiB');
  });

  it('a large one meets memory first, and a limit that it exceeds by itself', () => {
    const large: FoundCause[] = [
      { kind: 'size', condition: 'RLIMIT_AS is below 4 GiB', options: [], limit: { name: 'RLIMIT_AS', from: 2 ** 32 } },
      {
        kind: 'ram',
        condition: 'vm.overcommit_memory is 0 and RAM and swap are less than 4 GiB together',
        options: [],
      },
    ];
    expect(order(failure({ bytes: 2 ** 32 }), large)).toEqual([
      'overcommit_memory is 0',
      'RLIMIT_AS is below 4',
      'max_map_count',
    ]);
    expect(order(failure({ bytes: 2 ** 32, charged: false }), large)[0]).toBe('RLIMIT_AS is below 4');
  });

  it('MAP_32BIT has a window, the heap a neighbour, MAP_FIXED_NOREPLACE an occupant', () => {
    expect(order(failure({ low: true }))[0]).toBe('MAP_32BIT');
    expect(order(failure({ call: 'brk' }))[0]).toBe('above the heap');
    expect(order(failure({ errno: EEXIST }), [])).toEqual(['mapped in the range']);
  });

  it('another error keeps what was found', () => {
    expect(usualCauses(failure({ errno: EINVAL }), found)).toHaveLength(3);
  });
});
