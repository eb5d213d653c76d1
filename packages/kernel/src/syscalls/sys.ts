/**
 * The system calls of a task, raw: registers and plain values in, a result or a negative errno (or RETRY) out.
 *
 * Each concern has its file; this one puts them together. What takes a pointer in C takes a JS value here;
 * syscalls/table.ts has the calls by number, with pointers.
 */
import { ProcessCalls } from './process.ts';

/** Every call of a task. */
export class Sys extends ProcessCalls {}
