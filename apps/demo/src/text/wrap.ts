/** Text in lines of a width. */

/**
 * Breaks a sentence at blanks.
 *
 * @param columns of the whole line
 * @param indent put before every line; what follows the first is indented by two more
 */
export function wrap(text: string, columns: number, indent: string): string {
  let out = '';
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.trim() !== '' && line.length + 1 + word.length > columns) {
      out += `${line}\n`;
      line = `${indent}  `;
    }
    line += line.trim() === '' ? word : ` ${word}`;
  }
  return `${out}${line}\n`;
}
