/**
 * Evaluates values: numbers with units, constants by name, and C expressions with casts and operators.
 *
 * All arithmetic has 64 bits, so `1<<40` is 2^40 as its author meant, not C's 0 or error.
 */
import * as uapi from '@vmarea/uapi';
import { FailedResultError, ScriptError } from './error.ts';
import { FOREIGN_FLAGS, systemOfFlag } from './foreign.ts';

/** The names that an expression may use. */
export interface Names {
  /** Results of earlier calls, by variable. */
  readonly values: ReadonlyMap<string, bigint>;
  /** Variables whose call failed: the index of that call. */
  readonly failed?: ReadonlyMap<string, number> | undefined;
  /** Bytes; default 4096. */
  readonly pageSize?: number | undefined;
}

const CONSTANTS = uapi as unknown as Readonly<Record<string, unknown>>;
const CONSTANT_NAME =
  /^(PROT|MAP|MREMAP|MADV|MCL|MLOCK|MS|O|MFD|F|FALLOC|READ|ADDR|PER|RLIMIT|PR|CLONE|SHM|IPC)_[A-Z0-9_]+$|^READ_IMPLIES_EXEC$|^MMAP_PAGE_ZERO$/;

const UNITS: Readonly<Record<string, bigint>> = { K: 1n << 10n, M: 1n << 20n, G: 1n << 30n, T: 1n << 40n };
const TOKEN =
  /\s*(?:(0[xX][0-9a-fA-F]+[uUlL]*|\d+(?:[KkMmGgTt](?:i?[Bb])?)?[uUlLzZ]*)(?![\w])|([A-Za-z_]\w*)|(<<|>>|[|&^+\-*/%()~]))/y;
