/**
 * struct iovec: the bytes that a read fills or a write takes.
 */

/** `length` bytes of `bytes` from `offset` on. */
export interface IoVec {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly length: number;
}

/** The first `length` bytes of an iovec: itself when it has no more. */
export function iovHead(iov: IoVec, length: number): IoVec {
  return length === iov.length ? iov : { bytes: iov.bytes, offset: iov.offset, length };
}
