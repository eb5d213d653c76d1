/**
 * A machine's memory without mappings, for the tests of frames and page cache: mappings are a list of what was asked.
 */
import { DEFAULT_CONFIG, MSM_4_4 } from '@vmarea/uapi';
import type { FileMapping } from '../../src/shape/file-mapping.ts';
import { AddressSpaceOperations } from '../../src/memory/cache/operations.ts';
import { AddressSpace } from '../../src/memory/cache/address-space.ts';
import type { MemoryCore } from '../../src/memory/core.ts';
import { Frames } from '../../src/memory/frames/buddy.ts';
import { PhysicalMemory } from '../../src/memory/frames/physical.ts';
import { type Arch, GENERIC_ARCH } from '../../src/ports/arch.ts';
import type { VmInode } from '../../src/ports/file.ts';
import { MmSystem } from '../../src/space/system.ts';
import { RETRY } from '../../src/base/errno.ts';

export const KIB = 1024;
export const MIB: number = 1024 * KIB;
export const GIB: number = 1024 * MIB;

function arch(pageSize: number): Arch {
  return {
    ...GENERIC_ARCH,
    name: 'test',
    pageSize,
    pageShift: Math.log2(pageSize),
    vaBits: 48,
    taskSize: 2 ** 48,
    mapWindow: 2 ** 48,
    stackTop: 2 ** 48,
    taskUnmappedBase: 2 ** 46,
    elfEtDynBase: 2 ** 47,
    pmdSize: 2 ** 21,
    hugeSizes: [2 ** 21],
    mmapLayout: () => 0,
    createPageTables: () => null,
  };
}

/** What the page cache asked of the mappings: `unmap first+count even|own`, `clean index`. */
export class TestCore implements MemoryCore {
  readonly physical: PhysicalMemory;
  readonly frames: Frames;
  readonly system: MmSystem;
  readonly asked: string[] = [];

  constructor(bytes: number = 16 * MIB, pageSize = 4096) {
    this.physical = PhysicalMemory.create({ bytes, pageSize });
    this.frames = new Frames(this.physical);
    this.system = new MmSystem({ arch: arch(pageSize), profile: MSM_4_4, config: DEFAULT_CONFIG });
  }

  unmapMappingRange(_mapping: FileMapping, startPage: number, nrPages: number, evenCows: boolean): void {
    this.asked.push(`unmap ${String(startPage)}+${String(nrPages)} ${evenCows ? 'even' : 'own'}`);
  }

  pageMkclean(_mapping: FileMapping, index: number): boolean {
    this.asked.push(`clean ${String(index)}`);
    return false;
  }

  /** An inode with its page cache. */
  file(aOps: AddressSpaceOperations, size = 0): AddressSpace {
    const inode = {
      iMode: 0o100644,
      iFlags: 0,
      iSize: size,
      iWritecount: 0,
      devMajor: 0,
      devMinor: 18,
      ino: 1,
      iNlink: 1,
    } as unknown as VmInode;
    const mapping = new AddressSpace(this, inode, aOps);
    (inode as { iMapping: FileMapping }).iMapping = mapping;
    return mapping;
  }
}

/** ramfs: no storage; absent pages are zero and are kept once read. */
export const RAMFS: AddressSpaceOperations = new AddressSpaceOperations({ zeroFill: true });
/** shmem: no storage; reading a hole leaves it a hole. */
export const SHMEM: AddressSpaceOperations = new AddressSpaceOperations({
  zeroFill: true,
  readSkipsHoles: true,
  swapBacked: true,
});

/** A disk: bytes by file, read and written by page, at once or when the test says so. */
export class Disk {
  bytes: Uint8Array;
  /** Operations wait until the test lets them go. */
  slow = false;
  reads = 0;
  writes = 0;
  /** Errno for the next operations, or 0. */
  error = 0;
  readonly aOps: AddressSpaceOperations;
  private readonly waiting: (() => void)[] = [];

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.aOps = new AddressSpaceOperations({
      readPage: (mapping, index, pfn) => {
        this.reads++;
        return this.run(mapping, () => {
          const { pageSize } = mapping.core.system;
          const page = new Uint8Array(pageSize);
          page.set(this.bytes.subarray(index * pageSize, (index + 1) * pageSize));
          mapping.core.physical.writeBytes(pfn, 0, page, 0, pageSize);
        });
      },
      writePage: (mapping, index, pfn) => {
        this.writes++;
        const { pageSize } = mapping.core.system;
        const page = new Uint8Array(pageSize);
        mapping.core.physical.readBytes(pfn, 0, page, 0, pageSize);
        return this.run(mapping, () => {
          const end = Math.min(mapping.host.iSize, (index + 1) * pageSize);
          if (end > this.bytes.length) this.resize(end);
          const n = Math.min(pageSize, this.bytes.length - index * pageSize);
          if (n > 0) this.bytes.set(page.subarray(0, n), index * pageSize);
        });
      },
    });
  }

  resize(size: number): void {
    const next = new Uint8Array(size);
    next.set(this.bytes.subarray(0, size));
    this.bytes = next;
  }

  /** Lets the oldest operation that waits go (or all), and has its consequences happen. */
  async release(all = true): Promise<void> {
    do this.waiting.shift()?.();
    while (all && this.waiting.length > 0);
    for (let i = 0; i < 5; i++) await Promise.resolve();
  }

  private run(mapping: AddressSpace, act: () => void): number {
    const { error } = this;
    if (!this.slow) {
      if (error === 0) act();
      return error;
    }
    mapping.core.system.current.pending = new Promise((resolve) => {
      this.waiting.push(() => {
        if (error === 0) act();
        resolve(error);
      });
    });
    return RETRY;
  }
}
