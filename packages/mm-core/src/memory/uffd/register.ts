/**
 * UFFDIO_REGISTER and UFFDIO_UNREGISTER: registers areas with a userfaultfd, splitting and merging them.
 *
 * Mirrors userfaultfd_register, userfaultfd_unregister and userfaultfd_release of fs/userfaultfd.c.
 */
import {
  _UFFDIO_CONTINUE,
  _UFFDIO_COPY,
  _UFFDIO_MOVE,
  _UFFDIO_POISON,
  _UFFDIO_WAKE,
  _UFFDIO_WRITEPROTECT,
  _UFFDIO_ZEROPAGE,
  EBUSY,
  EINVAL,
  ENOMEM,
  EPERM,
  fromRegister,
  UFFD_FEATURE_MOVE,
  UFFD_FEATURE_POISON,
  UFFD_FEATURE_WP_ASYNC,
  UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
  UFFDIO_REGISTER_MODE_MINOR,
  UFFDIO_REGISTER_MODE_MISSING,
  UFFDIO_REGISTER_MODE_WP,
} from '@vmarea/uapi';
import { vmaHugePageSize, type Vma } from '../../areas/vma.ts';
import { refuse } from '../../base/errno.ts';
import {
  VM_HIGH_DROPPABLE,
  VM_HIGH_UFFD_MINOR,
  VM_HUGETLB,
  VM_MAYWRITE,
  VM_UFFD_MISSING,
  VM_UFFD_WP,
} from '../../base/flags.ts';
import type { Addr, Errno, VmFlags } from '../../base/units.ts';
import { modifyVma } from '../../shape/modify.ts';
import { setUserfault, VM_UFFD_FLAGS, type Registration } from '../../shape/userfault.ts';
import { createCaller, type Caller } from '../../space/caller.ts';
import { mmapLock, mmapUnlock } from '../../space/lock.ts';
import { findVma } from '../../space/placement.ts';
import type { MmSystem } from '../../space/system.ts';
import { stateOf } from '../tlb/state.ts';
import { actingOn, isAlive, validateRange } from './range.ts';
import {
  USERFAULTFD_UNKNOWN_MODE,
  UFFDIO_REGISTER_BUSY,
  USERFAULTFD_HUGE_UNALIGNED,
  UFFDIO_REGISTER_KIND,
  UFFDIO_REGISTER_MINOR_KIND,
  UFFDIO_REGISTER_NO_ADDRESS_SPACE,
  UFFDIO_REGISTER_NO_MODE,
  UFFDIO_REGISTER_NO_WRITE_PROTECTION,
  UFFDIO_REGISTER_NOTHING_MAPPED,
  UFFDIO_REGISTER_READ_ONLY,
} from './reasons.ts';
import { resolvePages } from './protect.ts';
import type { UffdioRange, UffdioRegister } from './structs.ts';
import type { Userfaultfd } from './userfaultfd.ts';

/** A validated range of the userfaultfd's address space. */
interface Span {
  readonly start: Addr;
  readonly end: Addr;
}

/** Returns whether pages can be write-protected by userfaultfd: CONFIG_HAVE_ARCH_USERFAULTFD_WP. */
export function hasWriteProtection(system: MmSystem): boolean {
  return system.profile.userfault.wpOnEveryArch || system.arch.userfaultWp;
}

/**
 * vma_can_userfault: returns 0, or the number of the reason why a VMA cannot be registered.
 *
 * @param vmFlags VM_UFFD_ bits, and `minor` for the third flag
 */
