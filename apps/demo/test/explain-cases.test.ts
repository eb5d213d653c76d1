/**
 * Calls and maps from public reports, as small inputs: what the first lines of the answer must say, what must stand nowhere,
 * and the exit status.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { vmarea } from './cli.ts';

const dir = mkdtempSync(join(tmpdir(), 'vmarea-cases-'));
afterAll(() => rmSync(dir, { recursive: true }));

interface Case {
  /** The report: a project's issue, or the project's own input. */
  readonly from: string;
  readonly script: string;
  readonly options?: readonly string[];
  /** Texts of files by the option that names them. */
  readonly files?: Readonly<Record<string, string>>;
  /** What the first seven lines say, blanks folded. */
  readonly first: readonly string[];
  readonly never?: readonly string[];
  readonly status?: number;
}

const ANON = 'PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS';

const CASES: readonly Case[] = [
  {
    from: 'abhigyanpatwari/GitNexus#1231: the length is rounded up',
    script: `p = mmap(NULL, 262144, ${ANON}, -1, 0)\nmunmap(p, 4096)`,
    options: ['--page-size', '16k'],
    first: ['= 0', 'The length 4096 counts as 16 KiB'],
    never: ['EINVAL'],
  },
  {
    from: 'abhigyanpatwari/GitNexus#1231: the address is not',
    script: `p = mmap(NULL, 262144, ${ANON}, -1, 0)\nmadvise(p + 4096, 4096, MADV_DONTNEED)`,
    options: ['--page-size', '16k'],
    first: ['= -1 EINVAL', 'is 4 KiB past', 'pages are 16 KiB', 'rounded down to a page: succeeds'],
  },
  {
    from: 'nodejs/node#25382: fork of a large process',
    script: `p = mmap(NULL, 3221225472, ${ANON}, -1, 0)\nfork()`,
    options: ['--sysctl', 'vm.overcommit_memory=2'],
    files: {
      '--meminfo':
        'MemTotal: 8000000 kB\nMemFree: 6000000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\nCommitLimit: 4000000 kB\nCommitted_AS: 200000 kB\n',
    },
    first: [
      'fork() = -1 ENOMEM',
      'fork charges the private writable memory of the process once more',
      'CommitLimit leaves 3.71 GiB',
    ],
    never: ['mmap_region'],
  },
  {
    from: 'haikuports/haikuports#3549: ulimit -v',
    script: 'mmap(NULL, 1073741824, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0)',
    options: ['--rlimit', 'as=819400k'],
    first: ['= -1 ENOMEM', 'RLIMIT_AS is 819400 KiB', 'RLIMIT_AS of at least 1048708 KiB (1 GiB)'],
  },
  {
    from: 'microsoft/WSL#6515: 64 TiB made writable',
    script:
      'a = mmap(NULL, 70368744177664, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)\nmprotect(a, 70368744177664, PROT_READ|PROT_WRITE)',
    first: ['= -1 ENOMEM', 'Memory that becomes writable is charged now: 64 TiB', 'RAM and swap together are 8 GiB'],
    never: ['mprotect.unaligned', 'mmap_region'],
  },
  {
    from: 'microsoft/WSL#6515 with 39 bits: the mmap fails already',
    script:
      'a = mmap(NULL, 70368744177664, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)\nmprotect(a, 70368744177664, PROT_READ|PROT_WRITE)',
    options: ['--va-bits', '39'],
    first: ['mmap(NULL, 70368744177664', '= -1 ENOMEM', '512 GiB (39-bit addresses)', 'Line 2 was not made'],
    never: ['EINVAL', 'mprotect.'],
  },
  {
    from: 'Highload-fun/platform#20: huge pages without a pool',
    script: 'mmap(0, 10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0)',
    first: ['= -1 ENOMEM', 'The pool has 0 free pages of 2 MiB', '1 is needed', 'vm.nr_hugepages of at least 1'],
    never: ['ENODEV', 'driver_refused'],
  },
  {
    from: 'a map of 16 KiB pages shows them',
    script: 'mprotect(0x7fff9d665000, 4096, PROT_NONE) = -1 EINVAL (Invalid argument)',
    files: {
      '--maps-before':
        '555587e80000-555587e84000 r-xp 00000000 08:02 1849096                    /home/user/mprot\n' +
        '7fff9d664000-7fff9d668000 rw-p 00000000 00:00 0 \n' +
        '7fffe09c0000-7fffe09e4000 rw-p 00000000 00:00 0                          [stack]\n',
    },
    first: ['= -1 EINVAL', 'pages are 16 KiB', 'The line says the same'],
    never: ['x86-64'],
  },
  {
    from: 'openjdk/jdk#14919: smaps is maps with more',
    script: 'mprotect(0x7feea51fe000, 16384, PROT_NONE)',
    files: {
      '--maps':
        '7feea51fe000-7feea5801000 rw-p 00000000 00:00 0 \nSize:               6156 kB\nKernelPageSize:        4 kB\nRss:                6148 kB\nVmFlags: rd wr mr mw me ac sd \n',
    },
    first: ['= 0', '0x7feea51fe000-0x7feea5202000 is PROT_NONE now', 'The number of areas went from 1 to 2'],
  },
  {
    from: 'BelledonneCommunications/linphone-android#854: a map of Android',
    script: `mmap(NULL, 1048576, ${ANON}, -1, 0)`,
    options: ['--kernel', 'msm-4.4', '--verbose'],
    files: {
      '--maps-before':
        '12c00000-52c00000 rw-p 00000000 00:00 0                                  [anon:dalvik-main space (region space)]\n' +
        '767b600000-767b800000 rw-p 00000000 00:00 0                              [anon:libc_malloc]\n' +
        '767b91f000-767b920000 ---p 00000000 00:01 44019446                       /dev/ashmem/dalvik-Jit thread pool worker thread 0 (deleted)\n' +
        '767b920000-767b921000 ---p 00001000 00:01 44019446                       /dev/ashmem/dalvik-Jit thread pool worker thread 0 (deleted)\n',
    },
    first: ['= 0x767b'],
    never: ['/ram/', '%dev%'],
  },
  {
    from: 'rr-debugger/rr#1671: a map whose addresses begin with 0x',
    script: 'munmap(0x8048000, 4096)',
    files: { '--maps': '0x8048000-0x8fa9000 r-xp 00000000 fe:04 13119698   /home/user/js\n' },
    first: ['munmap(0x8048000, 4096) = 0'],
  },
  {
    from: 'lkl/linux#606: shared memory on a mount with noexec',
    script: 'mmap(0x4f000000, 4096, PROT_READ|PROT_WRITE|PROT_EXEC, MAP_SHARED|MAP_FIXED_NOREPLACE, 3, 0)',
    options: ['--file', 'rw,size=64m,tmpfs,noexec'],
    first: ['= -1 EPERM', 'noexec', 'mprotect cannot add it later (EACCES)'],
  },
  {
    from: 'RazrFalcon/memmap2-rs#119: MAP_GROWSDOWN and the stack limit',
    script: `p = mmap(NULL, 16777216, ${ANON}|MAP_GROWSDOWN|MAP_STACK, -1, 0)\nstore(p - 4096)`,
    first: [
      '= SIGSEGV',
      'The stack would have 16388 KiB and RLIMIT_STACK is 8 MiB',
      'RLIMIT_STACK of at least 16388 KiB',
    ],
    never: ['answers ENOMEM', 'wild'],
  },
  {
    from: 'pmodels/argobots#274: MAP_GROWSDOWN and the guard gap',
    script: `p = mmap(NULL, 65536, ${ANON}|MAP_GROWSDOWN, -1, 0)\nq = mmap(p - 8192, 4096, ${ANON}, -1, 0)\nstore(p - 4096)`,
    first: ['= SIGSEGV', '1020 KiB above', '1 MiB must stay free below a stack'],
  },
  {
    from: 'THP is there on a kernel as distributed',
    script: `p = mmap(0xf09eb000, 12288, ${ANON}, -1, 0)\nmadvise(p, 12288, MADV_HUGEPAGE)`,
    first: ['= 0', 'transparent huge pages', 'The range holds no aligned huge page of 2 MiB'],
  },
  {
    from: 'THP can be switched off',
    script: `p = mmap(0xf09eb000, 12288, ${ANON}, -1, 0)\nmadvise(p, 12288, MADV_HUGEPAGE)`,
    options: ['--config', 'thp=off'],
    first: ['= -1 EINVAL'],
  },
  {
    from: 'a line as it stands in any thread',
    script:
      'mmap(NULL, 1099511627776, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = -1 ENOMEM (Cannot allocate memory)',
    first: [
      '= -1 ENOMEM (Cannot allocate memory)',
      'No rule refuses this call by itself',
      'the machine has 39-bit addresses',
      '--va-bits 39 agrees',
      'RLIMIT_AS is below',
    ],
    never: ['max_map_count is below 1'],
  },
  {
    from: 'a driver answers for its device',
    script:
      'mmap2(NULL, 12288, PROT_READ|PROT_WRITE, MAP_SHARED, 7</dev/kgsl-3d0>, 0x1000) = -1 ENOMEM (Cannot allocate memory)',
    first: ['/dev/kgsl-3d0 is a device'],
  },
  {
    from: 'an errno that no rule of mm gives',
    script: 'munmap(0x7f0000000000, 4096) = -1 EUCLEAN (Structure needs cleaning)',
    first: ['EUCLEAN', 'a seccomp filter'],
  },
  {
    from: 'a word that is neither a call nor a file',
    script: 'fork',
    first: [],
    status: 2,
  },
];

