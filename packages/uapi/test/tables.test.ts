// The tables: each name leads to its number and back, and the constants agree with the tables.

import { describe, expect, it } from 'vitest';
import * as uapi from '@vmarea/uapi';

const exported = uapi as unknown as Record<string, unknown>;

describe('errors', () => {
  it('has each constant in the table', () => {
    const constants = Object.entries(exported).filter(
      ([name, value]) => /^E[A-Z0-9_]+$/.test(name) && typeof value === 'number',
    );
    const errors = constants.filter(([name]) => !/^(EI_|ELF|EM_|ET_)/.test(name)) as [string, number][];
    expect(errors.length).toBeGreaterThan(130);
    for (const [name, value] of errors) {
      expect(uapi.errnoByName(name)).toBe(value);
      if (!['EWOULDBLOCK', 'EDEADLOCK', 'ENOTSUP'].includes(name)) expect(uapi.errnoName(-value)).toBe(name);
    }
  });

  it('says what glibc says', () => {
    expect(uapi.errnoText(uapi.ENOMEM)).toBe('Cannot allocate memory');
    expect(uapi.errnoText(-uapi.ENODEV)).toBe('No such device');
    expect(uapi.errnoText(uapi.EOVERFLOW)).toBe('Value too large for defined data type');
    expect(uapi.errnoText(uapi.ERESTARTSYS)).toBe('To be restarted if SA_RESTART is set');
    expect(uapi.errnoText(999)).toBe('Unknown error 999');
    expect(uapi.errnoName(999)).toBe('999');
    expect(uapi.errnoByName('ENONSENSE')).toBeUndefined();
  });
});

describe('system calls of arm64', () => {
  it('are those of asm-generic', () => {
    for (const [number, name] of [
      [25, 'fcntl'],
      [56, 'openat'],
      [79, 'newfstatat'],
      [93, 'exit'],
      [214, 'brk'],
      [215, 'munmap'],
      [216, 'mremap'],
      [220, 'clone'],
      [222, 'mmap'],
      [226, 'mprotect'],
      [233, 'madvise'],
      [234, 'remap_file_pages'],
      [261, 'prlimit64'],
      [279, 'memfd_create'],
      [284, 'mlock2'],
      [435, 'clone3'],
    ] as const) {
      expect(uapi.syscallName(number)).toBe(name);
      expect(uapi.syscallNumber(name)).toBe(number);
    }
    expect(uapi.syscallNumber('open')).toBeUndefined();
    expect(uapi.syscallName(244)).toBeUndefined();
    expect(uapi.syscallName(100000)).toBeUndefined();
  });

  it('have one number for each name', () => {
    const table = uapi.syscalls();
    expect(new Set(table.map(([number]) => number)).size).toBe(table.length);
    expect(new Set(table.map(([, name]) => name)).size).toBe(table.length);
  });
});

describe('system calls of x86-64', () => {
  it('are those of syscall_64.tbl', () => {
    for (const [number, name] of [
      [0, 'read'],
      [2, 'open'],
      [9, 'mmap'],
      [10, 'mprotect'],
      [11, 'munmap'],
      [12, 'brk'],
      [25, 'mremap'],
      [28, 'madvise'],
      [57, 'fork'],
      [158, 'arch_prctl'],
      [216, 'remap_file_pages'],
      [302, 'prlimit64'],
      [329, 'pkey_mprotect'],
      [334, 'rseq'],
      [424, 'pidfd_send_signal'],
      [435, 'clone3'],
      [453, 'map_shadow_stack'],
      [462, 'mseal'],
    ] as const) {
      expect(uapi.syscallNameX86(number)).toBe(name);
      expect(uapi.syscallNumberX86(name)).toBe(number);
    }
    expect(uapi.syscallNameX86(400)).toBeUndefined();
    expect(uapi.syscallNumberX86('mmap2')).toBeUndefined();
  });

  it('have one number for each name, and those of arm64 from 424 on', () => {
    const table = uapi.syscallsX86();
    expect(new Set(table.map(([number]) => number)).size).toBe(table.length);
    expect(new Set(table.map(([, name]) => name)).size).toBe(table.length);
    expect(table.filter(([n]) => n >= 424)).toEqual(uapi.syscalls().filter(([n]) => n >= 424));
  });
});

