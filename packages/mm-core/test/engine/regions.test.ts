/**
 * mmap_region's ways back, drivers that do as they like, the mmap lock, and the refusals that need a port to say no.
 */
import {
  LINUX_6_1,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_LOCKED,
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  MSM_4_4,
  PROT_READ,
  PROT_WRITE,
  type KernelProfile,
} from '@vmarea/uapi';
import { describe, expect, test } from 'vitest';
import {
  doMmap,
  doMprotect,
  doMremap,
  doMunlock,
  installSpecialMapping,
  MmapLockError,
  mappingDenyWritable,
  NO_MEMORY,
  VM_DENYWRITE,
  VM_DONTEXPAND,
  VM_IO,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_PFNMAP,
  vmBrk,
  vmMmapPgoff,
  vmMunmap,
} from '../../src/index.ts';
import {
  BRK_CLEAR_OLD_MAPS,
  INSERT_VM_STRUCT_OVERLAP,
  KMEM_CACHE_NO_VMA,
  MMAP_REGION_CLEAR_OLD_MAPS,
  MMAP_REGION_DENY_WRITE,
  MMAP_REGION_DRIVER_REFUSED,
  MMAP_REGION_MOVED,
  MMAP_REGION_SEALED,
  MMAP_REGION_SHARED_MEMORY,
  MREMAP_NO_MEMORY,
  MREMAP_OWNER_REFUSED,
  SECURITY_FILE_MPROTECT_REFUSED,
  SECURITY_MMAP_ADDR_REFUSED,
  SECURITY_MMAP_FILE_REFUSED,
} from '../../src/reasons.ts';
import {
  RecordingAudit,
  RecordingPerf,
  RecordingSecurity,
  RecordingUprobes,
  TestFile,
  TestHugePages,
  hugeVmOps,
} from '../../src/testing/index.ts';
import { BOTH, PAGE, RW, Scene } from './picture.ts';

/** Maps a file at the scene's first page as exec does: with VM_DENYWRITE. */
function denyWrite(scene: Scene, file: TestFile, len: number, flags: number): number {
  return doMmap(scene.cur, {
    file,
    addr: scene.addr(0),
    len,
    prot: RW,
    flags,
    vmFlags: VM_DENYWRITE,
    vmFlagsHigh: 0,
    pgoff: 0,
  });
}

const EPERM = -1;
const EAGAIN = -11;
const ENOMEM = -12;
const EACCES = -13;
const EINVAL = -22;
const ETXTBSY = -26;

