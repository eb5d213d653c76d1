// Decodes the calls that create, change or end tasks, from their arguments and results.

import {
  CLONE_VFORK,
  CLONE_VM,
  CSIGNAL,
  RLIM_INFINITY,
  SIGCHLD,
  parseCloneFlags,
  parseFlagNumber,
  parsePersonality,
  rlimitByName,
  signalByName,
  uniteFlags,
  withoutComments,
} from '@vmarea/uapi';
import { type ArgReader, CWD } from '../parse/arg-reader.ts';
import { type Register, parseFields, parseRegister, parseText, splitArgs, withoutComment } from '../parse/args.ts';
import { type Op, type RlimitValue } from './types.ts';
import { type Call } from '../events.ts';

/** Decodes one call, whose arguments are in a reader. */
export type ProcessDecoder = (args: ArgReader, call: Call) => Op;

function childOf(call: Call): number | null {
  return call.ret !== null && call.ret > 0 ? call.ret : null;
}

function fork(_args: ArgReader, call: Call): Op {
  return {
    op: 'fork',
    flags: call.name === 'vfork' ? CLONE_VM | CLONE_VFORK : 0,
    exitSignal: SIGCHLD,
    stack: 0,
    stackSize: 0,
    child: childOf(call),
  };
}

/** Splits flags of clone that include the exit signal: `CLONE_VM|SIGCHLD`, `0x1200000|17`, `0x1200011`. */
function splitCloneFlags(text: string): { flags: number; exitSignal: number } | null {
  let flags = 0;
  let exitSignal = 0;
  for (const part of withoutComments(text).split('|')) {
    const word = part.trim();
    const signal = word.startsWith('SIG') ? signalByName(word) : undefined;
    if (signal !== undefined) {
      exitSignal = signal;
      continue;
    }
    const number = parseFlagNumber(word);
    if (number !== null) {
      exitSignal |= number & CSIGNAL;
      flags = uniteFlags(flags, number - (number & CSIGNAL));
      continue;
    }
    const value = parseCloneFlags(word);
    if (value === null) return null;
    flags = uniteFlags(flags, value);
  }
  return { flags, exitSignal };
}

function clone(args: ArgReader, call: Call): Op {
  let flagsText = args.raw(0);
  let stackText = args.raw(1);
  let stackSize: Register = 0;
  let index = 0;
  for (let i = 0; i < args.length; i += 1) {
    const arg = args.raw(i);
    if (arg.startsWith('flags=')) {
      flagsText = arg.slice(6);
      index = i;
    } else if (arg.startsWith('child_stack=')) stackText = arg.slice(12);
    else if (arg.startsWith('stack_size=')) stackSize = parseRegister(arg.slice(11)) ?? 0;
  }
  const split = splitCloneFlags(flagsText);
  if (split === null) args.fail(index, 'clone flags');
  return {
    op: 'fork',
    flags: split?.flags ?? 0,
    exitSignal: split?.exitSignal ?? 0,
    stack: parseRegister(stackText) ?? 0,
    stackSize,
    child: childOf(call),
  };
}

function clone3(args: ArgReader, call: Call): Op {
  const text = args.raw(0);
  const close = text.indexOf('} =>');
  const fields = parseFields(close < 0 ? text : text.slice(0, close + 1));
  const flagsText = fields.get('flags');
  const flags = flagsText === undefined ? null : parseCloneFlags(flagsText);
  if (flags === null) args.fail(0, 'clone flags');
  const signal = withoutComments(fields.get('exit_signal') ?? '0').trim();
  return {
    op: 'fork',
    flags: flags ?? 0,
    exitSignal: signal === '0' ? 0 : (signalByName(signal) ?? 0),
    stack: parseRegister(fields.get('stack') ?? '0') ?? 0,
    stackSize: parseRegister(fields.get('stack_size') ?? '0') ?? 0,
    child: childOf(call),
  };
}

function exec(args: ArgReader, call: Call): Op {
  const at = call.name === 'execveat' ? 1 : 0;
  const list = args.raw(at + 1);
  let argv: string[] | null = null;
  let argvTruncated = false;
  if (list.startsWith('[')) {
    argv = [];
    for (const part of splitArgs(list.slice(1, list.endsWith(']') ? -1 : undefined))) {
      const text = parseText(part);
      if (text === null) {
        if (part.startsWith('...')) argvTruncated = true;
        continue;
      }
      argv.push(text.value);
      argvTruncated ||= text.truncated;
    }
  }
  return { op: 'exec', dir: at === 1 ? args.descriptor(0) : CWD, path: args.text(at), argv, argvTruncated };
}

function exit(args: ArgReader, call: Call): Op {
  return { op: 'exit', status: args.int(0), group: call.name === 'exit_group' };
}

function personality(args: ArgReader): Op {
  return { op: 'personality', personality: args.flags(0, parsePersonality, 'personality') };
}

function limit(text: string): RlimitValue | null {
  if (!text.startsWith('{')) return null;
  const fields = parseFields(text);
  const soft = limitNumber(fields.get('rlim_cur'));
  const hard = limitNumber(fields.get('rlim_max'));
  return soft === null || hard === null ? null : { soft, hard };
}

function limitNumber(text: string | undefined): number | null {
  if (text === undefined) return null;
  const bare = withoutComment(text);
  if (bare === 'RLIM_INFINITY' || bare === 'RLIM64_INFINITY') return RLIM_INFINITY;
  const value = parseRegister(bare);
  if (value === null) return null;
  // The only limit above 2^53 that occurs is «no limit»: all 64 bits. A 32-bit program's is all 32.
  return typeof value === 'bigint' ? RLIM_INFINITY : value;
}

function rlimit(args: ArgReader, call: Call): Op {
  const prlimit = call.name === 'prlimit64';
  const at = prlimit ? 1 : 0;
  const name = withoutComment(args.raw(at));
  const resource = rlimitByName(name) ?? parseRegister(name);
  if (typeof resource !== 'number') args.fail(at, 'name of a limit');
  const returned = call.ret === 0;
  const sets = prlimit || call.name === 'setrlimit';
  return {
    op: 'rlimit',
    pid: prlimit ? args.int(0) : 0,
    resource: typeof resource === 'number' ? resource : -1,
    set: sets ? limit(args.raw(prlimit ? 2 : 1)) : null,
    was: returned && (prlimit || !sets) ? limit(args.raw(prlimit ? 3 : 1)) : null,
  };
}

/** Decoders of the calls about tasks, by name. */
export const PROCESS_DECODERS: ReadonlyMap<string, ProcessDecoder> = new Map<string, ProcessDecoder>([
  ['fork', fork],
  ['vfork', fork],
  ['clone', clone],
  ['clone2', clone],
  ['clone3', clone3],
  ['execve', exec],
  ['execveat', exec],
  ['exit', exit],
  ['exit_group', exit],
  ['personality', personality],
  ['setrlimit', rlimit],
  ['getrlimit', rlimit],
  ['ugetrlimit', rlimit],
  ['prlimit64', rlimit],
]);