export function whyNotHandled(ctx: Userfaultfd, vma: Vma, vmFlags: VmFlags, minor: boolean): number {
  if ((vma.vmFlagsHigh & VM_HIGH_DROPPABLE) !== 0) return UFFDIO_REGISTER_KIND;
  const huge = (vma.vmFlags & VM_HUGETLB) !== 0;
  const shmem = vma.vmOps !== null && vma.vmOps.userfault !== null;
  if (minor && !huge && !shmem) return UFFDIO_REGISTER_MINOR_KIND;
  const wp = vmFlags & VM_UFFD_FLAGS;
  if ((ctx.features & UFFD_FEATURE_WP_ASYNC) !== 0 && wp === VM_UFFD_WP && !minor) return 0;
  const { features } = ctx.mm.system.profile.userfault;
  const wpOfFiles = (features & UFFD_FEATURE_WP_HUGETLBFS_SHMEM) !== 0 && hasWriteProtection(ctx.mm.system);
  if ((wp & VM_UFFD_WP) !== 0 && vma.vmOps !== null && !wpOfFiles) return UFFDIO_REGISTER_KIND;
  return vma.vmOps === null || huge || shmem ? 0 : UFFDIO_REGISTER_KIND;
}

/** Returns whether a VMA with huge pages contains an end of the range inside a huge page. */
function cutsHugePage(vma: Vma, at: Addr): boolean {
  return (vma.vmFlags & VM_HUGETLB) !== 0 && at % vmaHugePageSize(vma) !== 0;
}

/** Checks every VMA of the range. Returns 0, -EINVAL, -EPERM or -EBUSY. */
function checkAreas(cur: Caller, ctx: Userfaultfd, { start, end }: Span, vmFlags: VmFlags, minor: boolean): Errno {
  const first = findVma(ctx.mm, start);
  if (first === null || first.vmStart >= end) return refuse(cur, UFFDIO_REGISTER_NOTHING_MAPPED, -EINVAL);
  if (cutsHugePage(first, start)) return refuse(cur, USERFAULTFD_HUGE_UNALIGNED, -EINVAL);
  for (let vma: Vma | null = first; vma !== null && vma.vmStart < end; vma = vma.vmNext) {
    const kind = whyNotHandled(ctx, vma, vmFlags, minor);
    if (kind !== 0) return refuse(cur, kind, -EINVAL);
    if ((vma.vmFlags & VM_MAYWRITE) === 0) return refuse(cur, UFFDIO_REGISTER_READ_ONLY, -EPERM);
    if (end <= vma.vmEnd && cutsHugePage(vma, end)) return refuse(cur, USERFAULTFD_HUGE_UNALIGNED, -EINVAL);
    if (vma.userfaultCtx !== null && vma.userfaultCtx !== ctx) return refuse(cur, UFFDIO_REGISTER_BUSY, -EBUSY);
  }
  return 0;
}

/**
 * Gives a part of a VMA another registration.
 *
 * @returns the VMA that contains the part now; or -ENOMEM, or the errno of a driver that refuses the split
 */
export function changeRegistration(
  cur: Caller,
  vma: Vma,
  { start, end }: Span,
  registration: Registration,
): Vma | number {
  const { mm } = cur;
  const spec = cur.call.area.partOf(vma, start, end);
  // Older versions pass the page offset of the whole area, so that a part does not join the next area.
  if (!mm.system.profile.userfault.cutPartsMerge) spec.pgoff = vma.vmPgoff;
  spec.vmFlags = registration.vmFlags;
  spec.vmFlagsHigh = registration.vmFlagsHigh;
  spec.userfaultCtx = registration.userfaultCtx;
  const slot = modifyVma(cur, vma, spec);
  if (slot < 0) return slot;
  const changed = mm.vmas.at(mm.tree.idAt(slot));
  setUserfault(changed, registration);
  if (mm.tracer !== null) mm.tracer.vma('flags', changed, start);
  return changed;
}

/** The registration of `vma` with other VM_UFFD_ bits. */
function registrationOf(vma: Vma, userfaultCtx: Userfaultfd | null, vmFlags: VmFlags, minor: boolean): Registration {
  const high = vma.vmFlagsHigh & ~VM_HIGH_UFFD_MINOR;
  return {
    userfaultCtx,
    vmFlags: (vma.vmFlags & ~VM_UFFD_FLAGS) | vmFlags,
    vmFlagsHigh: minor ? high | VM_HIGH_UFFD_MINOR : high,
  };
}

