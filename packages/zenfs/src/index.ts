/**
 * @vmarea/zenfs: any ZenFS backend (memory, zip, fetch, IndexedDB, …) as a filesystem, by the backend's own interface.
 */
export { zenfs, zenfsManifest, type ZenfsOptions } from './zenfs.ts';