/** `(void *)`, `(unsigned long)`, `(size_t)`, `static_cast<char*>`. */
const CAST =
  /\(\s*(?:(?:const|volatile|unsigned|signed|struct)\s+)*(?:void|char|short|int|long|float|double|unsigned|signed|std::byte|caddr_t|[a-z]\w*_t|u8|u16|u32|u64)(?:\s+(?:long|int|char|const|unsigned))*\s*\**\s*(?:const\s*)?\)(?=\s*[\w(~-])|(?:static|reinterpret|const)_cast\s*<[^<>]*>/g;
const SIZEOF =
  /\bsizeof\s*\(?\s*(?:unsigned\s+|signed\s+)?(char|short|int|long|float|double|void\s*\*|size_t|\w+\s*\*)\s*\)?/g;
const SIZES: Readonly<Record<string, string>> = { char: '1', short: '2', int: '4', float: '4' };
const PAGE =
  /\b(?:getpagesize\s*\(\s*\)|sysconf\s*\(\s*_SC_PAGE_?SIZE\s*\)|PAGE_SIZE|PAGESIZE|page_?size|pagesz|PAGE_SZ)\b|\b(?:getpagesize\s*\(\s*\)|sysconf\s*\(\s*_SC_PAGE_?SIZE\s*\))/g;

/** Other names of constants. */
const ALIASES: ReadonlyMap<string, bigint> = new Map([
  ['NULL', 0n],
  ['nullptr', 0n],
  ['false', 0n],
  ['true', 1n],
  ['MAP_FAILED', -1n],
  ['MAP_ANON', BigInt(uapi.MAP_ANONYMOUS)],
  ['MAP_HUGE_1GB', BigInt(uapi.MAP_HUGE_1GB)],
  ['RLIM_INFINITY', (1n << 64n) - 1n],
  ['RLIM64_INFINITY', (1n << 64n) - 1n],
  ['SIZE_MAX', (1n << 64n) - 1n],
  ['INT_MAX', (1n << 31n) - 1n],
  ['LONG_MAX', (1n << 63n) - 1n],
]);

/** Returns the value of a constant by name; undefined when there is none. */
export function constantByName(name: string): bigint | undefined {
  const alias = ALIASES.get(name);
  if (alias !== undefined) return alias;
  const foreign = FOREIGN_FLAGS.get(name);
  if (foreign !== undefined) return BigInt(foreign.value);
  const constant = CONSTANT_NAME.test(name) ? CONSTANTS[name] : undefined;
  return typeof constant === 'number' ? BigInt(constant) : undefined;
}

function tokensOf(text: string, pageSize: number): string[] {
  const plain = text
    .replace(/\/\*.*?\*\//g, ' ')
    .replace(PAGE, String(pageSize))
    .replace(SIZEOF, (_, type: string) => SIZES[type] ?? '8')
    .replace(CAST, ' ');
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < plain.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(plain);
    if (match === null) {
      if (plain.slice(at).trim() === '') break;
      throw new ScriptError(`cannot read «${shorten(plain.slice(at).trim())}» in «${shorten(text)}»`);
    }
    tokens.push(match[0].trim());
  }
  return tokens;
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}

function numberOf(token: string): bigint {
  const bare = token.replace(/[uUlLzZ]+$/, '');
  if (/^0[xX]/.test(bare)) return BigInt(bare);
  const match = /^(\d+)([KkMmGgTt])?/.exec(bare)!;
  // C writes octal with a leading 0.
  const value = /^0[0-7]+$/.test(match[1]!) ? BigInt(`0o${match[1]!.slice(1)}`) : BigInt(match[1]!);
  return match[2] === undefined ? value : value * UNITS[match[2].toUpperCase()]!;
}

/** C's binary operators from the weakest to the strongest. */
const LEVELS: readonly (readonly string[])[] = [['|'], ['^'], ['&'], ['<<', '>>'], ['+', '-'], ['*', '/', '%']];

/** Evaluates the tokens of one expression. */
class Expression {
  private readonly tokens: readonly string[];
  private readonly text: string;
  private readonly names: Names;
  private next = 0;

  constructor(text: string, names: Names) {
    this.tokens = tokensOf(text, names.pageSize ?? 4096);
    this.text = shorten(text);
    this.names = names;
  }

  /** Returns the value of the whole expression. */
  value(): bigint {
    const value = this.level(0);
    if (this.next < this.tokens.length)
      throw new ScriptError(`cannot read «${shorten(this.tokens.slice(this.next).join(' '))}» in «${this.text}»`);
    return value;
  }

  private level(n: number): bigint {
    const operators = LEVELS[n];
    if (operators === undefined) return this.primary();
    let value = this.level(n + 1);
    for (let op = this.tokens[this.next]; op !== undefined && operators.includes(op); op = this.tokens[this.next]) {
      this.next++;
      value = this.apply(op, value, this.level(n + 1));
    }
    return value;
  }

  private apply(op: string, a: bigint, b: bigint): bigint {
    switch (op) {
      case '|':
        return a | b;
      case '^':
        return a ^ b;
      case '&':
        return a & b;
      case '+':
        return a + b;
      case '-':
        return a - b;
      case '*':
        return a * b;
      case '<<':
      case '>>':
        if (b < 0n || b > 63n) throw new ScriptError(`a shift by ${b} in «${this.text}»`);
        return op === '<<' ? a << b : a >> b;
      default:
        if (b === 0n) throw new ScriptError(`a division by 0 in «${this.text}»`);
        return op === '/' ? a / b : a % b;
    }
  }

  private primary(): bigint {
    const token = this.tokens[this.next++];
    if (token === undefined) throw new ScriptError(`something is missing in «${this.text}»`);
    if (token === '-') return -this.primary();
    if (token === '+') return this.primary();
    if (token === '~') return ~this.primary();
    if (token === '(') {
      const value = this.level(0);
      if (this.tokens[this.next++] !== ')') throw new ScriptError(`a parenthesis is not closed in «${this.text}»`);
      return value;
    }
    if (/^\d/.test(token)) return numberOf(token);
    return this.named(token);
  }

  private named(token: string): bigint {
    const known = this.names.values.get(token);
    if (known !== undefined) return known;
    const failed = this.names.failed?.get(token);
    if (failed !== undefined) throw new FailedResultError(failed, token);
    const constant = constantByName(token);
    if (constant !== undefined) return constant;
    const system = systemOfFlag(token);
    if (system !== undefined) throw new ScriptError(`«${token}» is a flag of ${system}: Linux has none of that name`);
    if (/^[A-Z0-9_]+$/.test(token) && token.includes('_'))
      throw new ScriptError(`unknown name «${token}» in «${this.text}»: no constant of Linux is known by it`);
    throw new ScriptError(
      `«${token}» in «${this.text}» has no value: write the number, or give it one before: ${token} = mmap(…)`,
    );
  }
}

/**
 * Evaluates an expression.
 *
 * @throws ScriptError for an invalid expression, and for unknown names; FailedResultError for the result of a failed call
 */
export function evaluate(text: string, names: Names): bigint {
  return new Expression(text, names).value();
}
