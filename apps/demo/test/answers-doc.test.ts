/**
 * docs/answers.md: questions that people ask, each with the command and what it prints. It is written from the commands
 * (`pnpm reference`), and each answer must hold what its question is about, within its first lines.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { vmarea } from './cli.ts';

interface Asked {
  readonly title: string;
  /** What leads to the question, in a sentence or two. */
  readonly about: string;
  /** The command; explain when it is left out, none when it is empty. */
  readonly command?: string;
  /** Arguments; `@name` is a file of {@link files}. */
  readonly args: readonly string[];
  /** Files by name; bytes are not shown. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** The exit status; 0 when it is left out. */
  readonly status?: number;
  /** Lines within which the answer must be said; 6 when it is left out. */
  readonly within?: number;
  /** What the first lines must say, blanks folded. */
  readonly says: readonly string[];
}

const ANON = 'PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS';

/** A map of an address space of 39 bits. */
const PHONE = `5555550000-5555560000 r-xp 00000000 fe:00 77                             /system/bin/app_process64
7a00000000-7a40000000 ---p 00000000 00:00 0                              [anon:reserved]
7fb0000000-7fb0100000 rw-p 00000000 00:00 0                              [anon:libc_malloc]
7ffffdf000-8000000000 rw-p 00000000 00:00 0                              [stack]
`;

const at = (index: number, offset: number): string => `0x${(0xffff90000000 + index * 16384 + offset).toString(16)}`;

/** Pieces of a heap with a guard behind each, with the stacks of the calls. */
const STACKS = Array.from(
  { length: 3 },
  (_, i) => `mmap(${at(i, 0)}, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = ${at(i, 0)}
 > /lib/libc.so.6(mmap+0x13) [0x1019b3]
 > /lib/libheap.so(grow+0x30) [0x1c2f0]
mmap(${at(i, 8192)}, 8192, PROT_NONE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = ${at(i, 8192)}
 > /lib/libc.so.6(mmap+0x13) [0x1019b3]
 > /lib/libheap.so(guard+0x8) [0x1c400]
`,
).join('');

/** A library of nothing but two PT_LOAD headers, for arm64: its segments are aligned to 4 KiB. */
function library(): Uint8Array {
  const bytes = new Uint8Array(64 + 2 * 56);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 3, true);
  view.setUint16(18, 183, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 2, true);
  const headers = [
    [5, 0, 0, 0x1f00],
    [6, 0x1f00, 0x2f00, 0x300],
  ] as const;
  headers.forEach(([flags, offset, vaddr, size], i) => {
    const base = 64 + i * 56;
    view.setUint32(base, 1, true);
    view.setUint32(base + 4, flags, true);
    [offset, vaddr, vaddr, size, size, 4096].forEach((value, field) => {
      view.setBigUint64(base + 8 + field * 8, BigInt(value), true);
    });
  });
  return bytes;
}

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
  {
    title: 'A question as it was posted',
    about:
      'A file may hold lines of strace between prose, and what other commands print. Without a command, `vmarea` finds out what is meant.',
    command: '',
    args: ['@question.txt'],
    files: {
      'question.txt': `Why can gpg not lock its memory? There is plenty of it.
$ ulimit -l
64
$ strace -e mlock gpg --gen-key
mlock(0x7f8a4c000000, 131072)           = -1 ENOMEM (Cannot allocate memory)
`,
    },
    says: ['mlock(0x7f8a4c000000, 131072) = -1 ENOMEM', '128 KiB are to be locked, and RLIMIT_MEMLOCK is 64 KiB'],
  },
  {
    title: 'A message instead of a call',
    about: 'Messages of programs and of the kernel that stand for a memory call are taken for it.',
    command: '',
    args: ['@hs_err.txt'],
    files: {
      'hs_err.txt': `OpenJDK 64-Bit Server VM warning: INFO: os::commit_memory(0x00007f3d2c5f1000, 12288, 0) failed; error='Cannot allocate memory' (errno=12)
$ wc -l /proc/4321/maps
65532 /proc/4321/maps
`,
    },
    says: ['= -1 ENOMEM', 'the process has 65,532 areas (line 3), and vm.max_map_count is 65,530'],
  },
  {
    title: 'Does it still fit into the address space?',
    about: 'A map is asked for a range of a size; `--va-bits` asks about a smaller address space.',
    command: 'maps',
    args: ['@phone.maps', '--need', '256g'],
    files: { 'phone.maps': PHONE },
    says: ['256 GiB'],
  },
  {
    title: 'Who made all these areas?',
    about: 'A log of `strace -k` has the stack of each call.',
    command: 'replay',
    args: ['@stacks.strace', '--by-stack'],
    files: { 'stacks.strace': STACKS },
    // A replay says first what machine it takes.
    within: 16,
    says: ['libheap.so'],
  },
  {
    title: 'Will this library load with pages of 16 KiB?',
    about:
      'The program headers tell. This library was linked for 4 KiB (its second segment begins in the middle of a page of 16 KiB).',
    command: 'check-elf',
    args: ['@libfoo.so', '--page-size', '16k'],
    files: { 'libfoo.so': library() },
    status: 1,
    says: ['16 KiB'],
  },
];

