// Which machine made a log, judged by its evidence alone: for readers that want one word. Who knows more (options, a map)
// weighs the evidence together with that.

import { type Machine } from './calls.ts';
import { EvidenceCollector, type MachineEvidence } from './evidence.ts';
import { type Call } from './events.ts';

/** What the log's machine seems to be. */
export type Architecture = Machine | 'unknown';

/** A guess, and what it rests on. */
export interface ArchitectureGuess {
  readonly architecture: Architecture;
  /** Width of a register; 0 when nothing tells. */
  readonly bits: 0 | 32 | 64;
  /** Short sentences. */
  readonly reasons: readonly string[];
}

const WIDTHS: Readonly<Record<Machine, 32 | 64>> = { arm64: 64, x86_64: 64, riscv64: 64, arm: 32, i386: 32 };
const ALL: readonly Machine[] = ['arm64', 'x86_64', 'riscv64', 'arm', 'i386'];

/** Collects what a log shows. {@link LogParser} feeds it. */
export class ArchitectureHints {
  readonly #collector = new EvidenceCollector();

  /** Everything that the log has shown about its machine so far. */
  get evidence(): readonly MachineEvidence[] {
    return this.#collector.list();
  }

  /** A call's name, at its first appearance. */
  call(name: string, line: number = 0): void {
    this.#collector.call(name, line);
  }

  /** A call that returned. */
  returned(call: Call): void {
    this.#collector.returned(call);
  }

  /** A message of strace about itself. */
  note(text: string, line: number = 0): void {
    this.#collector.note(text, line);
  }

  /** The guess so far. */
  guess(): ArchitectureGuess {
    return guessMachine(this.evidence);
  }
}

function reasonOf(piece: MachineEvidence): string {
  if (piece.kind === 'mode') return piece.read;
  const line = piece.line > 0 ? `line ${piece.line}: ` : '';
  if (piece.fits.length === 0) return `${line}${piece.read}`;
  const fits =
    piece.fits.length === 1 ? piece.fits[0]! : `${piece.fits.slice(0, -1).join(', ')} or ${piece.fits.at(-1)!}`;
  return `${line}${piece.read}, as on ${fits}`;
}

/** The machine that fits the strongest evidence. Weaker pieces that contradict it are left out of the reasons. */
export function guessMachine(evidence: readonly MachineEvidence[]): ArchitectureGuess {
  const ordered = [...evidence].sort((a, b) => b.strength - a.strength);
  const reasons: string[] = [];
  let bits: 0 | 32 | 64 = 0;
  let left: readonly Machine[] = ALL;
  for (const piece of ordered) {
    const width = piece.bits === 0 || piece.strength === 1 ? null : piece.bits;
    const fits = piece.fits.length === 0 ? ALL : piece.fits;
    const next = left.filter((machine) => fits.includes(machine) && (width === null || WIDTHS[machine] === width));
    if (next.length === 0) continue;
    if (next.length < left.length) reasons.push(reasonOf(piece));
    left = next;
  }
  const highest = Math.max(0, ...evidence.map((piece) => (piece.kind === 'address' ? piece.value : 0)));
  if (highest >= 2 ** 32) left = left.filter((machine) => WIDTHS[machine] === 64);
  const widths = new Set(left.map((machine) => WIDTHS[machine]));
  if (widths.size === 1) bits = [...widths][0]!;
  if (left.length === 1) return { architecture: left[0]!, bits, reasons };
  if (bits !== 64) return { architecture: 'unknown', bits: reasons.length > 0 ? bits : 0, reasons };
  // Nothing but addresses. 47 bits are x86_64's everywhere, arm64's with 16 KiB pages only; 39 bits are no x86_64's.
  const address = `0x${highest.toString(16)}`;
  const other = highest >= 0x5500_0000_0000 && left.includes('x86_64') ? 'x86_64' : 'arm64';
  reasons.push(
    other === 'arm64'
      ? `${address} has more than 32 bits, and every call is one of arm64`
      : `${address} is an address as x86_64 gives it`,
  );
  return left.includes(other) ? { architecture: other, bits, reasons } : { architecture: left[0]!, bits, reasons };
}
