/**
 * Assumes descriptors that a script uses and does not open: a line of a log that maps descriptor 3 shows that it was open.
 */
import { DEFAULT_FILE, type FileKind, type FileSpec } from '@vmarea/situation';
import { EACCES, EBADF, EPERM } from '@vmarea/uapi';
import { parseDescriptor } from '@vmarea/strace';
import type { Call } from '../input/script.ts';
import { constantByName } from '../input/values.ts';
import type { StagedFile } from './files.ts';

/** The assumptions about descriptors. */
export interface AssumedFiles {
  readonly files: ReadonlyMap<number, StagedFile>;
  /** Values of variables. */
  readonly values: ReadonlyMap<string, bigint>;
  /** The assumptions, as sentences. */
  readonly notes: readonly string[];
  /** Descriptors of files whose open mode is unknown; it may be varied. */
  readonly guessed: readonly number[];
}

/** Returns the size of a file that is only known to be open: what the mapping needs, at least 64 KiB. */
function sizeFor(call: Call): number {
  const plain = (text: string | undefined): number => (/^(0x[0-9a-f]+|\d+)$/i.test(text ?? '') ? Number(text) : 0);
  return Math.min(2 ** 40, Math.max(65536, plain(call.args[1]) + plain(call.args[5])));
}

/** Returns the kind of file that a path implies. */
function kindOf(path: string | null): FileKind {
  if (path === '/dev/zero') return 'zero';
  if (path === '/dev/null') return 'null';
  if (path?.startsWith('/memfd:') === true) return 'memfd';
  if (/^\/(?:dev|mnt|var\/lib)?\/?huge(?:pages|tlbfs)?(?:[-_/]|$)/.test(path ?? '')) return 'hugetlbfs';
  return path?.startsWith('pipe:') === true ? 'pipe' : 'ramfs';
}

/** The device that a call opens; null for another call. */
function devicePath({ name, args }: Call): string | null {
  if (!/^open(?:at)?$/.test(name)) return null;
  return (
    /^"(\/(?:dev\/(?!shm\/|zero"|null"|hugepages)|proc\/|sys\/)[^"]{1,200})"/.exec(
      args[name === 'open' ? 0 : 1] ?? '',
    )?.[1] ?? null
  );
}

/** Returns whether a line of a log opened a device: the machine here has none of that name, so its file is assumed. */
export function isDeviceOpen(call: Call): boolean {
  return (call.recorded?.ret ?? -1) >= 0 && devicePath(call) !== null;
}

/** Collects the descriptors that a script uses without opening them. */
class Assumptions implements AssumedFiles {
  readonly files = new Map<number, StagedFile>();
  readonly values = new Map<string, bigint>();
  readonly notes: string[] = [];
  readonly guessed: number[] = [];
  private readonly given: ReadonlyMap<number, StagedFile>;
  private readonly opened = new Set<number>();
  private readonly assigned = new Set<string>();

  constructor(given: ReadonlyMap<number, StagedFile>) {
    this.given = given;
  }

  call(call: Call): void {
    if (call.name === 'mmap' && call.args[3]?.includes('MAP_ANON') !== true) this.mapped(call);
    if (call.assign !== null) this.assigned.add(call.assign);
    const ret = call.recorded?.ret ?? -1;
    if (isDeviceOpen(call)) this.assume(ret, devicePath(call), call, `descriptor ${ret}`);
    else if (/^(open|openat|creat|memfd_create|dup|dup2|dup3|shm_open)$/.test(call.name) && ret >= 0)
      this.opened.add(ret);
  }

  private mapped(call: Call): void {
    const text = call.args[4] ?? '';
    const variable = /^[A-Za-z_]\w*$/.test(text) && constantByName(text) === undefined && !this.assigned.has(text);
    if (variable) {
      this.variable(text, call);
      return;
    }
    const { recorded } = call;
    const found = parseDescriptor(text);
    // Without a result, the line does not show that the descriptor was open.
    if (found === null || found.fd < 0 || (recorded === null && found.path === null)) return;
    if (recorded?.ret === -EBADF || this.isOpen(found.fd)) return;
    this.assume(found.fd, found.path, call, `descriptor ${found.fd}`);
  }

  private isOpen(fd: number): boolean {
    return this.given.has(fd) || this.files.has(fd) || this.opened.has(fd);
  }

  private variable(name: string, call: Call): void {
    if (this.values.has(name)) return;
    const known = [...this.given.keys()][0];
    let fd = known ?? 3;
    while (known === undefined && this.isOpen(fd)) fd++;
    this.values.set(name, BigInt(fd));
    if (known === undefined) this.assume(fd, null, call, `${name} is taken as descriptor ${fd}`);
  }

  private assume(fd: number, path: string | null, call: Call, what: string): void {
    const kind = kindOf(path);
    const spec: FileSpec = { ...DEFAULT_FILE, size: sizeFor(call), kind };
    const absolute = path?.startsWith('/') === true ? path : null;
    this.files.set(fd, { spec, path: absolute });
    // A driver answers for a device, however it is open.
    if (!/^\/(?:dev|proc|sys)\//.test(absolute ?? '') || kind !== 'ramfs') this.guessed.push(fd);
    this.notes.push(
      `${what}${absolute === null ? '' : ` (${absolute})`}: ${kind === 'ramfs' ? 'a plain file' : kind} open read-write is assumed; --file ${fd}=ro,size=… says otherwise.`,
    );
  }
}

/** Returns the assumptions for the descriptors that a script uses without opening them. */
export function assumeFiles(script: readonly Call[], given: ReadonlyMap<number, StagedFile>): AssumedFiles {
  const assumptions = new Assumptions(given);
  for (const call of script) assumptions.call(call);
  return assumptions;
}

/** Returns ways in which a file may have been opened so that the recorded errno results, with a description of each. */
export function waysToOpen(errno: number): readonly (readonly [Partial<FileSpec>, string])[] {
  if (errno === EACCES)
    return [
      [{ mode: 'ro' }, 'open read-only'],
      [{ mode: 'wo' }, 'open write-only'],
      [{ noexec: true }, 'on a mount with noexec'],
    ];
  if (errno === EPERM)
    return [
      [{ noexec: true }, 'on a mount with noexec'],
      [{ sealed: true, kind: 'memfd' }, 'a sealed memfd'],
    ];
  return [];
}
