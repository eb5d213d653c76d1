import { type ElfProgramHeader, type Task } from '@vmarea/kernel';
import {
  ADDR_NO_RANDOMIZE,
  ET_DYN,
  ET_EXEC,
  ETXTBSY,
  LINUX_6_1,
  MSM_4_4,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  PT_GNU_STACK,
  PT_LOAD,
} from '@vmarea/uapi';
import type { File } from '@vmarea/vfs';
import { describe, expect, it } from 'vitest';
import { checkAll, machine } from './machine.ts';

function load(
  flags: number,
  offset: number,
  vaddr: number,
  filesz: number,
  memsz: number,
  align = 0x10000,
): ElfProgramHeader {
  return { type: PT_LOAD, flags, offset, vaddr, filesz, memsz, align };
}
const STACK: ElfProgramHeader = { type: PT_GNU_STACK, flags: 6, offset: 0, vaddr: 0, filesz: 0, memsz: 0, align: 16 };

/** A program like cat: two segments, the second with a bss; and its dynamic loader. */
const PROGRAM = [load(5, 0, 0, 0x8000, 0x8000), load(6, 0xf000, 0x1f000, 0x1100, 0x1200), STACK];
const LOADER = [load(5, 0, 0, 0x26000, 0x26000), load(6, 0x2e000, 0x3e000, 0x3000, 0x3800)];

function fileOf(task: Task, path: string): File {
  const fd = task.open(path, O_RDWR | O_CREAT, 0o755);
  task.ftruncate(fd, 0x100000);
  task.close(fd);
  const read = task.open(path, O_RDONLY);
  const file = task.cur.files.fget(read)!.getFile();
  task.close(read);
  return file;
}

const lines = (task: Task): string[] =>
  task.kernel.proc
    .maps(task)
    .trimEnd()
    .split('\n')
    .map((line) =>
      line
        .trimEnd()
        .replace(/ [0-9a-f]{8} [0-9a-f]+:[0-9a-f]+ \d+ */, ' ')
        .trimEnd(),
    );

