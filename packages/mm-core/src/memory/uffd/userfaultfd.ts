/**
 * struct userfaultfd_ctx: one userfaultfd. Its methods are the ioctls; each calls a function of another file.
 *
 * Not here: the descriptor (the kernel package), faults (watch.ts). Mirrors fs/userfaultfd.c.
 */
import {
  _UFFDIO_API,
  _UFFDIO_REGISTER,
  _UFFDIO_UNREGISTER,
  CAP_SYS_PTRACE,
  EINVAL,
  EPERM,
  UFFD_API,
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_PAGEFAULT_FLAG_WP,
  UFFD_FEATURE_WP_ASYNC,
  UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
  UFFD_FEATURE_WP_UNPOPULATED,
  UFFD_USER_MODE_ONLY,
} from '@vmarea/uapi';
import { refuse } from '../../base/errno.ts';
import type { Errno } from '../../base/units.ts';
import type { UserfaultContext } from '../../ports/userfault.ts';
import { beginCall } from '../../space/call.ts';
import type { Caller } from '../../space/caller.ts';
import type { Mm } from '../../space/mm.ts';
import type { MmSystem } from '../../space/system.ts';
import {
  hasWriteProtection,
  releaseAll,
  uffdRegister,
  uffdUnregister,
  type UffdioRange,
  type UffdioRegister,
} from './register.ts';
import {
  UFFD_API_FEATURES,
  UFFD_API_FORK,
  UFFD_API_TWICE,
  UFFD_API_VERSION,
  UFFD_NOT_ENABLED,
  UFFD_UNKNOWN_IOCTL,
} from './reasons.ts';

/** struct uffdio_api. The call stores `features` and `ioctls`; zeroes when it is refused. */
export interface UffdioApi {
  api: number | bigint;
  /** UFFD_FEATURE_ bits: the requested ones, then those that the kernel offers. */
  features: number | bigint;
  /** Bits of the ioctls that every userfaultfd has. */
  ioctls: bigint;
}

/** UFFD_API_IOCTLS. */
const API_IOCTLS: bigint =
  (1n << BigInt(_UFFDIO_REGISTER)) | (1n << BigInt(_UFFDIO_UNREGISTER)) | (1n << BigInt(_UFFDIO_API));

/** Features that need write protection. */
const WP_FEATURES: number =
  UFFD_FEATURE_PAGEFAULT_FLAG_WP |
  UFFD_FEATURE_WP_HUGETLBFS_SHMEM |
  UFFD_FEATURE_WP_UNPOPULATED |
  UFFD_FEATURE_WP_ASYNC;

/** Returns the UFFD_FEATURE_ bits that this machine offers. */
function offeredFeatures(system: MmSystem): number {
  const { features } = system.profile.userfault;
  return hasWriteProtection(system) ? features : features & ~WP_FEATURES;
}

/** A userfaultfd. */
export class Userfaultfd implements UserfaultContext {
  /** The address space whose faults it handles: that of the process that created it. */
  readonly mm: Mm;
  /** UFFD_USER_MODE_ONLY: a fault of the kernel on behalf of the process is refused. */
  readonly userModeOnly: boolean;
  /** The UFFD_FEATURE_ bits that UFFDIO_API enabled. */
  features = 0;
  /** Whether UFFDIO_API was made. */
  enabled = false;

  /** @param flags UFFD_USER_MODE_ONLY or 0 */
  constructor(mm: Mm, flags: number) {
    this.mm = mm;
    this.userModeOnly = (flags & UFFD_USER_MODE_ONLY) !== 0;
  }

  /** UFFDIO_API: returns 0, -EINVAL or -EPERM. */
  api(cur: Caller, request: UffdioApi): Errno {
    beginCall(cur);
    const error = this.enable(cur, request);
    if (error !== 0) {
      request.api = 0;
      request.features = 0;
      request.ioctls = 0n;
    }
    return error;
  }

  private enable(cur: Caller, request: UffdioApi): Errno {
    const { system } = this.mm;
    const { features: known, checksOffered } = system.profile.userfault;
    const offered = offeredFeatures(system);
    let features = BigInt.asUintN(64, BigInt(request.features));
    if (BigInt.asUintN(64, BigInt(request.api)) !== BigInt(UFFD_API)) return refuse(cur, UFFD_API_VERSION, -EINVAL);
    const refused = (allowed: number): boolean => (features & ~BigInt(allowed)) !== 0n;
    // Before `checksOffered` the known features are checked first.
    if (!checksOffered && refused(known)) return refuse(cur, UFFD_API_FEATURES, -EINVAL);
    const forks = (features & BigInt(UFFD_FEATURE_EVENT_FORK)) !== 0n;
    if (forks && !system.security.capable(cur, CAP_SYS_PTRACE)) return refuse(cur, UFFD_API_FORK, -EPERM);
    if ((features & BigInt(UFFD_FEATURE_WP_ASYNC)) !== 0n) features |= BigInt(UFFD_FEATURE_WP_UNPOPULATED);
    if (checksOffered && refused(offered)) return refuse(cur, UFFD_API_FEATURES, -EINVAL);
    if (this.enabled) return refuse(cur, UFFD_API_TWICE, -EINVAL);
    this.enabled = true;
    this.features = Number(features);
    request.features = offered;
    request.ioctls = API_IOCTLS;
    return 0;
  }

  /** Begins an ioctl other than UFFDIO_API. Returns 0, or -EINVAL before that one was made. */
  begin(cur: Caller): Errno {
    beginCall(cur);
    return this.enabled ? 0 : refuse(cur, UFFD_NOT_ENABLED, -EINVAL);
  }

  /** UFFDIO_REGISTER: see {@link uffdRegister}. */
  register(cur: Caller, request: UffdioRegister): Errno {
    const error = this.begin(cur);
    return error !== 0 ? error : uffdRegister(cur, this, request);
  }

  /** UFFDIO_UNREGISTER: see {@link uffdUnregister}. */
  unregister(cur: Caller, range: UffdioRange): Errno {
    const error = this.begin(cur);
    return error !== 0 ? error : uffdUnregister(cur, this, range);
  }

  /** An ioctl that this kernel does not have: returns -EINVAL. */
  unknown(cur: Caller): Errno {
    const error = this.begin(cur);
    return error !== 0 ? error : refuse(cur, UFFD_UNKNOWN_IOCTL, -EINVAL);
  }

  /** userfaultfd_release: ends all registrations. The last close of the descriptor calls it. */
  release(): void {
    releaseAll(this);
  }
}
