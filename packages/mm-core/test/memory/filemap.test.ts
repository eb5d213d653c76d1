// Faults on page-cache files: the end of the file, what counts as major, errors, and becoming writable.
import { EINVAL, EIO, ENOEXEC } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import {
  FaultInfo,
  VM_FAULT_MAJOR,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_RETRY,
  VM_FAULT_SIGBUS,
} from '../../src/space/fault-info.ts';
import { FileMapping } from '../../src/shape/file-mapping.ts';
import type { Caller } from '../../src/space/caller.ts';
import { AddressSpaceOperations } from '../../src/memory/cache/operations.ts';
import {
  filemapFault,
  filemapMapPage,
  filemapPageMkwrite,
  genericFileMmap,
  genericFileReadonlyMmap,
  genericFileVmOps,
} from '../../src/memory/cache/filemap.ts';
import type { VmFile } from '../../src/ports/file.ts';
import { VM_MAYWRITE, VM_SHARED } from '../../src/base/flags.ts';
import { createMm } from '../../src/calls/create.ts';
import type { Vma } from '../../src/areas/vma.ts';
import { Disk, RAMFS, TestCore } from './fixture.ts';

const PAGE = 4096;
const NOBODY = null as unknown as Caller;

function fileOf(mapping: FileMapping): VmFile {
  return { fMapping: mapping } as unknown as VmFile;
}

/** A VMA that is in no index. */
function unlinked(): Vma {
  return createMm(new TestCore().system)!.vmas.allocVma()!;
}

function mapped(mapping: FileMapping): { vma: Vma; at: (pgoff: number) => FaultInfo } {
  const vma = unlinked();
  vma.vmFile = fileOf(mapping);
  const vmf = new FaultInfo();
  return {
    vma,
    at: (pgoff) => {
      vmf.pgoff = pgoff;
      vmf.page = -1;
      return vmf;
    },
  };
}

describe('filemapFault', () => {
  it('is SIGBUS from the first page behind the end, also when the last page is used in part', () => {
    const core = new TestCore();
    const { vma, at } = mapped(core.file(RAMFS, 2 * PAGE + 1));
    expect(filemapFault(vma, at(2))).toBe(VM_FAULT_MAJOR);
    expect(filemapFault(vma, at(3))).toBe(VM_FAULT_SIGBUS);
    expect(filemapFault(vma, at(2 ** 51))).toBe(VM_FAULT_SIGBUS);
    expect(filemapFault(mapped(core.file(RAMFS, 0)).vma, at(0))).toBe(VM_FAULT_SIGBUS);
  });

  it('is major when the page was not in the cache, of a hole in ramfs too', () => {
    const core = new TestCore();
    const file = core.file(RAMFS, 2 * PAGE);
    const { vma, at } = mapped(file);
    const vmf = at(1);
    expect(filemapFault(vma, vmf)).toBe(VM_FAULT_MAJOR);
    expect(vmf.page).toBe(file.find(1));
    expect(core.frames.refcount[vmf.page]).toBe(2);
    expect(filemapFault(vma, at(1))).toBe(0);
    file.write(0, Uint8Array.of(1), 0, 1);
    expect(filemapFault(vma, at(0))).toBe(0);
  });

  it('is SIGBUS after an error of the device, OOM without memory', () => {
    const core = new TestCore();
    const disk = new Disk(PAGE);
    const { vma, at } = mapped(core.file(disk.aOps, PAGE));
    disk.error = -EIO;
    expect(filemapFault(vma, at(0))).toBe(VM_FAULT_SIGBUS);
    core.frames.failNth = 1;
    expect(filemapFault(vma, at(0))).toBe(VM_FAULT_OOM);
  });

  it.each([false, true])(
    'gives zeroes behind the end of the file, whatever storage holds there (slow: %s)',
    async (slow) => {
      const core = new TestCore();
      const disk = new Disk(PAGE);
      disk.bytes.fill(0x61);
      disk.slow = slow;
      const file = core.file(disk.aOps, 100);
      const { vma, at } = mapped(file);
      const vmf = at(0);
      if (slow) {
        expect(filemapFault(vma, vmf)).toBe(VM_FAULT_RETRY);
        await disk.release();
      }
      expect(filemapFault(vma, vmf)).toBe(VM_FAULT_MAJOR);
      const page = new Uint8Array(PAGE);
      core.physical.readBytes(vmf.page, 0, page, 0, PAGE);
      expect(page.every((b, i) => b === (i < 100 ? 0x61 : 0))).toBe(true);
    },
  );

  it('is repeated when the page must be awaited, and then major once', async () => {
    const core = new TestCore();
    const disk = new Disk(2 * PAGE);
    disk.slow = true;
    const { vma, at } = mapped(core.file(disk.aOps, 2 * PAGE));
    expect(filemapFault(vma, at(1))).toBe(VM_FAULT_RETRY);
    const { pending } = core.system.current;
    expect(filemapMapPage(vma, 1)).toBe(-1);
    await disk.release();
    await pending;
    expect(filemapMapPage(vma, 1)).toBe(-1);
    expect(filemapFault(vma, at(1))).toBe(VM_FAULT_MAJOR);
    expect(filemapFault(vma, at(1))).toBe(0);
    expect(filemapMapPage(vma, 1)).toBeGreaterThan(0);
  });
});

describe('filemapMapPage', () => {
  it('gives only what is cached and within the file', () => {
    const core = new TestCore();
    const file = core.file(RAMFS);
    const { vma } = mapped(file);
    file.write(0, new Uint8Array(3 * PAGE), 0, 3 * PAGE);
    file.host.iSize = 2 * PAGE;
    expect(filemapMapPage(vma, 1)).toBe(file.find(1));
    expect(core.frames.refcount[file.find(1)]).toBe(2);
    expect(filemapMapPage(vma, 2)).toBe(-1);
    expect(filemapMapPage(vma, 7)).toBe(-1);
  });
});

describe('filemapPageMkwrite', () => {
  it('makes the page dirty, or finds that it has left the file', () => {
    const disk = new Disk(PAGE);
    const core = new TestCore();
    const file = core.file(disk.aOps, PAGE);
    const { vma, at } = mapped(file);
    const vmf = at(0);
    filemapFault(vma, vmf);
    expect(filemapPageMkwrite(vma, vmf)).toBe(0);
    expect(file.nextDirty(0)).toBe(0);
    file.truncate(0);
    expect(filemapPageMkwrite(vma, vmf)).toBe(VM_FAULT_NOPAGE);
  });
});

describe('mapping a file', () => {
  it('needs pages that can be read', () => {
    const core = new TestCore();
    const vma = unlinked();
    expect(genericFileMmap(NOBODY, fileOf(core.file(RAMFS)), vma)).toBe(0);
    expect(vma.vmOps).toBe(genericFileVmOps);
    expect(genericFileMmap(NOBODY, fileOf(core.file(new AddressSpaceOperations({}))), vma)).toBe(-ENOEXEC);
    expect(genericFileMmap(NOBODY, fileOf(new FileMapping(null)), vma)).toBe(-ENOEXEC);
  });

  it('of a read-only filesystem refuses what could become shared and writable', () => {
    const file = fileOf(new TestCore().file(RAMFS));
    const vma = unlinked();
    vma.vmFlags = VM_SHARED | VM_MAYWRITE;
    expect(genericFileReadonlyMmap(NOBODY, file, vma)).toBe(-EINVAL);
    vma.vmFlags = VM_SHARED;
    expect(genericFileReadonlyMmap(NOBODY, file, vma)).toBe(0);
  });
});
