/**
 * Gives a part of a VMA other flags: merges it with a neighbour that has them, or cuts it out.
 *
 * The common part of mprotect_fixup, mlock_fixup and madvise. The caller sets the flags. Plain memory, the subject of most
 * calls, is merged and cut as records; other memory as objects, by the same rules (shape/merge.ts). A listener receives the
 * same events from both; `system.fastPaths` = false makes all calls use objects.
 */
import type { Caller } from '../space/caller.ts';
import type { Mm } from '../space/mm.ts';
import type { Slot, SlotOrErrno } from '../base/units.ts';
import { VM_SPECIAL } from '../base/flags.ts';
import { splitVma } from './adjust.ts';
import { mayMerge, tellApart, vmaMerge, whyNotJoined } from './merge.ts';
import { ALIKE_ABOVE, ALIKE_BELOW, FROM_START, TO_END } from '../areas/tree/search.ts';
import { AreaSpec } from '../areas/spec.ts';
import type { Vma } from '../areas/vma.ts';

/** Returned by {@link modifyPlain} when the change needs objects: slot 0 is never a VMA's. */
const NEEDS_OBJECTS = 0;
/** The part is the whole VMA. */
const WHOLE = FROM_START | TO_END;

/**
 * Makes one VMA out of the range of `spec` in the VMA of slot `i`. The caller gives it `spec.vmFlags`; it keeps its name.
 *
 * Takes the range in an object, because V8 allocates a number object for each address that it passes to a function that it
 * does not inline: with plain parameters a pair of mprotect takes 6 % longer.
 *
 * @param spec has `start`, `end` and `vmFlags`; this function fills the rest when it needs it
 * @returns the slot of the VMA that now covers the range; or -ENOMEM, -EINVAL: then a first split stays, as in the kernel
 */
export function modifyFlags(cur: Caller, i: Slot, spec: AreaSpec): SlotOrErrno {
  const { mm } = cur;
  const { tree, vmas } = mm;
  const id = tree.idAt(i);
  if (mm.system.fastPaths && vmas.isPlain(id)) {
    const slot = modifyPlain(mm, i, id, spec);
    if (slot !== NEEDS_OBJECTS) return slot;
  }
  const vma = vmas.at(id);
  const { vmFlags } = spec;
  spec.partOf(vma, spec.start, spec.end).vmFlags = vmFlags;
  return modifyVma(cur, vma, spec);
}

