// httpfs through the suite, against a real server; and that server misbehaving.
import { pattern, patternByte, Rig, testDriver } from '@vmarea/fs-testkit';
import { httpfs, httpfsManifest, type HttpfsOptions } from '@vmarea/httpfs';
import { EFBIG, EIO, ENOENT, ESTALE, PROT_READ } from '@vmarea/uapi';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { TestServer } from './server.ts';

const PAGE = 4096;
let server = await TestServer.start();
afterAll(() => server.stop());

testDriver({
  name: 'httpfs',
  capabilities: httpfsManifest().capabilities,
  async create(system, files) {
    const own = await TestServer.start();
    for (const [name, bytes] of Object.entries(files)) own.serve(name, bytes);
    return { superBlock: httpfs(system, { base: own.base }), close: () => own.stop() };
  },
  runner: { describe, it },
});

beforeEach(async () => {
  await server.stop();
  server = await TestServer.start();
});

function rigOf(options: Partial<HttpfsOptions> = {}): Promise<Rig> {
  return Rig.create({ create: (system) => httpfs(system, { base: server.base, ...options }) });
}

describe('requests', () => {
  it('one page of a file of 10 GB costs one request, of one page', async () => {
    const size = 10 * 10 ** 9;
    server.files.set('/huge', { size, byteAt: patternByte, etag: '"h"' });
    const rig = await rigOf();
    const fd = await rig.open('huge');
    const page = 2_000_001;
    const at = await rig.mapped(fd, Math.ceil(size / PAGE), 'shared', PROT_READ);
    expect(server.gets).toEqual([]);
    expect(await rig.load(at + page * PAGE + 17)).toBe(patternByte(page * PAGE + 17));
    expect(server.gets).toEqual([`GET /huge bytes=${page * PAGE}-${page * PAGE + PAGE - 1}`]);
    expect(await rig.load(at + page * PAGE + 18)).toBe(patternByte(page * PAGE + 18));
    expect(server.gets).toHaveLength(1);
    expect(await rig.load(at + size - 1)).toBe(patternByte(size - 1));
    expect(server.gets).toHaveLength(2);
    await rig.end();
  });

  it('reading in order reads ahead, more and more', async () => {
    server.serve('f', pattern(0, 100 * PAGE));
    const rig = await rigOf({ readAhead: 16 });
    const fd = await rig.open('f');
    const at = await rig.mapped(fd, 100, 'shared', PROT_READ);
    for (let page = 0; page < 60; page++) {
      expect(await rig.load(at + page * PAGE)).toBe(patternByte(page * PAGE));
    }
    const pages = server.gets.map((line) => {
      const [, from, to] = /=(\d+)-(\d+)/.exec(line)!;
      return (Number(to) + 1 - Number(from)) / PAGE;
    });
    expect(pages).toEqual([1, 5, 9, 17, 17, 17]);
    await rig.end();
  });

  it('a long read(2) is one request', async () => {
    server.serve('f', pattern(0, 50 * PAGE));
    const rig = await rigOf();
    const fd = await rig.open('f');
    expect(await rig.bytes(fd, 40 * PAGE, 0)).toEqual(pattern(0, 40 * PAGE));
    // with what is read ahead of it
    expect(server.gets).toEqual([`GET /f bytes=0-${50 * PAGE - 1}`]);
    await rig.end();
  });

  it('files by URL, directories below the base, and names that are not there', async () => {
    server.serve('a/b%20c', pattern(0, 10));
    server.files.set('/a/', { size: 0, byteAt: () => 0 });
    const rig = await rigOf({ files: { named: `${server.base}a/b%20c` } });
    expect(await rig.bytes(await rig.open('named'), 20, 0)).toEqual(pattern(0, 10));
    expect(await rig.bytes(await rig.open('a/b c'), 20, 0)).toEqual(pattern(0, 10));
    expect(await rig.open('a/none')).toBe(-ENOENT);
    expect(await rig.open('none/x')).toBe(-ENOENT);
    await rig.end();
  });
});