describe('exec', () => {
  it('places a dynamic program, its loader, vdso and stack as 6.1 does', () => {
    const kernel = machine({ profile: LINUX_6_1 });
    const task = kernel.spawn({ personality: ADDR_NO_RANDOMIZE });
    const program = { file: fileOf(task, '/prog'), type: ET_DYN, phdrs: PROGRAM };
    const interpreter = { file: fileOf(task, '/ld'), type: ET_DYN, phdrs: LOADER };
    const layout = task.sys.execve(program, { interpreter });
    expect(layout).toMatchObject({ loadBias: 0xaaaaaaaa0000 });
    checkAll(kernel);
    expect(lines(task)).toEqual([
      'aaaaaaaa0000-aaaaaaaa8000 r-xp /prog',
      'aaaaaaabf000-aaaaaaac1000 rw-p /prog',
      'fffff7fbe000-fffff7fe4000 r-xp /ld',
      'fffff7ff9000-fffff7ffb000 r--p [vvar]',
      'fffff7ffb000-fffff7ffc000 r-xp [vdso]',
      'fffff7ffc000-fffff7fff000 rw-p /ld',
      'fffff7fff000-fffff8000000 rw-p',
      'fffffffdf000-1000000000000 rw-p [stack]',
    ]);
    expect(task.mm.startBrk).toBe(0xaaaaaaac1000);
  });

  it('aligns only to a page on 4.4, and makes what lacks PT_GNU_STACK executable', () => {
    const task = machine({ profile: MSM_4_4 }).spawn({ personality: ADDR_NO_RANDOMIZE });
    const interpreter = { file: fileOf(task, '/ld'), type: ET_DYN, phdrs: LOADER };
    const file = fileOf(task, '/prog');
    expect(task.sys.execve({ file, type: ET_DYN, phdrs: PROGRAM }, { interpreter })).toMatchObject({
      loadBias: 0xaaaaaaaaa000,
    });
    expect(lines(task).at(-1)).toBe('fffffffdf000-1000000000000 rw-p [stack]');
    task.sys.execve({ file, type: ET_EXEC, phdrs: [load(5, 0, 0x400000, 4096, 4096)] });
    expect(lines(task).at(-1)).toBe('fffffffdf000-1000000000000 rwxp [stack]');
  });

  it('maps a bss behind the data, clears the rest of its page, and begins the heap there', () => {
    const task = machine({ profile: MSM_4_4 }).spawn({ personality: ADDR_NO_RANDOMIZE });
    const file = fileOf(task, '/prog');
    const fd = task.open('/prog', O_RDWR);
    task.pwrite(fd, new Uint8Array(0x2000).fill(0xee), 0x8000);
    task.close(fd);
    task.sys.execve({ file, type: ET_EXEC, phdrs: [load(6, 0x8000, 0x408000, 0x1100, 0x5000), STACK] });
    expect(lines(task)[0]).toBe('00408000-0040a000 rw-p /prog');
    expect(lines(task)[1]).toBe('0040a000-0040d000 rw-p [heap]');
    expect(task.memory.load8(0x4090ff)).toBe(0xee);
    expect(task.memory.load8(0x409100)).toBe(0);
    expect(task.memory.load8(0x409fff)).toBe(0);
    expect(task.brk(0)).toBe(0x40d000);
  });

  it('moves stack, mappings, program and heap by what it is given, when the program is randomised', () => {
    const task = machine().spawn();
    const random = { stack: 0x5000, mmapBase: 0x7000, program: 0x30000, brk: 0x9000 };
    const interpreter = { file: fileOf(task, '/ld'), type: ET_DYN, phdrs: LOADER };
    const program = { file: fileOf(task, '/prog'), type: ET_DYN, phdrs: PROGRAM };
    const layout = task.sys.execve(program, { interpreter, random });
    expect(layout).toMatchObject({ loadBias: 0xaaaaaaad0000 });
    expect(task.mm.startBrk).toBe(0xaaaaaaaf1000 + 0x9000);
    expect(lines(task).at(-1)).toMatch(/-ffffffffb000 rw-p \[stack\]$/);
    task.kernel.system.sysctl.randomizeVaSpace = 0;
    expect(task.sys.execve(program, { interpreter, random })).toMatchObject({ loadBias: 0xaaaaaaaa0000 });
  });

  it('denies writing to the program while a process runs it, and ETXTBSY while somebody writes', () => {
    for (const profile of [MSM_4_4, LINUX_6_1]) {
      const task = machine({ profile }).spawn();
      const file = fileOf(task, '/prog');
      const phdrs = [load(5, 0, 0x400000, 4096, 4096), STACK];
      const writer = task.open('/prog', O_RDWR);
      expect(task.sys.execve({ file, type: ET_EXEC, phdrs })).toBe(-ETXTBSY);
      task.close(writer);
      task.execve({ file, type: ET_EXEC, phdrs });
      const child = task.sys.fork();
      if (typeof child === 'number') throw new Error('fork failed');
      task.munmap(0x400000, 4096);
      expect(task.sys.open('/prog', O_RDWR)).toBe(-ETXTBSY);
      task.execve({ file: fileOf(task, '/other'), type: ET_EXEC, phdrs });
      expect(task.sys.open('/prog', O_RDWR)).toBe(-ETXTBSY);
      child.exit(0);
      expect(task.sys.open('/prog', O_RDWR)).toBeGreaterThanOrEqual(0);
    }
  });

  it('leaves the old address space alone when the program is none', () => {
    const kernel = machine();
    const task = kernel.spawn();
    const { mm } = task;
    expect(task.sys.execve({ file: fileOf(task, '/x'), type: 4, phdrs: [] })).toBe(-8);
    expect(task.mm).toBe(mm);
    checkAll(kernel);
  });
});
