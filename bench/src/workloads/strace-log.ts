/**
 * A long strace log of plausible calls, with the answers that the kernel would give: a load for replay.
 *
 * It is the log of a server that maps, protects, moves and unmaps memory between reads and waits; a fifth of the lines are
 * calls that do not concern memory. The number of live mappings stays below 2,000 areas, so that a reader's memory should be
 * flat in the length of the log.
 */
import { createArm64 } from '@vmarea/arch-arm64';
import { createKernel, type Sys } from '@vmarea/kernel';
import {
  DEFAULT_CONFIG,
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MREMAP_MAYMOVE,
  PROFILES,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  type KernelProfile,
} from '@vmarea/uapi';
import { Random } from './random.ts';
import { PAGE } from './space.ts';

const PROT_TEXT = new Map<number, string>([
  [PROT_NONE, 'PROT_NONE'],
  [PROT_READ, 'PROT_READ'],
  [PROT_READ | PROT_WRITE, 'PROT_READ|PROT_WRITE'],
]);
const LIVE = 1500;
const PID = 4711;

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}

interface Area {
  start: number;
  pages: number;
}

/** The lines of one log, one at a time. */
export class LogWriter {
  private readonly sys: Sys;
  private readonly random: Random;
  private readonly live: Area[] = [];

  constructor(profile: KernelProfile['name'], seed: number) {
    const kernel = createKernel({
      arch: createArm64({ pageSize: 4096, vaBits: 48 }),
      profile: PROFILES[profile],
      config: DEFAULT_CONFIG,
      memory: false,
    });
    this.sys = kernel.spawn({ comm: 'server' }).sys;
    this.random = new Random(seed * 0x9e3779b1 + 1);
  }

  /** The next line, without its end. */
  line(): string {
    const { live } = this;
    const dice = this.random.below(100);
    let text: string;
    if (dice < 20) text = this.other();
    else if (live.length < 20 || (dice < 52 && live.length < LIVE)) text = this.mmap();
    else if (dice < 74 || live.length >= LIVE) text = this.munmap();
    else if (dice < 90) text = this.mprotect();
    else if (dice < 96) text = this.madvise();
    else text = this.mremap();
    return `${PID} ${text}`;
  }

  private pick(): Area {
    return this.live[this.random.below(this.live.length)]!;
  }

  private prot(): number {
    const dice = this.random.below(10);
    return dice < 7 ? PROT_READ | PROT_WRITE : dice < 9 ? PROT_READ : PROT_NONE;
  }

  /** Call, arguments and answer as strace aligns them. */
  private answer(call: string, result: string): string {
    return `${call.padEnd(39)} = ${result}`;
  }

  private other(): string {
    const fd = 3 + this.random.below(40);
    const n = this.random.below(8192);
    switch (this.random.below(5)) {
      case 0:
        return this.answer(`read(${fd}, "GET /index.html HTTP/1.1\\r\\nHost: "..., 16384)`, String(n));
      case 1:
        return this.answer(`write(${fd}, "HTTP/1.1 200 OK\\r\\nContent-Type: t"..., ${n})`, String(n));
      case 2:
        return this.answer(`futex(0xffff9c00${(1000 + n).toString(16)}, FUTEX_WAKE_PRIVATE, 1)`, '1');
      case 3:
        return this.answer(`epoll_pwait(5, [{events=EPOLLIN, data={u32=${fd}, u64=${fd}}}], 1024, 100, NULL, 8)`, '1');
      default:
        return this.answer('getrusage(RUSAGE_SELF, {ru_utime={tv_sec=1, tv_usec=250000}, ...})', '0');
    }
  }

  private mmap(): string {
    const dice = this.random.below(100);
    const pages = dice < 60 ? 1 + this.random.below(8) : dice < 95 ? 16 + this.random.below(240) : 16384;
    const prot = this.prot();
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | (pages > 1000 ? MAP_NORESERVE : 0);
    const at = this.sys.mmap(0, pages * PAGE, prot, flags, -1, 0);
    if (at < 0) throw new Error(`mmap: ${at}`);
    this.live.push({ start: at, pages });
    const names = `MAP_PRIVATE|MAP_ANONYMOUS${pages > 1000 ? '|MAP_NORESERVE' : ''}`;
    return this.answer(`mmap(NULL, ${pages * PAGE}, ${PROT_TEXT.get(prot)!}, ${names}, -1, 0)`, hex(at));
  }

  private munmap(): string {
    const { live } = this;
    const k = this.random.below(live.length);
    const area = live[k]!;
    let { start, pages } = area;
    if (pages > 4 && this.random.below(4) === 0) {
      // The tail goes, as an allocator trims what it mapped too much.
      const keep = 1 + this.random.below(pages - 1);
      start += keep * PAGE;
      pages -= keep;
      area.pages = keep;
    } else {
      live[k] = live[live.length - 1]!;
      live.pop();
    }
    const result = this.sys.munmap(start, pages * PAGE);
    if (result !== 0) throw new Error(`munmap: ${result}`);
    return this.answer(`munmap(${hex(start)}, ${pages * PAGE})`, '0');
  }

  private mprotect(): string {
    const area = this.pick();
    const first = this.random.below(area.pages);
    const pages = 1 + this.random.below(area.pages - first);
    const start = area.start + first * PAGE;
    const prot = this.prot();
    const result = this.sys.mprotect(start, pages * PAGE, prot);
    if (result !== 0) throw new Error(`mprotect: ${result}`);
    return this.answer(`mprotect(${hex(start)}, ${pages * PAGE}, ${PROT_TEXT.get(prot)!})`, '0');
  }

  private madvise(): string {
    const area = this.pick();
    const result = this.sys.madvise(area.start, area.pages * PAGE, MADV_DONTNEED);
    if (result !== 0) throw new Error(`madvise: ${result}`);
    return this.answer(`madvise(${hex(area.start)}, ${area.pages * PAGE}, MADV_DONTNEED)`, '0');
  }

  /** One page of one VMA moves or grows; an area of several VMAs gives the EFAULT that it gives. */
  private mremap(): string {
    const area = this.pick();
    const pages = area.pages + 1 + this.random.below(16);
    const at = this.sys.mremap(area.start, area.pages * PAGE, pages * PAGE, MREMAP_MAYMOVE);
    const call = `mremap(${hex(area.start)}, ${area.pages * PAGE}, ${pages * PAGE}, MREMAP_MAYMOVE)`;
    if (at < 0) return this.answer(call, at === -14 ? '-1 EFAULT (Bad address)' : '-1 ENOMEM (Cannot allocate memory)');
    area.start = at;
    area.pages = pages;
    return this.answer(call, hex(at));
  }
}