describe.each(BOTH)('mmap_region undoes, $name', (profile: KernelProfile) => {
  test('a file open for writing cannot be mapped with VM_DENYWRITE', () => {
    const scene = new Scene(profile);
    const file = new TestFile();
    file.fInode.iWritecount = 1;
    const flags = MAP_PRIVATE | MAP_FIXED;
    const result = denyWrite(scene, file, 2 * PAGE, flags);
    expect([result, scene.cur.call.reason]).toEqual([ETXTBSY, MMAP_REGION_DENY_WRITE]);
    expect([file.fInode.iWritecount, file.fCount, scene.system.committedAs, scene.mm.mapCount]).toEqual([1, 1, 0, 0]);
    expect(scene.system.vmAreaCachep.active).toBe(0);
    // With nobody writing it works, and denies writing as long as it is mapped; each part counts.
    file.fInode.iWritecount = 0;
    expect(denyWrite(scene, file, 3 * PAGE, flags)).toBe(scene.addr(0));
    expect(file.fInode.iWritecount).toBe(-1);
    vmMunmap(scene.cur, scene.addr(1), PAGE);
    expect(scene.check().mm.mapCount).toBe(2);
    expect(file.fInode.iWritecount).toBe(-2);
    vmMunmap(scene.cur, scene.addr(0), 3 * PAGE);
    expect(file.fInode.iWritecount).toBe(0);
  });

  test('a sealed file cannot be mapped shared for writing; VM_DENYWRITE is undone with it', () => {
    const scene = new Scene(profile);
    const file = new TestFile();
    expect(mappingDenyWritable(file.fMapping)).toBe(0);
    const flags = MAP_SHARED | MAP_FIXED;
    expect(denyWrite(scene, file, PAGE, flags)).toBe(EPERM);
    expect(scene.cur.call.reason).toBe(MMAP_REGION_SEALED);
    expect([file.fInode.iWritecount, file.fMapping.iMmapWritable, file.fCount]).toEqual([0, -1, 1]);
    expect(scene.map(0, 1, { file, flags: MAP_PRIVATE })).toBe(scene.addr(0));
    scene.check();
  });

  test('a mapping that can be written shared cannot be sealed', () => {
    const file = new TestFile();
    const scene = new Scene(profile).at('AA', { A: { file, flags: MAP_SHARED } });
    expect(mappingDenyWritable(file.fMapping)).toBe(-16);
    vmMunmap(scene.cur, scene.addr(0), 2 * PAGE);
    expect(mappingDenyWritable(file.fMapping)).toBe(0);
  });

  test('a driver refuses: everything is given back, but on 4.4 the charge', () => {
    const scene = new Scene(profile);
    const file = new TestFile({ mmapError: EAGAIN });
    expect(scene.map(0, 4, { file, prot: RW })).toBe(EAGAIN);
    expect(scene.cur.call.reason).toBe(MMAP_REGION_DRIVER_REFUSED);
    expect(scene.system.committedAs).toBe(profile === MSM_4_4 ? 4 : 0);
    expect(scene.map(0, 4, { file, prot: RW, flags: MAP_SHARED })).toBe(EAGAIN);
    expect(scene.system.committedAs).toBe(profile === MSM_4_4 ? 4 : 0);
    expect([file.fCount, file.fMapping.iMmapWritable, file.fMapping.iMmap.size]).toEqual([1, 0, 0]);
    expect([scene.mm.totalVm, scene.mm.mapCount, scene.system.vmAreaCachep.active]).toEqual([0, 0, 0]);
  });

  test('what a failing MAP_FIXED was to replace is gone', () => {
    const scene = new Scene(profile).at('AAAA');
    expect(scene.map(1, 2, { file: new TestFile({ mmapError: EAGAIN }), prot: PROT_READ })).toBe(EAGAIN);
    expect(scene.check().show(4)).toBe('A..a');
  });

  test('a driver refuses after it has mapped something: the range is unmapped', () => {
    const scene = new Scene(profile).at('AA..BB');
    const calls: number[][] = [];
    scene.system.memory = {
      ...NO_MEMORY,
      unmapRegion: (_mm, vma, start, end, floor, ceiling) => {
        expect(vma.vmFile).toBeNull();
        calls.push([start, end, floor, ceiling]);
      },
    };
    expect(scene.map(2, 2, { file: new TestFile({ mmapError: EAGAIN }) })).toBe(EAGAIN);
    expect(calls).toEqual([[scene.addr(2), scene.addr(4), scene.addr(2), scene.addr(4)]]);
  });

  test('no object for the VMA: the charge goes back', () => {
    const scene = new Scene(profile);
    scene.system.failCountdown = 1;
    expect(scene.map(0, 4)).toBe(ENOMEM);
    expect([scene.cur.call.reason, scene.system.committedAs]).toEqual([KMEM_CACHE_NO_VMA, 0]);
  });

  test('no shared memory: its errno, and the VMA goes back', () => {
    const scene = new Scene(profile);
    scene.shared.error = -28;
    expect(scene.map(0, 4, { flags: MAP_SHARED })).toBe(-28);
    expect(scene.cur.call.reason).toBe(MMAP_REGION_SHARED_MEMORY);
    expect([scene.system.committedAs, scene.system.vmAreaCachep.active]).toEqual([0, 0]);
    scene.system.sharedMemory = null;
    expect(scene.map(0, 4, { flags: MAP_SHARED })).toBe(ENOMEM);
  });

  test('old mappings that cannot be split make MAP_FIXED fail with ENOMEM, whatever munmap said', () => {
    const file = new TestFile({ hugePageSize: 4 * PAGE, setFlags: 0x440000, vmOps: hugeVmOps(4 * PAGE) });
    const scene = new Scene(profile).at('HHHHHHHH', { H: { file } });
    expect(vmMunmap(scene.cur, scene.addr(0), PAGE)).toBe(EINVAL);
    expect(scene.map(0, 1)).toBe(ENOMEM);
    expect(scene.cur.call.reason).toBe(MMAP_REGION_CLEAR_OLD_MAPS);
    expect(scene.check().show(8)).toBe('HHHHHHHH');
  });
});

