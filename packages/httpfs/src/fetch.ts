/**
 * The part of the Fetch standard that is used, so that no host's types are needed.
 */

/** A request. */
export interface FetchInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly redirect?: 'follow' | 'error' | 'manual';
  readonly cache?: 'no-store';
  /** Aborted after a time limit or an unmount: an AbortSignal. */
  readonly signal?: object;
}

/** An answer. */
export interface FetchResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly url: string;
  /** `opaqueredirect` when the host hides the target of a redirect, as browsers do. */
  readonly type?: string;
  readonly headers: { get(name: string): string | null };
  readonly body: { cancel(): Promise<void>; getReader(): FetchReader } | null;
}

/** Reads a body. */
export interface FetchReader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** `fetch`, or a function that behaves like it (with the caller's headers, with a cache). */
export type Fetch = (url: string, init: FetchInit) => Promise<FetchResponse>;

/** The host's own fetch. */
export function hostFetch(): Fetch {
  const { fetch } = globalThis as unknown as { fetch?: Fetch };
  if (fetch === undefined) throw new TypeError('httpfs: this host has no fetch; hand one in');
  return (url, init) => fetch(url, init);
}

/** Calls `action` after `ms` milliseconds. @returns a function that cancels it */
export type Timer = (action: () => void, ms: number) => () => void;

/** The largest number of milliseconds of a host's timer. */
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

/** The controller that aborts a fetch. */
export interface Controller {
  readonly signal: object;
  abort(reason: unknown): void;
}

/** Creates a controller, or returns null on a host without one. */
export function newController(): Controller | null {
  const { AbortController: Made } = globalThis as unknown as { AbortController?: new () => Controller };
  return Made === undefined ? null : new Made();
}
