/**
 * Gives a part of a VMA other flags: merges it with a neighbour that has them, or cuts it out.
 *
 * The common part of mprotect_fixup, mlock_fixup and madvise. The caller sets the flags. Plain memory, the subject of most
 * calls, is merged and cut as records; other memory as objects, by the same rules (shape/merge.ts). A listener receives the
 * same events from both; `system.fastPaths` = false makes all calls use objects.
 */
import type { Caller } from '../space/caller.ts';
import type { Mm } from '../space/mm.ts';
import type { Addr, Slot, SlotOrErrno, VmFlags } from '../base/units.ts';
import { VM_SPECIAL } from '../base/flags.ts';
import { splitVma } from './adjust.ts';
import { mayMerge, tellApart, vmaMerge, whyNotJoined } from './merge.ts';
import { ALIKE_ABOVE, ALIKE_BELOW, FROM_START, TO_END } from '../areas/tree/search.ts';
import { AreaSpec } from '../areas/spec.ts';
import type { Vma } from '../areas/vma.ts';

/** Returned by {@link modifyPlain} when the change needs objects: slot 0 is never a VMA's. */
const NEEDS_OBJECTS = 0;

/**
 * Makes one VMA out of [start, end) of the VMA of slot `i`. The caller gives it `newFlags`; it keeps its name.
 *
 * Takes five plain parameters, so that an mprotect of plain memory creates no object.
 *
 * @returns the slot of the VMA that now covers the range; or -ENOMEM, -EINVAL: a first split then stays, as in the kernel
 */
export function modifyFlags(cur: Caller, i: Slot, start: Addr, end: Addr, newFlags: VmFlags): SlotOrErrno {
  const { mm, call } = cur;
  const { tree, vmas } = mm;
  const id = tree.idAt(i);
  if (mm.system.fastPaths && vmas.isPlain(id)) {
    const slot = modifyPlain(mm, i, start, end, newFlags);
    if (slot !== NEEDS_OBJECTS) return slot;
  }
  const vma = vmas.at(id);
  const spec = call.area.partOf(vma, start, end);
  spec.vmFlags = newFlags;
  return modifyVma(cur, vma, spec);
}

/**
 * Makes one VMA out of the part of `vma` that `spec` names. The caller gives it the flags and the name in `spec`.
 *
 * @returns as {@link modifyFlags}
 */
export function modifyVma(cur: Caller, vma: Vma, spec: AreaSpec): SlotOrErrno {
  const { mm } = cur;
  const { start, end } = spec;
  const prev = start > vma.vmStart ? vma : vma.vmPrev;
  if (mayMerge(mm, prev, spec)) {
    if (vmaMerge(mm, prev, spec) !== null) return mm.tree.seek(start);
  } else if (mm.tracer !== null) {
    tellApart(mm.tracer, start > vma.vmStart ? null : prev, end < vma.vmEnd ? null : vma.vmNext, spec);
  }
  if (start !== vma.vmStart) {
    const error = splitVma(cur, vma, start, true);
    if (error !== 0) return error;
  }
  if (end !== vma.vmEnd) {
    const error = splitVma(cur, vma, end, false);
    if (error !== 0) return error;
  }
  return mm.tree.seek(start);
}

/** Builds the spec of a part of a plain VMA, for a listener. */
function specOf(mm: Mm, i: Slot, start: Addr, end: Addr, newFlags: VmFlags): AreaSpec {
  const spec = new AreaSpec().partOf(mm.vmas.at(mm.tree.idAt(i)), start, end);
  spec.vmFlags = newFlags;
  return spec;
}

