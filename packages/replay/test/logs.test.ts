/** Small logs of things that the recordings do not have. Addresses are those of a program without random displacement. */
import { describe, expect, it } from 'vitest';
import { parseRlimits } from '@vmarea/situation';
import { formatMapsLine, parseMaps } from '@vmarea/strace';
import { PR_SET_VMA } from '@vmarea/uapi';
import type { ReplayReport } from '../src/index.ts';
import { logText, replayOf, situationOf } from './machine.ts';

/** The first lines of a recording: a program that has just begun. */
const begun = logText('cat.aslr-off')
  .split('\n')
  .slice(0, 29)
  .join('\n')
  .replaceAll(/^118 {3}/gm, '10    ');

function reportOf(
  lines: readonly string[],
  options: Parameters<typeof replayOf>[0] = {},
  before = begun,
): ReplayReport {
  const replay = replayOf(options);
  replay.push(`${before}${before === '' ? '' : '\n'}${lines.join('\n')}\n`);
  return replay.finish();
}

function mapOf(report: ReplayReport): string[] {
  return report.map!.lines.map((line) => formatMapsLine(line).trimEnd());
}

const ANON = 'PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0';

describe('names', () => {
  it('are shown whole up to PATH_MAX, and beyond with their middle left out', () => {
    const named = (path: string): string =>
      mapOf(
        reportOf([
          `10    openat(AT_FDCWD, "${path}", O_RDONLY) = 3`,
          '10    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0) = 0xfffff7ff8000',
        ]),
      ).find((line) => line.startsWith('fffff7ff8000'))!;
    const longest = `/${'a'.repeat(4094)}`;
    expect(named(longest).endsWith(longest)).toBe(true);
    expect(named(`/begin${'a'.repeat(2 ** 20)}end`)).toMatch(/ \/begina{2042}…a{1021}end$/);
  });
});

