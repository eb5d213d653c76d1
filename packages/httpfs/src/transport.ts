/**
 * Makes requests: repeats them after temporary errors, within time limits, and follows redirects by rule.
 *
 * The caller's own headers are sent to the origin of the caller's URL only. A redirect to another origin is refused unless
 * `redirect` is 'follow', and is then made without them.
 */
import { EACCES, EIO, ELOOP, ENOENT, ESTALE, ETIMEDOUT, shownValue } from '@vmarea/uapi';
import { discard, Exchange, GivenUp, type ExchangeInit } from './exchange.ts';
import type { Fetch, FetchResponse } from './fetch.ts';

/** The settings of requests. */
export interface Transport extends ExchangeInit {
  readonly fetch: Fetch;
  readonly headers: Readonly<Record<string, string>>;
  readonly redirect: 'same-origin' | 'follow' | 'error';
  /** The largest number of attempts of a request. */
  readonly attempts: number;
  /** Awaited before a request is repeated. */
  readonly wait: (attempt: number) => Promise<void>;
  /** The largest number of bytes of one request. */
  readonly maxRequest: number;
  /** The largest file that is read whole from a server without ranges. */
  readonly maxWhole: number;
  /** Reports what a server should change, once per kind. */
  readonly warn: (kind: string, text: string) => void;
  /** Set after the filesystem was unmounted: no more requests. */
  closed: boolean;
}

/** A request. */
export interface Asked {
  readonly url: string;
  /** The origin that gets the caller's headers: that of the URL that led here. */
  readonly home: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer, and the exchange that reads its body; the receiver calls {@link Exchange.end}. */
export interface Answered {
  readonly response: FetchResponse;
  readonly exchange: Exchange;
}

/** The largest number of redirects of one request. */
const MAX_REDIRECTS = 10;

/** Returns the errno of an error status. */
export function errnoOfStatus(status: number): number {
  if (status === 401 || status === 403) return -EACCES;
  if (status === 404 || status === 410) return -ENOENT;
  return status === 412 || status === 416 ? -ESTALE : -EIO;
}

/** Returns whether the same request may succeed later. */
function passing(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}

/** Returns `scheme://host:port`, or '' for an invalid URL. */
export function originOf(url: string): string {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)/i.exec(url);
  return match === null ? '' : `${match[1]!.toLowerCase()}://${match[2]!.toLowerCase()}`;
}

/** Returns whether a URL has another origin than the page of the code; false outside of browsers. */
export function crossOrigin(url: string): boolean {
  const { location } = globalThis as unknown as { location?: { readonly origin?: string } };
  return location?.origin !== undefined && originOf(url) !== location.origin;
}

/** Resolves a URL relative to another. */
function resolveUrl(location: string, base: string): string | null {
  const { URL: Made } = globalThis as unknown as { URL: new (url: string, base: string) => { readonly href: string } };
  try {
    return new Made(location, base).href;
  } catch {
    return null;
  }
}

/** Makes a request, by the rules for redirects. @throws GivenUp, or the exception of fetch */
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
        // A fetch of the caller's may have followed the redirect itself.
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
    // The host hides the target, and only follows redirects itself.
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

/** Makes one request, and repeats it after temporary errors. Returns an answer, or a negative errno. */
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
      // No connection, or none in time.
      if (thrown instanceof GivenUp && thrown.code === 'ETIMEDOUT') error = -ETIMEDOUT;
    }
    exchange.end();
    if (attempt >= transport.attempts) return error;
    await transport.wait(attempt);
  }
}
