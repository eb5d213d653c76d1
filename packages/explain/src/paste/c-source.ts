/**
 * Turns lines of a C program into lines of a script: values of constants and variables, accesses through pointers, memory of
 * malloc. Everything else of C is left out.
 */

/** A line of a program, rewritten. */
export interface SourceLine {
  /** Lines of the script; empty for a line that does nothing here. */
  readonly script: readonly string[];
}

const TYPE =
  '(?:(?:static|const|volatile|unsigned|signed|register|struct)\\s+)*(?:void|char|short|int|long|float|double|unsigned|auto|size_t|off_t|uint\\d+_t|int\\d+_t|uintptr_t|u8|u32|u64|\\w+_t)(?:\\s+(?:long|int|char|const|unsigned))*';
const DEFINE = /^\s*#\s*define\s+([A-Za-z_]\w*)\s+(\S.{0,200}?)\s*$/;
const VALUE = new RegExp(
  `^\\s*(?:${TYPE}\\s+)(\\w+)\\s*=\\s*([^;"(]{1,200}|[^;"]{0,80}\\b(?:sizeof|sysconf|getpagesize)\\s*\\([^;"]{0,80});\\s*$`,
);
const POINTER = new RegExp(`\\b(${TYPE})\\s*\\*+\\s*(?:const\\s+|restrict\\s+)?(\\w+)`, 'g');
const HEAP =
  /(?:^|[\s(*])(\w+)\s*=\s*(?:\([^()]{1,40}\)\s*)?(malloc|calloc|realloc|aligned_alloc|memalign|valloc)\s*\((.{1,120})\)\s*;?\s*$/;
const MEMALIGN = /posix_memalign\s*\(\s*(?:\([^()]{1,20}\)\s*)?&\s*(\w+)\s*,\s*[^,]{1,60},\s*(.{1,80}?)\)/;
const FILL =
  /\b(?:memset|memcpy|strcpy|bzero|explicit_bzero|memmove)\s*\(\s*(\w+(?:\s*\+\s*[\w*+ ]{1,40})?)\s*,(.{0,120})\)\s*;/;
const INDEXED =
  /(?:^|[\s(;{])(?:\*\s*\(?\s*(?:\([^()]{1,40}\)\s*)?(\w+)(?:\s*([+-]\s*[\w*+<-]{1,40}))?\s*\)?|(\w+)\s*\[([^\]]{1,60})\])\s*([-+|&^*/]?=(?!=)|\+\+|--)?/;

/** The size of a file as a program finds it: `sb.st_size`, `st->st_size`. */
const STATED = /\b[A-Za-z_]\w{0,30}(?:\.|->)st_size\b/;
/** Bytes that a file is taken to have. */
export const ASSUMED_FILE = 65536;
/** A file whose name the program gets from elsewhere. */
const OPENED = /\bopen(?:at)?\s*\(\s*(?:AT_FDCWD\s*,\s*)?[A-Za-z_]/;

/** Bytes of an element of a pointer's type. */
function elementSize(type: string): number {
  if (/\bchar\b|int8_t|\bvoid\b|\bu8\b/.test(type)) return 1;
  if (/\bshort\b|int16_t/.test(type)) return 2;
  if (/\blong\b|int64_t|size_t|off_t|uintptr_t|double|\bu64\b/.test(type)) return 8;
  return 4;
}

/** Reads a program line by line. */
export class SourceReader {
  /** Values of macros and variables, as text. */
  readonly #values = new Map<string, string>();
  /** Bytes of the elements of pointers. */
  readonly #elements = new Map<string, number>();
  /** Pointers that have an address. */
  readonly #pointers = new Set<string>();

  /** Whether the size of a file was asked for, which the program finds with fstat. */
  asksSize = false;

  /** Replaces names by their values, so that the script needs none of them. */
  #replaced(text: string): string {
    if (STATED.test(text)) this.asksSize = true;
    const sized = text.replaceAll(new RegExp(STATED.source, 'g'), String(ASSUMED_FILE));
    if (this.#values.size === 0) return sized;
    return sized.replaceAll(/"[^"]{0,300}"|[A-Za-z_]\w*/g, (word) => this.#values.get(word) ?? word);
  }

  /** Notes that a name has an address now: the result of a call. */
  assigned(name: string): void {
    this.#pointers.add(name);
  }

  /** Whether the line only declares: it is read and makes no call. */
  #declares(line: string): boolean {
    for (const [, type, name] of line.matchAll(POINTER)) this.#elements.set(name!, elementSize(type!));
    const define = DEFINE.exec(line);
    if (define !== null && !define[1]!.includes('(')) {
      this.#values.set(define[1]!, `(${this.#replaced(define[2]!.replace(/\s*(?:\/\/|\/\*).*$/, ''))})`);
      return true;
    }
    const value = VALUE.exec(line);
    if (value === null || line.includes('*' + value[1]!)) return false;
    this.#values.set(value[1]!, `(${this.#replaced(value[2]!.trim())})`);
    return true;
  }

  /**
   * Rewrites a line.
   *
   * @returns null for a line that is to be read as a call, with names replaced by {@link replaced}
   */
  line(line: string): SourceLine | null {
    if (this.#declares(line)) return { script: [] };
    // Its descriptor is assumed where it is mapped.
    if (OPENED.test(line) && !line.includes('"')) return { script: [] };
    const heap = HEAP.exec(line);
    if (heap !== null) return this.#allocated(heap[1]!, heap[2]!, heap[3]!);
    const aligned = MEMALIGN.exec(line);
    if (aligned !== null) return this.#mapped(aligned[1]!, this.#replaced(aligned[2]!), 0);
    const fill = FILL.exec(line);
    if (fill !== null && this.#pointers.has(/^\w+/.exec(fill[1]!)![0])) {
      const at = this.#replaced(fill[1]!);
      const length = fill[2]!.split(',').at(-1)!.trim();
      const end = /^[\w* +()<]{1,60}$/.test(length) ? [`store(${at} + (${this.#replaced(length)}) - 1)`] : [];
      return { script: [`store(${at})`, ...end] };
    }
    return this.#access(line);
  }

  /** The line with the values of the names in it. */
  replaced(line: string): string {
    return this.#replaced(line);
  }

  #allocated(name: string, how: string, args: string): SourceLine {
    const parts = args.split(',').map((part) => this.#replaced(part.trim()));
    const size = how === 'calloc' && parts.length === 2 ? `(${parts[0]!})*(${parts[1]!})` : parts.at(-1)!;
    return this.#mapped(name, size, how === 'malloc' || how === 'calloc' || how === 'realloc' ? 16 : 0);
  }

  /** Memory of an allocator: a mapping, in which the block begins at an offset. */
  #mapped(name: string, size: string, offset: number): SourceLine {
    this.#pointers.add(name);
    const mapping = offset === 0 ? name : `${name}_chunk`;
    const call = `${mapping} = mmap(NULL, (${size}) + ${offset}, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)`;
    if (offset > 0) this.#values.set(name, `(${mapping} + ${offset})`);
    return { script: [call] };
  }

  #access(line: string): SourceLine | null {
    if (/\b\w+\s*\(/.test(line) && !/^\s*(?:if|while|printf|puts|return|fprintf|assert)\b/.test(line)) {
      // A call of the kernel is a call first.
      if (!/^\s*[*\w[\]+ -]{1,40}=\s*\w/.test(line) || !/^[^=]*[*[]/.test(line)) return null;
    }
    const found = INDEXED.exec(line);
    if (found === null) return null;
    const [, deref, plus, indexed, index, assigns] = found;
    const name = deref ?? indexed!;
    if (!this.#pointers.has(name)) return null;
    const size = this.#elements.get(name) ?? 1;
    const offset = index ?? plus?.replace(/^\+\s*/, '') ?? '0';
    if (!/^-?\s*[\w*+<() -]{1,60}$/.test(offset)) return null;
    const at = `${this.#replaced(name)} + (${this.#replaced(offset)})${size === 1 ? '' : `*${size}`}`;
    return { script: [`${assigns === undefined ? 'load' : 'store'}(${offset === '0' ? this.#replaced(name) : at})`] };
  }
}