async function ask({ script, options = [], files = {} }: Case): Promise<Awaited<ReturnType<typeof vmarea>>> {
  const args = ['explain', script, ...options];
  for (const [option, text] of Object.entries(files)) {
    const path = join(dir, option.replaceAll('-', ''));
    writeFileSync(path, text);
    args.push(option, path);
  }
  return vmarea(args);
}

describe('a public report', () => {
  it.each(CASES)('$from', async (asked) => {
    const { out, err, status } = await ask(asked);
    expect([status, err === '']).toEqual([asked.status ?? 0, (asked.status ?? 0) === 0]);
    const fold = (text: string): string => text.replaceAll(/\s+/g, ' ');
    const first = fold(out.split('\n').slice(0, 7).join(' '));
    for (const words of asked.first) expect(first).toContain(words);
    for (const words of asked.never ?? []) expect(out).not.toContain(words);
    if (status === 0 && asked.options?.includes('--verbose') !== true)
      expect(out.trimEnd().split('\n').length).toBeLessThanOrEqual(25);
  });

  it('keeps a given map as it is, line by line', async () => {
    const asked = CASES.find(({ from }) => from.includes('linphone'))!;
    const { out } = await ask(asked);
    const before = out.slice(out.indexOf('\nMap before'), out.indexOf('\nMap after'));
    for (const line of asked.files!['--maps-before']!.trimEnd().split('\n'))
      expect(before.split('\n').map((shown) => shown.trim().replaceAll(/\s+/g, ' '))).toContain(
        line.trim().replaceAll(/\s+/g, ' '),
      );
  });
});
