/**
 * `vmarea record` and `vmarea run`: a real program under strace, and everything that a replay of it needs, in a bundle.
 *
 * The map at the end is read while strace holds the program at its exit_group for a moment.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ElfError, formatElfJson, joinPath, parseElf, type ElfHeaders } from '@vmarea/replay';
import { SYSCTL_NAMES } from '@vmarea/situation';
import { parseLog } from '@vmarea/strace';
import { rlimitByName } from '@vmarea/uapi';
import { probe, Sysroot } from '../machine/sysroot.ts';
import { UsageError, type Io } from '../text/io.ts';
import { BUNDLE_FILE, type BundleFacts } from './bundle.ts';

/** How long strace holds a process at its exit, microseconds; and how often its map is read meanwhile, milliseconds. */
const HOLD = 300_000;
const READ_EVERY = 20;

/** Calls that a replay looks at. */
const TRACE = 'trace=%memory,%file,%desc,%process';

function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

/** @throws UsageError where there is no strace */
function requireStrace(): void {
  const found = spawnSync('strace', ['-V'], { stdio: 'ignore' });
  if (found.error !== undefined) {
    throw new UsageError(
      'strace is not here: install it («apt-get install strace», «dnf install strace»); «vmarea demo» needs none',
    );
  }
}

/** Names of /proc/PID/limits, and what --rlimit calls them. */
const LIMITS: readonly (readonly [string, string])[] = [
  ['Max file size', 'fsize'],
  ['Max data size', 'data'],
  ['Max stack size', 'stack'],
  ['Max open files', 'nofile'],
  ['Max locked memory', 'memlock'],
  ['Max address space', 'as'],
];

function limitsHere(): string[] {
  const text = readOrNull('/proc/self/limits') ?? '';
  return text.split('\n').flatMap((line) => {
    const known = LIMITS.find(([title]) => line.startsWith(title));
    const values = /(unlimited|[0-9]+) +(unlimited|[0-9]+) +[a-z]*\s*$/.exec(line);
    if (known === undefined || values === null || rlimitByName(known[1]) === undefined) return [];
    return [`${known[1]}=${values[1]!}:${values[2]!}`];
  });
}

function sysctlsHere(): string[] {
  return SYSCTL_NAMES.flatMap((name) => {
    const value = readOrNull(`/proc/sys/${name.replaceAll('.', '/')}`)?.trim();
    return value !== undefined && /^[0-9]+$/.test(value) ? [`${name}=${value}`] : [];
  });
}

/** Calls that show the paths of what is mapped. */
const OPENING: ReadonlySet<string> = new Set(['execve', 'open', 'openat']);

/**
 * Headers of what a log executed, and of the loaders; and the links that led to the files of the map.
 *
 * @param cwd where the first process began
 */
function headersOf(log: string, map: string, cwd: string): string {
  const tree = new Sysroot('/');
  const files = new Map<string, ElfHeaders>();
  const links = new Map<string, string>();
  const scripts = new Map<string, string>();
  const add = (path: string): void => {
    if (files.has(path) || scripts.has(path)) return;
    const resolved = tree.resolve(path);
    const found = probe(resolved);
    if (found === null) return;
    if (resolved !== path) links.set(path, resolved);
    const interpreter = tree.script(path);
    if (interpreter !== null) {
      scripts.set(path, interpreter);
      add(interpreter);
      return;
    }
    try {
      const elf = parseElf(found.bytes, path, found.size);
      files.set(path, elf);
      if (elf.interp !== null) add(elf.interp);
    } catch (error) {
      if (!(error instanceof ElfError)) throw error;
    }
  };
  const mapped = new Set(map.split('\n').map((line) => line.slice(73)));
  for (const event of parseLog(log, { calls: OPENING })) {
    if (event.type !== 'call' || event.call.ret === null || event.call.ret < 0) continue;
    const { name, args } = event.call;
    const given = /^"([^"\\]*)"/.exec(args[name === 'openat' ? 1 : 0] ?? '')?.[1];
    const path = given === undefined ? null : joinPath(cwd, given);
    if (path === null) continue;
    if (name !== 'execve') {
      const resolved = tree.resolve(path);
      if (resolved !== path && mapped.has(resolved)) links.set(path, resolved);
    } else add(path);
  }
  return formatElfJson({ files, links, scripts });
}

