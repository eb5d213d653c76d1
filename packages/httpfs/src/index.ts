/**
 * @vmarea/httpfs: remote files as a read-only filesystem, page by page with HTTP range requests through `fetch`.
 */
export { httpfs, httpfsManifest, type HttpfsOptions } from './httpfs.ts';
export type { Fetch, FetchInit, FetchReader, FetchResponse, Timer } from './fetch.ts';
export type { TimeLimits } from './exchange.ts';
