/**
 * NUMA policies of memory: mbind(2), set_mempolicy(2).
 *
 * The machine has one node, so a policy never moves a page; but areas with different policies do not merge, and mbind splits
 * them. Mirrors mm/mempolicy.c.
 */
import {
  AreaSpec,
  beginCall,
  findVma,
  hasCapability,
  mmapLock,
  mmapUnlock,
  modifyVma,
  refuse,
  type Vma,
} from '@vmarea/mm-core';
import {
  CAP_SYS_NICE,
  EFAULT,
  EINVAL,
  ENOSYS,
  EPERM,
  fromRegister,
  MPOL_BIND,
  MPOL_DEFAULT,
  MPOL_F_NUMA_BALANCING,
  MPOL_F_RELATIVE_NODES,
  MPOL_F_STATIC_NODES,
  MPOL_LOCAL,
  MPOL_MF_MOVE,
  MPOL_MF_MOVE_ALL,
  MPOL_MF_STRICT,
  MPOL_PREFERRED,
} from '@vmarea/uapi';
import type { Task } from '../task/task.ts';
import {
  MBIND_HOLE,
  MBIND_FLAGS,
  MBIND_MOVE_ALL,
  MEMPOLICY_NODES,
  MBIND_RANGE,
  MEMPOLICY_MODE,
  MEMPOLICY_NO_NUMA,
} from './reasons.ts';
import { untaggedAddr, type Register } from './register.ts';

/** A policy: one object per mode and nodes, so that equal policies are the same object. */
export interface MemPolicy {
  /** MPOL_ mode, with the MPOL_F_ flags. */
  readonly mode: number;
  /** The nodes, as bits. */
  readonly nodes: number;
}

/** The only node. */
const NODES = 1;
const MODE_FLAGS: number = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING;

const policies = new Map<string, MemPolicy>();

function policyOf(mode: number, nodes: number): MemPolicy {
  const key = `${mode} ${nodes}`;
  let policy = policies.get(key);
  if (policy === undefined) policies.set(key, (policy = Object.freeze({ mode, nodes })));
  return policy;
}

/**
 * sanitize_mpol_flags, mpol_new and mpol_set_nodemask.
 *
 * @param mask the words of the node mask; null without one
 * @returns the policy, null for MPOL_DEFAULT, or -EINVAL
 */
function newPolicy(task: Task, modeAndFlags: number, mask: bigint | null): MemPolicy | null | number {
  const { cur } = task;
  const flags = modeAndFlags & MODE_FLAGS;
  let mode = modeAndFlags & ~MODE_FLAGS;
  const both = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES;
  const balances = (flags & MPOL_F_NUMA_BALANCING) !== 0 && mode !== MPOL_BIND;
  if (mode < 0 || mode >= task.kernel.system.profile.mmap.policyModes || (flags & both) === both || balances) {
    return refuse(cur, MEMPOLICY_MODE, -EINVAL);
  }
  const empty = mask === null || mask === 0n;
  if (mode === MPOL_DEFAULT) return empty ? null : refuse(cur, MEMPOLICY_NODES, -EINVAL);
  if (mode === MPOL_PREFERRED && empty) {
    if ((flags & both) !== 0) return refuse(cur, MEMPOLICY_NODES, -EINVAL);
    mode = MPOL_LOCAL;
  } else if (mode === MPOL_LOCAL ? !empty || flags !== 0 : empty) return refuse(cur, MEMPOLICY_NODES, -EINVAL);
  if (mode === MPOL_LOCAL) return policyOf(mode, 0);
  // Nodes that do not exist are left out; none may be left.
  const nodes = Number(BigInt.asUintN(31, mask ?? 0n)) & NODES;
  return nodes === 0 ? refuse(cur, MEMPOLICY_NODES, -EINVAL) : policyOf(mode | flags, nodes);
}

/** Returns whether all of [start, end) is mapped. */
function isMapped(task: Task, start: number, end: number): boolean {
  let at = start;
  for (let vma = findVma(task.mm, start); vma !== null && vma.vmStart <= at; vma = vma.vmNext) {
    if (vma.vmEnd >= end) return true;
    at = vma.vmEnd;
  }
  return false;
}

/** mbind_range: gives the parts of [start, end) the policy, one after the other. @returns 0, -ENOMEM or -EINVAL */
function bindRange(task: Task, start: number, end: number, policy: MemPolicy | null): number {
  const { cur, mm } = task;
  const spec = new AreaSpec();
  for (let at = start; at < end;) {
    const vma: Vma = findVma(mm, at)!;
    const to = Math.min(vma.vmEnd, end);
    if (vma.vmPolicy !== policy) {
      spec.partOf(vma, at, to).policy = policy;
      const slot = modifyVma(cur, vma, spec);
      if (slot < 0) return slot;
      const changed = mm.vmas.at(mm.tree.idAt(slot));
      changed.vmPolicy = policy;
      if (mm.tracer !== null) mm.tracer.vma('flags', changed, at);
      at = Math.max(to, Math.min(changed.vmEnd, end));
    } else at = to;
  }
  return 0;
}

/**
 * mbind(2).
 *
 * @param mask the node mask as a number with bit n for node n; null for a null pointer
 * @returns 0; -EINVAL, -EPERM, -EFAULT for a hole (nothing changed), -ENOMEM; -ENOSYS without CONFIG_NUMA
 */
export function mbind(
  task: Task,
  range: { readonly addr: Register; readonly len: Register },
  mode: number,
  mask: Register | null,
  flags: number,
): number {
  const { cur, mm } = task;
  const { system } = mm;
  beginCall(cur);
  if (!system.config.numa) return refuse(cur, MEMPOLICY_NO_NUMA, -ENOSYS);
  if ((flags & ~(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)) !== 0) return refuse(cur, MBIND_FLAGS, -EINVAL);
  if ((flags & MPOL_MF_MOVE_ALL) !== 0 && !hasCapability(cur.cred, CAP_SYS_NICE)) {
    return refuse(cur, MBIND_MOVE_ALL, -EPERM);
  }
  const policy = newPolicy(task, mode, mask === null ? null : BigInt.asUintN(64, BigInt(mask)));
  if (typeof policy === 'number') return policy;
  const start = untaggedAddr(system, range.addr);
  const len = fromRegister(range.len);
  if ((start & system.pageMask) !== 0) return refuse(cur, MBIND_RANGE, -EINVAL);
  const size = Math.ceil(len / system.pageSize) * system.pageSize;
  if (len < 0 || (start < 0 && start + size > 0)) return refuse(cur, MBIND_RANGE, -EINVAL);
  if (size === 0) return 0;
  mmapLock(mm, 'mbind');
  try {
    if (start < 0 || !isMapped(task, start, start + size)) return refuse(cur, MBIND_HOLE, -EFAULT);
    return bindRange(task, start, start + size, policy);
  } finally {
    mmapUnlock(mm);
  }
}

/**
 * set_mempolicy(2): the policy of the task, which areas without one use. It changes no area.
 *
 * @param mask as for {@link mbind}
 */
export function setMempolicy(task: Task, mode: number, mask: Register | null): number {
  const { cur } = task;
  beginCall(cur);
  if (!task.kernel.system.config.numa) return refuse(cur, MEMPOLICY_NO_NUMA, -ENOSYS);
  const policy = newPolicy(task, mode, mask === null ? null : BigInt.asUintN(64, BigInt(mask)));
  if (typeof policy === 'number') return policy;
  cur.mempolicy = policy;
  return 0;
}