/**
 * Registers every VMA of a checked range. VMAs that have these modes already stay as they are.
 *
 * @returns 0, or a negative errno: then the VMAs before stay registered
 */
function registerAreas(cur: Caller, ctx: Userfaultfd, { start, end }: Span, vmFlags: VmFlags, minor: boolean): Errno {
  const { mm } = cur;
  const high = minor ? VM_HIGH_UFFD_MINOR : 0;
  let at = start;
  for (let vma = findVma(mm, at); vma !== null && vma.vmStart < end; vma = findVma(mm, at)) {
    const has = (vma.vmFlags & vmFlags) === vmFlags && (vma.vmFlagsHigh & high) === high;
    if (vma.userfaultCtx === ctx && has) {
      at = vma.vmEnd;
      continue;
    }
    const part = { start: Math.max(at, vma.vmStart), end: Math.min(end, vma.vmEnd) };
    const changed = changeRegistration(cur, vma, part, registrationOf(vma, ctx, vmFlags, minor));
    if (typeof changed === 'number') return changed;
    at = changed.vmEnd;
  }
  return 0;
}

/** UFFD_API_RANGE_IOCTLS: returns the bits of the ioctls that a registered range takes. */
function rangeIoctls(ctx: Userfaultfd, { start, end }: Span, vmFlags: VmFlags, minor: boolean): number {
  const { features } = ctx.mm.system.profile.userfault;
  let bits = (1 << _UFFDIO_WAKE) | (1 << _UFFDIO_COPY);
  let huge = false;
  for (let vma = findVma(ctx.mm, start); vma !== null && vma.vmStart < end; vma = vma.vmNext)
    huge ||= (vma.vmFlags & VM_HUGETLB) !== 0;
  if (!huge) {
    bits |= 1 << _UFFDIO_ZEROPAGE;
    if ((features & UFFD_FEATURE_MOVE) !== 0) bits |= 1 << _UFFDIO_MOVE;
  }
  if ((features & UFFD_FEATURE_POISON) !== 0) bits |= 1 << _UFFDIO_POISON;
  if ((vmFlags & VM_UFFD_WP) !== 0) bits |= 1 << _UFFDIO_WRITEPROTECT;
  if (minor) bits |= 1 << _UFFDIO_CONTINUE;
  return bits;
}

/**
 * userfaultfd_register.
 *
 * @returns 0 with `request.ioctls` stored; -EINVAL, -EPERM, -EBUSY with nothing changed; -ENOMEM at a limit, with the VMAs
 *   before registered
 */
export function uffdRegister(cur: Caller, ctx: Userfaultfd, request: UffdioRegister): Errno {
  const { mm } = ctx;
  const mode = fromRegister(request.mode);
  if (mode === 0) return refuse(cur, UFFDIO_REGISTER_NO_MODE, -EINVAL);
  const known = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP | UFFDIO_REGISTER_MODE_MINOR;
  if (mode < 0 || mode > known) return refuse(cur, USERFAULTFD_UNKNOWN_MODE, -EINVAL);
  let vmFlags = (mode & UFFDIO_REGISTER_MODE_MISSING) !== 0 ? VM_UFFD_MISSING : 0;
  if ((mode & UFFDIO_REGISTER_MODE_WP) !== 0) {
    if (!hasWriteProtection(mm.system)) return refuse(cur, UFFDIO_REGISTER_NO_WRITE_PROTECTION, -EINVAL);
    vmFlags |= VM_UFFD_WP;
  }
  const minor = (mode & UFFDIO_REGISTER_MODE_MINOR) !== 0;
  const start = fromRegister(request.start);
  const len = fromRegister(request.len);
  const invalid = validateRange(cur, mm, start, len);
  if (invalid !== 0) return invalid;
  if (!isAlive(mm)) return refuse(cur, UFFDIO_REGISTER_NO_ADDRESS_SPACE, -ENOMEM);
  const span = { start, end: start + len };
  const owner = actingOn(cur, mm);
  mmapLock(mm, 'userfaultfd_register');
  try {
    const error = checkAreas(cur, ctx, span, vmFlags, minor) || registerAreas(owner, ctx, span, vmFlags, minor);
    if (mm.memory !== null) stateOf(mm).useMarks();
    if (error !== 0) return error;
    request.ioctls = rangeIoctls(ctx, span, vmFlags, minor);
    return 0;
  } finally {
    mmapUnlock(mm);
  }
}

