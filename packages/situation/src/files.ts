/**
 * A file that is open before the first call, and the parser of `--file`: `[FD=]MODE,size=N,…`.
 */
import { SituationError } from './error.ts';
import { parseBytes } from './values.ts';

/** The filesystem or device of a file, which selects its driver. */
export type FileKind = 'ramfs' | 'tmpfs' | 'hugetlbfs' | 'memfd' | 'zero' | 'null' | 'pipe' | 'dir';

const FILE_KINDS: readonly string[] = ['ramfs', 'tmpfs', 'hugetlbfs', 'memfd', 'zero', 'null', 'pipe', 'dir'];

/** An open file. */
export interface FileSpec {
  readonly mode: 'ro' | 'wo' | 'rw';
  /** Bytes. */
  readonly size: number;
  readonly kind: FileKind;
  /** Whether its mount forbids execution. */
  readonly noexec: boolean;
  /** Whether the inode is append-only (chattr +a). */
  readonly append: boolean;
  /** Whether it was opened with O_APPEND. */
  readonly openAppend: boolean;
  /** Whether another owner holds a lock on it, and its filesystem is mounted with mandatory locking. */
  readonly locked: boolean;
  /** F_SEAL_WRITE of a memfd. */
  readonly sealed: boolean;
  /** The descriptor of the same file, which this one opens again; null: a file of its own. */
  readonly sameAs: number | null;
}

/** A plain file: read-write, 64 KiB, on ramfs. */
export const DEFAULT_FILE: FileSpec = {
  mode: 'rw',
  size: 65536,
  kind: 'ramfs',
  noexec: false,
  append: false,
  openAppend: false,
  locked: false,
  sealed: false,
  sameAs: null,
};

/** A file of `--file`. */
export interface NamedFile {
  /** The given descriptor; null: the next free one from 3 on. */
  readonly fd: number | null;
  readonly spec: FileSpec;
}

const WORDS = `ro, wo, rw, size=N, noexec, append, o_append, locked, sealed, same=FD, ${FILE_KINDS.join(', ')}`;

/**
 * Parses `ro,size=8192,noexec`, `13=rw,size=64k,o_append`.
 *
 * @throws SituationError for an unknown word
 */
export function parseFileOption(text: string): NamedFile {
  const match = /^\s*([0-9]+)=(.*)$/.exec(text);
  let spec = DEFAULT_FILE;
  for (const part of (match?.[2] ?? text).split(',')) {
    const word = part.trim();
    if (word === '') continue;
    spec = withWord(spec, word, text);
  }
  // tmpfs has attributes and mandatory locks; ramfs has neither.
  if ((spec.append || spec.locked) && spec.kind === 'ramfs') spec = { ...spec, kind: 'tmpfs' };
  return { fd: match === null ? null : Number(match[1]), spec };
}

function withWord(spec: FileSpec, word: string, text: string): FileSpec {
  const [key = '', value] = word.split('=', 2).map((half) => half.trim());
  switch (key) {
    case 'ro':
    case 'wo':
    case 'rw':
      return { ...spec, mode: key };
    case 'noexec':
    case 'append':
    case 'locked':
      return { ...spec, [key]: true };
    case 'o_append':
      return { ...spec, openAppend: true };
    case 'sealed':
      return { ...spec, sealed: true, kind: 'memfd' };
    case 'size':
      if (value !== undefined) return { ...spec, size: parseBytes('--file size', value) };
      break;
    case 'same':
      if (value !== undefined && /^[0-9]+$/.test(value)) return { ...spec, sameAs: Number(value) };
      break;
    case 'fs':
      if (value !== undefined && FILE_KINDS.includes(value)) return { ...spec, kind: value as FileKind };
      break;
    default:
      if (FILE_KINDS.includes(key)) return { ...spec, kind: key as FileKind };
  }
  throw new SituationError(`--file ${text}: unknown «${word}»; there are ${WORDS}`);
}

/**
 * Assigns descriptors: files with a number keep it, the others get the free ones from 3 on.
 *
 * @throws SituationError for a descriptor that is given twice, or `same=` of a missing one
 */
export function placeFiles(files: readonly NamedFile[]): ReadonlyMap<number, FileSpec> {
  const placed = new Map<number, FileSpec>();
  for (const { fd, spec } of files) {
    if (fd === null) continue;
    if (placed.has(fd)) throw new SituationError(`--file: descriptor ${fd} is given twice`);
    placed.set(fd, spec);
  }
  let next = 3;
  for (const { fd, spec } of files) {
    if (fd !== null) continue;
    while (placed.has(next)) next++;
    placed.set(next, spec);
  }
  for (const [fd, { sameAs }] of placed) {
    if (sameAs !== null && (sameAs === fd || !placed.has(sameAs)))
      throw new SituationError(`--file ${fd}: there is no other file at descriptor ${sameAs}`);
  }
  return new Map([...placed].sort(([a], [b]) => a - b));
}
