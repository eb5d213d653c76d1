/**
 * The headers of ELF files that exec needs: type, program headers, interpreter. Reads them from files' bytes and from JSON, and
 * writes JSON.
 *
 * Takes bytes and text; opens no file. The kernel package's exec maps the program.
 */
import {
  EI_CLASS,
  EI_DATA,
  ELFCLASS32,
  ELFCLASS64,
  ELFDATA2LSB,
  ELFDATA2MSB,
  ELF_MAGIC,
  EM_386,
  EM_AARCH64,
  EM_ARM,
  EM_RISCV,
  EM_X86_64,
  ET_CORE,
  ET_DYN,
  ET_EXEC,
  ET_NONE,
  ET_REL,
  PT_INTERP,
  segmentTypeByName,
  segmentTypeName,
} from '@vmarea/uapi';
import type { ElfProgramHeader } from '@vmarea/kernel';

/** The headers of one ELF file. Addresses and sizes in bytes. */
export interface ElfHeaders {
  /** The path from which it was read. */
  readonly path: string;
  /** ET_ constant. */
  readonly type: number;
  /** EM_ constant. */
  readonly machine: number;
  /** The class: 32 for the programs of 32-bit machines (and of the x32 and ILP32 ABIs). */
  readonly bits: 32 | 64;
  readonly entry: number;
  /** Size of the file. */
  readonly size: number;
  /** PT_INTERP: the path of the dynamic loader, or null. */
  readonly interp: string | null;
  readonly phdrs: readonly ElfProgramHeader[];
}

/** Headers of many files, and the symbolic links to them. */
export interface ElfDirectory {
  /** By path. */
  readonly files: ReadonlyMap<string, ElfHeaders>;
  /** From a path that programs open to the path that maps shows. */
  readonly links: ReadonlyMap<string, string>;
  /** From the path of a script to the interpreter that its first line names. */
  readonly scripts?: ReadonlyMap<string, string> | undefined;
}

/** Thrown for text or bytes that are no ELF headers; the message gives the place and the value. */
export class ElfError extends Error {
  override readonly name = 'ElfError';
}

/** The number of bytes that contain the headers of every ordinary file. */
export const ELF_PROBE_BYTES: number = 64 * 1024;

const TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  [ET_NONE, 'ET_NONE'],
  [ET_REL, 'ET_REL'],
  [ET_EXEC, 'ET_EXEC'],
  [ET_DYN, 'ET_DYN'],
  [ET_CORE, 'ET_CORE'],
]);

const MACHINE_NAMES: ReadonlyMap<number, string> = new Map([
  [EM_386, 'EM_386'],
  [EM_ARM, 'EM_ARM'],
  [EM_X86_64, 'EM_X86_64'],
  [EM_AARCH64, 'EM_AARCH64'],
  [EM_RISCV, 'EM_RISCV'],
]);

function nameOf(names: ReadonlyMap<number, string>, value: number): string {
  return names.get(value) ?? String(value);
}

/** Returns `EM_AARCH64`; the number for an unknown machine. */
export function machineName(machine: number): string {
  return nameOf(MACHINE_NAMES, machine);
}

/**
 * Reads the headers of an ELF file.
 *
 * @param bytes the beginning of the file ({@link ELF_PROBE_BYTES} suffice unless a linker put the headers elsewhere)
 * @param path used in errors and in the result
 * @param size of the whole file in bytes
 * @throws ElfError when the bytes are not those of an ELF file, or too few
 */
