import { describe, expect, it } from 'vitest';
import { EM_AARCH64, ET_DYN, PT_INTERP, PT_LOAD } from '@vmarea/uapi';
import { ElfError, followLinks, formatElfJson, joinPath, parseElf, parseElfJson } from '../src/index.ts';
import { directory } from './machine.ts';

/** A small ELF file with a PT_LOAD and a PT_INTERP. */
function elfBytes(wide: boolean, little: boolean): Uint8Array {
  const bytes = new Uint8Array(512);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2, 1]);
  view.setUint16(16, ET_DYN, little);
  view.setUint16(18, EM_AARCH64, little);
  const word = (at: number, value: number): void =>
    wide ? view.setBigUint64(at, BigInt(value), little) : view.setUint32(at, value, little);
  word(24, 0x1234);
  word(wide ? 32 : 28, wide ? 64 : 52);
  view.setUint16(wide ? 54 : 42, wide ? 56 : 32, little);
  view.setUint16(wide ? 56 : 44, 2, little);
  const headers: [type: number, flags: number, offset: number, vaddr: number, filesz: number, memsz: number][] = [
    [PT_LOAD, 5, 0, 0x10000, 0x200, 0x300],
    [PT_INTERP, 4, 0x1c0, 0x101c0, 8, 8],
  ];
  headers.forEach(([type, flags, offset, vaddr, filesz, memsz], i) => {
    const at = wide ? 64 + i * 56 : 52 + i * 32;
    view.setUint32(at, type, little);
    view.setUint32(at + (wide ? 4 : 24), flags, little);
    word(at + (wide ? 8 : 4), offset);
    word(at + (wide ? 16 : 8), vaddr);
    word(at + (wide ? 32 : 16), filesz);
    word(at + (wide ? 40 : 20), memsz);
    word(at + (wide ? 48 : 28), 0x1000);
  });
  bytes.set(new TextEncoder().encode('/lib/ld\0'), 0x1c0);
  return bytes;
}

describe('ELF headers', () => {
  it.each([
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ])('are read (64 bits: %s, little-endian: %s)', (wide, little) => {
    const elf = parseElf(elfBytes(wide, little), '/bin/x');
    expect(elf).toMatchObject({ type: ET_DYN, machine: EM_AARCH64, entry: 0x1234, interp: '/lib/ld', size: 512 });
    expect(elf.bits).toBe(wide ? 64 : 32);
    expect(elf.phdrs[0]).toEqual({
      type: PT_LOAD,
      flags: 5,
      offset: 0,
      vaddr: 0x10000,
      filesz: 0x200,
      memsz: 0x300,
      align: 0x1000,
    });
  });

  it('come back from JSON as they were', () => {
    const again = parseElfJson(formatElfJson(directory), 'again');
    expect(again.files).toEqual(directory.files);
    expect(again.links).toEqual(directory.links);
  });

  it('a type of header that is not known here is read, and passed over by exec', () => {
    const header = { type: 'PT_LOPAX', flags: 0x2800, offset: 0, vaddr: 0, filesz: 0, memsz: 0, align: 8 };
    const file = { type: 'ET_EXEC', machine: 'EM_X86_64', entry: '0x401000', size: 4096, interp: null };
    const text = JSON.stringify({ files: { '/a': { ...file, phdrs: [header] } } });
    expect(parseElfJson(text, 'x.json').files.get('/a')).toMatchObject({ bits: 64, phdrs: [{ flags: 0x2800 }] });
  });

  it.each([
    [{ machine: 'EM_386' }, 32],
    [{ machine: 'EM_ARM' }, 32],
    [{ machine: 'EM_X86_64' }, 64],
    [{ machine: 'EM_X86_64', class: 'ELFCLASS32' }, 32],
    [{ machine: 'EM_AARCH64', class: 'ELFCLASS64' }, 64],
  ] as const)('the class of %j is %i', (kind, bits) => {
    const file = { ...kind, type: 'ET_EXEC', entry: 0, size: 0, interp: null, phdrs: [] };
    const elf = parseElfJson(JSON.stringify({ files: { '/a': file } }), 'x.json').files.get('/a')!;
    expect(elf.bits).toBe(bits);
    const again = parseElfJson(formatElfJson({ files: new Map([['/a', elf]]), links: new Map() }), 'again');
    expect(again.files.get('/a')?.bits).toBe(bits);
  });

  it('any file that ends early is refused with a sentence, or read', () => {
    const bytes = elfBytes(true, true);
    for (let end = 0; end < bytes.length; end++) {
      try {
        parseElf(bytes.subarray(0, end), '/bin/x');
      } catch (error) {
        expect(error).toBeInstanceOf(ElfError);
        expect((error as Error).message).toMatch(/^\/bin\/x: /);
      }
    }
  });

  it.each([
    ['{', 'x.json: it is not JSON'],
    ['[]', 'x.json: the whole is [], not an object'],
    ['{}', 'x.json: files is missing, not an object'],
    ['{"files":{"/a":{}}}', 'x.json: files["/a"].phdrs is missing, not a list'],
    ['{"files":{"/a":{"phdrs":[{"type":"note!"}]}}}', 'x.json: files["/a"].phdrs[0].type is "note!"'],
    ['{"files":{"/a":{"phdrs":[],"class":"ELF"}}}', 'x.json: files["/a"].machine is missing'],
    ['{"files":{"/a":{"phdrs":[],"type":2,"machine":62,"class":"ELF"}}}', 'x.json: files["/a"].class is "ELF"'],
    ['{"files":{"/a":{"phdrs":[{"type":"PT_LOAD","flags":-1}]}}}', 'x.json: files["/a"].phdrs[0].flags is -1'],
    ['{"files":{},"links":{"/a":1}}', 'x.json: links["/a"] is 1, not a text'],
  ])('JSON %s is refused, and the place is named', (text, message) => {
    expect(() => parseElfJson(text, 'x.json')).toThrow(message);
  });
});

describe('paths', () => {
  it('links lead on, also those of directories, and loops end', () => {
    const links = new Map([
      ['/lib', 'usr/lib'],
      ['/usr/lib/a.so', 'a.so.1'],
      ['/x', '/y'],
      ['/y', '/x'],
    ]);
    expect(followLinks(links, '/lib/a.so')).toBe('/usr/lib/a.so.1');
    expect(followLinks(links, '/bin/x')).toBe('/bin/x');
    expect(['/x', '/y']).toContain(followLinks(links, '/x'));
  });

  it('are joined and cleaned', () => {
    expect(joinPath('/a/b', '../c/./d')).toBe('/a/c/d');
    expect(joinPath(null, '/a//b/')).toBe('/a/b');
    expect(joinPath(null, 'b')).toBeNull();
  });
});
