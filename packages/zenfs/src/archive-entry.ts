/**
 * Checks that an entry of an archive matches its directory. ZenFS unpacks entries and compares neither length nor checksum: a
 * damaged entry would have wrong bytes, and one with a false length of 4 GB would be 4 GB of zeroes.
 */

/** The data of ZenFS's zip backend for each file: the fields of the central directory, and the bytes once unpacked. */
interface ArchiveEntry {
  readonly uncompressedSize: number;
  readonly crc32: number;
  readonly contents?: Uint8Array;
  loadContents(): Promise<void>;
}

function isEntry(value: unknown): value is ArchiveEntry {
  const entry = value as Partial<ArchiveEntry> | null | undefined;
  return (
    typeof entry?.uncompressedSize === 'number' &&
    typeof entry.crc32 === 'number' &&
    typeof entry.loadContents === 'function'
  );
}

/** The table of CRC-32 (polynomial 0xedb88320), as PKWARE's APPNOTE has it. */
const TABLE: Int32Array = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0xedb88320;
  return value;
});

function crc32(bytes: Uint8Array): number {
  let value = -1;
  for (const byte of bytes) value = (value >>> 8) ^ TABLE[(value ^ byte) & 0xff]!;
  return ~value >>> 0;
}

/** The reason why an entry of an archive is refused. */
export type EntryProblem = 'damaged' | 'too big';

/** Entries that were checked, with the result. An archive does not change. */
const LOOKED_AT: WeakMap<object, EntryProblem | 'good'> = new WeakMap<object, EntryProblem | 'good'>();

/**
 * Checks the entry of a path, once: its length, and its checksum.
 *
 * @param fs a ZenFS backend; nothing is checked for one that is no archive
 * @param maxBytes entries with a larger length are not unpacked
 * @returns null for a valid entry
 */
export async function entryProblem(fs: object, path: string, maxBytes: number): Promise<EntryProblem | null> {
  const { files } = fs as { files?: unknown };
  const entry: unknown = files instanceof Map ? files.get(path) : undefined;
  if (!isEntry(entry)) return null;
  const known = LOOKED_AT.get(entry);
  if (known !== undefined) return known === 'good' ? null : known;
  const found = await judge(entry, maxBytes);
  LOOKED_AT.set(entry, found);
  return found === 'good' ? null : found;
}

async function judge(entry: ArchiveEntry, maxBytes: number): Promise<EntryProblem | 'good'> {
  if (entry.uncompressedSize > maxBytes) return 'too big';
  try {
    if (entry.contents === undefined) await entry.loadContents();
  } catch {
    return 'damaged';
  }
  const { contents } = entry;
  if (contents?.length !== entry.uncompressedSize) return 'damaged';
  return crc32(contents) === entry.crc32 >>> 0 ? 'good' : 'damaged';
}
