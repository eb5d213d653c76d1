/**
 * docs/answers.md: questions that people ask, each with the command and what it prints. It is written from the commands
 * (`pnpm reference`), and each answer must hold what its question is about, within its first lines.
 */
import { describe, expect, it } from 'vitest';
import { vmarea } from './cli.ts';

interface Asked {
  readonly title: string;
  /** What leads to the question, in a sentence or two. */
  readonly about: string;
  readonly args: readonly string[];
  /** What the first six lines must say, blanks folded. */
  readonly says: readonly string[];
}

const ANON = 'PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS';

const QUESTIONS: readonly Asked[] = [
  {
    title: 'ENOMEM, and memory is free',
    about: 'The machine counts what was promised, not what is used.',
    args: [`mmap(NULL, 1G, ${ANON}, -1, 0)`, '--sysctl', 'vm.overcommit_memory=2', '--ram', '1g'],
    says: [
      '= -1 ENOMEM',
      '1 GiB more are asked for, and CommitLimit leaves 504 MiB',
      'How much memory is free does not matter',
    ],
  },
  {
    title: 'A line of strace says ENOMEM: which limit?',
    about: 'The line is pasted as it is. Huge pages are reserved when they are mapped.',
    args: [
      '[pid  4711] mmap(NULL, 4194304, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT, -1, 0) = -1 ENOMEM (Cannot allocate memory)',
    ],
    says: ['The pool has 0 free pages of 2 MiB', '2 are needed', 'The line says the same'],
  },
  {
    title: 'Two mappings that look alike and do not become one',
    about: 'Both were written to before they touched.',
    args: [
      `a = mmap(0x40000000, 4096, ${ANON}|MAP_FIXED, -1, 0)
store(a)
b = mmap(0x40002000, 4096, ${ANON}|MAP_FIXED, -1, 0)
store(b)
mmap(0x40001000, 4096, ${ANON}|MAP_FIXED, -1, 0)`,
    ],
    says: ['0x40000000-0x40001000 and 0x40001000-0x40003000 stay apart', 'different anon_vmas'],
  },
  {
    title: 'SIGBUS in a mapped file',
    about: 'In C, with the file described by an option.',
    args: [
      `char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
store(p + 4096)`,
      '--file',
      'rw,size=100',
    ],
    says: ['= SIGBUS', 'byte 4096 of the file, which has 100 bytes'],
  },
  {
    title: 'mremap answers EFAULT although everything is mapped',
    about: 'mprotect cut the area in two before.',
    args: [
      `p = mmap(NULL, 8192, ${ANON}, -1, 0)
mprotect(p, 4096, PROT_READ)
mremap(p, 8192, 16384, MREMAP_MAYMOVE)`,
    ],
    says: ['= -1 EFAULT', 'mremap takes one area at a time'],
  },
  {
    title: 'munmap answers ENOMEM',
    about: 'Giving memory back can need one more area.',
    args: [
      `p = mmap(NULL, 12288, ${ANON}, -1, 0)
munmap(p + 4096, 4096)`,
      '--sysctl',
      'max_map_count=2',
    ],
    says: ['= -1 ENOMEM', 'The process has 2 areas and vm.max_map_count is 2'],
  },
  {
    title: 'The heap is gone',
    about: 'MAP_FIXED replaces what is there, whatever it is.',
    args: [
      `brk(NULL) = 0x506000
brk(0x527000) = 0x527000
mmap(0x510000, 65536, ${ANON}|MAP_FIXED, -1, 0) = 0x510000`,
    ],
    says: [
      'MAP_FIXED replaced 64 KiB of 0x506000-0x527000 rw-p [heap]',
      'MAP_FIXED_NOREPLACE would have answered EEXIST',
    ],
  },
  {
    title: 'The address that I asked for is not the one that I got',
    about: 'An address without MAP_FIXED is a hint.',
    args: [`mmap(0x100000000000, 1M, ${ANON}, -1, 0)`, '--va-bits', '39'],
    says: ['The hint 0x100000000000 was not taken', 'end at 0x8000000000'],
  },
  {
    title: 'EAGAIN where the limit says ENOMEM',
    about: 'mlockall(MCL_FUTURE) holds for every later mapping.',
    args: [
      `mlockall(MCL_CURRENT|MCL_FUTURE)
mmap(NULL, 16M, ${ANON}, -1, 0)`,
    ],
    says: ['= -1 EAGAIN', 'mlockall(MCL_FUTURE) locks every new mapping', 'RLIMIT_MEMLOCK is 8 MiB'],
  },
  {
    title: 'A library cannot be loaded: Operation not permitted',
    about: 'Which way the file was open follows from the errno.',
    args: [
      'mmap(NULL, 4096, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_DENYWRITE, 3</mnt/usb/libx.so>, 0) = -1 EPERM (Operation not permitted)',
    ],
    says: ['= -1 EPERM', 'noexec', 'The line says the same'],
  },
  {
    title: 'It works with pages of 4 KiB and not with 16 KiB',
    about: 'The length may be anything; the address may not.',
    args: ['munmap(0x7fffbf3c5000, 4096) = -1 EINVAL (Invalid argument)', '--page-size', '16k'],
    says: ['= -1 EINVAL', '0x7fffbf3c5000 is 4 KiB past 0x7fffbf3c4000, and pages are 16 KiB'],
  },
];

/** The arguments as they are typed into a shell. */
function typed(args: readonly string[]): string {
  const words = args.map((arg) => (/^[\w=.,:/-]+$/.test(arg) ? arg : `'${arg}'`));
  return `vmarea explain ${words.join(' ')}`;
}

async function answer(args: readonly string[]): Promise<string> {
  const { out, err, status } = await vmarea(['explain', ...args]);
  expect([status, err]).toEqual([0, '']);
  return out;
}

describe('docs/answers.md', () => {
  it.each(QUESTIONS)('answers within its first lines: $title', async ({ args, says }) => {
    const first = (await answer(args)).split('\n').slice(0, 6).join(' ').replaceAll(/\s+/g, ' ');
    for (const words of says) expect(first).toContain(words);
  });

  it('is what the commands print', async () => {
    const parts = [
      '# Answers',
      '<!-- Written from the commands by `pnpm reference`. Do not edit. -->',
      'Questions about memory calls, each with the command that answers it and what it prints. A call can be pasted from strace or from C; ' +
        '`--verbose` shows every check, the path through the kernel and the whole map, `--json` the answer as data.',
    ];
    for (const { title, about, args } of QUESTIONS) {
      parts.push(`## ${title}`, about, `\`\`\`sh\n${typed(args)}\n\`\`\``, `\`\`\`text\n${await answer(args)}\`\`\``);
    }
    await expect(`${parts.join('\n\n')}\n`).toMatchFileSnapshot('../../../docs/answers.md');
  });
});