export function parseElf(bytes: Uint8Array, path: string, size: number = bytes.length): ElfHeaders {
  const fail = (what: string): never => {
    throw new ElfError(`${path}: ${what}`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 52 || view.getUint32(0, true) !== ELF_MAGIC)
    fail('it is not an ELF file: the first four bytes are not 7f 45 4c 46');
  const order = bytes[EI_DATA]!;
  const elfClass = bytes[EI_CLASS]!;
  if (order !== ELFDATA2LSB && order !== ELFDATA2MSB) fail(`the byte order (byte ${EI_DATA}) is ${order}, not 1 or 2`);
  if (elfClass !== ELFCLASS32 && elfClass !== ELFCLASS64)
    fail(`the class (byte ${EI_CLASS}) is ${elfClass}, not 1 or 2`);
  const little = order === ELFDATA2LSB;
  const wide = elfClass === ELFCLASS64;
  const word = (at: number): number => (wide ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));
  const headerSize = wide ? 64 : 52;
  if (bytes.length < headerSize) fail(`it ends inside of its header, at byte ${bytes.length}`);
  const phoff = word(wide ? 32 : 28);
  const entrySize = view.getUint16(wide ? 54 : 42, little);
  const count = view.getUint16(wide ? 56 : 44, little);
  const least = wide ? 56 : 32;
  if (count > 0 && entrySize < least) fail(`its program headers have ${entrySize} bytes each, not ${least}`);
  if (phoff + count * entrySize > bytes.length) {
    fail(
      `its program headers end at byte ${phoff + count * entrySize}, beyond the ${bytes.length} bytes that were read`,
    );
  }
  const phdrs: ElfProgramHeader[] = [];
  let interp: string | null = null;
  for (let i = 0; i < count; i++) {
    const at = phoff + i * entrySize;
    const header: ElfProgramHeader = wide
      ? {
          type: view.getUint32(at, little),
          flags: view.getUint32(at + 4, little),
          offset: word(at + 8),
          vaddr: word(at + 16),
          filesz: word(at + 32),
          memsz: word(at + 40),
          align: word(at + 48),
        }
      : {
          type: view.getUint32(at, little),
          offset: word(at + 4),
          vaddr: word(at + 8),
          filesz: word(at + 16),
          memsz: word(at + 20),
          flags: view.getUint32(at + 24, little),
          align: word(at + 28),
        };
    phdrs.push(header);
    if (header.type === PT_INTERP) {
      const end = header.offset + header.filesz;
      if (end > bytes.length) fail(`the name of its interpreter ends at byte ${end}, beyond what was read`);
      const text = new TextDecoder().decode(bytes.subarray(header.offset, end));
      interp = text.endsWith('\0') ? text.slice(0, -1) : text;
    }
  }
  return {
    path,
    type: view.getUint16(16, little),
    machine: view.getUint16(18, little),
    bits: wide ? 64 : 32,
    entry: word(24),
    size,
    interp,
    phdrs,
  };
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/**
 * Writes headers as JSON text for {@link parseElfJson}, with addresses as hexadecimal texts.
 */
export function formatElfJson(directory: ElfDirectory): string {
  const files: Record<string, unknown> = {};
  for (const [path, elf] of directory.files) {
    files[path] = {
      path: elf.path,
      type: nameOf(TYPE_NAMES, elf.type),
      machine: machineName(elf.machine),
      // Left out where it goes without saying.
      ...(elf.bits === 64 ? {} : { class: 'ELFCLASS32' }),
      entry: hex(elf.entry),
      size: elf.size,
      interp: elf.interp,
      phdrs: elf.phdrs.map((p) => {
        const name = segmentTypeName(p.type);
        return {
          type: name.startsWith('0x') ? name : `PT_${name}`,
          flags: p.flags,
          offset: hex(p.offset),
          vaddr: hex(p.vaddr),
          filesz: hex(p.filesz),
          memsz: hex(p.memsz),
          align: hex(p.align),
        };
      }),
    };
  }
  const scripts =
    directory.scripts === undefined || directory.scripts.size === 0
      ? {}
      : { scripts: Object.fromEntries(directory.scripts) };
  return `${JSON.stringify({ files, links: Object.fromEntries(directory.links), ...scripts }, null, 1)}\n`;
}

/** Reads values from parsed JSON; an error names the invalid one. */
class JsonReader {
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  fail(place: string, expected: string, value: unknown): never {
    const shown = value === undefined ? 'missing' : JSON.stringify(value);
    throw new ElfError(`${this.#source}: ${place} is ${shown}, not ${expected}`);
  }

  object(value: unknown, place: string): Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) this.fail(place, 'an object', value);
    return value as Record<string, unknown>;
  }

  text(value: unknown, place: string): string {
    if (typeof value !== 'string') this.fail(place, 'a text', value);
    return value;
  }

  number(value: unknown, place: string): number {
    const number = typeof value === 'string' && /^(0x[0-9a-f]+|[0-9]+)$/i.test(value) ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) {
      this.fail(place, 'a number (hexadecimal as a text) from 0 to 2^53', value);
    }
    return number;
  }

  named(names: ReadonlyMap<number, string>, value: unknown, place: string): number {
    if (typeof value === 'number') return value;
    for (const [number, name] of names) if (name === value) return number;
    return this.number(value, place);
  }
}

