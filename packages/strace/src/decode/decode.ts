// Decodes a call into its operation. One decoder object serves a whole log; the three tables contain the known calls.

import { ArgReader } from '../parse/arg-reader.ts';
import { type Architecture } from '../calls.ts';
import { FILE_DECODERS } from './file.ts';
import { MEMORY_DECODERS } from './memory.ts';
import { PROCESS_DECODERS } from './process.ts';
import { type Op } from './types.ts';
import { type Call } from '../events.ts';

/** Names of the calls that change memory. */
export const MEMORY_CALLS: ReadonlySet<string> = new Set(MEMORY_DECODERS.keys());

/** Names of the calls that open, move, change or rename files. */
export const FILE_CALLS: ReadonlySet<string> = new Set(FILE_DECODERS.keys());

/** Names of the calls that create, change or end tasks. */
export const PROCESS_CALLS: ReadonlySet<string> = new Set(PROCESS_DECODERS.keys());

/** Names of all calls that {@link CallDecoder} understands. */
export const KNOWN_CALLS: ReadonlySet<string> = new Set([...MEMORY_CALLS, ...FILE_CALLS, ...PROCESS_CALLS]);

/** Decodes the calls of one log. */
export class CallDecoder {
  readonly #reader = new ArgReader();
  readonly #generic: boolean;

  /**
   * @param architecture - of the machine that made the log. It matters only for open flags printed as numbers
   *   (`-X raw`, `-e raw=…`), whose values differ between arm and other machines.
   */
  constructor(architecture: Architecture = 'arm64') {
    this.#generic = architecture !== 'arm64' && architecture !== 'arm' && architecture !== 'unknown';
  }

  /**
   * Decodes a call.
   * @returns null for a call that is none of {@link KNOWN_CALLS}; an `undecoded` operation when an argument of a known
   *   call could not be read. An entered call that has not returned may lack the arguments that strace prints at return.
   */
  decode(call: Call): Op | null {
    const args = this.#reader.start(call);
    const name = call.name;
    let op: Op;
    const memory = MEMORY_DECODERS.get(name);
    if (memory !== undefined) op = memory(args, name);
    else {
      const file = FILE_DECODERS.get(name);
      if (file !== undefined) op = file(args, call, this.#generic);
      else {
        const process = PROCESS_DECODERS.get(name);
        if (process === undefined) return null;
        op = process(args, call);
      }
    }
    return args.problem ?? op;
  }
}

/** Decodes a single call; see {@link CallDecoder.decode}. */
export function decodeCall(call: Call, architecture: Architecture = 'arm64'): Op | null {
  return new CallDecoder(architecture).decode(call);
}
