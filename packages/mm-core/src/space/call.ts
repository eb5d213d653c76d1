/**
 * What one system call leaves: why it was refused, what it wants populated, the VMA that it found or made.
 *
 * A {@link Caller} owns one, and each verb begins it anew. The address space holds only state, so that the calls of several
 * tasks on one Mm do not overwrite each other's results, however long one of them waits.
 */

/** The call that a task makes. */
export class Call {
  /** Id of the last decision that refused something; 0: none. One of `Decision`. */
  reason = 0;
}