describe('names', () => {
  it('leads from signals to numbers and back', () => {
    for (let signal = 1; signal <= 64; signal += 1) expect(uapi.signalByName(uapi.signalName(signal))).toBe(signal);
    expect(uapi.signalName(uapi.SIGSEGV)).toBe('SIGSEGV');
    expect(uapi.signalName(33)).toBe('SIGRT_1');
    expect(uapi.signalByName('SIGNONE')).toBeUndefined();
    expect(uapi.signalCodeName(uapi.SIGSEGV, uapi.SEGV_ACCERR)).toBe('SEGV_ACCERR');
    expect(uapi.signalCodeName(uapi.SIGBUS, uapi.BUS_ADRERR)).toBe('BUS_ADRERR');
    expect(uapi.signalCodeByName('CLD_EXITED')).toBe(1);
  });

  it('leads from limits to numbers and back', () => {
    for (let limit = 0; limit < uapi.RLIM_NLIMITS; limit += 1)
      expect(uapi.rlimitByName(uapi.rlimitName(limit))).toBe(limit);
    expect(uapi.rlimitByName('stack')).toBe(uapi.RLIMIT_STACK);
    expect(uapi.rlimitByName('RLIMIT_AS')).toBe(9);
    expect(uapi.rlimitByName('nothing')).toBeUndefined();
  });

  it('reads and writes lists of capabilities', () => {
    expect(uapi.formatCapabilities(uapi.allCapabilities())).toBe('all');
    expect(uapi.parseCapabilities('none')).toEqual(new Set());
    expect(uapi.parseCapabilities('ipc_lock,CAP_SYS_RAWIO')).toEqual(new Set([uapi.CAP_IPC_LOCK, uapi.CAP_SYS_RAWIO]));
    const most = uapi.parseCapabilities('all,-sys_admin');
    expect(most).toBeInstanceOf(Set);
    expect((most as Set<number>).has(uapi.CAP_SYS_ADMIN)).toBe(false);
    expect((most as Set<number>).size).toBe(uapi.CAP_LAST_CAP);
    expect(uapi.parseCapabilities('ipc_lock,nonsense')).toBe('nonsense');
    expect(uapi.formatCapabilities(new Set([17, 14]))).toBe('CAP_IPC_LOCK,CAP_SYS_RAWIO');
  });

  it('leads from segment types to numbers and back', () => {
    expect(uapi.segmentTypeName(uapi.PT_GNU_STACK)).toBe('GNU_STACK');
    expect(uapi.segmentTypeByName('PT_LOAD')).toBe(1);
    expect(uapi.segmentTypeByName(uapi.segmentTypeName(0x12345))).toBe(0x12345);
  });
});

describe('constants', () => {
  it('has the open flags of arm64, not those of asm-generic', () => {
    expect([uapi.O_DIRECTORY, uapi.O_NOFOLLOW, uapi.O_DIRECT, uapi.O_LARGEFILE]).toEqual([
      0o40000, 0o100000, 0o200000, 0o400000,
    ]);
  });

  it('encodes huge page sizes as logarithms', () => {
    for (const [size, value] of [
      [0x10000, uapi.MAP_HUGE_64KB],
      [0x200000, uapi.MAP_HUGE_2MB],
      [0x2000000, uapi.MAP_HUGE_32MB],
      [0x20000000, uapi.MAP_HUGE_512MB],
      [0x40000000, uapi.MAP_HUGE_1GB],
      [0x400000000, uapi.MAP_HUGE_16GB],
    ] as const) {
      expect(value).toBe(Math.log2(size) * 2 ** uapi.MAP_HUGE_SHIFT);
    }
  });

  it('takes device numbers apart', () => {
    const dev = uapi.makeDev(8, 0x12345);
    expect([uapi.devMajor(dev), uapi.devMinor(dev)]).toEqual([8, 0x12345]);
    expect(uapi.S_ISDIR(0o040755)).toBe(true);
    expect(uapi.S_ISREG(0o040755)).toBe(false);
  });
});