describe('tasks', () => {
  it('a child may log before its clone returns, and has the map of the entry', () => {
    const report = reportOf([
      `10    mmap(NULL, 8192, ${ANON}) = 0xfffff7ff7000`,
      '10    clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD <unfinished ...>',
      '11    munmap(0xfffff7ff7000, 8192) = 0',
      `11    mmap(NULL, 4096, ${ANON}) = 0xfffff7ff8000`,
      '10    <... clone resumed>, child_tidptr=0xfffff7ff50f0) = 11',
      `10    mmap(NULL, 4096, ${ANON}) = 0xfffff7ff6000`,
      '11    +++ exited with 0 +++',
      '10    +++ exited with 0 +++',
    ]);
    expect(report.difference).toBeNull();
    expect(report.processes).toMatchObject({ seen: 2, forks: 1 });
  });

  it('several clones under way: events wait until it is known whose child it is', () => {
    const report = reportOf([
      '10    clone(child_stack=NULL, flags=SIGCHLD) = 20',
      '10    clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>',
      '20    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xfffff7ff8000',
      '20    clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>',
      // The child of 20 has the mapping of 20, the child of 10 does not.
      '22    mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xfffff7ff7000',
      '21    mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xfffff7ff8000',
      '10    <... clone resumed>) = 21',
      '20    <... clone resumed>) = 22',
      '21    +++ exited with 0 +++',
      '22    +++ exited with 0 +++',
    ]);
    expect(report.difference).toBeNull();
    expect(report.processes.seen).toBe(4);
  });

  it('threads share the map; one that is inside of munmap may be overtaken', () => {
    const report = reportOf([
      `10    mmap(NULL, 4096, ${ANON}) = 0xfffff7ff8000`,
      '10    clone(child_stack=0xfffff7ff8000, flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM) = 11',
      `11    mmap(NULL, 8192, ${ANON}) = 0xfffff7ff6000`,
      '11    munmap(0xfffff7ff8000, 4096 <unfinished ...>',
      '10    mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xfffff7ff8000',
      '11    <... munmap resumed>) = 0',
      '11    +++ exited with 0 +++',
      '10    +++ exited with 0 +++',
    ]);
    expect(report.difference).toBeNull();
    expect(report.answers.reproduced).toBe(report.answers.replayed);
    expect(report.processes).toMatchObject({ threads: 1, forks: 0 });
  });

  it('two mmaps of two threads at once may have come in either order', () => {
    const report = reportOf([
      '10    clone(child_stack=0xfffff7ff8000, flags=CLONE_VM|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD) = 11',
      '11    mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0 <unfinished ...>',
      '10    mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xfffff7ff6000',
      '11    <... mmap resumed>) = 0xfffff7ff8000',
    ]);
    expect(report.difference).toBeNull();
  });

  it('exec by a thread ends the others', () => {
    const report = reportOf([
      '10    clone(child_stack=0xfffff7ff8000, flags=CLONE_VM|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD) = 11',
      '11    execve("/bin/cat", ["cat"], 0xaaaaaaac1400 /* 3 vars */ <unfinished ...>',
      '10    +++ superseded by execve in pid 11 +++',
      '10    <... execve resumed>) = 0',
      '10    brk(NULL) = 0xaaaaaaac1000',
      `10    mmap(NULL, 8192, ${ANON}) = 0xfffff7ff7000`,
    ]);
    expect(report.difference).toBeNull();
    expect(report.processes.execs).toBe(3);
  });

  it('vfork: the child has the same map until it execs', () => {
    const report = reportOf([
      '10    vfork( <unfinished ...>',
      '11    mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xfffff7ff8000',
      '11    execve("/bin/cat", ["cat"], 0xaaaaaaac1400 /* 3 vars */ <unfinished ...>',
      '10    <... vfork resumed>) = 11',
      '10    mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xfffff7ff7000',
      '11    <... execve resumed>) = 0',
      '11    brk(NULL) = 0xaaaaaaacb000',
    ]);
    expect(report.difference?.call).toBe('brk(NULL)');
  });

  it('a clone that fails leaves nothing', () => {
    const report = reportOf([
      '10    clone(child_stack=NULL, flags=SIGCHLD) = -1 EAGAIN (Resource temporarily unavailable)',
      `10    mmap(NULL, 8192, ${ANON}) = 0xfffff7ff7000`,
    ]);
    expect(report.difference).toBeNull();
    expect(report.processes.seen).toBe(1);
  });
});

