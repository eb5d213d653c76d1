/**
 * Runs scripts on the host's own kernel and makes recordings of them: compiles the executor, starts it once for each script,
 * and reads its answers.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { arch, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { errnoName, signalName } from '@vmarea/uapi';
import type { Guest } from '../machine.ts';
import { hex, type Fault, type Header, type Op, type Recording, type Ret, type SmapsVma } from '../recording.ts';
import { InodeNumbers, parseSmaps } from '../text.ts';
import { codeAsRecorded } from '../user.ts';
import { ARGUMENTS, batchText, type Argument, type Line, type Script } from './script.ts';

/** The folder with the executor's sources. */
const SOURCES: string = join(import.meta.dirname, '..', '..', 'host');

const FLAGS: readonly string[] = [
  '-O1',
  '-ffreestanding',
  '-nostdlib',
  '-static',
  '-fno-stack-protector',
  '-fno-pic',
  '-no-pie',
  '-fno-builtin',
  '-fno-tree-loop-distribute-patterns',
  '-fno-strict-aliasing',
  '-Wl,--build-id=none',
  '-Wl,-z,max-page-size=4096',
];

/** The host cannot run the executor. */
export class NoHostError extends Error {
  override readonly name = 'NoHostError';
}

/** Returns the name of a compiler, or null. */
function compiler(): string | null {
  for (const name of ['cc', 'gcc', 'clang']) {
    if (spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0) return name;
  }
  return null;
}

/** The answers of an executor to one script: its lines, and the status of a killed process, otherwise 0. */
interface Answers {
  readonly lines: readonly string[];
  readonly status: number;
}

/** The host's kernel, with a compiled executor. */
export class Host {
  readonly release: string = release();
  readonly guest: Guest;
  private readonly dir: string;
  private readonly header: Omit<Header, 'name'>;
  private readonly executorPath: string;

  /** @throws NoHostError when this is not a Linux that vmarea models, or when it has no C compiler */
  constructor() {
    if (process.platform !== 'linux') throw new NoHostError(`this is ${process.platform}, not Linux`);
    if (arch() !== 'x64' && arch() !== 'arm64') throw new NoHostError(`no executor for ${arch()}`);
    const cc = compiler();
    if (cc === null) throw new NoHostError('there is no C compiler (cc, gcc or clang)');
    this.dir = mkdtempSync(join(tmpdir(), 'vmarea-host-'));
    this.executorPath = join(this.dir, 'mmexec');
    const x86 = arch() === 'x64' ? ['-fcf-protection=none'] : [];
    const script = `-Wl,-T,${join(SOURCES, 'executor.ld')}`;
    this.compile(cc, [...FLAGS, ...x86, script, '-o', this.executorPath, join(SOURCES, 'executor.c')]);
    this.compile(cc, ['-O1', '-o', join(this.dir, 'launcher'), join(SOURCES, 'launcher.c')]);
    const lines = this.ask([{ name: 'header', lines: [{ n: 1, op: 'info', args: [] }] }]).get('header')!.lines;
    const smaps = lines.slice(2).join('\n');
    this.header = this.headerOf(lines[0]!.split(' '), smaps);
    const vsyscall = /^\S+ (\S+) .*\[vsyscall\]$/m.exec(smaps)?.[1];
    const mode = vsyscall === undefined ? 'none' : vsyscall.startsWith('r') ? 'emulate' : 'xonly';
    // A small machine: scripts need little memory, and the library makes a machine for each.
    const protectionKeys = /^flags\s.*\bospke\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
    this.guest = { cmdline: `vsyscall=${mode}`, meminfo: { MemTotal: 16384 }, protectionKeys };
  }

