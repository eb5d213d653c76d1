// What a failed ioctl of a userfaultfd means, pasted as strace writes it.
import { expect, it } from 'vitest';
import { readQuestion } from '@vmarea/explain';

it.each([
  ['userfaultfd(O_CLOEXEC) = -1 EPERM (Operation not permitted)', /CAP_SYS_PTRACE/],
  [
    'ioctl(3, UFFDIO_COPY, {dst=0x7f0000000000, src=0x1000, len=0x1000, mode=0}) = -1 EEXIST (File exists)',
    /there already/,
  ],
  ['ioctl(3, UFFDIO_COPY, {dst=0x7f0000000000, src=0x1000, len=0x1000}) = -1 ENOENT (No such file)', /registered/],
  [
    'ioctl(3, UFFDIO_REGISTER, {range={start=0x1000, len=0x1000}, mode=0x1}) = -1 EBUSY (Device busy)',
    /another userfaultfd/,
  ],
  ['ioctl(5, UFFDIO_MOVE, 0x7ffc00001000) = -1 EBUSY (Device or resource busy)', /shared by fork/],
] as const)('%s', (line, says) => {
  const { statements } = readQuestion(line);
  expect(statements.map((statement) => statement.says).join(' ')).toMatch(says);
});
