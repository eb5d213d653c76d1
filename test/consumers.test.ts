// What users get: the packages are packed, the tarballs installed into an empty folder outside of the workspace without any
// network, and small programs there are type-checked against them and run. Needs `pnpm` and `npm` on the PATH.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const windows = process.platform === 'win32';
const home = mkdtempSync(join(tmpdir(), 'vmarea-consumers-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function run(command: string, args: readonly string[], cwd: string): string {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe', shell: windows });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')}\n${stdout ?? ''}${stderr ?? ''}`, { cause: error });
  }
}

const tarballs = new Map<string, string>();
const PACKED = [
  'uapi',
  'mm-core',
  'arch-arm64',
  'arch-x86-64',
  'vfs',
  'shmem',
  'hugetlbfs',
  'kernel',
  'strace',
  'what-if',
  'situation',
  'explain',
];

beforeAll(() => {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  run(process.execPath, [tsc, '-b', ...PACKED.map((name) => `packages/${name}`)], root);
  const dest = join(home, 'tarballs');
  mkdirSync(dest);
  for (const name of PACKED) {
    run('pnpm', ['pack', '--pack-destination', dest], join(root, 'packages', name));
    const made = readdirSync(dest).find((file) => file.startsWith(`vmarea-${name}-`));
    if (made === undefined) throw new Error(`no tarball of ${name}`);
    tarballs.set(name, join(dest, made));
  }
});

interface Consumer {
  readonly packages: readonly string[];
  /** A module; what it prints is the answer. */
  readonly program: string;
  readonly prints: string;
}

/** Installs, type-checks and runs a program: what it prints. */
function consume(name: string, packages: readonly string[], program: string): string {
  const dir = join(home, name);
  mkdirSync(dir);
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }));
  const files = packages.map((one) => tarballs.get(one)!);
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts', ...files], dir);
  expect(readdirSync(join(dir, 'node_modules/@vmarea')).sort()).toEqual([...packages].sort());
  writeFileSync(join(dir, 'main.ts'), program);
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    module: 'nodenext',
    // The newest that TypeScript 5.0 knows.
    target: 'es2022',
    lib: ['es2022'],
    types: [],
    outDir: 'out',
  };
  writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }));
  // The types are read by the oldest TypeScript that is supported as well.
  run(process.execPath, [join(root, 'node_modules/typescript-5.0/bin/tsc'), '-p', '.', '--noEmit'], dir);
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'], dir);
  return run(process.execPath, ['out/main.js'], dir);
}

/** The engine needs a file layer: this is all of one. */
const TINY_FILE = `
class TinyFile implements VmFile {
  fMode = 3; fFlags = 2; fCount = 1; readonly hugePageSize = 0;
  readonly fMapping = new FileMapping(null);
  readonly fInode: VmInode = { iMode: 0o100644, iFlags: 0, iSize: 65536, iWritecount: 0, devMajor: 0, devMinor: 1, ino: 1, iNlink: 1, iMapping: this.fMapping };
  readonly fOp: FileOperations = { mmap: () => 0, getUnmappedArea: null, fsync: null, fallocate: null };
  pathNoexec(): boolean { return false; }
  path(): string { return '/tiny'; }
  locksVerifyLocked(): number { return 0; }
  getFile(): VmFile { this.fCount++; return this; }
  fput(): void { this.fCount--; }
}
`;