  /** Removes the compiled executor. */
  close(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  private compile(cc: string, args: readonly string[]): void {
    const { status, stderr } = spawnSync(cc, args, { encoding: 'utf8' });
    if (status !== 0) throw new NoHostError(`${cc} cannot compile the executor: ${stderr.slice(0, 2000)}`);
  }

  private ask(scripts: readonly Script[]): Map<string, Answers> {
    const { status, stdout, error } = spawnSync(join(this.dir, 'launcher'), [this.executorPath], {
      input: batchText(scripts),
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    });
    if (error !== undefined || status !== 0)
      throw new Error(`conformance: the launcher ended with ${status}: ${error}`);
    const answers = new Map<string, Answers>();
    for (const part of stdout.split(/^= /m).slice(1)) {
      const lines = part.split('\n');
      const failed = lines.findIndex((line) => line.startsWith('! '));
      const name = lines.shift()!;
      answers.set(name, { lines, status: failed < 0 ? 0 : Number(lines[failed - 1]!.slice(2)) });
    }
    return answers;
  }

  private headerOf(info: readonly string[], smaps: string): Omit<Header, 'name'> {
    const text = (path: string): string => readFileSync(path, 'utf8').trim();
    const sysctl: Record<string, number> = {};
    for (const name of ['overcommit_memory', 'overcommit_ratio', 'overcommit_kbytes', 'max_map_count', 'mmap_min_addr'])
      sysctl[name] = Number(text(`/proc/sys/vm/${name}`));
    for (const name of ['admin_reserve_kbytes', 'user_reserve_kbytes']) sysctl[name] = 0;
    sysctl['legacy_va_layout'] = existsSync('/proc/sys/vm/legacy_va_layout')
      ? Number(text('/proc/sys/vm/legacy_va_layout'))
      : 0;
    sysctl['randomize_va_space'] = Number(text('/proc/sys/kernel/randomize_va_space'));
    const inodes = new InodeNumbers();
    const initial = parseSmaps(smaps, inodes).map((vma) => ({
      ...vma.figures,
      start: vma.start,
      end: vma.end,
      perms: vma.perms,
      off: vma.off,
      ino: vma.path === this.executorPath ? 999 : 0,
      path: vma.path === this.executorPath ? '/mmexec' : vma.path,
      VmFlags: vma.vmFlags,
    })) as readonly SmapsVma[];
    const heads = smaps
      .split('\n')
      .filter((line) => /^[0-9a-f]+-[0-9a-f]+ /.test(line))
      .join('\n');
    const x86 = arch() === 'x64';
    return {
      kernel: this.release,
      arch: x86 ? 'x86_64' : 'aarch64',
      page_size: 4096,
      va_bits: x86 ? 47 : 48,
      task_size: x86 ? '0x7ffffffff000' : '0x1000000000000',
      layout: 'topdown',
      mmap_base: '0x0',
      first_mmap: '0x0',
      sysctl,
      rlimits: {
        STACK: [hex(8 * 2 ** 20), 'inf'],
        MEMLOCK: [hex(8 * 2 ** 20), hex(8 * 2 ** 20)],
        CORE: ['0x0', '0x0'],
      },
      personality: '0x40000',
      uid: 0,
      meminfo: {},
      start_brk: info[3]!,
      sp: '0x0',
      scratch_hole: info[2]!,
      initial_maps: this.maps(heads, new InodeNumbers()),
      initial_smaps: initial,
      initial_status: {},
      initial_faults: { minflt: 0, majflt: 0 },
    };
  }

  /** Returns the lines of maps in the format of recordings: one blank between fields, inodes numbered, one name for the executor. */
  private maps(text: string, inodes: InodeNumbers): string[] {
    const lines: string[] = [];
    for (const line of text.split('\n')) {
      const match = /^(\S+) (\S+) (\S+) (\S+) (\d+)(?:\s+(.*))?$/.exec(line);
      if (match === null) continue;
      const [, range, perms, off, device, ino, name = ''] = match;
      const own = name === this.executorPath;
      const number = own ? 999 : inodes.of(device!, Number(ino));
      lines.push([range, perms, off, device, number, own ? '/mmexec' : name].filter((field) => field !== '').join(' '));
    }
    return lines;
  }

  /**
   * Runs scripts and returns a recording of each.
   *
   * @throws Error when a script's process was killed or hung
   */
  record(scripts: readonly Script[]): Recording[] {
    const answers = this.ask(scripts);
    return scripts.map((script) => {
      const given = answers.get(script.name);
      if (given?.status !== 0)
        throw new Error(`conformance: ${script.name}: its process ended with ${String(given?.status)}`);
      return { header: { ...this.header, name: script.name }, ops: new Reader(this, script, given.lines).ops() };
    });
  }

  /** Used by {@link Reader}. */
  mapsOf(text: string, inodes: InodeNumbers): string[] {
    return this.maps(text, inodes);
  }
}

/** The answer to one line. */
interface Answer {
  ret?: bigint;
  fault?: Fault;
  text?: string;
  bytes?: string;
  vec?: string;
  file?: { readonly device: string; readonly ino: number };
  skip?: true;
}

/** The operations whose result is an address. */
const ADDRESSES: ReadonlySet<string> = new Set(['mmap', 'mremap', 'brk']);

/** Converts the answers to a script into the operations of a recording. */
class Reader {
  private readonly host: Host;
  private readonly script: Script;
  private readonly answers = new Map<number, Answer>();

