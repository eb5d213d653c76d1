/**
 * As much of the Fetch standard as is used, so that no host's types are needed.
 */

/** What is asked. */
export interface FetchInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly redirect?: 'follow' | 'error' | 'manual';
  readonly cache?: 'no-store';
}

/** What is answered. */
export interface FetchResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly url: string;
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

/**
 * Reads a body into a buffer.
 *
 * @returns bytes read: all of the buffer, or fewer when the body ended or broke off before; what comes after is given up
 */
export async function readBody(response: FetchResponse, target: Uint8Array): Promise<number> {
  if (response.body === null) return 0;
  const reader = response.body.getReader();
  let done = 0;
  try {
    while (done < target.length) {
      const part = await reader.read();
      if (part.done || part.value === undefined) return done;
      const piece = part.value.subarray(0, target.length - done);
      target.set(piece, done);
      done += piece.length;
    }
  } catch {
    // a connection that broke off: what came is good
    return done;
  }
  await reader.cancel().catch(() => undefined);
  return done;
}

/** Gives up the rest of an answer. */
export async function discard(response: FetchResponse): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}