describe('a server that misbehaves', () => {
  it('short answers are asked for again', async () => {
    server.serve('f', pattern(0, 3 * PAGE));
    const rig = await rigOf({ attempts: 20 });
    const fd = await rig.open('f');
    server.misbehaviour = 'short';
    expect(await rig.bytes(fd, 100, PAGE)).toEqual(pattern(PAGE, 100));
    expect(server.gets.length).toBeGreaterThan(1);
    await rig.end();
  });

  it('short answers for ever are EIO', async () => {
    server.serve('f', pattern(0, 3 * PAGE));
    const rig = await rigOf({ attempts: 3 });
    const fd = await rig.open('f');
    server.misbehaviour = 'short';
    expect(await rig.pread(fd, 100, 0)).toBe(-EIO);
    expect(server.gets).toHaveLength(3);
    server.misbehaviour = 'none';
    expect(await rig.bytes(fd, 100, 0)).toEqual(pattern(0, 100));
    await rig.end();
  });

  it('a connection that breaks off goes on where it was', async () => {
    server.serve('f', pattern(0, 3 * PAGE));
    const rig = await rigOf();
    const fd = await rig.open('f');
    server.misbehaviour = 'broken';
    expect(await rig.bytes(fd, PAGE, 0)).toEqual(pattern(0, PAGE));
    expect(server.gets.length).toBeGreaterThan(1);
    await rig.end();
  });

  it('no ranges: a small file is taken whole, once; of a large one only the beginning is had', async () => {
    server.serve('small', pattern(0, 10 * PAGE));
    server.files.set('/large', { size: 2 ** 30, byteAt: patternByte, etag: '"l"' });
    server.misbehaviour = 'no-ranges';
    const rig = await rigOf();
    const small = await rig.open('small');
    expect(await rig.bytes(small, 100, 5 * PAGE)).toEqual(pattern(5 * PAGE, 100));
    expect(await rig.bytes(small, 100, 8 * PAGE)).toEqual(pattern(8 * PAGE, 100));
    expect(server.gets).toHaveLength(1);
    const large = await rig.open('large');
    expect(await rig.bytes(large, 100, 0)).toEqual(pattern(0, 100));
    expect(await rig.pread(large, 100, 5 * PAGE)).toBe(-EFBIG);
    await rig.end();
  });

  it('5xx: tried again; EIO and SIGBUS when it stays', async () => {
    server.serve('f', pattern(0, 3 * PAGE));
    const rig = await rigOf();
    const fd = await rig.open('f');
    server.misbehaviour = '503-once';
    expect(await rig.bytes(fd, 100, 0)).toEqual(pattern(0, 100));
    expect(server.gets).toHaveLength(2);
    server.misbehaviour = '500';
    expect(await rig.pread(fd, 100, PAGE)).toBe(-EIO);
    const at = await rig.mapped(fd, 3, 'private', PROT_READ);
    expect(await rig.load(at + 2 * PAGE)).toBe('SIGBUS');
    expect(await rig.load(at)).toBe(patternByte(0));
    server.misbehaviour = 'none';
    expect(await rig.load(at + 2 * PAGE)).toBe(patternByte(2 * PAGE));
    await rig.end();
  });

  it('a wrong range is EIO, and so is a server that hangs up', async () => {
    server.serve('f', pattern(0, 3 * PAGE));
    const rig = await rigOf();
    const fd = await rig.open('f');
    server.misbehaviour = 'wrong-range';
    expect(await rig.pread(fd, 100, 0)).toBe(-EIO);
    server.misbehaviour = 'hang-up';
    expect(await rig.pread(fd, 100, 0)).toBe(-EIO);
    await rig.end();
  });

  it('another ETag: what is cached stays, the rest is ESTALE and SIGBUS; the next open has the new file', async () => {
    server.serve('f', pattern(0, 3 * PAGE), '"one"');
    const rig = await rigOf();
    const fd = await rig.open('f');
    const at = await rig.mapped(fd, 3, 'private', PROT_READ);
    expect(await rig.load(at)).toBe(patternByte(0));
    server.serve('f', pattern(1000, 2 * PAGE), '"two"');
    expect(await rig.load(at + 1)).toBe(patternByte(1));
    expect(await rig.load(at + PAGE)).toBe('SIGBUS');
    expect(await rig.pread(fd, 10, PAGE)).toBe(-ESTALE);
    const again = await rig.open('f');
    expect(rig.file(again).fInode).not.toBe(rig.file(fd).fInode);
    expect(rig.fstat(again).size).toBe(2 * PAGE);
    expect(await rig.bytes(again, 10, PAGE)).toEqual(pattern(1000 + PAGE, 10));
    expect(rig.mapsPath(at)).toBe('/m/f (deleted)');
    await rig.end();
  });

  it('weak ETags are compared too', async () => {
    server.serve('f', pattern(0, 3 * PAGE), 'W/"one"');
    const rig = await rigOf();
    const fd = await rig.open('f');
    expect(await rig.bytes(fd, 10, 0)).toEqual(pattern(0, 10));
    server.serve('f', pattern(7, 3 * PAGE), 'W/"two"');
    expect(await rig.pread(fd, 10, PAGE)).toBe(-ESTALE);
    await rig.end();
  });
});

it('needs a base that ends in a slash', async () => {
  await expect(rigOf({ base: 'http://127.0.0.1/x' })).rejects.toThrow('slash');
});
