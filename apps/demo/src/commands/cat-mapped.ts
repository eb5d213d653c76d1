/**
 * `vmarea cat-mapped`: prints a file through a mapping of it, on any filesystem driver, and tells what that cost.
 *
 * The file is mapped a piece at a time, so that a file larger than memory can be printed: pages that are no longer mapped
 * make room for others.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Kernel, Task } from '@vmarea/kernel';
import { RETRY } from '@vmarea/mm-core';
import { copyFromUser } from '@vmarea/mm-core/memory';
import { errnoName, errnoText, MAP_PRIVATE, O_CREAT, O_RDONLY, O_RDWR, PROT_READ } from '@vmarea/uapi';
import { interceptDriver } from '@vmarea/vfs';
import { openDriver } from '../machine/drivers.ts';
import { UsageError, type Io } from '../text/io.ts';
import { stageFor } from '../machine/lab.ts';
import { situationOfRoot } from '../options/situation.ts';
import type { SituationOptions } from '../options/vocabulary.ts';

/** As the command line gives them. */
export interface CatMappedOptions extends SituationOptions {
  readonly fs: string;
  readonly offset: string;
  readonly length?: string;
}

const MOUNTPOINT = '/m';
/** Bytes that are mapped at once. */
const WINDOW = 2 ** 20;

/** What a file costs. */
interface Cost {
  bytes: number;
  /** Pages that the driver was asked for. */
  pagesRead: number;
}

function bytesOf(option: string, text: string): number {
  const value = Number(text);
  if (text === '' || !Number.isSafeInteger(value) || value < 0)
    throw new UsageError(`${option}: «${text}» is no number of bytes`);
  return value;
}

/** A call that must succeed. */
async function must(kernel: Kernel, task: Task, what: string, call: () => number): Promise<number> {
  const result = await kernel.run(task, call);
  if (result < 0 && result >= -4095) throw new UsageError(`${what}: ${errnoText(result)} (${errnoName(result)})`);
  return result;
}

/** `vmarea cat-mapped`. */
export async function catMappedCommand(file: string, options: CatMappedOptions, io: Io): Promise<number> {
  const offset = bytesOf('--offset', options.offset);
  const length = options.length === undefined ? Infinity : bytesOf('--length', options.length);
  const driver = await openDriver(options.fs);
  const situation = situationOfRoot(options);
  const { kernel, task } = stageFor(situation, 'cat-mapped');
  const cost: Cost = { bytes: 0, pagesRead: 0 };
  const sb = driver.filesystem(kernel.system);
  interceptDriver(sb, (call, inner) => {
    if (call.op === 'readPage') cost.pagesRead++;
    return inner();
  });
  const mounted = kernel.tree.mount(MOUNTPOINT, sb);
  if (typeof mounted === 'number') throw new Error(`cat-mapped: mount = ${errnoName(-mounted)}`);
  const path = `${MOUNTPOINT}/${driver.empty ? basename(file) : file.replace(/^\/+/, '')}`;
  if (driver.empty) await putThere(kernel, task, file, path);
  const fd = await must(kernel, task, file, () => task.sys.open(path, O_RDONLY));
  const stat = task.sys.fstat(fd);
  const size = typeof stat === 'number' ? 0 : stat.size;
  await print(kernel, task, fd, Math.min(offset, size), Math.min(size, offset + length), cost, io);
  const faults = task.cur.minFlt + task.cur.majFlt;
  const pages = Math.ceil(size / kernel.system.pageSize);
  io.err(
    `cat-mapped: ${cost.bytes} bytes of ${size} on ${driver.name}; of ${pages} pages ${cost.pagesRead} were read; ` +
      `${faults} faults, ${task.cur.majFlt} of them major\n`,
  );
  kernel.shutdown();
  return 0;
}

/** Maps the range piece by piece and copies it out. */
async function print(
  kernel: Kernel,
  task: Task,
  fd: number,
  start: number,
  end: number,
  cost: Cost,
  io: Io,
): Promise<void> {
  const { sys, cur } = task;
  const decoder = new TextDecoder();
  const out = (bytes: Uint8Array): void => {
    if (io.outBytes === undefined) io.out(decoder.decode(bytes, { stream: true }));
    else io.outBytes(bytes);
  };
  for (let pos = start; pos < end;) {
    const first = pos - (pos % WINDOW);
    const last = Math.min(end, first + WINDOW);
    const addr = await must(kernel, task, 'mmap', () => sys.mmap(0, last - first, PROT_READ, MAP_PRIVATE, fd, first));
    const bytes = new Uint8Array(last - pos);
    const from = addr + (pos - first);
    const left = await kernel.run(task, () => copyFromUser(cur, from, bytes, 0, bytes.length));
    if (left === RETRY) throw new Error('cat-mapped: a copy asked to be repeated');
    out(bytes.subarray(0, bytes.length - left));
    cost.bytes += bytes.length - left;
    if (left > 0) throw new UsageError(`byte ${pos + bytes.length - left} of the file cannot be read: SIGBUS`);
    await must(kernel, task, 'munmap', () => sys.munmap(addr, last - first));
    pos = last;
  }
}

/** A filesystem that begins empty gets a copy of the host's file. */
async function putThere(kernel: Kernel, task: Task, file: string, path: string): Promise<void> {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const { sys } = task;
  const fd = await must(kernel, task, path, () => sys.open(path, O_CREAT | O_RDWR, 0o644));
  for (let done = 0; done < bytes.length;) {
    done += await must(kernel, task, 'write', () => sys.pwrite(fd, bytes, done, done));
  }
  await must(kernel, task, 'fsync', () => sys.fsync(fd));
  sys.close(fd);
}
