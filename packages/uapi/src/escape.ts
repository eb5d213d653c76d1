// Escapes text that came from outside (a log, a map, a file name), so that it cannot control the terminal, change the order of
// its line, or add a line break.

/**
 * The characters to escape: controls (C0, DEL, C1), format characters and direction marks, line and paragraph separators,
 * unpaired surrogates, and characters without a glyph (fillers, variation selectors).
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

const NAMED: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

function shown(character: string): string {
  const named = NAMED.get(character);
  if (named !== undefined) return named;
  const code = character.codePointAt(0)!;
  const digits = code.toString(16);
  if (code < 0x100) return `\\x${digits.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${digits.padStart(4, '0')}` : `\\u{${digits}}`;
}

/**
 * Escapes a text from outside for printing: controls become `\n`, `\x1b`, `\u202e`. Backslashes are not changed, so the
 * result cannot be converted back. Does not shorten; {@link shortText} does both.
 */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, shown);
}

/**
 * Escapes a text and shortens it in the middle: both its beginning and its end (a file's name, an error) matter.
 *
 * @param limit the largest number of characters, at least 9
 */
export function shortText(text: string, limit: number = 200): string {
  // Escaping makes a character up to ten long, so this cuts a long text before escaping it.
  const cut = text.length > 2 * limit ? text.slice(0, limit) + text.slice(-limit) : text;
  const escaped = escapeText(cut);
  if (escaped.length <= limit && cut === text) return escaped;
  const tail = Math.floor((limit - 1) / 3);
  return `${escaped.slice(0, limit - 1 - tail)}…${escaped.slice(-tail)}`;
}

/**
 * Escapes every text in plain data (objects, arrays, maps, sets, texts, numbers), also keys of maps and objects.
 * For reports that are printed as text.
 */
export function escapeData<T>(data: T): T {
  return escaped(data) as T;
}

function escaped(data: unknown): unknown {
  if (typeof data === 'string') return escapeText(data);
  if (typeof data !== 'object' || data === null) return data;
  if (Array.isArray(data)) return data.map(escaped);
  if (data instanceof Map) return new Map([...data].map(([key, value]) => [escaped(key), escaped(value)]));
  if (data instanceof Set) return new Set([...data].map(escaped));
  if (Object.getPrototypeOf(data) !== Object.prototype && Object.getPrototypeOf(data) !== null) return data;
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [escapeText(key), escaped(value)]));
}

/**
 * Returns JSON that is safe on a terminal: {@link escapeText}'s characters are written as `\u…`. Parsing it gives the same data.
 *
 * @param data as for JSON.stringify
 * @param indent blanks per level
 */
export function safeJson(data: unknown, indent: number = 2): string {
  // Keeps the line feeds between the lines of the JSON; inside texts JSON.stringify has escaped them.
  return JSON.stringify(data, null, indent).replace(UNSAFE, (character) =>
    character === '\n'
      ? character
      : Array.from({ length: character.length }, (_, i) => {
          return `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
        }).join(''),
  );
}
