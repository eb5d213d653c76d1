// The part of the ELF format that exec reads: identification, object types, program headers and their flags.
// Mirrors include/uapi/linux/elf.h.

/** The four bytes at the start of every ELF file, as a little-endian number. */
export const ELF_MAGIC = 0x464c457f;
export const EI_CLASS = 4;
export const EI_DATA = 5;
export const EI_NIDENT = 16;
export const ELFCLASS32 = 1;
export const ELFCLASS64 = 2;
export const ELFDATA2LSB = 1;
export const ELFDATA2MSB = 2;

export const ET_NONE = 0;
export const ET_REL = 1;
/** Linked at a fixed address. */
export const ET_EXEC = 2;
/** A shared object, or a program that can be loaded at any address. */
export const ET_DYN = 3;
export const ET_CORE = 4;

export const EM_386 = 3;
export const EM_ARM = 40;
export const EM_X86_64 = 62;
export const EM_AARCH64 = 183;
export const EM_RISCV = 243;

export const PT_NULL = 0;
export const PT_LOAD = 1;
export const PT_DYNAMIC = 2;
export const PT_INTERP = 3;
export const PT_NOTE = 4;
export const PT_SHLIB = 5;
export const PT_PHDR = 6;
export const PT_TLS = 7;
export const PT_GNU_EH_FRAME = 0x6474e550;
export const PT_GNU_STACK = 0x6474e551;
export const PT_GNU_RELRO = 0x6474e552;
export const PT_GNU_PROPERTY = 0x6474e553;

export const PF_X = 1;
export const PF_W = 2;
export const PF_R = 4;

const TYPES: readonly (readonly [number, string])[] = [
  [PT_NULL, 'NULL'],
  [PT_LOAD, 'LOAD'],
  [PT_DYNAMIC, 'DYNAMIC'],
  [PT_INTERP, 'INTERP'],
  [PT_NOTE, 'NOTE'],
  [PT_SHLIB, 'SHLIB'],
  [PT_PHDR, 'PHDR'],
  [PT_TLS, 'TLS'],
  [PT_GNU_EH_FRAME, 'GNU_EH_FRAME'],
  [PT_GNU_STACK, 'GNU_STACK'],
  [PT_GNU_RELRO, 'GNU_RELRO'],
  [PT_GNU_PROPERTY, 'GNU_PROPERTY'],
];

/** Returns the name of a program header's type without `PT_`, as readelf prints it; `0x…` when there is none. */
export function segmentTypeName(type: number): string {
  for (const [value, name] of TYPES) if (value === type) return name;
  return `0x${type.toString(16)}`;
}

/** Returns the number of a program header's type from its name, with or without `PT_`; `undefined` for an unknown name. */
export function segmentTypeByName(name: string): number | undefined {
  const bare = name.startsWith('PT_') ? name.slice(3) : name;
  for (const [value, known] of TYPES) if (known === bare) return value;
  return /^0x[0-9a-f]+$/i.test(bare) ? Number(bare) : undefined;
}
