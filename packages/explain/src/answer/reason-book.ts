/**
 * The reasons in the form of answers: the meaning of a reason's number, of any package.
 */
import '@vmarea/kernel';
import { allReasons, describeReason, formatSource, type Reason as TableReason } from '@vmarea/mm-core/reasons';
import { errnoName, signalName } from '@vmarea/uapi';

/** A reason of any package. */
export interface Reason {
  readonly decision: number;
  readonly id: string;
  /** The kernel's function that makes the decision. */
  readonly fn: string;
  /** The errno or the signal by name; `none` when no call fails. */
  readonly errno: string;
  readonly sentence: string;
  readonly change: string;
  /** Where the kernel makes the decision. */
  readonly reference: string;
}

/** The reasons of the packages that are loaded. */
export class ReasonBook {
  readonly #tree: string | undefined;

  /** @param tree name of the profile whose line numbers are shown; none without it */
  constructor(tree?: string) {
    this.#tree = tree;
  }

  /** Returns a reason by its number; undefined for 0 and unknown numbers. */
  find(decision: number): Reason | undefined {
    const found = describeReason(decision);
    return found && this.#shown(found);
  }

  /** Returns all reasons, in the order of their declaration. */
  all(): Reason[] {
    return allReasons().map((one) => this.#shown(one));
  }

  #shown({ number, id, errno, signal, says, change, source }: TableReason): Reason {
    let ending = 'none';
    if (errno !== undefined) ending = errnoName(errno);
    else if (signal !== undefined) ending = signalName(signal);
    return {
      decision: number,
      id,
      fn: source.fn,
      errno: ending,
      sentence: says,
      change,
      reference: formatSource(source, this.#tree),
    };
  }
}