describe('files', () => {
  it('descriptors are those of the log, through dup, pipe and close', () => {
    const report = reportOf([
      '10    openat(AT_FDCWD, "/tmp/a", O_RDONLY) = 7',
      '10    dup3(7, 9, O_CLOEXEC) = 9',
      '10    pipe2([3, 4], 0) = 0',
      '10    close(7) = 0',
      '10    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 9, 0) = 0xfffff7ff8000',
      '10    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 7, 0) = -1 EBADF (Bad file descriptor)',
      '10    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0) = -1 ENODEV (No such device)',
      '10    mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, 9, 0) = -1 EACCES (Permission denied)',
    ]);
    expect(report.difference).toBeNull();
    expect(
      mapOf(report).some((line) => line.startsWith('fffff7ff8000-fffff7ff9000 r--p') && line.endsWith(' /tmp/a')),
    ).toBe(true);
    expect(report.failures.map(({ error, reason }) => [error, reason.id !== ''])).toEqual([
      ['EBADF', true],
      ['ENODEV', true],
      ['EACCES', true],
    ]);
    for (const { reason } of report.failures) expect(reason.sentence).toMatch(/^[A-Z].*\.$/);
  });

  it('a descriptor that the log never opened is noted and is no failure', () => {
    const report = reportOf(['10    mmap(NULL, 4096, PROT_READ, MAP_SHARED, 5, 0) = 0xfffff7ff8000']);
    expect(report.verdict).toBe('agrees');
    expect(report.notes.descriptor.notes[0]?.text).toMatch(/^descriptor 5 was opened before the log began/);
  });

  it('-y tells what a descriptor is', () => {
    const report = reportOf(['10    mmap(NULL, 4096, PROT_READ, MAP_SHARED, 5</tmp/b>, 0) = 0xfffff7ff8000']);
    expect(mapOf(report).some((line) => line.endsWith(' /tmp/b'))).toBe(true);
  });

  it('an unlinked file is shown as deleted, a renamed one under its new name', () => {
    const report = reportOf([
      '10    chdir("/tmp") = 0',
      '10    openat(AT_FDCWD, "a", O_RDWR|O_CREAT, 0600) = 3',
      '10    mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0) = 0xfffff7ff8000',
      '10    openat(AT_FDCWD, "b", O_RDWR|O_CREAT, 0600) = 4',
      '10    mmap(NULL, 4096, PROT_READ, MAP_SHARED, 4, 0) = 0xfffff7ff7000',
      '10    unlink("/tmp/a") = 0',
      '10    renameat(AT_FDCWD, "b", AT_FDCWD, "../tmp/c") = 0',
    ]);
    const names = mapOf(report).map((line) => line.slice(73));
    expect(names).toContain('/tmp/a (deleted)');
    expect(names).toContain('/tmp/c');
  });

  it('shared anonymous memory and memfd', () => {
    const report = reportOf([
      '10    mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0) = 0xfffff7ff8000',
      '10    memfd_create("m", MFD_CLOEXEC) = 6',
      '10    mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 6, 0) = 0xfffff7ff7000',
    ]);
    const names = mapOf(report).map((line) => line.slice(73));
    expect(names).toContain('/dev/zero (deleted)');
    expect(names).toContain('/memfd:m (deleted)');
  });

  it('huge pages of an empty pool are refused', () => {
    const report = reportOf([
      '10    mmap(NULL, 2097152, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB, -1, 0) = -1 ENOMEM (Cannot allocate memory)',
    ]);
    expect(report.difference).toBeNull();
    expect(report.failures[0]).toMatchObject({ name: 'mmap', error: 'ENOMEM' });
    expect(report.failures[0]?.reason.id).toMatch(/^hugetlb/);
  });

  it('System V shared memory is mapped, split and removed as any other memory', () => {
    const report = reportOf([
      '10    shmget(IPC_PRIVATE, 8192, IPC_CREAT|0600) = 32769',
      '10    shmat(32769, NULL, 0) = 0xfffff7ff7000',
      '10    shmctl(32769, IPC_STAT, {shm_perm={uid=0, gid=0, mode=0600, key=0, cuid=0, cgid=0}, shm_segsz=8192, shm_cpid=10, shm_lpid=10, shm_nattch=1, shm_atime=1, shm_dtime=0, shm_ctime=1}) = 0',
      '10    shmctl(32769, IPC_RMID, NULL) = 0',
      '10    shmat(32769, 0xfffff7ff7000, SHM_RDONLY) = -1 EINVAL (Invalid argument)',
      `10    mmap(NULL, 4096, ${ANON}) = 0xfffff7ff6000`,
      '10    mprotect(0xfffff7ff8000, 4096, PROT_READ) = 0',
      '10    shmget(0x1234, 4096, 0) = -1 ENOENT (No such file or directory)',
    ]);
    expect(report.difference).toBeNull();
    expect(report.answers).toMatchObject({ unjudged: 0 });
    expect(report.failures.map(({ reason }) => reason.id)).toEqual(['shmat.occupied', 'shmget.no_segment']);
    expect(mapOf(report).filter((line) => line.includes('SYSV'))).toEqual([
      expect.stringMatching(/^fffff7ff7000-fffff7ff8000 rw-s .* 32769 +\/SYSV00000000 \(deleted\)$/),
      expect.stringMatching(/^fffff7ff8000-fffff7ff9000 r--s .* 32769 +\/SYSV00000000 \(deleted\)$/),
    ]);
  });

  it('a segment that is detached leaves its place', () => {
    const report = reportOf([
      '10    shmget(0x51, 8192, IPC_CREAT|IPC_EXCL|0600) = 4',
      '10    shmat(4, NULL, SHM_EXEC) = 0xfffff7ff7000',
      '10    munmap(0xfffff7ff7000, 4096) = 0',
      '10    shmdt(0xfffff7ff7000) = 0',
      '10    mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xfffff7ff7000',
    ]);
    expect(report.difference).toBeNull();
    expect(report.answers.unjudged).toBe(0);
  });

  it('segments of processes that the log does not show are taken as it tells them', () => {
    const report = reportOf([
      // Its size is told by IPC_STAT, by the size that shmget asks for, or by where the kernel put it.
      '10    shmctl(98308, IPC_STAT, {shm_perm={uid=0, gid=0, mode=0666, key=0x7, cuid=0, cgid=0}, shm_segsz=8192, shm_nattch=1}) = 0',
      '10    shmat(98308, NULL, SHM_RDONLY) = 0xfffff7ff7000',
      '10    shmget(0x99, 4096, 0600) = 3',
      '10    shmat(3, NULL, 0) = 0xfffff7ff6000',
      '10    shmat(65541, NULL, 0) = 0xfffff7ff2000',
      `10    mmap(NULL, 4096, ${ANON}) = 0xfffff7ff1000`,
      '10    shmat(77, 0x10000000, 0) = 0x10000000',
      '10    shmdt(0x10000000) = 0',
    ]);
    expect(report.difference).toBeNull();
    expect(report.answers.unjudged).toBe(3);
    expect(report.notes.unjudged.notes.map(({ text }) => text).filter((text) => text.includes('65541'))).toEqual([
      'shmat(65541, NULL, 0): taken from the log: no line tells the size of segment 65541; taken as 16384 bytes, up to the next area',
    ]);
  });
});

