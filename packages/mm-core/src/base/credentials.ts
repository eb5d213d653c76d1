/**
 * Credentials, and the capability rule (capable() in the initial user namespace).
 */

/** Credentials, as the capability rules read them. */
export interface Credentials {
  /** fsuid. */
  uid: number;
  gid: number;
  /** Effective capabilities by number, in two int32 words. */
  capLow: number;
  capHigh: number;
}

/**
 * Returns whether the caller has a capability (in the initial user namespace).
 *
 * @param cap one of CAP_
 */
export function hasCapability(cred: Credentials, cap: number): boolean {
  return cap < 32 ? (cred.capLow & (1 << cap)) !== 0 : (cred.capHigh & (1 << (cap - 32))) !== 0;
}

/** Returns credentials with every capability. */
export function rootCredentials(): Credentials {
  return { uid: 0, gid: 0, capLow: -1, capHigh: -1 };
}
