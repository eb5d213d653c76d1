/**
 * prctl(2) for memory: names of areas, MDWE, THP_DISABLE, tagged addresses, merging of equal pages, the borders of the program.
 *
 * Mirrors kernel/sys.c and arch/arm64/kernel/{process,mte}.c.
 */
import { prctlSetMdwe, prctlSetVmaAnonName, refuse } from '@vmarea/mm-core';
import {
  EINVAL,
  fromRegister,
  PR_GET_MDWE,
  PR_GET_MEMORY_MERGE,
  PR_GET_TAGGED_ADDR_CTRL,
  PR_GET_THP_DISABLE,
  PR_MTE_TAG_MASK,
  PR_MTE_TCF_ASYNC,
  PR_MTE_TCF_SYNC,
  PR_SET_MDWE,
  PR_SET_MEMORY_MERGE,
  PR_SET_MM,
  PR_SET_TAGGED_ADDR_CTRL,
  PR_SET_THP_DISABLE,
  PR_SET_VMA,
  PR_SET_VMA_ANON_NAME,
  PR_TAGGED_ADDR_ENABLE,
  PROT_MTE,
} from '@vmarea/uapi';
import { PRCTL_TAGGED_ADDR_BITS, PRCTL_UNKNOWN_OPTION, PRCTL_UNUSED_ARGUMENTS } from './reasons.ts';
import type { Task } from '../task/task.ts';
import { setMergeAny } from './merge-any.ts';
import { prctlSetMm } from './set-mm.ts';
import { prctlThpDisable } from './prctl-thp.ts';
import { int, type Register } from './register.ts';

/** The arguments of prctl behind the option; the last one is a pointer: see {@link prctl}. */
export interface PrctlArguments {
  readonly arg2: Register;
  readonly arg3: Register;
  readonly arg4: Register;
  readonly arg5: number | string | bigint | null;
}

const isZero = (value: PrctlArguments['arg5']): boolean => value === 0 || value === 0n || value === null;

/** Returns whether the arguments from the third on are 0. */
function restIsZero({ arg3, arg4, arg5 }: PrctlArguments): boolean {
  return isZero(arg3) && isZero(arg4) && isZero(arg5);
}

/** PR_SET_MDWE and PR_GET_MDWE. */
function mdwe(task: Task, option: number, args: PrctlArguments): number {
  const { cur } = task;
  if (!cur.mm.system.profile.mmap.denyWriteExec) return refuse(cur, PRCTL_UNKNOWN_OPTION, -EINVAL);
  const bits = int(args.arg2);
  if (!restIsZero(args) || (option === PR_GET_MDWE && bits !== 0)) {
    return refuse(cur, PRCTL_UNUSED_ARGUMENTS, -EINVAL);
  }
  return option === PR_GET_MDWE ? cur.mm.mdwe : prctlSetMdwe(cur, bits);
}

/** PR_SET_TAGGED_ADDR_CTRL and PR_GET_TAGGED_ADDR_CTRL: the addresses with tags that calls accept, and the checks of tags. */
function taggedAddr(task: Task, option: number, args: PrctlArguments): number {
  const { cur } = task;
  const { arch, archProt, profile } = cur.mm.system;
  if (!arch.ignoresTopByte || !profile.mmap.untagsAddresses) return refuse(cur, PRCTL_UNKNOWN_OPTION, -EINVAL);
  if (!restIsZero(args)) return refuse(cur, PRCTL_UNUSED_ARGUMENTS, -EINVAL);
  if (option === PR_GET_TAGGED_ADDR_CTRL) {
    return isZero(args.arg2) ? cur.tagControl : refuse(cur, PRCTL_UNUSED_ARGUMENTS, -EINVAL);
  }
  const mte = (archProt & PROT_MTE) !== 0 ? PR_MTE_TCF_SYNC | PR_MTE_TCF_ASYNC | PR_MTE_TAG_MASK : 0;
  const control = fromRegister(args.arg2);
  if (control < 0 || control > 2 ** 31 || (control & ~(PR_TAGGED_ADDR_ENABLE | mte)) !== 0) {
    return refuse(cur, PRCTL_TAGGED_ADDR_BITS, -EINVAL);
  }
  cur.tagControl = control;
  return 0;
}

/** PR_SET_MEMORY_MERGE and PR_GET_MEMORY_MERGE. */
function memoryMerge(task: Task, option: number, args: PrctlArguments): number {
  const { cur } = task;
  const { config, profile } = cur.mm.system;
  if (!config.ksm || !profile.madvise.mergeAny) return refuse(cur, PRCTL_UNKNOWN_OPTION, -EINVAL);
  const get = option === PR_GET_MEMORY_MERGE;
  if (!restIsZero(args) || (get && !isZero(args.arg2))) return refuse(cur, PRCTL_UNUSED_ARGUMENTS, -EINVAL);
  if (get) return cur.mm.mergeAny ? 1 : 0;
  setMergeAny(cur.mm, !isZero(args.arg2));
  return 0;
}

/**
 * prctl(2).
 *
 * @param args `arg5` of PR_SET_VMA is the user address of the name on 4.4, its text on 6.1, null for none
 * @returns 0 or a value; -EINVAL for options that have nothing to do with memory
 */
export function prctl(task: Task, option: number, args: PrctlArguments): number {
  const { cur } = task;
  switch (option) {
    case PR_SET_MDWE:
    case PR_GET_MDWE:
      return mdwe(task, option, args);
    case PR_SET_THP_DISABLE:
    case PR_GET_THP_DISABLE:
      return prctlThpDisable(task, option, args);
    case PR_SET_TAGGED_ADDR_CTRL:
    case PR_GET_TAGGED_ADDR_CTRL:
      return taggedAddr(task, option, args);
    case PR_SET_MEMORY_MERGE:
    case PR_GET_MEMORY_MERGE:
      return memoryMerge(task, option, args);
    case PR_SET_MM:
      return prctlSetMm(task, int(args.arg2), args.arg3, isZero(args.arg4) && isZero(args.arg5));
    case PR_SET_VMA: {
      if (int(args.arg2) !== PR_SET_VMA_ANON_NAME) return refuse(cur, PRCTL_UNKNOWN_OPTION, -EINVAL);
      const name = typeof args.arg5 === 'bigint' ? Number(args.arg5) : args.arg5;
      return prctlSetVmaAnonName(cur, fromRegister(args.arg3), fromRegister(args.arg4), name);
    }
    default:
      return refuse(cur, PRCTL_UNKNOWN_OPTION, -EINVAL);
  }
}