describe.each(BOTH)('drivers that change their VMA, $name', (profile: KernelProfile) => {
  test('flags: they are what the mapping has, and is counted by', () => {
    const file = new TestFile({ setFlags: VM_IO | VM_PFNMAP | VM_DONTEXPAND });
    const scene = new Scene(profile);
    expect(scene.map(0, 2, { file, flags: MAP_SHARED | MAP_LOCKED })).toBe(scene.addr(0));
    // Locking asks too much of device memory: the bit is dropped without a word, and nothing is counted.
    expect(scene.vma(0).vmFlags & (VM_LOCKED | VM_LOCKONFAULT)).toBe(0);
    expect(scene.mm.lockedVm).toBe(0);
    expect(scene.vma(0).vmFlags & VM_IO).toBe(VM_IO);
    scene.check();
  });

  test('file: warned of once; the new one is the mapping’s', () => {
    const real = new TestFile({ path: '/real' });
    const front = new TestFile({
      path: '/front',
      onMmap: (_cur, file, vma) => {
        vma.vmFile = real.getFile();
        file.fput();
        return 0;
      },
    });
    const scene = new Scene(profile).at('AAA.BBB', { A: { file: front }, B: { file: front, pgoff: 50 } });
    expect(scene.vma(0).vmFile).toBe(real);
    expect([front.fCount, real.fCount]).toEqual([1, 3]);
    expect(scene.warnings).toEqual([expect.stringContaining('/front')]);
    vmMunmap(scene.cur, scene.addr(0), 7 * PAGE);
    expect([front.fCount, real.fCount]).toEqual([1, 1]);
  });

  test('address: 4.4 follows it and warns once, 6.1 refuses', () => {
    const file = new TestFile({
      onMmap: (_cur, _file, vma) => {
        vma.vmStart += PAGE;
        vma.vmEnd += PAGE;
        return 0;
      },
    });
    const scene = new Scene(profile);
    const result = scene.map(0, 2, { file, prot: PROT_READ });
    if (profile === LINUX_6_1) {
      expect([result, scene.cur.call.reason]).toEqual([EINVAL, MMAP_REGION_MOVED]);
      expect([file.fCount, scene.mm.mapCount]).toEqual([1, 0]);
    } else {
      expect(result).toBe(scene.addr(1));
      expect(scene.show(4)).toBe('.aa.');
      expect(scene.map(10, 2, { file, prot: PROT_READ })).toBe(scene.addr(11));
      expect(scene.warnings).toHaveLength(1);
    }
    scene.check();
  });

  test('calling back into the address space is a named error', () => {
    let inner: unknown;
    const scene = new Scene(profile);
    const file = new TestFile({
      onMmap: (cur) => {
        try {
          vmMmapPgoff(cur, null, 0, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, 0);
        } catch (error) {
          inner = error;
        }
        return 0;
      },
    });
    expect(scene.map(0, 1, { file })).toBe(scene.addr(0));
    expect(inner).toBeInstanceOf(MmapLockError);
    expect(inner).toMatchObject({ name: 'MmapLockError', verb: 'mmap' });
    // The lock is free again, also after a driver that throws.
    const throws = new TestFile({
      onMmap: () => {
        throw new TypeError('a bug of the driver');
      },
    });
    expect(() => scene.map(1, 1, { file: throws })).toThrow(TypeError);
    expect(scene.mm.locked).toBe(false);
  });

  test('VM_LOCKED with a special mapping: mlock leaves it alone, too', () => {
    const file = new TestFile({ setFlags: VM_IO });
    const scene = new Scene(profile).at('AAA', { A: { file } });
    scene.mm.defFlags = VM_LOCKED;
    expect(scene.map(3, 1, { file })).toBe(scene.addr(3));
    expect(scene.mm.lockedVm).toBe(0);
    expect(doMunlock(scene.cur, scene.addr(0), 4 * PAGE)).toBe(0);
    expect(scene.check().mm.lockedVm).toBe(0);
  });
});

