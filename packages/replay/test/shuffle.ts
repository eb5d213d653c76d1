/** Logs with the right answers at the wrong calls. */

/** The addresses that mmap returned, each moved to the next mmap call; and the first line that changed. */
export function shuffledAnswers(text: string): { text: string; firstLine: number } {
  const lines = text.split('\n');
  const where = lines.flatMap((line, index) => (/ mmap\(NULL.*= 0x/.test(line) ? [index] : []));
  const answers = where.map((index) => /= (0x[0-9a-f]+)$/.exec(lines[index]!)![1]!);
  let firstLine = 0;
  where.forEach((index, i) => {
    const other = answers[(i + 1) % answers.length]!;
    const changed = lines[index]!.replace(/= 0x[0-9a-f]+$/, `= ${other}`);
    if (changed !== lines[index] && firstLine === 0) firstLine = index + 1;
    lines[index] = changed;
  });
  return { text: lines.join('\n'), firstLine };
}
