/**
 * How requests are made: again after errors that may pass, within time limits, and following redirects by rule.
 *
 * The caller's own headers go to the origin of the URL that the caller named, and to no other. A redirect to another origin is
 * refused unless `redirect` is 'follow', and then goes without them.
 */
import { EACCES, EIO, ELOOP, ENOENT, ESTALE, ETIMEDOUT, shownValue } from '@vmarea/uapi';
import { discard, Exchange, GivenUp, type ExchangeInit } from './exchange.ts';
import type { Fetch, FetchResponse } from './fetch.ts';

/** How requests are made. */
export interface Transport extends ExchangeInit {
  readonly fetch: Fetch;
  readonly headers: Readonly<Record<string, string>>;
  readonly redirect: 'same-origin' | 'follow' | 'error';
  /** How often a request is made at most before it has failed. */
  readonly attempts: number;
  /** Awaited before a request is made again. */
  readonly wait: (attempt: number) => Promise<void>;
  /** Bytes that one request asks for at most. */
  readonly maxRequest: number;
  /** Bytes up to which a file is taken whole from a server that knows no ranges. */
  readonly maxWhole: number;
  /** Tells the embedder once per kind what a server must do otherwise. */
  readonly warn: (kind: string, text: string) => void;
  /** The filesystem has been unmounted: no more requests. */
  closed: boolean;
}

/** A request. */
export interface Asked {
  readonly url: string;
  /** The origin that the caller's headers are for: of the URL that led here. */
  readonly home: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer, and the exchange that its body is read by; {@link Exchange.end} is the receiver's to call. */
export interface Answered {
  readonly response: FetchResponse;
  readonly exchange: Exchange;
}

/** Redirects that one request follows at most. */
const MAX_REDIRECTS = 10;

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

/** `scheme://host:port`, or '' when the text is no URL. */
export function originOf(url: string): string {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)/i.exec(url);
  return match === null ? '' : `${match[1]!.toLowerCase()}://${match[2]!.toLowerCase()}`;
}

/** Whether a URL is of another origin than the page that the code runs in; false outside of browsers. */
export function crossOrigin(url: string): boolean {
  const { location } = globalThis as unknown as { location?: { readonly origin?: string } };
  return location?.origin !== undefined && originOf(url) !== location.origin;
}

/** A URL relative to another. */
function resolveUrl(location: string, base: string): string | null {
  const { URL: Made } = globalThis as unknown as { URL: new (url: string, base: string) => { readonly href: string } };
  try {
    return new Made(location, base).href;
  } catch {
    return null;
  }
}

/** A request, by the rules for redirects. @throws GivenUp, or what fetch threw */
async function follow(exchange: Exchange, asked: Asked, transport: Transport): Promise<FetchResponse | number> {
  const { url, home, ...init } = asked;
  const own = Object.keys(transport.headers).length > 0;
  let at = url;
  let hidden = false;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await exchange.head(
      transport.fetch(at, {
        ...init,
        headers: {
          ...(originOf(at) === home && !hidden ? transport.headers : {}),
          'accept-encoding': 'identity',
          ...init.headers,
        },
        cache: 'no-store',
        redirect: hidden ? 'follow' : 'manual',
        ...(exchange.signal === undefined ? {} : { signal: exchange.signal }),
      }),
    );
    const elsewhere = response.url !== '' && originOf(response.url) !== home;
    if (hidden || response.type !== 'opaqueredirect') {
      const moved = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null;
      if (moved === null) {
        // a fetch of the caller's may have followed by itself
        if (!elsewhere || transport.redirect === 'follow') return response;
        discard(response);
        return refused(transport, url, response.url);
      }
      discard(response);
      const next = resolveUrl(moved, at);
      if (next === null) return -EIO;
      if (transport.redirect === 'error') return refused(transport, url, next);
      if (originOf(next) !== home && transport.redirect !== 'follow') return refused(transport, url, next);
      at = next;
      continue;
    }
    // the host hides where it leads, and follows only by itself
    if (transport.redirect === 'error') return refused(transport, url, 'somewhere');
    if (own) {
      transport.warn(
        'httpfs.redirect-hidden',
        `httpfs: ${shownValue(url)} is redirected, and this host hides where to; headers of the caller's are not sent there. Name the URL that it leads to.`,
      );
      return -EACCES;
    }
    hidden = true;
  }
  return -ELOOP;
}

function refused(transport: Transport, url: string, to: string): number {
  transport.warn(
    'httpfs.redirect',
    `httpfs: ${shownValue(url)} is redirected to ${shownValue(to)}, which \`redirect: '${transport.redirect}'\` does not follow.`,
  );
  return -EACCES;
}

/** One request, made again after errors that may pass: an answer, or a negative errno when there is none. */
export async function request(asked: Asked, transport: Transport): Promise<Answered | number> {
  for (let attempt = 1; ; attempt++) {
    if (transport.closed) return -EIO;
    const exchange = new Exchange(transport);
    let error = -EIO;
    try {
      const response = await follow(exchange, asked, transport);
      if (typeof response === 'number') {
        exchange.end();
        return response;
      }
      if (!passing(response.status)) return { response, exchange };
      discard(response);
    } catch (thrown) {
      // no connection, or none in time
      if (thrown instanceof GivenUp && thrown.code === 'ETIMEDOUT') error = -ETIMEDOUT;
    }
    exchange.end();
    if (attempt >= transport.attempts) return error;
    await transport.wait(attempt);
  }
}
