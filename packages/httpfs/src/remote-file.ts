/**
 * One version of one remote file: its size and validator, and reading ranges of it.
 *
 * Reads that are asked for in the same turn and lie side by side (a page with its read-ahead, a long read) become one
 * request. A version never mixes with another: when the server's file has another ETag, reading fails with ESTALE.
 */
import { EACCES, EFBIG, EIO, ENOENT, ESTALE } from '@vmarea/uapi';
import { discard, readBody, type Fetch, type FetchResponse } from './fetch.ts';

/** How requests are made. */
export interface Transport {
  readonly fetch: Fetch;
  readonly headers: Readonly<Record<string, string>>;
  /** How often a request is made at most before it has failed. */
  readonly attempts: number;
  /** Awaited before a request is made again. */
  readonly wait: (attempt: number) => Promise<void>;
  /** Bytes that one request asks for at most. */
  readonly maxRequest: number;
  /** Bytes up to which a file is taken whole from a server that knows no ranges. */
  readonly maxWhole: number;
}

/** A read that waits to be part of a request. */
interface Wanted {
  readonly pos: number;
  readonly target: Uint8Array;
  readonly settle: (count: number) => void;
}

/** What tells one version from another: the ETag, or else when it was modified. */
function validatorOf(response: FetchResponse): string {
  return response.headers.get('etag') ?? response.headers.get('last-modified') ?? '';
}

/** The errno of a status that is no success. */
export function errnoOfStatus(status: number): number {
  if (status === 401 || status === 403) return -EACCES;
  if (status === 404 || status === 410) return -ENOENT;
  return status === 412 || status === 416 ? -ESTALE : -EIO;
}

/** Whether the same request may be answered better the next time. */
function passing(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}

/** A version of a file. */
export class RemoteFile {
  readonly url: string;
  /** Bytes. */
  readonly size: number;
  readonly validator: string;
  /** Seconds since 1970, when the server tells. */
  readonly mtime: number | undefined;
  private readonly transport: Transport;
  private wanted: Wanted[] = [];
  /** The whole file, from a server that knows no ranges. */
  private whole: Promise<Uint8Array | number> | null = null;

  private constructor(url: string, size: number, validator: string, mtime: number | undefined, transport: Transport) {
    this.url = url;
    this.size = size;
    this.validator = validator;
    this.mtime = mtime;
    this.transport = transport;
  }

  /** Asks what a URL leads to: a file, or a negative errno. */
  static async open(url: string, transport: Transport): Promise<RemoteFile | number> {
    const response = await request(url, { method: 'HEAD' }, transport);
    if (typeof response === 'number') return response;
    await discard(response);
    if (!response.ok) return errnoOfStatus(response.status);
    const length = Number(response.headers.get('content-length') ?? 'none');
    if (!Number.isSafeInteger(length) || length < 0) return -EIO;
    const modified = Date.parse(response.headers.get('last-modified') ?? '');
    return new RemoteFile(
      response.url === '' ? url : response.url,
      length,
      validatorOf(response),
      Number.isNaN(modified) ? undefined : modified / 1000,
      transport,
    );
  }

  /** Fills `target` from byte `pos` on: the count, or a negative errno. */
  read(target: Uint8Array, pos: number): Promise<number> {
    return new Promise((settle) => {
      if (this.wanted.length === 0) queueTurn(() => this.flush());
      this.wanted.push({ pos, target, settle });
    });
  }

  /** Makes requests of what has been asked for. */
  private flush(): void {
    const all = this.wanted.sort((a, b) => a.pos - b.pos);
    this.wanted = [];
    for (let i = 0; i < all.length;) {
      const first = all[i]!;
      let end = first.pos + first.target.length;
      let next = i + 1;
      while (
        next < all.length &&
        all[next]!.pos === end &&
        end + all[next]!.target.length - first.pos <= this.transport.maxRequest
      ) {
        end += all[next]!.target.length;
        next++;
      }
      void this.serve(all.slice(i, next), first.pos, end);
      i = next;
    }
  }

