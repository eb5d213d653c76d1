/**
 * One version of one remote file: its size and validator, and reading ranges of it.
 *
 * Adjacent reads of the same turn (a page with its read-ahead, a long read) become one request. Versions never mix: when the
 * server's file has another ETag, reading fails with ESTALE.
 */
import { EFBIG, EIO, ESTALE, shownValue } from '@vmarea/uapi';
import { discard } from './exchange.ts';
import type { FetchResponse } from './fetch.ts';
import { crossOrigin, errnoOfStatus, request, type Answered, type Transport } from './transport.ts';

/** A read that waits for its request. */
interface Wanted {
  readonly pos: number;
  readonly target: Uint8Array;
  readonly settle: (count: number) => void;
}

/** Returns the identification of a version: the ETag, or else the modification time. */
function validatorOf(response: FetchResponse): string {
  return response.headers.get('etag') ?? response.headers.get('last-modified') ?? '';
}

/** The identification of a file's version. */
interface Version {
  readonly url: string;
  readonly home: string;
  readonly size: number;
  readonly validator: string;
  readonly mtime: number | undefined;
}

/** A version of a file. */
export class RemoteFile implements Version {
  /** Its URL, after all redirects. */
  readonly url: string;
  /** The origin that the caller's headers are for. */
  readonly home: string;
  /** Bytes. */
  readonly size: number;
  readonly validator: string;
  /** Seconds since 1970, if the server gives it. */
  readonly mtime: number | undefined;
  private readonly transport: Transport;
  private wanted: Wanted[] = [];
  /** The whole file, from a server without ranges. */
  private whole: Promise<Uint8Array | number> | null = null;

  private constructor(version: Version, transport: Transport) {
    this.url = version.url;
    this.home = version.home;
    this.size = version.size;
    this.validator = version.validator;
    this.mtime = version.mtime;
    this.transport = transport;
  }

  /** Looks a URL up. Returns the file, or a negative errno. */
  static async open(url: string, home: string, transport: Transport): Promise<RemoteFile | number> {
    const answered = await request({ url, home, method: 'HEAD' }, transport);
    if (typeof answered === 'number') return answered;
    const { response, exchange } = answered;
    discard(response);
    exchange.end();
    if (!response.ok) return errnoOfStatus(response.status);
    const length = Number(response.headers.get('content-length') ?? 'none');
    if (!Number.isSafeInteger(length) || length < 0) {
      transport.warn(
        'httpfs.no-length',
        `httpfs: ${shownValue(url)}: the answer to HEAD has no Content-Length, so its size is not known.`,
      );
      return -EIO;
    }
    const validator = validatorOf(response);
    if (validator === '') {
      transport.warn(
        'httpfs.no-validator',
        `httpfs: ${shownValue(url)}: neither ETag nor Last-Modified is to be seen, so that versions cannot be told apart but by size. ${exposed('ETag')}`,
      );
    }
    const modified = Date.parse(response.headers.get('last-modified') ?? '');
    return new RemoteFile(
      {
        url: response.url === '' ? url : response.url,
        home,
        size: length,
        validator,
        mtime: Number.isNaN(modified) ? undefined : modified / 1000,
      },
      transport,
    );
  }

  /** Fills `target` from byte `pos` on. Returns the count, or a negative errno. */
  read(target: Uint8Array, pos: number): Promise<number> {
    return new Promise((settle) => {
      if (this.wanted.length === 0) queueTurn(() => this.flush());
      this.wanted.push({ pos, target, settle });
    });
  }

  /** Makes requests for the waiting reads. */
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

  /** Fetches a range, repeating the request for what is missing. Returns its length, or what was read before the last attempt failed, or an errno. */
  private async fetchRange(target: Uint8Array, start: number): Promise<number> {
    if (this.whole !== null) return this.fromWhole(target, start);
    let done = 0;
    for (let attempt = 1; done < target.length; attempt++) {
      if (attempt > 1) await this.transport.wait(attempt);
      const from = start + done;
      const headers: Record<string, string> = { range: `bytes=${from}-${start + target.length - 1}` };
      // Another origin would have to allow the header first; the answer's ETag is compared in any case.
      if (this.validator.startsWith('"') && !crossOrigin(this.url)) headers['if-match'] = this.validator;
      const answered = await request({ url: this.url, home: this.home, headers }, this.transport);
      if (typeof answered === 'number') return done > 0 ? done : answered;
      const rest = target.subarray(done);
      const got = await this.take(answered, rest, from).finally(() => answered.exchange.end());
      if (got < 0 || answered.response.status !== 206) return got;
      done += got;
      if (attempt >= this.transport.attempts) break;
    }
    return done;
  }

  /** Reads a range from an answer. Returns the bytes, or a negative errno. */
  private async take(answered: Answered, target: Uint8Array, start: number): Promise<number> {
    const { response, exchange } = answered;
    const refuse = (errno: number): number => {
      discard(response);
      return errno;
    };
    if (!response.ok) return refuse(errnoOfStatus(response.status));
    if (validatorOf(response) !== this.validator) return refuse(-ESTALE);
    if (response.status !== 206) return this.takeWhole(answered, target, start);
    const range = response.headers.get('content-range');
    if (range === null) {
      // Hidden for other origins: the status and the length show that it is the requested range.
      if (response.headers.get('content-length') === String(target.length)) return exchange.body(response, target);
      this.transport.warn(
        'httpfs.no-range',
        `httpfs: ${shownValue(this.url)}: Content-Range is not to be seen, and the length is not the one asked for. ${exposed('Content-Range')}`,
      );
      return refuse(-EIO);
    }
    if (!rangeFits(range, start, this.size)) return refuse(-EIO);
    return exchange.body(response, target);
  }

  /** Reads from a server that sends the whole file for every request. */
  private async takeWhole(answered: Answered, target: Uint8Array, start: number): Promise<number> {
    const { response, exchange } = answered;
    if (this.size > this.transport.maxWhole) {
      if (start > 0) {
        discard(response);
        return -EFBIG;
      }
      // The answer begins with the requested bytes.
      return exchange.body(response, target);
    }
    const bytes = new Uint8Array(this.size);
    const whole = exchange.body(response, bytes).then((n) => (n === this.size ? bytes : -EIO));
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

/** Returns what a server must do so that pages of other origins see a header. */
function exposed(header: string): string {
  return `A server of another origin must send Access-Control-Expose-Headers: ${header}.`;
}

/** Returns whether a Content-Range begins at the requested byte and has this file's size. */
function rangeFits(header: string | null, start: number, size: number): boolean {
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(header ?? '');
  if (match === null) return false;
  return Number(match[1]) === start && (match[3] === '*' || Number(match[3]) === size);
}

/** Calls `action` after all reads of this turn were requested. */
function queueTurn(action: () => void): void {
  void Promise.resolve().then(action);
}