describe('limits', () => {
  it('those given hold from the start, those of the log from then on', () => {
    const lines = [
      '10    setrlimit(RLIMIT_AS, {rlim_cur=16777216, rlim_max=RLIM64_INFINITY}) = 0',
      `10    mmap(NULL, 67108864, ${ANON}) = -1 ENOMEM (Cannot allocate memory)`,
    ];
    const report = reportOf(lines);
    expect(report.difference).toBeNull();
    expect(report.failures[0]?.reason.id).toBe('may_expand_vm.rlimit_as');
    // Nothing known makes it fail: what would is named, and the state follows the log.
    const unknown = reportOf(lines.slice(1));
    expect(unknown.failures[0]).toMatchObject({ kind: 'cause', error: 'ENOMEM' });
    expect(unknown.failures[0]?.causes[0]?.condition).toMatch(/^RLIMIT_AS is below/);
    const limits = parseRlimits('as=16m');
    expect(reportOf(lines.slice(1), { situation: situationOf({ limits }) }).failures[0]).toMatchObject({
      kind: 'agrees',
    });
  });

  it('without capabilities mlock is limited', () => {
    const lines = [
      `10    mmap(NULL, 16777216, ${ANON}) = 0xfffff6fbe000`,
      '10    mlock(0xfffff6fbe000, 16777216) = -1 ENOMEM (Cannot allocate memory)',
    ];
    const root = reportOf(lines).failures[0];
    expect(root).toMatchObject({ name: 'mlock', kind: 'cause' });
    expect(root?.causes[0]?.options).toContain('--capabilities none');
    const user = reportOf(lines, { situation: situationOf({ capabilities: new Set() }) }).failures[0];
    expect(user).toMatchObject({ kind: 'agrees' });
    expect(user?.reason.sentence).toMatch(/RLIMIT_MEMLOCK/);
  });

  it('a break that is refused has a reason', () => {
    const report = reportOf(['10    brk(0xfffff7ff8000) = 0xaaaaaaac1000']);
    const failure = report.failures[0];
    expect(report.difference).toBeNull();
    expect(failure).toMatchObject({ name: 'brk', error: 'unchanged' });
    expect(failure?.reason.id).toMatch(/^brk\./);
  });
});

