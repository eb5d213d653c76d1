/**
 * As much of the Fetch standard as is used, so that no host's types are needed.
 */

/** What is asked. */
export interface FetchInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly redirect?: 'follow' | 'error' | 'manual';
  readonly cache?: 'no-store';
  /** Aborted when a time limit has passed or the filesystem has been unmounted: an AbortSignal. */
  readonly signal?: object;
}

/** What is answered. */
export interface FetchResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly url: string;
  /** `opaqueredirect` where the host hides where a redirect leads, as browsers do. */
  readonly type?: string;
  readonly headers: { get(name: string): string | null };
  readonly body: { cancel(): Promise<void>; getReader(): FetchReader } | null;
}

/** Reads a body. */
export interface FetchReader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** `fetch`, or something that behaves as it does (with headers of the caller's, with a cache). */
export type Fetch = (url: string, init: FetchInit) => Promise<FetchResponse>;

/** The host's own fetch. */
export function hostFetch(): Fetch {
  const { fetch } = globalThis as unknown as { fetch?: Fetch };
  if (fetch === undefined) throw new TypeError('httpfs: this host has no fetch; hand one in');
  return (url, init) => fetch(url, init);
}

/** Calls `action` after `ms` milliseconds. @returns what calls it off */
export type Timer = (action: () => void, ms: number) => () => void;

/** The most milliseconds that a host's timer takes. */
const TIMER_MAX = 2 ** 31 - 1;

/** The host's own timer. */
export function hostTimer(): Timer {
  const host = globalThis as unknown as {
    setTimeout(action: () => void, ms: number): unknown;
    clearTimeout(id: unknown): void;
  };
  return (action, ms) => {
    const id = host.setTimeout(action, Math.min(ms, TIMER_MAX));
    return () => host.clearTimeout(id);
  };
}

/** What fetch is told to give up by. */
export interface Controller {
  readonly signal: object;
  abort(reason: unknown): void;
}

/** A new one, or null where the host has none. */
export function newController(): Controller | null {
  const { AbortController: Made } = globalThis as unknown as { AbortController?: new () => Controller };
  return Made === undefined ? null : new Made();
}