/** PT_LOOS: types of systems and processors begin here, and exec passes over those that it does not know. */
const PT_LOOS = 0x60000000;

/** A type by a name that is not known here (of readelf or pyelftools, for instance PT_LOPAX): one that exec passes over. */
function foreignType(read: JsonReader, value: unknown, place: string): number {
  const name = read.text(value, place);
  return /^PT_[A-Z0-9_]+$/.test(name) ? PT_LOOS : read.fail(place, 'a type of program header', value);
}

/** 32 or 64: what `class` says; without it, what the machine has. */
function classOf(read: JsonReader, value: unknown, machine: number, place: string): 32 | 64 {
  if (value === undefined) return machine === EM_386 || machine === EM_ARM ? 32 : 64;
  if (value === 'ELFCLASS32' || value === ELFCLASS32) return 32;
  return value === 'ELFCLASS64' || value === ELFCLASS64 ? 64 : read.fail(place, 'ELFCLASS32 or ELFCLASS64', value);
}

/**
 * Reads the JSON of {@link formatElfJson}.
 *
 * @param source the file's name, for errors
 * @throws ElfError naming the first invalid place
 */
export function parseElfJson(text: string, source: string): ElfDirectory {
  const read = new JsonReader(source);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new ElfError(`${source}: it is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const top = read.object(json, 'the whole');
  const files = new Map<string, ElfHeaders>();
  for (const [path, value] of Object.entries(read.object(top['files'], 'files'))) {
    const place = `files["${path}"]`;
    const file = read.object(value, place);
    if (!Array.isArray(file['phdrs'])) read.fail(`${place}.phdrs`, 'a list', file['phdrs']);
    const phdrs = (file['phdrs'] as unknown[]).map((item, index): ElfProgramHeader => {
      const at = `${place}.phdrs[${index}]`;
      const header = read.object(item, at);
      const number = (name: string): number => read.number(header[name], `${at}.${name}`);
      const typeValue = header['type'];
      const known = typeof typeValue === 'number' ? typeValue : segmentTypeByName(read.text(typeValue, `${at}.type`));
      const type = known ?? foreignType(read, typeValue, `${at}.type`);
      return {
        type,
        flags: number('flags'),
        offset: number('offset'),
        vaddr: number('vaddr'),
        filesz: number('filesz'),
        memsz: number('memsz'),
        align: number('align'),
      };
    });
    const machine = read.named(MACHINE_NAMES, file['machine'], `${place}.machine`);
    files.set(path, {
      path,
      type: read.named(TYPE_NAMES, file['type'], `${place}.type`),
      machine,
      bits: classOf(read, file['class'], machine, `${place}.class`),
      entry: read.number(file['entry'], `${place}.entry`),
      size: read.number(file['size'], `${place}.size`),
      interp: file['interp'] == null ? null : read.text(file['interp'], `${place}.interp`),
      phdrs,
    });
  }
  const texts = (name: string): Map<string, string> => {
    const found = new Map<string, string>();
    for (const [from, to] of Object.entries(read.object(top[name] ?? {}, name))) {
      found.set(from, read.text(to, `${name}["${from}"]`));
    }
    return found;
  };
  return { files, links: texts('links'), scripts: texts('scripts') };
}
