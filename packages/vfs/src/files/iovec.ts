/**
 * struct iovec: the buffer of a read or a write.
 */

/** `length` bytes of `bytes` from `offset` on. */
export interface IoVec {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly length: number;
}

/** Returns the first `length` bytes of an iovec; the iovec itself when it has no more. */
export function iovHead(iov: IoVec, length: number): IoVec {
  return length === iov.length ? iov : { bytes: iov.bytes, offset: iov.offset, length };
}