/** Checks the VMAs of a range to unregister. Returns 0 or -EINVAL. */
function checkRegistered(cur: Caller, ctx: Userfaultfd, { start, end }: Span): Errno {
  const first = findVma(ctx.mm, start);
  if (first === null || first.vmStart >= end) return refuse(cur, UFFDIO_REGISTER_NOTHING_MAPPED, -EINVAL);
  if (cutsHugePage(first, start)) return refuse(cur, USERFAULTFD_HUGE_UNALIGNED, -EINVAL);
  for (let vma: Vma | null = first; vma !== null && vma.vmStart < end; vma = vma.vmNext) {
    const kind = whyNotHandled(ctx, vma, vma.vmFlags, (vma.vmFlagsHigh & VM_HIGH_UFFD_MINOR) !== 0);
    if (kind !== 0) return refuse(cur, kind, -EINVAL);
  }
  return 0;
}

/** Ends the registration of [start, end) of a VMA. @returns as {@link changeRegistration} */
function unregisterPart(owner: Caller, vma: Vma, part: Span): Vma | number {
  if ((vma.vmFlags & VM_UFFD_WP) !== 0) resolvePages(vma, part.start, part.end);
  return changeRegistration(owner, vma, part, registrationOf(vma, null, 0, false));
}

/**
 * userfaultfd_unregister. A descriptor may unregister what another one has registered.
 *
 * @returns 0; -EINVAL with nothing changed; -ENOMEM at a limit, with the VMAs before unregistered, or without the process
 */
export function uffdUnregister(cur: Caller, ctx: Userfaultfd, range: UffdioRange): Errno {
  const { mm } = ctx;
  const start = fromRegister(range.start);
  const len = fromRegister(range.len);
  const invalid = validateRange(cur, mm, start, len);
  if (invalid !== 0) return invalid;
  if (!isAlive(mm)) return refuse(cur, UFFDIO_REGISTER_NO_ADDRESS_SPACE, -ENOMEM);
  const span = { start, end: start + len };
  const owner = actingOn(cur, mm);
  mmapLock(mm, 'userfaultfd_unregister');
  try {
    const error = checkRegistered(cur, ctx, span);
    if (error !== 0) return error;
    let at = start;
    for (let vma = findVma(mm, at); vma !== null && vma.vmStart < span.end; vma = findVma(mm, at)) {
      at = vma.vmEnd;
      if (vma.userfaultCtx === null) continue;
      const part = { start: Math.max(start, vma.vmStart), end: Math.min(span.end, vma.vmEnd) };
      if ((vma.vmFlags & VM_UFFD_MISSING) !== 0) vma.userfaultCtx.wakeRange?.(part.start, part.end);
      const changed = unregisterPart(owner, vma, part);
      if (typeof changed === 'number') return changed;
      at = changed.vmEnd;
    }
    return 0;
  } finally {
    mmapUnlock(mm);
  }
}

/** Ends every registration with a userfaultfd that is closed, merging the areas where possible. */
export function releaseAll(ctx: Userfaultfd): void {
  const { mm } = ctx;
  if (!isAlive(mm)) return;
  const owner = createCaller(mm);
  for (let vma = mm.tree.first; vma !== null;) {
    if (vma.userfaultCtx === ctx) {
      const changed = unregisterPart(owner, vma, { start: vma.vmStart, end: vma.vmEnd });
      // A whole area needs no split, so the change cannot fail.
      vma = typeof changed === 'number' ? vma.vmNext : changed.vmNext;
    } else vma = vma.vmNext;
  }
}