const CONSUMERS: Readonly<Record<string, Consumer>> = {
  'the front door': {
    packages: ['uapi', 'mm-core', 'arch-arm64'],
    program: `
import { createArm64 } from '@vmarea/arch-arm64';
import { createAddressSpace, MemoryFaultError } from '@vmarea/mm-core/address-space';
import { ram } from '@vmarea/mm-core/memory';
import { LINUX_6_1, MAP_ANONYMOUS, MAP_PRIVATE } from '@vmarea/uapi';
import '@vmarea/mm-core/reasons';
declare const console: { log(...words: unknown[]): void };
const space = createAddressSpace({ arch: createArm64({ pageSize: 4096, vaBits: 48 }), profile: LINUX_6_1, memory: ram({ bytes: 2 ** 22 }) });
const addr = space.mmap({ length: 4096, prot: 3, flags: MAP_PRIVATE | MAP_ANONYMOUS });
space.store(addr, 7n, 8);
console.log(space.load(addr, 8));
try {
  space.load(addr - 4096);
} catch (error) {
  console.log(error instanceof MemoryFaultError ? error.reason : error);
}
`,
    prints: '7n\nNothing is mapped at the address.\n',
  },
  'the engine alone': {
    packages: ['uapi', 'mm-core'],
    program: `
import { createCaller, createMm, FileMapping, MmSystem, vmMmapPgoff, vmMunmap, type FileOperations, type VmFile, type VmInode } from '@vmarea/mm-core';
import { describeReason } from '@vmarea/mm-core/reasons';
import { createTestArch } from '@vmarea/mm-core/testing';
import { DEFAULT_CONFIG, LINUX_6_1, MAP_PRIVATE, MAP_SHARED } from '@vmarea/uapi';
declare const console: { log(...words: unknown[]): void };
${TINY_FILE}
const system = new MmSystem({ arch: createTestArch(), profile: LINUX_6_1, config: DEFAULT_CONFIG });
const mm = createMm(system);
if (mm === null) throw new Error('no memory');
const cur = createCaller(mm);
const file = new TinyFile();
const at = vmMmapPgoff(cur, file, 0, 8192, 3, MAP_SHARED, 0);
console.log(at > 0, mm.mapCount, file.fCount);
console.log(vmMunmap(cur, at, 8192), mm.mapCount, file.fCount);
file.fMode = 1;
console.log(vmMmapPgoff(cur, file, 0, 8192, 3, MAP_SHARED, 0), describeReason(cur.call.reason)?.id);
console.log(vmMmapPgoff(cur, file, 0, 8192, 3, MAP_PRIVATE, 0) > 0);
`,
    prints: 'true 1 2\n0 0 1\n-13 do_mmap.shared_write_needs_fmode_write\ntrue\n',
  },
  'arch-arm64 alone': {
    packages: ['uapi', 'arch-arm64'],
    program: `
import { createArm64, PTE_DIRTY, PTE_WRITE } from '@vmarea/arch-arm64';
declare const console: { log(...words: unknown[]): void };
const arch = createArm64({ pageSize: 16384, vaBits: 47 });
const u32 = new Uint32Array(2 ** 18);
let next = 0;
const tables = arch.createPageTables({ u32 }, { allocTable: () => next++, freeTable: () => undefined });
if (tables === null) throw new Error('no memory');
const slot = tables.slotAlloc(0x400000);
tables.setEntry(slot, 0x11, 3, PTE_WRITE | PTE_DIRTY);
console.log(arch.taskSize === 2 ** 47, tables.pfn(tables.slot(0x400000)), tables.walk(0x404000));
`,
    prints: 'true 17 0\n',
  },
  'arch-x86-64 alone': {
    packages: ['uapi', 'arch-x86-64'],
    program: `
import { createX86_64, PTE_DIRTY, PTE_WRITE } from '@vmarea/arch-x86-64';
declare const console: { log(...words: unknown[]): void };
const arch = createX86_64({ levels: 5 });
const u32 = new Uint32Array(2 ** 18);
let next = 0;
const tables = arch.createPageTables({ u32 }, { allocTable: () => next++, freeTable: () => undefined });
if (tables === null) throw new Error('no memory');
const slot = tables.slotAlloc(2 ** 55);
tables.setEntry(slot, 0x11, 3, PTE_WRITE);
tables.touch(slot, true);
console.log(arch.mapWindow === 2 ** 47 - 4096, tables.pfn(tables.slot(2 ** 55)), tables.entry(slot) & PTE_DIRTY);
`,
    prints: 'true 17 4\n',
  },
  'vfs with a driver of its own': {
    packages: ['uapi', 'mm-core', 'arch-arm64', 'vfs'],
    program: `
import { createArm64 } from '@vmarea/arch-arm64';
import { createCaller, createMm, MmSystem, vmMmapPgoff } from '@vmarea/mm-core';
import { createMemory, UserMemory } from '@vmarea/mm-core/memory';
import { DEFAULT_CONFIG, LINUX_6_1, MAP_PRIVATE, PROT_READ, S_IFREG } from '@vmarea/uapi';
import { doFilpOpen, FilesStruct, FsStruct, MountTree, ramfs, storeFs } from '@vmarea/vfs';
declare const console: { log(...words: unknown[]): void };
const system = new MmSystem({ arch: createArm64({ pageSize: 4096, vaBits: 48 }), profile: LINUX_6_1, config: DEFAULT_CONFIG });
createMemory(system, { bytes: 2 ** 20 });
const numbers = storeFs<number>(system, {
  name: 'numberfs',
  root: 0,
  lookup: (_dir, name) => ({ node: Number(name), mode: S_IFREG | 0o444, size: 4096 }),
  read: (node, target) => { target.fill(node); return target.length; },
});
const tree = new MountTree(ramfs(system));
tree.mount('/n', numbers);
const mm = createMm(system);
if (mm === null) throw new Error('no memory');
const usual = createCaller(mm);
const cur = { ...usual, rlimits: { ...usual.rlimits, nofile: 64 }, files: new FilesStruct(), fs: new FsStruct(tree) };
const file = doFilpOpen(cur, -100, '/n/42', 0, 0);
if (typeof file === 'number') throw new Error(String(file));
const at = vmMmapPgoff(cur, file, 0, 4096, PROT_READ, MAP_PRIVATE, 0);
console.log(new UserMemory(cur).load8(at + 7));
`,
    prints: '42\n',
  },
};

describe('a consumer outside of the workspace', () => {
  it.each(Object.entries(CONSUMERS))('has %s', (name, { packages, program, prints }) => {
    expect(consume(name.replaceAll(' ', '-'), packages, program)).toBe(prints);
  });
});