/** {@link modifyFlags} for plain memory. Returns a slot, or NEEDS_OBJECTS with nothing changed. */
function modifyPlain(mm: Mm, i: Slot, start: Addr, end: Addr, newFlags: VmFlags): Slot {
  const { tree, vmas, tracer } = mm;
  const part = tree.part(i, start, end, newFlags);
  if ((part & (ALIKE_BELOW | ALIKE_ABOVE)) === 0) {
    if (!mayCut(mm, part)) return NEEDS_OBJECTS;
    if (tracer !== null) tellPartApart(mm, i, part, specOf(mm, i, start, end, newFlags));
    return cutPlain(mm, i, start, end, part);
  }
  if ((part & (FROM_START | TO_END)) !== (FROM_START | TO_END) || (newFlags & VM_SPECIAL) !== 0) return NEEDS_OBJECTS;
  const id = tree.idAt(i);
  const below = (part & ALIKE_BELOW) !== 0 ? tree.idBefore(i) : -1;
  const above = (part & ALIKE_ABOVE) !== 0 ? tree.idAfter(i) : -1;
  if ((below !== -1 && !vmas.isPlain(below)) || (above !== -1 && !vmas.isPlain(above))) return NEEDS_OBJECTS;
  const joinsBelow = below !== -1 && vmas.continues(below, id);
  const joinsAbove = above !== -1 && vmas.continues(id, above);
  if (!joinsBelow) {
    if (!joinsAbove) {
      if (tracer !== null) tellPartApart(mm, i, part, specOf(mm, i, start, end, newFlags));
      return i;
    }
    // Case 8: the area keeps its record.
    const slot = tree.absorbAt(i, 1);
    dropAbsorbed(mm, above);
    if (tracer !== null) tracer.vma('merge', vmas.at(id), 8);
    return slot;
  }
  // Cases 6 and 7.
  if (tracer !== null && !joinsAbove) tellAboveApart(mm, i, specOf(mm, i, start, end, newFlags));
  const slot = tree.absorbAt(tree.before(i), joinsAbove ? 2 : 1);
  dropAbsorbed(mm, id);
  if (joinsAbove) dropAbsorbed(mm, above);
  if (tracer !== null) tracer.vma('merge', vmas.at(below), joinsAbove ? 6 : 7);
  return slot;
}

/** Frees the record of a plain VMA that a neighbour has absorbed. */
function dropAbsorbed(mm: Mm, id: number): void {
  if (mm.tracer !== null) mm.tracer.vma('remove', mm.vmas.at(id), 0);
  mm.vmas.release(id);
  mm.mapCount--;
}

/** Reports to a listener why the part of a plain VMA joins neither neighbour. */
function tellPartApart(mm: Mm, i: Slot, part: number, spec: AreaSpec): void {
  const { tree, vmas } = mm;
  const below = (part & FROM_START) !== 0 ? tree.idBefore(i) : -1;
  const above = (part & TO_END) !== 0 ? tree.idAfter(i) : -1;
  tellApart(mm.tracer!, below === -1 ? null : vmas.at(below), above === -1 ? null : vmas.at(above), spec);
}

/** Reports to a listener why a VMA that joins the one below does not also join the one above. */
function tellAboveApart(mm: Mm, i: Slot, spec: AreaSpec): void {
  const above = mm.tree.idAfter(i);
  if (above === -1) return;
  const next = mm.vmas.at(above);
  if (next.vmStart === spec.end) mm.tracer!.decide(whyNotJoined(next, 'below', spec), 0);
}

/** Returns how many cuts a part needs. */
function cutsOf(part: number): number {
  return ((part & FROM_START) === 0 ? 1 : 0) + ((part & TO_END) === 0 ? 1 : 0);
}

/** Returns whether the cuts meet no limit and no injected failure. Otherwise they are made one by one, with objects. */
function mayCut(mm: Mm, part: number): boolean {
  const cuts = cutsOf(part);
  return cuts === 0 || (mm.mapCount + cuts <= mm.system.sysctl.maxMapCount && mm.system.failCountdown === 0);
}

/** Cuts [start, end) out of a plain VMA, which keeps its record for the range. Returns its slot. */
function cutPlain(mm: Mm, i: Slot, start: Addr, end: Addr, part: number): Slot {
  const { tree, vmas, tracer } = mm;
  const id = tree.idAt(i);
  let slot = i;
  if ((part & FROM_START) === 0) {
    const made = vmas.cut(id, start, true);
    slot = tree.splitAt(slot, start, made, true);
    mm.mapCount++;
    if (tracer !== null) tracer.vma('split', vmas.at(made), start);
  }
  if ((part & TO_END) === 0) {
    const made = vmas.cut(id, end, false);
    slot = tree.splitAt(slot, end, made, false);
    mm.mapCount++;
    if (tracer !== null) tracer.vma('split', vmas.at(made), end);
  }
  return slot;
}
