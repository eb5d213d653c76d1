/**
 * `vmarea ui`: serves the page that shows an address space over time, and the files that it is to open, to this machine only.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, extname, join } from 'node:path';
import { BUNDLE_FILE } from '../intake/bundle.ts';
import { packagePath } from '../machine/package.ts';
import { UsageError, type Io } from '../text/io.ts';
import { parseCount } from '../text/values.ts';

/** The options of the command, as commander gives them. */
export interface UiOptions {
  readonly port: string;
}

/** Files of a bundle that the page reads. */
const BUNDLE: readonly string[] = [BUNDLE_FILE, 'log.strace', 'maps', 'meminfo', 'elf.json'];

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

/** Sent with every answer: nothing of another server is loaded, and no other page may show this one. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Where the built page is: in the published package, or beside it in the repository. */
function pagePath(): string {
  const found = [join(packagePath(), 'page'), join(packagePath(), '../explorer/dist/page')].find((dir) =>
    existsSync(join(dir, 'index.html')),
  );
  if (found === undefined) throw new UsageError('ui: the page is not built here; «pnpm build» builds it');
  return found;
}

/** The files that an operand stands for: itself, or those of a bundle. */
function filesOf(operand: string): string[] {
  const info = statSync(operand, { throwIfNoEntry: false });
  if (info === undefined) throw new UsageError(`ui: there is no ${operand}`);
  if (!info.isDirectory()) return [operand];
  if (!existsSync(join(operand, BUNDLE_FILE)))
    throw new UsageError(`ui: ${operand} is a directory without ${BUNDLE_FILE}, so no bundle`);
  return BUNDLE.map((name) => join(operand, name)).filter((file) => existsSync(file));
}

/** All files of the page by their path below its folder. */
function pageFiles(dir: string): ReadonlyMap<string, string> {
  const names = readdirSync(dir, { recursive: true, withFileTypes: true });
  return new Map(
    names
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path.slice(dir.length + 1).replaceAll('\\', '/'), path];
      }),
  );
}

/** A server of the page. */
export interface UiServer {
  /** To be opened in a browser on this machine; it has a word in it that others cannot guess. */
  readonly url: string;
  close(): Promise<void>;
}

/** What is served. */
interface Served {
  /** The first part of every path. */
  readonly word: string;
  readonly page: ReadonlyMap<string, string>;
  readonly files: readonly string[];
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
}

function refuse(status: number, why: string): Reply {
  return { status, type: 'text/plain; charset=utf-8', body: `${why}\n` };
}

/** The answer to a request. */
function answerTo(request: IncomingMessage, port: number, { word, page, files }: Served): Reply {
  const { host } = request.headers;
  // A name of somebody else's that leads here is not answered.
  if (host !== `127.0.0.1:${port}` && host !== `localhost:${port}`)
    return refuse(421, 'this server answers to 127.0.0.1 only');
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405, 'this server only gives files');
  const path = (request.url ?? '').split('?', 1)[0]!;
  if (!path.startsWith(`/${word}/`)) return refuse(404, 'there is nothing here');
  const rest = path.slice(word.length + 2) || 'index.html';
  if (rest === 'open.json')
    return { status: 200, type: TYPES['.json']!, body: JSON.stringify(files.map((file) => basename(file))) };
  const opened = /^open\/(\d{1,6})$/.exec(rest);
  const file = opened === null ? page.get(rest) : files[Number(opened[1])];
  if (file === undefined) return refuse(404, 'there is no such file');
  try {
    const type = opened === null ? (TYPES[extname(file)] ?? 'text/plain') : 'text/plain';
    return { status: 200, type, body: readFileSync(file) };
  } catch (error) {
    return refuse(500, error instanceof Error ? error.message : String(error));
  }
}

/**
 * Serves the page on a loopback address.
 *
 * @param operands files and bundles that the page opens
 * @param port 0: any that is free
 * @param dir the built page; left out: the one that comes with the command
 * @throws UsageError for an operand that cannot be opened, and when the port is taken
 */
export async function serveUi(operands: readonly string[], port: number, dir: string = pagePath()): Promise<UiServer> {
  const page = pageFiles(dir);
  const files = operands.flatMap(filesOf);
  const word = randomBytes(16).toString('hex');
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { port: own } = server.address() as AddressInfo;
    const { status, type, body } = answerTo(request, own, { word, page, files });
    response.writeHead(status, { ...HEADERS, 'content-type': type });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  const server = createServer(answer);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new UsageError(`--port: ${port} is taken`) : error);
    });
    server.listen(port, '127.0.0.1', resolve);
  });
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${own}/${word}/${files.length > 0 ? '?open' : ''}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Runs the command until it is interrupted. Returns the exit status. */
export async function uiCommand(operands: readonly string[], options: UiOptions, io: Io): Promise<number> {
  const port = parseCount('--port', options.port, 0);
  if (port > 65_535) throw new UsageError(`--port: ${port} is more than 65535`);
  const server = await serveUi(operands, port);
  io.out(`The page is at ${server.url}\nOnly this machine can open it. Ctrl-C ends it.\n`);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await server.close();
  return 0;
}