/** The processes that strace has started: those with which it tries ptrace out, then the command. */
function childrenOf(tracer: number): number[] {
  const text = readOrNull(`/proc/${tracer}/task/${tracer}/children`)?.trim() ?? '';
  return text === '' ? [] : text.split(' ').map(Number);
}

/** The program that a process runs; null when that cannot be read. */
function programOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return null;
  }
}

/** exit_group on x86-64 and arm64, as /proc/PID/syscall begins with it. */
const AT_EXIT = process.arch === 'x64' ? '231 ' : '94 ';

/** Whether strace holds a process at its exit: only then its map is that of its end. Where the kernel does not tell, it may be. */
function isHeld(pid: number): boolean {
  const call = readOrNull(`/proc/${pid}/syscall`);
  return call === null || call.startsWith(AT_EXIT);
}

/** Runs the command under strace; the maps of its children at their exits. */
async function trace(
  command: readonly string[],
  log: string,
): Promise<{ maps: ReadonlyMap<number, string>; status: number }> {
  const hold = `inject=exit_group:delay_enter=${HOLD}`;
  const child = spawn('strace', ['-f', '-o', log, '-e', TRACE, '-e', hold, '--', ...command], { stdio: 'inherit' });
  const maps = new Map<number, string>();
  const timer = setInterval(() => {
    if (child.pid === undefined) return;
    const tracer = programOf(child.pid);
    for (const pid of childrenOf(child.pid)) {
      // Before its exec a child is strace itself.
      if (programOf(pid) === tracer) continue;
      if (!isHeld(pid)) continue;
      const text = readOrNull(`/proc/${pid}/maps`);
      if (text !== null && text !== '' && isHeld(pid)) maps.set(pid, text);
    }
  }, READ_EVERY);
  try {
    const status = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => resolve(code ?? 1));
    });
    return { maps, status };
  } finally {
    clearInterval(timer);
  }
}

/**
 * Records a command into a directory.
 *
 * @throws UsageError where there is no strace, or the command cannot be started or traced
 */
export async function record(command: readonly string[], dir: string, io: Io): Promise<void> {
  requireStrace();
  mkdirSync(dir, { recursive: true });
  if (readdirSync(dir).length > 0) throw new UsageError(`record: ${dir} is not empty`);
  const log = join(dir, 'log.strace');
  const meminfo = readOrNull('/proc/meminfo');
  const { maps, status } = await trace(command, log);
  const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
  const map = maps.get(Number(/^[0-9]+/.exec(text)?.[0])) ?? null;
  if (!/ execve\(.* = 0$/m.test(text) && !/^execve\(.* = 0$/m.test(text))
    throw new UsageError(
      `record: «${command[0]!}» was not started under strace (status ${status}): its message stands above`,
    );
  const machine = process.arch === 'arm64' ? 'aarch64' : process.arch === 'x64' ? 'x86_64' : process.arch;
  const facts: BundleFacts = {
    version: 1,
    release: release(),
    machine,
    uid: process.getuid?.() ?? 0,
    rlimits: limitsHere(),
    sysctls: sysctlsHere(),
    cwd: process.cwd(),
  };
  writeFileSync(join(dir, BUNDLE_FILE), `${JSON.stringify(facts, null, 2)}\n`);
  if (meminfo !== null) writeFileSync(join(dir, 'meminfo'), meminfo);
  // A process that a signal ended was not held: what was read last is no map of its end.
  if (map !== null && text.includes('exit_group(')) writeFileSync(join(dir, 'maps'), map);
  writeFileSync(join(dir, 'elf.json'), headersOf(text, map ?? '', process.cwd()));
  if (status !== 0) io.err(`vmarea: the command ended with status ${status}\n`);
}

/** Records into a directory that is removed again after `use`. */
export async function recordFor<T>(command: readonly string[], io: Io, use: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'vmarea-run-'));
  try {
    await record(command, dir, io);
    return await use(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