describe('what a log does not tell', () => {
  it('strange lines are reported with their numbers and skipped', () => {
    const report = reportOf([
      '10    garbage',
      'this is nothing',
      `10    mmap(NULL, 8192, ${ANON}) = 0xfffff7ff7000`,
      '10    mmap(NULL, what?) = 0',
    ]);
    expect(report.notes.strange.notes.map((note) => note.line)).toEqual([30, 31, 33]);
    expect(report.verdict).toBe('agrees');
  });

  it('signals and stops change nothing', () => {
    const report = reportOf([
      '10    --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=12} ---',
      '10    --- stopped by SIGSTOP ---',
      `10    mmap(NULL, 8192, ${ANON}) = 0xfffff7ff7000`,
    ]);
    expect(report.notes.strange.count).toBe(0);
    expect(report.verdict).toBe('agrees');
  });

  it('memory is taken as written, and where that matters it is said', () => {
    // Two areas that were written with a hole between; what fills the hole joins only one of them.
    const report = reportOf([
      `10    mmap(NULL, 4096, ${ANON}) = 0xfffff7ff8000`,
      '10    mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xfffff7ff7000',
      `10    mmap(NULL, 4096, ${ANON}) = 0xfffff7ff6000`,
      `10    mmap(0xfffff7ff7000, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0xfffff7ff7000`,
    ]);
    const border = report.borders.find(({ at }) => at.toString(16).startsWith('fffff7ff'));
    expect(border?.reasons.map(({ operands }) => operands).join()).toMatch(/taken as written/);
  });

  it('a log without exec is replayed with its own addresses', () => {
    const report = reportOf(
      [
        '10    brk(NULL) = 0xaaaadc30b000',
        '10    brk(0xaaaadc32c000) = 0xaaaadc32c000',
        `10    mmap(NULL, 8192, ${ANON}) = 0xffff89a95000`,
        '10    munmap(0xffff89a95000, 4096) = 0',
        '10    mprotect(0xaaaaffff0000, 4096, PROT_READ) = 0',
        `10    mmap(NULL, 0, ${ANON}) = -1 EINVAL (Invalid argument)`,
      ],
      {},
      '',
    );
    expect(report.machine.addresses).toBe('recorded');
    expect(report.difference).toBeNull();
    expect(mapOf(report).some((line) => line.startsWith('ffff89a96000-ffff89a97000 rw-p'))).toBe(true);
    expect(report.notes.unjudged.notes[0]?.text).toMatch(/memory that the log does not show/);
    expect(report.notes.assumed.notes[0]?.text).toMatch(/^process 10: the log begins in the middle of its life/);
  });

  it('an older map makes up for what was before the log', () => {
    const before = parseMaps(
      [
        'aaaadc30b000-aaaadc32c000 rw-p 00000000 00:00 0                          [heap]',
        'ffff89a97000-ffff89a99000 r--p 00000000 00:00 0                          [vvar]',
        'ffff89a99000-ffff89a9a000 r-xp 00000000 00:00 0                          [vdso]',
        'ffffff305000-ffffff326000 rw-p 00000000 00:00 0                          [stack]',
      ].join('\n'),
    ).lines;
    const report = reportOf(
      [
        '10    brk(0xaaaadc34d000) = 0xaaaadc34d000',
        `10    mmap(NULL, 8192, ${ANON}) = 0xffff89a95000`,
        '10    mprotect(0xffff89a95000, 4096, PROT_READ) = 0',
      ],
      { situation: situationOf({ mapBefore: { lines: before, source: 'a map' } }) },
      '',
    );
    expect(report.difference).toBeNull();
    expect(report.answers).toMatchObject({ reproduced: 3, unjudged: 0 });
    expect(mapOf(report)).toContain('aaaadc30b000-aaaadc34d000 rw-p 00000000 00:00 0                          [heap]');
    expect(report.notes.assumed.count).toBeGreaterThan(0);
  });

  it('a log of another machine is taken as it is', () => {
    const report = reportOf(
      [
        '10    execve("/usr/bin/true", ["true"], 0x7ffd1c3b1a50 /* 20 vars */) = 0',
        '10    brk(NULL) = 0x55b6c2f4e000',
        '10    arch_prctl(0x3001 /* ARCH_??? */, 0x7ffe3f0a5c40) = -1 EINVAL (Invalid argument)',
        `10    mmap(NULL, 8192, ${ANON}) = 0x7f2c1f9d6000`,
        '10    exit_group(0) = ?',
        '10    +++ exited with 0 +++',
      ],
      { recorded: true },
      '',
    );
    expect(report.machine.addresses).toBe('recorded');
    expect(report.verdict).toBe('agrees');
    expect(mapOf(report)).toContain('7f2c1f9d6000-7f2c1f9d8000 rw-p 00000000 00:00 0');
  });

  it('a program without headers is noted, and its addresses are taken from the log', () => {
    const report = reportOf([
      '10    execve("/opt/unknown", ["unknown"], 0x1 /* 1 var */) = 0',
      '10    brk(NULL) = 0xaaaadc30b000',
    ]);
    expect(report.notes.assumed.notes[0]?.text).toMatch(/no ELF headers of \/opt\/unknown/);
    expect(report.verdict).toBe('agrees');
  });
});

