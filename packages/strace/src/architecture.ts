// Which machine made a log: strace does not say, but the names of calls and the addresses do.
// A guess with its reasons, for a reader who can be told; nothing is decided here.

import { syscallNumber } from '@vmarea/uapi';
import { type Call } from './events.ts';

/** What the log's machine seems to be. */
export type Architecture = 'arm64' | 'x86_64' | 'i386' | 'arm' | 'riscv64' | 'unknown';

/** A guess, and what it rests on. */
export interface ArchitectureGuess {
  readonly architecture: Architecture;
  /** Width of a register; 0 when nothing tells. */
  readonly bits: 0 | 32 | 64;
  /** Short sentences. */
  readonly reasons: readonly string[];
}

/** Calls that exist on one of these machines only. */
const TELLING: ReadonlyMap<string, Architecture> = new Map<string, Architecture>([
  ['arch_prctl', 'x86_64'],
  ['modify_ldt', 'x86_64'],
  ['set_thread_area', 'i386'],
  ['set_tls', 'arm'],
  ['cacheflush', 'arm'],
  ['arm_fadvise64_64', 'arm'],
  ['arm_sync_file_range', 'arm'],
  ['riscv_flush_icache', 'riscv64'],
  ['riscv_hwprobe', 'riscv64'],
]);

/** Calls of 32-bit ABIs. */
const NARROW: ReadonlySet<string> = new Set([
  'mmap2',
  'old_mmap',
  '_llseek',
  'fstat64',
  'stat64',
  'lstat64',
  'fstatat64',
  'fcntl64',
  'ugetrlimit',
  'statfs64',
  'ftruncate64',
]);

/** Collects what a log shows. {@link LogParser} feeds it. */
export class ArchitectureHints {
  readonly #votes = new Map<Architecture, string>();
  #narrow = '';
  #foreign = '';
  #compat = '';
  #highest = 0;
  #arm64Address = '';
  #x86Address = '';

  /** A call's name, at its first appearance. */
  call(name: string): void {
    const told = TELLING.get(name);
    if (told !== undefined && !this.#votes.has(told)) this.#votes.set(told, name);
    if (NARROW.has(name) && this.#narrow === '') this.#narrow = name;
    else if (this.#foreign === '' && FOREIGN.has(name) && syscallNumber(name) === undefined) this.#foreign = name;
  }

  /** A call that returned: addresses tell by their upper part. */
  returned(call: Call): void {
    const ret = call.ret;
    if (ret === null || ret < 0x10000 || (call.name !== 'mmap' && call.name !== 'brk' && call.name !== 'mmap2')) return;
    if (ret > this.#highest) this.#highest = ret;
    const top = Math.floor(ret / 0x10000000000);
    // With 48 bits of address arm64 puts mappings below 0xffff… and programs at 0xaaaa…, x86_64 at 0x7f… and 0x55….
    if (top === 0xff || top === 0xaa) this.#arm64Address ||= `0x${ret.toString(16)}`;
    else if (top === 0x7f || top === 0x55 || top === 0x56) this.#x86Address ||= `0x${ret.toString(16)}`;
  }

  /** A message of strace about itself. */
  note(text: string): void {
    if (text.includes('runs in 32 bit mode')) this.#compat = text;
  }

  /** The guess so far. */
  guess(): ArchitectureGuess {
    const reasons: string[] = [];
    if (this.#narrow !== '') {
      reasons.push(`${this.#narrow} is a call of 32-bit machines`);
      for (const architecture of ['arm', 'i386'] as const) {
        const name = this.#votes.get(architecture);
        if (name !== undefined) {
          reasons.push(`${name} is a call of ${architecture}`);
          return { architecture, bits: 32, reasons };
        }
      }
      if (this.#compat !== '') reasons.push(this.#compat);
      return { architecture: this.#foreign !== '' || this.#compat !== '' ? 'i386' : 'unknown', bits: 32, reasons };
    }
    for (const architecture of ['x86_64', 'riscv64'] as const) {
      const name = this.#votes.get(architecture);
      if (name !== undefined) {
        reasons.push(`${name} is a call of ${architecture}`);
        return { architecture, bits: 64, reasons };
      }
    }
    if (this.#foreign !== '' && this.#arm64Address === '') {
      reasons.push(`arm64 has no call ${this.#foreign}`);
      if (this.#x86Address !== '') reasons.push(`${this.#x86Address} is an address as x86_64 gives it`);
      return { architecture: 'x86_64', bits: 64, reasons };
    }
    if (this.#arm64Address !== '') {
      reasons.push(`${this.#arm64Address} is an address as arm64 gives it`);
      return { architecture: 'arm64', bits: 64, reasons };
    }
    if (this.#x86Address !== '') {
      reasons.push(`${this.#x86Address} is an address as x86_64 gives it`);
      return { architecture: 'x86_64', bits: 64, reasons };
    }
    if (this.#highest > 0x100000000) {
      // 39, 42 or 47 bits of address: nothing in the log speaks against arm64.
      reasons.push(`0x${this.#highest.toString(16)} has more than 32 bits, and every call is one of arm64`);
      return { architecture: 'arm64', bits: 64, reasons };
    }
    return { architecture: 'unknown', bits: 0, reasons };
  }
}

/** Calls of x86_64 that arm64 never had. */
const FOREIGN: ReadonlySet<string> = new Set([
  'open',
  'creat',
  'stat',
  'lstat',
  'access',
  'readlink',
  'unlink',
  'rmdir',
  'mkdir',
  'rename',
  'link',
  'symlink',
  'chmod',
  'chown',
  'pipe',
  'dup2',
  'fork',
  'vfork',
  'poll',
  'select',
  'epoll_wait',
  'epoll_create',
  'inotify_init',
  'eventfd',
  'signalfd',
  'alarm',
  'pause',
  'getdents',
  'time',
  'utimes',
  'futimesat',
  'getpgrp',
]);