/** {@link modifyFlags} for a VMA that also gets the VM_HIGH_ bits `high`. */
export function modifyBoth(cur: Caller, i: Slot, spec: AreaSpec, high: number): SlotOrErrno {
  const { mm } = cur;
  const vma = mm.vmas.at(mm.tree.idAt(i));
  const { vmFlags } = spec;
  spec.partOf(vma, spec.start, spec.end).vmFlags = vmFlags;
  spec.vmFlagsHigh = high;
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

/** Builds the whole spec of a part of a plain VMA, for a listener. */
function wholeSpec(mm: Mm, i: Slot, spec: AreaSpec): AreaSpec {
  const whole = new AreaSpec().partOf(mm.vmas.at(mm.tree.idAt(i)), spec.start, spec.end);
  whole.vmFlags = spec.vmFlags;
  return whole;
}

/**
 * {@link modifyFlags} for the plain VMA `id`. Returns a slot, or NEEDS_OBJECTS with nothing changed.
 *
 * Calls one function to cut and one to join, because V8 inlines no function of more than 460 bytecodes.
 */
function modifyPlain(mm: Mm, i: Slot, id: number, spec: AreaSpec): Slot {
  const part = mm.tree.part(i, spec);
  if ((part & (ALIKE_BELOW | ALIKE_ABOVE)) !== 0) return joinPlain(mm, i, id, part, spec);
  const { system } = mm;
  // At a limit, and when failures are injected, the cuts are made one by one, with objects.
  const cuts = part === 0 ? 2 : part === WHOLE ? 0 : 1;
  if (cuts !== 0 && (mm.mapCount + cuts > system.sysctl.maxMapCount || system.failCountdown !== 0))
    return NEEDS_OBJECTS;
  if (mm.tracer !== null) tellPartApart(mm, i, part, spec);
  return cuts === 0 ? i : cutPlain(mm, i, id, part, spec);
}

/** {@link modifyPlain} when a neighbour has the flags: joins it if its page offsets are contiguous, too. */
function joinPlain(mm: Mm, i: Slot, id: number, part: number, spec: AreaSpec): Slot {
  const { tree, vmas } = mm;
  if ((part & WHOLE) !== WHOLE || (spec.vmFlags & VM_SPECIAL) !== 0) return NEEDS_OBJECTS;
  const lower = (part & ALIKE_BELOW) !== 0 ? tree.before(i) : 0;
  const below = lower === 0 ? -1 : tree.idAt(lower);
  const above = (part & ALIKE_ABOVE) !== 0 ? tree.idAfter(i) : -1;
  if ((below !== -1 && !vmas.isPlain(below)) || (above !== -1 && !vmas.isPlain(above))) return NEEDS_OBJECTS;
  const joinsBelow = below !== -1 && vmas.continues(below, id);
  const joinsAbove = above !== -1 && vmas.continues(id, above);
  if (mm.tracer !== null) tellJoin(mm, i, joinsBelow, joinsAbove, wholeSpec(mm, i, spec));
  if (joinsBelow) {
    // Cases 6 and 7.
    const slot = tree.absorbAt(lower, joinsAbove ? 2 : 1);
    dropAbsorbed(mm, id);
    if (joinsAbove) dropAbsorbed(mm, above);
    if (mm.tracer !== null) mm.tracer.vma('merge', vmas.at(below), joinsAbove ? 6 : 7);
    return slot;
  }
  if (!joinsAbove) return i;
  // Case 8: the area keeps its record.
  const slot = tree.absorbAt(i, 1);
  dropAbsorbed(mm, above);
  if (mm.tracer !== null) mm.tracer.vma('merge', vmas.at(id), 8);
  return slot;
}

/** Frees the record of a plain VMA that a neighbour has absorbed. */
function dropAbsorbed(mm: Mm, id: number): void {
  mm.vmas.release(id);
  mm.mapCount--;
}

/** Cuts the range of `spec` out of the plain VMA `id`, which keeps its record for the range. Returns its slot. */
function cutPlain(mm: Mm, i: Slot, id: number, part: number, spec: AreaSpec): Slot {
  const { tree, vmas } = mm;
  const { start, end } = spec;
  let slot = i;
  if ((part & FROM_START) === 0) {
    slot = tree.splitAt(slot, start, vmas.cut(id, start, true), true);
    mm.mapCount++;
  }
  if ((part & TO_END) === 0) {
    slot = tree.splitAt(slot, end, vmas.cut(id, end, false), false);
    mm.mapCount++;
  }
  if (mm.tracer !== null) tellCut(mm, slot, part, spec);
  return slot;
}

/** Reports to a listener the VMAs that the cuts around slot `i` have created. */
function tellCut(mm: Mm, i: Slot, part: number, spec: AreaSpec): void {
  const { tree, vmas, tracer } = mm;
  if ((part & FROM_START) === 0) tracer!.vma('split', vmas.at(tree.idBefore(i)), spec.start);
  if ((part & TO_END) === 0) tracer!.vma('split', vmas.at(tree.idAfter(i)), spec.end);
}

/** Reports to a listener why the part of a plain VMA joins neither neighbour. */
function tellPartApart(mm: Mm, i: Slot, part: number, spec: AreaSpec): void {
  const { tree, vmas } = mm;
  const below = (part & FROM_START) !== 0 ? tree.idBefore(i) : -1;
  const above = (part & TO_END) !== 0 ? tree.idAfter(i) : -1;
  const prev = below === -1 ? null : vmas.at(below);
  tellApart(mm.tracer!, prev, above === -1 ? null : vmas.at(above), wholeSpec(mm, i, spec));
}

/** Reports to a listener the records that a join removes, and why a neighbour is not joined. `whole` is the whole VMA. */
function tellJoin(mm: Mm, i: Slot, joinsBelow: boolean, joinsAbove: boolean, whole: AreaSpec): void {
  const { tree, vmas } = mm;
  const tracer = mm.tracer!;
  const above = tree.idAfter(i);
  if (!joinsBelow && !joinsAbove) {
    tellPartApart(mm, i, WHOLE, whole);
    return;
  }
  if (joinsBelow && !joinsAbove && above !== -1 && vmas.vmStart(above) === whole.end) {
    tracer.decide(whyNotJoined(vmas.at(above), 'below', whole), 0);
  }
  if (joinsBelow) tracer.vma('remove', vmas.at(tree.idAt(i)), 0);
  if (joinsAbove) tracer.vma('remove', vmas.at(above), 0);
}
