// A real HTTP server on this machine, which behaves as it is told to, and counts.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A file of the server: its size, and the byte at a position. */
export interface Served {
  size: number;
  byteAt(pos: number): number;
  etag?: string | undefined;
}

/** What the server does wrong. */
export type Misbehaviour =
  'none' | 'short' | 'broken' | 'no-ranges' | '503-once' | '500' | 'wrong-range' | 'hang-up' | 'no-head' | 'no-body';

/** A request as the server got it. */
export interface Got {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

export class TestServer {
  readonly files = new Map<string, Served>();
  misbehaviour: Misbehaviour = 'none';
  /** Method and range of each request. */
  readonly log: string[] = [];
  readonly got: Got[] = [];
  /** Paths that are answered with a redirect, and where to. */
  readonly redirects = new Map<string, string>();
  /** Called when a request is left without an answer. */
  left: () => void = () => undefined;
  private failures = 0;
  private readonly server: Server;

  private constructor() {
    this.server = createServer((req, res) => this.answer(req, res));
  }

  static async start(): Promise<TestServer> {
    const one = new TestServer();
    await new Promise<void>((resolve) => one.server.listen(0, '127.0.0.1', resolve));
    return one;
  }

  get base(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  serve(name: string, bytes: Uint8Array, etag?: string): void {
    this.files.set(`/${name}`, { size: bytes.length, byteAt: (pos) => bytes[pos]!, etag: etag ?? `"${name}-1"` });
  }

  /** Requests for contents. */
  get gets(): string[] {
    return this.log.filter((line) => line.startsWith('GET'));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(req: IncomingMessage, res: ServerResponse): void {
    const range = req.headers.range ?? '';
    this.log.push(`${req.method!} ${req.url!} ${range}`.trim());
    this.got.push({ path: req.url!, headers: req.headers });
    const to = this.redirects.get(req.url!);
    if (to !== undefined) return void res.writeHead(302, { location: to }).end();
    if (this.misbehaviour === 'no-head') {
      this.left();
      return;
    }
    const file = this.files.get(req.url!);
    if (file === undefined) return void res.writeHead(404).end();
    if (file.etag !== undefined) res.setHeader('etag', file.etag);
    res.setHeader('accept-ranges', 'bytes');
    if (req.method === 'HEAD') {
      res.setHeader('content-length', file.size);
      return void res.end();
    }
    if (this.misbehaviour === 'no-body') {
      res.writeHead(206, { 'content-range': `bytes 0-9/${file.size}`, 'content-length': 10 });
      res.write('1', () => this.left());
      return;
    }
    if (this.misbehaviour === '500') return void res.writeHead(500).end('sorry');
    if (this.misbehaviour === '503-once' && this.failures++ === 0) return void res.writeHead(503).end('later');
    if (this.misbehaviour === 'hang-up') return void req.socket.destroy();
    const wanted = req.headers['if-match'];
    if (wanted !== undefined && wanted !== file.etag) return void res.writeHead(412).end();
    const match = /^bytes=(\d+)-(\d+)$/.exec(range);
    if (match === null || this.misbehaviour === 'no-ranges') {
      res.setHeader('content-length', file.size);
      return void res.end(bytesOf(file, 0, Math.min(file.size, 2 ** 20)));
    }
    const start = Number(match[1]);
    let end = Math.min(Number(match[2]), file.size - 1);
    if (start >= file.size) return void res.writeHead(416).end();
    if (this.misbehaviour === 'short') end = start + Math.floor((end - start) / 2);
    const bytes = bytesOf(file, start, end + 1);
    const shown = this.misbehaviour === 'wrong-range' ? start + 1 : start;
    res.writeHead(206, { 'content-range': `bytes ${shown}-${end}/${file.size}`, 'content-length': bytes.length });
    if (this.misbehaviour === 'broken' && this.failures++ === 0) {
      res.write(bytes.subarray(0, bytes.length >> 1), () => setTimeout(() => req.socket.destroy(), 20));
      return;
    }
    res.end(bytes);
  }
}

function bytesOf(file: Served, start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(end - start);
  for (let i = 0; i < bytes.length; i++) bytes[i] = file.byteAt(start + i);
  return bytes;
}