describe.each(BOTH)('ports that say no, $name', (profile: KernelProfile) => {
  test('security modules: mmap_file, mmap_addr, file_mprotect', () => {
    const scene = new Scene(profile).at('AA');
    const security = new RecordingSecurity();
    scene.system.security = security;
    security.fileMprotectError = EACCES;
    expect(doMprotect(scene.cur, scene.addr(0), PAGE, PROT_READ)).toBe(EACCES);
    expect(scene.cur.call.reason).toBe(SECURITY_FILE_MPROTECT_REFUSED);
    security.mmapFileError = EPERM;
    expect(scene.map(4, 1)).toBe(EPERM);
    expect(scene.cur.call.reason).toBe(SECURITY_MMAP_FILE_REFUSED);
    security.mmapFileError = 0;
    security.mmapAddrError = EACCES;
    expect(scene.map(4, 1)).toBe(EACCES);
    expect(scene.cur.call.reason).toBe(SECURITY_MMAP_ADDR_REFUSED);
    expect(security.calls).toContain(`mmapFile - ${PROT_READ | PROT_WRITE} ${MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS}`);
    expect(scene.check().show(6)).toBe('AA....');
  });

  test('perf and uprobes hear of the whole merged mapping', () => {
    const file = new TestFile();
    const scene = new Scene(profile).at('AA', { A: { file } });
    const perf = new RecordingPerf();
    const uprobes = new RecordingUprobes();
    scene.system.perf = perf;
    scene.system.uprobes = uprobes;
    scene.system.audit = new RecordingAudit();
    scene.map(2, 2, { file });
    expect(perf.calls).toEqual([{ start: scene.addr(0), end: scene.addr(4) }]);
    expect(uprobes.calls).toContain(`mmap ${scene.addr(0)} ${scene.addr(4)}`);
  });

  test('an owner that refuses the move: the pages go back, the new place is free, the charge of the growth', () => {
    const file = new TestFile({ vmOps: { mremap: () => EAGAIN } });
    const scene = new Scene(profile).at('AAA', { A: { file } });
    const moves: number[][] = [];
    scene.system.memory = {
      ...NO_MEMORY,
      movePageTables: (_vma, from, _newVma, to, len) => {
        moves.push([from, to, len]);
        return len;
      },
    };
    const flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    expect(doMremap(scene.cur, scene.addr(0), 3 * PAGE, 3 * PAGE, flags, scene.addr(10))).toBe(EAGAIN);
    expect(scene.cur.call.reason).toBe(MREMAP_OWNER_REFUSED);
    expect(moves).toEqual([
      [scene.addr(0), scene.addr(10), 3 * PAGE],
      [scene.addr(10), scene.addr(0), 3 * PAGE],
    ]);
    expect(scene.check().show(14)).toBe('AAA...........');
    expect(scene.system.committedAs).toBe(3);
  });

  test('page tables run out in the middle of a move: the same', () => {
    const scene = new Scene(profile).at('AAA', { A: { touched: true } });
    scene.system.memory = {
      ...NO_MEMORY,
      movePageTables: (_vma, from, _newVma, _to, len) => (from === scene.addr(0) ? PAGE : len),
    };
    const flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    expect(doMremap(scene.cur, scene.addr(0), 3 * PAGE, 3 * PAGE, flags, scene.addr(10))).toBe(ENOMEM);
    expect(scene.cur.call.reason).toBe(MREMAP_NO_MEMORY);
    expect(scene.check().show(14)).toBe('AAA...........');
    expect(scene.system.committedAs).toBe(3);
  });

  test('special mappings and bss: a place that is taken, a place that cannot be cleared', () => {
    const file = new TestFile({ hugePageSize: 4 * PAGE, setFlags: 0x440000, vmOps: hugeVmOps(4 * PAGE) });
    const scene = new Scene(profile).at('HHHHAA', { H: { file } });
    scene.system.hugePages = new TestHugePages(4 * PAGE);
    const spec = { name: '[x]', fault: null };
    expect(installSpecialMapping(scene.cur, scene.addr(5), PAGE, 0, spec)).toBe(ENOMEM);
    expect(scene.cur.call.reason).toBe(INSERT_VM_STRUCT_OVERLAP);
    expect(vmBrk(scene.cur, scene.addr(1), PAGE, 0)).toBe(ENOMEM);
    expect(scene.cur.call.reason).toBe(BRK_CLEAR_OLD_MAPS);
    expect(vmBrk(scene.cur, scene.addr(4), 2 * PAGE, 0)).toBe(0);
    expect(scene.check().mm.mapCount).toBe(2);
  });
});
