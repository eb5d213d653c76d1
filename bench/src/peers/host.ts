/**
 * The host's kernel as a peer: compiles host.c with the machine's C compiler and communicates with the child through pipes.
 *
 * Without a compiler, or on a system other than Linux, every result is NaN and `why` has the reason.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Contender } from '../measure/harness.ts';

/** Name of the peer in results. */
export const HOST = 'host kernel';

/** The compiled peer. */
export class Host {
  /** Why there is no peer; empty when there is one. */
  readonly why: string;
  /** Compiler and its version, for reports. */
  readonly compiler: string;
  private readonly child: ChildProcess | null;
  private readonly waiting: ((line: string) => void)[] = [];
  private readonly errors: Set<string> = new Set<string>();

  constructor() {
    const built = build();
    this.why = built.why;
    this.compiler = built.compiler;
    if (built.program === '') {
      this.child = null;
      return;
    }
    this.child = spawn(built.program, [], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.waiting.shift()?.(line));
    this.child.on('exit', () => {
      rmSync(built.dir, { recursive: true, force: true });
      for (const settle of this.waiting.splice(0)) settle('error the peer ended');
    });
  }

  /** Requests one measurement. Returns the numbers of the answer, none when it failed. */
  async ask(op: string, vmas: number, ms: number): Promise<number[]> {
    const child = this.child;
    if (child?.exitCode !== null) return [];
    const line = await new Promise<string>((settle) => {
      this.waiting.push(settle);
      child.stdin!.write(`${op} ${vmas} ${ms}\n`);
    });
    if (line.startsWith('error')) {
      if (!this.errors.has(line)) process.stderr.write(`host: ${op} ${vmas}: ${line}\n`);
      this.errors.add(line);
      return [];
    }
    return line.split(' ').map(Number);
  }

  /** Returns one operation as a contender. */
  contender(op: string, vmas: number, name: string = HOST): Contender {
    return { name, measure: async (ms) => (await this.ask(op, vmas, ms))[0] ?? NaN };
  }

  /** Ends the child. */
  end(): void {
    this.child?.stdin!.end();
  }
}

interface Built {
  program: string;
  dir: string;
  compiler: string;
  why: string;
}

function build(): Built {
  const none = { program: '', dir: '', compiler: '' };
  if (process.platform !== 'linux') return { ...none, why: 'the host is no Linux' };
  const version = spawnSync('cc', ['--version'], { encoding: 'utf8' });
  if (version.status !== 0) return { ...none, why: 'there is no C compiler (cc)' };
  const dir = mkdtempSync(join(tmpdir(), 'vmarea-bench-'));
  const program = join(dir, 'host');
  const source = fileURLToPath(new URL('../../src/peers/host.c', import.meta.url));
  const made = spawnSync('cc', ['-O2', '-o', program, source], { encoding: 'utf8' });
  if (made.status !== 0) {
    rmSync(dir, { recursive: true, force: true });
    return { ...none, why: `cc failed: ${made.stderr.trim()}` };
  }
  return { program, dir, compiler: version.stdout.split('\n')[0]!, why: '' };
}
