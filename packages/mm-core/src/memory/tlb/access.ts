/**
 * What an access needs of a page-table entry, and what an entry gets from its VMA.
 */
import { PTE_DIRTY, PTE_EXEC, PTE_PRESENT, PTE_PROTNONE, PTE_USER, PTE_WRITE, PTE_YOUNG } from '../../ports/arch.ts';
import { VM_SHARED, VM_WRITE } from '../../base/flags.ts';

/** Kinds of access. */
export const ACCESS_READ = 0;
export const ACCESS_WRITE = 1;
export const ACCESS_EXEC = 2;

const USABLE: number = PTE_PRESENT | PTE_YOUNG;
const READ_MASK: number = USABLE | PTE_PROTNONE | PTE_USER;
const READ_WANT: number = USABLE | PTE_USER;
const WRITE_MASK: number = READ_MASK | PTE_WRITE | PTE_DIRTY;
const WRITE_WANT: number = READ_WANT | PTE_WRITE | PTE_DIRTY;
const EXEC_MASK: number = USABLE | PTE_PROTNONE | PTE_EXEC;
const EXEC_WANT: number = USABLE | PTE_EXEC;

/**
 * What the bits of an entry are to an MMU that sets access and dirty flags by itself, where it could set them: an old entry
 * is no obstacle, nor a writable one that is clean.
 */
export function asHardwareSees(bits: number): number {
  return bits | PTE_YOUNG | ((bits & PTE_WRITE) !== 0 ? PTE_DIRTY : 0);
}

/** Whether an MMU without hardware access and dirty flags lets a load of user mode pass. */
export function mayRead(bits: number): boolean {
  return (bits & READ_MASK) === READ_WANT;
}

/** The same for a store: a writable page that is still clean faults. */
export function mayWrite(bits: number): boolean {
  return (bits & WRITE_MASK) === WRITE_WANT;
}

/** The same for an instruction fetch. */
export function mayExec(bits: number): boolean {
  return (bits & EXEC_MASK) === EXEC_WANT;
}

/** Whether an entry with these bits lets the access pass. */
export function mayAccess(bits: number, access: number): boolean {
  if (access === ACCESS_READ) return mayRead(bits);
  return access === ACCESS_WRITE ? mayWrite(bits) : mayExec(bits);
}

/** PTE_WRITE where the protection itself is writable (shared writable mappings that nobody watches), else 0. */
export function protWrite(vmPageProt: number): number {
  return (vmPageProt & (VM_WRITE | VM_SHARED)) === (VM_WRITE | VM_SHARED) ? PTE_WRITE : 0;
}
