/**
 * The rights of page-table entries: which bits an access needs, and which an entry gets from its VMA.
 */
import {
  PTE_DIRTY,
  PTE_EXEC,
  PTE_KEY_NO_WRITE,
  PTE_PRESENT,
  PTE_PROTNONE,
  PTE_USER,
  PTE_WRITE,
  PTE_YOUNG,
} from '../../ports/arch.ts';
import { VM_SHARED, VM_WRITE } from '../../base/flags.ts';

/** Kinds of access. */
export const ACCESS_READ = 0;
export const ACCESS_WRITE = 1;
export const ACCESS_EXEC = 2;

const USABLE: number = PTE_PRESENT | PTE_YOUNG;
const READ_MASK: number = USABLE | PTE_PROTNONE | PTE_USER;
const READ_WANT: number = USABLE | PTE_USER;
const WRITE_MASK: number = READ_MASK | PTE_WRITE | PTE_DIRTY | PTE_KEY_NO_WRITE;
const WRITE_WANT: number = READ_WANT | PTE_WRITE | PTE_DIRTY;
const EXEC_MASK: number = USABLE | PTE_PROTNONE | PTE_EXEC;
const EXEC_WANT: number = USABLE | PTE_EXEC;

/**
 * Returns the bits of an entry as an MMU that sets access and dirty flags itself sees them: as if the accessed bit were set,
 * and the dirty bit of a writable entry.
 */
export function asHardwareSees(bits: number): number {
  return bits | PTE_YOUNG | ((bits & PTE_WRITE) !== 0 ? PTE_DIRTY : 0);
}

/** Returns whether an MMU without hardware access and dirty flags permits a load in user mode. */
export function mayRead(bits: number): boolean {
  return (bits & READ_MASK) === READ_WANT;
}

/** Returns whether it permits a store: a store to a writable page that is still clean faults. */
export function mayWrite(bits: number): boolean {
  return (bits & WRITE_MASK) === WRITE_WANT;
}

/** Returns whether it permits an instruction fetch. */
export function mayExec(bits: number): boolean {
  return (bits & EXEC_MASK) === EXEC_WANT;
}

/** Returns whether an entry with these bits permits the access. */
export function mayAccess(bits: number, access: number): boolean {
  if (access === ACCESS_READ) return mayRead(bits);
  return access === ACCESS_WRITE ? mayWrite(bits) : mayExec(bits);
}

/** Returns PTE_WRITE if the protection itself is writable (shared writable mappings without write notification), else 0. */
export function protWrite(vmPageProt: number): number {
  return (vmPageProt & (VM_WRITE | VM_SHARED)) === (VM_WRITE | VM_SHARED) ? PTE_WRITE : 0;
}
