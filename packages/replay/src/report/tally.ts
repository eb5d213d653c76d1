/**
 * The counts of a replay, and the difference that ends it. Data only.
 */
import type { Difference } from './report.ts';

/** The counts, shared by the parts of a replay. */
export class Tally {
  /** Calls that were read. */
  calls = 0;
  memoryCalls = 0;
  /** Answers that equal the kernel's. */
  reproduced = 0;
  /** Answers taken from the log. */
  unjudged = 0;
  /** Answers of randomised programs that gave the displacements; included in the reproduced ones. */
  told = 0;
  /** Whether any call was made in an address space whose addresses are predicted, or taken from the log. */
  predictedAny = false;
  recordedAny = false;
  /** The first answer that differs. */
  difference: Difference | null = null;
}
