/**
 * Facts about tasks and signals: which calls and flags exist.
 */

/** Facts about tasks of a kernel version. Each comment says what holds when the fact is `true`. */
export interface TasksFacts {
  /** clone3(2) exists. */
  readonly clone3: boolean;
  /** CLONE_PIDFD exists; otherwise clone ignores the bit. */
  readonly pidfd: boolean;
  /** PR_SET_THP_DISABLE makes new mappings VM_NOHUGEPAGE; otherwise it is a property of the address space alone. */
  readonly thpDisableMarksMappings: boolean;
  /** PR_SET_THP_DISABLE takes PR_THP_DISABLE_EXCEPT_ADVISED. */
  readonly thpDisableExceptAdvised: boolean;
  /** sigaltstack takes SS_AUTODISARM. */
  readonly altStackAutodisarm: boolean;
  /** sigaction clears the SA_ bits that the kernel does not know. */
  readonly clearsUnknownActionFlags: boolean;
}
