// Decodes the calls that change memory, from their arguments.

import {
  PR_SET_VMA,
  PR_SET_VMA_ANON_NAME,
  parseMadvise,
  parseMapFlags,
  parseMlock2Flags,
  parseMlockallFlags,
  parseMremapFlags,
  parseMsyncFlags,
  parseProt,
  IPC_CREAT,
  IPC_EXCL,
  IPC_INFO,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  SHM_EXEC,
  SHM_HUGETLB,
  SHM_INFO,
  SHM_LOCK,
  SHM_NORESERVE,
  SHM_RDONLY,
  SHM_REMAP,
  SHM_RND,
  SHM_STAT,
  SHM_STAT_ANY,
  SHM_UNLOCK,
} from '@vmarea/uapi';
import { type ArgReader } from '../parse/arg-reader.ts';
import { type Register, parseRegister, withoutComment } from '../parse/args.ts';
import { type Op } from './types.ts';

/** Decodes one call, whose arguments are in a reader. */
export type Decoder = (args: ArgReader, name: string) => Op;

function mmap(args: ArgReader, name: string): Op {
  const addr = args.register(0, 'address');
  const len = args.register(1, 'length');
  const prot = args.flags(2, parseProt, 'protection');
  const flags = args.flags(3, parseMapFlags, 'mapping flags');
  const file = args.descriptor(4);
  const offset = args.register(5, 'offset');
  return { op: 'mmap', addr, len, prot, flags, fd: file.fd, path: file.path, offset: mmapOffset(name, offset) };
}

/**
 * mmap2 takes its offset in units of 4096 bytes. strace prints it in bytes, except undecoded (`-e raw`) and before 4.8. An
 * offset in bytes is a multiple of a page, or the call fails, so an offset that is no multiple counts units.
 */
function mmapOffset(name: string, offset: Register): Register {
  if (name !== 'mmap2') return offset;
  const low = typeof offset === 'bigint' ? Number(offset & 4095n) : offset & 4095;
  if (low === 0) return offset;
  return typeof offset === 'bigint' ? offset * 4096n : offset * 4096;
}

function range(op: 'munmap' | 'munlock' | 'mincore'): Decoder {
  return (args) => ({ op, addr: args.register(0, 'address'), len: args.register(1, 'length') });
}

function mprotect(args: ArgReader, name: string): Op {
  return {
    op: 'mprotect',
    addr: args.register(0, 'address'),
    len: args.register(1, 'length'),
    prot: args.flags(2, parseProt, 'protection'),
    pkey: name === 'pkey_mprotect' ? args.int(3) : -1,
  };
}

function mremap(args: ArgReader): Op {
  return {
    op: 'mremap',
    addr: args.register(0, 'address'),
    oldLen: args.register(1, 'length'),
    newLen: args.register(2, 'length'),
    flags: args.flags(3, parseMremapFlags),
    newAddr: args.optionalRegister(4),
  };
}

function brk(args: ArgReader): Op {
  return { op: 'brk', addr: args.register(0, 'address') };
}

function madvise(args: ArgReader): Op {
  return {
    op: 'madvise',
    addr: args.register(0, 'address'),
    len: args.register(1, 'length'),
    advice: args.flags(2, parseMadvise, 'advice'),
  };
}

function mlock(args: ArgReader, name: string): Op {
  return {
    op: 'mlock',
    addr: args.register(0, 'address'),
    len: args.register(1, 'length'),
    flags: name === 'mlock2' ? args.flags(2, parseMlock2Flags) : null,
  };
}

function msync(args: ArgReader): Op {
  return {
    op: 'msync',
    addr: args.register(0, 'address'),
    len: args.register(1, 'length'),
    flags: args.flags(2, parseMsyncFlags),
  };
}

function remapFilePages(args: ArgReader): Op {
  return {
    op: 'remapFilePages',
    addr: args.register(0, 'address'),
    len: args.register(1, 'length'),
    prot: args.flags(2, parseProt, 'protection'),
    pgoff: args.register(3),
    flags: args.flags(4, parseMapFlags, 'mapping flags'),
  };
}

