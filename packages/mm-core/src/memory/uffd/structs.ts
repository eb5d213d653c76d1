/**
 * The structures of userfaultfd's ioctls. Fields have the kernel's names; 64-bit values may be bigints. A call stores its
 * results in the structure.
 */

/** struct uffdio_api. The call stores `features` and `ioctls`; zeroes when it is refused. */
export interface UffdioApi {
  api: number | bigint;
  /** UFFD_FEATURE_ bits: the requested ones, then those that the kernel offers. */
  features: number | bigint;
  /** Bits of the ioctls that every userfaultfd has. */
  ioctls: bigint;
}

/** struct uffdio_range. */
export interface UffdioRange {
  /** Page-aligned address; `len` bytes, whole pages. */
  start: number | bigint;
  len: number | bigint;
}

/** struct uffdio_register. */
export interface UffdioRegister extends UffdioRange {
  /** UFFDIO_REGISTER_MODE_ bits. */
  mode: number | bigint;
  /** Stored by the call: bits of the ioctls that the range takes. */
  ioctls: number;
}

/** A range and how to fill it. */
export interface UffdioFill extends UffdioRange {
  mode: number | bigint;
}

/** struct uffdio_copy, without the source. */
export interface UffdioCopy {
  dst: number | bigint;
  len: number | bigint;
  /** UFFDIO_MODE_DONTWAKE, UFFDIO_COPY_MODE_WP. */
  mode: number | bigint;
  /** Stored by the call: bytes done, or a negative errno. */
  copy: number;
}

/** struct uffdio_zeropage. */
export interface UffdioZeropage extends UffdioFill {
  /** Stored by the call: bytes done, or a negative errno. */
  zeropage: number;
}

/** struct uffdio_continue. */
export interface UffdioContinue extends UffdioFill {
  /** Stored by the call: bytes done, or a negative errno. */
  mapped: number;
}

/** struct uffdio_poison. */
export interface UffdioPoison extends UffdioFill {
  /** Stored by the call: bytes done, or a negative errno. */
  updated: number;
}

/** struct uffdio_move. */
export interface UffdioMove {
  dst: number | bigint;
  src: number | bigint;
  len: number | bigint;
  /** UFFDIO_MODE_DONTWAKE, UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES. */
  mode: number | bigint;
  /** Stored by the call: bytes done, or a negative errno. */
  move: number;
}

/** struct uffdio_writeprotect. `mode` has UFFDIO_WRITEPROTECT_MODE_ bits. */
export type UffdioWriteprotect = UffdioFill;
