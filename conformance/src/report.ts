/**
 * Describes failing recordings: the first difference, with the operation, both answers and both maps.
 */
import type { Op } from './recording.ts';
import type { Failure, Outcome } from './runner.ts';

const SNAPSHOTS: ReadonlySet<string> = new Set(['maps', 'vmas', 'status', 'meminfo']);

/** Formats an operation on one line. */
export function describeOp(op: Op): string {
  const parts: string[] = [];
  for (const [key, value] of Object.entries(op)) {
    if (key === 'n' || key === 'pid' || key === 'op' || key === 'ret' || SNAPSHOTS.has(key)) continue;
    parts.push(`${key}=${String(value)}`);
  }
  return `line ${op.n}, process ${op.pid}: ${op.op} ${parts.join(' ')}`;
}

/** Formats two lists side by side, with a mark where they differ. */
function sideBySide(left: readonly string[], right: readonly string[]): string {
  const width = Math.max(20, ...left.map((line) => line.length));
  const rows: string[] = [];
  // The first field, the range, finds lines that only one side has.
  const rightByRange = new Map(right.map((line) => [line.split(' ')[0], line]));
  const seen = new Set<string>();
  for (const line of left) {
    const range = line.split(' ')[0]!;
    const other = rightByRange.get(range) ?? '';
    seen.add(range);
    rows.push(`    ${line === other ? ' ' : '!'} ${line.padEnd(width)} | ${other}`);
  }
  for (const line of right) {
    if (!seen.has(line.split(' ')[0]!)) rows.push(`    ! ${''.padEnd(width)} | ${line}`);
  }
  return rows.join('\n');
}

function describeOne(failure: Failure): string {
  const lines = [
    `  ${describeOp(failure.op)}`,
    `  ${failure.kind}, ${failure.field}: the kernel ${failure.expected}`,
    `  ${' '.repeat(failure.kind.length + failure.field.length + 2)}      we ${failure.actual}`,
  ];
  if (failure.reason !== null) lines.push(`  our reason: ${failure.reason}`);
  if (failure.theirMaps !== null) lines.push('    (kernel | ours)', sideBySide(failure.theirMaps, failure.ourMaps));
  else lines.push(...failure.ourMaps.map((line) => `      ${line}`));
  return lines.join('\n');
}

/** Describes a failing recording. */
export function describeFailure(set: string, outcome: Outcome): string {
  const lines = [`${set}/${outcome.name}:`];
  for (const failure of outcome.failures) lines.push(describeOne(failure));
  if (outcome.error !== null) lines.push(`  stopped after ${outcome.ops} operations: ${outcome.error}`);
  return lines.join('\n');
}

/** Returns what a failure has in common with others: the operation, the kind and, for short ones, both answers. */
export function failureClass(outcome: Outcome): string {
  const failure = outcome.failures[0];
  if (failure === undefined)
    return `error: ${(outcome.error ?? '')
      .split('\n', 1)[0]!
      .replaceAll(/0x[0-9a-f]+|\d+/g, 'N')
      .slice(0, 100)}`;
  const general = (text: string): string => text.replaceAll(/0x[0-9a-f]+/g, 'ADDR').slice(0, 40);
  const field = failure.field.replace(/^0x\S+ /, '').replace(/^(line|entry) \d+$/, '$1');
  const snapshot =
    failure.kind === 'smaps' || failure.kind === 'status' || failure.kind === 'maps' || failure.kind === 'faults';
  const answers = snapshot ? '' : `: ${general(failure.expected)} / ${general(failure.actual)}`;
  return `${failure.kind} ${failure.op.op} ${field}${answers}`;
}