function prctl(args: ArgReader): Op {
  const option = withoutComment(args.raw(0));
  if (option !== 'PR_SET_VMA' && parseRegister(option) !== PR_SET_VMA) return { op: 'prctl', option };
  const what = withoutComment(args.raw(1));
  if (what !== 'PR_SET_VMA_ANON_NAME' && parseRegister(what) !== PR_SET_VMA_ANON_NAME) return { op: 'prctl', option };
  return {
    op: 'setVmaName',
    addr: args.register(2, 'address'),
    len: args.register(3, 'length'),
    name: args.text(4),
  };
}

const SHM_WORDS: ReadonlyMap<string, number> = new Map([
  ['IPC_CREAT', IPC_CREAT],
  ['IPC_EXCL', IPC_EXCL],
  ['SHM_HUGETLB', SHM_HUGETLB],
  ['SHM_NORESERVE', SHM_NORESERVE],
  ['SHM_RDONLY', SHM_RDONLY],
  ['SHM_RND', SHM_RND],
  ['SHM_REMAP', SHM_REMAP],
  ['SHM_EXEC', SHM_EXEC],
]);

/** Parses flags of shmget and shmat: names, the permissions in octal, a huge page size. */
function parseShmFlags(text: string): number | null {
  let flags = 0;
  for (const word of withoutComment(text).split('|')) {
    const known = SHM_WORDS.get(word);
    const octal = /^0[0-7]*$/.test(word) ? parseInt(word, 8) : null;
    const huge = /^([0-9]+)<<SHM_HUGE_SHIFT$/.exec(word);
    const value = known ?? octal ?? (huge ? Number(huge[1]) * 0x4000000 : parseRegister(word));
    if (typeof value !== 'number') return null;
    flags += value;
  }
  return flags;
}

function shmget(args: ArgReader): Op {
  const key = withoutComment(args.raw(0)) === 'IPC_PRIVATE' ? 0 : args.register(0, 'key');
  return { op: 'shmget', key, size: args.register(1, 'length'), flags: args.flags(2, parseShmFlags) };
}

function shmat(args: ArgReader): Op {
  return { op: 'shmat', id: args.int(0), addr: args.register(1, 'address'), flags: args.flags(2, parseShmFlags) };
}

const SHMCTL_COMMANDS: ReadonlyMap<string, number> = new Map([
  ['IPC_RMID', IPC_RMID],
  ['IPC_SET', IPC_SET],
  ['IPC_STAT', IPC_STAT],
  ['IPC_INFO', IPC_INFO],
  ['SHM_LOCK', SHM_LOCK],
  ['SHM_UNLOCK', SHM_UNLOCK],
  ['SHM_STAT', SHM_STAT],
  ['SHM_INFO', SHM_INFO],
  ['SHM_STAT_ANY', SHM_STAT_ANY],
  // The version of the structure, which 64-bit machines leave out.
  ['IPC_64', 0],
]);

/** Parses a command of shmctl: its name, with or without IPC_64. */
function parseShmctl(text: string): number | null {
  let command = 0;
  for (const word of withoutComment(text).split('|')) {
    const value = SHMCTL_COMMANDS.get(word) ?? parseRegister(word);
    if (typeof value !== 'number') return null;
    command += value;
  }
  return command;
}

function shmctl(args: ArgReader): Op {
  const size = /\bshm_segsz=(\d+)/.exec(args.raw(2));
  return {
    op: 'shmctl',
    id: args.int(0),
    cmd: args.flags(1, parseShmctl),
    size: size === null ? null : Number(size[1]),
  };
}

/** Decoders of the calls that change memory, by name. */
export const MEMORY_DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['mmap', mmap],
  ['mmap2', mmap],
  ['old_mmap', mmap],
  ['munmap', range('munmap')],
  ['mprotect', mprotect],
  ['pkey_mprotect', mprotect],
  ['mremap', mremap],
  ['brk', brk],
  ['madvise', madvise],
  ['mlock', mlock],
  ['mlock2', mlock],
  ['munlock', range('munlock')],
  ['mlockall', (args) => ({ op: 'mlockall', flags: args.flags(0, parseMlockallFlags) })],
  ['munlockall', () => ({ op: 'munlockall' })],
  ['msync', msync],
  ['mincore', range('mincore')],
  ['remap_file_pages', remapFilePages],
  ['prctl', prctl],
  ['shmget', shmget],
  ['shmat', shmat],
  ['shmctl', shmctl],
  ['shmdt', (args) => ({ op: 'shmdt', addr: args.register(0, 'address') })],
]);
