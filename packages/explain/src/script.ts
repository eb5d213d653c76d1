/**
 * The calls to be explained, as text: `p = mmap(NULL, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)`.
 *
 * One call per line; `#` begins a comment; a result can be given a name and used later. Values are 64-bit expressions of
 * numbers (with K, M, G), constants by name, `|`, `+`, `-` and `*`. Not here: what the calls do (calls.ts).
 */
import * as uapi from '@vmarea/uapi';

/** One call: its name, and its arguments still as text (a name of an earlier result has no value yet). */
export interface Call {
  readonly name: string;
  readonly args: readonly string[];
  /** The name that the result gets; null for none. */
  readonly assign: string | null;
  /** The line as written, without spaces around it. */
  readonly text: string;
}

/** A script that cannot be read. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';
}

const LINE = /^(?:([A-Za-z_]\w*)\s*=\s*)?([a-z_]\w*)\s*\((.*)\)\s*(?:=.*)?;?$/;

/** Splits at commas outside parentheses. */
function splitArguments(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const ch = text[i];
    if (ch === '(') depth++;
    else if (ch === ')') depth--;
    else if (ch === ',' && depth === 0) {
      parts.push(text.slice(from, i).trim());
      from = i + 1;
    }
  }
  const last = text.slice(from).trim();
  if (last !== '' || parts.length > 0) parts.push(last);
  return parts;
}

/**
 * Reads a script.
 *
 * @throws ScriptError for a line that is no call
 */
export function parseScript(text: string): Call[] {
  const calls: Call[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.replace(/#.*/, '').trim();
    if (line === '') continue;
    const match = LINE.exec(line);
    if (match === null) throw new ScriptError(`not a call: ${line}`);
    calls.push({ name: match[2]!, args: splitArguments(match[3]!), assign: match[1] ?? null, text: line });
  }
  if (calls.length === 0) throw new ScriptError('there is no call to explain');
  return calls;
}

const CONSTANTS = uapi as unknown as Readonly<Record<string, unknown>>;
const CONSTANT_NAME =
  /^(PROT|MAP|MREMAP|MADV|MCL|MLOCK|MS|O|MFD|F|FALLOC|READ|ADDR|PER)_[A-Z0-9_]+$|^READ_IMPLIES_EXEC$/;
const UNITS: Readonly<Record<string, bigint>> = { K: 1n << 10n, M: 1n << 20n, G: 1n << 30n, T: 1n << 40n };
const TOKEN = /\s*(?:(0[xX][0-9a-fA-F]+|\d+[KMGT]?)|([A-Za-z_]\w*)|([|+\-*()~]))/y;

/**
 * The value of an expression.
 *
 * @param names results of earlier calls
 * @throws ScriptError for what is no expression, and for unknown names
 */
export function evaluate(text: string, names: ReadonlyMap<string, bigint>): bigint {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) {
      if (text.slice(at).trim() === '') break;
      throw new ScriptError(`cannot read «${text.slice(at)}» in «${text}»`);
    }
    tokens.push(match[0].trim());
  }
  let next = 0;
  const primary = (): bigint => {
    const token = tokens[next++];
    if (token === undefined) throw new ScriptError(`something is missing in «${text}»`);
    if (token === '-') return -primary();
    if (token === '~') return ~primary();
    if (token === '(') {
      const value = either();
      if (tokens[next++] !== ')') throw new ScriptError(`a parenthesis is not closed in «${text}»`);
      return value;
    }
    if (/^\d/.test(token)) {
      const unit = /^0[xX]/.test(token) ? undefined : UNITS[token.at(-1)!];
      return unit === undefined ? BigInt(token) : BigInt(token.slice(0, -1)) * unit;
    }
    const known = names.get(token);
    if (known !== undefined) return known;
    if (token === 'NULL') return 0n;
    const constant = CONSTANT_NAME.test(token) ? CONSTANTS[token] : undefined;
    if (typeof constant !== 'number') throw new ScriptError(`unknown name «${token}» in «${text}»`);
    return BigInt(constant);
  };
  const product = (): bigint => {
    let value = primary();
    while (tokens[next] === '*') {
      next++;
      value *= primary();
    }
    return value;
  };
  const sum = (): bigint => {
    let value = product();
    for (let op = tokens[next]; op === '+' || op === '-'; op = tokens[next]) {
      next++;
      value = op === '+' ? value + product() : value - product();
    }
    return value;
  };
  const either = (): bigint => {
    let value = sum();
    while (tokens[next] === '|') {
      next++;
      value |= sum();
    }
    return value;
  };
  const value = either();
  if (next < tokens.length) throw new ScriptError(`cannot read «${tokens.slice(next).join(' ')}» in «${text}»`);
  return value;
}