  constructor(host: Host, script: Script, lines: readonly string[]) {
    this.host = host;
    this.script = script;
    for (let i = 0; i < lines.length; i++) {
      const fields = lines[i]!.split(' ');
      const n = Number(fields[0]);
      if (fields.length < 2 || !Number.isInteger(n)) continue;
      const answer = this.answers.get(n) ?? {};
      this.answers.set(n, answer);
      switch (fields[1]) {
        case 'ret':
          answer.ret = fields[2]!.startsWith('-') ? -BigInt(fields[2]!.slice(1)) : BigInt(fields[2]!);
          break;
        case 'fault':
          answer.fault = {
            sig: signalName(Number(fields[2])),
            code: codeAsRecorded(Number(fields[2]), Number(fields[3])),
            addr: fields[4]!,
            done: Number(fields[5]),
          };
          break;
        case 'bytes':
          answer.bytes = fields[2]!;
          break;
        case 'vec':
          answer.vec = fields[2]!;
          break;
        case 'skip':
          answer.skip = true;
          break;
        case 'file': {
          const device = Number(fields[2]);
          const pair = [device >>> 8, device & 0xff].map((part) => part.toString(16).padStart(2, '0'));
          answer.file = { device: pair.join(':'), ino: Number(fields[3]) };
          break;
        }
        case 'text': {
          const text: string[] = [];
          let left = Number(fields[2]);
          while (left > 0) {
            const line = lines[++i]!;
            text.push(line);
            left -= line.length + 1;
          }
          answer.text = text.join('\n');
          break;
        }
        default:
          throw new Error(`conformance: the executor does not know the operation of line ${n}`);
      }
    }
  }

  ops(): Op[] {
    const ops: Op[] = [];
    let child = 0;
    let inodes = new InodeNumbers();
    let parents: InodeNumbers | null = null;
    let pid = 0;
    for (let i = 0; i < this.script.lines.length; i++) {
      const line = this.script.lines[i]!;
      const { n, op } = line;
      const answer = this.answers.get(n);
      if (op === 'fork') {
        child++;
        ops.push({ n, pid: 0, op: 'fork', child });
        if (answer!.ret! < 0n) {
          ops.push({ n, pid: 0, op: 'forkret', ret: this.result(op, answer!) });
          while (this.script.lines[i]!.op !== 'end') i++;
          continue;
        }
        pid = child;
        parents = inodes;
        inodes = inodes.copy();
        continue;
      }
      if (op === 'end') {
        ops.push({ n, pid: 0, op: 'wait', child, status: 0 });
        pid = 0;
        inodes = parents!;
        continue;
      }
      if (answer === undefined) throw new Error(`conformance: ${this.script.name}: no answer to line ${n}`);
      if (answer.skip === true) continue;
      ops.push(this.op(line, answer, pid, inodes));
    }
    return ops;
  }

  private op(line: Line, answer: Answer, pid: number, inodes: InodeNumbers): Op {
    const { n, op, args } = line;
    if (op === 'maps') return { n, pid, op, maps: this.host.mapsOf(answer.text!, inodes) };
    if (answer.file !== undefined) inodes.of(answer.file.device, answer.file.ino);
    const named: Record<string, unknown> = {};
    for (const [at, name] of ARGUMENTS[op]!.entries()) named[name] = this.value(args[at]!);
    if (op === 'memfd_create') {
      named['name'] = 'm';
      named['flags'] = 2;
    }
    const vec = answer.vec === undefined ? {} : { vec: answer.vec };
    return { n, pid, op, ...named, ret: this.result(op, answer), ...vec };
  }

  /** An argument as recordings write it: hexadecimal, but for -1. */
  private value(argument: Argument): number | string {
    if (typeof argument === 'object') {
      const value = this.answers.get(argument.line)!.ret! + BigInt(argument.plus);
      return `0x${value.toString(16)}`;
    }
    return argument < 0 ? Number(argument) : `0x${argument.toString(16)}`;
  }

  private result(op: string, answer: Answer): Ret {
    if (answer.fault !== undefined) return answer.fault;
    if (answer.bytes !== undefined) return answer.bytes;
    const ret = answer.ret!;
    if (ret < 0n) return `-${errnoName(Number(ret))}`;
    return ADDRESSES.has(op) ? hex(Number(ret)) : Number(ret);
  }
}