const dir = mkdtempSync(join(tmpdir(), 'vmarea-answers-'));
afterAll(() => rmSync(dir, { recursive: true }));

/** The arguments as they are typed into a shell. */
function typed({ command = 'explain', args }: Asked): string {
  const words = args.map((arg) => (arg.startsWith('@') ? arg.slice(1) : arg));
  const quoted = words.map((word) => (/^[\w=.,:/-]+$/.test(word) ? word : `'${word}'`));
  return ['vmarea', command, ...quoted].filter((word) => word !== '').join(' ');
}

async function answer({ command = 'explain', args, files = {}, status: expected = 0 }: Asked): Promise<string> {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content);
  const words = args.map((arg) => (arg.startsWith('@') ? join(dir, arg.slice(1)) : arg));
  const { out, err, status } = await vmarea([command, ...words].filter((word) => word !== ''));
  expect([status, err]).toEqual([expected, '']);
  return out.replaceAll(`${dir}/`, '');
}

/** The files of a question that are text. */
function shownFiles({ files = {} }: Asked): string[] {
  return Object.entries(files).flatMap(([name, content]) =>
    typeof content === 'string' ? [`\`${name}\`:`, `\`\`\`text\n${content}\`\`\``] : [],
  );
}

describe('docs/answers.md', () => {
  it.each(QUESTIONS)('answers within its first lines: $title', async (asked) => {
    const first = (await answer(asked))
      .split('\n')
      .slice(0, asked.within ?? 6)
      .join(' ')
      .replaceAll(/\s+/g, ' ');
    for (const words of asked.says) expect(first).toContain(words);
  });

  it('is what the commands print', async () => {
    const parts = [
      '# Answers',
      '<!-- Written from the commands by `pnpm reference`. Do not edit. -->',
      'Questions about memory calls, each with the command that answers it and what it prints. A call can be pasted from strace or from C; ' +
        '`--verbose` shows every check, the path through the kernel and the whole map, `--json` the answer as data.',
      'A program on this machine needs no log of its own: `vmarea run -- COMMAND` traces it with strace, makes its calls again and reports; ' +
        '`vmarea record -o DIR -- COMMAND` only collects, and `vmarea DIR` opens that anywhere.',
    ];
    for (const asked of QUESTIONS) {
      const { title, about } = asked;
      parts.push(`## ${title}`, about, ...shownFiles(asked));
      parts.push(`\`\`\`sh\n${typed(asked)}\n\`\`\``, `\`\`\`text\n${await answer(asked)}\`\`\``);
    }
    await expect(`${parts.join('\n\n')}\n`).toMatchFileSnapshot('../../../docs/answers.md');
  });
});