describe('which map', () => {
  it('--at shows it after a call, --pid of a process', () => {
    const lines = [
      `10    mmap(NULL, 8192, ${ANON}) = 0xfffff7ff7000`,
      '10    clone(child_stack=NULL, flags=SIGCHLD) = 11',
      '11    munmap(0xfffff7ff7000, 8192) = 0',
      '10    mprotect(0xfffff7ff7000, 8192, PROT_READ) = 0',
    ];
    const last = (report: ReplayReport): string | undefined =>
      mapOf(report).find((line) => line.startsWith('fffff7ff7000'));
    const calls = reportOf([]).answers.replayed;
    expect(last(reportOf(lines))).toMatch(/ r--p /);
    expect(last(reportOf(lines, { at: calls + 1 }))).toMatch(/ rw-p /);
    expect(last(reportOf(lines, { pid: 11 }))).toBeUndefined();
    expect(reportOf(lines, { at: calls + 9 }).notes.info.notes[0]?.text).toMatch(/^there is no memory call/);
  });

  it('without a read it is that at exit', () => {
    const report = reportOf([
      `10    mmap(NULL, 8192, ${ANON}) = 0xfffff7ff7000`,
      '10    exit_group(0) = ?',
      '10    +++ exited with 0 +++',
    ]);
    expect(report.map?.moment).toBe('at its exit');
    expect(mapOf(report).some((line) => line.startsWith('fffff7ff7000-fffff7ff9000 rw-p'))).toBe(true);
  });
});

it('names of anonymous memory are memory calls, other prctls are not', () => {
  const report = reportOf([
    `10    mmap(NULL, 8192, ${ANON}) = 0xfffff7ff7000`,
    `10    prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0xfffff7ff7000, 4096, "pool") = 0`,
    '10    prctl(PR_SET_NAME, "x") = 0',
  ]);
  expect(PR_SET_VMA).toBeGreaterThan(0);
  expect(report.difference).toBeNull();
  expect(mapOf(report).some((line) => line.endsWith('[anon:pool]'))).toBe(true);
});