  private async serve(wanted: readonly Wanted[], start: number, end: number): Promise<void> {
    const bytes = new Uint8Array(end - start);
    const count = await this.fetchRange(bytes, start).catch(() => -EIO);
    for (const { pos, target, settle } of wanted) {
      const from = pos - start;
      if (count >= from + target.length) {
        target.set(bytes.subarray(from, from + target.length));
        settle(target.length);
      } else settle(count < 0 ? count : -EIO);
    }
  }

  /** Fetches a range, asking again for what is missing: its length, or what came before the attempts were used up, or an errno. */
  private async fetchRange(target: Uint8Array, start: number): Promise<number> {
    if (this.whole !== null) return this.fromWhole(target, start);
    let done = 0;
    for (let attempt = 1; done < target.length; attempt++) {
      if (attempt > 1) await this.transport.wait(attempt);
      const headers: Record<string, string> = { range: `bytes=${start + done}-${start + target.length - 1}` };
      if (this.validator.startsWith('"')) headers['if-match'] = this.validator;
      const response = await request(this.url, { headers }, this.transport);
      if (typeof response === 'number') return done > 0 ? done : response;
      if (!response.ok) {
        await discard(response);
        return errnoOfStatus(response.status);
      }
      if (validatorOf(response) !== this.validator) {
        await discard(response);
        return -ESTALE;
      }
      if (response.status !== 206) return this.takeWhole(response, target, start);
      if (!rangeFits(response.headers.get('content-range'), start + done, this.size)) {
        await discard(response);
        return -EIO;
      }
      done += await readBody(response, target.subarray(done));
      if (attempt >= this.transport.attempts) break;
    }
    return done;
  }

  /** The server sends the whole file, whatever it is asked for. */
  private async takeWhole(response: FetchResponse, target: Uint8Array, start: number): Promise<number> {
    if (this.size > this.transport.maxWhole) {
      if (start > 0) {
        await discard(response);
        return -EFBIG;
      }
      // its beginning is there for the taking
      return readBody(response, target);
    }
    const bytes = new Uint8Array(this.size);
    const whole = readBody(response, bytes).then((n) => (n === this.size ? bytes : -EIO));
    this.whole ??= whole;
    const got = await whole;
    if (typeof got === 'number') {
      if (this.whole === whole) this.whole = null;
      return got;
    }
    return this.fromWhole(target, start);
  }

  private async fromWhole(target: Uint8Array, start: number): Promise<number> {
    const bytes = await this.whole;
    if (bytes === null || typeof bytes === 'number') return bytes ?? -EIO;
    target.set(bytes.subarray(start, start + target.length));
    return target.length;
  }
}

/** One request, made again after errors that may pass: an answer, or -EIO when there is none. */
export async function request(
  url: string,
  init: { method?: string; headers?: Record<string, string> },
  transport: Transport,
): Promise<FetchResponse | number> {
  for (let attempt = 1; ; attempt++) {
    let response: FetchResponse | null = null;
    try {
      response = await transport.fetch(url, {
        ...init,
        headers: { ...transport.headers, 'accept-encoding': 'identity', ...init.headers },
        cache: 'no-store',
      });
    } catch {
      // no connection
    }
    if (response !== null && !passing(response.status)) return response;
    if (response !== null) await discard(response);
    if (attempt >= transport.attempts) return -EIO;
    await transport.wait(attempt);
  }
}

/** Whether a Content-Range begins where it was asked to and belongs to a file of this size. */
function rangeFits(header: string | null, start: number, size: number): boolean {
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(header ?? '');
  if (match === null) return false;
  return Number(match[1]) === start && (match[3] === '*' || Number(match[3]) === size);
}

/** After everything that is asked in this turn has been asked. */
function queueTurn(action: () => void): void {
  void Promise.resolve().then(action);
}