/** Loads modules into a context that has nothing but the language and the encoders that every browser has. */
const LOADER = `
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import vm from 'node:vm';

const lines = [];
const context = vm.createContext({ TextEncoder, TextDecoder, print: (text) => lines.push(text) });
const missing = vm.runInContext("[typeof process, typeof Buffer, typeof require, typeof global, typeof setTimeout].join()", context);
const modules = new Map();

function resolve(specifier, from) {
  if (specifier.startsWith('.')) return join(dirname(from), specifier);
  const [scope, name, ...rest] = specifier.split('/');
  const folder = join(import.meta.dirname, 'node_modules', scope, name);
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, exports[rest.length === 0 ? '.' : './' + rest.join('/')].default);
}
function load(file) {
  let module = modules.get(file);
  if (module === undefined) {
    module = new vm.SourceTextModule(readFileSync(file, 'utf8'), { context, identifier: file });
    modules.set(file, module);
  }
  return module;
}
const main = load(join(import.meta.dirname, 'main.js'));
await main.link((specifier, parent) => load(resolve(specifier, parent.identifier)));
await main.evaluate();
console.log(missing);
console.log(lines.join('\\n'));
`;

const BROWSER_PROGRAM = `
import { createArm64 } from '@vmarea/arch-arm64';
import { explain, parseScript } from '@vmarea/explain';
import { Hugetlb, hugetlbfs } from '@vmarea/hugetlbfs';
import { createKernel } from '@vmarea/kernel';
import { UserMemory } from '@vmarea/mm-core/memory';
import { describeReason } from '@vmarea/mm-core/reasons';
import { Shmem, tmpfs } from '@vmarea/shmem';
import { defaultSituation } from '@vmarea/situation';
import { DEFAULT_CONFIG, LINUX_6_1, MAP_ANONYMOUS, MAP_HUGETLB, MAP_PRIVATE, MAP_SHARED, O_CREAT, O_RDWR } from '@vmarea/uapi';
import { devfs, ramfs } from '@vmarea/vfs';

const kernel = createKernel({
  arch: createArm64({ pageSize: 4096, vaBits: 48 }),
  profile: LINUX_6_1,
  config: { ...DEFAULT_CONFIG, hugePages: [{ size: 2 ** 21, pages: 2 }] },
  memory: { bytes: 2 ** 25 },
  hugePages: (system) => new Hugetlb(system),
  sharedMemory: (system) => new Shmem(system),
  mounts: [
    { path: '/ram', filesystem: (system) => ramfs(system) },
    { path: '/tmp', filesystem: (system) => tmpfs(system) },
    { path: '/huge', filesystem: (system) => hugetlbfs(system) },
  ],
});
const task = kernel.spawn();
const { sys } = task;
const memory = new UserMemory(task.cur);
const kinds = [];
for (const path of ['/ram/a', '/tmp/a', '/huge/a']) {
  const fd = sys.open(path, O_RDWR | O_CREAT, 0o644);
  sys.ftruncate(fd, 2 ** 21);
  kinds.push([path, MAP_SHARED, fd]);
}
kinds.push(['private', MAP_PRIVATE | MAP_ANONYMOUS, -1], ['shared', MAP_SHARED | MAP_ANONYMOUS, -1]);
kinds.push(['huge', MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1]);
for (const [what, flags, fd] of kinds) {
  const at = sys.mmap(0, 2 ** 21, 3, flags, fd, 0);
  memory.store32(at + 64, 0x1234);
  print([what, at > 0, memory.load32(at + 64).toString(16), sys.munmap(at, 2 ** 21), memory.load8(at)].join(' '));
}
print(sys.mmap(0, 0, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + ' ' + describeReason(task.cur.call.reason).id);
const make = (spec) =>
  createKernel({
    arch: createArm64({ pageSize: spec.pageSize, vaBits: spec.vaBits }),
    profile: spec.profile,
    config: spec.config,
    sysctl: { ...spec.sysctl },
    memory: false,
    mounts: [{ path: '/dev', filesystem: (system) => devfs(system) }],
  });
print(explain({ make, situation: defaultSituation(), script: parseScript('munmap(4097, 1)') }).changes[0].change);
print(kernel.proc.maps(task).trim().split('\\n').length);
`;

describe('everything in a context without process, Buffer and require', () => {
  it('performs mmap, touch and munmap of every kind', () => {
    const dir = join(home, 'context');
    mkdirSync(dir);
    writeFileSync(join(dir, 'package.json'), JSON.stringify({ name: 'context', private: true, type: 'module' }));
    run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts', ...tarballs.values()], dir);
    writeFileSync(join(dir, 'main.js'), BROWSER_PROGRAM);
    writeFileSync(join(dir, 'load.js'), LOADER);
    const out = run(process.execPath, ['--no-warnings', '--experimental-vm-modules', 'load.js'], dir);
    const kinds = ['/ram/a', '/tmp/a', '/huge/a', 'private', 'shared', 'huge'];
    expect(out.trim().split('\n')).toEqual([
      'undefined,undefined,undefined,undefined,undefined',
      ...kinds.map((what) => `${what} true 1234 0 -1`),
      '-22 do_mmap.zero_len',
      'addr 0x1000, rounded down to a page',
      '1',
    ]);
  });
});
